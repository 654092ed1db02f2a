/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manual - the options of the core and of modules as man(7) macros, from the
 * same rows that the configuration is checked with. [any]
 */
#ifndef WEIR_CONF_MANUAL_H
#define WEIR_CONF_MANUAL_H

#include <weir/module.h>

#include "base/buf.h"

/* One entry an option; sections nest. */
void conf_manual(const struct weir_option *rows, struct buf *out);
/* The top level and each core section under a heading of its own. */
void conf_manual_core(struct buf *out);
/* What every module section may hold. */
void conf_manual_reserved(struct buf *out);
/* One module: summary, options, symbols. */
void conf_manual_module(const struct weir_module *desc, struct buf *out);

#endif
