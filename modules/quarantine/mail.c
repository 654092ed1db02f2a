/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mail - what the index says of a mail: envelope, header, what was found. */
#include "quarantine.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAIL_FINDINGS 100
#define MAIL_REASON 300	 /* octets of one finding's reason */
#define MAIL_FIELD 500	 /* of Subject and From */

/* mail_dup - UTF-8 without controls, at most max octets; NULs end it */
static char *
mail_dup(weir_str s, size_t max)
{
	char *out = strndup(s.ptr != NULL ? s.ptr : "", s.len < max ? s.len :
								      max);
	size_t n = out != NULL ? strlen(out) : 0;

	if (out == NULL)
		return NULL;
	/* a character that the cut has halved */
	while (s.len > max && n > 0 && (out[n - 1] & 0xc0) == 0x80)
		n--;
	if (s.len > max && n > 0 && (out[n - 1] & 0x80) != 0)
		n--;
	out[n] = '\0';
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return out;
}

/* mail_attr - an attribute as it is */
static char *
mail_attr(const struct quarantine *q, weir_call *call, uint32_t attr)
{
	weir_str v = quarantine_attr(q, call, attr, WEIR_RCPT_NONE);

	return strndup(v.ptr, v.len);
}

/* mail_field - a header field's first value, decoded */
static char *
mail_field(const struct quarantine *q, weir_call *call, const char *name)
{
	weir_str raw, text;

	if (q->host->header_at(call, name, 0, NULL, &raw) != WEIR_OK)
		return strdup("");
	if (q->mime->header_decode(call, raw, &text) < 0)
		text = raw;
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	return mail_dup(text, MAIL_FIELD);
}

/* mail_findings - as JSON, for show */
static char *
mail_findings(const struct quarantine *q, weir_call *call)
{
	uint32_t n = q->host->finding_count(call);
	json_t *all = json_array();
	char *text;

	for (uint32_t i = 0; i < n && i < MAIL_FINDINGS; i++) {
		struct weir_finding f = { .size = sizeof(f) };
		json_t *o = json_object();
		char *reason;

		if (q->host->finding_at(call, i, &f) < 0) {
			json_decref(o);
			continue;
		}
		reason = mail_dup(f.reason, MAIL_REASON);
		json_object_set_new(o, "symbol",
		    json_stringn(f.symbol.ptr, f.symbol.len));
		json_object_set_new(o, "module",
		    json_stringn(f.module.ptr, f.module.len));
		json_object_set_new(o, "score", json_real(f.score));
		json_object_set_new(o, "reason",
		    json_string(reason != NULL ? reason : ""));
		if (json_object_get(o, "reason") == NULL)
			json_object_set_new(o, "reason", json_string("?"));
		free(reason);
		json_array_append_new(all, o);
	}
	text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(all);
	return text != NULL ? text : strdup("[]");
}

/* mail_class - by what the checks say of this recipient's mail */
static int
mail_class(const struct quarantine *q, weir_call *call, uint32_t rcpt)
{
	weir_str v;

	if (q->host->fact_get(call, rcpt, "antivirus.result", &v) == WEIR_OK &&
	    weir_str_eq(v, "infected"))
		return WEIR_QUARANTINE_VIRUS;
	if (q->host->fact_get(call, rcpt, "attachment.result", &v) ==
		WEIR_OK && weir_str_eq(v, "blocked"))
		return WEIR_QUARANTINE_ATTACHMENT;
	return WEIR_QUARANTINE_SPAM;
}

/* mail_rcpt - one recipient */
static bool
mail_rcpt(const struct quarantine *q, weir_call *call, struct keep_rcpt *r,
    uint32_t rcpt)
{
	struct weir_verdict v = { .size = sizeof(v) };
	weir_str address = quarantine_attr(q, call, WEIR_A_RCPT, rcpt);

	r->index = rcpt;
	r->address = strndup(address.ptr, address.len);
	r->user = quarantine_lower(address);
	r->class_ = mail_class(q, call, rcpt);
	r->score = q->host->score(call, rcpt);
	q->host->verdict_get(call, rcpt, &v);
	r->reason = mail_dup(weir_str_of(v.text), MAIL_FIELD);
	/* never cut: a copy for another address is no copy */
	return address.len < USER_MAX && r->address != NULL &&
	    r->user != NULL && r->reason != NULL;
}

/* mail_keep - all there is to know */
struct keep *
mail_keep(const struct quarantine *q, weir_call *call, const uint32_t *rcpts,
    uint32_t n)
{
	struct keep *k = keep_create(n);
	bool ok = k != NULL;

	for (uint32_t i = 0; ok && i < n; i++)
		ok = mail_rcpt(q, call, &k->rcpts[i], rcpts[i]);
	if (ok) {
		k->time_ms = q->host->wall_ms(q->self);
		k->verdict = true;
		k->sender = mail_attr(q, call, WEIR_A_SENDER);
		k->params = mail_attr(q, call, WEIR_A_SENDER_PARAMS);
		k->client = mail_attr(q, call, WEIR_A_CLIENT_ADDR);
		k->helo = mail_attr(q, call, WEIR_A_HELO);
		k->queue_id = mail_attr(q, call, WEIR_A_QUEUE_ID);
		k->decision = mail_attr(q, call, WEIR_A_MESSAGE_ID);
		k->message_id = mail_field(q, call, "Message-ID");
		k->from = mail_field(q, call, "From");
		k->subject = mail_field(q, call, "Subject");
		k->findings = mail_findings(q, call);
		ok = k->sender != NULL && strlen(k->sender) < USER_MAX &&
		    k->params != NULL &&
		    k->client != NULL && k->helo != NULL &&
		    k->queue_id != NULL && k->decision != NULL &&
		    k->message_id != NULL && k->from != NULL &&
		    k->subject != NULL && k->findings != NULL;
	}
	if (ok)
		return k;
	keep_destroy(k);
	return NULL;
}
