/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/object_int.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "lua/regex.h"
#include "lua/view.h"

/* object_in_time - both ends belong to it, it may pass midnight; then
   the day is that of its beginning */
static bool
object_in_time(const struct object *o, int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000) + (o->local ? 0 : o->offset * 60);
	struct tm tm;
	int now, day;

	if (o->local)
		localtime_r(&t, &tm);
	else
		gmtime_r(&t, &tm);
	now = tm.tm_hour * 60 + tm.tm_min;
	day = tm.tm_wday;
	if (o->begin > o->end) {
		if (now < o->begin && now > o->end)
			return false;
		if (now <= o->end)
			day = (day + 6) % 7;
	} else if (now < o->begin || now > o->end) {
		return false;
	}
	return (o->days & 1u << day) != 0;
}

/* object_in_domain - what is behind the last @, no subdomains */
static bool
object_in_domain(const struct object *o, weir_str a)
{
	const char *at = memrchr(a.ptr, '@', a.len);

	if (at == NULL)
		return false;
	a.len -= (size_t)(at + 1 - a.ptr);
	a.ptr = at + 1;
	return text_case_equals(a, o->text);
}

/* object_field - fields of the message, then those of its parts */
static int
object_field(const struct object *o, struct view *view, struct mark *mark)
{
	weir_str value;
	int n = 0;

	for (uint32_t i = 0; n == 0 && view_field(view, o->text, i, &value);
	     i++)
		n = regex_match(o->regex, value.ptr, value.len, 0, NULL);
	if (n != 0 || o->top) {
		mark->matched = n > 0;
		return n;
	}
	for (uint32_t i = 1; n >= 0 && i < view_parts(view); i++) {
		if (!view_part_field(view, i, o->text, &value))
			continue;
		n = regex_match(o->regex, value.ptr, value.len, 0, NULL);
		if (n > 0)
			mark_part(mark, i);
	}
	return n;
}

/* object_part - type or any name of a part */
static int
object_part(const struct object *o, struct view *view, struct mark *mark)
{
	int n = 0;

	for (uint32_t i = 0; n >= 0 && i < view_parts(view); i++) {
		weir_str s;

		if (o->kind == OBJECT_CONTENT_TYPE) {
			s = view_part_type(view, i);
			n = regex_match(o->regex, s.ptr, s.len, 0, NULL);
			if (n > 0)
				mark_part(mark, i);
			continue;
		}
		for (uint32_t k = 0; n >= 0 && view_part_name(view, i, k, &s);
		     k++) {
			n = regex_match(o->regex, s.ptr, s.len, 0, NULL);
			if (n > 0)
				mark_part(mark, i);
		}
	}
	return n;
}

/* object_match - does it, and what of the mail */
int
object_match(const struct object *o, struct view *view, bool to,
    uint32_t rcpt, struct mark *mark)
{
	weir_str who;
	int n;

	mark_none(mark, false);
	switch (o->kind) {
	case OBJECT_ADDRESS:
	case OBJECT_DOMAIN:
	case OBJECT_REGEX:
		who = to ? view_rcpt(view, rcpt) : view_sender(view);
		break;
	case OBJECT_RCPT_ADDRESS:
	case OBJECT_RCPT_DOMAIN:
	case OBJECT_RCPT_REGEX:
		who = view_rcpt(view, rcpt);
		break;
	default:
		who = WEIR_STR("");
		break;
	}
	switch (o->kind) {
	case OBJECT_ADDRESS:
	case OBJECT_RCPT_ADDRESS:
		mark->matched = text_case_equals(who, o->text);
		return 0;
	case OBJECT_DOMAIN:
	case OBJECT_RCPT_DOMAIN:
		mark->matched = object_in_domain(o, who);
		return 0;
	case OBJECT_REGEX:
	case OBJECT_RCPT_REGEX:
		n = regex_match(o->regex, who.ptr, who.len, 0, NULL);
		mark->matched = n > 0;
		return n;
	case OBJECT_NETWORK:
		mark->matched = view_client_in(view, &o->net);
		return 0;
	case OBJECT_TIMEFRAME:
		mark->matched = object_in_time(o, view_wall_ms(view));
		return 0;
	case OBJECT_SPAMLEVEL:
		mark->matched = view_score(view, rcpt) >= o->level;
		return 0;
	case OBJECT_HEADER:
		return object_field(o, view, mark);
	case OBJECT_CONTENT_TYPE:
	case OBJECT_FILENAME:
		return object_part(o, view, mark);
	case OBJECT_SYMBOL:
		mark->matched = view_symbol(view, o->text, rcpt);
		return 0;
	}
	return 0;
}
