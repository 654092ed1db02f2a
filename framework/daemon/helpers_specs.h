/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helpers_specs - which helpers the modules of a configuration want.
 *
 * In the process that has loaded the modules; the specs go as octets to the
 * one that starts the helpers, which may have loaded none.
 */
#ifndef WEIR_DAEMON_HELPERS_SPECS_H
#define WEIR_DAEMON_HELPERS_SPECS_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/core.h"

/* As helper_spec writes them, appended to out. */
int helpers_specs(const struct conf *conf, struct buf *out, struct err *err);

#endif
