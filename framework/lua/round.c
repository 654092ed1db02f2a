/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/round.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "lua/bind.h"
#include "lua/declare.h"
#include "lua/effect.h"
#include "lua/trace.h"

static void round_step(struct round *round);

/* round_of - what runs */
struct round *
round_of(lua_State *L)
{
	struct round *round = state_of(L)->round;

	if (round == NULL)
		luaL_error(L, "this needs a message: only inside a rule");
	return round;
}

/* round_is_gone - a completion says so, or the host */
bool
round_is_gone(struct round *round, int status)
{
	const struct weir_host *host = round->rules->host;

	if (status == WEIR_E_CANCELLED)
		return true;
	/* a call past its deadline takes no findings: asked with a symbol that
	   does not exist, a live one only says that */
	return status == WEIR_E_TIMEOUT &&
	    host->finding(round->call, UINT32_MAX, WEIR_RCPT_NONE, 0,
		WEIR_STR("")) != WEIR_E_INVAL;
}

/* round_gauges - what is under way now, after the last coroutine has moved */
void
round_gauges(struct rules *r)
{
	r->metric->set(r->self, r->metric_waiting,
	    (int64_t)coros_busy(r->coros));
	r->metric->set(r->self, r->metric_memory, (int64_t)r->state->used);
}

/* round_free - it is over */
static void
round_free(struct round *round)
{
	declare_view_free(&round->view);
	buf_fini(&round->info);
	free(round);
}

/* round_abandon - the client is gone, or the deadline has passed */
void
round_abandon(struct round *round)
{
	struct rules *r = round->rules;

	expect(round->coro != NULL);
	r->state->round = round;
	coro_cancel(round->coro);
	r->state->round = NULL;
	round_free(round);
	round_gauges(r);
}

/* round_match - it does something */
void
round_match(struct round *round)
{
	struct rules *r = round->rules;

	if (round->matched)
		return;
	round->matched = true;
	round->rule->matches++;
	r->metric->add(r->self, round->rule->metric_matches, 1);
}

/* round_time - what the call has cost */
static void
round_time(struct round *round, uint64_t ns)
{
	struct rules *r = round->rules;

	round->rule->time_ns += ns;
	r->metric->observe(r->self, round->rule->metric_seconds,
	    (double)ns / 1e9);
}

/* round_fail - the rule's on_failure, or the module's */
void
round_fail(struct round *round, const char *what, const char *why)
{
	struct rules *r = round->rules;
	struct rule *rule = round->rule;
	char text[600];
	uint32_t action = WEIR_ACT_NONE;

	rule->failures++;
	r->metric->add(r->self, rule->metric_failures, 1);
	if (what != NULL) {
		rule->overruns++;
		r->metric->add(r->self, rule->metric_overruns, 1);
	}
	snprintf(text, sizeof(text), "rule \"%s\" (%s:%d): %s%s%s", rule->name,
	    rule->file, rule->line, what != NULL ? what : "",
	    what != NULL ? ": " : "", why);
	rules_log(r, round->call, WEIR_LOG_WARN, "%s", text);
	trace_fail(text);
	if (what != NULL && strcmp(what, "memory") == 0)
		r->worn_out = true;
	if (rule->shadow)
		return;
	if (rule->on_failure < 0) {
		r->host->fail(round->call, WEIR_E_LIMIT, weir_str_of(text));
		return;
	}
	r->host->fact_set(round->call, round->rcpt, "rules.failed",
	    weir_str_of(rule->name));
	if (rule->on_failure == WEIR_ON_FAILURE_TEMPFAIL)
		action = WEIR_ACT_TEMPFAIL;
	else if (rule->on_failure == WEIR_ON_FAILURE_QUARANTINE)
		action = WEIR_ACT_QUARANTINE;
	if (action != WEIR_ACT_NONE)
		effect_verdict(round, action, round->rcpt, 0, NULL,
		    "A check is out of order, please try again later");
}

/* round_on_done - a function returned or raised */
static void
round_on_done(struct coro *c, const char *error, void *arg)
{
	struct round *round = arg;
	struct rules *r = round->rules;

	round->coro = NULL;
	round->running = false;
	round_time(round, c->limit.time_ns);
	if (error != NULL)
		round_fail(round, c->limit.exceeded, error);
	trace_leave(round, &c->limit, c->limit.time_ns);
	r->state->round = NULL;
	if (!round->stepping)
		round_step(round);
}

/* round_function - run a rule's function; it may wait */
static void
round_function(struct round *round)
{
	struct rules *r = round->rules;
	lua_State *L = r->state->L;
	struct coro *c;

	lua_rawgeti(L, LUA_REGISTRYINDEX, round->rule->function);
	bind_push_mail(L);
	round->running = true;
	r->state->round = round;
	c = coro_start(r->coros, &r->max, 1, round_on_done, round);
	r->state->round = NULL;
	if (c != NULL)
		round->coro = c;
}

/* round_is_meant - does the rule look at this mail */
static bool
round_is_meant(const struct round *round, const struct rule *rule)
{
	return rule->direction == RULE_BOTH ||
	    (rule->direction == RULE_OUT) == round->out;
}

/* round_is_over - has everybody a verdict for good */
static bool
round_is_over(struct round *round)
{
	return round->decided ||
	    (round->stage == WEIR_STAGE_EOM && effect_all_decided(round));
}

/* round_step - rule after rule, until one waits or all are through */
static void
round_step(struct round *round)
{
	struct rules *r = round->rules;

	round->stepping = true;
	while (!round->running && !round_is_over(round) &&
	    round->next < r->stages[round->stage].n) {
		struct rule *rule = r->stages[round->stage].v[round->next++];

		if (!round_is_meant(round, rule)) {
			trace_skip(round, rule, round->out ?
				"the mail goes out" : "the mail comes in");
			continue;
		}
		round->rule = rule;
		rule->runs++;
		trace_enter(round);
		round->matched = false;
		if (rule->declare == NULL) {
			round_function(round);
			continue;
		}
		round->begun_ns = clock_mono_ns();
		declare_run(round);
		round_time(round, clock_mono_ns() - round->begun_ns);
		trace_leave(round, NULL, clock_mono_ns() - round->begun_ns);
	}
	round->stepping = false;
	if (round->running)
		return;
	for (; trace_on && round->next < r->stages[round->stage].n;
	     round->next++)
		trace_skip(round, r->stages[round->stage].v[round->next],
		    "a rule before it decided");
	round_free(round);
}

/* round_start - a stage begins */
int
round_start(struct rules *r, weir_call *call, int stage, uint32_t rcpt)
{
	struct round *round;
	weir_str direction;

	if (r->stages[stage].n == 0)
		return WEIR_OK;
	rules_renew(r);
	round = xcalloc(1, sizeof(*round));
	round->rules = r;
	round->call = call;
	round->stage = stage;
	round->rcpt = rcpt;
	round->out = r->host->attr_get(call, WEIR_A_DIRECTION, WEIR_RCPT_NONE,
	    &direction) == WEIR_OK && weir_str_eq(direction, "out");
	r->metric->add(r->self, r->metric_runs, 1);
	round_step(round);
	round_gauges(r);
	return WEIR_OK;
}
