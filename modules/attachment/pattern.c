/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#define PATTERN_STEPS 20000u /* of one match */

struct pattern {
	char *text; /* as it was written */
	size_t len;
	pcre2_code *code; /* NULL: a glob */
	pcre2_match_context *limits;
};

/* pattern_lower - ASCII only: no locale may change what matches */
static unsigned char
pattern_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) :
				      (unsigned char)c;
}

/* pattern_char - octets of the UTF-8 character at i; 1 for what is none */
static size_t
pattern_char(weir_str s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[i];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	if (n > s.len - i)
		return 1;
	for (size_t k = 1; k < n; k++) {
		if ((s.ptr[i + k] & 0xc0) != 0x80)
			return 1;
	}
	return n;
}

/* pattern_set - is c in the "[...]" that begins at *g; *g moves behind it */
static bool
pattern_set(weir_str glob, size_t *g, unsigned char c)
{
	size_t i = *g + 1, first;
	bool not = i < glob.len && (glob.ptr[i] == '!' || glob.ptr[i] == '^');
	bool in = false;

	i += not;
	for (first = i; i < glob.len && (glob.ptr[i] != ']' || i == first);
	     i++) {
		unsigned char lo = pattern_lower(glob.ptr[i]), hi = lo;

		if (i + 2 < glob.len && glob.ptr[i + 1] == '-' &&
		    glob.ptr[i + 2] != ']') {
			hi = pattern_lower(glob.ptr[i + 2]);
			i += 2;
		}
		in = in || (c >= lo && c <= hi);
	}
	*g = i < glob.len ? i + 1 : glob.len;
	return in != not;
}

/* pattern_one - does what stands at *g take the character at *t? Both move. */
static bool
pattern_one(weir_str glob, size_t *g, weir_str text, size_t *t)
{
	unsigned char c = pattern_lower(text.ptr[*t]);

	if (glob.ptr[*g] == '?') {
		*t += pattern_char(text, *t);
		++*g;
		return true;
	}
	++*t;
	if (glob.ptr[*g] == '[' &&
	    memchr(glob.ptr + *g, ']', glob.len - *g) != NULL)
		return pattern_set(glob, g, c);
	if (glob.ptr[*g] == '\\' && *g + 1 < glob.len)
		++*g;
	return pattern_lower(glob.ptr[(*g)++]) == c;
}

/* pattern_glob - one mark to go back to: the latest star is enough */
bool
pattern_glob(weir_str glob, weir_str text)
{
	size_t g = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.len) {
		size_t g1 = g, t1 = t;

		if (g < glob.len && glob.ptr[g] == '*') {
			star = ++g;
			mark = t;
		} else if (g < glob.len && pattern_one(glob, &g1, text, &t1)) {
			g = g1;
			t = t1;
		} else if (star != SIZE_MAX) {
			g = star;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.ptr[g] == '*')
		g++;
	return g == glob.len;
}

/* pattern_compile - the expression between the slashes */
static bool
pattern_compile(struct pattern *p, char *error, size_t cap)
{
	PCRE2_SIZE at;
	int rc;

	p->code = pcre2_compile((PCRE2_SPTR)p->text + 1, p->len - 2,
	    PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
	    &rc, &at, NULL);
	if (p->code == NULL) {
		PCRE2_UCHAR why[120];

		pcre2_get_error_message(rc, why, sizeof(why));
		snprintf(error, cap, "\"%s\": %s at character %zu", p->text,
		    (const char *)why, (size_t)at + 1);
		return false;
	}
	p->limits = pcre2_match_context_create(NULL);
	if (p->limits == NULL)
		return false;
	pcre2_set_match_limit(p->limits, PATTERN_STEPS);
	pcre2_set_depth_limit(p->limits, PATTERN_STEPS);
	pcre2_set_heap_limit(p->limits, 1024);
	return true;
}

/* pattern_add - one more */
bool
pattern_add(struct pattern_list *list, weir_str text, char *error, size_t cap)
{
	struct pattern *more, *p;

	error[0] = '\0';
	if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
		snprintf(error, cap, "a pattern has no NUL");
		return false;
	}
	more = realloc(list->v, (list->n + 1) * sizeof(*list->v));
	if (more == NULL)
		return false;
	list->v = more;
	p = &list->v[list->n];
	*p = (struct pattern) { .text = strndup(text.ptr, text.len),
		.len = text.len };
	if (p->text == NULL)
		return false;
	list->n++;
	if (text.len == 0) {
		snprintf(error, cap, "an empty pattern matches nothing");
		return false;
	}
	if (text.len > 2 && text.ptr[0] == '/' &&
	    text.ptr[text.len - 1] == '/')
		return pattern_compile(p, error, cap);
	return true;
}

/* pattern_regex - search in text */
static bool
pattern_regex(const struct pattern *p, weir_str text)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc;

	if (data == NULL)
		return true;
	rc = pcre2_match(p->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, data,
	    p->limits);
	pcre2_match_data_free(data);
	return rc >= 0 || rc == PCRE2_ERROR_MATCHLIMIT ||
	    rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
	    rc == PCRE2_ERROR_NOMEMORY;
}

/* pattern_match - the first that fits */
const char *
pattern_match(const struct pattern_list *list, weir_str text)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct pattern *p = &list->v[i];

		if (p->code != NULL ?
			pattern_regex(p, text) :
			pattern_glob((weir_str){ p->text, p->len }, text))
			return p->text;
	}
	return NULL;
}

/* pattern_free - the list */
void
pattern_free(struct pattern_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].text);
		pcre2_code_free(list->v[i].code);
		pcre2_match_context_free(list->v[i].limits);
	}
	free(list->v);
	*list = (struct pattern_list) { NULL, 0 };
}
