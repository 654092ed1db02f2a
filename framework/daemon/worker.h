/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker - one process that filters: a loop, the modules, the front-ends.
 */
#ifndef WEIR_DAEMON_WORKER_H
#define WEIR_DAEMON_WORKER_H

#include <weir/types.h>

#include "conf/core.h"
#include "conf/snapshot.h"

struct worker_start {
	struct conf_snapshot *snapshot;
	int slot;	/* on the board */
	int channel;	/* to the master */
	uint32_t generation;
};

/* The child's life; never returns. */
void worker_main(const struct worker_start *start)
    __attribute__((noreturn));

/* For the control server.  done runs once on the loop with the master's
   answer; false: the master is gone. [loop] */
typedef void worker_reload_fn(int status, const char *text, void *arg);
bool worker_reload(worker_reload_fn *done, void *arg);
bool worker_stop_daemon(void);
const struct conf *worker_conf(void);
/* The absolute path of the file that it came from, as far as there is one. */
const char *worker_conf_path(void);
uint32_t worker_generation(void);

#endif
