/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint_test - mistakes that are found without running a rule, and names that
   are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lua/lint.h"
#include "lua/rules.h"
#include "lua/test_util.h"
#include "lua/trace.h"

static const char *const symbols[] = { "SPF_FAIL", "RULES_SCORE", NULL };
static const char *const modules[] = { "spf", "rules", NULL };
static const char *const networks[] = { "internal", NULL };

/* problem - "LINE: text" a line */
static void
problem(const char *file, int line, const char *text, bool lint, void *arg)
{
	(void)lint;
	assert_non_null(strstr(file, "/10-test.lua"));
	buf_printf(arg, "%d: %s\n", line, text);
}

/* lint - what is said of a text; the caller frees it */
static char *
lint(const char *text, const struct lint_known *known)
{
	struct buf out = BUF_INIT;
	struct rules_watch watch = { .known = known, .problem = problem,
		.arg = &out };
	struct fakehost *f;

	rules_watch = &watch;
	f = test_rules(text, NULL);
	rules_watch = NULL;
	fakehost_destroy(&f);
	buf_add_str(&out, "");
	return buf_steal(&out);
}

/* says - that, among others */
static void
says(const char *text, const char *what)
{
	const struct lint_known known = { symbols, modules, networks };
	char *all = lint(text, &known);

	if (strstr(all, what) == NULL)
		fail_msg("no \"%s\" in \"%s\" for: %s", what, all, text);
	free(all);
}

/* clean - nothing to say */
static void
clean(const char *text)
{
	const struct lint_known known = { symbols, modules, networks };
	char *all = lint(text, &known);

	if (*all != '\0')
		fail_msg("\"%s\" for: %s", all, text);
	free(all);
}

#define RULE(body) "rule 'x' { function(mail)\n" body "\nend }"

static void
unknown_names(void **state)
{
	(void)state;
	says(RULE("wier.time()"),
	    "2: unknown name \"wier\" (did you mean \"weir\"?)");
	says(RULE("return weir.tiem()"),
	    "2: unknown name behind \"weir.\": \"tiem\" (did you mean "
	    "\"time\"?)");
	says(RULE("weir.dns.txtt('x')"), "behind \"dns.\": \"txtt\" (did you "
	    "mean \"txt\"?)");
	says(RULE("local a = string.formt"), "did you mean \"format\"?");
	says(RULE("mail:rejct('x')"), "2: mail has no method \"rejct\" (did "
	    "you mean \"reject\"?)");
	says(RULE("return mail.sendr"), "2: mail has no \"sendr\" (did you "
	    "mean \"sender\"?)");
	says("local function f(mail) return mail:heder('x') end\n",
	    "1: mail has no method \"heder\" (did you mean \"header\"?)");
	says("rule 'x' { stge = 'rcpt',\n form = domain 'x',\n"
	    " action = reject() }", "2: unknown option \"form\" (did you mean "
	    "\"from\"?)");
	says("rule 'x' {\n from = domian 'x',\n action = reject() }",
	    "2: unknown name \"domian\" (did you mean \"domain\"?)");
	says("rule 'x' {\n action = rejct() }",
	    "2: unknown name \"rejct\" (did you mean \"reject\"?)");
	says("rule 'x' {\n action = reject 'a __SENDR__' }",
	    "2: unknown macro \"__SENDR__\" (did you mean \"__SENDER__\"?)");
	says(RULE("mail:has('SPF_FIAL')"), "2: unknown symbol \"SPF_FIAL\" "
	    "(did you mean \"SPF_FAIL\"?)");
	says("rule 'x' { what = symbol 'SPF_FIAL', action = reject() }",
	    "unknown symbol");
	says(RULE("mail:fact 'spg.result'"), "not configured: \"spg\" (did "
	    "you mean \"spf\"?)");
	says(RULE("mail:in_networks('intrnal')"), "unknown networks "
	    "\"intrnal\" (did you mean \"internal\"?)");
	/* behind the end of a block a local is no more */
	says(RULE("do local a = 1 end\nreturn a"), "3: unknown name \"a\"");
	says(RULE("if true then local b end\nreturn b"),
	    "3: unknown name \"b\"");
}

static void
names_that_are_right(void **state)
{
	(void)state;
	clean(RULE("local a <const>, b = 1, 2\n"
	    "for i, v in ipairs({ a, b, key = 1, ['x'] = 2 }) do\n"
	    "  local t = { unknown = v, other = i }\n"
	    "  print(t.unknown, t.other.deep)\n"
	    "end\n"
	    "for n = 1, 2 do print(n) end\n"
	    "local function up(...) return select('#', ...) end\n"
	    "local down = function(x, y) return up(x, y) end\n"
	    "repeat local z = down(a) until z == 0\n"
	    "while true do goto out end ::out::\n"
	    "if a == 1 then return elseif b == 2 then print(a)\n"
	    "else local c = 1 print(c) end\n"
	    "-- wier.time() --[[ nothing ]]\n"
	    "--[==[ wier.tiem()\n ]==] print([[ mail:rejct() ]])\n"
	    "print(0x1p-3, 1e+2, 3 .. 4, #mail:rcpts(), mail.sender)\n"
	    "if mail:has('SPF_FAIL') and mail:fact('spf.result') then\n"
	    "  mail:add_score(1, '__NOMACRO__') end\n"
	    "return mail:in_networks('internal')"));
	clean("kept = 1\nfirst, second = 1, 2\nfunction helper(m)\n"
	    "  return m.what, kept, first, second end\n"
	    "local t = {}\nfunction t.f(self) return self.x end\n"
	    "function t:g() return self.y, helper(t) end\n"
	    "rule 'x' { from = { all = true, domain 'a' },\n"
	    " action = { reject '__SENDER__ __init __a__' } }");
	/* without a configuration nothing is known of symbols */
	free(lint(RULE("mail:has('X')"), NULL));
}

static void
all_mistakes_of_all_rules(void **state)
{
	const struct lint_known none = { NULL, NULL, NULL };
	char *all = lint("rule 'a' { priority = 101, function() end }\n"
	    "rule 'b' { stage = 'rctp', function() end }\n"
	    "rule 'c' { from = filename 'x', action = reject() }\n"
	    "local m = weir.map('/nowhere')\n", &none);

	(void)state;
	assert_non_null(strstr(all, "1: rule \"a\": priority"));
	assert_non_null(strstr(all, "2: rule \"b\": unknown stage \"rctp\" "
	    "(did you mean \"rcpt\"?)"));
	assert_non_null(strstr(all, "3: rule \"c\": filename can't stand in "
	    "slot from"));
	assert_non_null(strstr(all, "4: weir.map: /nowhere"));
	free(all);
	all = lint("rule 'a' {\n function( end }", &none);
	assert_non_null(strstr(all, "2: "));
	free(all);
}

static void
unfinished_texts_end(void **state)
{
	static const char text[] = "rule 'x' { a = [==[ x ]==] .. \"\\\"\", "
	    "function(mail, ...) for i = 1, 2 do mail:has 'y' end end } "
	    "--[[ end";
	struct lint_tokens tokens;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		memset(&tokens, 0, sizeof(tokens));
		lint_scan((weir_str){ text, n }, &tokens);
		assert_int_equal(tokens.v.v[tokens.v.n - 1].kind, LINT_END);
		vec_fini(&tokens.v);
	}
}

static void
trace_says_why(void **state)
{
	struct fakehost *f = test_rules(
	    "rule 'from' { from = domain 'a.example', action = reject() }\n"
	    "rule 'to' { to = domain 'nobody.example', action = accept() }\n"
	    "rule 'out' { direction = 'out', action = accept() }\n"
	    "rule 'dead' { on_failure = 'pass',\n"
	    "  function(mail) error('x') end }\n"
	    "rule 'yes' { to = domain 'example.org', action = reject 'no' }\n"
	    "rule 'last' { action = accept() }", NULL);
	json_t *all;
	char *text;

	(void)state;
	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_session(f, "192.0.2.7", "mail.example.com");
	fakehost_message(f, "a@Example.com");
	fakehost_rcpt(f, "u@example.org");
	trace_begin();
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	all = trace_end();
	text = json_dumps(all, JSON_COMPACT);
	assert_int_equal(json_array_size(all), 6);
	assert_non_null(strstr(text, "{\"slot\":\"from\",\"value\":"
	    "\"sender a@Example.com\"}"));
	assert_non_null(strstr(text, "{\"slot\":\"to\",\"value\":\"recipient "
	    "u@example.org\",\"recipient\":\"u@example.org\"}"));
	assert_non_null(strstr(text, "the mail comes in"));
	assert_non_null(strstr(text, "{\"effect\":\"reject\",\"text\":\"no\""));
	assert_non_null(strstr(text, "a rule before it decided"));
	assert_non_null(strstr(text, "\"instructions_max\":2000000"));
	assert_string_equal(json_string_value(json_object_get(
	    json_array_get(all, 3), "result")), "failed");
	free(text);
	json_decref(all);
	fakehost_destroy(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(names_that_are_right),
		cmocka_unit_test(all_mistakes_of_all_rules),
		cmocka_unit_test(unfinished_texts_end),
		cmocka_unit_test(trace_says_why)
	};

	return cmocka_run_group_tests(tests, NULL, test_end);
}
