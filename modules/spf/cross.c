/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cross - the worker's half: collect what was asked, send it, compare. */
#include "cross.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spf.h"

/* A request in the making. */
struct spf_cross {
	struct spf *m;
	size_t len;
	uint32_t lookups;
	bool full; /* there was no room for all of it */
	enum spf_result result; /* of the evaluation */
	char data[WEIR_REMOTE_OCTETS];
};

/* cross_octets - append as they are */
static void
cross_octets(struct spf_cross *c, const void *p, size_t n)
{
	c->full = c->full || n > sizeof(c->data) - c->len;
	if (c->full || n == 0)
		return;
	memcpy(c->data + c->len, p, n);
	c->len += n;
}

/* cross_number - two octets */
static void
cross_number(struct spf_cross *c, unsigned int n)
{
	unsigned char octets[2] = { (unsigned char)(n >> 8),
		(unsigned char)n };

	cross_octets(c, octets, sizeof(octets));
}

/* cross_text - its length, then it */
static void
cross_text(struct spf_cross *c, weir_str s)
{
	c->full = c->full || s.len > UINT16_MAX;
	cross_number(c, (unsigned int)s.len);
	cross_octets(c, s.ptr, s.len);
}

/* spf_cross_begin - who sends; NULL: not wanted, or no memory for it */
struct spf_cross *
spf_cross_begin(struct spf *m, const struct spf_input *in)
{
	unsigned char len = (unsigned char)in->ip_len;
	struct spf_cross *c;

	if (m->remote == NULL || (c = malloc(sizeof(*c))) == NULL)
		return NULL;
	c->m = m;
	c->len = 0;
	c->lookups = 0;
	c->full = false;
	cross_octets(c, &len, 1);
	cross_octets(c, in->ip, sizeof(in->ip));
	cross_text(c, in->sender);
	cross_text(c, in->helo);
	cross_text(c, in->receiver);
	return c;
}

/* spf_cross_answer - one lookup */
void
spf_cross_answer(struct spf_cross *c, const struct spf_question *q,
    const struct weir_dns_answer *a)
{
	bool ok = a->status == WEIR_OK;
	unsigned char status = ok && a->count > 0 ? CROSS_ANSWER :
	    ok || a->status == WEIR_E_NOTFOUND || a->status == WEIR_E_INVAL ?
						    CROSS_NOTHING :
						    CROSS_FAILED;
	uint32_t count = ok ? a->count : 0;

	if (c == NULL)
		return;
	c->full = c->full || count > UINT16_MAX ||
	    ++c->lookups > CROSS_LOOKUPS;
	cross_number(c, q->type);
	cross_octets(c, &status, 1);
	cross_text(c, weir_str_of(q->name));
	cross_number(c, count);
	for (uint32_t i = 0; i < count && !c->full; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);

		cross_number(c, rr->pref);
		cross_text(c, rr->data);
	}
}

/* cross_count - one more with this outcome */
static void
cross_count(const struct spf *m, enum spf_cross_end end)
{
	m->metric->add(m->self, m->metric_cross[end], 1);
}

/* cross_done - libspf2 has spoken, or died */
static void
cross_done(weir_call *call, int status, weir_str response, void *arg)
{
	struct spf_cross *c = arg;
	const struct spf *m = c->m;
	const char *ours = spf_result_name(c->result);
	char text[200];

	if (status == WEIR_E_CANCELLED) {
		free(c);
		return;
	}
	if (status != WEIR_OK) {
		cross_count(m, SPF_CROSS_FAILED);
		snprintf(text, sizeof(text), "libspf2 did not answer");
	} else if (weir_str_eq(response, CROSS_UNFIT) ||
	    weir_str_eq(response, CROSS_INCOMPLETE)) {
		cross_count(m, SPF_CROSS_NOT_ASKED);
		snprintf(text, sizeof(text), "not comparable");
	} else if (weir_str_eq(response, ours)) {
		cross_count(m, SPF_CROSS_AGREES);
		snprintf(text, sizeof(text), "libspf2 agrees");
	} else {
		cross_count(m, SPF_CROSS_DIFFERS);
		snprintf(text, sizeof(text), "libspf2 says %.*s",
		    (int)(response.len < 40 ? response.len : 40),
		    response.ptr);
		m->host->log(m->self, call, WEIR_LOG_INFO, weir_str_of(text));
	}
	m->host->fact_set(call, WEIR_RCPT_NONE, "spf.cross",
	    weir_str_of(text));
	free(c);
}

/* spf_cross_ask - the evaluation is done */
void
spf_cross_ask(struct spf_cross **cp, weir_call *call,
    const struct spf_outcome *o)
{
	struct spf_cross *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	c->result = o->result;
	/* what is no name, or in error, is no question for it */
	if (c->full || c->lookups == 0 ||
	    o->result == SPF_RESULT_PERMERROR ||
	    c->m->remote->start(call, 0, (weir_str){ c->data, c->len }, 0,
		cross_done, c) != WEIR_OK) {
		cross_count(c->m, SPF_CROSS_NOT_ASKED);
		free(c);
	}
}
