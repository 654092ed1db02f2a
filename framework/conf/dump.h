/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dump - every effective value of a configuration, and where it comes from.
 *
 * The text form is in the file's own syntax: loaded again it has the same
 * effect, except for secrets, which are never shown.  With origins each line
 * ends with "# default" or "# FILE:LINE".  The JSON form holds strings for
 * durations and sizes as the file writes them; with origins each value is
 * {"value": ..., "origin": ...}. [any]
 */
#ifndef WEIR_CONF_DUMP_H
#define WEIR_CONF_DUMP_H

#include "base/buf.h"
#include "conf/core.h"

/* Appends to out. */
void conf_dump(const struct conf *conf, bool with_origin, bool json,
    struct buf *out);

/* Append a configuration that has just this module and the networks that its
   options may name, secrets included: for its helpers, for nobody's eyes. */
void conf_dump_module(const struct conf *conf, const struct conf_module *m,
    struct buf *out);

#endif
