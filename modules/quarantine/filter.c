/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter - the words of a command: options, times, conditions. */
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* filter_ago - "90s" "5m" "2h" "7d" "2w"; false: none */
static bool
filter_ago(const char *s, int64_t now, int64_t *out)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 },
		{ 'd', 86400000 }, { 'w', 604800000 } };
	char *end;
	long n = strtol(s, &end, 10);

	if (end == s || n < 0 || n > 100000 || end[0] == '\0' ||
	    end[1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].unit != *end)
			continue;
		*out = now - n * units[i].ms;
		return true;
	}
	return false;
}

/* filter_time - how long ago, or a date, in UTC */
static int
filter_time(const char *s, int64_t now, int64_t *out, struct fault *f)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ",
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	if (filter_ago(s, now, out))
		return WEIR_OK;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { .tm_mday = 1 };
		char *end = strptime(s, forms[i], &tm);

		if (end == NULL || *end != '\0')
			continue;
		*out = (int64_t)timegm(&tm) * 1000;
		return WEIR_OK;
	}
	return fault_set(f, WEIR_E_INVAL, "\"%.60s\" is no time: write 2h, 7d, "
	    "2025-01-31 or 2025-01-31T10:00", s);
}

/* filter_number - in bounds */
static int
filter_number(const char *name, const char *s, double lo, double hi,
    double *out, struct fault *f)
{
	char *end;

	*out = strtod(s, &end);
	if (end != s && *end == '\0' && isfinite(*out) && *out >= lo &&
	    *out <= hi)
		return WEIR_OK;
	return fault_set(f, WEIR_E_INVAL, "%s: \"%.60s\" is no number from %g "
	    "to %g", name, s, lo, hi);
}

/* filter_state - by its name */
static int
filter_state(const char *s, int *out, struct fault *f)
{
	for (int i = ITEM_NEW; i <= ITEM_RELEASED; i++) {
		*out = i;
		if (strcmp(s, item_state_name(i, INT64_MAX, 0)) == 0)
			return WEIR_OK;
	}
	*out = ITEM_SENT;
	if (strcmp(s, "unsure") == 0)
		return WEIR_OK;
	return fault_set(f, WEIR_E_INVAL, "--state: \"%.60s\" is none of kept, "
	    "queued, releasing, unsure, released", s);
}

/* filter_flag - options without a value */
static bool
filter_flag(struct filter *o, const char *name)
{
	static const struct {
		const char *name;
		size_t at;
	} flags[] = { { "--raw", offsetof(struct filter, raw) },
		{ "--virus", offsetof(struct filter, virus) },
		{ "--again", offsetof(struct filter, again) },
		{ "--check", offsetof(struct filter, check) } };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (strcmp(name, flags[i].name) != 0)
			continue;
		*(bool *)((char *)o + flags[i].at) = true;
		return true;
	}
	return false;
}

/* filter_value - options with one */
static int
filter_value(struct filter *o, const char *name, const char *v, int64_t now,
    struct fault *f)
{
	double n = 0;
	int status = WEIR_OK;

	if (strcmp(name, "--rcpt") == 0) {
		o->rcpt = v;
	} else if (strcmp(name, "--sender") == 0) {
		o->sender = v;
	} else if (strcmp(name, "--subject") == 0) {
		o->subject = v;
	} else if (strcmp(name, "--id") == 0) {
		o->id = v;
	} else if (strcmp(name, "--class") == 0) {
		o->class_ = item_class_of(v);
		if (o->class_ == 0)
			status = fault_set(f, WEIR_E_INVAL, "--class: \"%.60s\" "
			    "is none of spam, virus, attachment", v);
	} else if (strcmp(name, "--state") == 0) {
		status = filter_state(v, &o->state, f);
	} else if (strcmp(name, "--since") == 0) {
		status = filter_time(v, now, &o->since_ms, f);
	} else if (strcmp(name, "--until") == 0) {
		status = filter_time(v, now, &o->until_ms, f);
	} else if (strcmp(name, "--min-score") == 0) {
		o->has_min = true;
		status = filter_number(name, v, -1e6, 1e6, &o->min, f);
	} else if (strcmp(name, "--max-score") == 0) {
		o->has_max = true;
		status = filter_number(name, v, -1e6, 1e6, &o->max, f);
	} else if (strcmp(name, "--wait") == 0) {
		status = filter_number(name, v, 0, FILTER_WAIT_MAX, &n, f);
		o->wait_ms = (uint32_t)(n * 1000);
	} else if (strcmp(name, "--limit") == 0) {
		status = filter_number(name, v, 1, FILTER_LIMIT_MAX, &n, f);
		o->limit = (int64_t)n;
	} else if (strcmp(name, "--offset") == 0) {
		status = filter_number(name, v, 0, 1e9, &n, f);
		o->offset = (int64_t)n;
	} else {
		status = fault_set(f, WEIR_E_INVAL, "there is no option "
		    "\"%.60s\"", name);
	}
	return status;
}

/* filter_takes - is the option one of this command's?  Its usage says so:
   "[--raw]", "[--id ID]". */
static bool
filter_takes(const char *usage, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = usage; (p = strchr(p, '[')) != NULL;) {
		p++;
		if (strncmp(p, name, n) == 0 && (p[n] == ' ' || p[n] == ']'))
			return true;
	}
	return false;
}

/* filter_read - all words behind the command */
int
filter_read(struct filter *o, const char *usage, uint32_t argc,
    char *const *argv, int64_t now, struct fault *f)
{
	int status = WEIR_OK;

	memset(o, 0, sizeof(*o));
	o->limit = FILTER_LIMIT;
	o->wait_ms = FILTER_WAIT * 1000;
	for (uint32_t i = 1; i < argc && status == WEIR_OK; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			if (o->nwords == FILTER_WORDS)
				return fault_set(f, WEIR_E_LIMIT, "more than "
				    "%d words", FILTER_WORDS);
			o->words[o->nwords++] = argv[i];
		} else if (!filter_takes(usage, argv[i])) {
			/* one that is passed over would do more than wanted */
			return fault_set(f, WEIR_E_INVAL, "%s takes no option "
			    "\"%.60s\"; usage: weirctl %s%s", argv[0], argv[i],
			    strcmp(argv[0], "lists") != 0 ? "quarantine " : "",
			    usage);
		} else if (!filter_flag(o, argv[i])) {
			if (i + 1 == argc)
				return fault_set(f, WEIR_E_INVAL, "%.60s: its "
				    "value is missing", argv[i]);
			status = filter_value(o, argv[i], argv[i + 1], now, f);
			i++;
		}
	}
	return status;
}

/* filter_and - one more condition; type 0: it binds nothing */
static void
filter_and(struct filter_sql *w, const char *condition, char type)
{
	size_t n = strlen(w->text);

	snprintf(w->text + n, sizeof(w->text) - n, "%s%s",
	    n == 0 ? " WHERE " : " AND ", condition);
	if (type != 0)
		w->types[w->n++] = type;
}

/* filter_and_text - a condition on text, if there is any */
static void
filter_and_text(struct filter_sql *w, const char *condition, const char *s)
{
	if (s == NULL)
		return;
	w->v[w->n].s = s;
	filter_and(w, condition, 's');
}

/* filter_and_part - a part of a column, without regard to the case of ASCII
   letters; % and _ stand for themselves */
static void
filter_and_part(struct filter_sql *w, const char *condition, const char *s)
{
	char *p = w->like[w->nlike];
	size_t n = 0;

	if (s == NULL)
		return;
	p[n++] = '%';
	for (; *s != '\0' && n + 4 < sizeof(w->like[0]); s++) {
		if (strchr("%_\\", *s) != NULL)
			p[n++] = '\\';
		p[n++] = *s;
	}
	p[n++] = '%';
	p[n] = '\0';
	w->v[w->n].s = w->like[w->nlike++];
	filter_and(w, condition, 's');
}

/* filter_where - the conditions.  A plus keeps the planner from an index whose
   order is not that of the list: sorting would cost more than it saves. */
void
filter_where(const struct filter *o, struct filter_sql *w)
{
	memset(w, 0, sizeof(*w));
	/* a whole address is looked up, a part of one is searched for */
	if (o->rcpt != NULL && strchr(o->rcpt, '@') != NULL &&
	    o->rcpt[0] != '@')
		filter_and_text(w, "user = lower(?)", o->rcpt);
	else
		filter_and_part(w, "user LIKE ? ESCAPE '\\'", o->rcpt);
	filter_and_part(w, "sender LIKE ? ESCAPE '\\'", o->sender);
	filter_and_part(w, "subject LIKE ? ESCAPE '\\'", o->subject);
	if (o->id != NULL) {
		w->v[w->n].s = o->id;
		filter_and(w, "id >= ?", 's');
		w->v[w->n].s = o->id;
		filter_and(w, "id < ? || '{'", 's');
	}
	if (o->class_ != 0) {
		w->v[w->n].i = o->class_;
		filter_and(w, "+class = ?", 'i');
	}
	if (o->state != 0) {
		w->v[w->n].i = o->state;
		filter_and(w, "+state = ?", 'i');
	}
	if (o->since_ms != 0) {
		w->v[w->n].i = o->since_ms;
		filter_and(w, "+time_ms >= ?", 'i');
	}
	if (o->until_ms != 0) {
		w->v[w->n].i = o->until_ms;
		filter_and(w, "+time_ms < ?", 'i');
	}
	if (o->has_min) {
		w->v[w->n].d = o->min;
		filter_and(w, "score >= ?", 'd');
	}
	if (o->has_max) {
		w->v[w->n].d = o->max;
		filter_and(w, "score <= ?", 'd');
	}
}

/* filter_bind - what they need; the number of the next parameter */
int
filter_bind(const struct filter_sql *w, sqlite3_stmt *st)
{
	for (int i = 0; i < w->n; i++) {
		if (w->types[i] == 's')
			sqlite3_bind_text(st, i + 1, w->v[i].s, -1,
			    SQLITE_STATIC);
		else if (w->types[i] == 'i')
			sqlite3_bind_int64(st, i + 1, w->v[i].i);
		else
			sqlite3_bind_double(st, i + 1, w->v[i].d);
	}
	return w->n + 1;
}
