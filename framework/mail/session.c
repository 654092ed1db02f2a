/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/session.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/message.h"
#include "pipe/explain.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "replay/recorder.h"

#define ATTR_MAX 1024
#define SESSION_MEMORY (16u << 20) /* what modules may take of its pool */

static struct list sessions = LIST_INIT(sessions);
static unsigned open_sessions;
static bool (*is_internal)(const struct ip *);

/* session_internal - who decides what is an own client */
void
session_internal(bool (*fn)(const struct ip *))
{
	is_internal = fn;
}

/* session_open - a client connected */
struct session *
session_open(const struct session_front *front)
{
	struct pool *pool = pool_create(2048, SESSION_MEMORY);
	struct session *s = pool_new(pool, struct session);

	s->pool = pool;
	s->refs = 1;
	s->front = front;
	s->started_ms = clock_wall_ms();
	id_make(s->id);
	s->taped = recorder_samples();
	notes_init(&s->notes);
	s->is_out = strcmp(front->direction, "out") == 0;
	list_append(&sessions, &s->node);
	open_sessions++;
	return s;
}

/* session_close - the client is gone */
void
session_close(struct session **sp)
{
	struct session *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	expect(!s->closed);
	run_cancel(s);
	if (s->message != NULL)
		message_finish(&s->message, MESSAGE_ABORTED);
	explain_session(s);
	if (s->taped)
		recorder_session(s);
	run_session_end(s);
	s->closed = true;
	list_remove(&s->node);
	open_sessions--;
	session_unref(s);
}

/* session_ref - somebody still uses its memory */
void
session_ref(struct session *s)
{
	s->refs++;
}

/* session_unref - one user less; the last one frees */
void
session_unref(struct session *s)
{
	struct pool *pool = s->pool;

	expect(s->refs > 0);
	if (--s->refs > 0)
		return;
	plan_slots_drop(s->slots);
	pool_destroy(&pool);
}

/* session_set - an attribute from outside */
void
session_set(struct session *s, const char **attr, weir_str value)
{
	size_t len = value.len < ATTR_MAX ? value.len : ATTR_MAX;
	const char *nul = len > 0 ? memchr(value.ptr, '\0', len) : NULL;
	uint32_t i = 0;

	if (nul != NULL)
		len = (size_t)(nul - value.ptr);
	if (*attr == NULL) {
		*attr = pool_strndup(s->pool, value.ptr, len);
		return;
	}
	/* what is set a second time may be set all day: a HELO */
	while (i < s->nrooms && s->rooms[i] != *attr)
		i++;
	if (i == s->nrooms) {
		expect(i < SESSION_ATTRS);
		s->rooms[s->nrooms++] = pool_alloc(s->pool, ATTR_MAX + 1);
	}
	if (len > 0)
		memmove(s->rooms[i], value.ptr, len);
	s->rooms[i][len] = '\0';
	*attr = s->rooms[i];
}

/* session_direct - decide the direction again from what is known now */
static void
session_direct(struct session *s)
{
	if (strcmp(s->front->direction, "auto") != 0)
		return;
	s->is_out = s->auth_user != NULL ||
	    (s->client.len != 0 && is_internal != NULL &&
		is_internal(&s->client));
}

/* session_set_client - the client's address is known */
void
session_set_client(struct session *s, const struct ip *ip, uint16_t port)
{
	s->client = *ip;
	s->client_port = port;
	ip_print(ip, s->client_text);
	session_direct(s);
}

/* session_set_auth - the client has logged in */
void
session_set_auth(struct session *s, weir_str user)
{
	if (user.len == 0)
		return;
	session_set(s, &s->auth_user, user);
	session_direct(s);
}

/* macro_bare - "{name}" without its braces */
static weir_str
macro_bare(weir_str name)
{
	if (name.len > 2 && name.ptr[0] == '{' && name.ptr[name.len - 1] == '}') {
		name.ptr++;
		name.len -= 2;
	}
	return name;
}

/* session_macro_set - keep a macro */
int
session_macro_set(struct session *s, int stage, weir_str name, weir_str value)
{
	struct macro *m;

	name = macro_bare(name);
	if (name.len == 0 || name.len > 128 || value.len > 8192)
		return WEIR_E_LIMIT;
	for (m = s->macros; m != NULL; m = m->next) {
		if (m->name.len == name.len &&
		    memcmp(m->name.ptr, name.ptr, name.len) == 0)
			break;
	}
	if (m == NULL) {
		if (s->nmacros >= SESSION_MACROS)
			return WEIR_E_LIMIT;
		m = pool_new(s->pool, struct macro);
		m->name = pool_str(s->pool, name);
		m->next = s->macros;
		s->macros = m;
		s->nmacros++;
	}
	m->stage = stage;
	/* the room is kept and at least doubled: whatever the values are, a
	   long-lived connection takes no more than twice the largest */
	if (m->room == NULL || value.len >= m->cap) {
		m->cap = m->cap != 0 ? m->cap : 16;
		while (m->cap <= value.len)
			m->cap *= 2;
		m->room = pool_alloc(s->pool, m->cap);
	}
	memmove(m->room, value.ptr, value.len);
	m->room[value.len] = '\0';
	m->value.ptr = m->room;
	m->value.len = value.len;
	return WEIR_OK;
}

/* session_macros_clear - forget those of a stage and later ones */
void
session_macros_clear(struct session *s, int from_stage)
{
	for (struct macro *m = s->macros; m != NULL; m = m->next) {
		if (m->stage >= from_stage)
			m->stage = -1;
	}
}

/* session_macro - look one up */
weir_str
session_macro(const struct session *s, const char *name)
{
	weir_str bare = macro_bare(text_slice(name)), none = { NULL, 0 };

	for (const struct macro *m = s->macros; m != NULL; m = m->next) {
		if (m->stage >= 0 && m->name.len == bare.len &&
		    memcmp(m->name.ptr, bare.ptr, bare.len) == 0)
			return m->value;
	}
	return none;
}

/* session_count - open now */
unsigned
session_count(void)
{
	return open_sessions;
}

/* session_each - visit all open ones */
void
session_each(void (*fn)(struct session *, void *), void *arg)
{
	list_each_safe(n, &sessions)
		fn(list_of(n, struct session, node), arg);
}
