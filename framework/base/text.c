/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* text_slice - a slice over a C string */
weir_str
text_slice(const char *s)
{
	weir_str out;

	out.ptr = s != NULL ? s : "";
	out.len = strlen(out.ptr);
	return out;
}

/* text_case_equal - equal but for ASCII case */
bool
text_case_equal(weir_str a, weir_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (text_lower(a.ptr[i]) != text_lower(b.ptr[i]))
			return false;
	}
	return true;
}

/* text_case_equals - the same with a C string */
bool
text_case_equals(weir_str a, const char *b)
{
	return text_case_equal(a, text_slice(b));
}

/* text_equals - octet by octet */
bool
text_equals(weir_str a, const char *b)
{
	return strlen(b) == a.len && memcmp(a.ptr, b, a.len) == 0;
}

/* text_has_prefix - does s begin with prefix */
bool
text_has_prefix(weir_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

/* text_lower_in_place - ASCII letters to lower case */
void
text_lower_in_place(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s[i] = text_lower(s[i]);
}

/* text_trim - cut spaces at both ends */
weir_str
text_trim(weir_str s)
{
	while (s.len > 0 && text_is_space((unsigned char)s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && text_is_space((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* text_utf8_at - length of the well-formed sequence at p, 0 if there is none;
   the code point is stored */
static size_t
text_utf8_at(const unsigned char *p, size_t left, uint32_t *cp)
{
	size_t n;
	uint32_t c, low;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2, c = p[0] & 0x1fu, low = 0x80;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3, c = p[0] & 0x0fu, low = 0x800;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4, c = p[0] & 0x07u, low = 0x10000;
	} else {
		return 0;
	}
	if (left < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < low || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

/* text_is_utf8 - RFC 3629 */
bool
text_is_utf8(weir_str s)
{
	uint32_t cp;
	size_t n;

	for (size_t i = 0; i < s.len; i += n) {
		n = text_utf8_at((const unsigned char *)s.ptr + i, s.len - i,
		    &cp);
		if (n == 0)
			return false;
	}
	return true;
}

/* text_is_shown - may this code point appear in a log line as it is */
static bool
text_is_shown(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == '\\')
		return false;
	/* line separators and bidi controls reorder what a reader sees */
	if (cp == 0x2028 || cp == 0x2029 || cp == 0x200e || cp == 0x200f ||
	    cp == 0x061c)
		return false;
	return !(cp >= 0x202a && cp <= 0x202e) &&
	    !(cp >= 0x2066 && cp <= 0x2069) && cp != 0xfeff;
}

/* text_escape - a copy that is safe to print */
size_t
text_escape(char *out, size_t cap, weir_str s)
{
	size_t o = 0, i = 0, n;
	uint32_t cp;

	while (i < s.len) {
		const unsigned char *p = (const unsigned char *)s.ptr + i;

		n = text_utf8_at(p, s.len - i, &cp);
		if (n != 0 && text_is_shown(cp)) {
			if (o + n >= cap)
				break;
			memcpy(out + o, p, n);
			o += n;
			i += n;
			continue;
		}
		if (n == 0)
			n = 1;
		if (o + 4 * n >= cap)
			break;
		for (size_t k = 0; k < n; k++)
			o += (size_t)snprintf(out + o, cap - o, "\\x%02x",
			    p[k]);
		i += n;
	}
	if (cap != 0)
		out[o] = '\0';
	return o;
}

/* text_distance - edit distance of two short words */
static unsigned
text_distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);

	if (n >= 63 || strlen(a) >= 63)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = diag +
			    (text_lower(a[i - 1]) != text_lower(b[j - 1]));

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

/* text_nearest - the choice a misspelt word probably meant */
const char *
text_nearest(const char *word, const char *const *choices)
{
	const char *best = NULL;
	unsigned least = (unsigned)strlen(word) / 3 + 2;

	for (; *choices != NULL; choices++) {
		unsigned d = text_distance(word, *choices);

		if (d < least) {
			least = d;
			best = *choices;
		}
	}
	return best;
}

/* text_time - RFC 3339 in UTC with milliseconds */
void
text_time(char out[32], int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03dZ", (int)(wall_ms % 1000));
}

/* text_temporary - where temporary files go */
void
text_temporary(char *out, size_t cap, const char *name)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(out, cap, "%s/%s-XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp", name);
}
