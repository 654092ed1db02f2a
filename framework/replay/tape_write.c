/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape_write - a session and its message as octets. */
#include <string.h>

#include "base/text.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/module.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "replay/recorder.h"
#include "replay/tape.h"

static void
put_u8(struct buf *out, unsigned v)
{
	buf_add_char(out, (char)v);
}

static void
put_u32(struct buf *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put_u8(out, v >> shift & 0xff);
}

static void
put_u64(struct buf *out, uint64_t v)
{
	put_u32(out, (uint32_t)(v >> 32));
	put_u32(out, (uint32_t)v);
}

static void
put_real(struct buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_u64(out, bits);
}

static void
put_str(struct buf *out, weir_str s)
{
	put_u32(out, (uint32_t)s.len);
	buf_add(out, s.ptr, s.len);
}

/* put_text - a C string; NULL is empty */
static void
put_text(struct buf *out, const char *s)
{
	put_str(out, text_slice(s));
}

/* entry_begin - tag, and room for the length; where the content begins */
static size_t
entry_begin(struct buf *out, enum tape_tag tag)
{
	put_u8(out, tag);
	put_u32(out, 0);
	return out->len;
}

/* entry_end - the length is known */
static void
entry_end(struct buf *out, size_t begin)
{
	uint32_t n = (uint32_t)(out->len - begin);

	for (int i = 0; i < 4; i++)
		out->ptr[begin - 4 + i] = (char)(n >> (24 - 8 * i) & 0xff);
}

/* write_head - session and envelope sender */
static void
write_head(const struct session *s, const struct message *m, const char *kind,
    struct buf *out)
{
	const struct opinion *o = run_answer(s, WEIR_RCPT_NONE);
	size_t begin = entry_begin(out, TAPE_HEAD);

	put_u8(out, m != NULL);
	put_u8(out, m != NULL ? m->stage : s->stage);
	put_u8(out, o != NULL ? o->action : WEIR_ACT_NONE);
	put_u8(out, m != NULL && m->headers_cut);
	put_u64(out, (uint64_t)(m != NULL ? m->started_ms : s->started_ms));
	put_u64(out, m != NULL ? m->declared_size : 0);
	put_u32(out, s->client_port);
	put_str(out, (weir_str){ (const char *)s->client.octets,
		s->client.len });
	put_text(out, m != NULL ? m->id : s->id);
	put_text(out, s->id);
	put_str(out, m != NULL ? m->queue_id : text_slice(""));
	put_text(out, kind);
	put_text(out, s->front->protocol);
	put_text(out, s->front->listener);
	put_text(out, s->is_out ? "out" : "in");
	put_text(out, s->client_name);
	put_text(out, s->client_rname);
	put_text(out, s->helo);
	put_text(out, s->tls_version);
	put_text(out, s->auth_user);
	put_text(out, s->server_name);
	put_str(out, m != NULL ? m->sender : text_slice(""));
	put_str(out, m != NULL ? m->sender_params : text_slice(""));
	put_text(out, m != NULL ? m->reply : s->reply);
	entry_end(out, begin);
}

/* write_macros - those that are in force */
static void
write_macros(const struct session *s, struct buf *out)
{
	for (const struct macro *x = s->macros; x != NULL; x = x->next) {
		size_t begin;

		if (x->stage < 0)
			continue;
		begin = entry_begin(out, TAPE_MACRO);
		put_u8(out, (unsigned)x->stage);
		put_str(out, x->name);
		put_str(out, x->value);
		entry_end(out, begin);
	}
}

/* write_envelope - recipients and header */
static void
write_envelope(const struct session *s, const struct message *m,
    struct buf *out)
{
	size_t begin;

	for (uint32_t i = 0; i < m->nrcpts; i++) {
		begin = entry_begin(out, TAPE_RCPT);
		put_u8(out, m->rcpts[i].refused);
		put_u8(out, settle_got(s, m, i));
		put_str(out, m->rcpts[i].address);
		put_str(out, m->rcpts[i].params);
		entry_end(out, begin);
	}
	for (uint32_t i = 0; i < m->nheaders; i++) {
		begin = entry_begin(out, TAPE_FIELD);
		put_str(out, m->headers[i].name);
		put_str(out, m->headers[i].value);
		entry_end(out, begin);
	}
}

/* write_body - its size if the MTA sent it; its octets if they are wanted */
static void
write_body(struct message *m, size_t max, struct buf *out)
{
	size_t begin;
	weir_str raw;
	bool whole;

	if (!run_wants()->stage[WEIR_STAGE_BODY] || m->stage < WEIR_STAGE_EOM)
		return;
	whole = m->body_octets == 0 || (run_wants()->spool &&
	    m->body_octets <= max && message_raw(m, &raw) == WEIR_OK &&
	    raw.len >= m->body_octets);
	begin = entry_begin(out, TAPE_BODY);
	put_u64(out, m->body_octets);
	put_u8(out, whole);
	if (whole && m->body_octets > 0)
		buf_add(out, raw.ptr + raw.len - m->body_octets,
		    (size_t)m->body_octets);
	entry_end(out, begin);
}

/* write_weight - what the site made of a finding's symbol */
static double
write_weight(const struct finding *f)
{
	const struct weir_symbol *symbols = f->module->descriptor->symbols;

	for (uint32_t i = 0; i < f->module->nsymbols; i++) {
		if (strcmp(symbols[i].name, f->symbol) == 0)
			return f->module->scores[i];
	}
	return 1;
}

/* write_note - what all kinds have */
static size_t
write_note(struct buf *out, enum tape_tag tag, const struct module *module,
    uint32_t rcpt, int stage, bool shadow, bool of_session)
{
	size_t begin = entry_begin(out, tag);

	put_text(out, module != NULL ? module->name : "");
	put_u32(out, rcpt);
	put_u8(out, (unsigned)stage);
	put_u8(out, (shadow ? 1u : 0u) | (of_session ? 2u : 0u));
	return begin;
}

/* write_facts - the oldest first, as they were set */
static void
write_facts(const struct fact *f, bool of_session, struct buf *out)
{
	size_t begin;

	if (f == NULL)
		return;
	write_facts(f->next, of_session, out);
	begin = write_note(out, TAPE_FACT, f->module, f->rcpt, f->stage,
	    f->shadow, of_session);
	put_text(out, f->key);
	put_str(out, f->value);
	entry_end(out, begin);
}

/* write_notes - what modules said */
static void
write_notes(const struct notes *n, bool of_session, struct buf *out)
{
	size_t begin;

	for (const struct finding *f = n->findings; f != NULL; f = f->next) {
		begin = write_note(out, TAPE_FINDING, f->module, f->rcpt,
		    f->stage, f->shadow, of_session);
		put_text(out, f->symbol);
		put_real(out, f->score);
		put_real(out, write_weight(f));
		put_str(out, f->reason);
		entry_end(out, begin);
	}
	write_facts(n->facts, of_session, out);
	for (const struct opinion *o = n->opinions; o != NULL; o = o->next) {
		begin = write_note(out, TAPE_OPINION, o->module, o->rcpt,
		    o->stage, o->shadow, of_session);
		put_u8(out, o->action);
		put_u8(out, o->scope);
		put_u32(out, o->smtp_code);
		put_text(out, o->enhanced);
		put_text(out, o->text);
		entry_end(out, begin);
	}
	for (const struct unscanned *u = n->unscanned; u != NULL;
	     u = u->next) {
		begin = write_note(out, TAPE_UNSCANNED, u->module,
		    WEIR_RCPT_NONE, u->stage, u->shadow, of_session);
		put_u32(out, (uint32_t)u->status);
		put_str(out, u->reason);
		entry_end(out, begin);
	}
}

/* write_answers - what was asked of the DNS */
static void
write_answers(const struct recorder_dns *d, struct buf *out)
{
	for (; d != NULL; d = d->next) {
		size_t begin = entry_begin(out, TAPE_DNS);

		buf_add(out, d->octets.ptr, d->octets.len);
		entry_end(out, begin);
	}
}

/* tape_write_dns - one answer */
void
tape_write_dns(const char *name, uint16_t type,
    const struct weir_dns_answer *a, struct buf *out)
{
	put_text(out, name);
	put_u32(out, type);
	put_u32(out, (uint32_t)a->status);
	put_u32(out, a->rcode);
	put_u32(out, a->secure);
	put_u32(out, a->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);

		put_u32(out, rr->type);
		put_u32(out, rr->pref);
		put_u32(out, rr->ttl);
		put_str(out, rr->data);
	}
}

/* tape_write_module - that it was there */
void
tape_write_module(const char *name, uint64_t digest, struct buf *out)
{
	size_t begin = entry_begin(out, TAPE_MODULE);

	put_u64(out, digest);
	put_text(out, name);
	entry_end(out, begin);
}

/* tape_write - all of it */
void
tape_write(const struct session *s, struct message *m, const char *kind,
    size_t body_max, struct buf *out)
{
	put_u8(out, TAPE_VERSION);
	write_head(s, m, kind, out);
	write_macros(s, out);
	write_notes(&s->notes, true, out);
	write_answers(s->dns, out);
	if (m == NULL)
		return;
	write_envelope(s, m, out);
	write_notes(&m->notes, false, out);
	write_answers(m->dns, out);
	write_body(m, body_max, out);
}
