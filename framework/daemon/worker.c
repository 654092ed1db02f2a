/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "ctl/server.h"
#include "daemon/channel.h"
#include "daemon/crash.h"
#include "daemon/helpers.h"
#include "daemon/sockets.h"
#include "daemon/worker_setup.h"
#include "front/front.h"
#include "loop/loop.h"
#include "mail/session.h"
#include "obs/board.h"
#include "obs/log.h"

struct reload_wait {
	struct list node;
	uint64_t id;
	worker_reload_fn *done;
	void *arg;
};

static struct {
	struct worker_start start;
	struct conf *conf;
	struct loop_io channel;
	struct loop_timer drain_tick, drain_end, beat;
	bool draining;
	struct list reloads; /* waiting for the master's answer */
	uint64_t next_reload;
} worker;

/* worker_conf - what this worker runs with */
const struct conf *
worker_conf(void)
{
	return worker.conf;
}

/* worker_conf_path - where an operator finds it; the snapshot's folder is
   absolute even if the name is not */
const char *
worker_conf_path(void)
{
	static char path[8192];
	const char *name = snapshot_path(worker.start.snapshot, 0);

	if (name[0] == '/')
		return name;
	/* the folder is that of the name */
	snprintf(path, sizeof(path), "%s/%s",
	    snapshot_dir(worker.start.snapshot, 0),
	    strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name);
	return path;
}

/* worker_generation - of this process */
uint32_t
worker_generation(void)
{
	return worker.start.generation;
}

/* worker_reload - pass an operator's wish to the master */
bool
worker_reload(worker_reload_fn *done, void *arg)
{
	struct reload_wait *w;

	if (!channel_send(worker.start.channel, CHANNEL_RELOAD,
		++worker.next_reload, 0, NULL))
		return false;
	w = xcalloc(1, sizeof(*w));
	w->id = worker.next_reload;
	w->done = done;
	w->arg = arg;
	list_append(&worker.reloads, &w->node);
	return true;
}

/* worker_stop_daemon - the same for a stop */
bool
worker_stop_daemon(void)
{
	return channel_send(worker.start.channel, CHANNEL_STOP, 0, 0, NULL);
}

/* worker_reloaded - the master answers */
static void
worker_reloaded(const struct channel_msg *m)
{
	list_each_safe(n, &worker.reloads) {
		struct reload_wait *w = list_of(n, struct reload_wait, node);

		if (w->id != m->id)
			continue;
		list_remove(&w->node);
		w->done(m->status, m->text, w->arg);
		free(w);
	}
}

/* worker_is_idle - has everybody been served */
static bool
worker_is_idle(void)
{
	return front_count() == 0 && session_count() == 0 &&
	    ctl_server_count() == 0;
}

/* worker_on_tick - draining: are we done */
static void
worker_on_tick(struct loop_timer *t)
{
	front_drain();
	if (worker_is_idle())
		loop_stop();
	else
		loop_timer_start(t, 50);
}

/* worker_on_drain_end - draining took too long */
static void
worker_on_drain_end(struct loop_timer *t)
{
	(void)t;
	front_close_all();
	loop_stop();
}

/* worker_drain - accept no more, end when the last one is served */
static void
worker_drain(void)
{
	if (worker.draining)
		return;
	worker.draining = true;
	atomic_store(&board->slot[worker.start.slot].state, BOARD_DRAINING);
	worker_listeners_stop();
	ctl_server_stop();
	sockets_close(false);
	loop_timer_start(&worker.drain_end, worker.conf->drain_timeout_ms);
	loop_timer_start(&worker.drain_tick, 0);
}

/* worker_on_channel - the master speaks, or is gone */
static void
worker_on_channel(struct loop_io *io, int events)
{
	struct channel_msg m;
	int got;

	(void)events;
	while ((got = channel_receive(worker.start.channel, &m)) > 0) {
		if (m.kind == CHANNEL_DRAIN)
			worker_drain();
		else if (m.kind == CHANNEL_RELOADED)
			worker_reloaded(&m);
		else if (m.kind == CHANNEL_REOPEN)
			log_reopen();
	}
	if (got < 0) {
		/* no master, nobody to be restarted by: finish and go */
		loop_io_stop(io);
		worker_drain();
	}
}

/* worker_on_beat - numbers for the board */
static void
worker_on_beat(struct loop_timer *t)
{
	board_heartbeat(worker.start.slot);
	worker_metrics();
	loop_timer_start(t, 5000);
}

/* worker_signals - a worker is told by its channel, not by signals */
static void
worker_signals(void)
{
	sigset_t none;

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* worker_main - from fork to exit */
void
worker_main(const struct worker_start *start)
{
	struct err err = { "" };

	worker.start = *start;
	list_init(&worker.reloads);
	worker_signals();
	helpers_worker(start->generation);
	crash_init(start->slot);
	loop_fini(true);
	loop_init();
	log_loop_attach();
	loop_timer_init(&worker.drain_tick, worker_on_tick);
	loop_timer_init(&worker.drain_end, worker_on_drain_end);
	loop_timer_init(&worker.beat, worker_on_beat);
	if (worker_setup(start, &worker.conf, &err) < 0) {
		channel_send(start->channel, CHANNEL_FAILED, 0, WEIR_E_TEMP,
		    err.text);
		log_fini(); /* the master says it */
		_exit(1);
	}
	loop_io_init(&worker.channel, worker_on_channel);
	loop_io_set(&worker.channel, start->channel, LOOP_READ);
	worker_on_beat(&worker.beat);
	atomic_store(&board->slot[start->slot].state, BOARD_SERVING);
	channel_send(start->channel, CHANNEL_READY, 0, 0, NULL);
	log_event(WEIR_LOG_DEBUG, LOG_WORKER_START, "generation %u",
	    start->generation);
	loop_run();
	worker_teardown();
	log_event(WEIR_LOG_DEBUG, LOG_WORKER_EXIT, "generation %u",
	    start->generation);
	log_fini();
	exit(0);
}
