/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta_test - settings for MTAs of several ages. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"
#include "ctl/format.h"
#include "ctl/mta.h"

static const char text[] =
    "call_timeout = \"10s\"\nmessage_timeout = \"200s\"\n"
    "listener \"inbound\" { protocol = \"milter\" "
    "address = \"unix:/var/spool/postfix/weir/in.sock\" "
    "direction = \"in\" }\n"
    "listener \"outbound\" { protocol = \"milter\" "
    "address = \"inet6:[::1]:10023\" direction = \"out\" }\n"
    "listener \"far\" { protocol = \"milter\" "
    "address = \"unix:/run/weir/far.sock\" group = \"postfix\" }\n"
    "listener \"policy\" { protocol = \"policy\" "
    "address = \"inet:0.0.0.0:10022\" }\n";

static struct conf_snapshot *snap;
static struct conf *conf;

/* mta_setup - the configuration above */
static int
mta_setup(void **state)
{
	struct conf_report report = CONF_REPORT_INIT;

	(void)state;
	snap = conf_snapshot_of("t", text, strlen(text), &report);
	assert_non_null(snap);
	assert_int_equal(conf_load(snap, NULL, &conf, &report), WEIR_OK);
	conf_report_fini(&report);
	return 0;
}

/* mta_teardown - and away */
static int
mta_teardown(void **state)
{
	(void)state;
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return 0;
}

/* mta_env_of - a Postfix of that version */
static struct mta_env
mta_env_of(const char *version, int chroot)
{
	struct mta_env env = { .chroot = chroot,
		.queue_directory = "/var/spool/postfix" };

	assert_true(mta_version_parse(version, &env));
	return env;
}

/* mta_test_versions - as MTAs write them */
static void
mta_test_versions(void **state)
{
	static const struct {
		const char *text;
		int major, minor; /* -1: no version */
	} cases[] = {
		{ "2.11.3", 2, 11 }, { "3.7.11", 3, 7 }, { "3.11", 3, 11 },
		{ "3.11-20260101", 3, 11 }, { "3.11.0-RC1", 3, 11 },
		{ "8.17.1.9", 8, 17 }, { "", -1, 0 }, { "3", -1, 0 },
		{ "3.", -1, 0 }, { "v3.1", -1, 0 }, { "3.1 x", -1, 0 },
		{ "99999999999.1", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mta_env env = { .major = 0 };

		assert_int_equal(mta_version_parse(cases[i].text, &env),
		    cases[i].major >= 0);
		if (cases[i].major < 0)
			continue;
		assert_int_equal(env.major, cases[i].major);
		assert_int_equal(env.minor, cases[i].minor);
	}
}

/* mta_test_postfix - the same listeners for each age */
static void
mta_test_postfix(void **state)
{
#define IN "unix:weir/in.sock"
#define OPTS(action) ", default_action=" action ", connect_timeout=30s, " \
	"command_timeout=40s, content_timeout=400s }"
#define POLICY "permit_mynetworks, permit_sasl_authenticated, " \
	"reject_unauth_destination, check_policy_service "
	static const struct {
		const char *version, *milters, *submission, *action, *macros,
		    *policy, *tries;
	} cases[] = {
		{ "2.11.3", IN ", unix:/run/weir/far.sock",
		    "inet:[::1]:10023", "tempfail",
		    "j {daemon_name} v _ {client_ptr}",
		    POLICY "inet:127.0.0.1:10022", NULL },
		{ "3.4.23", "{ " IN OPTS("tempfail")
		    ", { unix:/run/weir/far.sock" OPTS("tempfail"),
		    "{ inet:[::1]:10023" OPTS("tempfail"), "tempfail",
		    "j {daemon_name} {daemon_addr} v _ {client_ptr}",
		    POLICY "{ inet:127.0.0.1:10022, timeout=250s, "
		    "default_action=DEFER_IF_PERMIT }", "2" },
		{ "3.8.6", "{ " IN OPTS("tempfail")
		    ", { unix:/run/weir/far.sock" OPTS("tempfail"),
		    "{ inet:[::1]:10023" OPTS("tempfail"), "tempfail",
		    "j {daemon_name} {daemon_addr} v _ {client_ptr}",
		    POLICY "{ inet:127.0.0.1:10022, timeout=250s, "
		    "default_action=DEFER_IF_PERMIT }", "2" },
		{ "3.11.0", "{ " IN OPTS("shutdown")
		    ", { unix:/run/weir/far.sock" OPTS("shutdown"),
		    "{ inet:[::1]:10023" OPTS("shutdown"), "shutdown",
		    "j {daemon_name} {daemon_addr} v _ {client_ptr}",
		    POLICY "{ inet:127.0.0.1:10022, timeout=250s, "
		    "default_action=DEFER_IF_PERMIT }", "2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mta_env env = mta_env_of(cases[i].version, 0);
		const struct {
			const char *name, *value;
		} want[] = {
			{ "smtpd_milters", cases[i].milters },
			{ "submission_milters", cases[i].submission },
			{ "milter_default_action", cases[i].action },
			{ "milter_connect_timeout", "30s" },
			{ "milter_command_timeout", "40s" },
			{ "milter_content_timeout", "400s" },
			{ "milter_protocol", "6" },
			{ "milter_connect_macros", cases[i].macros },
			{ "smtpd_recipient_restrictions", cases[i].policy },
			{ "smtpd_policy_service_timeout", "250s" },
			{ "smtpd_policy_service_try_limit", cases[i].tries },
		};
		struct mta_plan plan;

		mta_postfix(conf, &env, &plan);
		assert_int_equal(plan.problems, 0);
		for (size_t k = 0; k < sizeof(want) / sizeof(*want); k++) {
			const char *value = NULL;

			for (size_t n = 0; n < plan.lines.n; n++) {
				const struct mta_line *l = &plan.lines.v[n];

				if (l->name != NULL &&
				    strcmp(l->name, want[k].name) == 0)
					value = l->value;
			}
			if (want[k].value == NULL)
				assert_null(value);
			else if (value == NULL)
				fail_msg("%s: no %s", cases[i].version,
				    want[k].name);
			else
				assert_string_equal(value, want[k].value);
		}
		mta_plan_fini(&plan);
	}
}

/* mta_test_chroot - a socket that smtpd can't see is a problem */
static void
mta_test_chroot(void **state)
{
	struct mta_env env = mta_env_of("3.7.11", 1);
	struct mta_plan plan;
	struct buf out = BUF_INIT;
	json_t *j;

	(void)state;
	mta_postfix(conf, &env, &plan);
	assert_int_equal(plan.problems, 1);
	mta_plan_text(&plan, &env, &out);
	assert_non_null(strstr(out.ptr, "# PROBLEM: this Postfix's smtpd"));
	assert_non_null(strstr(out.ptr, "\nsmtpd_milters = { " IN));
	/* whatever is no setting is a comment */
	for (const char *line = out.ptr; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		assert_true(n == 0 || line[0] == '#' ||
		    strncmp(line, "smtpd_", 6) == 0 ||
		    strncmp(line, "milter_", 7) == 0 ||
		    strncmp(line, "submission_", 11) == 0);
		line += n + 1;
	}
	j = mta_plan_json(&plan, &env);
	assert_int_equal(format_int(j, "problems"), 1);
	assert_true(json_array_size(json_object_get(j, "settings")) > 8);
	assert_true(json_array_size(json_object_get(j, "notes")) > 0);
	json_decref(j);
	buf_fini(&out);
	mta_plan_fini(&plan);
}

/* mta_test_sendmail - m4 lines */
static void
mta_test_sendmail(void **state)
{
	struct mta_env env = { .chroot = -1 };
	struct mta_plan plan;
	struct buf out = BUF_INIT;

	(void)state;
	mta_sendmail(conf, &env, &plan);
	mta_plan_text(&plan, &env, &out);
	assert_int_equal(plan.problems, 0);
	assert_non_null(strstr(out.ptr, "\nINPUT_MAIL_FILTER(`weir-inbound', "
	    "`S=unix:/var/spool/postfix/weir/in.sock, F=T, "
	    "T=C:30s;S:30s;R:40s;E:400s')dnl\n"));
	assert_non_null(strstr(out.ptr, "`S=inet6:10023@::1, F=T, "));
	assert_non_null(strstr(out.ptr,
	    "\ndefine(`confMILTER_MACROS_CONNECT', `j, _, {daemon_name}, "
	    "{if_name}, {if_addr}, {client_ptr}, {client_resolve}')dnl\n"));
	assert_non_null(strstr(out.ptr, "policy protocol"));
	buf_fini(&out);
	mta_plan_fini(&plan);
}

/* mta_test_run - output and status of a program, no shell in between */
static void
mta_test_run(void **state)
{
	const char *const echo[] = { "/bin/echo", "a;b", "$HOME", NULL };
	const char *const bad[] = { "/bin/false", NULL };
	const char *const none[] = { "/dev/null/program", NULL };
	struct buf out = BUF_INIT;
	struct err err;

	(void)state;
	assert_int_equal(mta_run(echo, &out, &err), WEIR_OK);
	assert_string_equal(out.ptr, "a;b $HOME\n");
	assert_int_equal(mta_run(bad, &out, &err), WEIR_E_TEMP);
	assert_int_equal(mta_run(none, &out, &err), WEIR_E_TEMP);
	assert_null(mta_program("no-such-program-at-all"));
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mta_test_versions),
		cmocka_unit_test(mta_test_postfix),
		cmocka_unit_test(mta_test_chroot),
		cmocka_unit_test(mta_test_sendmail),
		cmocka_unit_test(mta_test_run),
	};

	return cmocka_run_group_tests(tests, mta_setup, mta_teardown);
}
