/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape_read - octets as a tape; they may be damaged or hostile. */
#include <math.h>
#include <string.h>

#include <weir/verdict.h>

#include "replay/tape.h"

#define TAPE_TEXT_MAX (1u << 20) /* octets of one text, bodies aside */
#define TAPE_RR_MAX 1000

/* What is left of an entry; bad: it had less than it promised. */
struct tape_cursor {
	const uint8_t *p, *end;
	struct pool *pool;
	bool bad;
};

static unsigned
get_u8(struct tape_cursor *c)
{
	if (c->p == c->end) {
		c->bad = true;
		return 0;
	}
	return *c->p++;
}

static uint32_t
get_u32(struct tape_cursor *c)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | get_u8(c);
	return v;
}

static uint64_t
get_u64(struct tape_cursor *c)
{
	uint64_t high = get_u32(c);

	return high << 32 | get_u32(c);
}

/* get_real - a score: a finite number */
static double
get_real(struct tape_cursor *c)
{
	uint64_t bits = get_u64(c);
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (!isfinite(v)) {
		c->bad = true;
		return 0;
	}
	return v;
}

/* get_enum - a number up to max */
static unsigned
get_enum(struct tape_cursor *c, unsigned max)
{
	unsigned v = get_u8(c);

	if (v > max) {
		c->bad = true;
		return 0;
	}
	return v;
}

/* get_str - a copy with a NUL behind */
static weir_str
get_str(struct tape_cursor *c)
{
	uint32_t n = get_u32(c);
	weir_str s = { (const char *)c->p, n };

	if (c->bad || n > (size_t)(c->end - c->p) || n > TAPE_TEXT_MAX) {
		c->bad = true;
		return (weir_str){ "", 0 };
	}
	c->p += n;
	return pool_str(c->pool, s);
}

/* get_text - one that becomes a C string: no NUL in it */
static weir_str
get_text(struct tape_cursor *c)
{
	weir_str s = get_str(c);

	if (memchr(s.ptr, '\0', s.len) != NULL)
		c->bad = true;
	return s;
}

/* read_head - session and envelope sender */
static void
read_head(struct tape_cursor *c, struct tape *t)
{
	weir_str *texts[] = { &t->id, &t->session, &t->queue_id, &t->kind,
		&t->protocol, &t->listener, &t->direction, &t->client_name,
		&t->client_rname, &t->helo, &t->tls, &t->auth, &t->server,
		&t->sender, &t->sender_params, &t->reply };
	weir_str client;

	t->has_message = get_enum(c, 1) != 0;
	t->stage = (int)get_enum(c, WEIR_STAGE_COUNT - 1);
	t->action = get_enum(c, WEIR_ACT_REJECT);
	t->headers_cut = get_enum(c, 1) != 0;
	t->time_ms = (int64_t)get_u64(c);
	/* years 1970 to 9999: what clocks and dates can be */
	if (t->time_ms < 0 || t->time_ms > INT64_C(253402300799999))
		c->bad = true;
	t->declared_size = get_u64(c);
	t->port = (uint16_t)get_u32(c);
	client = get_str(c);
	if (client.len != 0 && client.len != 4 && client.len != 16)
		c->bad = true;
	if (!c->bad) {
		t->client.len = (uint8_t)client.len;
		memcpy(t->client.octets, client.ptr, client.len);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = get_text(c);
}

/* read_note - what all kinds have */
static void
read_note(struct tape_cursor *c, struct tape_note *n)
{
	unsigned bits;

	n->module = get_text(c);
	n->rcpt = get_u32(c);
	n->stage = (int)get_enum(c, WEIR_STAGE_COUNT - 1);
	bits = get_enum(c, 3);
	n->shadow = (bits & 1) != 0;
	n->of_session = (bits & 2) != 0;
}

/* read_said - the rest of each kind */
static void
read_said(struct tape_cursor *c, struct tape *t, enum tape_tag tag)
{
	struct tape_note *n = tag == TAPE_FINDING ? vec_push(&t->findings) :
	    tag == TAPE_FACT			  ? vec_push(&t->facts) :
	    tag == TAPE_OPINION			  ? vec_push(&t->opinions) :
						    vec_push(&t->unscanned);

	read_note(c, n);
	switch (tag) {
	case TAPE_FINDING:
		n->name = get_text(c);
		n->score = get_real(c);
		n->weight = get_real(c);
		n->text = get_str(c);
		break;
	case TAPE_FACT:
		n->name = get_text(c);
		n->text = get_str(c);
		break;
	case TAPE_OPINION:
		n->action = get_enum(c, WEIR_ACT_REJECT);
		n->scope = get_enum(c, WEIR_SCOPE_RCPT);
		n->code = get_u32(c);
		n->name = get_text(c);
		n->text = get_text(c);
		break;
	default:
		n->status = (int)get_u32(c);
		n->text = get_str(c);
		break;
	}
}

/* read_dns - an answer with its records */
static void
read_dns(struct tape_cursor *c, struct tape *t)
{
	struct tape_dns *d = vec_push(&t->dns);
	struct weir_dns_rr *rr;
	uint32_t count;

	d->name = get_text(c);
	d->type = (uint16_t)get_u32(c);
	d->answer.status = (int)get_u32(c);
	d->answer.rcode = (uint16_t)get_u32(c);
	d->answer.secure = (uint16_t)get_u32(c);
	d->answer.stride = sizeof(*rr);
	count = get_u32(c);
	if (c->bad || d->answer.status > 0 || count > TAPE_RR_MAX ||
	    (d->answer.status < 0 && count > 0) ||
	    count > (size_t)(c->end - c->p) / 16) {
		c->bad = true;
		return;
	}
	rr = pool_array(c->pool, struct weir_dns_rr, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		rr[i].type = (uint16_t)get_u32(c);
		rr[i].pref = (uint16_t)get_u32(c);
		rr[i].ttl = get_u32(c);
		rr[i].data = get_str(c);
	}
	d->answer.rr = rr;
	d->answer.count = count;
}

/* read_body - size, perhaps octets */
static void
read_body(struct tape_cursor *c, struct tape *t)
{
	t->body_octets = get_u64(c);
	t->has_body_octets = true;
	t->has_body = get_enum(c, 1) != 0;
	if (!t->has_body)
		return;
	t->body = (weir_str){ (const char *)c->p, (size_t)(c->end - c->p) };
	if (t->body.len != t->body_octets)
		c->bad = true;
	t->body = pool_str(t->pool, t->body);
}

/* read_entry - one of them */
static void
read_entry(struct tape_cursor *c, struct tape *t, unsigned tag)
{
	switch (tag) {
	case TAPE_HEAD:
		read_head(c, t);
		break;
	case TAPE_MACRO: {
		struct tape_macro *m = vec_push(&t->macros);

		m->stage = (int)get_enum(c, WEIR_STAGE_COUNT - 1);
		m->name = get_text(c);
		m->value = get_text(c);
		break;
	}
	case TAPE_RCPT: {
		struct tape_rcpt *r = vec_push(&t->rcpts);

		r->refused = get_enum(c, 1) != 0;
		r->action = get_enum(c, WEIR_ACT_REJECT);
		r->address = get_text(c);
		r->params = get_text(c);
		break;
	}
	case TAPE_FIELD: {
		struct tape_field *f = vec_push(&t->fields);

		f->name = get_text(c);
		f->value = get_text(c);
		break;
	}
	case TAPE_BODY:
		read_body(c, t);
		break;
	case TAPE_FINDING:
	case TAPE_FACT:
	case TAPE_OPINION:
	case TAPE_UNSCANNED:
		read_said(c, t, (enum tape_tag)tag);
		break;
	case TAPE_DNS:
		read_dns(c, t);
		break;
	case TAPE_MODULE: {
		struct tape_module *m = vec_push(&t->modules);

		m->digest = get_u64(c);
		m->name = get_text(c);
		break;
	}
	default: /* of a newer version */
		break;
	}
}

/* read_check - what entries say of each other */
static bool
read_check(const struct tape *t)
{
	const struct tape_note *v[] = { t->findings.v, t->facts.v,
		t->opinions.v };
	const size_t n[] = { t->findings.n, t->facts.n, t->opinions.n };

	for (int k = 0; k < 3; k++) {
		for (size_t i = 0; i < n[k]; i++) {
			if (v[k][i].rcpt != WEIR_RCPT_NONE &&
			    v[k][i].rcpt >= t->rcpts.n)
				return false;
			/* a verdict on a recipient names one */
			if (k == 2 && v[k][i].scope == WEIR_SCOPE_RCPT &&
			    v[k][i].rcpt == WEIR_RCPT_NONE)
				return false;
		}
	}
	return t->has_message || (t->rcpts.n == 0 && t->fields.n == 0);
}

/* tape_read - entry after entry */
int
tape_read(const void *data, size_t len, struct tape **out, struct err *err)
{
	struct pool *pool = pool_create(4096, 0);
	struct tape *t = pool_new(pool, struct tape);
	struct tape_cursor all = { data, (const uint8_t *)data + len, pool,
		false };
	const char *why = NULL;
	size_t entries = 0;
	bool head = false;

	*out = NULL;
	t->pool = pool;
	if (len > TAPE_MAX || get_u8(&all) != TAPE_VERSION)
		why = "another version";
	while (why == NULL && all.p < all.end) {
		unsigned tag = get_u8(&all);
		uint32_t n = get_u32(&all);
		struct tape_cursor c = { all.p, all.p, pool, false };

		if (all.bad || n > (size_t)(all.end - all.p)) {
			why = "it ends too early";
			break;
		}
		if (head != (tag != TAPE_HEAD) || ++entries >
		    TAPE_ENTRIES_MAX) {
			why = "its entries are in disorder";
			break;
		}
		head = true;
		c.end = all.p += n;
		read_entry(&c, t, tag);
		if (c.bad)
			why = "an entry is damaged";
	}
	if (why == NULL && !head)
		why = "it is empty";
	if (why == NULL && !read_check(t))
		why = "its entries contradict each other";
	if (why != NULL) {
		tape_destroy(&t);
		return err_set(err, WEIR_E_INVAL, "%s", why);
	}
	*out = t;
	return WEIR_OK;
}

/* tape_destroy - free it */
void
tape_destroy(struct tape **tape)
{
	struct tape *t = *tape;
	struct pool *pool;

	*tape = NULL;
	if (t == NULL)
		return;
	vec_fini(&t->macros);
	vec_fini(&t->rcpts);
	vec_fini(&t->fields);
	vec_fini(&t->findings);
	vec_fini(&t->facts);
	vec_fini(&t->opinions);
	vec_fini(&t->unscanned);
	vec_fini(&t->dns);
	vec_fini(&t->modules);
	pool = t->pool;
	pool_destroy(&pool);
}
