/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/match.h"

#include <string.h>

#include "base/text.h"

#define MATCH_DEPTH 200 /* as Lua's MAXCCALLS */
#define MATCH_OPEN ((ptrdiff_t)-1) /* len: not closed yet */
#define MATCH_ESC '%'

static const char *match_run(struct match *m, const char *s, const char *p);

/* match_init - nothing matched yet */
void
match_init(struct match *m, const char *subject, size_t subject_len,
    const char *pattern, size_t pattern_len, uint64_t max_steps)
{
	m->subject = subject;
	m->subject_end = subject + subject_len;
	m->pattern = pattern;
	m->pattern_end = pattern + pattern_len;
	m->steps = 0;
	m->max_steps = max_steps;
	m->error = NULL;
	m->out_of_steps = false;
	m->depth = 0;
	m->captures = 0;
}

/* match_fail - trouble: everything above sees m->error and returns */
static const char *
match_fail(struct match *m, const char *why)
{
	if (m->error == NULL)
		m->error = why;
	return NULL;
}

/* match_step - one more unit of work; false: enough */
static bool
match_step(struct match *m)
{
	if (++m->steps <= m->max_steps)
		return true;
	m->out_of_steps = true;
	match_fail(m, "pattern takes too many steps");
	return false;
}

/* match_item_end - behind the single item (character, class, set) at p */
static const char *
match_item_end(struct match *m, const char *p)
{
	char first = *p++;

	if (first == MATCH_ESC) {
		if (p == m->pattern_end)
			return match_fail(m,
			    "malformed pattern (ends with '%')");
		return p + 1;
	}
	if (first != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* a ] in front is a plain character */
		if (p == m->pattern_end)
			return match_fail(m,
			    "malformed pattern (missing ']')");
		if (*p++ == MATCH_ESC) {
			if (p == m->pattern_end)
				return match_fail(m,
				    "malformed pattern (missing ']')");
			p++;
		}
	} while (p == m->pattern_end || *p != ']');
	return p + 1;
}

/* match_class - does the octet belong to %cl; the locale is C */
static bool
match_class(unsigned char c, unsigned char cl)
{
	bool in;

	switch (cl | 0x20) {
	case 'a':
		in = text_is_alpha(c);
		break;
	case 'c':
		in = c < 0x20 || c == 0x7f;
		break;
	case 'd':
		in = text_is_digit(c);
		break;
	case 'g':
		in = c > 0x20 && c < 0x7f;
		break;
	case 'l':
		in = c >= 'a' && c <= 'z';
		break;
	case 'p':
		in = c > 0x20 && c < 0x7f && !text_is_alpha(c) &&
		    !text_is_digit(c);
		break;
	case 's':
		in = c == ' ' || (c >= '\t' && c <= '\r');
		break;
	case 'u':
		in = c >= 'A' && c <= 'Z';
		break;
	case 'w':
		in = text_is_alpha(c) || text_is_digit(c);
		break;
	case 'x':
		in = text_is_digit(c) ||
		    ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
		break;
	default:
		return cl == c;
	}
	return (cl & 0x20) != 0 ? in : !in;
}

/* match_set - is c in the set from p ('[') to end (behind ']') */
static bool
match_set(unsigned char c, const char *p, const char *end)
{
	const char *last = end - 1; /* the ] */
	bool yes = true;

	p++;
	if (*p == '^') {
		yes = false;
		p++;
	}
	while (p < last) {
		if (*p == MATCH_ESC) {
			if (match_class(c, (unsigned char)p[1]))
				return yes;
			p += 2;
		} else if (p[1] == '-' && p + 2 < last) {
			if ((unsigned char)p[0] <= c &&
			    c <= (unsigned char)p[2])
				return yes;
			p += 3;
		} else {
			if ((unsigned char)*p == c)
				return yes;
			p++;
		}
	}
	return !yes;
}

/* match_one - does the octet at s match the single item p..end */
static bool
match_one(struct match *m, const char *s, const char *p, const char *end)
{
	unsigned char c;

	if (s >= m->subject_end || !match_step(m))
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.':
		return true;
	case MATCH_ESC:
		return match_class(c, (unsigned char)p[1]);
	case '[':
		m->steps += (uint64_t)(end - p) / 4;
		return match_set(c, p, end);
	default:
		return (unsigned char)*p == c;
	}
}

/* match_balance - %bxy at p (behind the b) */
static const char *
match_balance(struct match *m, const char *s, const char *p)
{
	int open = 1;

	if (p + 2 > m->pattern_end)
		return match_fail(m, "malformed pattern (missing arguments to "
		    "'%b')");
	if (s >= m->subject_end || *s != p[0])
		return NULL;
	while (++s < m->subject_end && match_step(m)) {
		if (*s == p[1]) {
			if (--open == 0)
				return s + 1;
		} else if (*s == p[0]) {
			open++;
		}
	}
	return NULL;
}

/* match_greedy - as many as possible, then fewer */
static const char *
match_greedy(struct match *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t n = 0;

	while (match_one(m, s + n, p, end))
		n++;
	for (; n >= 0 && m->error == NULL; n--) {
		const char *r = match_run(m, s + n, end + 1);

		if (r != NULL)
			return r;
	}
	return NULL;
}

/* match_lazy - as few as possible, then more */
static const char *
match_lazy(struct match *m, const char *s, const char *p, const char *end)
{
	while (m->error == NULL) {
		const char *r = match_run(m, s, end + 1);

		if (r != NULL)
			return r;
		if (m->error != NULL || !match_one(m, s, p, end))
			return NULL;
		s++;
	}
	return NULL;
}

/* match_open - ( or () at p */
static const char *
match_open(struct match *m, const char *s, const char *p, ptrdiff_t kind)
{
	const char *r;

	if (m->captures >= MATCH_CAPTURES)
		return match_fail(m, "too many captures");
	m->capture[m->captures].start = s;
	m->capture[m->captures].len = kind;
	m->captures++;
	r = match_run(m, s, p);
	if (r == NULL)
		m->captures--;
	return r;
}

/* match_close - ) */
static const char *
match_close(struct match *m, const char *s, const char *p)
{
	const char *r;
	unsigned i = m->captures;

	while (i > 0 && m->capture[i - 1].len != MATCH_OPEN)
		i--;
	if (i == 0)
		return match_fail(m, "invalid pattern capture");
	m->capture[i - 1].len = s - m->capture[i - 1].start;
	r = match_run(m, s, p);
	if (r == NULL)
		m->capture[i - 1].len = MATCH_OPEN;
	return r;
}

/* match_back - %1 to %9: the same text again; the text's end */
static const char *
match_back(struct match *m, const char *s, char digit)
{
	unsigned i = (unsigned)(digit - '1');
	ptrdiff_t len;

	if (digit == '0' || i >= m->captures ||
	    m->capture[i].len == MATCH_OPEN)
		return match_fail(m, "invalid capture index in pattern");
	len = m->capture[i].len;
	/* a position never equals a text */
	if (len < 0 || m->subject_end - s < len)
		return NULL;
	m->steps += (uint64_t)len / 8;
	if (!match_step(m) ||
	    memcmp(m->capture[i].start, s, (size_t)len) != 0)
		return NULL;
	return s + len;
}

/* match_frontier - %f[set] at p (the '['): is s on its border; behind it */
static const char *
match_frontier(struct match *m, const char *s, const char *p)
{
	const char *end;
	unsigned char before, here;

	if (p >= m->pattern_end || *p != '[')
		return match_fail(m,
		    "missing '[' after '%f' in pattern");
	end = match_item_end(m, p);
	if (end == NULL || !match_step(m))
		return NULL;
	before = s == m->subject ? '\0' : (unsigned char)s[-1];
	here = s == m->subject_end ? '\0' : (unsigned char)*s;
	return !match_set(before, p, end) && match_set(here, p, end) ? end :
								      NULL;
}

/* match_special - captures, %b, %f, %1: true if p begins one of them; *r is
   then the result, or NULL with *next telling where to go on */
static bool
match_special(struct match *m, const char **s, const char **p,
    const char **r)
{
	const char *q = *p;

	*r = NULL;
	if (*q == '(') {
		bool position = q + 1 < m->pattern_end && q[1] == ')';

		*r = match_open(m, *s, q + (position ? 2 : 1),
		    position ? MATCH_POSITION : MATCH_OPEN);
		*p = NULL;
		return true;
	}
	if (*q == ')') {
		*r = match_close(m, *s, q + 1);
		*p = NULL;
		return true;
	}
	if (*q != MATCH_ESC || q + 1 >= m->pattern_end)
		return false;
	if (q[1] == 'b') {
		*s = match_balance(m, *s, q + 2);
		*p = *s != NULL ? q + 4 : NULL;
		return true;
	}
	if (q[1] == 'f') {
		*p = match_frontier(m, *s, q + 2);
		return true;
	}
	if (text_is_digit((unsigned char)q[1])) {
		*s = match_back(m, *s, q[1]);
		*p = *s != NULL ? q + 2 : NULL;
		return true;
	}
	return false;
}

/* match_item - a single item with what follows it; the result, or NULL with
   *p telling where to go on in the loop (NULL: nowhere) */
static const char *
match_item(struct match *m, const char **s, const char **p)
{
	const char *end = match_item_end(m, *p), *from = *p, *r;
	char suffix;

	*p = NULL;
	if (end == NULL)
		return NULL;
	suffix = end < m->pattern_end ? *end : '\0';
	switch (end < m->pattern_end ? suffix : 0) {
	case '?':
		if (match_one(m, *s, from, end)) {
			r = match_run(m, *s + 1, end + 1);
			if (r != NULL || m->error != NULL)
				return r;
		}
		*p = end + 1;
		return NULL;
	case '+':
		return match_one(m, *s, from, end) ?
		    match_greedy(m, *s + 1, from, end) : NULL;
	case '*':
		return match_greedy(m, *s, from, end);
	case '-':
		return match_lazy(m, *s, from, end);
	default:
		if (!match_one(m, *s, from, end))
			return NULL;
		++*s;
		*p = end;
		return NULL;
	}
}

/* match_loop - item after item; recursion only where there is a choice */
static const char *
match_loop(struct match *m, const char *s, const char *p)
{
	const char *r;

	while (p != m->pattern_end) {
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->subject_end ? s : NULL;
		if (match_special(m, &s, &p, &r)) {
			if (p == NULL || m->error != NULL)
				return r;
			continue;
		}
		r = match_item(m, &s, &p);
		if (r != NULL || p == NULL || m->error != NULL)
			return m->error == NULL ? r : NULL;
	}
	return s;
}

/* match_run - the rest p of the pattern at s */
static const char *
match_run(struct match *m, const char *s, const char *p)
{
	const char *r;

	if (m->depth >= MATCH_DEPTH)
		return match_fail(m, "pattern too complex");
	if (!match_step(m))
		return NULL;
	m->depth++;
	r = match_loop(m, s, p);
	m->depth--;
	return m->error == NULL ? r : NULL;
}

/* match_at - try at s */
const char *
match_at(struct match *m, const char *s)
{
	const char *r;

	m->captures = 0;
	m->depth = 0;
	r = match_run(m, s, m->pattern);
	for (unsigned i = 0; r != NULL && i < m->captures; i++) {
		if (m->capture[i].len == MATCH_OPEN)
			return match_fail(m, "unfinished capture");
	}
	return r;
}
