/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values - what stands for each macro. */
#include "action.h"

#include <stdio.h>
#include <string.h>

#define VALUES_FINDINGS_MAX 100
#define VALUES_STARS_MAX 100

/* values_init - for one message and recipient */
void
values_init(struct values *v, const struct action *a, weir_call *call,
    uint32_t rcpt, double score)
{
	v->a = a;
	v->call = call;
	v->rcpt = rcpt;
	v->score = score;
	v->text[0] = '\0';
}

/* values_attr - an attribute, or the empty slice */
weir_str
values_attr(const struct action *a, weir_call *call, uint32_t attr,
    uint32_t rcpt)
{
	weir_str value;

	if (a->host->attr_get(call, attr, rcpt, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* values_fact - a fact, or the empty slice */
weir_str
values_fact(const struct action *a, weir_call *call, const char *key)
{
	weir_str value;

	if (a->host->fact_get(call, WEIR_RCPT_NONE, key, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* values_append - more text, as much as there is room */
static size_t
values_append(struct values *v, size_t n, weir_str s)
{
	size_t room = sizeof(v->text) - 1 - n;

	if (s.len > room)
		s.len = room;
	memcpy(v->text + n, s.ptr, s.len);
	return n + s.len;
}

/* values_receivers - the accepted recipients, in order */
static weir_str
values_receivers(struct values *v)
{
	uint32_t count = v->a->host->rcpt_count(v->call);
	weir_str address;
	size_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (v->a->host->attr_get(v->call, WEIR_A_RCPT, i, &address) !=
		    WEIR_OK)
			continue;
		if (n > 0)
			n = values_append(v, n, WEIR_STR(", "));
		n = values_append(v, n, address);
	}
	return (weir_str){ v->text, n };
}

/* values_header - a header field's value without blanks around it */
static weir_str
values_header(struct values *v, const char *name, bool last)
{
	const struct weir_host *host = v->a->host;
	uint32_t count = host->header_count(v->call, name);
	weir_str value;

	if (count == 0 || host->header_at(v->call, name,
	    last ? count - 1 : 0, NULL, &value) != WEIR_OK)
		return WEIR_STR("");
	while (value.len > 0 && strchr(" \t\r\n", value.ptr[0]) != NULL) {
		value.ptr++;
		value.len--;
	}
	while (value.len > 0 &&
	    strchr(" \t\r\n", value.ptr[value.len - 1]) != NULL)
		value.len--;
	return value;
}

/* values_subject - the decoded subject */
static weir_str
values_subject(struct values *v)
{
	weir_str raw = values_header(v, "Subject", false), text;

	if (raw.len == 0)
		return WEIR_STR("No Subject");
	if (v->a->mime->header_decode(v->call, raw, &text) == WEIR_OK)
		return text;
	return raw;
}

/* values_findings - symbols that count here; info: a line for each */
static weir_str
values_findings(struct values *v, bool info)
{
	const struct weir_host *host = v->a->host;
	uint32_t count = host->finding_count(v->call), shown = 0;
	struct weir_finding f = { .size = sizeof(f) };
	char score[32];
	size_t n = 0;

	for (uint32_t i = 0; i < count && shown < VALUES_FINDINGS_MAX; i++) {
		if (host->finding_at(v->call, i, &f) != WEIR_OK ||
		    (f.rcpt != WEIR_RCPT_NONE && f.rcpt != v->rcpt))
			continue;
		if (shown++ > 0)
			n = values_append(v, n, info ? WEIR_STR("\n")
						     : WEIR_STR(", "));
		snprintf(score, sizeof(score), info ? "%.1f " : "%.1f",
		    f.score);
		if (info)
			n = values_append(v, n, weir_str_of(score));
		n = values_append(v, n, f.symbol);
		if (!info) {
			n = values_append(v, n, WEIR_STR("="));
			n = values_append(v, n, weir_str_of(score));
			continue;
		}
		n = values_append(v, n, WEIR_STR(" "));
		n = values_append(v, n, f.reason);
	}
	return (weir_str){ v->text, n };
}

/* values_unscanned - modules whose check did not run, each once */
static weir_str
values_unscanned(struct values *v)
{
	const struct weir_host *host = v->a->host;
	uint32_t count = host->unscanned_count(v->call);
	weir_str module, reason;
	size_t n = 0;

	for (uint32_t i = 0; i < count && i < VALUES_FINDINGS_MAX; i++) {
		if (host->unscanned_at(v->call, i, &module, &reason) !=
		    WEIR_OK || (n > 0 && memmem(v->text, n, module.ptr,
		    module.len) != NULL))
			continue;
		if (n > 0)
			n = values_append(v, n, WEIR_STR(", "));
		n = values_append(v, n, module);
	}
	return (weir_str){ v->text, n };
}

/* values_number - the score, or as many stars */
static weir_str
values_number(struct values *v, bool stars)
{
	int n = v->score >= 1 ? v->score < VALUES_STARS_MAX
	    ? (int)v->score : VALUES_STARS_MAX : 0;

	if (stars) {
		memset(v->text, '*', (size_t)n);
		return (weir_str){ v->text, (size_t)n };
	}
	n = snprintf(v->text, sizeof(v->text), "%.1f", v->score);
	return (weir_str){ v->text, (size_t)n };
}

/* values_server - our own name: all of it, its first label, or the rest */
static weir_str
values_server(struct values *v, enum macros_name name)
{
	weir_str fqdn = values_attr(v->a, v->call, WEIR_A_SERVER_NAME,
	    WEIR_RCPT_NONE);
	const char *dot = memchr(fqdn.ptr, '.', fqdn.len);
	size_t host = dot != NULL ? (size_t)(dot - fqdn.ptr) : fqdn.len;

	if (name == MACRO_HOST)
		return (weir_str){ fqdn.ptr, host };
	if (name == MACRO_DOMAIN)
		return dot != NULL ? (weir_str){ dot + 1,
			fqdn.len - host - 1 } : WEIR_STR("");
	return fqdn;
}

/* values_get - what stands for a macro */
weir_str
values_get(enum macros_name name, void *values)
{
	struct values *v = values;

	switch (name) {
	case MACRO_SENDER:
		return values_attr(v->a, v->call, WEIR_A_SENDER,
		    WEIR_RCPT_NONE);
	case MACRO_RECEIVERS:
		return values_receivers(v);
	case MACRO_SUBJECT:
		return values_subject(v);
	case MACRO_MSGID:
		return values_header(v, "Message-Id", true);
	case MACRO_SPAMLEVEL:
		return values_number(v, false);
	case MACRO_SPAMSTARS:
		return values_number(v, true);
	case MACRO_SPAM_INFO:
		return values_findings(v, true);
	case MACRO_SPAM_HITS:
		return values_findings(v, false);
	case MACRO_SENDER_IP:
		return values_attr(v->a, v->call, WEIR_A_CLIENT_ADDR,
		    WEIR_RCPT_NONE);
	case MACRO_VERSION:
		return weir_str_of(v->a->host->version);
	case MACRO_HOST:
	case MACRO_DOMAIN:
	case MACRO_FQDN:
		return values_server(v, name);
	case MACRO_UNSCANNED:
		return values_unscanned(v);
	case MACROS_COUNT:
		break;
	}
	return WEIR_STR("");
}
