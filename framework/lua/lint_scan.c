/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint_scan - the words of a Lua text that is known to compile. */
#include <string.h>

#include "base/text.h"
#include "lua/lint.h"

struct lint_scanner {
	const char *p, *end;
	int line;
};

/* scan_is_name - may the octet stand in a name */
static bool
scan_is_name(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || c == '_';
}

/* scan_long - the level of a long bracket at p, or -1 */
static int
scan_long(const struct lint_scanner *s)
{
	const char *p = s->p + 1;

	while (p < s->end && *p == '=')
		p++;
	return p < s->end && *p == '[' ? (int)(p - s->p - 1) : -1;
}

/* scan_long_text - from the bracket at p to behind its end */
static weir_str
scan_long_text(struct lint_scanner *s, int level)
{
	weir_str out = { s->p + level + 2, 0 };

	for (s->p = out.ptr; s->p < s->end; s->p++) {
		const char *q = s->p + 1;

		if (*s->p == '\n')
			s->line++;
		if (*s->p != ']' || s->end - s->p < level + 2)
			continue;
		while (q < s->end && *q == '=')
			q++;
		if (q - s->p - 1 == level && q < s->end && *q == ']') {
			out.len = (size_t)(s->p - out.ptr);
			s->p = q + 1;
			return out;
		}
	}
	out.len = (size_t)(s->end - out.ptr);
	return out;
}

/* scan_blank - over blanks and comments */
static void
scan_blank(struct lint_scanner *s)
{
	while (s->p < s->end) {
		if (*s->p == '\n') {
			s->line++;
			s->p++;
		} else if (text_is_space((unsigned char)*s->p) ||
		    *s->p == '\f' || *s->p == '\v') {
			s->p++;
		} else if (*s->p == '-' && s->end - s->p > 1 &&
		    s->p[1] == '-') {
			int level;

			s->p += 2;
			level = s->p < s->end && *s->p == '[' ? scan_long(s) :
								-1;
			if (level >= 0)
				scan_long_text(s, level);
			else
				while (s->p < s->end && *s->p != '\n')
					s->p++;
		} else {
			break;
		}
	}
}

/* scan_quoted - a string in quotes */
static weir_str
scan_quoted(struct lint_scanner *s)
{
	char quote = *s->p++;
	weir_str out = { s->p, 0 };

	while (s->p < s->end && *s->p != quote) {
		if (*s->p == '\\' && s->end - s->p > 1)
			s->p++;
		if (*s->p == '\n')
			s->line++;
		s->p++;
	}
	out.len = (size_t)(s->p - out.ptr);
	if (s->p < s->end)
		s->p++;
	return out;
}

/* scan_punct - the longest sign at p */
static size_t
scan_punct(const struct lint_scanner *s)
{
	static const char *const signs[] = { "...", "..", "::", "==", "~=",
		"<=", ">=", "//", "<<", ">>" };
	size_t left = (size_t)(s->end - s->p);

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		size_t n = strlen(signs[i]);

		if (n <= left && memcmp(s->p, signs[i], n) == 0)
			return n;
	}
	return 1;
}

/* scan_one - the next word */
static void
scan_one(struct lint_scanner *s, struct lint_token *t)
{
	t->line = s->line;
	t->text.ptr = s->p;
	if (text_is_alpha(*s->p) || *s->p == '_') {
		t->kind = LINT_NAME;
		while (s->p < s->end && scan_is_name(*s->p))
			s->p++;
	} else if (text_is_digit(*s->p) || (*s->p == '.' &&
	    s->end - s->p > 1 && text_is_digit(s->p[1]))) {
		t->kind = LINT_NUMBER;
		while (s->p < s->end && (scan_is_name(*s->p) || *s->p == '.' ||
		    ((*s->p == '-' || *s->p == '+') &&
			strchr("eEpP", s->p[-1]) != NULL)))
			s->p++;
	} else if (*s->p == '"' || *s->p == '\'') {
		t->kind = LINT_STRING;
		t->text = scan_quoted(s);
		return;
	} else if (*s->p == '[' && scan_long(s) >= 0) {
		t->kind = LINT_STRING;
		t->text = scan_long_text(s, scan_long(s));
		return;
	} else {
		t->kind = LINT_PUNCT;
		s->p += scan_punct(s);
	}
	t->text.len = (size_t)(s->p - t->text.ptr);
}

/* lint_scan - all of them */
void
lint_scan(weir_str text, struct lint_tokens *out)
{
	struct lint_scanner s = { text.ptr, text.ptr + text.len, 1 };

	if (s.p < s.end && *s.p == '#') {
		while (s.p < s.end && *s.p != '\n')
			s.p++;
	}
	for (scan_blank(&s); s.p < s.end; scan_blank(&s))
		scan_one(&s, vec_push(&out->v));
	*vec_push(&out->v) = (struct lint_token){ LINT_END, { "", 0 },
		s.line };
}
