/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/format.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"

/* format_octets - in the unit that suits */
void
format_octets(int64_t n, struct buf *out)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n / 1024;
	size_t u = 0;

	if (n < 1024) {
		buf_printf(out, "%lld octets", (long long)n);
		return;
	}
	for (; v >= 1024 && u < 3; u++)
		v /= 1024;
	buf_printf(out, v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* format_duration - the two largest units */
void
format_duration(int64_t ms, struct buf *out)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		buf_printf(out, "%lld ms", (long long)ms);
	else if (s < 60)
		buf_printf(out, "%lld s", (long long)s);
	else if (s < 3600)
		buf_printf(out, "%lld min %lld s", (long long)(s / 60),
		    (long long)(s % 60));
	else if (s < 86400)
		buf_printf(out, "%lld h %lld min", (long long)(s / 3600),
		    (long long)(s / 60 % 60));
	else
		buf_printf(out, "%lld d %lld h", (long long)(s / 86400),
		    (long long)(s / 3600 % 24));
}

/* format_time - for people, in UTC */
void
format_time(int64_t wall_ms, struct buf *out)
{
	time_t t = (time_t)(wall_ms / 1000);
	char text[40];
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		buf_add_str(out, text);
}

/* format_clean_slice - escaped */
static void
format_clean_slice(weir_str s, struct buf *out)
{
	size_t cap = s.len * 4 + 1;

	out->len += text_escape(buf_reserve(out, cap), cap, s);
}

/* format_clean - one line of text from anywhere */
void
format_clean(const char *text, struct buf *out)
{
	format_clean_slice(text_slice(text), out);
}

/* format_clean_lines - several lines of it */
void
format_clean_lines(weir_str text, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.ptr[i] != '\n' && text.ptr[i] != '\t')
			continue;
		format_clean_slice((weir_str){ text.ptr + from, i - from },
		    out);
		if (i < text.len)
			buf_add_char(out, text.ptr[i]);
		from = i + 1;
	}
}

/* format_width - characters, not octets */
size_t
format_width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* format_indent - that many blanks */
static void
format_indent(size_t n, struct buf *out)
{
	while (n-- > 0)
		buf_add_char(out, ' ');
}

/* format_wrap - words into lines */
void
format_wrap(const char *text, size_t column, struct buf *out)
{
	struct buf clean = BUF_INIT;
	size_t at = column;
	char *word, *save;

	format_clean(text, &clean);
	buf_add_str(&clean, "");
	for (word = strtok_r(buf_reserve(&clean, 1) - clean.len, " ", &save);
	     word != NULL; word = strtok_r(NULL, " ", &save)) {
		size_t width = format_width(word);

		if (at > column && at + 1 + width > FORMAT_WIDTH) {
			buf_add_char(out, '\n');
			format_indent(column, out);
			at = column;
		}
		if (at > column) {
			buf_add_char(out, ' ');
			at++;
		}
		buf_add_str(out, word);
		at += width;
	}
	buf_add_char(out, '\n');
	buf_fini(&clean);
}

/* format_pad - to the next column */
void
format_pad(struct buf *out, size_t line, size_t column)
{
	size_t at;

	buf_reserve(out, 1)[0] = '\0';
	at = format_width(out->ptr + line);
	format_indent(at < column ? column - at : 1, out);
}

/* format_str - a text member */
const char *
format_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* format_int - a whole number, or the whole part of a real one */
int64_t
format_int(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_real(v) ? (int64_t)json_real_value(v) :
				 json_integer_value(v);
}

/* format_real - any number */
double
format_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* format_bool - true only if it says so */
bool
format_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}
