/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind_dns - lookups that read like function calls. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/coro.h"

#define BIND_DNS_NAME_MAX 253
#define BIND_DNS_RRS_MAX 500

/* bind_dns_push - the answer as a list */
static void
bind_dns_push(lua_State *L, const struct weir_dns_answer *a)
{
	lua_newtable(L);
	for (uint32_t i = 0; i < a->count && i < BIND_DNS_RRS_MAX; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);

		if (rr->type == WEIR_DNS_MX) {
			lua_createtable(L, 0, 2);
			lua_pushinteger(L, rr->pref);
			lua_setfield(L, -2, "pref");
			lua_pushlstring(L, rr->data.ptr, rr->data.len);
			lua_setfield(L, -2, "host");
		} else {
			lua_pushlstring(L, rr->data.ptr, rr->data.len);
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* bind_dns_done - an answer: a list, empty if there is no such data; or nil
   and why not */
static void
bind_dns_done(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct coro *c = bind_end(arg, call, a->status);

	if (c == NULL)
		return;
	if (a->status == WEIR_OK || a->status == WEIR_E_NOTFOUND) {
		bind_dns_push(c->L, a);
		bind_resume(c, 1);
		return;
	}
	lua_pushnil(c->L);
	lua_pushstring(c->L, a->status == WEIR_E_TIMEOUT ? "timeout" :
	    a->status == WEIR_E_LIMIT			 ? "limit" :
							   "temporary");
	bind_resume(c, 2);
}

/* bind_dns_ask - start a lookup and wait */
static int
bind_dns_ask(lua_State *L, const char *what, const char *name, uint16_t type)
{
	void *handle = bind_begin(L, what);
	struct round *round = round_of(L);

	limit_charge(L, 100);
	return bind_wait(L, what, round->rules->dns->query(round->call, name,
	    type, 0, bind_dns_done, handle));
}

/* bind_dns_name - argument i: what can't be a name has no data */
static const char *
bind_dns_name(lua_State *L, int i)
{
	size_t len;
	const char *name = luaL_checklstring(L, i, &len);

	return len > 0 && len <= BIND_DNS_NAME_MAX && strlen(name) == len ?
	    name : NULL;
}

/* bind_dns_type - weir.dns.TYPE(name) */
static int
bind_dns_type(lua_State *L, const char *what, uint16_t type)
{
	const char *name = bind_dns_name(L, 1);

	if (name != NULL)
		return bind_dns_ask(L, what, name, type);
	lua_newtable(L);
	return 1;
}

static int
bind_dns_a(lua_State *L)
{
	return bind_dns_type(L, "weir.dns.a", WEIR_DNS_A);
}

static int
bind_dns_aaaa(lua_State *L)
{
	return bind_dns_type(L, "weir.dns.aaaa", WEIR_DNS_AAAA);
}

static int
bind_dns_mx(lua_State *L)
{
	return bind_dns_type(L, "weir.dns.mx", WEIR_DNS_MX);
}

static int
bind_dns_txt(lua_State *L)
{
	return bind_dns_type(L, "weir.dns.txt", WEIR_DNS_TXT);
}

static int
bind_dns_ns(lua_State *L)
{
	return bind_dns_type(L, "weir.dns.ns", WEIR_DNS_NS);
}

/* bind_dns_ptr - weir.dns.ptr(address) */
static int
bind_dns_ptr(lua_State *L)
{
	char name[BIND_DNS_NAME_MAX + 1];
	struct ip ip;

	if (!ip_parse(luaL_checkstring(L, 1), &ip)) {
		lua_newtable(L);
		return 1;
	}
	ip_reverse(&ip, name);
	strncat(name, ip.len == 4 ? "in-addr.arpa" : "ip6.arpa", 20);
	return bind_dns_ask(L, "weir.dns.ptr", name, WEIR_DNS_PTR);
}

/* bind_dns_rbl - weir.dns.rbl(address or domain, zone) */
static int
bind_dns_rbl(lua_State *L)
{
	const char *what = luaL_checkstring(L, 1);
	const char *zone = luaL_checkstring(L, 2);
	char name[BIND_DNS_NAME_MAX + 1];
	struct ip ip;
	size_t n;

	if (ip_parse(what, &ip)) {
		ip_reverse(&ip, name);
		n = strlen(name);
	} else {
		n = strlen(what);
		if (n + 1 >= sizeof(name))
			n = 0;
		memcpy(name, what, n);
		name[n++] = '.';
	}
	if (n <= 1 || n + strlen(zone) >= sizeof(name)) {
		lua_newtable(L);
		return 1;
	}
	memcpy(name + n, zone, strlen(zone) + 1);
	return bind_dns_ask(L, "weir.dns.rbl", name, WEIR_DNS_A);
}

#define FAILS "; nil and a reason if the lookup failed."
const struct bind_row bind_dns_rows[] = {
	{ "dns.a", "weir.dns.a(name)",
	    "A list of IPv4 addresses, empty if there are none" FAILS
	    " Waits, as all of these.", bind_dns_a },
	{ "dns.aaaa", "weir.dns.aaaa(name)",
	    "A list of IPv6 addresses" FAILS, bind_dns_aaaa },
	{ "dns.mx", "weir.dns.mx(name)",
	    "A list of {pref, host}" FAILS, bind_dns_mx },
	{ "dns.txt", "weir.dns.txt(name)",
	    "A list of texts" FAILS, bind_dns_txt },
	{ "dns.ns", "weir.dns.ns(name)",
	    "A list of name servers" FAILS, bind_dns_ns },
	{ "dns.ptr", "weir.dns.ptr(address)",
	    "A list of names of an IP address" FAILS, bind_dns_ptr },
	{ "dns.rbl", "weir.dns.rbl(what, zone)",
	    "Ask a DNS list about an IP address or a domain: the list of its "
	    "answers, empty if it is not listed" FAILS, bind_dns_rbl },
	{ NULL, NULL, NULL, NULL }
};
