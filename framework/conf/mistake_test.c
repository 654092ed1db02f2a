/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mistake_test - what is wrong in a text, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "conf/test_load.h"
#include "conf/test_modules.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Text and the exact report; the same file name and "error" everywhere, so
   an expectation is a list of "LINE: text". */
static const struct {
	const char *text, *report;
} bad[] = {
	/* names */
	{ "wrkers = 2\n", "1: unknown option \"wrkers\" (did you mean "
	    "\"workers\"?)\n" },
	{ "# x\n\n/* y\n */ qqqqqqqqqqqqqq = 2 // z\n",
	    "4: unknown option \"qqqqqqqqqqqqqq\"\n" },
	{ "dns {\n tries = 2\n timeuot = 3s\n}\nlgo { }\nworkers = 99\n",
	    "3: unknown option \"timeuot\" in dns (did you mean \"timeout\"?)\n"
	    "5: unknown section \"lgo\" (did you mean \"log\"?)\n"
	    "6: workers: \"99\" is more than 64\n" },
	{ "module \"greylist\" { dealy = 3m }",
	    "1: unknown option \"dealy\" in module \"greylist\" (did you mean "
	    "\"delay\"?)\n" },
	{ "module \"grelist\" {\n x = 1 }\nscores { NOPE = 1 }",
	    "1: module \"grelist\": there is no such module (did you mean "
	    "\"greylist\"?)\n" },
	{ "greylist { delay = 3m }", "1: unknown section \"greylist\" (did you "
	    "mean module \"greylist\"?)\n" },
	{ "module \"greylist\" {}\nscores { GREY_DEFERED = 1 }",
	    "2: unknown symbol \"GREY_DEFERED\" in scores (did you mean "
	    "\"GREY_DEFERRED\"?)\n" },
	{ "listener \"a\" { protocol = \"mitler\" address = \"unix:/a\" }",
	    "1: protocol: \"mitler\" is none of milter, policy (did you mean "
	    "\"milter\"?)\n" },
	{ "networks \"inside\" { addresses = {\"10.0.0.0/8\"} }\n"
	  "module \"greylist\" {\n exclude = {\"::1\", \"insid\",\n"
	  " \"10.0.0.0/7\",\n \"x.y\"} }\n",
	    "3: exclude: \"insid\" names no networks that are defined (did you "
	    "mean \"inside\"?)\n"
	    "5: exclude: \"x.y\" is no network such as 192.0.2.0/24 or "
	    "2001:db8::/32\n" },
	{ "module \"greylist\" { exclude = \"10.0.0.1/8\" }",
	    "1: exclude: \"10.0.0.1/8\" has bits set behind the /8 (did you "
	    "mean \"10.0.0.0/8\"?)\n" },
	{ "listener \"\" { protocol = milter address = \"unix:/a\" }",
	    "1: listener \"\": a name is a letter, then letters, digits, _ or "
	    "-\n" },
	{ "\"dns|timeout\" = 3s",
	    "1: no sub-section title/index for 'dns'\n" },
	{ "dns {}\n\"dns|timeout\" = 3s", "2: malformed option name\n" },
	{ "\"module\\tgreylist\" \"x\" {}",
	    "1: unknown section \"module\\x09greylist\"\n" },
	/* types and bounds */
	{ "workers = many", "1: workers: \"many\" is not a whole number\n" },
	{ "workers = {1, 2}\ndns { servers = {} tries = {} }",
	    "1: workers takes one value, not a list\n"
	    "2: tries takes one value, not a list\n" },
	{ "drain_timeout = 5", "1: drain_timeout: \"5\" lacks a unit (ms, s, m,"
	    " h, d or w)\n" },
	{ "call_timeout = 5ms",
	    "1: call_timeout: \"5ms\" is less than 10ms\n" },
	{ "memory { total = 20M message = 10M spool = 1q }",
	    "1: spool: \"1q\" is no size such as 4096, 64k, 10M or 1G\n" },
	{ "memory {\n total = 20M\n message = 30M\n}",
	    "3: memory: message is larger than total\n" },
	{ "explain { enabled = maybe }",
	    "1: enabled: \"maybe\" is neither yes nor no\n" },
	{ "module \"rbl\" { zone \"a\" { score = ten } }",
	    "1: score: \"ten\" is not a number\n" },
	{ "log { target = \"sylog\" }", "1: target: \"sylog\" is none of "
	    "stderr, syslog, journal, file:/PATH (did you mean "
	    "\"syslog\"?)\n" },
	{ "dns { servers = {\"127.0.0.1\",\n\n \"resolver\"} }",
	    "3: servers: \"resolver\" is no server such as 127.0.0.1, "
	    "127.0.0.1:53 or [::1]:53\n" },
	{ "listener \"a\" { protocol = milter address = \"tcp:x\" "
	  "mode = 0999 }",
	    "1: address: \"tcp:x\" is no address: it begins with unix:, inet:,"
	    " inet6: or systemd:\n"
	    "1: mode: \"0999\" is no file mode such as 0660\n" },
	/* missing, twice */
	{ "\nlistener \"a\" { address = \"unix:/a\" }",
	    "2: protocol is missing\n" },
	{ "module \"rbl\" {\n zone \"a\" {\n codes = {}\n }\n}",
	    "2: score is missing\n" },
	{ "networks \"a\" {}\nnetworks \"b\" {}\nnetworks\n\"a\" {}\n"
	  "networks \"a\" {}",
	    "3: networks \"a\" is there twice\n"
	    "5: networks \"a\" is there twice\n" },
	{ "dns { tries = 1 }\ndns { tries = 2 }",
	    "2: section dns is there twice (first in line 1 of t.conf)\n" },
	{ "user = a\nuser = b\nx = 1\ny = 2\n",
	    "2: user is set twice (first in line 1 of t.conf)\n"
	    "3: unknown option \"x\"\n4: unknown option \"y\"\n" },
	{ "module \"rbl\" {}\nmodule \"rbl\" { nonsense = 1 }",
	    "2: module \"rbl\" is there twice (first in line 1 of t.conf)\n" },
	{ "action {}\nmodule \"action\" {}", "2: module \"action\" is there "
	    "twice (first in line 1 of t.conf)\n" },
	{ "listener \"a\" { protocol = milter address = \"inet:127.0.0.1:9\" }"
	  "\nlistener \"b\" { protocol = policy\n address = "
	  "\"inet:127.0.0.1:9\" }",
	    "3: address: listener \"a\" has the same (line 1 of t.conf)\n" },
	{ "listener \"a\" { protocol = milter address = \"inet:127.0.0.1:9\" }"
	  "\nmetrics { address = \"inet:127.0.0.1:9\" }",
	    "2: address: listener \"a\" has the same (line 1 of t.conf)\n" },
	/* modules that are not sound */
	{ "module \"clash\" {}",
	    "1: module \"clash\": option timeout is the host's\n" },
	{ "module \"broken\" {}", "1: module \"broken\": option size: its "
	    "default \"many\" is no size such as 4096, 64k, 10M or 1G\n" },
	{ "module \"rbl\" {}\nmodule \"twin\" {}",
	    "2: module \"twin\": symbol RBL_LISTED is also module rbl's\n" },
	/* secrets stay secret */
	{ "module \"greylist\" { password = {hush, hush} }",
	    "1: password takes one value, not a list\n" },
	{ "module \"greylist\" {\n password = hush hushhush\n}",
	    "2: stray word (a value with blanks needs quotes)\n" },
	{ "module \"greylist\" { password = {hush hushhush} }",
	    "1: unexpected word: a comma or brace is missing\n" },
	/* syntax */
	{ "workers = \n", "1: premature end of file\n" },
	{ "\nworkers 2", "2: missing equal sign after option 'workers'"
	    ": it is written NAME = VALUE\n" },
	{ "\nworkers = 1 2", "2: stray word (a value with blanks needs "
	    "quotes)\n" },
	{ "dns = 3", "1: missing opening brace for section 'dns'"
	    ": it is written NAME { ... }\n" },
	{ "listener { }", "1: missing title for section 'listener'"
	    ": it is written NAME \"TITLE\" { ... }\n" },
	{ "module { }", "1: missing title for section 'module'"
	    ": it is written NAME \"TITLE\" { ... }\n" },
	{ "action \"x\" { }",
	    "1: missing opening brace for section 'action'"
	    ": it is written NAME { ... }\n" },
	{ "workers { }", "1: missing equal sign after option 'workers'"
	    ": it is written NAME = VALUE\n" },
	{ "= 3", "1: unexpected \"=\"\n" },
	{ "dns {\n log {\n}\n", "1: { is not closed\n" },
	{ "dns { }\n}", "2: } closes nothing\n" },
	{ "{{{{{{{{{", "1: more than 8 braces inside each other\n" },
	{ "user = \"a\nb\"", "1: string is not closed in its line\n" },
	{ "user = 'a", "1: string is not closed in its line\n" },
	{ "user = \"\\d\"", "1: unknown escape \"\\d\" in a string (a "
	    "backslash itself is \\\\; '...' needs none)\n" },
	{ "user = \"\\001\"", "1: unknown escape \"\\0\" in a string (a "
	    "backslash itself is \\\\; '...' needs none)\n" },
	{ "user = \"\\", "1: unknown escape \"\\\" in a string (a "
	    "backslash itself is \\\\; '...' needs none)\n" },
	{ "\n\n/* \n\n", "3: comment is not closed\n" },
	{ "dns { servers += {\"::1\"} }",
	    "1: += is not known: write the whole list\n" },
	{ "workers = 2;",
	    "1: unexpected \";\": a statement ends without it\n" },
	{ "user = ${HOME}", "1: unexpected \"$\": it needs quotes\n" },
	{ "user = a*b", "1: unexpected \"*\": it needs quotes\n" },
	{ "user = \"\x01\"", "1: control character \\x01\n" },
	{ "\n\nuser = \"\xff\"", "3: text is not UTF-8\n" },
	{ "user = f(\"x\")",
	    "1: parentheses only stand in include(\"file\")\n" },
	{ "user = include(\"x\")",
	    "1: parentheses only stand in include(\"file\")\n" },
	{ "include \"x\"",
	    "1: stray word (another file is read by include(\"FILE\"))\n"
	    "1: stray word (a value with blanks needs quotes)\n" },
	{ "\ninclude(\"x\")", "2: can't include anything here\n" },
};

/* test_bad - exact messages */
static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		struct buf out = BUF_INIT, want = BUF_INIT;
		struct conf *conf = load_text(bad[i].text,
		    strlen(bad[i].text), &test_conf_modules, &out);
		const char *p = bad[i].report;

		if (conf != NULL)
			fail_msg("accepted: %s", bad[i].text);
		while (*p != '\0') {
			size_t colon = strcspn(p, ":"), len = strcspn(p, "\n");

			buf_printf(&want, "t.conf:%.*s: error%.*s\n",
			    (int)colon, p, (int)(len - colon), p + colon);
			p += len + 1;
		}
		if (strcmp(want.ptr, out.ptr) != 0)
			fail_msg("of: %s\nwanted: %sgot: %s", bad[i].text,
			    want.ptr, out.ptr);
		if (strstr(out.ptr, "hush") != NULL)
			fail_msg("secret shown: %s", out.ptr);
		buf_fini(&out);
		buf_fini(&want);
		/* no error leaves libConfuse's lexer in the middle of
		   something */
		conf = load_good("workers = 3");
		assert_int_equal(conf->workers, 3);
		conf_destroy(&conf);
	}
}

/* test_many - twenty are kept, all are counted */
static void
test_many(void **state)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap;
	struct buf text = BUF_INIT;
	struct conf *conf;

	(void)state;
	buf_add_str(&text, "dns { servers = {");
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "\"x%d\",\n", i);
	buf_add_str(&text, "} }");
	snap = conf_snapshot_of("t.conf", text.ptr, text.len, &report);
	assert_non_null(snap);
	assert_int_equal(conf_load(snap, NULL, &conf, &report), WEIR_E_INVAL);
	assert_null(conf);
	assert_int_equal(report.n, CONF_REPORT_MAX);
	assert_int_equal(report.errors, 31); /* and that they are too many */
	assert_int_equal(report.items[19].line, 20);
	buf_clear(&text);
	conf_report_print(&report, &text);
	assert_non_null(strstr(text.ptr, "\n11 more\n"));
	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
