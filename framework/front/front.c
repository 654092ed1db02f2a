/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/front.h"

#include <string.h>

#include "base/check.h"
#include "front/conn.h"
#include "obs/log.h"

#define FRONT_DEFAULTS \
	{ .command_ms = 5 * 60 * 1000, .idle_ms = 60 * 60 * 1000, \
		.progress_ms = 10 * 1000, .instance_ms = 60 * 1000 }

static const struct front_limits defaults = FRONT_DEFAULTS;
static struct front_limits limits = FRONT_DEFAULTS;

static struct front_listener *listeners; /* started, not stopped */
static bool full;			 /* they pause */

/* front_limits_set - from the configuration */
void
front_limits_set(const struct front_limits *l)
{
	limits = l != NULL ? *l : defaults;
	expect(limits.command_ms > 0 && limits.idle_ms > 0 &&
	    limits.progress_ms > 0 && limits.instance_ms > 0);
}

/* front_limits - read them */
const struct front_limits *
front_limits(void)
{
	return &limits;
}

/* front_check_full - stop taking connections, or begin again */
void
front_check_full(void)
{
	bool now = limits.sessions > 0 && conn_count() >= limits.sessions;

	if (now == full)
		return;
	full = now;
	if (full)
		log_event(WEIR_LOG_WARN, LOG_FRONT_LIMIT,
		    "%u sessions: new ones have to wait", conn_count());
	for (struct front_listener *l = listeners; l != NULL; l = l->next) {
		if (full)
			listen_stop(&l->listen);
		else
			listen_start(&l->listen, l->fd, l->listen.fn);
	}
}

/* front_on_milter - a connection for the milter front-end */
static void
front_on_milter(struct listen *l, int fd)
{
	front_milter_accept(fd, list_of(l, struct front_listener, listen));
	front_check_full();
}

/* front_on_policy - a connection for the policy front-end */
static void
front_on_policy(struct listen *l, int fd)
{
	front_policy_accept(fd, list_of(l, struct front_listener, listen));
	front_check_full();
}

/* front_listen_start - take connections */
void
front_listen_start(struct front_listener *l)
{
	bool milter = strcmp(l->front.protocol, "milter") == 0;

	expect(milter || strcmp(l->front.protocol, "policy") == 0);
	l->next = listeners;
	listeners = l;
	listen_start(&l->listen, l->fd,
	    milter ? front_on_milter : front_on_policy);
}

/* front_listen_stop - take no more */
void
front_listen_stop(struct front_listener *l)
{
	struct front_listener **p = &listeners;

	while (*p != NULL && *p != l)
		p = &(*p)->next;
	if (*p == NULL)
		return;
	*p = l->next;
	if (!full)
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
