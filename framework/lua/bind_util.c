/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_util - time, addresses, encodings, waiting. */
#include <string.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/coro.h"

#define BIND_SLEEP_MAX 60.0

/* bind_util_time - weir.time() */
static int
bind_util_time(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)bind_wall_ms(L) / 1000.0);
	return 1;
}

/* bind_util_slept - the time has come */
static void
bind_util_slept(weir_call *call, int status, void *arg)
{
	struct coro *c = bind_end(arg, call, status);

	if (c != NULL)
		bind_resume(c, 0);
}

/* bind_util_sleep - weir.sleep(seconds) */
static int
bind_util_sleep(lua_State *L)
{
	lua_Number s = luaL_checknumber(L, 1);
	void *handle;
	struct round *round;

	luaL_argcheck(L, s >= 0 && s <= BIND_SLEEP_MAX, 1,
	    "from 0 to 60 seconds");
	handle = bind_begin(L, "weir.sleep");
	round = round_of(L);
	return bind_wait(L, "weir.sleep", round->rules->timer->after(
	    round->call, (uint32_t)(s * 1000), bind_util_slept, handle));
}

/* bind_util_ip_in - weir.ip_in(address, network...) */
static int
bind_util_ip_in(lua_State *L)
{
	struct ip ip;
	struct ip_net net;
	int n = lua_gettop(L);
	bool in = false;

	if (!ip_parse(luaL_checkstring(L, 1), &ip)) {
		lua_pushboolean(L, 0);
		return 1;
	}
	for (int i = 2; i <= n && !in; i++) {
		if (!ip_net_parse(luaL_checkstring(L, i), &net))
			return luaL_argerror(L, i, "not a network");
		in = ip_in_net(&ip, &net);
	}
	lua_pushboolean(L, in);
	return 1;
}

/* bind_util_digit - value of a base64 digit, or -1 */
static int
bind_util_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (text_is_digit((unsigned char)c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* bind_util_base64 - weir.base64_decode(text) */
static int
bind_util_base64(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);
	uint32_t acc = 0;
	int bits = 0;
	luaL_Buffer b;

	limit_charge_octets(L, 4 * len);
	luaL_buffinit(L, &b);
	for (size_t i = 0; i < len && s[i] != '='; i++) {
		int d = bind_util_digit(s[i]);

		if (d < 0)
			continue;
		acc = acc << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			luaL_addchar(&b, (char)(acc >> bits & 0xff));
		}
	}
	luaL_pushresult(&b);
	return 1;
}

/* bind_util_decode_header - weir.decode_header(raw) */
static int
bind_util_decode_header(lua_State *L)
{
	struct round *round = round_of(L);
	weir_str raw, text;

	raw.ptr = luaL_checklstring(L, 1, &raw.len);
	limit_charge_octets(L, 4 * raw.len);
	if (round->rules->mime->header_decode(round->call, raw, &text) !=
	    WEIR_OK)
		text = raw;
	bind_push_str(L, text);
	return 1;
}

/* bind_util_is_utf8 - weir.is_utf8(text) */
static int
bind_util_is_utf8(lua_State *L)
{
	weir_str s;

	s.ptr = luaL_checklstring(L, 1, &s.len);
	limit_charge_octets(L, 4 * s.len);
	lua_pushboolean(L, text_is_utf8(s));
	return 1;
}

const struct bind_row bind_util_rows[] = {
	{ "time", "weir.time()",
	    "Seconds since 1970 with fraction, by the host's clock; os.time "
	    "and os.date use it, too.", bind_util_time },
	{ "sleep", "weir.sleep(seconds)",
	    "Wait, at most 60 seconds.", bind_util_sleep },
	{ "ip_in", "weir.ip_in(address, network, ...)",
	    "Does the address lie in one of these (\"192.0.2.0/24\")?",
	    bind_util_ip_in },
	{ "base64_decode", "weir.base64_decode(text)",
	    "Its octets; characters that are none of base64's are skipped.",
	    bind_util_base64 },
	{ "decode_header", "weir.decode_header(raw)",
	    "A raw header value unfolded and decoded to UTF-8 (RFC 2047).",
	    bind_util_decode_header },
	{ "is_utf8", "weir.is_utf8(text)", "Is it well-formed UTF-8?",
	    bind_util_is_utf8 },
	{ NULL, NULL, NULL, NULL }
};
