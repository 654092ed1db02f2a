/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "macro.h"

#define RECORD_VERSION "v=spf1"

/* What may follow a mechanism's name. */
#define ARG_NONE 0
#define ARG_SPEC 1     /* ":" domain-spec, required */
#define ARG_OPTIONAL 2 /* the same, not required */
#define ARG_DUAL 4     /* dual-cidr-length */
#define ARG_IP 8       /* ":" network [ cidr-length ] */

static const struct {
	const char *name;
	enum spf_kind kind;
	unsigned int arg;
} record_mechanisms[] = {
	{ "all", SPF_KIND_ALL, ARG_NONE },
	{ "include", SPF_KIND_INCLUDE, ARG_SPEC },
	{ "a", SPF_KIND_A, ARG_OPTIONAL | ARG_DUAL },
	{ "mx", SPF_KIND_MX, ARG_OPTIONAL | ARG_DUAL },
	{ "ptr", SPF_KIND_PTR, ARG_OPTIONAL },
	{ "ip4", SPF_KIND_IP4, ARG_IP },
	{ "ip6", SPF_KIND_IP6, ARG_IP },
	{ "exists", SPF_KIND_EXISTS, ARG_SPEC }
};

/* A record being read. */
struct record_reader {
	struct spf_record *record;
	struct spf_term *terms;
	char *problem;
};

/* record_bad - say what is wrong; quoted octets become ASCII */
__attribute__((format(printf, 3, 4))) static int
record_bad(struct record_reader *r, weir_str quoted, const char *format, ...)
{
	char clean[64];
	size_t n = quoted.len < sizeof(clean) - 4 ? quoted.len
						  : sizeof(clean) - 4;
	va_list args;
	int len;

	for (size_t i = 0; i < n; i++) {
		char c = quoted.ptr[i];

		clean[i] = c > ' ' && c < 0x7f ? c : '?';
	}
	clean[n] = '\0';
	if (n < quoted.len)
		memcpy(clean + n, "...", 4);
	va_start(args, format);
	len = vsnprintf(r->problem, SPF_PROBLEM_SIZE, format, args);
	va_end(args);
	if (len >= 0 && len < SPF_PROBLEM_SIZE)
		snprintf(r->problem + len, SPF_PROBLEM_SIZE - (size_t)len,
		    ": \"%s\"", clean);
	return WEIR_E_INVAL;
}

/* record_lower - an ASCII letter in lower case */
static char
record_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* record_is - equal to a word in lower case, in any case */
static bool
record_is(weir_str s, const char *word)
{
	if (strlen(word) != s.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (record_lower(s.ptr[i]) != word[i])
			return false;
	return true;
}

/* spf_record_is - the version, then a blank or nothing */
bool
spf_record_is(weir_str txt)
{
	weir_str version = { txt.ptr, sizeof(RECORD_VERSION) - 1 };

	return txt.len >= version.len && record_is(version, RECORD_VERSION) &&
	    (txt.len == version.len || txt.ptr[version.len] == ' ');
}

/* record_name - length of the name at the front: ALPHA *( ALPHA / DIGIT / "-"
   / "_" / "." ) */
static size_t
record_name(weir_str s)
{
	size_t n = 0;

	for (; n < s.len; n++) {
		char c = record_lower(s.ptr[n]);
		bool alpha = c >= 'a' && c <= 'z';

		if (!alpha && (n == 0 || ((c < '0' || c > '9') && c != '-' &&
		    c != '_' && c != '.')))
			break;
	}
	return n;
}

/* record_number - a prefix length without leading zeros; false: none */
static bool
record_number(weir_str s, unsigned int max, uint8_t *out)
{
	unsigned int v = 0;

	if (s.len == 0 || s.len > 3 || (s.len > 1 && s.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (unsigned int)(s.ptr[i] - '0');
	}
	*out = (uint8_t)v;
	return v <= max;
}

/* record_tail - where the digits at the end begin */
static size_t
record_tail(weir_str s)
{
	size_t at = s.len;

	while (at > 0 && s.ptr[at - 1] >= '0' && s.ptr[at - 1] <= '9')
		at--;
	return at;
}

/* record_cut - take "/" digits off the end of *s, behind `slashes` slashes */
static bool
record_cut(weir_str *s, size_t slashes, weir_str *digits)
{
	size_t at = record_tail(*s);

	if (at == s->len || at < slashes ||
	    memcmp(s->ptr + at - slashes, "//", slashes) != 0)
		return false;
	*digits = (weir_str){ s->ptr + at, s->len - at };
	s->len = at - slashes;
	return true;
}

/* record_dual - take a dual-cidr-length off the end of *s */
static bool
record_dual(struct spf_term *t, weir_str *s)
{
	weir_str digits;

	if (record_cut(s, 2, &digits) && !record_number(digits, 128,
	    &t->cidr6))
		return false;
	return !record_cut(s, 1, &digits) ||
	    record_number(digits, 32, &t->cidr4);
}

/* record_mask - clear host bits */
static void
record_mask(uint8_t *addr, size_t len, unsigned int bits)
{
	for (size_t i = 0; i < len; i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * (unsigned int)i
						 : 0;

		if (keep < 8)
			addr[i] &= (uint8_t)(0xff00u >> keep);
	}
}

/* record_network - address and prefix length of ip4 and ip6 */
static bool
record_network(struct spf_term *t, weir_str s)
{
	bool four = t->kind == SPF_KIND_IP4;
	uint8_t *bits = four ? &t->cidr4 : &t->cidr6;
	char text[INET6_ADDRSTRLEN];
	weir_str digits;

	/* the digits after a slash, not the last octet */
	if (memchr(s.ptr, '/', s.len) != NULL && (!record_cut(&s, 1,
	    &digits) || !record_number(digits, four ? 32 : 128, bits)))
		return false;
	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	if (inet_pton(four ? AF_INET : AF_INET6, text, t->addr) != 1)
		return false;
	record_mask(t->addr, four ? 4 : 16, *bits);
	return true;
}

/* record_spec - a domain-spec of a term */
static int
record_spec(struct record_reader *r, struct spf_term *t, weir_str spec)
{
	t->spec = spec;
	if (!spf_macro_check(spec, SPF_MACRO_DOMAIN, &t->uses_name))
		return record_bad(r, t->text, "not a domain-spec");
	return WEIR_OK;
}

/* record_mechanism - what follows its name */
static int
record_mechanism(struct record_reader *r, struct spf_term *t, weir_str name,
    weir_str rest)
{
	size_t i = 0, n = sizeof(record_mechanisms) /
	    sizeof(record_mechanisms[0]);
	unsigned int arg;

	while (i < n && !record_is(name, record_mechanisms[i].name))
		i++;
	if (i == n)
		return record_bad(r, t->text, "unknown mechanism");
	t->kind = record_mechanisms[i].kind;
	arg = record_mechanisms[i].arg;
	if ((arg & ARG_IP) != 0) {
		if (rest.len == 0 || rest.ptr[0] != ':' || !record_network(t,
		    (weir_str){ rest.ptr + 1, rest.len - 1 }))
			return record_bad(r, t->text, "not a network");
		return WEIR_OK;
	}
	if ((arg & ARG_DUAL) != 0 && !record_dual(t, &rest))
		return record_bad(r, t->text, "bad prefix length");
	if (rest.len == 0)
		return (arg & ARG_SPEC) == 0 ? WEIR_OK
		    : record_bad(r, t->text, "a domain is missing");
	if (rest.ptr[0] != ':' || (arg & (ARG_SPEC | ARG_OPTIONAL)) == 0)
		return record_bad(r, t->text, "malformed mechanism");
	rest.ptr++;
	rest.len--;
	return record_spec(r, t, rest);
}

/* record_modifier - redirect, exp, or what later RFCs may define */
static int
record_modifier(struct record_reader *r, struct spf_term *t, weir_str name,
    weir_str value)
{
	const struct spf_term **slot = NULL;

	t->kind = SPF_KIND_MODIFIER;
	if (record_is(name, "redirect")) {
		t->kind = SPF_KIND_REDIRECT;
		slot = &r->record->redirect;
	} else if (record_is(name, "exp")) {
		t->kind = SPF_KIND_EXP;
		slot = &r->record->exp;
	}
	if (slot == NULL)
		return spf_macro_check(value, SPF_MACRO_MODIFIER, NULL)
		    ? WEIR_OK : record_bad(r, t->text, "malformed macro");
	if (*slot != NULL)
		return record_bad(r, t->text, "a second one of its kind");
	*slot = t;
	return record_spec(r, t, value);
}

/* record_term - one term */
static int
record_term(struct record_reader *r, weir_str text)
{
	struct spf_term *t = &r->terms[r->record->count];
	weir_str name = text;
	weir_str rest;

	*t = (struct spf_term){ .qualifier = '+', .cidr4 = 32, .cidr6 = 128,
		.text = text, .spec = WEIR_STR("") };
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return record_bad(r, text, "not printable ASCII");
	if (strchr("+-?~", text.ptr[0]) != NULL) {
		t->qualifier = text.ptr[0];
		name.ptr++;
		name.len--;
	}
	rest = name;
	name.len = record_name(name);
	rest.ptr += name.len;
	rest.len -= name.len;
	r->record->count++;
	if (name.len == 0)
		return record_bad(r, text, "neither mechanism nor modifier");
	if (rest.len == 0 || rest.ptr[0] != '=')
		return record_mechanism(r, t, name, rest);
	if (name.ptr != text.ptr)
		return record_bad(r, text, "a modifier with a qualifier");
	rest.ptr++;
	rest.len--;
	return record_modifier(r, t, name, rest);
}

/* record_terms - all of them */
static int
record_terms(struct record_reader *r, weir_str s)
{
	int status = WEIR_OK;

	while (status == WEIR_OK) {
		size_t n = 0;

		while (s.len > 0 && s.ptr[0] == ' ') {
			s.ptr++;
			s.len--;
		}
		while (n < s.len && s.ptr[n] != ' ')
			n++;
		if (n == 0)
			break;
		if (r->record->count == SPF_TERMS_MAX)
			return record_bad(r, (weir_str){ s.ptr, n },
			    "more than %d terms", SPF_TERMS_MAX);
		status = record_term(r, (weir_str){ s.ptr, n });
		s.ptr += n;
		s.len -= n;
	}
	return status;
}

/* record_count - blanks and one: terms at most */
static size_t
record_count(weir_str text)
{
	size_t n = 1;

	for (size_t i = 0; i + 1 < text.len; i++)
		n += text.ptr[i] == ' ' && text.ptr[i + 1] != ' ';
	return n < SPF_TERMS_MAX ? n : SPF_TERMS_MAX;
}

/* spf_record_parse - all or nothing */
int
spf_record_parse(weir_str text, struct spf_record **out, char *problem)
{
	struct record_reader r = { .problem = problem };
	size_t count = record_count(text);
	char *copy;
	int status;

	*out = NULL;
	problem[0] = '\0';
	if (!spf_record_is(text))
		return record_bad(&r, text, "not an SPF record");
	if (text.len > SPF_RECORD_MAX)
		return record_bad(&r, text, "longer than %d octets",
		    SPF_RECORD_MAX);
	/* one block: record, terms, text */
	r.record = calloc(1, sizeof(*r.record) + count * sizeof(*r.terms) +
	    text.len + 1);
	if (r.record == NULL)
		return WEIR_E_NOMEM;
	r.terms = (struct spf_term *)(void *)(r.record + 1);
	copy = (char *)(r.terms + count);
	memcpy(copy, text.ptr, text.len);
	r.record->terms = r.terms;
	r.record->text = (weir_str){ copy, text.len };
	status = record_terms(&r, (weir_str){ copy + sizeof(RECORD_VERSION) - 1,
	    text.len - (sizeof(RECORD_VERSION) - 1) });
	if (status != WEIR_OK) {
		spf_record_free(&r.record);
		return status;
	}
	*out = r.record;
	return WEIR_OK;
}

/* spf_record_free - forget it */
void
spf_record_free(struct spf_record **record)
{
	free(*record);
	*record = NULL;
}
