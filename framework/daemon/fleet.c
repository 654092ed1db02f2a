/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/fleet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "daemon/verify.h"
#include "daemon/worker.h"
#include "loop/loop.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define STABLE_MS 10000 /* alive for so long: the back-off begins anew */
#define KILL_AFTER_MS 5000 /* beyond the drain time */

struct ship {
	struct list node;
	pid_t pid; /* 0: waits to be started again */
	int slot;
	int channel;
	uint32_t generation;
	struct conf_snapshot *snapshot;
	const struct conf *conf;
	bool ready, draining;
	int64_t started_ms;
	int64_t backoff_ms;
	uint64_t stalled; /* sequence of the mark that was complained about */
	struct loop_io io;
	struct loop_timer timer; /* restart, or kill while draining */
};

static struct list fleet = LIST_INIT(fleet);
static const struct fleet_events *events;
static int counter_crashes = -1;

/* fleet_init - who wants to know */
void
fleet_init(const struct fleet_events *e)
{
	events = e;
	counter_crashes = metric_counter("weir_worker_crashes", NULL,
	    "Workers that died of a signal.");
}

/* fleet_is_empty - no process, none to be started */
bool
fleet_is_empty(void)
{
	return list_empty(&fleet);
}

/* fleet_has - is anybody left of that generation */
bool
fleet_has(uint32_t generation)
{
	list_each(n, &fleet) {
		if (list_of(n, struct ship, node)->generation == generation)
			return true;
	}
	return false;
}

/* ship_forget - this process is over for good */
static void
ship_forget(struct ship *s)
{
	loop_timer_stop(&s->timer);
	list_remove(&s->node);
	free(s);
	if (list_empty(&fleet))
		events->empty();
}

/* ship_check_ready - was that the last one of its generation */
static void
ship_check_ready(uint32_t generation)
{
	list_each(n, &fleet) {
		const struct ship *s = list_of(n, struct ship, node);

		if (s->generation == generation && !s->ready)
			return;
	}
	events->ready(generation);
}

/* ship_on_channel - a worker speaks */
static void
ship_on_channel(struct loop_io *io, int revents)
{
	struct ship *s = list_of(io, struct ship, io);
	struct channel_msg m;
	int got = channel_receive(s->channel, &m);

	(void)revents;
	if (got < 0)
		loop_io_stop(io); /* SIGCHLD tells the rest */
	if (got <= 0)
		return;
	if (m.kind == CHANNEL_READY) {
		s->ready = true;
		ship_check_ready(s->generation);
	} else if (m.kind == CHANNEL_FAILED) {
		events->failed(s->generation, m.text);
	} else {
		events->message(s->channel, &m);
	}
}

/* ship_child - the new process becomes a worker */
static void
ship_child(const struct ship *me, int channel)
{
	struct worker_start start = { .snapshot = me->snapshot,
		.slot = me->slot, .channel = channel,
		.generation = me->generation };

	/* the other workers' channels are not ours: holding them open would
	   hide the master's death from them */
	list_each(n, &fleet) {
		const struct ship *s = list_of(n, struct ship, node);

		if (s->channel >= 0)
			close(s->channel);
	}
	events->child();
	worker_main(&start);
}

/* ship_launch - fork one worker */
static bool
ship_launch(struct ship *s)
{
	int pair[2];

	s->channel = -1;
	s->slot = board_slot_take(s->generation);
	if (s->slot < 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) < 0) {
		board_slot_release(s->slot);
		return false;
	}
	s->started_ms = clock_mono_ms();
	s->channel = pair[0];
	s->pid = fork();
	if (s->pid == 0)
		ship_child(s, pair[1]);
	close(pair[1]);
	if (s->pid < 0) {
		close(pair[0]);
		s->channel = -1;
		s->pid = 0;
		board_slot_release(s->slot);
		return false;
	}
	board_slot_pid(s->slot, s->pid);
	s->ready = false;
	loop_io_set(&s->io, s->channel, LOOP_READ);
	return true;
}

/* ship_on_timer - start it again, or end a drain that lasts too long */
static void
ship_on_timer(struct loop_timer *t)
{
	struct ship *s = list_of(t, struct ship, timer);

	if (s->pid != 0) {
		kill(s->pid, SIGKILL);
		return;
	}
	errno = 0;
	if (!ship_launch(s)) {
		char text[128];

		snprintf(text, sizeof(text), "can't start a worker: %s",
		    errno != 0 ? strerror(errno) :
				 "too many worker processes");
		s->backoff_ms = BACKOFF_MAX_MS;
		loop_timer_start(t, s->backoff_ms);
		/* may end this one, too */
		events->failed(s->generation, text);
	}
}

/* fleet_start - all workers of a configuration */
void
fleet_start(uint32_t generation, struct conf_snapshot *snapshot,
    const struct conf *conf)
{
	struct ship **all = xcalloc((size_t)conf->workers, sizeof(*all));

	/* first the list, then the processes: a failing one must not make the
	   generation look complete */
	for (int i = 0; i < conf->workers; i++) {
		struct ship *s = all[i] = xcalloc(1, sizeof(*s));

		s->generation = generation;
		s->snapshot = snapshot;
		s->conf = conf;
		s->channel = -1;
		loop_io_init(&s->io, ship_on_channel);
		loop_timer_init(&s->timer, ship_on_timer);
		list_append(&fleet, &s->node);
	}
	for (int i = 0; i < conf->workers; i++)
		loop_timer_start(&all[i]->timer, 0);
	free(all);
}

/* fleet_drain - let it finish */
void
fleet_drain(uint32_t generation)
{
	list_each_safe(n, &fleet) {
		struct ship *s = list_of(n, struct ship, node);

		if (s->generation != generation || s->draining)
			continue;
		s->draining = true;
		if (s->pid == 0) {
			ship_forget(s);
			continue;
		}
		channel_send(s->channel, CHANNEL_DRAIN, 0, 0, NULL);
		loop_timer_start(&s->timer,
		    s->conf->drain_timeout_ms + KILL_AFTER_MS);
	}
}

/* fleet_end - kill those that match */
static void
fleet_end(bool all, uint32_t generation)
{
	list_each_safe(n, &fleet) {
		struct ship *s = list_of(n, struct ship, node);

		if (!all && s->generation != generation)
			continue;
		s->draining = true;
		if (s->pid == 0)
			ship_forget(s);
		else
			kill(s->pid, SIGKILL);
	}
}

/* fleet_kill - it never served */
void
fleet_kill(uint32_t generation)
{
	fleet_end(false, generation);
}

/* fleet_kill_all - no more patience */
void
fleet_kill_all(void)
{
	fleet_end(true, 0);
}

/* fleet_send - tell everyone */
void
fleet_send(uint32_t kind)
{
	list_each(n, &fleet) {
		const struct ship *s = list_of(n, struct ship, node);

		if (s->pid != 0)
			channel_send(s->channel, kind, 0, 0, NULL);
	}
}

/* ship_crashed - it died of a signal, or ended unasked: who was it */
static void
ship_crashed(struct ship *s, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	struct board_limits limits = {
		.crashes = (unsigned)s->conf->crash.limit,
		.window_ms = s->conf->crash.window_ms,
		.bench_ms = s->conf->crash.bench_ms
	};
	struct board_crash crash;
	struct log_ctx ctx = { .session = NULL };
	const struct log_ctx *before;

	metric_add(counter_crashes, 1);
	board_crashed(s->slot, clock_mono_ms(), &limits, &crash);
	if (crash.mark.module != BOARD_NO_MODULE) {
		ctx.module = crash.module;
		ctx.stage = stage_name(crash.mark.stage);
		ctx.message = crash.mark.id;
	}
	before = log_ctx_set(&ctx);
	if (sig != 0)
		log_event(WEIR_LOG_ERROR, LOG_WORKER_CRASH,
		    "worker %d died of signal %d (%s)%s", (int)s->pid, sig,
		    strsignal(sig),
		    crash.mark.module == BOARD_NO_MODULE ?
			", outside of modules" : "");
	else
		log_event(WEIR_LOG_ERROR, LOG_WORKER_CRASH,
		    "worker %d ended by itself, status %d", (int)s->pid,
		    WEXITSTATUS(status));
	if (crash.benched)
		log_event(WEIR_LOG_ERROR, LOG_MODULE_BENCHED,
		    "module %s is not called for %lld s after %u crashes",
		    crash.module, (long long)limits.bench_ms / 1000,
		    limits.crashes);
	log_ctx_set(before);
	/* these may come from a damaged store */
	if ((sig == SIGSEGV || sig == SIGBUS) &&
	    crash.mark.module == BOARD_NO_MODULE)
		verify_start(s->conf->state_dir);
}

/* fleet_reaped - a child ended */
void
fleet_reaped(pid_t pid, int status)
{
	struct ship *s = NULL;

	list_each(n, &fleet) {
		if (list_of(n, struct ship, node)->pid == pid)
			s = list_of(n, struct ship, node);
	}
	if (s == NULL)
		return;
	/* one that drains is to end, and is killed if it does not */
	if (!s->draining ||
	    (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL))
		ship_crashed(s, status);
	metric_retire(s->slot);
	board_slot_release(s->slot);
	loop_io_stop(&s->io);
	events->gone(s->channel);
	close(s->channel);
	s->channel = -1;
	s->pid = 0;
	if (s->draining) {
		ship_forget(s);
		return;
	}
	/* the first restart is immediate: service is back in no time */
	if (clock_mono_ms() - s->started_ms >= STABLE_MS)
		s->backoff_ms = 0;
	loop_timer_start(&s->timer, s->backoff_ms);
	s->backoff_ms = s->backoff_ms == 0 ? BACKOFF_FIRST_MS :
					     s->backoff_ms * 2;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
}

/* ship_watch - is it stuck inside a module */
static void
ship_watch(struct ship *s)
{
	struct board_mark mark;
	struct log_ctx ctx;
	const struct log_ctx *before;
	char name[BOARD_NAME_MAX];
	uint64_t now = clock_mono_ns(), spent;

	if (s->pid == 0 || !board_mark_read(s->slot, &mark) ||
	    mark.module == BOARD_NO_MODULE || now < mark.since_ns)
		return;
	spent = (now - mark.since_ns) / 1000000u;
	if (spent < 1000)
		return;
	memset(&ctx, 0, sizeof(ctx));
	board_module_name(mark.module, name);
	ctx.module = name;
	ctx.stage = stage_name(mark.stage);
	ctx.message = mark.id;
	before = log_ctx_set(&ctx);
	if (spent >= (uint64_t)s->conf->stall_limit_ms) {
		log_event(WEIR_LOG_ERROR, LOG_STALL,
		    "worker %d has been stuck for %llu ms and is ended",
		    (int)s->pid, (unsigned long long)spent);
		/* a core first; one that is deaf to it is still ended */
		kill(s->pid, spent / 2 >= (uint64_t)s->conf->stall_limit_ms ?
			SIGKILL : SIGABRT);
	} else if (s->stalled != mark.sequence) {
		s->stalled = mark.sequence;
		log_event(WEIR_LOG_WARN, LOG_STALL,
		    "worker %d has not moved for %llu ms", (int)s->pid,
		    (unsigned long long)spent);
	}
	log_ctx_set(before);
}

/* fleet_watch - once a second */
void
fleet_watch(void)
{
	list_each(n, &fleet)
		ship_watch(list_of(n, struct ship, node));
}
