/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rule - weir.call.spf.check for the site's rules. */
#include "spf.h"

#include <stdlib.h>

#include <weir/ext/lua.h>

/* One evaluation for a rule. */
struct rule_run {
	struct spf *m;
	const struct weir_lua *lua;
};

/* rule_str - argument i as text; nil is empty */
static bool
rule_str(uint32_t argc, const struct weir_lua_value *argv, uint32_t i,
    weir_str *out)
{
	*out = WEIR_STR("");
	if (i >= argc || argv[i].type == WEIR_LUA_NIL)
		return true;
	if (argv[i].type != WEIR_LUA_STRING)
		return false;
	*out = argv[i].as.string;
	return true;
}

/* rule_done - result, what matched, the domain's explanation */
static void
rule_done(weir_call *call, const struct spf_outcome *o, void *arg)
{
	struct rule_run *run = arg;
	struct weir_lua_value v[3] = { { .type = WEIR_LUA_STRING },
		{ .type = WEIR_LUA_STRING }, { .type = WEIR_LUA_STRING } };

	if (o == NULL) {
		free(run);
		return;
	}
	v[0].as.string = weir_str_of(spf_result_name(o->result));
	v[1].as.string = weir_str_of(o->mechanism);
	v[2].as.string = weir_str_of(o->explanation);
	run->lua->give(call, 3, v);
	free(run);
}

/* rule_check - check(ip, helo, sender) */
static int
rule_check(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct spf *m = state;
	const struct weir_lua *lua = m->host->ext(m->self, WEIR_EXT_LUA);
	struct rule_run *run;
	struct spf_input in = { .ip_len = 0 };
	weir_str ip;
	int status;

	if (!rule_str(argc, argv, 0, &ip) ||
	    !rule_str(argc, argv, 1, &in.helo) ||
	    !rule_str(argc, argv, 2, &in.sender))
		return lua->refuse(call,
		    WEIR_STR("ip, helo and sender are texts"));
	if (!spf_address(ip.ptr, &in))
		return lua->refuse(call, WEIR_STR("not an IP address"));
	in.now_ms = m->host->wall_ms(m->self);
	in.receiver = WEIR_STR("");
	run = malloc(sizeof(*run));
	if (run == NULL)
		return WEIR_E_NOMEM;
	*run = (struct rule_run){ m, lua };
	status = spf_query_start(m, call, &in, rule_done, run);
	if (status != WEIR_OK)
		free(run);
	return status;
}

/* spf_rule_register - an older host has no such thing */
int
spf_rule_register(struct spf *m)
{
	const struct weir_lua *lua = m->host->ext(m->self, WEIR_EXT_LUA);

	if (lua == NULL)
		return WEIR_OK;
	return lua->publish(m->self, "check",
	    "(ip, helo, sender) -> result, mechanism, explanation",
	    "Evaluate SPF (RFC 7208); result is \"pass\", \"fail\", "
	    "\"softfail\", \"neutral\", \"none\", \"temperror\" or "
	    "\"permerror\"; an empty sender checks the HELO name.", rule_check);
}
