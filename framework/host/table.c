/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "conf/section.h"
#include "host/hold.h"
#include "obs/log.h"
#include "pipe/explain.h"
#include "pipe/plan.h"
#include "pipe/run.h"

#define LOG_LINE_MAX 16384
#define REASON_MAX 4096
#define VERDICT_MIN \
	(offsetof(struct weir_verdict, text) + sizeof(const char *))

static int (*networks_fn)(const char *, const struct ip *);

/* table_networks - who knows networks by name */
void
table_networks(int (*fn)(const char *, const struct ip *))
{
	networks_fn = fn;
}

/* table_ext - an extension by id */
const void *
table_ext(const char *id)
{
	static const struct {
		const char *id;
		const void *table;
	} all[] = {
		{ WEIR_EXT_DNS, &ext_dns_table },
		{ WEIR_EXT_TIMER, &ext_timer_table },
		{ WEIR_EXT_JOB, &ext_job_table },
		{ WEIR_EXT_STORE, &ext_store_table },
		{ WEIR_EXT_EDIT, &ext_edit_table },
		{ WEIR_EXT_MIME, &ext_mime_table },
		{ WEIR_EXT_METRIC, &ext_metric_table },
		{ WEIR_EXT_SERVICE, &ext_service_table },
		{ WEIR_EXT_CONTROL, &ext_control_table },
	};

	for (size_t i = 0; id != NULL && i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(all[i].id, id) == 0)
			return all[i].table;
	}
	return NULL;
}

_Thread_local struct module *table_thread_module;

/* table_foreign - a thread asks for what only the loop may: say so once */
static void
table_foreign(void)
{
	static _Atomic bool told;
	struct module *m = table_thread_module;

	if (!atomic_exchange(m != NULL ? &m->told_thread : &told, true))
		log_event(WEIR_LOG_ERROR, LOG_MODULE_FAILED, "%s%s calls a "
		    "[loop] function from a thread",
		    m != NULL ? "module " : "", m != NULL ? m->name :
							    "a module");
}

/* table_call - check thread and handle */
struct call *
table_call(weir_call *handle, int *status)
{
	struct call *c;

	if (!loop_is_thread()) {
		table_foreign();
		*status = WEIR_E_STATE;
		return NULL;
	}
	c = call_find(handle);
	*status = c != NULL ? WEIR_OK : WEIR_E_STALE;
	return c;
}

/* table_starter - may this call start something that it waits for */
struct call *
table_starter(weir_call *handle, int *status)
{
	struct call *c = table_call(handle, status);

	if (c == NULL)
		return NULL;
	if (c->given_up)
		*status = WEIR_E_CANCELLED;
	else if (c->session != NULL && (c->stage == WEIR_STAGE_HEADER ||
					   c->stage == WEIR_STAGE_BODY))
		*status = WEIR_E_STATE;
	return *status == WEIR_OK ? c : NULL;
}

static const void *
table_find_ext(weir_self *self, const char *id)
{
	(void)self;
	return table_ext(id);
}

/* table_log - one line of the module's own */
static void
table_log(weir_self *self, weir_call *handle, int level, weir_str line)
{
	struct log_ctx ctx = { .module = NULL };
	struct call *c = NULL;
	int len;

	if (self == NULL || !table_is_str(line))
		return;
	ctx.module = table_module(self)->name;
	len = (int)(line.len < LOG_LINE_MAX ? line.len : LOG_LINE_MAX);
	if (level < WEIR_LOG_ERROR || level > WEIR_LOG_DEBUG)
		level = WEIR_LOG_INFO;
	if (!log_enabled(level))
		return;
	if (handle != NULL && loop_is_thread() &&
	    (c = call_find(handle)) != NULL && c->session != NULL) {
		ctx.session = c->session->id;
		ctx.stage = stage_name(c->stage);
		if (c->message != NULL) {
			ctx.message = c->message->id;
			ctx.queue_id = c->message->queue_id.ptr;
		}
	}
	if (loop_is_thread()) {
		const struct log_ctx *before = log_ctx_set(&ctx);

		log_event(level, LOG_MODULE_LOG, "%.*s", len,
		    len > 0 ? line.ptr : "");
		log_ctx_set(before);
	} else {
		log_event(level, LOG_MODULE_LOG, "%s: %.*s", ctx.module, len,
		    len > 0 ? line.ptr : "");
	}
}

static int64_t
table_wall(weir_self *self)
{
	(void)self;
	return clock_wall_ms();
}

static int64_t
table_mono(weir_self *self)
{
	(void)self;
	return clock_mono_ms();
}

/* table_alloc - memory by scope */
static void *
table_alloc(weir_call *handle, uint32_t scope, size_t size)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct pool *pool = c != NULL ? call_pool(c, scope) : NULL;

	return pool != NULL ? pool_try_alloc(pool, size) : NULL;
}

/* table_slot - a module's slot in a scope, made on demand */
static struct slot *
table_slot(struct call *c, uint32_t scope, uint32_t rcpt)
{
	struct slot **slots = NULL;
	struct pool *pool = NULL;

	if (c->session == NULL)
		return NULL;
	if (scope == WEIR_SCOPE_SESSION) {
		slots = &c->session->slots;
		pool = c->session->pool;
	} else if (c->message != NULL && scope == WEIR_SCOPE_MESSAGE) {
		slots = &c->message->slots;
		pool = c->message->pool;
	} else if (c->message != NULL && scope == WEIR_SCOPE_RCPT &&
	    rcpt < c->message->nrcpts) {
		slots = &c->message->rcpts[rcpt].slots;
		pool = c->message->pool;
	}
	if (slots == NULL)
		return NULL;
	if (*slots == NULL)
		*slots = plan_slots(pool);
	return &(*slots)[c->module->index];
}

static int
table_data_set(weir_call *handle, uint32_t scope, uint32_t rcpt, void *data,
    void (*drop)(void *))
{
	int status;
	struct call *c = table_call(handle, &status);
	struct slot *slot, old;

	if (c == NULL)
		return status;
	slot = table_slot(c, scope, rcpt);
	if (slot == NULL)
		return WEIR_E_STATE;
	old = *slot;
	slot->data = data;
	slot->drop = drop;
	if (old.data != NULL && old.drop != NULL && old.data != data)
		old.drop(old.data);
	return WEIR_OK;
}

static void *
table_data_get(weir_call *handle, uint32_t scope, uint32_t rcpt)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct slot *slot = c != NULL ? table_slot(c, scope, rcpt) : NULL;

	return slot != NULL ? slot->data : NULL;
}

static int
table_stage(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c == NULL ? status : c->session != NULL ? c->stage :
							 WEIR_E_STATE;
}

static int
table_phase(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c == NULL ? status : c->session != NULL ? c->phase :
							 WEIR_E_STATE;
}

/* table_number - a number as text in the call's memory */
static weir_str
table_number(struct call *c, uint64_t n)
{
	struct pool *pool = c->message != NULL ? c->message->pool :
						 c->session->pool;

	return text_slice(pool_printf(pool, "%llu", (unsigned long long)n));
}

/* table_session_attr - attributes of the session; ptr NULL: not known */
static weir_str
table_session_attr(struct call *c, uint32_t attr)
{
	struct session *s = c->session;
	weir_str none = { NULL, 0 }, out;
	const char *text = NULL;

	switch (attr) {
	case WEIR_A_SESSION_ID:
		text = s->id;
		break;
	case WEIR_A_CLIENT_ADDR:
		text = s->client_text;
		break;
	case WEIR_A_CLIENT_ADDR_BIN:
		out.ptr = (const char *)s->client.octets;
		out.len = s->client.len;
		return s->client.len != 0 ? out : none;
	case WEIR_A_CLIENT_NAME:
		text = s->client_name != NULL ? s->client_name : "";
		break;
	case WEIR_A_CLIENT_RNAME:
		text = s->client_rname != NULL ? s->client_rname : "";
		break;
	case WEIR_A_CLIENT_PORT:
		return s->client_port != 0 ? table_number(c, s->client_port) :
					     none;
	case WEIR_A_LISTENER:
		text = s->front->listener;
		break;
	case WEIR_A_FRONTEND:
		text = s->front->protocol;
		break;
	case WEIR_A_DIRECTION:
		text = s->is_out ? "out" : "in";
		break;
	case WEIR_A_HELO:
		text = s->helo;
		break;
	case WEIR_A_TLS_VERSION:
		text = s->tls_version;
		break;
	case WEIR_A_AUTH_USER:
		text = s->auth_user;
		break;
	case WEIR_A_SERVER_NAME:
		text = s->server_name;
		break;
	default:
		break;
	}
	return text != NULL ? text_slice(text) : none;
}

/* table_message_attr - attributes of message and recipient */
static weir_str
table_message_attr(struct call *c, uint32_t attr, uint32_t rcpt)
{
	struct message *m = c->message;
	weir_str none = { NULL, 0 };

	if (m == NULL)
		return none;
	switch (attr) {
	case WEIR_A_MESSAGE_ID:
		return text_slice(m->id);
	case WEIR_A_QUEUE_ID:
		return m->queue_id.len != 0 ? m->queue_id : none;
	case WEIR_A_SENDER:
		return m->sender;
	case WEIR_A_SENDER_PARAMS:
		return m->sender_params;
	case WEIR_A_SIZE:
		if (c->stage == WEIR_STAGE_EOM)
			return table_number(c,
			    m->header_octets + m->body_octets);
		return m->declared_size != 0 ?
		    table_number(c, m->declared_size) :
		    none;
	case WEIR_A_RCPT:
	case WEIR_A_RCPT_PARAMS:
		if (rcpt >= m->nrcpts || m->rcpts[rcpt].refused)
			return none;
		return attr == WEIR_A_RCPT ? m->rcpts[rcpt].address :
					     m->rcpts[rcpt].params;
	default:
		return none;
	}
}

static int
table_attr_get(weir_call *handle, uint32_t attr, uint32_t rcpt, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	if (c->session == NULL)
		return WEIR_E_STATE;
	*out = attr < WEIR_A_MESSAGE_ID ? table_session_attr(c, attr) :
					  table_message_attr(c, attr, rcpt);
	if (out->ptr != NULL)
		return WEIR_OK;
	*out = text_slice("");
	return WEIR_E_NOTFOUND;
}

static int
table_macro_get(weir_call *handle, const char *name, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (name == NULL || out == NULL)
		return WEIR_E_INVAL;
	if (c->session == NULL)
		return WEIR_E_STATE;
	*out = session_macro(c->session, name);
	if (out->ptr != NULL)
		return WEIR_OK;
	*out = text_slice("");
	return WEIR_E_NOTFOUND;
}

static uint32_t
table_rcpt_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->message != NULL ? c->message->nrcpts : 0;
}

static uint32_t
table_header_count(weir_call *handle, const char *name)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->message != NULL ?
	    message_header_count(c->message, name) :
	    0;
}

static int
table_header_at(weir_call *handle, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value_out)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct header *h;

	if (c == NULL)
		return status;
	h = c->message != NULL ? message_header(c->message, name, index) :
				 NULL;
	if (h == NULL)
		return WEIR_E_NOTFOUND;
	if (name_out != NULL)
		*name_out = h->name;
	if (value_out != NULL)
		*value_out = h->value;
	return WEIR_OK;
}

static int
table_in_networks(weir_call *handle, const char *name, const char *addr)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct ip ip;

	if (c == NULL)
		return status;
	if (addr != NULL) {
		if (!ip_parse(addr, &ip))
			return WEIR_E_INVAL;
	} else if (c->session != NULL) {
		ip = c->session->client;
	} else {
		return WEIR_E_STATE;
	}
	return networks_fn != NULL && name != NULL ? networks_fn(name, &ip) :
						     WEIR_E_NOTFOUND;
}

/* table_notes - where notes of this call go: before MAIL to the session */
static struct notes *
table_notes(struct call *c, struct pool **pool)
{
	if (c->message != NULL) {
		*pool = c->message->pool;
		return &c->message->notes;
	}
	*pool = c->session->pool;
	return &c->session->notes;
}

static int
table_finding(weir_call *handle, uint32_t symbol, uint32_t rcpt, double weight,
    weir_str reason)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct finding f;
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (c->session == NULL || c->phase == WEIR_PHASE_ACT || c->given_up)
		return WEIR_E_STATE;
	if (symbol >= c->module->nsymbols || !isfinite(weight) ||
	    !table_is_str(reason) ||
	    (rcpt != WEIR_RCPT_NONE &&
		(c->message == NULL || rcpt >= c->message->nrcpts)))
		return WEIR_E_INVAL;
	if (reason.len > REASON_MAX)
		reason.len = REASON_MAX;
	f.module = c->module;
	f.symbol = c->module->descriptor->symbols[symbol].name;
	f.rcpt = rcpt;
	f.stage = c->stage;
	f.shadow = c->module->shadow;
	f.score = c->module->scores[symbol] * weight;
	f.reason = reason;
	notes = table_notes(c, &pool);
	return notes_finding(notes, pool, &f);
}

static uint32_t
table_finding_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL || c->session == NULL)
		return 0;
	return c->session->notes.nfindings +
	    (c->message != NULL ? c->message->notes.nfindings : 0);
}

static int
table_finding_at(weir_call *handle, uint32_t index, struct weir_finding *out)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct weir_finding full;
	const struct finding *f;
	uint32_t size;

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	size = out->size;
	if (c->session == NULL)
		return WEIR_E_STATE;
	f = c->session->notes.findings;
	for (; f != NULL && index > 0; index--)
		f = f->next;
	if (f == NULL && c->message != NULL) {
		f = c->message->notes.findings;
		for (; f != NULL && index > 0; index--)
			f = f->next;
	}
	if (f == NULL)
		return WEIR_E_NOTFOUND;
	memset(&full, 0, sizeof(full));
	full.rcpt = f->rcpt;
	full.score = f->shadow ? 0 : f->score;
	full.symbol = text_slice(f->symbol);
	full.module = text_slice(f->module->name);
	full.reason = f->reason;
	full.size = size < sizeof(full) ? size : (uint32_t)sizeof(full);
	memcpy(out, &full, full.size);
	return WEIR_OK;
}

static double
table_score(weir_call *handle, uint32_t rcpt)
{
	int status;
	struct call *c = table_call(handle, &status);

	return c != NULL && c->session != NULL ?
	    explain_score(c->session, c->message, rcpt) :
	    0;
}

/* table_verdict_ok - is this a verdict that may be stated here */
static int
table_verdict_ok(const struct call *c, const struct weir_verdict *v)
{
	if (v->size < VERDICT_MIN || v->action > WEIR_ACT_REJECT || v->scope > WEIR_SCOPE_RCPT ||
	    (v->smtp_code != 0 && (v->smtp_code < 400 || v->smtp_code > 599)))
		return WEIR_E_INVAL;
	if (c->session == NULL || c->given_up ||
	    c->phase == WEIR_PHASE_COLLECT ||
	    (c->phase == WEIR_PHASE_ACT && v->action != WEIR_ACT_TEMPFAIL))
		return WEIR_E_STATE;
	if (v->scope != WEIR_SCOPE_SESSION && c->message == NULL)
		return WEIR_E_STATE;
	if (v->scope == WEIR_SCOPE_RCPT && v->rcpt >= c->message->nrcpts)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* table_reply_text - a module's text, safe for a reply and the log */
static const char *
table_reply_text(struct pool *pool, const char *text)
{
	char *copy, *w;

	if (text == NULL)
		return NULL;
	copy = pool_strndup(pool, text, strnlen(text, 2000));
	for (w = copy; *w != '\0'; w++) {
		if ((unsigned char)*w < 0x20 && *w != '\n')
			*w = ' ';
	}
	if (!text_is_utf8(text_slice(copy))) {
		for (w = copy; *w != '\0'; w++) {
			if ((unsigned char)*w >= 0x80)
				*w = '?';
		}
	}
	return copy;
}

/* table_enhanced - class 4 or 5 "." 1*3digit "." 1*3digit, or NULL (RFC 3463
   2): it stands in the reply as it is */
static const char *
table_enhanced(const char *s)
{
	const char *p = s;

	if (s == NULL || (s[0] != '4' && s[0] != '5'))
		return NULL;
	p++;
	for (int part = 0; part < 2; part++) {
		int digits = 0;

		if (*p++ != '.')
			return NULL;
		while (digits < 3 && text_is_digit((unsigned char)*p)) {
			digits++;
			p++;
		}
		if (digits == 0)
			return NULL;
	}
	return *p == '\0' ? s : NULL;
}

static int
table_verdict(weir_call *handle, const struct weir_verdict *in)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct weir_verdict v;
	struct opinion o;
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (in == NULL)
		return WEIR_E_INVAL;
	memset(&v, 0, sizeof(v));
	memcpy(&v, in, in->size < sizeof(v) ? in->size : sizeof(v));
	status = table_verdict_ok(c, &v);
	if (status < 0)
		return status;
	if (v.scope == WEIR_SCOPE_SESSION) {
		notes = &c->session->notes;
		pool = c->session->pool;
	} else {
		notes = &c->message->notes;
		pool = c->message->pool;
	}
	memset(&o, 0, sizeof(o));
	o.module = c->module;
	o.action = v.action;
	o.scope = v.scope;
	o.rcpt = v.scope == WEIR_SCOPE_RCPT ? v.rcpt : WEIR_RCPT_NONE;
	o.smtp_code = v.smtp_code;
	o.stage = c->stage;
	o.shadow = c->module->shadow;
	o.enhanced = table_enhanced(v.enhanced);
	o.text = table_reply_text(pool, v.text);
	return notes_opinion(notes, pool, &o);
}

static int
table_verdict_get(weir_call *handle, uint32_t rcpt, struct weir_verdict *out)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct opinion *o;
	struct weir_verdict full;
	uint32_t size;

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	size = out->size;
	if (c->session == NULL)
		return WEIR_E_STATE;
	o = run_answer(c->session, rcpt);
	memset(&full, 0, sizeof(full));
	full.rcpt = rcpt;
	if (o != NULL) {
		full.action = o->action;
		full.scope = o->scope;
		full.rcpt = o->rcpt;
		full.smtp_code = o->smtp_code;
		full.enhanced = o->enhanced;
		full.text = o->text;
	}
	full.size = size < sizeof(full) ? size : (uint32_t)sizeof(full);
	memcpy(out, &full, full.size);
	return WEIR_OK;
}

static int
table_fact_set(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str value)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct fact f;
	struct notes *notes;
	struct pool *pool;

	if (c == NULL)
		return status;
	if (c->session == NULL || c->given_up)
		return WEIR_E_STATE;
	if (key == NULL || key[0] == '\0' || strnlen(key, 65) > 64 ||
	    value.len > 16384 || !table_is_str(value) ||
	    (rcpt != WEIR_RCPT_NONE &&
		(c->message == NULL || rcpt >= c->message->nrcpts)))
		return WEIR_E_INVAL;
	f.module = c->module;
	f.rcpt = rcpt;
	f.shadow = c->module->shadow;
	f.key = (char *)(uintptr_t)key;
	f.value = value;
	notes = table_notes(c, &pool);
	return notes_fact(notes, pool, &f);
}

static int
table_fact_get(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str *value)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct fact *f = NULL;

	if (c == NULL)
		return status;
	if (key == NULL || value == NULL)
		return WEIR_E_INVAL;
	if (c->session == NULL)
		return WEIR_E_STATE;
	if (c->message != NULL) {
		if (rcpt != WEIR_RCPT_NONE)
			f = notes_fact_find(&c->message->notes, c->module, rcpt,
			    key);
		if (f == NULL)
			f = notes_fact_find(&c->message->notes, c->module,
			    WEIR_RCPT_NONE, key);
	}
	if (f == NULL)
		f = notes_fact_find(&c->session->notes, c->module,
		    WEIR_RCPT_NONE, key);
	if (f == NULL) {
		*value = text_slice("");
		return WEIR_E_NOTFOUND;
	}
	*value = f->value;
	return WEIR_OK;
}

static int
table_fail(weir_call *handle, int why, weir_str reason)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (c->given_up)
		return WEIR_E_CANCELLED;
	if (!table_is_str(reason))
		reason = text_slice("");
	if (reason.len > REASON_MAX)
		reason.len = REASON_MAX;
	call_fail(c, why < 0 ? why : WEIR_E_INTERNAL, reason);
	return WEIR_OK;
}

static uint32_t
table_unscanned_count(weir_call *handle)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL || c->session == NULL)
		return 0;
	return c->session->notes.nunscanned +
	    (c->message != NULL ? c->message->notes.nunscanned : 0);
}

static int
table_unscanned_at(weir_call *handle, uint32_t index, weir_str *module,
    weir_str *reason)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct unscanned *u;

	if (c == NULL)
		return status;
	if (c->session == NULL)
		return WEIR_E_STATE;
	for (u = c->session->notes.unscanned; u != NULL && index > 0; index--)
		u = u->next;
	if (u == NULL && c->message != NULL) {
		u = c->message->notes.unscanned;
		for (; u != NULL && index > 0; index--)
			u = u->next;
	}
	if (u == NULL)
		return WEIR_E_NOTFOUND;
	if (module != NULL)
		*module = text_slice(u->module->name);
	if (reason != NULL)
		*reason = u->reason;
	return WEIR_OK;
}

static int
table_want(weir_self *self, uint32_t flags)
{
	struct module *m = table_module(self);

	if (m == NULL)
		return WEIR_E_INVAL;
	if (m->created)
		return WEIR_E_STATE;
	m->flags |= flags & (WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY);
	return WEIR_OK;
}

static int
table_skip(weir_self *self, uint32_t phase, uint32_t stage)
{
	struct module *m = table_module(self);

	if (m == NULL)
		return WEIR_E_INVAL;
	if (m->created)
		return WEIR_E_STATE;
	if (phase >= WEIR_PHASE_COUNT || stage >= WEIR_STAGE_COUNT)
		return WEIR_E_INVAL;
	m->skips[phase] |= 1u << stage;
	return WEIR_OK;
}

const struct weir_host table_host = {
	.size = sizeof(struct weir_host),
	.abi_major = WEIR_ABI_MAJOR,
	.abi_minor = WEIR_ABI_MINOR,
	.version = PACKAGE_VERSION,
	.ext = table_find_ext,
	.log = table_log,
	.wall_ms = table_wall,
	.mono_ms = table_mono,
	.alloc = table_alloc,
	.data_set = table_data_set,
	.data_get = table_data_get,
	.stage = table_stage,
	.phase = table_phase,
	.attr_get = table_attr_get,
	.macro_get = table_macro_get,
	.rcpt_count = table_rcpt_count,
	.header_count = table_header_count,
	.header_at = table_header_at,
	.in_networks = table_in_networks,
	.finding = table_finding,
	.finding_count = table_finding_count,
	.finding_at = table_finding_at,
	.score = table_score,
	.verdict = table_verdict,
	.verdict_get = table_verdict_get,
	.fact_set = table_fact_set,
	.fact_get = table_fact_get,
	.fail = table_fail,
	.unscanned_count = table_unscanned_count,
	.unscanned_at = table_unscanned_at,
	.task = hold_task,
	.hold = hold_begin,
	.release = hold_release,
	.want = table_want,
	.skip = table_skip,
	.conf_bool = conf_bool,
	.conf_int = conf_int,
	.conf_real = conf_real,
	.conf_str = conf_str,
	.conf_list = conf_list,
	.conf_net = conf_net,
	.conf_sections = conf_sections,
	.conf_section = conf_section,
};
