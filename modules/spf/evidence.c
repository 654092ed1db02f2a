/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidence - what was asked and answered, in printable text. */
#include "eval_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 2000 /* octets of a lookup's answers that are kept */
#define ANSWERS_COUNT 20

/* evidence_add - octets with odd ones as \DDD, as far as they fit */
static size_t
evidence_add(char *out, size_t at, size_t max, weir_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (at + 8 > max) {
			memcpy(out + at, "...", 3);
			return at + 3;
		}
		if (c >= ' ' && c < 0x7f) {
			out[at++] = s.ptr[i];
			continue;
		}
		out[at++] = '\\';
		out[at++] = (char)('0' + c / 100);
		out[at++] = (char)('0' + c / 10 % 10);
		out[at++] = (char)('0' + c % 10);
	}
	return at;
}

/* spf_evidence_text - one text; max at least 8 */
char *
spf_evidence_text(weir_str text, size_t max)
{
	size_t size = text.len < max / 4 ? 4 * text.len + 8 : max;
	char *out = malloc(size + 1);

	if (out != NULL)
		out[evidence_add(out, 0, size, text)] = '\0';
	return out;
}

/* evidence_rr - one record */
static size_t
evidence_rr(char *out, size_t at, const struct weir_dns_rr *rr)
{
	char pref[8];

	if (rr->type == WEIR_DNS_MX) {
		snprintf(pref, sizeof(pref), "%u ", rr->pref);
		at = evidence_add(out, at, ANSWERS_MAX, weir_str_of(pref));
	}
	return evidence_add(out, at, ANSWERS_MAX, rr->data);
}

/* spf_evidence_lookup - keep a question and its answer */
bool
spf_evidence_lookup(struct spf_eval *e, uint16_t type,
    const struct weir_dns_answer *a)
{
	size_t name = strlen(e->asked) + 1, at = 0;
	char data[ANSWERS_MAX + 1];
	struct spf_lookup *l;
	char *text;

	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count &&
	     i < ANSWERS_COUNT && at + 8 < ANSWERS_MAX; i++) {
		if (i > 0)
			data[at++] = '\n';
		at = evidence_rr(data, at, weir_dns_rr_at(a, i));
	}
	l = malloc(sizeof(*l) + name + at + 1);
	if (l == NULL)
		return false;
	text = (char *)(l + 1);
	memcpy(text, e->asked, name);
	memcpy(text + name, data, at);
	text[name + at] = '\0';
	*l = (struct spf_lookup){ .type = type, .status = a->status,
		.count = a->status == WEIR_OK ? a->count : 0, .name = text,
		.data = text + name };
	*e->tail = l;
	e->outcome.lookups = e->lookups;
	e->tail = &l->next;
	e->outcome.lookup_count++;
	return true;
}

/* spf_result_name - in words */
const char *
spf_result_name(enum spf_result result)
{
	static const char *const names[SPF_RESULTS] = {
		[SPF_RESULT_NONE] = "none", [SPF_RESULT_NEUTRAL] = "neutral",
		[SPF_RESULT_PASS] = "pass", [SPF_RESULT_FAIL] = "fail",
		[SPF_RESULT_SOFTFAIL] = "softfail",
		[SPF_RESULT_TEMPERROR] = "temperror",
		[SPF_RESULT_PERMERROR] = "permerror"
	};

	return names[result];
}

/* spf_type_name - in words */
const char *
spf_type_name(uint16_t type)
{
	return type == WEIR_DNS_A ? "A" : type == WEIR_DNS_AAAA ? "AAAA"
	    : type == WEIR_DNS_MX ? "MX" : type == WEIR_DNS_PTR ? "PTR"
								: "TXT";
}

/* spf_lookup_text - the answers, or why there are none */
const char *
spf_lookup_text(const struct spf_lookup *lookup)
{
	switch (lookup->status) {
	case WEIR_OK:
		return lookup->count > 0 ? lookup->data : "nothing";
	case WEIR_E_NOTFOUND:
	case WEIR_E_INVAL:
		return "nothing";
	case WEIR_E_TIMEOUT:
		return "no answer in time";
	case WEIR_E_LIMIT:
		return "too many questions";
	default:
		return "the name servers failed";
	}
}
