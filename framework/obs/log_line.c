/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/log_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/text.h"

/* Work memory for escaped values; guarded like all of this by the lock. */
static struct buf log_line_scratch;

/* log_line_is_plain - may the value stand as it is, within quotes if any */
static bool
log_line_is_plain(weir_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c < 0x20 || c >= 0x7f || c == '\\' || c == '"')
			return false;
	}
	return true;
}

/* log_line_is_word - does the text style need no quotes */
static bool
log_line_is_word(weir_str s)
{
	return s.len != 0 && memchr(s.ptr, ' ', s.len) == NULL &&
	    memchr(s.ptr, '=', s.len) == NULL &&
	    memchr(s.ptr, '"', s.len) == NULL;
}

/* log_line_safe - the value as a reader may see it; borrowed until the next */
static weir_str
log_line_safe(weir_str s)
{
	bool cut = s.len > LOG_VALUE_MAX;

	if (cut)
		s.len = LOG_VALUE_MAX;
	if (!cut && log_line_is_plain(s))
		return s;
	buf_clear(&log_line_scratch);
	log_line_scratch.len = text_escape(
	    buf_reserve(&log_line_scratch, 4 * s.len + 1), 4 * s.len + 1, s);
	if (cut)
		buf_add_str(&log_line_scratch, "...");
	return buf_str(&log_line_scratch);
}

/* log_line_quote - add with a backslash before what ends a quoted string */
static void
log_line_quote(struct buf *out, weir_str s, bool json)
{
	size_t from = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '"' && (!json || s.ptr[i] != '\\'))
			continue;
		buf_add(out, s.ptr + from, i - from);
		buf_add_char(out, '\\');
		from = i;
	}
	buf_add(out, s.ptr + from, s.len - from);
}

/* log_line_value - one text value */
static void
log_line_value(struct buf *out, enum log_style style, weir_str s)
{
	s = log_line_safe(s);
	if (style == LOG_STYLE_JOURNAL ||
	    (style == LOG_STYLE_TEXT && log_line_is_word(s))) {
		buf_add(out, s.ptr, s.len);
		return;
	}
	buf_add_char(out, '"');
	log_line_quote(out, s, style == LOG_STYLE_JSON);
	buf_add_char(out, '"');
}

/* log_line_key - what stands before a value */
static void
log_line_key(struct buf *out, enum log_style style, const char *key)
{
	char c;

	switch (style) {
	case LOG_STYLE_TEXT:
		buf_add_char(out, ' ');
		buf_add_str(out, key);
		buf_add_char(out, '=');
		break;
	case LOG_STYLE_JSON:
		buf_add(out, ",\"", 2);
		buf_add_str(out, key);
		buf_add(out, "\":", 2);
		break;
	case LOG_STYLE_JOURNAL:
		buf_add(out, "\nWEIR_", 6);
		for (; *key != '\0'; key++) {
			c = *key;
			buf_add_char(out, c >= 'a' && c <= 'z' ?
				(char)(c - 32) : c);
		}
		buf_add_char(out, '=');
		break;
	}
}

/* log_line_known - one of the context's names, if it is known */
static void
log_line_known(struct buf *out, enum log_style style, const char *key,
    const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	log_line_key(out, style, key);
	log_line_value(out, style, text_slice(value));
}

/* log_line_list - several texts: an array, a,b,c, or the field repeated */
static void
log_line_list(struct buf *out, enum log_style style,
    const struct log_field *f)
{
	weir_str item;

	if (style == LOG_STYLE_JOURNAL) {
		for (size_t i = 0; i < f->u.list.n; i++) {
			if (out->len > LOG_LINE_MAX)
				break;
			log_line_key(out, style, f->key);
			log_line_value(out, style, f->u.list.items[i]);
		}
		return;
	}
	log_line_key(out, style, f->key);
	buf_add_char(out, style == LOG_STYLE_JSON ? '[' : '"');
	for (size_t i = 0; i < f->u.list.n; i++) {
		if (out->len > LOG_LINE_MAX)
			break;
		if (i != 0)
			buf_add_char(out, ',');
		if (style == LOG_STYLE_JSON) {
			log_line_value(out, style, f->u.list.items[i]);
			continue;
		}
		item = log_line_safe(f->u.list.items[i]);
		for (size_t k = 0; k < item.len; k++) {
			if (item.ptr[k] == ',')
				buf_add(out, "\\x2c", 4);
			else if (item.ptr[k] == '"')
				buf_add(out, "\\\"", 2);
			else
				buf_add_char(out, item.ptr[k]);
		}
	}
	buf_add_char(out, style == LOG_STYLE_JSON ? ']' : '"');
}

/* log_line_num - a whole number; every line has some */
static void
log_line_num(struct buf *out, int64_t value)
{
	char text[24], *p = text + sizeof(text);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	if (value < 0)
		*--p = '-';
	buf_add(out, p, (size_t)(text + sizeof(text) - p));
}

/* log_line_field - one of the caller's fields */
static void
log_line_field(struct buf *out, enum log_style style,
    const struct log_field *f)
{
	static const char *const reserved[] = { "v", "time", "level", "event",
		"pid", "session", "message", "queue_id", "module", "stage",
		"msg", "truncated" };

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		expect(strcmp(reserved[i], f->key) != 0);
	if (f->type == LOG_F_LIST) {
		log_line_list(out, style, f);
		return;
	}
	log_line_key(out, style, f->key);
	switch (f->type) {
	case LOG_F_STR:
		log_line_value(out, style, f->u.str);
		break;
	case LOG_F_INT:
		log_line_num(out, f->u.num);
		break;
	case LOG_F_REAL:
		/* JSON has no word for the others */
		if (isfinite(f->u.real))
			buf_printf(out, "%.9g", f->u.real);
		else
			buf_add_str(out, "null");
		break;
	case LOG_F_BOOL:
		buf_add_str(out, f->u.flag ? "true" : "false");
		break;
	case LOG_F_LIST:
		break;
	}
}

/* log_line_time - RFC 3339 in UTC with milliseconds */
static void
log_line_time(struct buf *out, int64_t ms)
{
	static int64_t known = -1; /* the second whose text is kept */
	static char text[40];
	int64_t second = ms / 1000;
	time_t t = (time_t)second;
	unsigned frac = (unsigned)(ms % 1000);
	char tail[5] = { '.', (char)('0' + frac / 100),
		(char)('0' + frac / 10 % 10), (char)('0' + frac % 10), 'Z' };
	struct tm tm;

	if (second != known) {
		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		known = second;
	}
	buf_add_str(out, text);
	buf_add(out, tail, sizeof(tail));
}

/* log_line_head - what every line begins with */
static void
log_line_head(struct buf *out, enum log_style style,
    const struct log_line *line)
{
	static const char priority[] = { '3', '4', '6', '7' };
	const char *level = log_level_name(line->level);
	const char *event = log_event_name(line->event);
	weir_str s;

	switch (style) {
	case LOG_STYLE_TEXT:
		buf_add_str(out, "time=");
		log_line_time(out, line->time_ms);
		buf_add_str(out, " level=");
		buf_add_str(out, level);
		buf_add_str(out, " event=");
		buf_add_str(out, event);
		buf_add_str(out, " pid=");
		log_line_num(out, line->pid);
		break;
	case LOG_STYLE_JSON:
		buf_add_str(out, "{\"v\":1,\"time\":\"");
		log_line_time(out, line->time_ms);
		buf_add_str(out, "\",\"level\":\"");
		buf_add_str(out, level);
		buf_add_str(out, "\",\"event\":\"");
		buf_add_str(out, event);
		buf_add_str(out, "\",\"pid\":");
		log_line_num(out, line->pid);
		break;
	case LOG_STYLE_JOURNAL:
		buf_printf(out, "PRIORITY=%c\nSYSLOG_FACILITY=2\n"
		    "SYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\nMESSAGE=",
		    priority[line->level], line->ident, (int)line->pid);
		s = log_line_safe(line->msg);
		buf_add(out, s.ptr, s.len);
		buf_add_str(out, "\nWEIR_V=1\nWEIR_TIME=");
		log_line_time(out, line->time_ms);
		buf_printf(out, "\nWEIR_LEVEL=%s\nWEIR_EVENT=%s", level,
		    event);
		break;
	}
}

/* log_line_add - the whole line in one of the styles */
void
log_line_add(struct buf *out, enum log_style style,
    const struct log_line *line)
{
	size_t i;

	log_line_head(out, style, line);
	if (line->ctx != NULL) {
		log_line_known(out, style, "session", line->ctx->session);
		log_line_known(out, style, "message", line->ctx->message);
		log_line_known(out, style, "queue_id", line->ctx->queue_id);
		log_line_known(out, style, "module", line->ctx->module);
		log_line_known(out, style, "stage", line->ctx->stage);
	}
	if (style != LOG_STYLE_JOURNAL) {
		log_line_key(out, style, "msg");
		log_line_value(out, style, line->msg);
	}
	for (i = 0; i < line->n && out->len < LOG_LINE_MAX; i++)
		log_line_field(out, style, &line->fields[i]);
	if (i < line->n || out->len >= LOG_LINE_MAX) {
		log_line_key(out, style, "truncated");
		buf_add_str(out, "true");
	}
	if (style == LOG_STYLE_JSON)
		buf_add_char(out, '}');
	else if (style == LOG_STYLE_JOURNAL)
		buf_add_char(out, '\n');
}
