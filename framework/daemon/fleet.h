/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fleet - the worker processes of all generations: start, reap, restart with
 * back-off, watch for stalls, drain.  Part of the master.
 */
#ifndef WEIR_DAEMON_FLEET_H
#define WEIR_DAEMON_FLEET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/core.h"
#include "conf/snapshot.h"
#include "daemon/channel.h"

/* What the fleet tells the master. [loop] */
struct fleet_events {
	/* all workers of this generation serve */
	void (*ready)(uint32_t generation);
	/* one of them could not start */
	void (*failed)(uint32_t generation, const char *text);
	/* a worker passes on an operator's wish */
	void (*message)(int channel, const struct channel_msg *m);
	/* a worker is gone, and its channel is about to be closed */
	void (*gone)(int channel);
	/* the last process is gone */
	void (*empty)(void);
	/* in a new process, before it becomes a worker */
	void (*child)(void);
};

void fleet_init(const struct fleet_events *events);
/* Start a generation; conf and snapshot must live as long as it does. */
void fleet_start(uint32_t generation, struct conf_snapshot *snapshot,
    const struct conf *conf);
/* It is no longer wanted: let it finish its sessions; after the drain time and
   a little more it is killed. */
void fleet_drain(uint32_t generation);
/* It never served: end it now. */
void fleet_kill(uint32_t generation);
void fleet_kill_all(void);
/* Tell everyone. */
void fleet_send(uint32_t kind);
/* A child ended. */
void fleet_reaped(pid_t pid, int status);
/* Once a second: kill who has been in one callback for too long. */
void fleet_watch(void);
bool fleet_is_empty(void);
/* Does any process of this generation still run? */
bool fleet_has(uint32_t generation);

#endif
