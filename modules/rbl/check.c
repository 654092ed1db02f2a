/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - the stages: who is asked about when, and what follows.
 *
 * Lists are asked about the client as soon as it connects, but what they say
 * is stated at mail, when it is known whether the client has authenticated:
 * the lists of dial-up addresses would else hit the site's own users.
 */
#include "rbl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define CHECK_LINKS_MAX 1000
#define CHECK_HELO_MAX 4 /* names of one session that are asked about */

/* What a session's lists said, until it is stated. */
struct note {
	struct note *next;
	uint32_t symbol;
	double score;
	char *reason;
};
struct check_session {
	bool allowed; /* an allow list names the client */
	bool failed;  /* no list answered */
	struct note *notes, **tail;
	uint32_t helos;
	uint32_t helo_zones; /* that have listed a HELO name: bits */
	char helo[NAME_SIZE];
	char off[NAME_SIZE + 192]; /* why, if failed */
};

/* check_attr - an attribute, or the empty slice */
static weir_str
check_attr(const struct rbl *r, weir_call *call, uint32_t attr)
{
	weir_str value;

	if (r->host->attr_get(call, attr, WEIR_RCPT_NONE, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* check_skip - mail of the site's own people */
static bool
check_skip(const struct rbl *r, weir_call *call)
{
	return weir_str_eq(check_attr(r, call, WEIR_A_DIRECTION), "out") ||
	    check_attr(r, call, WEIR_A_AUTH_USER).len > 0 ||
	    r->host->in_networks(call, "internal", NULL) == 1;
}

/* check_address - the client's address; false if lists can't know it */
static bool
check_address(const struct rbl *r, weir_call *call, struct subject *s)
{
	weir_str addr = check_attr(r, call, WEIR_A_CLIENT_ADDR_BIN);

	memset(s, 0, sizeof(*s));
	if ((addr.len != 4 && addr.len != 16) ||
	    !name_is_public((const unsigned char *)addr.ptr, addr.len))
		return false;
	s->len = addr.len;
	memcpy(s->addr, addr.ptr, addr.len);
	inet_ntop(addr.len == 4 ? AF_INET : AF_INET6, s->addr, s->text,
	    sizeof(s->text));
	return true;
}

/* check_session_get - the session's notes, made on first use */
static struct check_session *
check_session_get(struct rbl *r, weir_call *call)
{
	struct check_session *s = r->host->data_get(call, WEIR_SCOPE_SESSION,
	    WEIR_RCPT_NONE);

	if (s != NULL)
		return s;
	s = r->host->alloc(call, WEIR_SCOPE_SESSION, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->tail = &s->notes;
	if (r->host->data_set(call, WEIR_SCOPE_SESSION, WEIR_RCPT_NONE, s,
	    NULL) != WEIR_OK)
		return NULL;
	return s;
}

/* check_fact - add a zone to a fact that is a list of zones */
static void
check_fact(struct rbl *r, weir_call *call, const char *key, const char *zone)
{
	char list[4096];
	weir_str old;
	size_t n = 0, len = strlen(zone);

	if (r->host->fact_get(call, WEIR_RCPT_NONE, key, &old) == WEIR_OK &&
	    old.len > 0) {
		const char *p = old.ptr;

		while ((p = memmem(p, old.len - (size_t)(p - old.ptr), zone,
		    len)) != NULL) {
			size_t at = (size_t)(p - old.ptr);

			if ((at == 0 || old.ptr[at - 1] == ' ') &&
			    (at + len == old.len || old.ptr[at + len] == ' '))
				return;
			p++;
		}
		if (old.len + len + 1 > sizeof(list))
			return;
		memcpy(list, old.ptr, old.len);
		n = old.len;
		list[n++] = ' ';
	}
	memcpy(list + n, zone, len);
	r->host->fact_set(call, WEIR_RCPT_NONE, key,
	    (weir_str){ list, n + len });
}

/* check_reason - the evidence in one sentence */
static size_t
check_reason(char *out, size_t size, const struct batch *b,
    const struct hit *h)
{
	int n = snprintf(out, size, "%s is listed in %s (%u.%u.%u.%u)",
	    b->subjects[h->subject].text, h->zone->name, h->addr >> 24,
	    h->addr >> 16 & 255, h->addr >> 8 & 255, h->addr & 255);

	return n < (int)size ? (size_t)n : size - 1;
}

/* check_off - why nothing was asked or answered */
static void
check_off(char *out, size_t size, const struct batch *b)
{
	const struct zone *z = b->off;

	snprintf(out, size, "no list has answered; %s: %s", z->name,
	    z->state == ZONE_UP || z->why[0] == '\0' ? "no usable answer"
						     : z->why);
}

/* check_note - keep what a list says about the session */
static void
check_note(struct check_session *s, struct batch *b, weir_call *call,
    const struct hit *h)
{
	struct rbl *r = b->r;
	char reason[2 * NAME_SIZE + 64];
	size_t len = check_reason(reason, sizeof(reason), b, h);
	struct note *n = r->host->alloc(call, WEIR_SCOPE_SESSION, sizeof(*n));
	char *copy = r->host->alloc(call, WEIR_SCOPE_SESSION, len + 1);

	if (n == NULL || copy == NULL)
		return;
	memcpy(copy, reason, len);
	n->symbol = h->zone->allow ? SYMBOL_ALLOWED : h->kind;
	n->score = h->score;
	n->reason = copy;
	*s->tail = n;
	s->tail = &n->next;
}

/* check_session_done - answers about client, its name, or HELO */
static void
check_session_done(struct batch *b, weir_call *call)
{
	struct rbl *r = b->r;
	struct check_session *s = check_session_get(r, call);

	if (s == NULL)
		return;
	for (struct hit *h = b->hits; h != NULL; h = h->next)
		s->allowed = s->allowed || h->zone->allow;
	for (struct hit *h = b->hits; h != NULL; h = h->next) {
		uint32_t bit = 1u << (h->zone - r->zones);

		if (!h->zone->allow && s->allowed)
			continue;
		if (h->kind == KIND_HELO && (s->helo_zones & bit) != 0)
			continue;
		if (h->kind == KIND_HELO)
			s->helo_zones |= bit;
		check_note(s, b, call, h);
		check_fact(r, call, h->zone->allow ? "rbl.allowed"
						   : "rbl.listed",
		    h->zone->name);
	}
	if (b->wanted > 0 && b->ran == 0) {
		s->failed = true;
		check_off(s->off, sizeof(s->off), b);
	}
}

/* check_message_done - answers about the sender or the links */
static void
check_message_done(struct batch *b, weir_call *call)
{
	bool allowed[BATCH_SUBJECTS] = { false };
	struct rbl *r = b->r;
	char reason[2 * NAME_SIZE + 256];
	uint32_t stated = 0;

	for (struct hit *h = b->hits; h != NULL; h = h->next)
		allowed[h->subject] = allowed[h->subject] || h->zone->allow;
	for (struct hit *h = b->hits; h != NULL; h = h->next) {
		uint32_t bit = 1u << (h->zone - r->zones);
		size_t len;

		/* many links to one list count once */
		if ((!h->zone->allow && allowed[h->subject]) ||
		    (stated & bit) != 0)
			continue;
		stated |= bit;
		len = check_reason(reason, sizeof(reason), b, h);
		r->host->finding(call, h->zone->allow ? SYMBOL_ALLOWED
						      : h->kind,
		    WEIR_RCPT_NONE, h->score, (weir_str){ reason, len });
		check_fact(r, call, h->zone->allow ? "rbl.allowed"
						   : "rbl.listed",
		    h->zone->name);
	}
	if (b->wanted > 0 && b->ran == 0) {
		check_off(reason, sizeof(reason), b);
		r->host->fail(call, WEIR_E_TEMP, weir_str_of(reason));
	}
}

/* check_connect - collect.connect: the address and its names */
int
check_connect(void *state, weir_call *call)
{
	struct rbl *r = state;
	struct subject address, name;
	struct batch *b;
	bool proven;

	if (check_skip(r, call) || !check_address(r, call, &address))
		return WEIR_OK;
	b = batch_create(r, check_session_done);
	if (b == NULL)
		return WEIR_E_NOMEM;
	*batch_subject(b, KIND_CLIENT) = address;
	memset(&name, 0, sizeof(name));
	proven = name_host(name.text, check_attr(r, call,
	    WEIR_A_CLIENT_NAME));
	if (proven || name_host(name.text, check_attr(r, call,
	    WEIR_A_CLIENT_RNAME))) {
		*batch_subject(b, KIND_RDNS) = name;
		/* whoever owns the address may write any name there */
		b->block_only[1] = !proven;
	}
	batch_start(b, call);
	return WEIR_OK;
}

/* check_helo - collect.helo: the name that the client gives itself */
int
check_helo(void *state, weir_call *call)
{
	struct rbl *r = state;
	struct check_session *s;
	struct subject address, name;
	struct batch *b;

	if (check_skip(r, call) || !check_address(r, call, &address) ||
	    !name_subject(&name, check_attr(r, call, WEIR_A_HELO)) ||
	    name.len > 0)
		return WEIR_OK;
	s = check_session_get(r, call);
	if (s == NULL)
		return WEIR_E_NOMEM;
	/* EHLO again after STARTTLS is the same question */
	if (strcmp(s->helo, name.text) == 0 || s->helos >= CHECK_HELO_MAX)
		return WEIR_OK;
	s->helos++;
	memcpy(s->helo, name.text, sizeof(s->helo));
	b = batch_create(r, check_session_done);
	if (b == NULL)
		return WEIR_E_NOMEM;
	*batch_subject(b, KIND_HELO) = name;
	b->block_only[0] = true;
	batch_start(b, call);
	return WEIR_OK;
}

/* check_state - state what the lists said about the session */
static void
check_state(struct rbl *r, weir_call *call)
{
	const struct check_session *s = r->host->data_get(call,
	    WEIR_SCOPE_SESSION, WEIR_RCPT_NONE);

	if (s == NULL)
		return;
	for (const struct note *n = s->notes; n != NULL; n = n->next)
		if (!s->allowed || n->symbol == SYMBOL_ALLOWED)
			r->host->finding(call, n->symbol, WEIR_RCPT_NONE,
			    n->score, weir_str_of(n->reason));
	if (s->failed)
		r->host->fail(call, WEIR_E_TEMP, weir_str_of(s->off));
}

/* check_mail - collect.mail: say what is known, ask about the sender */
int
check_mail(void *state, weir_call *call)
{
	struct rbl *r = state;
	struct subject name;
	struct batch *b;
	weir_str spf;

	if (check_skip(r, call))
		return WEIR_OK;
	check_state(r, call);
	if ((r->kinds & KIND_BIT(KIND_SENDER)) == 0 ||
	    !name_sender(&name, check_attr(r, call, WEIR_A_SENDER)) ||
	    name.len > 0)
		return WEIR_OK;
	b = batch_create(r, check_message_done);
	if (b == NULL)
		return WEIR_E_NOMEM;
	*batch_subject(b, KIND_SENDER) = name;
	/* anybody may write a trusted domain there */
	b->block_only[0] = r->host->fact_get(call, WEIR_RCPT_NONE,
	    "spf.result", &spf) != WEIR_OK || !weir_str_eq(spf, "pass");
	batch_start(b, call);
	return WEIR_OK;
}

/* check_link - add what a link leads to, once; false when it is too much */
static bool
check_link(struct batch *b, weir_str url)
{
	struct subject s, *slot;
	char domain[NAME_SIZE];

	if (!name_link(&s, url))
		return true;
	if (s.len > 0) {
		if (!name_is_public(s.addr, s.len))
			return true;
	} else {
		if (!name_registered(domain, s.text))
			return true;
		memcpy(s.text, domain, sizeof(s.text));
	}
	for (uint32_t i = 0; i < b->nsubjects; i++)
		if (strcmp(b->subjects[i].text, s.text) == 0)
			return true;
	slot = batch_subject(b, KIND_URI);
	if (slot == NULL)
		return false;
	*slot = s;
	return true;
}

/* check_eom - collect.eom: where the links of the body lead */
int
check_eom(void *state, weir_call *call)
{
	struct rbl *r = state;
	struct batch *b;
	uint32_t n;
	weir_str url;
	int status;
	bool all = true;

	if ((r->kinds & KIND_BIT(KIND_URI)) == 0 || check_skip(r, call))
		return WEIR_OK;
	status = r->mime->link_count(call, &n);
	if (status != WEIR_OK)
		return status;
	b = batch_create(r, check_message_done);
	if (b == NULL)
		return WEIR_E_NOMEM;
	for (uint32_t i = 0; i < n && i < CHECK_LINKS_MAX; i++)
		if (r->mime->link_at(call, i, &url) == WEIR_OK)
			all = check_link(b, url) && all;
	if (!all || n > CHECK_LINKS_MAX)
		r->host->fact_set(call, WEIR_RCPT_NONE, "rbl.links",
		    WEIR_STR("partial"));
	batch_start(b, call);
	return WEIR_OK;
}
