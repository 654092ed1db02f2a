/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/message.h"

#include <string.h>

#include "base/budget.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "pipe/explain.h"
#include "pipe/plan.h"
#include "pipe/run.h"
#include "replay/recorder.h"

static struct message_limits limits = {
	.recipients = 1000, .header_lines = 2000, .header_octets = 256 * 1024
};

/* message_limits - from the configuration */
void
message_limits(const struct message_limits *l)
{
	limits = *l;
}

/* message_begin - MAIL FROM */
struct message *
message_begin(struct session *s, weir_str sender, weir_str params)
{
	struct pool *pool;
	struct message *m;

	expect(s->message == NULL);
	if (!budget_is_open())
		return NULL;
	pool = pool_create(4096, 16 * 1024 * 1024);
	m = pool_new(pool, struct message);
	m->pool = pool;
	m->session = s;
	session_ref(s);
	m->refs = 1;
	m->started_ms = clock_wall_ms();
	m->started_ns = clock_mono_ns();
	id_make(m->id);
	m->sender = pool_str(pool, sender);
	m->sender_params = pool_str(pool, params);
	m->queue_id = text_slice("");
	notes_init(&m->notes);
	edits_init(&m->edits);
	spool_init(&m->spool);
	s->message = m;
	return m;
}

/* message_take - octets that the peer makes us keep: from the budget */
static bool
message_take(struct message *m, size_t octets)
{
	if (!budget_take(octets))
		return false;
	m->taken += octets;
	return true;
}

/* message_rcpt_add - RCPT TO */
int
message_rcpt_add(struct message *m, weir_str address, weir_str params,
    uint32_t *index_out)
{
	struct rcpt *r;

	if (m->nrcpts >= limits.recipients)
		return WEIR_E_LIMIT;
	if (!message_take(m, sizeof(*r) + address.len + params.len))
		return WEIR_E_NOMEM;
	if (m->nrcpts == m->rcpts_cap) {
		uint32_t cap = m->rcpts_cap != 0 ? m->rcpts_cap * 2 : 4;
		struct rcpt *v = pool_array(m->pool, struct rcpt, cap);

		if (m->nrcpts != 0)
			memcpy(v, m->rcpts, m->nrcpts * sizeof(*v));
		m->rcpts = v;
		m->rcpts_cap = cap;
	}
	r = &m->rcpts[m->nrcpts];
	r->address = pool_str(m->pool, address);
	r->params = pool_str(m->pool, params);
	*index_out = m->nrcpts++;
	return WEIR_OK;
}

/* message_spool - add to the raw message, remember the first failure */
static void
message_spool(struct message *m, const void *data, size_t len)
{
	if (m->spool_status == WEIR_OK)
		m->spool_status = spool_add(&m->spool, data, len);
}

/* message_spool_header - one field as it stood in the message */
static void
message_spool_header(struct message *m, weir_str name, weir_str value)
{
	const char *p = value.ptr, *end = value.ptr + value.len;

	message_spool(m, name.ptr, name.len);
	message_spool(m, ":", 1);
	/* the MTA gives folds as LF, the message has CRLF */
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf != NULL ? lf : end;

		if (lf != NULL && stop > p && stop[-1] == '\r')
			stop--;
		message_spool(m, p, (size_t)(stop - p));
		if (lf == NULL)
			break;
		message_spool(m, "\r\n", 2);
		p = lf + 1;
	}
	message_spool(m, "\r\n", 2);
}

/* message_header_add - one field of the header */
void
message_header_add(struct message *m, weir_str name, weir_str value,
    bool keep, bool spool)
{
	struct header *h;
	size_t size = name.len + value.len + 3;

	m->header_octets += size;
	/* the raw message has its own limit: what is cut below must not be
	   hidden from those who read the whole of it */
	if (spool)
		message_spool_header(m, name, value);
	if (!keep || m->headers_cut)
		return;
	if (m->nheaders >= limits.header_lines ||
	    m->header_octets > limits.header_octets) {
		m->headers_cut = true;
		return;
	}
	if (!message_take(m, sizeof(*h) + size)) {
		if (m->spool_status == WEIR_OK)
			m->spool_status = WEIR_E_NOMEM;
		return;
	}
	if (m->nheaders == m->headers_cap) {
		uint32_t cap = m->headers_cap != 0 ? m->headers_cap * 2 : 32;
		struct header *v = pool_array(m->pool, struct header, cap);

		if (m->nheaders != 0)
			memcpy(v, m->headers, m->nheaders * sizeof(*v));
		m->headers = v;
		m->headers_cap = cap;
	}
	h = &m->headers[m->nheaders++];
	h->name = pool_str(m->pool, name);
	h->value = pool_str(m->pool, value);
}

/* message_spool_eoh - the empty line behind the header, once */
static void
message_spool_eoh(struct message *m)
{
	if (m->spool_header_done)
		return;
	m->spool_header_done = true;
	message_spool(m, "\r\n", 2);
}

/* message_body_add - a chunk of the body */
void
message_body_add(struct message *m, weir_str chunk, bool spool)
{
	m->body_octets += chunk.len;
	if (!spool)
		return;
	message_spool_eoh(m);
	message_spool(m, chunk.ptr, chunk.len);
}

/* message_raw - the whole of it */
int
message_raw(struct message *m, weir_str *out)
{
	message_spool_eoh(m);
	m->body_missed |= m->bodyless;
	if (m->spool_status < 0)
		return m->spool_status;
	return spool_view(&m->spool, out);
}

/* message_finish - the transaction is over */
void
message_finish(struct message **mp, enum message_end how)
{
	struct message *m = *mp;
	struct session *s = m->session;

	expect(!m->ended && s->message == m);
	run_cancel(s);
	explain_message(m, how);
	if (s->taped)
		recorder_message(m);
	run_message_end(m);
	m->ended = true;
	s->message = NULL;
	*mp = NULL;
	s->messages++;
	/* a long connection with many mails is no reason to refuse lookups */
	s->dns_queries = 0;
	session_macros_clear(s, WEIR_STAGE_MAIL);
	message_unref(m);
}

/* message_ref - somebody still uses its memory */
void
message_ref(struct message *m)
{
	m->refs++;
}

/* message_unref - the last one frees */
void
message_unref(struct message *m)
{
	struct pool *pool = m->pool;
	struct session *s = m->session;

	expect(m->refs > 0);
	if (--m->refs > 0)
		return;
	for (uint32_t i = 0; i < m->nrcpts; i++)
		plan_slots_drop(m->rcpts[i].slots);
	plan_slots_drop(m->slots);
	spool_fini(&m->spool);
	budget_give(m->taken);
	pool_destroy(&pool);
	session_unref(s);
}

/* message_header - the n-th field of that name */
const struct header *
message_header(const struct message *m, const char *name, uint32_t n)
{
	for (uint32_t i = 0; i < m->nheaders; i++) {
		if ((name == NULL || text_case_equals(m->headers[i].name,
					 name)) &&
		    n-- == 0)
			return &m->headers[i];
	}
	return NULL;
}

/* message_header_count - fields of that name */
uint32_t
message_header_count(const struct message *m, const char *name)
{
	uint32_t n = 0;

	if (name == NULL)
		return m->nheaders;
	for (uint32_t i = 0; i < m->nheaders; i++)
		n += text_case_equals(m->headers[i].name, name);
	return n;
}
