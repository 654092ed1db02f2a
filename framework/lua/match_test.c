/* SPDX-License-Identifier: GPL-2.0-or-later */
/* match_test - our matcher against Lua's own, and its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "lua/match.h"

#define ROUNDS 200000

static const char *const pieces[] = { "a", "b", "ab", ".", "%a", "%d", "%s",
	"%w", "%A", "%p", "[ab]", "[^a]", "[a-c]", "[%d_]", "[]]", "[^]]",
	"*", "+", "-", "?", "(", ")", "()", "%1", "%2", "%b()", "%bab",
	"%f[%w]", "%f[^%w]", "%%", "%.", "$", "^", "x", "[", "]", "%", "-",
	"%u", "%l", "%x", "%c", "%g", "\\", "%S" };
static const char letters[] = "aabbc()1_ X.%-]\n";

/* random_of - below n; the same sequence in each run */
static unsigned
random_of(unsigned n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33) % n;
}

/* lua_result - what string.match says: "e" for an error, or captures;
   string.find would not use its matcher for plain texts */
static void
lua_result(lua_State *L, const char *s, size_t len, const char *p, char *out,
    size_t cap)
{
	size_t n = 0;
	int top = lua_gettop(L);

	lua_getglobal(L, "string");
	lua_getfield(L, -1, "match");
	lua_pushlstring(L, s, len);
	lua_pushstring(L, p);
	if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK) {
		snprintf(out, cap, "e");
		lua_settop(L, top);
		return;
	}
	out[0] = '\0';
	for (int i = top + 2; i <= lua_gettop(L); i++)
		n += (size_t)snprintf(out + n, cap - n, "%s,",
		    luaL_tolstring(L, i, NULL)), lua_pop(L, 1);
	lua_settop(L, top);
}

/* our_result - the same from our matcher */
static void
our_result(const char *s, size_t len, const char *p, char *out, size_t cap)
{
	struct match m;
	const char *e = NULL, *at = s;
	bool anchor = *p == '^';
	size_t n;

	match_init(&m, s, len, p + anchor, strlen(p) - anchor, 1000000);
	for (;; at++) {
		e = match_at(&m, at);
		if (e != NULL || m.error != NULL || anchor || at >= s + len)
			break;
	}
	if (m.error != NULL) {
		snprintf(out, cap, "e");
		return;
	}
	if (e == NULL) {
		snprintf(out, cap, "nil,");
		return;
	}
	n = m.captures > 0 ? 0 :
	    (size_t)snprintf(out, cap, "%.*s,", (int)(e - at), at);
	for (unsigned i = 0; i < m.captures; i++) {
		if (m.capture[i].len == MATCH_POSITION)
			n += (size_t)snprintf(out + n, cap - n, "%td,",
			    m.capture[i].start - s + 1);
		else
			n += (size_t)snprintf(out + n, cap - n, "%.*s,",
			    (int)m.capture[i].len, m.capture[i].start);
	}
}

static void
same_as_lua(void **state)
{
	lua_State *L = luaL_newstate();
	unsigned errors = 0, found = 0;

	(void)state;
	luaL_openlibs(L);
	for (int i = 0; i < ROUNDS; i++) {
		char pattern[64] = "", subject[32], theirs[400], ours[400];
		unsigned n = 1 + random_of(6), len = random_of(20);

		for (unsigned k = 0; k < n; k++)
			strncat(pattern, pieces[random_of(sizeof(pieces) /
			    sizeof(pieces[0]))], 8);
		for (unsigned k = 0; k < len; k++)
			subject[k] = letters[random_of(sizeof(letters) - 1)];
		subject[len] = '\0';
		lua_result(L, subject, len, pattern, theirs, sizeof(theirs));
		our_result(subject, len, pattern, ours, sizeof(ours));
		if (strcmp(theirs, ours) != 0)
			fail_msg("match(\"%s\", \"%s\"): Lua %s, we %s", subject,
			    pattern, theirs, ours);
		errors += theirs[0] == 'e';
		found += theirs[0] != 'e' && strcmp(theirs, "nil,") != 0;
	}
	/* the mix must exercise both */
	assert_true(errors > ROUNDS / 100);
	assert_true(found > ROUNDS / 10);
	lua_close(L);
}

static void
backtracking_is_bounded(void **state)
{
	static const char *const patterns[] = {
		"a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
		".-.-.-.-.-.-.-.-.-.-b", "(a*)(a*)(a*)(a*)(a*)(a*)%1%2b",
		"a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b",
		"%b()%b()b" };
	char subject[2000];
	struct match m;

	(void)state;
	memset(subject, 'a', sizeof(subject));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const char *s = subject;

		match_init(&m, subject, sizeof(subject), patterns[i],
		    strlen(patterns[i]), 100000);
		while (s < subject + sizeof(subject) && m.error == NULL &&
		    match_at(&m, s) == NULL)
			s++;
		assert_true(m.steps <= 100000 + 100);
		if (i < 4) {
			assert_true(m.out_of_steps);
			assert_string_equal(m.error,
			    "pattern takes too many steps");
		}
	}
}

static void
depth_is_bounded(void **state)
{
	char pattern[1001];
	struct match m;

	(void)state;
	for (int i = 0; i < 1000; i += 2)
		memcpy(pattern + i, "a?", 2);
	match_init(&m, "aaaa", 4, pattern, 1000, 1000000000);
	while (m.error == NULL && match_at(&m, m.subject) == NULL)
		;
	match_init(&m, "", 0, pattern, 1000, 1000000);
	assert_non_null(match_at(&m, m.subject));
	memset(pattern, '(', 40);
	match_init(&m, "", 0, pattern, 40, 1000000);
	assert_null(match_at(&m, m.subject));
	assert_string_equal(m.error, "too many captures");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_lua),
		cmocka_unit_test(backtracking_is_bounded),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
