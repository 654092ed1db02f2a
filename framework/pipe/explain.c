/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pipe/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "obs/record.h"
#include "pipe/guard.h"
#include "pipe/module.h"
#include "pipe/run.h"
#include "pipe/settle.h"

static bool enabled;

/* explain_enable - is anybody going to read it */
void
explain_enable(bool keep)
{
	enabled = keep;
}

/* explain_is_enabled - should records be built */
bool
explain_is_enabled(void)
{
	return enabled;
}

/* explain_text - octets from outside as a JSON string */
static json_t *
explain_text(weir_str s)
{
	json_t *j = json_stringn(s.ptr != NULL ? s.ptr : "", s.len);

	if (j == NULL) {
		/* not UTF-8: show it escaped */
		char clean[4096];
		size_t n = text_escape(clean, sizeof(clean), s);

		j = json_stringn(clean, n);
	}
	return j;
}

/* explain_str - a C string or nothing */
static void
explain_str(json_t *o, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_object_set_new(o, key, explain_text(text_slice(value)));
}

/* explain_module - whose note it is */
static const char *
explain_module(const struct module *m)
{
	return m != NULL ? m->name : "weir";
}

/* explain_rcpt - the recipient that a note is about */
static void
explain_rcpt(json_t *o, const struct message *m, uint32_t rcpt)
{
	if (rcpt != WEIR_RCPT_NONE && m != NULL && rcpt < m->nrcpts)
		json_object_set_new(o, "recipient",
		    explain_text(m->rcpts[rcpt].address));
}

/* explain_facts - what is there already stays: it counts more */
static void
explain_facts(json_t *root, const struct notes *n, const struct message *m)
{
	json_t *facts = json_object_get(root, "facts");

	for (const struct fact *f = n->facts; f != NULL; f = f->next) {
		json_t *o = facts;

		if (f->shadow)
			continue;
		if (f->rcpt != WEIR_RCPT_NONE && m != NULL &&
		    f->rcpt < m->nrcpts) {
			/* facts of one recipient stand with it */
			json_t *r = json_array_get(
			    json_object_get(root, "recipients"), f->rcpt);

			o = json_object_get(r, "facts");
			if (o == NULL) {
				o = json_object();
				json_object_set_new(r, "facts", o);
			}
		}
		if (json_object_get(o, f->key) == NULL)
			json_object_set_new(o, f->key, explain_text(f->value));
	}
}

/* explain_notes - add one set of notes to the arrays */
static void
explain_notes(json_t *root, const struct notes *n, const struct message *m)
{
	json_t *findings = json_object_get(root, "findings");
	json_t *opinions = json_object_get(root, "opinions");
	json_t *unscanned = json_object_get(root, "unscanned");

	for (const struct finding *f = n->findings; f != NULL; f = f->next) {
		json_t *o = json_object();

		json_object_set_new(o, "symbol", json_string(f->symbol));
		json_object_set_new(o, "module",
		    json_string(explain_module(f->module)));
		json_object_set_new(o, "score", json_real(f->score));
		json_object_set_new(o, "reason", explain_text(f->reason));
		explain_rcpt(o, m, f->rcpt);
		if (f->shadow)
			json_object_set_new(o, "shadow", json_true());
		json_array_append_new(findings, o);
	}
	for (const struct opinion *p = n->opinions; p != NULL; p = p->next) {
		json_t *o = json_object();

		json_object_set_new(o, "module",
		    json_string(explain_module(p->module)));
		json_object_set_new(o, "verdict",
		    json_string(action_name((int)p->action)));
		json_object_set_new(o, "stage", json_string(stage_name(
						    p->stage)));
		explain_rcpt(o, m,
		    p->scope == WEIR_SCOPE_RCPT ? p->rcpt : WEIR_RCPT_NONE);
		explain_str(o, "text", p->text);
		if (p->shadow)
			json_object_set_new(o, "shadow", json_true());
		json_array_append_new(opinions, o);
	}
	for (const struct unscanned *u = n->unscanned; u != NULL;
	     u = u->next) {
		json_t *o = json_object();

		json_object_set_new(o, "module",
		    json_string(explain_module(u->module)));
		json_object_set_new(o, "stage", json_string(stage_name(
						    u->stage)));
		json_object_set_new(o, "status", json_string(status_name(
						     u->status)));
		json_object_set_new(o, "reason", explain_text(u->reason));
		if (u->shadow)
			json_object_set_new(o, "shadow", json_true());
		json_array_append_new(unscanned, o);
	}
}

/* explain_edits - what was asked to be changed, in the order of asking */
static json_t *
explain_edits(const struct message *m)
{
	json_t *all = json_array();

	for (const struct edit *e = m->edits.first; e != NULL; e = e->next) {
		json_t *o = json_object();

		json_object_set_new(o, "module",
		    json_string(explain_module(e->module)));
		json_object_set_new(o, "kind",
		    json_string(edit_kind_name(e->kind)));
		if (e->name.len > 0)
			json_object_set_new(o, "name", explain_text(e->name));
		if (e->kind == EDIT_BODY)
			json_object_set_new(o, "octets",
			    json_integer((json_int_t)e->value.len));
		else if (e->value.len > 0)
			json_object_set_new(o, "value", explain_text(e->value));
		if (e->kind <= EDIT_HEADER_INSERT)
			json_object_set_new(o, "n", json_integer(e->n));
		if (e->shadow)
			json_object_set_new(o, "shadow", json_true());
		json_array_append_new(all, o);
	}
	return all;
}

/* explain_score - what counts for one recipient */
double
explain_score(const struct session *s, const struct message *m, uint32_t rcpt)
{
	double sum = 0;

	for (const struct finding *f = s->notes.findings; f != NULL;
	     f = f->next)
		sum += f->shadow ? 0 : f->score;
	if (m == NULL)
		return sum;
	for (const struct finding *f = m->notes.findings; f != NULL;
	     f = f->next) {
		if (!f->shadow &&
		    (f->rcpt == WEIR_RCPT_NONE || f->rcpt == rcpt))
			sum += f->score;
	}
	return sum;
}

/* explain_client - who it came from */
static json_t *
explain_client(const struct session *s)
{
	json_t *o = json_object();

	explain_str(o, "address", s->client_text);
	explain_str(o, "name", s->client_name);
	explain_str(o, "helo", s->helo);
	explain_str(o, "user", s->auth_user);
	explain_str(o, "tls", s->tls_version);
	return o;
}

/* explain_recipients - each with its fate */
static json_t *
explain_recipients(const struct session *s, const struct message *m)
{
	json_t *all = json_array();

	for (uint32_t i = 0; m != NULL && i < m->nrcpts; i++) {
		uint32_t action = settle_got(s, m, i);
		json_t *r = json_object();

		json_object_set_new(r, "address",
		    explain_text(m->rcpts[i].address));
		json_object_set_new(r, "verdict",
		    json_string(action_name((int)action)));
		if (action == WEIR_ACT_QUARANTINE)
			explain_str(r, "kept", m->rcpts[i].kept);
		json_array_append_new(all, r);
	}
	return all;
}

/* explain_verdict - one word for the whole transaction */
static const char *
explain_verdict(const struct session *s, const struct message *m)
{
	const struct opinion *o = run_answer(s, WEIR_RCPT_NONE);
	uint32_t strongest = o != NULL ? o->action : WEIR_ACT_NONE;

	for (uint32_t i = 0; m != NULL && i < m->nrcpts; i++) {
		o = run_answer(s, i);
		if (o != NULL && o->action > strongest)
			strongest = o->action;
		if (m->rcpts[i].final > strongest)
			strongest = m->rcpts[i].final;
	}
	if (m != NULL && m->aborted && strongest < WEIR_ACT_TEMPFAIL)
		return "aborted";
	/* nobody minds: it goes through */
	return action_name(strongest == WEIR_ACT_NONE ? WEIR_ACT_ACCEPT :
							(int)strongest);
}

/* explain_json - the whole record */
json_t *
explain_json(const struct session *s, const struct message *m,
    const char *kind)
{
	json_t *o = json_object();
	char when[32];

	text_time(when, m != NULL ? m->started_ms : s->started_ms);
	json_object_set_new(o, "v", json_integer(EXPLAIN_VERSION));
	json_object_set_new(o, "id", json_string(m != NULL ? m->id : s->id));
	json_object_set_new(o, "kind", json_string(kind));
	json_object_set_new(o, "time", json_string(when));
	json_object_set_new(o, "session", json_string(s->id));
	if (m != NULL && m->queue_id.len > 0)
		json_object_set_new(o, "queue_id", explain_text(m->queue_id));
	json_object_set_new(o, "listener", json_string(s->front->listener));
	json_object_set_new(o, "direction",
	    json_string(s->is_out ? "out" : "in"));
	json_object_set_new(o, "client", explain_client(s));
	if (m != NULL) {
		json_object_set_new(o, "sender", explain_text(m->sender));
		json_object_set_new(o, "size",
		    json_integer((json_int_t)(m->header_octets +
			m->body_octets)));
	}
	json_object_set_new(o, "verdict", json_string(explain_verdict(s, m)));
	explain_str(o, "reply", m != NULL ? m->reply : s->reply);
	json_object_set_new(o, "score",
	    json_real(explain_score(s, m, WEIR_RCPT_NONE)));
	json_object_set_new(o, "recipients", explain_recipients(s, m));
	json_object_set_new(o, "findings", json_array());
	json_object_set_new(o, "facts", json_object());
	json_object_set_new(o, "opinions", json_array());
	json_object_set_new(o, "unscanned", json_array());
	explain_notes(o, &s->notes, m);
	if (m != NULL) {
		explain_notes(o, &m->notes, m);
		/* the message's before the session's, as fact_get finds them */
		explain_facts(o, &m->notes, m);
	}
	explain_facts(o, &s->notes, m);
	json_object_set_new(o, "edits", m != NULL ? explain_edits(m) :
						    json_array());
	if (m != NULL)
		json_object_set_new(o, "ms",
		    json_real((double)(clock_mono_ns() - m->started_ns) /
			1e6));
	return o;
}

/* explain_queue_id - the MTA's, from what it told so far */
static weir_str
explain_queue_id(const struct session *s, const struct message *m)
{
	weir_str none = { "", 0 }, id;

	if (m == NULL)
		return none;
	if (m->queue_id.len > 0)
		return m->queue_id;
	id = session_macro(s, "i");
	return id.ptr != NULL ? id : none;
}

/* explain_keep - hand the record to the database */
static void
explain_keep(const struct session *s, const struct message *m,
    const char *kind, bool replaces)
{
	json_t *json = explain_json(s, m, kind);
	char *text = json_dumps(json, JSON_COMPACT);
	struct buf rcpts = BUF_INIT;
	struct record r;

	for (uint32_t i = 0; m != NULL && i < m->nrcpts && i < 50; i++) {
		if (i > 0)
			buf_add_char(&rcpts, ' ');
		buf_add(&rcpts, m->rcpts[i].address.ptr,
		    m->rcpts[i].address.len);
	}
	memset(&r, 0, sizeof(r));
	r.time_ms = m != NULL ? m->started_ms : s->started_ms;
	r.id = text_slice(m != NULL ? m->id : s->id);
	r.session = text_slice(s->id);
	r.queue_id = explain_queue_id(s, m);
	r.kind = text_slice(kind);
	r.verdict = text_slice(explain_verdict(s, m));
	r.sender = m != NULL ? m->sender : text_slice("");
	r.client = text_slice(s->client_text);
	r.recipients = buf_str(&rcpts);
	r.json = text_slice(text);
	r.replaces = replaces;
	record_put(&r);
	free(text);
	buf_fini(&rcpts);
	json_decref(json);
}

/* explain_missing - modules that did not check, each once; how many */
static size_t
explain_missing(const struct notes *notes, weir_str *names, size_t n,
    size_t max)
{
	for (const struct unscanned *u = notes->unscanned; u != NULL && n < max;
	     u = u->next) {
		const char *name = explain_module(u->module);
		size_t i = 0;

		while (i < n && !text_equals(names[i], name))
			i++;
		if (i == n && !u->shadow)
			names[n++] = text_slice(name);
	}
	return n;
}

/* explain_kept - ids of durable copies that count, each once; how many */
static size_t
explain_kept(const struct message *m, weir_str *ids, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 0; m != NULL && i < m->nrcpts && n < max; i++) {
		const struct rcpt *r = &m->rcpts[i];
		size_t k = 0;

		if (r->kept == NULL || r->final != WEIR_ACT_QUARANTINE)
			continue;
		while (k < n && !text_equals(ids[k], r->kept))
			k++;
		if (k == n)
			ids[n++] = text_slice(r->kept);
	}
	return n;
}

/* explain_log - one line for the decision */
static void
explain_log(const struct session *s, const struct message *m,
    enum log_event_id event)
{
	struct log_ctx ctx = { .session = s->id };
	const struct log_ctx *before;
	struct log_field f[9];
	weir_str symbols[50], missing[10], kept[10];
	size_t n = 0, k = 0, lost;

	if (!log_enabled(WEIR_LOG_INFO))
		return;
	/* what stands in the reply: before MAIL it is the session's */
	ctx.message = m != NULL ? m->id : s->id;
	ctx.queue_id = m != NULL && m->queue_id.len > 0 ? m->queue_id.ptr :
							  NULL;
	for (const struct finding *x = s->notes.findings; x != NULL && k < 50;
	     x = x->next)
		symbols[k++] = text_slice(x->symbol);
	for (const struct finding *x = m != NULL ? m->notes.findings : NULL;
	     x != NULL && k < 50; x = x->next)
		symbols[k++] = text_slice(x->symbol);
	f[n++] = log_text("verdict", explain_verdict(s, m));
	f[n++] = log_real("score", explain_score(s, m, WEIR_RCPT_NONE));
	f[n++] = log_text("client", s->client_text);
	if (m != NULL) {
		f[n++] = log_str("sender", m->sender);
		f[n++] = log_int("recipients", m->nrcpts);
		f[n++] = log_int("size",
		    (int64_t)(m->header_octets + m->body_octets));
	}
	f[n++] = log_list("symbols", symbols, k);
	lost = explain_missing(&s->notes, missing, 0, 10);
	if (m != NULL)
		lost = explain_missing(&m->notes, missing, lost, 10);
	if (lost > 0)
		f[n++] = log_list("unscanned", missing, lost);
	k = explain_kept(m, kept, 10);
	if (k > 0)
		f[n++] = log_list("kept", kept, k);
	before = log_ctx_set(&ctx);
	log_fields(WEIR_LOG_INFO, event, f, n, "%s",
	    m != NULL && m->reply != NULL ? m->reply :
		m == NULL && s->reply != NULL ? s->reply : "");
	log_ctx_set(before);
}

/* explain_count - verdicts for the metrics */
static void
explain_count(const struct session *s, const struct message *m)
{
	static int ids[WEIR_ACT_REJECT + 1];
	static bool known;
	const char *word = explain_verdict(s, m);

	guard_decided();
	for (int i = 0; i <= WEIR_ACT_REJECT; i++) {
		char labels[32];

		if (!known) {
			snprintf(labels, sizeof(labels), "verdict=\"%s\"",
			    action_name(i));
			ids[i] = metric_counter("weir_messages", labels,
			    "Transactions by their strongest verdict.");
		}
		if (strcmp(word, action_name(i)) == 0)
			metric_add(ids[i], 1);
	}
	known = true;
}

/* explain_kind - which front-end's transactions these are */
static const char *
explain_kind(const struct session *s)
{
	return strcmp(s->front->protocol, "policy") == 0 ? "policy" :
							   "message";
}

/* explain_state - changes whenever something is added to the story */
static uint32_t
explain_state(const struct session *s, const struct message *m)
{
	return 1 + s->notes.nopinions + m->notes.nopinions +
	    m->notes.nfindings + m->nrcpts;
}

/* explain_early - refused with no message at hand */
static void
explain_early(struct session *s)
{
	const struct opinion *o;

	if (s->explained || s->notes.nopinions == 0)
		return;
	o = run_answer(s, WEIR_RCPT_NONE);
	if (o == NULL || o->action < WEIR_ACT_TEMPFAIL)
		return;
	s->explained = true;
	explain_count(s, NULL);
	explain_log(s, NULL, LOG_MESSAGE_VERDICT);
	if (enabled)
		explain_keep(s, NULL, "early", false);
}

/* explain_refused - somebody has just been refused: their question may come
   long before the transaction ends */
void
explain_refused(struct session *s)
{
	struct message *m = s->message;

	if (m == NULL) {
		explain_early(s);
		return;
	}
	if (m->explained == 0) {
		explain_count(s, m);
		explain_log(s, m, LOG_MESSAGE_VERDICT);
	}
	if (enabled)
		explain_keep(s, m, explain_kind(s), m->explained != 0 ||
			m->host_refused);
	m->explained = explain_state(s, m);
}

/* explain_host_refused - what the host itself says is in no notes, as it must
   not hold for what comes later in the session: only the record has it */
void
explain_host_refused(struct session *s, const struct opinion *o)
{
	struct message *m = s->message;
	struct notes *notes = m != NULL ? &m->notes : &s->notes,
		     before = *notes;
	struct opinion said = *o;

	said.scope = m != NULL ? WEIR_SCOPE_MESSAGE : WEIR_SCOPE_SESSION;
	notes_opinion(notes, m != NULL ? m->pool : s->pool, &said);
	if (m == NULL && !s->explained) {
		s->explained = true;
		explain_count(s, NULL);
		explain_log(s, NULL, LOG_MESSAGE_VERDICT);
		if (enabled)
			explain_keep(s, NULL, "early", false);
	} else if (m != NULL && enabled) {
		/* the transaction may go on; its end replaces this */
		explain_keep(s, m, explain_kind(s), m->explained != 0 ||
			m->host_refused);
		m->host_refused = true;
	}
	*notes = before;
	*notes->opinions_end = NULL;
}

/* explain_message - a transaction ended */
void
explain_message(struct message *m, enum message_end how)
{
	struct session *s = m->session;

	m->aborted = how == MESSAGE_ABORTED;
	if (m->queue_id.len == 0) {
		weir_str id = explain_queue_id(s, m);

		if (id.len > 0)
			m->queue_id = pool_str(m->pool, id);
	}
	/* given up before anything was said of it: nothing to explain */
	if (how == MESSAGE_ABORTED && m->notes.nopinions == 0 &&
	    m->notes.nfindings == 0 && s->notes.nopinions == 0)
		return;
	/* the host has refused all that there was */
	if (m->explained == explain_state(s, m) ||
	    (m->host_refused && m->nrcpts == 0))
		return;
	if (m->explained == 0) {
		explain_count(s, m);
		explain_log(s, m, how == MESSAGE_ABORTED ?
			LOG_MESSAGE_ABORT : LOG_MESSAGE_VERDICT);
	}
	if (enabled)
		explain_keep(s, m, explain_kind(s), m->explained != 0 ||
			m->host_refused);
}

/* explain_session - refused before a message began */
void
explain_session(struct session *s)
{
	/* what was said of a message is in its record */
	if (s->messages == 0)
		explain_early(s);
}
