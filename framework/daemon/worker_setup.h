/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker_setup - bring a worker's parts up in their order, and down again. */
#ifndef WEIR_DAEMON_WORKER_SETUP_H
#define WEIR_DAEMON_WORKER_SETUP_H

#include "base/err.h"
#include "daemon/worker.h"

/* From snapshot to serving; conf_out is the worker's for good. */
int worker_setup(const struct worker_start *start, struct conf **conf_out,
    struct err *err);
void worker_listeners_stop(void);
/* Everything closed: modules, stores, resolver, loop. */
void worker_teardown(void);
/* Write the worker's own gauges. */
void worker_metrics(void);

#endif
