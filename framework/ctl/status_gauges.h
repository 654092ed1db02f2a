/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status_gauges - the gauges of modules in weirctl status: what a module says
 * of itself with weir.metric.  One called "alarm" is a complaint while it is
 * not 0.
 */
#ifndef WEIR_CTL_STATUS_GAUGES_H
#define WEIR_CTL_STATUS_GAUGES_H

#include <jansson.h>

#include "base/buf.h"
#include "conf/core.h"

/* {"antivirus": {"signatures": 3, ...}, ...} [loop] */
json_t *status_gauges(const struct conf *conf);
void status_gauges_text(const json_t *all, struct buf *out);

#endif
