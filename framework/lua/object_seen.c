/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/object_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "lua/view.h"

#define OBJECT_SEEN_MAX 20 /* values of one object */

/* seen_add - "what value", unless it is there */
static void
seen_add(struct buf *out, const char *what, weir_str value)
{
	struct buf one = BUF_INIT;

	buf_printf(&one, "%s %.*s", what,
	    (int)(value.len < 200 ? value.len : 200), value.ptr);
	if (value.len == 0)
		buf_printf(&one, "(none)");
	if (out->len == 0 || strstr(out->ptr, one.ptr) == NULL) {
		if (out->len > 0)
			buf_add_str(out, ", ");
		buf_add(out, one.ptr, one.len);
	}
	buf_fini(&one);
}

/* seen_time - the moment, as the time frame has it */
static void
seen_time(const struct object *o, int64_t ms, struct buf *out)
{
	time_t s = (time_t)(ms / 1000) + (o->local ? 0 : o->offset * 60);
	char text[40] = "";
	struct tm tm;

	if ((o->local ? localtime_r(&s, &tm) : gmtime_r(&s, &tm)) != NULL)
		strftime(text, sizeof(text), "%a %H:%M", &tm);
	seen_add(out, "time", weir_str_of(text));
}

/* seen_parts - types or names of all parts */
static void
seen_parts(const struct object *o, struct view *view, struct buf *out)
{
	uint32_t n = view_parts(view), found = 0;
	weir_str s;

	for (uint32_t i = 0; i < n && i < OBJECT_SEEN_MAX; i++) {
		if (o->kind == OBJECT_CONTENT_TYPE)
			seen_add(out, "type", view_part_type(view, i));
		for (uint32_t k = 0; o->kind == OBJECT_FILENAME &&
		     k < OBJECT_SEEN_MAX && view_part_name(view, i, k, &s);
		     k++, found++)
			seen_add(out, "file", s);
	}
	if (o->kind == OBJECT_FILENAME && found == 0)
		seen_add(out, "file", WEIR_STR(""));
}

/* object_seen - what it looks at */
void
object_seen(const struct object *o, struct view *view, bool to,
    uint32_t rcpt, struct buf *out)
{
	weir_str s = WEIR_STR("");
	char text[64];

	switch (o->kind) {
	case OBJECT_ADDRESS:
	case OBJECT_DOMAIN:
	case OBJECT_REGEX:
		seen_add(out, to ? "recipient" : "sender", to ?
			view_rcpt(view, rcpt) : view_sender(view));
		break;
	case OBJECT_RCPT_ADDRESS:
	case OBJECT_RCPT_DOMAIN:
	case OBJECT_RCPT_REGEX:
		seen_add(out, "recipient", view_rcpt(view, rcpt));
		break;
	case OBJECT_NETWORK:
		seen_add(out, "client", view_client(view));
		break;
	case OBJECT_TIMEFRAME:
		seen_time(o, view_wall_ms(view), out);
		break;
	case OBJECT_SPAMLEVEL:
		snprintf(text, sizeof(text), "%.2f", view_score(view, rcpt));
		seen_add(out, "score", weir_str_of(text));
		break;
	case OBJECT_HEADER:
		view_field(view, o->text, 0, &s);
		seen_add(out, o->text, s);
		break;
	case OBJECT_CONTENT_TYPE:
	case OBJECT_FILENAME:
		seen_parts(o, view, out);
		break;
	case OBJECT_SYMBOL:
		snprintf(text, sizeof(text), "%.40s", o->text);
		seen_add(out, view_symbol(view, o->text, rcpt) ? "found" :
		    "not found", weir_str_of(text));
		break;
	}
}
