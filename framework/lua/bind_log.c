/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_log - lines in the log, under the rule's name. */
#include <string.h>

#include "lua/bind.h"

#define BIND_LOG_MAX 50 /* lines of the rules of a stage, for one mail */

/* bind_log - the text on top */
void
bind_log(lua_State *L, int level)
{
	struct state *s = state_of(L);
	size_t len;
	const char *text = luaL_tolstring(L, -1, &len);

	limit_charge(L, 200);
	/* what floods the log hides what is said about it */
	if (s->round == NULL)
		rules_log(s->rules, NULL, level, "%.*s",
		    (int)(len < 800 ? len : 800), text);
	else if (s->round->lines++ < BIND_LOG_MAX)
		rules_log(s->rules, s->round->call, level, "rule \"%s\": %.*s",
		    s->round->rule->name, (int)(len < 800 ? len : 800), text);
	lua_pop(L, 2);
}

/* bind_log_line - all arguments with blanks between them */
static int
bind_log_line(lua_State *L, int level)
{
	int n = lua_gettop(L);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, ' ');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	bind_log(L, level);
	return 0;
}

static int
bind_log_error(lua_State *L)
{
	return bind_log_line(L, WEIR_LOG_ERROR);
}

static int
bind_log_warn(lua_State *L)
{
	return bind_log_line(L, WEIR_LOG_WARN);
}

static int
bind_log_info(lua_State *L)
{
	return bind_log_line(L, WEIR_LOG_INFO);
}

static int
bind_log_debug(lua_State *L)
{
	return bind_log_line(L, WEIR_LOG_DEBUG);
}

const struct bind_row bind_log_rows[] = {
	{ "log.error", "weir.log.error(...)",
	    "Log a line with the ids of session and message; print does the "
	    "same at level info.", bind_log_error },
	{ "log.warn", "weir.log.warn(...)", "At level warn.", bind_log_warn },
	{ "log.info", "weir.log.info(...)", "At level info.", bind_log_info },
	{ "log.debug", "weir.log.debug(...)", "At level debug.",
	    bind_log_debug },
	{ NULL, NULL, NULL, NULL }
};
