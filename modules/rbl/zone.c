/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zone - lists as the site configured them, and what their answers mean. */
#include "rbl.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONES_MAX 32
#define ZONE_CODES_MAX 256
#define ZONE_ALARM_MS INT64_C(3600000)
/* room for 32 nibbles in front */
#define ZONE_NAME_MAX 180

static const char *const zone_kinds[KINDS] = { [KIND_CLIENT] = "client",
	[KIND_HELO] = "helo", [KIND_SENDER] = "sender", [KIND_RDNS] = "rdns",
	[KIND_URI] = "uri" };
static const char *const zone_states[] = { [ZONE_UNTESTED] = "untested",
	[ZONE_UP] = "up", [ZONE_FAILING] = "failing",
	[ZONE_SUSPENDED] = "suspended" };

/* zone_state_name - for people */
const char *
zone_state_name(enum zone_state state)
{
	return zone_states[state];
}

/* kind_name - for people */
const char *
kind_name(unsigned int kind)
{
	return zone_kinds[kind];
}

/* rbl_log - one formatted line */
void
rbl_log(struct rbl *r, weir_call *call, int level, const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0)
		return;
	r->host->log(r->self, call, level, (weir_str){ line,
	    n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1 });
}

/* zone_load_kinds - the words of `kind` */
static bool
zone_load_kinds(struct rbl *r, struct zone *z, const weir_conf *conf)
{
	const weir_str *items;
	uint32_t n = r->host->conf_list(conf, ZONE_OPT_KIND, &items);

	for (uint32_t i = 0; i < n; i++) {
		unsigned int kind = 0;

		while (kind < KINDS &&
		    !weir_str_eq(items[i], zone_kinds[kind]))
			kind++;
		if (kind == KINDS) {
			rbl_log(r, NULL, WEIR_LOG_ERROR, "zone %s: kind "
			    "\"%.*s\" is none of client, helo, sender, rdns, "
			    "uri", z->name, (int)items[i].len, items[i].ptr);
			return false;
		}
		z->kinds |= KIND_BIT(kind);
	}
	if (z->kinds == 0)
		rbl_log(r, NULL, WEIR_LOG_ERROR, "zone %s: kind is empty",
		    z->name);
	return z->kinds != 0;
}

/* zone_load_codes - the map of answers */
static bool
zone_load_codes(struct rbl *r, struct zone *z, const weir_conf *conf)
{
	const weir_str *items;
	uint32_t n = r->host->conf_list(conf, ZONE_OPT_CODES, &items);
	const char *why = "no entry, or more than 256";

	if (n == 0 || n > ZONE_CODES_MAX) {
		rbl_log(r, NULL, WEIR_LOG_ERROR, "zone %s: codes: %s", z->name,
		    why);
		return false;
	}
	z->codes = calloc(n, sizeof(*z->codes));
	if (z->codes == NULL)
		return false;
	for (; z->ncodes < n; z->ncodes++)
		if (!code_parse(&z->codes[z->ncodes], items[z->ncodes],
		    &why)) {
			rbl_log(r, NULL, WEIR_LOG_ERROR,
			    "zone %s: codes: \"%.*s\": %s", z->name,
			    (int)items[z->ncodes].len, items[z->ncodes].ptr,
			    why);
			return false;
		}
	return true;
}

/* zone_load_name - the title; false if it is no domain or stands twice */
static bool
zone_load_name(struct rbl *r, struct zone *z, weir_str title)
{
	if (!name_host(z->name, title) || strlen(z->name) > ZONE_NAME_MAX) {
		rbl_log(r, NULL, WEIR_LOG_ERROR,
		    "zone \"%.*s\" is no domain name", (int)title.len,
		    title.ptr);
		return false;
	}
	for (struct zone *other = r->zones; other != z; other++)
		if (strcmp(other->name, z->name) == 0) {
			rbl_log(r, NULL, WEIR_LOG_ERROR,
			    "zone %s stands twice", z->name);
			return false;
		}
	return true;
}

/* zone_load_metrics - one series a zone */
static void
zone_load_metrics(struct rbl *r, struct zone *z)
{
	const struct weir_metric *m = r->metric;
	char labels[NAME_SIZE + 16];

	snprintf(labels, sizeof(labels), "zone=\"%s\"", z->name);
	z->metric_asked = m->counter(r->self, "asked", labels,
	    "Questions to a list.");
	z->metric_listed = m->counter(r->self, "listed", labels,
	    "Answers that mean listed.");
	z->metric_unknown = m->counter(r->self, "unknown", labels,
	    "Answers that the codes of the zone do not name.");
	z->metric_silent = m->counter(r->self, "silent", labels,
	    "Questions without usable answer.");
	z->metric_down = m->gauge(r->self, "down", labels,
	    "Workers that do not ask this list now: it failed its test or is "
	    "suspended.");
}

/* zone_load_one - one section */
static bool
zone_load_one(struct rbl *r, struct zone *z, const weir_conf *conf,
    weir_str title)
{
	const struct weir_host *host = r->host;

	z->score = host->conf_real(conf, ZONE_OPT_SCORE);
	z->allow = host->conf_bool(conf, ZONE_OPT_ALLOW);
	z->timeout_ms = (uint32_t)host->conf_int(conf, ZONE_OPT_TIMEOUT);
	z->test = host->conf_bool(conf, ZONE_OPT_TEST);
	z->enabled = host->conf_bool(conf, ZONE_OPT_ENABLED);
	z->state = z->test ? ZONE_UNTESTED : ZONE_UP;
	z->alarmed = INT64_MIN;
	if (!zone_load_name(r, z, title) || !zone_load_kinds(r, z, conf) ||
	    !zone_load_codes(r, z, conf))
		return false;
	if ((z->kinds & KIND_BIT(KIND_CLIENT)) != 0 && !z->allow) {
		z->window = calloc(1, sizeof(*z->window));
		if (z->window == NULL)
			return false;
	}
	zone_load_metrics(r, z);
	if (z->enabled)
		r->kinds |= z->kinds;
	return true;
}

/* zone_load - all sections */
int
zone_load(struct rbl *r, const weir_conf *conf)
{
	uint32_t n = r->host->conf_sections(conf, OPT_ZONE);

	if (n > ZONES_MAX) {
		rbl_log(r, NULL, WEIR_LOG_ERROR, "more than %d zones",
		    ZONES_MAX);
		return WEIR_E_LIMIT;
	}
	r->zones = calloc(n + 1, sizeof(*r->zones));
	if (r->zones == NULL)
		return WEIR_E_NOMEM;
	while (r->nzones < n) {
		weir_str title = WEIR_STR("");
		const weir_conf *section = r->host->conf_section(conf,
		    OPT_ZONE, r->nzones, &title);

		if (!zone_load_one(r, &r->zones[r->nzones++], section, title))
			return WEIR_E_INVAL;
	}
	return WEIR_OK;
}

/* zone_free - free all zones */
void
zone_free(struct rbl *r)
{
	for (uint32_t i = 0; i < r->nzones; i++) {
		free(r->zones[i].codes);
		free(r->zones[i].window);
	}
	free(r->zones);
	r->zones = NULL;
	r->nzones = 0;
}

/* zone_query_name - the subject below the zone */
bool
zone_query_name(const struct zone *z, const struct subject *s,
    char out[NAME_SIZE])
{
	char reverse[NAME_REVERSE_SIZE];
	const char *front = s->text;

	if (s->len > 0) {
		name_reverse(reverse, sizeof(reverse), s->addr, s->len);
		front = reverse;
	}
	return snprintf(out, NAME_SIZE, "%s.%s", front, z->name) < NAME_SIZE;
}

/* zone_alarm - an answer that nobody mapped: at most once an hour */
static void
zone_alarm(struct rbl *r, struct zone *z, weir_str answer)
{
	int64_t now = r->host->mono_ms(r->self);

	if (z->alarmed != INT64_MIN && now - z->alarmed < ZONE_ALARM_MS)
		return;
	z->alarmed = now;
	rbl_log(r, NULL, WEIR_LOG_ERROR, "zone %s answers %.*s, which its "
	    "codes do not name: not counted as listed%s", z->name,
	    answer.len < 64 ? (int)answer.len : 64, answer.ptr,
	    answer.len > 12 && memcmp(answer.ptr, "127.255.255.", 12) == 0
		? " (the list refuses to serve this resolver)" : "");
}

/* zone_code - the code that an answer matches with the strongest score */
static const struct code *
zone_code(const struct zone *z, uint32_t addr, double *score)
{
	const struct code *best = NULL;

	for (uint32_t i = 0; i < z->ncodes; i++) {
		const struct code *c = &z->codes[i];
		double s = fabs(c->scored ? c->score : z->score);

		if (code_match(c, addr) && (best == NULL || s > *score)) {
			best = c;
			*score = s;
		}
	}
	return best;
}

/* zone_judge - what an answer says */
enum zone_answer
zone_judge(struct rbl *r, struct zone *z, const struct weir_dns_answer *a,
    uint32_t *addr_out, double *score_out)
{
	enum zone_answer answer = ZONE_NOT_LISTED;
	uint32_t addr;
	double score;

	*addr_out = 0;
	*score_out = 0;
	/* the client went away, or the session had its share of questions */
	if (a->status == WEIR_E_CANCELLED || a->status == WEIR_E_LIMIT)
		return ZONE_SILENT;
	z->asked++;
	r->metric->add(r->self, z->metric_asked, 1);
	if (a->status != WEIR_OK && a->status != WEIR_E_NOTFOUND) {
		z->silent++;
		r->metric->add(r->self, z->metric_silent, 1);
		return ZONE_SILENT;
	}
	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count; i++) {
		weir_str text = weir_dns_rr_at(a, i)->data;

		score = 0;
		if (!code_addr(text, &addr) || !code_is_plausible(addr) ||
		    zone_code(z, addr, &score) == NULL) {
			zone_alarm(r, z, text);
			if (answer == ZONE_NOT_LISTED)
				answer = ZONE_UNKNOWN;
			continue;
		}
		if (answer != ZONE_LISTED || score > *score_out) {
			*addr_out = addr;
			*score_out = score;
		}
		answer = ZONE_LISTED;
	}
	if (answer == ZONE_LISTED) {
		z->listed++;
		r->metric->add(r->self, z->metric_listed, 1);
	} else if (answer == ZONE_UNKNOWN) {
		z->unknown++;
		r->metric->add(r->self, z->metric_unknown, 1);
	}
	if (z->allow)
		*score_out = -*score_out;
	return answer;
}
