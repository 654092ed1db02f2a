/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/test_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "conf/test_modules.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

char folder[128];

/* load_snapshot - load a snapshot; the report as text in out */
struct conf *
load_snapshot(struct conf_snapshot *snap, const struct conf_modules *mods,
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
struct conf *
load_text(const char *text, size_t len, const struct conf_modules *mods,
    struct buf *out)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap =
	    conf_snapshot_of("t.conf", text, len, &report);
	struct conf *conf = load_snapshot(snap, mods, &report, out);

	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

/* load_good - load a text that must be without any fault */
struct conf *
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
char *
file_write(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	assert_int_equal(fclose(fp), 0);
	return path;
}

/* load_file - snapshot and load a file; the report as text in out */
struct conf *
load_file(const char *path, struct buf *out)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap = conf_snapshot_take(path, &report);
	struct conf *conf = load_snapshot(snap, &test_conf_modules, &report, out);

	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

/* folder_setup - a folder of the test's own */
int
folder_setup(void **state)
{
	(void)state;
	text_temporary(folder, sizeof(folder), "weir-conf");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

/* folder_teardown - and away with it */
int
folder_teardown(void **state)
{
	static const char *const names[] = { "sub/a.conf", "sub/b.conf",
		"sub/l.conf", "sub", "main.conf", "loop.conf", "gone.conf",
		"empty.conf", "many.conf", "large.conf", "part.conf" };

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		char *path = xasprintf("%s/%s", folder, names[i]);

		remove(path);
		free(path);
	}
	return rmdir(folder);
}

const char full_text[] =
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

/* full_check - everything that full_text says */
void
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
