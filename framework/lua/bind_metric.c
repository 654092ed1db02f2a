/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_metric - numbers that rules keep: weir_rules_site_NAME in the metrics.
   They are made at the top of files, so their number is known and bounded. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "lua/bind.h"

#define METRIC_MAX 100
#define METRIC_NAME_LEN 40

enum { METRIC_IS_COUNTER, METRIC_IS_GAUGE, METRIC_IS_HISTOGRAM };

/* bind_metric_id - upvalue 1 */
static int
bind_metric_id(lua_State *L)
{
	return (int)lua_tointeger(L, lua_upvalueindex(1));
}

/* bind_metric_add - counter([n]) */
static int
bind_metric_add(lua_State *L)
{
	struct rules *r = bind_rules(L);
	lua_Integer n = luaL_optinteger(L, 1, 1);

	luaL_argcheck(L, n >= 0 && n <= INT32_MAX, 1, "0 to 2147483647");
	r->metric->add(r->self, bind_metric_id(L), (uint64_t)n);
	return 0;
}

/* bind_metric_set - gauge(value) */
static int
bind_metric_set(lua_State *L)
{
	struct rules *r = bind_rules(L);
	lua_Number v = luaL_checknumber(L, 1);

	luaL_argcheck(L, v > -9e18 && v < 9e18, 1, "not a number that fits");
	r->metric->set(r->self, bind_metric_id(L), (int64_t)v);
	return 0;
}

/* bind_metric_observe - histogram(seconds) */
static int
bind_metric_observe(lua_State *L)
{
	struct rules *r = bind_rules(L);

	r->metric->observe(r->self, bind_metric_id(L),
	    luaL_checknumber(L, 1));
	return 0;
}

/* bind_metric_find - made before, perhaps by another file */
static const struct rule_metric *
bind_metric_find(lua_State *L, const struct rules *r, const char *name,
    int kind)
{
	for (size_t i = 0; i < r->metrics.n; i++) {
		const struct rule_metric *m = &r->metrics.v[i];

		if (strcmp(m->name, name) != 0)
			continue;
		if (m->kind != kind)
			luaL_error(L, "weir.metric: \"%s\" is there already, "
			    "of another kind", name);
		return m;
	}
	return NULL;
}

/* bind_metric_new - weir.metric.KIND(name [, help]) */
static int
bind_metric_new(lua_State *L, int kind)
{
	struct rules *r = bind_rules(L);
	const char *name = luaL_checkstring(L, 1), *help;
	const struct rule_metric *m;
	char full[64];
	int id;

	help = luaL_optstring(L, 2, "Made by a site rule.");
	if (!r->loading)
		return luaL_error(L, "weir.metric: make it at the top of the "
		    "file, not in a rule");
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
	    strlen(name) || *name == '\0' || strlen(name) > METRIC_NAME_LEN)
		return luaL_error(L, "weir.metric: \"%s\" is no name: a-z 0-9 "
		    "_, at most %d", name, METRIC_NAME_LEN);
	m = bind_metric_find(L, r, name, kind);
	if (m == NULL) {
		if (r->metrics.n >= METRIC_MAX)
			return luaL_error(L, "weir.metric: more than %d",
			    METRIC_MAX);
		snprintf(full, sizeof(full), "site_%s", name);
		id = (kind == METRIC_IS_COUNTER	  ? r->metric->counter :
			kind == METRIC_IS_GAUGE	  ? r->metric->gauge :
						    r->metric->histogram)(
		    r->self, full, NULL, help);
		*vec_push(&r->metrics) = (struct rule_metric){ xstrdup(name),
			kind, id };
	} else {
		id = m->id;
	}
	lua_pushinteger(L, id);
	lua_pushcclosure(L, kind == METRIC_IS_COUNTER ? bind_metric_add :
	    kind == METRIC_IS_GAUGE ? bind_metric_set : bind_metric_observe,
	    1);
	return 1;
}

static int
bind_metric_counter(lua_State *L)
{
	return bind_metric_new(L, METRIC_IS_COUNTER);
}

static int
bind_metric_gauge(lua_State *L)
{
	return bind_metric_new(L, METRIC_IS_GAUGE);
}

static int
bind_metric_histogram(lua_State *L)
{
	return bind_metric_new(L, METRIC_IS_HISTOGRAM);
}

const struct bind_row bind_metric_rows[] = {
	{ "metric.counter", "weir.metric.counter(name [, help])",
	    "A function that counts: hit() adds 1, hit(n) adds n. Shown as "
	    "weir_rules_site_NAME_total. Made at the top of a file, as all of "
	    "these, at most 100 in all; rules in shadow count, too.",
	    bind_metric_counter },
	{ "metric.gauge", "weir.metric.gauge(name [, help])",
	    "A function that sets a whole number; workers are summed.",
	    bind_metric_gauge },
	{ "metric.histogram", "weir.metric.histogram(name [, help])",
	    "A function that takes down a duration in seconds.",
	    bind_metric_histogram },
	{ NULL, NULL, NULL, NULL }
};
