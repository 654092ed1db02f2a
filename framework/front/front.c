/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/front.h"

#include <string.h>

#include "base/check.h"
#include "front/conn.h"
#include "obs/log.h"

#define FRONT_DEFAULTS \
	{ .command_ms = 5 * 60 * 1000, .idle_ms = 60 * 60 * 1000, \
		.progress_ms = 10 * 1000, .instance_ms = 60 * 1000, \
		.sessions = 2000 }

static const struct front_limits defaults = FRONT_DEFAULTS;
static struct front_limits limits = FRONT_DEFAULTS;

/* front_limits_set - from the configuration */
void
front_limits_set(const struct front_limits *l)
{
	limits = l != NULL ? *l : defaults;
	expect(limits.command_ms > 0 && limits.idle_ms > 0 &&
	    limits.progress_ms > 0 && limits.instance_ms > 0 &&
	    limits.sessions > 0);
}

/* front_limits - read them */
const struct front_limits *
front_limits(void)
{
	return &limits;
}

static struct list listeners = LIST_INIT(listeners);
static bool full; /* none of them accepts */

/* front_full - is this one too many for the moment */
static void
front_full(void)
{
	if (conn_count() < limits.sessions)
		return;
	full = true;
	log_event(WEIR_LOG_WARN, LOG_FRONT_LIMIT,
	    "%u connections are open: more must wait (limits.sessions)",
	    limits.sessions);
	list_each(n, &listeners)
		listen_stop(&list_of(n, struct front_listener, node)->listen);
}

/* front_on_connection - to the front-end that the listener is for */
static void
front_on_connection(struct listen *l, int fd)
{
	struct front_listener *f = list_of(l, struct front_listener, listen);

	if (strcmp(f->front.protocol, "milter") == 0)
		front_milter_accept(fd, f);
	else
		front_policy_accept(fd, f);
	front_full();
}

/* front_room - accept again */
void
front_room(void)
{
	if (!full || conn_count() >= limits.sessions)
		return;
	full = false;
	list_each(n, &listeners) {
		struct front_listener *f = list_of(n, struct front_listener,
		    node);

		listen_start(&f->listen, f->fd, front_on_connection);
	}
}

/* front_listen_start - take connections */
void
front_listen_start(struct front_listener *l)
{
	expect(strcmp(l->front.protocol, "milter") == 0 ||
	    strcmp(l->front.protocol, "policy") == 0);
	list_append(&listeners, &l->node);
	l->listen.fd = -1;
	if (!full)
		listen_start(&l->listen, l->fd, front_on_connection);
}

/* front_listen_stop - take no more */
void
front_listen_stop(struct front_listener *l)
{
	if (l->node.next == NULL)
		return; /* never started */
	list_remove(&l->node);
	listen_stop(&l->listen);
}

/* front_drain - the process is to end */
void
front_drain(void)
{
	conn_drain_all();
}

/* front_close_all - it ends now */
void
front_close_all(void)
{
	conn_break_all();
}

/* front_count - open connections */
unsigned
front_count(void)
{
	return conn_count();
}
