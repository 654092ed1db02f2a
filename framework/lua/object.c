/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/object_int.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lua/bind.h"
#include "lua/regex.h"

/* object_free - with its expression */
void
object_free(struct object *o)
{
	if (o == NULL)
		return;
	regex_destroy(&o->regex);
	free(o->name);
	free(o->text);
	free(o);
}

/* object_take - from now on the caller's */
struct object *
object_take(lua_State *L, int i)
{
	struct object **box = luaL_testudata(L, i, OBJECT_TYPE);
	struct object *o = box != NULL ? *box : NULL;

	if (box != NULL && o == NULL)
		luaL_error(L, "an object can stand in one slot only");
	if (box != NULL)
		*box = NULL;
	return o;
}

/* object_flags - where it may stand */
unsigned
object_flags(const struct object *o)
{
	return o->flags;
}

/* object_name - its constructor */
const char *
object_name(const struct object *o)
{
	return o->name;
}

/* object_gc - nobody took it */
static int
object_gc(lua_State *L)
{
	struct object **box = luaL_checkudata(L, 1, OBJECT_TYPE);

	object_free(*box);
	*box = NULL;
	return 0;
}

/* object_init - the type */
void
object_init(lua_State *L)
{
	luaL_newmetatable(L, OBJECT_TYPE);
	lua_pushcfunction(L, object_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

/* object_new - on the stack; text from argument 1 */
static struct object *
object_new(lua_State *L, const char *name, enum object_kind kind,
    unsigned flags)
{
	struct object **box;
	struct object *o;
	const char *text = kind == OBJECT_TIMEFRAME || kind == OBJECT_SPAMLEVEL
	    ? "" : luaL_checkstring(L, 1);

	if (!bind_rules(L)->loading)
		luaL_error(L, "%s: objects are made when files are loaded",
		    name);
	box = lua_newuserdatauv(L, sizeof(*box), 0);
	*box = NULL;
	luaL_setmetatable(L, OBJECT_TYPE);
	*box = o = xcalloc(1, sizeof(*o));
	o->kind = kind;
	o->flags = flags;
	o->name = xstrdup(name);
	o->text = xstrdup(text);
	return o;
}

/* object_regex - compile; anchored at both ends or not */
static void
object_regex(lua_State *L, struct object *o, const char *pattern,
    const char *flags)
{
	struct err err;

	if (strlen(pattern) > 1024)
		luaL_error(L, "%s: longer than 1024 octets", o->name);
	o->regex = regex_create(pattern, strlen(pattern), flags, &err);
	if (o->regex == NULL)
		luaL_error(L, "%s \"%s\": %s", o->name, pattern, err.text);
}

#define WHO (OBJECT_FROM | OBJECT_TO)

static int
object_address(lua_State *L)
{
	object_new(L, "address", OBJECT_ADDRESS, WHO);
	return 1;
}

static int
object_domain(lua_State *L)
{
	object_new(L, "domain", OBJECT_DOMAIN, WHO);
	return 1;
}

static int
object_net(lua_State *L)
{
	struct object *o = object_new(L, "network", OBJECT_NETWORK,
	    OBJECT_FROM);

	if (!ip_net_parse(o->text, &o->net))
		return luaL_error(L, "\"%s\" is not an IP address or network "
		    "(host bits must be 0)", o->text);
	return 1;
}

static int
object_who_regex(lua_State *L)
{
	struct object *o = object_new(L, "regex", OBJECT_REGEX, WHO);

	object_regex(L, o, o->text, "ia");
	return 1;
}

static int
object_rcpt_address(lua_State *L)
{
	object_new(L, "receiver", OBJECT_RCPT_ADDRESS, WHO | OBJECT_PER_RCPT);
	return 1;
}

static int
object_rcpt_domain(lua_State *L)
{
	object_new(L, "receiver_domain", OBJECT_RCPT_DOMAIN,
	    WHO | OBJECT_PER_RCPT);
	return 1;
}

static int
object_rcpt_regex(lua_State *L)
{
	struct object *o = object_new(L, "receiver_regex", OBJECT_RCPT_REGEX,
	    WHO | OBJECT_PER_RCPT);

	object_regex(L, o, o->text, "ia");
	return 1;
}

static int
object_spamlevel(lua_State *L)
{
	double level = luaL_checknumber(L, 1);
	struct object *o = object_new(L, "spamlevel", OBJECT_SPAMLEVEL,
	    OBJECT_WHAT | OBJECT_PER_RCPT);

	o->level = level;
	return 1;
}

static int
object_header(lua_State *L)
{
	const char *pattern = luaL_checkstring(L, 2);
	const char *where = luaL_optstring(L, 3, "all");
	struct object *o = object_new(L, "header", OBJECT_HEADER,
	    OBJECT_WHAT | OBJECT_HEADERS);

	if (strcmp(where, "top") != 0 && strcmp(where, "all") != 0)
		return luaL_error(L, "header: \"%s\" is not top or all",
		    where);
	o->top = strcmp(where, "top") == 0;
	if (!o->top)
		o->flags |= OBJECT_BODY;
	object_regex(L, o, pattern, "i");
	return 1;
}

static int
object_content_type(lua_State *L)
{
	struct object *o = object_new(L, "content_type", OBJECT_CONTENT_TYPE,
	    OBJECT_WHAT | OBJECT_BODY);

	object_regex(L, o, o->text, "ia");
	return 1;
}

static int
object_filename(lua_State *L)
{
	struct object *o = object_new(L, "filename", OBJECT_FILENAME,
	    OBJECT_WHAT | OBJECT_BODY);

	object_regex(L, o, o->text, "ia");
	return 1;
}

static int
object_symbol(lua_State *L)
{
	object_new(L, "symbol", OBJECT_SYMBOL, OBJECT_WHAT | OBJECT_PER_RCPT);
	return 1;
}

/* object_clock - "HH:MM" in field `key`, in minutes */
static int
object_clock(lua_State *L, const char *key, int fallback)
{
	const char *s;
	int h, m;

	lua_getfield(L, 1, key);
	s = lua_tostring(L, -1);
	if (s == NULL)
		return fallback;
	if (strlen(s) != 5 || s[2] != ':' || strspn(s, "0123456789:") != 5)
		return luaL_error(L, "timeframe: %s is \"HH:MM\"", key);
	h = (s[0] - '0') * 10 + s[1] - '0';
	m = (s[3] - '0') * 10 + s[4] - '0';
	if (h > 23 || m > 59)
		return luaL_error(L, "timeframe: there is no %s", s);
	return h * 60 + m;
}

/* object_days - {"mon", "tue"} */
static unsigned
object_days(lua_State *L)
{
	static const char *const names[] = { "sun", "mon", "tue", "wed", "thu",
		"fri", "sat", NULL };
	unsigned days = 0;

	if (lua_getfield(L, 1, "days") == LUA_TNIL)
		return 0x7f;
	luaL_checktype(L, -1, LUA_TTABLE);
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		const char *day = lua_tostring(L, -1);
		int k = 0;

		while (names[k] != NULL && (day == NULL ||
		    strcmp(names[k], day) != 0))
			k++;
		if (names[k] == NULL)
			luaL_error(L, "timeframe: \"%s\" is no day: sun mon "
			    "tue wed thu fri sat", day != NULL ? day : "?");
		days |= 1u << k;
		lua_pop(L, 1);
	}
	return days;
}

/* object_zone - "local", "UTC", "+02:00" */
static void
object_zone(lua_State *L, struct object *o)
{
	const char *z;

	lua_getfield(L, 1, "zone");
	z = lua_tostring(L, -1);
	o->local = z == NULL || strcmp(z, "local") == 0;
	if (o->local || strcmp(z, "UTC") == 0)
		return;
	if (strlen(z) != 6 || (z[0] != '+' && z[0] != '-') || z[3] != ':' ||
	    strspn(z + 1, "0123456789:") != 5)
		luaL_error(L, "timeframe: zone \"%s\" is not \"local\", "
		    "\"UTC\" or an offset such as \"+02:00\"", z);
	o->offset = ((z[1] - '0') * 10 + z[2] - '0') * 60 +
	    (z[4] - '0') * 10 + z[5] - '0';
	if (z[0] == '-')
		o->offset = -o->offset;
}

static int
object_timeframe(lua_State *L)
{
	struct object *o;

	luaL_checktype(L, 1, LUA_TTABLE);
	o = object_new(L, "timeframe", OBJECT_TIMEFRAME, OBJECT_WHEN);
	o->begin = object_clock(L, "from", 0);
	o->end = object_clock(L, "to", 24 * 60 - 1);
	o->days = object_days(L);
	object_zone(L, o);
	lua_settop(L, 2); /* the object */
	return 1;
}

const struct bind_row bind_object_rows[] = {
	{ "address", "address \"user@example.org\"",
	    "from, to: this sender or recipient; case does not matter.",
	    object_address },
	{ "domain", "domain \"example.org\"",
	    "from, to: of exactly this domain, no subdomains.",
	    object_domain },
	{ "ip", "ip \"192.0.2.1\"", "from: this client.", object_net },
	{ "network", "network \"192.0.2.0/24\"",
	    "from: a client in this network.", object_net },
	{ "regex", "regex \".*@example\\\\.(org|net)\"",
	    "from, to: all of the address matches, case does not matter.",
	    object_who_regex },
	{ "receiver", "receiver \"user@example.org\"",
	    "The recipient, also in slot from.", object_rcpt_address },
	{ "receiver_domain", "receiver_domain \"example.org\"",
	    "Its domain, also in slot from.", object_rcpt_domain },
	{ "receiver_regex", "receiver_regex \"...\"",
	    "An expression for it, also in slot from.", object_rcpt_regex },
	{ "timeframe", "timeframe { from, to, days, zone }",
	    "when: from \"08:00\" to \"17:59\", both included, may pass "
	    "midnight; days {\"mon\", ...}; zone \"local\", \"UTC\" or "
	    "\"+02:00\".", object_timeframe },
	{ "spamlevel", "spamlevel(5)",
	    "what: the recipient's score is at least this.",
	    object_spamlevel },
	{ "header", "header(name, expression [, \"top\"])",
	    "what: a field's decoded value has a match, case does not "
	    "matter; of the message or, without \"top\", of a part.",
	    object_header },
	{ "content_type", "content_type \"image/.*\"",
	    "what: parts of which all of the type matches.",
	    object_content_type },
	{ "filename", "filename \".*\\\\.exe\"",
	    "what: parts of which all of a decoded file name matches.",
	    object_filename },
	{ "symbol", "symbol \"RBL_LISTED\"",
	    "what: a check found this.", object_symbol },
	{ NULL, NULL, NULL, NULL }
};
