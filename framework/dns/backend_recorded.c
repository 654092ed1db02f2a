/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend_recorded - questions answered from a recording; see resolver.h. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/pool.h"
#include "dns/backend.h"

/* What was answered: a result, or a failure. */
struct recorded {
	struct dns_result *result; /* NULL: status says why */
	int status;
	uint16_t rcode;
};

static struct map answers = MAP_INIT;
static dns_missed_fn *missed;

/* recorded_key - the octets that stand for a question; buf: DNS_KEY_MAX */
static weir_str
recorded_key(const struct dns_name *name, uint16_t type, char *buf)
{
	memcpy(buf, name->octets, name->len);
	buf[name->len] = (char)(type >> 8);
	buf[name->len + 1] = (char)(type & 0xff);
	return (weir_str){ buf, name->len + 2 };
}

/* recorded_free - for map_each */
static bool
recorded_free(weir_str key, void *value, void *arg)
{
	struct recorded *r = value;

	(void)key;
	(void)arg;
	dns_result_unref(&r->result);
	free(r);
	return true;
}

/* dns_recorded_clear - nothing is known */
void
dns_recorded_clear(dns_missed_fn *fn)
{
	map_each(&answers, recorded_free, NULL);
	map_fini(&answers);
	missed = fn;
}

/* recorded_result - an answer as the resolver hands it out */
static struct dns_result *
recorded_result(const struct weir_dns_answer *a)
{
	struct dns_result *r = dns_result_create();
	struct weir_dns_rr *rr = pool_array(r->pool, struct weir_dns_rr,
	    a->count + 1);

	for (uint32_t i = 0; i < a->count; i++) {
		rr[i] = *weir_dns_rr_at(a, i);
		rr[i].data = pool_str(r->pool, rr[i].data);
	}
	r->answer.status = a->status;
	r->answer.rcode = a->rcode;
	r->answer.secure = a->secure;
	r->answer.count = a->count;
	r->answer.rr = r->rr = rr;
	return r;
}

/* dns_recorded_add - remember one */
int
dns_recorded_add(const char *text, uint16_t type,
    const struct weir_dns_answer *a)
{
	char buf[DNS_KEY_MAX];
	struct dns_name name;
	struct recorded *r;
	weir_str key;

	if (dns_name_parse(text, strlen(text), &name) < 0 ||
	    a->count > DNS_ANSWER_RR_MAX || a->status > 0)
		return WEIR_E_INVAL;
	key = recorded_key(&name, type, buf);
	if (map_get(&answers, key) != NULL)
		return WEIR_OK;
	r = xcalloc(1, sizeof(*r));
	r->status = a->status;
	r->rcode = a->rcode;
	if (a->status == WEIR_OK || a->status == WEIR_E_NOTFOUND)
		r->result = recorded_result(a);
	map_set(&answers, key, r);
	return WEIR_OK;
}

/* recorded_start - answer at once; who asked hears of it from the loop */
static void
recorded_start(struct dns_question *q)
{
	char buf[DNS_KEY_MAX], text[DNS_NAME_TEXT_MAX];
	const struct recorded *r = map_get(&answers,
	    recorded_key(&q->name, q->type, buf));

	if (r == NULL) {
		dns_name_print(&q->name, text);
		if (missed != NULL)
			missed(text, q->type);
		dns_question_done(q, WEIR_E_TEMP, DNS_RCODE_SERVFAIL, NULL);
	} else if (r->result != NULL) {
		dns_question_done(q, WEIR_OK, r->rcode,
		    dns_result_ref(r->result));
	} else {
		dns_question_done(q, r->status, r->rcode, NULL);
	}
}

static void
recorded_close(void)
{
	dns_recorded_clear(NULL);
}

static const char *
recorded_text(void)
{
	return "a recording";
}

const struct dns_backend dns_backend_recorded = {
	.start = recorded_start,
	.close = recorded_close,
	.text = recorded_text
};
