/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua-export - a function for the site's rules: how alike are two names?
 *
 * Shows: publishing a function, taking its arguments, answering, refusing.  The
 * module has no stage of its own; a rule says when it is asked:
 *
 *	weir.call.lua_export.distance("paypal.example", "paypa1.example")
 */
#include <stdlib.h>

#include <weir/weir.h>

#define NAME_OCTETS 255

static const struct weir_host *host;
static const struct weir_lua *lua;

/* distance_of - how many letters to add, drop or exchange (Levenshtein) */
static int64_t
distance_of(weir_str a, weir_str b)
{
	size_t row[NAME_OCTETS + 1];

	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best = corner + (a.ptr[i - 1] != b.ptr[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return (int64_t)row[b.len];
}

/* distance - distance(a, b) -> number; a rule may hand over anything */
static int
distance(void *state, weir_call *call, uint32_t argc,
    const struct weir_lua_value *argv)
{
	struct weir_lua_value v = { .type = WEIR_LUA_INTEGER };

	(void)state;
	if (argc != 2 || argv[0].type != WEIR_LUA_STRING ||
	    argv[1].type != WEIR_LUA_STRING)
		return lua->refuse(call, WEIR_STR("two strings are wanted"));
	if (argv[0].as.string.len > NAME_OCTETS ||
	    argv[1].as.string.len > NAME_OCTETS)
		return lua->refuse(call, WEIR_STR("names have at most 255 "
						  "octets"));
	v.as.integer = distance_of(argv[0].as.string, argv[1].as.string);
	return lua->give(call, 1, &v);
}

static int
create(const struct weir_host *h, weir_self *self, const weir_conf *conf,
    void **state)
{
	(void)conf;
	(void)state;
	host = h;
	lua = host->ext(self, WEIR_EXT_LUA);
	return lua->publish(self, "distance", "(a, b) -> number",
	    "How many letters are to be added, dropped or exchanged to make "
	    "one name of the other.", distance);
}

static const char *const needs[] = { WEIR_EXT_LUA, NULL };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.lua-export",
	.name = "lua-export",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Tells rules how alike two names are.",
	.needs = needs,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_lua_export, module)
