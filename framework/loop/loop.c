/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop/loop.h"

#include <pthread.h>

#include "base/check.h"

static struct ev_loop *the_loop;
static pthread_t loop_thread;
static struct list deferred = LIST_INIT(deferred);
static ev_prepare prepare;
static ev_idle idle;
static struct {
	bool on;
	bool spent; /* this round's one has run */
	uint64_t seed;
} single;

/* loop_draw - the one that runs next: the first, or any */
static struct list *
loop_draw(void)
{
	struct list *node = deferred.next;
	size_t n = 0;

	if (single.seed == 0)
		return node;
	list_each (each, &deferred) {
		(void)each;
		n++;
	}
	/* xorshift64 */
	single.seed ^= single.seed << 13;
	single.seed ^= single.seed >> 7;
	single.seed ^= single.seed << 17;
	for (n = single.seed % n; n > 0; n--)
		node = node->next;
	return node;
}

/* loop_drain_one - at most one in a round */
static void
loop_drain_one(void)
{
	struct loop_task *t;

	if (single.spent || list_empty(&deferred))
		return;
	single.spent = true;
	t = list_of(loop_draw(), struct loop_task, node);
	list_remove(&t->node);
	t->fn(t);
}

/* loop_drain - run what was deferred; what these defer again runs too, but a
   round limit lets sockets have their turn */
static void
loop_drain(void)
{
	if (single.on) {
		loop_drain_one();
		return;
	}
	for (int round = 0; round < 16 && !list_empty(&deferred); round++) {
		struct list now;

		now.next = deferred.next;
		now.prev = deferred.prev;
		now.next->prev = now.prev->next = &now;
		list_init(&deferred);
		while (!list_empty(&now)) {
			struct loop_task *t = list_of(now.next,
			    struct loop_task, node);

			list_remove(&t->node);
			t->fn(t);
		}
	}
}

/* loop_before_sleep - deliver completions; stay awake if some are left */
static void
loop_before_sleep(struct ev_loop *l, ev_prepare *w, int revents)
{
	(void)w;
	(void)revents;
	loop_drain();
	if (!list_empty(&deferred))
		ev_idle_start(l, &idle);
	else
		ev_idle_stop(l, &idle);
}

/* loop_on_idle - only there to keep the loop from sleeping */
static void
loop_on_idle(struct ev_loop *l, ev_idle *w, int revents)
{
	(void)revents;
	ev_idle_stop(l, w);
}

/* loop_init - create the loop in this thread */
void
loop_init(void)
{
	expect(the_loop == NULL);
	the_loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (the_loop == NULL)
		fatal("can't create an event loop");
	loop_thread = pthread_self();
	list_init(&deferred);
	ev_prepare_init(&prepare, loop_before_sleep);
	ev_prepare_start(the_loop, &prepare);
	ev_unref(the_loop);
	ev_idle_init(&idle, loop_on_idle);
}

/* loop_fini - destroy it; forked: the parent still uses its kernel side */
void
loop_fini(bool forked)
{
	if (the_loop == NULL)
		return;
	if (forked)
		ev_loop_fork(the_loop);
	ev_ref(the_loop);
	ev_prepare_stop(the_loop, &prepare);
	ev_idle_stop(the_loop, &idle);
	ev_loop_destroy(the_loop);
	the_loop = NULL;
	list_init(&deferred);
}

/* loop_run - serve until loop_stop */
void
loop_run(void)
{
	ev_run(the_loop, 0);
}

/* loop_stop - leave loop_run after the current callback */
void
loop_stop(void)
{
	ev_break(the_loop, EVBREAK_ALL);
}

/* loop_once - one round */
void
loop_once(bool wait)
{
	/* what was deferred may be what the caller waits for */
	if (!list_empty(&deferred))
		wait = false;
	single.spent = false;
	loop_drain();
	ev_run(the_loop, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
	loop_drain();
}

/* loop_single - one completion a round, in an order of its own */
void
loop_single(bool on, uint64_t seed)
{
	single.on = on;
	single.spent = false;
	single.seed = seed;
}

/* loop_is_thread - are we on the loop's thread */
bool
loop_is_thread(void)
{
	return the_loop != NULL && pthread_equal(pthread_self(), loop_thread);
}

/* loop_hold - keep the loop running */
void
loop_hold(void)
{
	ev_ref(the_loop);
}

/* loop_release - undo one loop_hold */
void
loop_release(void)
{
	ev_unref(the_loop);
}

/* loop_on_io - from libev to the owner */
static void
loop_on_io(struct ev_loop *l, ev_io *w, int revents)
{
	struct loop_io *io = list_of(w, struct loop_io, ev);

	(void)l;
	io->fn(io, revents);
}

/* loop_io_init - prepare a watcher */
void
loop_io_init(struct loop_io *io, void (*fn)(struct loop_io *, int))
{
	ev_init(&io->ev, loop_on_io);
	io->fn = fn;
}

/* loop_io_set - watch fd for these events from now on */
void
loop_io_set(struct loop_io *io, int fd, int events)
{
	if (ev_is_active(&io->ev)) {
		if (io->ev.fd == fd && (io->ev.events & (EV_READ | EV_WRITE)) ==
			events)
			return;
		ev_io_stop(the_loop, &io->ev);
	}
	if (events == 0)
		return;
	ev_io_set(&io->ev, fd, events);
	ev_io_start(the_loop, &io->ev);
}

/* loop_io_stop - watch no longer; call before closing the descriptor */
void
loop_io_stop(struct loop_io *io)
{
	if (ev_is_active(&io->ev) || ev_is_pending(&io->ev))
		ev_io_stop(the_loop, &io->ev);
}

/* loop_on_timer - from libev to the owner */
static void
loop_on_timer(struct ev_loop *l, ev_timer *w, int revents)
{
	struct loop_timer *t = list_of(w, struct loop_timer, ev);

	(void)revents;
	ev_timer_stop(l, w);
	t->fn(t);
}

/* loop_timer_init - prepare a timer */
void
loop_timer_init(struct loop_timer *t, void (*fn)(struct loop_timer *))
{
	ev_init(&t->ev, loop_on_timer);
	t->fn = fn;
}

/* loop_timer_start - fire once after ms */
void
loop_timer_start(struct loop_timer *t, int64_t ms)
{
	if (ev_is_active(&t->ev) || ev_is_pending(&t->ev))
		ev_timer_stop(the_loop, &t->ev);
	/* libev counts from its own idea of now, which is as old as the
	   current round; never from a difference of wall clock times, which
	   may be set in between */
	ev_now_update(the_loop);
	ev_timer_set(&t->ev, (double)(ms > 0 ? ms : 0) / 1000.0, 0.0);
	ev_timer_start(the_loop, &t->ev);
}

/* loop_timer_stop - do not fire */
void
loop_timer_stop(struct loop_timer *t)
{
	if (ev_is_active(&t->ev) || ev_is_pending(&t->ev))
		ev_timer_stop(the_loop, &t->ev);
}

/* loop_timer_is_active - will it fire */
bool
loop_timer_is_active(const struct loop_timer *t)
{
	return ev_is_active(&t->ev);
}

/* loop_task_init - prepare a completion */
void
loop_task_init(struct loop_task *task, void (*fn)(struct loop_task *))
{
	list_init(&task->node);
	task->fn = fn;
}

/* loop_defer - run it soon */
void
loop_defer(struct loop_task *task)
{
	if (list_empty(&task->node))
		list_append(&deferred, &task->node);
}

/* loop_task_cancel - do not run it */
void
loop_task_cancel(struct loop_task *task)
{
	list_remove(&task->node);
}

/* loop_on_wake - from libev to the owner */
static void
loop_on_wake(struct ev_loop *l, ev_async *w, int revents)
{
	struct loop_wake *wake = list_of(w, struct loop_wake, ev);

	(void)l;
	(void)revents;
	wake->fn(wake);
}

/* loop_wake_init - prepare and arm */
void
loop_wake_init(struct loop_wake *w, void (*fn)(struct loop_wake *))
{
	ev_async_init(&w->ev, loop_on_wake);
	w->fn = fn;
	ev_async_start(the_loop, &w->ev);
	ev_unref(the_loop); /* alone it is no reason to keep running */
}

/* loop_wake_send - let fn run on the loop; several sends may join */
void
loop_wake_send(struct loop_wake *w)
{
	ev_async_send(the_loop, &w->ev);
}

/* loop_wake_fini - disarm */
void
loop_wake_fini(struct loop_wake *w)
{
	if (ev_is_active(&w->ev)) {
		ev_ref(the_loop);
		ev_async_stop(the_loop, &w->ev);
	}
}
