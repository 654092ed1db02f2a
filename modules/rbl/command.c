/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - weirctl rbl zones | check */
#include "rbl.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One zone of `check`. */
struct ask {
	struct ask_run *run;
	struct zone *zone;
	bool asked;
	enum zone_answer answer;
	uint32_t addr;
	double score;
};
struct ask_run {
	struct rbl *r;
	bool json;
	uint32_t pending;
	struct subject subject;
	uint32_t n;
	struct ask asks[];
};

/* command_print - formatted text of the answer */
__attribute__((format(printf, 3, 4))) static void
command_print(const struct rbl *r, weir_call *call, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n >= 0)
		r->control->print(call, (weir_str){ text,
		    n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1 });
}

/* command_json - print a JSON value and drop it */
static void
command_json(const struct rbl *r, weir_call *call, json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text != NULL)
		r->control->print(call, weir_str_of(text));
	r->control->print(call, WEIR_STR("\n"));
	free(text);
	json_decref(value);
}

/* command_time - "2023-11-14T22:13:20Z" */
static void
command_time(char *out, size_t size, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "never");
}

/* command_state - the state in a word */
static const char *
command_state(const struct zone *z)
{
	return z->enabled ? zone_state_name(z->state) : "disabled";
}

/* command_kinds - "client,uri" */
static void
command_kinds(const struct zone *z, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (unsigned int k = 0; k < KINDS; k++)
		if ((z->kinds & KIND_BIT(k)) != 0)
			n += (size_t)snprintf(out + n, size - n, "%s%s",
			    n > 0 ? "," : "", kind_name(k));
}

/* command_zones - zones: state, counts, last test */
static int
command_zones(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct rbl *r = state;
	json_t *list = json ? json_array() : NULL;
	char kinds[64], tested[32];

	(void)argv;
	if (argc != 1) {
		json_decref(list);
		return WEIR_E_INVAL;
	}
	for (uint32_t i = 0; i < r->nzones; i++) {
		const struct zone *z = &r->zones[i];

		command_kinds(z, kinds, sizeof(kinds));
		command_time(tested, sizeof(tested), z->tested);
		if (json)
			json_array_append_new(list, json_pack("{s:s,s:s,s:b,"
			    "s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "zone", z->name,
			    "kind", kinds, "allow", z->allow, "state",
			    command_state(z), "why", z->why, "asked",
			    (json_int_t)z->asked, "listed",
			    (json_int_t)z->listed, "unknown",
			    (json_int_t)z->unknown, "silent",
			    (json_int_t)z->silent, "tested_ms",
			    (json_int_t)z->tested));
		else
			command_print(r, call, "%s %s %s%s asked=%" PRIu64
			    " listed=%" PRIu64 " unknown=%" PRIu64
			    " silent=%" PRIu64 " tested=%s%s%s\n", z->name,
			    command_state(z), kinds, z->allow ? " allow" : "",
			    z->asked, z->listed, z->unknown, z->silent, tested,
			    z->why[0] != '\0' ? ": " : "", z->why);
	}
	if (json)
		command_json(r, call, list);
	else if (r->nzones == 0)
		command_print(r, call, "no zones are configured\n");
	return WEIR_OK;
}

/* command_answer - what a zone said, in words */
static void
command_answer(const struct ask *a, char *out, size_t size)
{
	if (!a->asked || a->answer == ZONE_SILENT)
		snprintf(out, size, "no answer");
	else if (a->answer == ZONE_NOT_LISTED)
		snprintf(out, size, "not listed");
	else if (a->answer == ZONE_UNKNOWN)
		snprintf(out, size, "unknown answer");
	else
		snprintf(out, size, "%u.%u.%u.%u", a->addr >> 24,
		    a->addr >> 16 & 255, a->addr >> 8 & 255, a->addr & 255);
}

/* command_check_end - print all answers in the order of the zones */
static void
command_check_end(struct ask_run *run, weir_call *call)
{
	struct rbl *r = run->r;
	json_t *list = run->json ? json_array() : NULL;
	char answer[64];

	if (--run->pending > 0) {
		json_decref(list);
		return;
	}
	for (uint32_t i = 0; i < run->n; i++) {
		const struct ask *a = &run->asks[i];
		bool listed = a->asked && a->answer == ZONE_LISTED;

		command_answer(a, answer, sizeof(answer));
		if (run->json)
			json_array_append_new(list, json_pack(
			    "{s:s,s:s,s:b,s:b,s:s,s:f}", "zone", a->zone->name,
			    "state", command_state(a->zone), "listed", listed,
			    "allow", a->zone->allow, "answer", answer, "score",
			    listed ? a->score : 0.0));
		else if (listed)
			command_print(r, call,
			    "%s %s: %s is listed (%s), score %.2f\n",
			    a->zone->name, command_state(a->zone),
			    run->subject.text, answer, a->score);
		else
			command_print(r, call, "%s %s: %s\n", a->zone->name,
			    command_state(a->zone), answer);
	}
	if (run->json)
		command_json(r, call, list);
	else if (run->n == 0)
		command_print(r, call, "no zone is asked about such things\n");
	free(run);
}

/* command_check_answer - one zone has answered */
static void
command_check_answer(weir_call *call, const struct weir_dns_answer *answer,
    void *arg)
{
	struct ask *a = arg;

	a->asked = true;
	a->answer = zone_judge(a->run->r, a->zone, answer, &a->addr,
	    &a->score);
	command_check_end(a->run, call);
}

/* command_check - check IP|NAME: ask all zones, also those that are off */
static int
command_check(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct rbl *r = state;
	struct ask_run *run;
	unsigned int kinds = KIND_BIT(KIND_CLIENT);
	char name[NAME_SIZE];

	if (argc != 2)
		return WEIR_E_INVAL;
	run = calloc(1, sizeof(*run) + r->nzones * sizeof(run->asks[0]));
	if (run == NULL)
		return WEIR_E_NOMEM;
	if (!name_subject(&run->subject, weir_str_of(argv[1]))) {
		r->control->error(call,
		    WEIR_STR("neither an address nor a host name\n"));
		free(run);
		return WEIR_E_INVAL;
	}
	if (run->subject.len == 0)
		kinds = ~KIND_BIT(KIND_CLIENT);
	run->r = r;
	run->json = json;
	run->pending = 1;
	for (uint32_t i = 0; i < r->nzones; i++) {
		struct ask *a = &run->asks[run->n];

		if ((r->zones[i].kinds & kinds) == 0 || !r->zones[i].enabled)
			continue;
		a->run = run;
		a->zone = &r->zones[i];
		run->n++;
		if (zone_query_name(a->zone, &run->subject, name) &&
		    r->dns->query(call, name, WEIR_DNS_A, a->zone->timeout_ms,
		    command_check_answer, a) == WEIR_OK)
			run->pending++;
	}
	command_check_end(run, call);
	return WEIR_OK;
}

/* command_register - tell weirctl what we know */
int
command_register(struct rbl *r)
{
	int status = r->control->command(r->self, "zones", "zones",
	    "State of each list in this worker: hits, last test.",
	    command_zones);

	if (status >= 0)
		status = r->control->command(r->self, "check",
		    "check ADDRESS|NAME",
		    "Ask all lists about an address or a name.",
		    command_check);
	return status < 0 ? status : WEIR_OK;
}
