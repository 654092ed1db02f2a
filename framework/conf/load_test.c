/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "conf/dump.h"
#include "conf/test_modules.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static char dir[128];

/* load - load a snapshot; the report as text in out */
static struct conf *
load(struct conf_snapshot *snap, const struct conf_modules *mods,
    struct conf_report *report, struct buf *out)
{
	struct conf *conf = NULL;

	if (snap != NULL)
		conf_load(snap, mods, &conf, report);
	buf_add_str(out, ""); /* never NULL */
	conf_report_print(report, out);
	return conf;
}

/* load_text - load a text; the report as text in out */
static struct conf *
load_text(const char *text, size_t len, const struct conf_modules *mods,
    struct buf *out)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap =
	    conf_snapshot_of("t.conf", text, len, &report);
	struct conf *conf = load(snap, mods, &report, out);

	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

/* load_good - load a text that must be without any fault */
static struct conf *
load_good(const char *text)
{
	struct buf out = BUF_INIT;
	struct conf *conf =
	    load_text(text, strlen(text), &test_conf_modules, &out);

	if (conf == NULL || out.len != 0)
		fail_msg("%s\nin: %s", out.ptr, text);
	buf_fini(&out);
	return conf;
}

/* file_write - a file in the test's folder; returns its path */
static char *
file_write(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	assert_int_equal(fclose(fp), 0);
	return path;
}

/* load_file - snapshot and load a file; the report as text in out */
static struct conf *
load_file(const char *path, struct buf *out)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap = conf_snapshot_take(path, &report);
	struct conf *conf = load(snap, &test_conf_modules, &report, out);

	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

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
	{ "\nworkers 2", "2: missing equal sign after option 'workers'\n" },
	{ "\nworkers = 1 2", "2: stray word (a value with blanks needs "
	    "quotes)\n" },
	{ "dns = 3", "1: missing opening brace for section 'dns'\n" },
	{ "listener { }", "1: missing title for section 'listener'\n" },
	{ "module { }", "1: missing title for section 'module'\n" },
	{ "action \"x\" { }",
	    "1: missing opening brace for section 'action'\n" },
	{ "workers { }", "1: missing equal sign after option 'workers'\n" },
	{ "= 3", "1: unexpected \"=\"\n" },
	{ "dns {\n log {\n}\n", "1: { is not closed\n" },
	{ "dns { }\n}", "2: } closes nothing\n" },
	{ "{{{{{{{{{", "1: more than 8 braces inside each other\n" },
	{ "user = \"a\nb\"", "1: string is not closed in its line\n" },
	{ "user = 'a", "1: string is not closed in its line\n" },
	{ "user = \"\\d\"", "1: unknown escape \"\\x5cd\" in a string (a "
	    "backslash itself is \\x5c\\x5c; '...' needs none)\n" },
	{ "user = \"\\001\"", "1: unknown escape \"\\x5c0\" in a string (a "
	    "backslash itself is \\x5c\\x5c; '...' needs none)\n" },
	{ "user = \"\\", "1: unknown escape \"\\x5c\" in a string (a "
	    "backslash itself is \\x5c\\x5c; '...' needs none)\n" },
	{ "\n\n/* \n\n", "3: comment is not closed\n" },
	{ "dns { servers += {\"::1\"} }",
	    "1: += is not known: write the whole list\n" },
	{ "workers = 2;",
	    "1: unexpected \";\": a statement ends without it\n" },
	{ "user = ${HOME}", "1: unexpected \"$\": it needs quotes\n" },
	{ "user = a*b", "1: unexpected \"*\": it needs quotes\n" },
	{ "user = \"\x01\"", "1: control character \\x5cx01\n" },
	{ "\n\nuser = \"\xff\"", "3: text is not UTF-8\n" },
	{ "user = f(\"x\")",
	    "1: parentheses only stand in include(\"file\")\n" },
	{ "user = include(\"x\")",
	    "1: parentheses only stand in include(\"file\")\n" },
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

/* test_defaults - of an empty file */
static void
test_defaults(void **state)
{
	struct conf *conf = load_good("");

	(void)state;
	assert_true(conf->workers >= 1 && conf->workers <= 64);
	assert_string_equal(conf->user, "weir");
	assert_string_equal(conf->module_path, WEIR_MODULEDIR);
	assert_string_equal(conf->control, WEIR_RUNDIR "/control.sock");
	assert_string_equal(conf->explain.path, WEIR_STATEDIR "/explain.db");
	assert_true(*conf->hostname != '\0');
	assert_int_equal(conf->disagree, CONF_DISAGREE_WORST);
	assert_int_equal(conf->drain_timeout_ms, 60000);
	assert_int_equal(conf->message_timeout_ms, 45000);
	assert_int_equal(conf->call_timeout_ms, 10000);
	assert_int_equal(conf->stall_limit_ms, 10000);
	assert_int_equal(conf->crash.limit, 3);
	assert_int_equal(conf->crash.window_ms, 600000);
	assert_int_equal(conf->crash.bench_ms, 1800000);
	assert_int_equal(conf->memory.total, 512 << 20);
	assert_int_equal(conf->memory.message, 64 << 20);
	assert_int_equal(conf->memory.spool, 256 << 10);
	assert_int_equal(conf->limits.recipients, 1000);
	assert_int_equal(conf->limits.command_timeout_ms, 300000);
	assert_int_equal(conf->dns.n_servers, 0);
	assert_int_equal(conf->dns.timeout_ms, 3000);
	assert_string_equal(conf->dns.zone, "");
	assert_int_equal(conf->log.level, WEIR_LOG_INFO);
	assert_int_equal(conf->log.target, CONF_LOG_STDERR);
	assert_true(conf->explain.enabled);
	assert_int_equal(conf->metrics.kind, CONF_ADDRESS_NONE);
	assert_int_equal(conf->store_size, 1 << 30);
	assert_int_equal(conf->n_listeners + conf->n_networks +
	    conf->n_modules, 0);
	assert_null(conf_network(conf, "internal"));
	conf_destroy(&conf);
	assert_null(conf);
	conf_destroy(&conf);
}

static const char full[] =
    "workers = \"2\"\n"
    "hostname = mx.example\n"
    "disagree = tempfail-others\n"
    "listener \"in\" { protocol = \"milter\" address = "
    "\"unix:/run/weir/m.sock\"\n"
    "  direction = \"in\" mode = \"0600\" no_reply = off }\n"
    "listener \"policy\" { protocol = policy address = "
    "inet6:[::1]:10022 }\n"
    "networks \"internal\" { addresses = {\"10.0.0.0/8\", \"::1\",} }\n"
    "dns { servers = {\"127.0.0.1:5353\", \"::1\"} zone = \"z/a.zone\" }\n"
    "log { level = debug target = \"file:/var/log/weir\" format = json }\n"
    "metrics { address = \"inet:127.0.0.1:9155\" }\n"
    "call_timeout = 7s\n"
    "module \"greylist\" {\n"
    "  delay = 1m30s   # odd\n"
    "  exclude = {\"internal\", \"192.0.2.1\"}\n"
    "  password = \"h\\\"us$h ${HOME}\"\n"
    "  greeting = 'a\\b'\n"
    "  on_failure_out = quarantine\n"
    "  path = 'mods/g.so'\n"
    "}\n"
    "module \"rbl\" {\n"
    "  delay = {\"x\", y}\n"
    "  zone \"a.example\" { score = 4.5 codes = {} file = f }\n"
    "  zone \"b.example\" { score = -1e0 }\n"
    "  timeout = 2s shadow = yes on_failure = quarantine\n"
    "}\n"
    "module \"plain\" {}\n"
    "scores { RBL_LISTED = 2.5 }\n"
    "action { reject = 20 }\n";

/* full_check - everything that `full` says */
static void
full_check(const struct conf *conf)
{
	const struct conf_module *m;
	const struct weir_conf *zone;
	const weir_str *items;
	weir_str title;
	char cwd[512], *zonefile;

	assert_int_equal(conf->workers, 2);
	assert_string_equal(conf->hostname, "mx.example");
	assert_int_equal(conf->disagree, CONF_DISAGREE_TEMPFAIL_OTHERS);
	assert_int_equal(conf->n_listeners, 2);
	assert_string_equal(conf->listeners[0].name, "in");
	assert_string_equal(conf->listeners[0].address.name,
	    "/run/weir/m.sock");
	assert_int_equal(conf->listeners[0].mode, 0600);
	assert_int_equal(conf->listeners[0].direction, CONF_DIRECTION_IN);
	assert_false(conf->listeners[0].no_reply);
	assert_int_equal(conf->listeners[1].protocol, CONF_PROTOCOL_POLICY);
	assert_int_equal(conf->listeners[1].address.port, 10022);
	assert_int_equal(conf->listeners[1].direction, CONF_DIRECTION_AUTO);
	assert_non_null(conf_network(conf, "internal"));
	assert_int_equal(conf_network(conf, "internal")->n, 2);
	assert_int_equal(conf->dns.n_servers, 2);
	assert_int_equal(conf->dns.servers[0].port, 5353);
	assert_int_equal(conf->dns.servers[1].port, 53);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	zonefile = xasprintf("%s/z/a.zone", cwd);
	assert_string_equal(conf->dns.zone, zonefile);
	free(zonefile);
	assert_int_equal(conf->log.level, WEIR_LOG_DEBUG);
	assert_string_equal(conf->log.path, "/var/log/weir");
	assert_true(conf->log.json);
	assert_int_equal(conf->metrics.port, 9155);

	assert_int_equal(conf->n_modules, 4);
	m = &conf->modules[0];
	assert_string_equal(m->name, "greylist");
	assert_int_equal(conf_int(m->conf, GREY_DELAY), 90000);
	assert_int_equal(conf_net(m->conf, GREY_EXCLUDE, "10.1.2.3"), 1);
	assert_int_equal(conf_net(m->conf, GREY_EXCLUDE, "192.0.2.1"), 1);
	assert_int_equal(conf_net(m->conf, GREY_EXCLUDE, "192.0.2.2"), 0);
	assert_int_equal(conf_net(m->conf, GREY_EXCLUDE, "rubbish"), 0);
	assert_int_equal(conf_list(m->conf, GREY_EXCLUDE, &items), 2);
	assert_string_equal(items[0].ptr, "internal");
	assert_int_equal(conf_int(m->conf, GREY_MODE), 0);
	assert_string_equal(conf_str(m->conf, GREY_MODE).ptr, "strict");
	assert_true(conf_bool(m->conf, GREY_LEARN));
	assert_string_equal(conf_str(m->conf, GREY_GREETING).ptr, "a\\b");
	assert_int_equal(conf_int(m->conf, GREY_BUDGET), 0);
	assert_int_equal(m->on_failure, WEIR_ON_FAILURE_PASS);
	assert_int_equal(m->on_failure_out, WEIR_ON_FAILURE_QUARANTINE);
	assert_int_equal(m->timeout_ms, 7000);
	assert_false(m->shadow);
	/* wrong type, out of range */
	assert_int_equal(conf_int(m->conf, GREY_LEARN), 0);
	assert_int_equal(conf_str(m->conf, GREY_DELAY).len, 0);
	assert_int_equal(conf_int(m->conf, 1000), 0);

	m = conf_module_find(conf, "rbl");
	assert_non_null(m);
	assert_int_equal(conf_list(m->conf, LISTS_DELAY, &items), 2);
	assert_string_equal(items[1].ptr, "y");
	assert_int_equal(conf_sections(m->conf, LISTS_ZONE), 2);
	zone = conf_section(m->conf, LISTS_ZONE, 0, &title);
	assert_string_equal(title.ptr, "a.example");
	assert_true(conf_real(zone, ZONE_SCORE) > 4.4);
	assert_int_equal(conf_list(zone, ZONE_CODES, &items), 0);
	assert_true(text_has_prefix(conf_str(zone, ZONE_FILE), "/"));
	zone = conf_section(m->conf, LISTS_ZONE, 1, &title);
	assert_int_equal(conf_list(zone, ZONE_CODES, &items), 1);
	assert_true(conf_real(zone, ZONE_SCORE) < -0.9);
	assert_null(conf_section(m->conf, LISTS_ZONE, 2, &title));
	assert_int_equal(m->timeout_ms, 2000);
	assert_true(m->shadow);
	assert_int_equal(m->on_failure_out, WEIR_ON_FAILURE_QUARANTINE);

	m = conf_module_find(conf, "action");
	assert_non_null(m);
	assert_true(conf_real(m->conf, 0) > 19.9);
	assert_null(conf_module_find(conf, "nope"));
	assert_true(conf_score(conf, "RBL_LISTED", 9) < 2.6);
	assert_true(conf_score(conf, "GREY_DEFERRED", 9) < 0.6);
	assert_true(conf_score(conf, "NOPE", 9) > 8.9);
}

/* test_full - a file with everything */
static void
test_full(void **state)
{
	struct conf *conf = load_good(full);
	char cwd[512], *path;

	(void)state;
	full_check(conf);
	/* not shown, not expanded, not lost */
	assert_string_equal(conf_str(conf->modules[0].conf, GREY_PASSWORD).ptr,
	    "h\"us$h ${HOME}");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	path = xasprintf("%s/mods/g.so", cwd);
	assert_string_equal(conf->modules[0].path, path);
	free(path);
	conf_destroy(&conf);
	conf = load_good("module \"plain\" { path = \"x/y.so\" }");
	assert_string_equal(test_module_path, conf->modules[0].path);
	conf_destroy(&conf);
}

/* test_master - the form without modules asks nobody and skips their text */
static void
test_master(void **state)
{
	struct buf out = BUF_INIT;
	struct conf *conf;
	const char *text = "module \"unheard-of\" { a = {1} b \"c\" { d = 2 } }\n"
	    "action { whatever = 3 }\nscores { X = y }\nworkers = 5\n";

	(void)state;
	conf = load_text(text, strlen(text), NULL, &out);
	assert_string_equal(out.ptr, "");
	assert_int_equal(conf->n_modules, 0);
	assert_int_equal(conf->workers, 5);
	conf_destroy(&conf);
	conf = load_text(full, strlen(full), NULL, &out);
	assert_int_equal(conf->n_listeners, 2);
	conf_destroy(&conf);
	buf_fini(&out);
}

/* test_warning - it loads, but says so */
static void
test_warning(void **state)
{
	const char *text = "\ncall_timeout = 50s\n";
	struct buf out = BUF_INIT;
	struct conf *conf =
	    load_text(text, strlen(text), &test_conf_modules, &out);

	(void)state;
	assert_non_null(conf);
	assert_string_equal(out.ptr, "t.conf:2: warning: call_timeout is "
	    "longer than message_timeout\n");
	conf_destroy(&conf);
	buf_fini(&out);
}

/* test_dump - text that loads again to the same; secrets stay out */
static void
test_dump(void **state)
{
	struct conf *conf = load_good(full), *again;
	struct buf one = BUF_INIT, two = BUF_INIT, out = BUF_INIT;
	json_t *j;
	const char *s;

	(void)state;
	conf_dump(conf, false, false, &one);
	again = load_good(one.ptr);
	full_check(again);
	conf_dump(again, false, false, &two);
	/* the secret is gone, but not its line */
	assert_non_null(strstr(one.ptr, "\t# password is secret\n"));
	assert_non_null(strstr(one.ptr, "\t# budget is not set\n"));
	assert_null(strstr(one.ptr, "h\\\"us"));
	assert_string_equal(one.ptr, two.ptr);
	conf_destroy(&again);
	buf_clear(&one);
	conf_dump(conf, true, false, &one);
	assert_non_null(strstr(one.ptr, "workers = 2  # t.conf:1\n"));
	assert_non_null(strstr(one.ptr, "user = \"weir\"  # default\n"));
	assert_non_null(strstr(one.ptr, "\tdelay = \"1m30s\"  # t.conf:13\n"));
	assert_non_null(strstr(one.ptr, "listener \"in\" {  # t.conf:4\n"));
	assert_non_null(strstr(one.ptr, "module \"action\" {  # t.conf:28\n"));
	assert_non_null(strstr(one.ptr, "\ttimeout = \"7s\"  # default\n"));
	assert_non_null(strstr(one.ptr,
	    "\t# password is secret  # t.conf:15\n"));
	again = load_text(one.ptr, one.len, &test_conf_modules, &out);
	assert_string_equal(out.ptr, "");
	full_check(again);
	conf_destroy(&again);

	buf_clear(&one);
	conf_dump(conf, true, true, &one);
	assert_null(strstr(one.ptr, "us$h"));
	j = json_loads(one.ptr, 0, NULL);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(
	    json_object_get(j, "workers"), "value")), 2);
	s = json_string_value(json_object_get(json_object_get(json_object_get(
	    json_object_get(j, "module"), "greylist"), "delay"), "origin"));
	assert_string_equal(s, "t.conf:13");
	json_decref(j);
	buf_clear(&one);
	conf_dump(conf, false, true, &one);
	j = json_loads(one.ptr, 0, NULL);
	assert_non_null(j);
	s = json_string_value(json_object_get(json_object_get(j, "dns"),
	    "timeout"));
	assert_string_equal(s, "3s");
	assert_true(json_is_null(json_object_get(json_object_get(
	    json_object_get(j, "module"), "greylist"), "password")));
	json_decref(j);
	conf_destroy(&conf);
	buf_fini(&one);
	buf_fini(&two);
	buf_fini(&out);
}

/* test_include - relative paths, lines of the right file, limits */
static void
test_include(void **state)
{
	struct buf out = BUF_INIT, want = BUF_INIT;
	char *path, *sub = xasprintf("%s/sub", dir);
	struct conf *conf;

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	free(file_write("sub/a.conf", "# one\ninclude(\"b.conf\")\nuser = u\n"));
	free(file_write("sub/b.conf", "\ngroup = g\ndns { zone = 'my.zone' }"));
	path = file_write("main.conf", "workers = 2\ninclude('sub/a.conf')\n"
	    "listener l {\n include(\"sub/l.conf\") }\n");
	free(file_write("sub/l.conf", "protocol = milter\naddress = x\n"));
	conf = load_file(path, &out);
	assert_null(conf);
	buf_printf(&want, "%s/sub/l.conf:2: error: address: \"x\" is no address:"
	    " it begins with unix:, inet:, inet6: or systemd:\n", dir);
	assert_string_equal(out.ptr, want.ptr);
	buf_clear(&out);
	buf_clear(&want);
	free(file_write("sub/l.conf", "protocol = milter\naddress = unix:/x\n"));
	conf = load_file(path, &out);
	assert_string_equal(out.ptr, "");
	assert_string_equal(conf->user, "u");
	assert_string_equal(conf->group, "g");
	buf_printf(&want, "%s/my.zone", sub);
	assert_string_equal(conf->dns.zone, want.ptr);
	conf_destroy(&conf);

	/* braces must match within each file */
	free(file_write("sub/l.conf", "protocol = milter }\n"));
	assert_null(load_file(path, &out));
	buf_clear(&want);
	buf_printf(&want, "%s/sub/l.conf:1: error: } closes nothing\n", dir);
	assert_string_equal(out.ptr, want.ptr);

	/* itself, for ever */
	free(path);
	path = file_write("loop.conf", "include(\"loop.conf\")");
	buf_clear(&out);
	buf_clear(&want);
	assert_null(load_file(path, &out));
	buf_printf(&want, "%s/loop.conf:1: error: can't include loop.conf: "
	    "more than 10 includes inside each other\n", dir);
	assert_string_equal(out.ptr, want.ptr);

	/* what isn't there, what isn't a file */
	free(path);
	path = file_write("gone.conf", "\ninclude(\"no.conf\")");
	buf_clear(&out);
	buf_clear(&want);
	assert_null(load_file(path, &out));
	buf_printf(&want, "%s/gone.conf:2: error: can't include %s/no.conf: "
	    "No such file or directory\n", dir, dir);
	assert_string_equal(out.ptr, want.ptr);
	buf_clear(&out);
	assert_null(load_file("/dev/zero", &out));
	assert_string_equal(out.ptr,
	    "/dev/zero: error: not a regular file\n");
	buf_clear(&out);
	assert_null(load_file("/dev/null/weir.conf", &out));
	assert_string_equal(out.ptr, "/dev/null/weir.conf: error: Not a "
	    "directory\n");
	free(path);
	free(sub);
	buf_fini(&out);
	buf_fini(&want);
}

/* test_limits - files too many, too large, words too many */
static void
test_limits(void **state)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	char *path;

	(void)state;
	for (int i = 0; i < CONF_FILES_MAX; i++)
		buf_add_str(&text, "include(\"empty.conf\")\n");
	free(file_write("empty.conf", ""));
	path = file_write("many.conf", text.ptr);
	assert_null(load_file(path, &out));
	assert_non_null(strstr(out.ptr,
	    "many.conf:100: error: can't include empty.conf: more than 100 "
	    "files in all\n"));
	free(path);
	buf_clear(&text);
	buf_clear(&out);
	while (text.len <= CONF_FILE_MAX)
		buf_add_str(&text, "# padding\n");
	path = file_write("large.conf", text.ptr);
	assert_null(load_file(path, &out));
	assert_non_null(strstr(out.ptr, "larger than 1048576 octets"));
	free(path);
	buf_clear(&text);
	buf_clear(&out);
	buf_add_str(&text, "module \"rbl\" { delay = {");
	while (text.len < CONF_FILE_MAX - 8)
		buf_add_str(&text, "a,");
	buf_add_str(&text, "} }");
	assert_null(load_text(text.ptr, text.len, &test_conf_modules, &out));
	assert_non_null(strstr(out.ptr, "more than 500000 words in all"));
	buf_clear(&text);
	buf_clear(&out);
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "networks \"n%d\" {}\n", i);
	assert_null(load_text(text.ptr, text.len, &test_conf_modules, &out));
	assert_non_null(strstr(out.ptr, "t.conf:4001: error: more than 4000 "
	    "sections\n"));
	buf_fini(&text);
	buf_fini(&out);
}

/* test_snapshot - later edits don't reach it, not even in a child */
static void
test_snapshot(void **state)
{
	struct conf_report report = CONF_REPORT_INIT;
	char *path = file_write("snap.conf", "include(\"part.conf\")\n");
	char *part = file_write("part.conf", "workers = 4\n");
	struct conf_snapshot *snap = conf_snapshot_take(path, &report);
	struct buf out = BUF_INIT;
	struct conf *conf;
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(snap);
	free(file_write("part.conf", "workers = 5\nnonsense = 1\n"));
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 2; i++) {
		conf = load(snap, &test_conf_modules, &report, &out);
		assert_string_equal(out.ptr, "");
		assert_int_equal(conf->workers, 4);
		conf_destroy(&conf);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (conf_load(snap, &test_conf_modules, &conf, &report) != 0 ||
		    conf->workers != 4)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	conf_snapshot_release(&snap);
	assert_null(snap);
	conf_report_fini(&report);
	buf_fini(&out);
	free(path);
	free(part);
}

/* test_lexis - spellings that mean the same */
static void
test_lexis(void **state)
{
	static const char *const same[] = {
		"user = abc", "user = \"abc\"", "user='abc'", "user=abc#x",
		"user = abc // x", "/* x */user /**/=/***/abc\n",
		"\xef\xbb\xbfuser = abc\r\n", "user\n=\nabc",
		"\"user\" = \"a\\\nbc\"",
	};
	struct conf *conf;

	(void)state;
	for (size_t i = 0; i < N(same); i++) {
		conf = load_good(same[i]);
		assert_string_equal(conf->user, "abc");
		conf_destroy(&conf);
	}
	conf = load_good("user = \"a\\n\\t\\\\\\\"\\'//#{}=\" "
			 "group = 'a\\n\\'\\\\\"' state_dir = /a//b");
	assert_string_equal(conf->user, "a\n\t\\\"'//#{}=");
	assert_string_equal(conf->group, "a\\n'\\\"");
	assert_string_equal(conf->state_dir, "/a//b");
	conf_destroy(&conf);
}

/* setup - a folder of the test's own */
static int
setup(void **state)
{
	(void)state;
	text_temporary(dir, sizeof(dir), "weir-conf");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

/* teardown - and away with it */
static int
teardown(void **state)
{
	static const char *const names[] = { "sub/a.conf", "sub/b.conf",
		"sub/l.conf", "sub", "main.conf", "loop.conf", "gone.conf",
		"empty.conf", "many.conf", "large.conf", "part.conf" };

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);

		remove(path);
		free(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_lexis),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
