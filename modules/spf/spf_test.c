/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spf_test - the module on a host of its own: what follows from results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fakehost.h"
#include "spf.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define GOOD "192.0.2.1"
#define BAD "203.0.113.7"

const struct weir_module *mod_spf_LTX_weir_entry(void);

/* start - the module with these options and a zone */
static struct fakehost *
start(const char *conf)
{
	struct fakehost *f = fakehost_create(mod_spf_LTX_weir_entry(), conf);

	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_networks(f, "internal", "10.0.0.0/8");
	fakehost_dns(f, "fail.example", WEIR_DNS_TXT, WEIR_OK,
	    "v=spf1 ip4:192.0.2.0/24 -all exp=why.example");
	fakehost_dns(f, "why.example", WEIR_DNS_TXT, WEIR_OK,
	    "%{i} is not ours, %{l}");
	fakehost_dns(f, "soft.example", WEIR_DNS_TXT, WEIR_OK, "v=spf1 ~all");
	fakehost_dns(f, "neutral.example", WEIR_DNS_TXT, WEIR_OK,
	    "v=spf1 ?all");
	fakehost_dns(f, "bad.example", WEIR_DNS_TXT, WEIR_OK, "v=spf1 x");
	fakehost_dns(f, "slow.example", WEIR_DNS_TXT, WEIR_E_TIMEOUT, NULL);
	fakehost_dns(f, "helo.example", WEIR_DNS_TXT, WEIR_OK,
	    "v=spf1 ip4:192.0.2.0/24 -all");
	return f;
}

/* mail - a client's message up to MAIL */
static void
mail(struct fakehost *f, const char *addr, const char *from)
{
	fakehost_session(f, addr, NULL);
	fakehost_attr(f, WEIR_A_HELO, "helo.example");
	fakehost_attr(f, WEIR_A_SERVER_NAME, "mx.example.org");
	fakehost_message(f, from);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* rcpt - one recipient; its verdict or NULL */
static const struct fakehost_verdict *
rcpt(struct fakehost *f, const char *to)
{
	uint32_t i = fakehost_rcpt(f, to);

	assert_int_equal(fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_RCPT,
	    i), WEIR_OK);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT,
	    i), WEIR_OK);
	return fakehost_verdict(f, i);
}

/* fact - of the message */
static const char *
fact(struct fakehost *f, const char *key)
{
	return fakehost_fact_of(f, WEIR_RCPT_NONE, key);
}

static void
fail_is_refused_with_its_explanation(void **state)
{
	struct fakehost *f = start("");
	const struct fakehost_verdict *v;

	(void)state;
	mail(f, BAD, "joe@fail.example");
	v = rcpt(f, "me@ours.example");
	assert_non_null(v);
	assert_int_equal(v->action, WEIR_ACT_REJECT);
	assert_int_equal(v->scope, WEIR_SCOPE_RCPT);
	assert_int_equal(v->smtp_code, 550);
	assert_string_equal(v->enhanced, "5.7.23");
	assert_string_equal(v->text, "SPF MAIL FROM check failed: " BAD
	    " is not permitted to send mail for fail.example\n"
	    "The domain fail.example explains: " BAD " is not ours, joe");
	assert_string_equal(fact(f, "spf.result"), "fail");
	assert_string_equal(fact(f, "spf.domain"), "fail.example");
	assert_string_equal(fact(f, "spf.identity"), "mailfrom");
	assert_string_equal(fact(f, "spf.mechanism"), "-all");
	assert_string_equal(fact(f, "spf.explanation"), BAD
	    " is not ours, joe");
	assert_string_equal(fact(f, "spf.record"),
	    "v=spf1 ip4:192.0.2.0/24 -all exp=why.example");
	assert_string_equal(fact(f, "spf.lookups"), "TXT fail.example: "
	    "v=spf1 ip4:192.0.2.0/24 -all exp=why.example; "
	    "TXT why.example: %{i} is not ours, %{l}");
	assert_string_equal(fakehost_finding_of(f, "SPF_FAIL")->reason,
	    "MAIL FROM fail.example: -all for " BAD);
	/* the second recipient asks nothing about the sender */
	assert_non_null(rcpt(f, "you@ours.example"));
	assert_int_equal(fakehost_dns_asked(f, "fail.example"), 1);
	assert_int_equal(fakehost_metric(f, "checks", "result=\"fail\""), 1);
	fakehost_destroy(&f);
}

static void
results_and_their_actions(void **state)
{
	static const struct {
		const char *conf, *addr, *from, *result, *symbol;
		uint32_t code;
		const char *enhanced;
	} cases[] = {
		{ "", GOOD, "a@fail.example", "pass", "SPF_PASS", 0, NULL },
		{ "fail = none", BAD, "a@fail.example", "fail", NULL, 0, NULL },
		{ "fail = finding", BAD, "a@fail.example", "fail", "SPF_FAIL",
		    0, NULL },
		{ "fail = tempfail", BAD, "a@fail.example", "fail",
		    "SPF_FAIL", 451, "4.7.23" },
		{ "", BAD, "a@soft.example", "softfail", "SPF_SOFTFAIL", 0,
		    NULL },
		{ "softfail = reject", BAD, "a@soft.example", "softfail",
		    "SPF_SOFTFAIL", 550, "5.7.23" },
		{ "", BAD, "a@neutral.example", "neutral", "SPF_NEUTRAL", 0,
		    NULL },
		{ "neutral = reject", BAD, "a@neutral.example", "neutral",
		    "SPF_NEUTRAL", 550, "5.7.23" },
		{ "", BAD, "a@no.example", "none", NULL, 0, NULL },
		{ "none = reject", BAD, "a@no.example", "none", "SPF_NONE",
		    550, "5.7.23" },
		{ "", BAD, "a@bad.example", "permerror", "SPF_PERMERROR", 0,
		    NULL },
		{ "permerror = reject", BAD, "a@bad.example", "permerror",
		    "SPF_PERMERROR", 550, "5.7.24" },
		{ "", BAD, "a@slow.example", "temperror", "SPF_TEMPERROR", 0,
		    NULL },
		{ "temperror = tempfail", BAD, "a@slow.example", "temperror",
		    "SPF_TEMPERROR", 451, "4.7.24" },
		{ "", BAD, "", "fail", "SPF_FAIL", 550, "5.7.23" },
		{ "", GOOD, "", "pass", "SPF_PASS", 0, NULL }
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct fakehost *f = start(cases[i].conf);
		const struct fakehost_verdict *v;

		mail(f, cases[i].addr, cases[i].from);
		assert_string_equal(fact(f, "spf.result"), cases[i].result);
		assert_int_equal(fakehost_finding_count(f),
		    cases[i].symbol != NULL);
		if (cases[i].symbol != NULL)
			assert_non_null(fakehost_finding_of(f,
			    cases[i].symbol));
		v = rcpt(f, "me@ours.example");
		assert_int_equal(v != NULL, cases[i].code != 0);
		if (v != NULL) {
			assert_int_equal(v->smtp_code, cases[i].code);
			assert_string_equal(v->enhanced, cases[i].enhanced);
		}
		assert_null(fakehost_failed(f));
		fakehost_destroy(&f);
	}
}

static void
null_sender_is_its_helo(void **state)
{
	struct fakehost *f = start("");
	const struct fakehost_verdict *v;

	(void)state;
	mail(f, BAD, "");
	assert_string_equal(fact(f, "spf.identity"), "helo");
	assert_string_equal(fact(f, "spf.domain"), "helo.example");
	v = rcpt(f, "me@ours.example");
	assert_string_equal(v->text, "SPF HELO check failed: " BAD
	    " is not permitted to send mail for helo.example");
	fakehost_destroy(&f);
}

static void
helo_may_count_by_itself(void **state)
{
	struct fakehost *f = start("check_helo = yes\nhelo_fail = reject");
	const struct fakehost_verdict *v;

	(void)state;
	mail(f, BAD, "a@neutral.example");
	assert_string_equal(fact(f, "spf.result"), "neutral");
	assert_string_equal(fact(f, "spf.helo"), "fail");
	assert_non_null(fakehost_finding_of(f, "SPF_HELO_FAIL"));
	v = rcpt(f, "me@ours.example");
	assert_int_equal(v->smtp_code, 550);
	assert_string_equal(v->text, "SPF HELO check failed: " BAD
	    " is not permitted to send mail for helo.example");
	mail(f, GOOD, "a@neutral.example");
	assert_string_equal(fact(f, "spf.helo"), "pass");
	assert_null(rcpt(f, "me@ours.example"));
	fakehost_destroy(&f);
}

static void
own_people_and_exceptions_are_not_checked(void **state)
{
	static const struct {
		const char *conf, *addr, *name, *user, *direction, *skipped;
	} cases[] = {
		{ "", "10.1.2.3", NULL, NULL, NULL, "internal" },
		{ "", BAD, NULL, "joe", NULL, "authenticated" },
		{ "", BAD, NULL, NULL, "out", "outbound" },
		{ "", "", NULL, NULL, NULL, "no-address" },
		{ "exclude_clients = 203.0.113.0/24", BAD, NULL, NULL, NULL,
		    "excluded" },
		{ "exclude_names = Friend.example", BAD, "mx.friend.example",
		    NULL, NULL, "excluded" },
		{ "exclude_senders = @x.example, fail.example", BAD, NULL,
		    NULL, NULL, "excluded" },
		{ "exclude_senders = a@", BAD, NULL, NULL, NULL, "excluded" },
		{ "exclude_senders = b@fail.example, ail.example", BAD,
		    "mx.friend.example", NULL, NULL, NULL }
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct fakehost *f = start(cases[i].conf);

		fakehost_session(f, cases[i].addr, cases[i].name);
		fakehost_attr(f, WEIR_A_HELO, "helo.example");
		if (cases[i].user != NULL)
			fakehost_attr(f, WEIR_A_AUTH_USER, cases[i].user);
		if (cases[i].direction != NULL)
			fakehost_attr(f, WEIR_A_DIRECTION, cases[i].direction);
		if (*cases[i].addr == '\0')
			fakehost_attr(f, WEIR_A_CLIENT_ADDR, NULL);
		fakehost_message(f, "a@fail.example");
		fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL,
		    WEIR_RCPT_NONE);
		if (cases[i].skipped == NULL) {
			assert_null(fact(f, "spf.skipped"));
			assert_non_null(rcpt(f, "me@ours.example"));
		} else {
			assert_string_equal(fact(f, "spf.skipped"),
			    cases[i].skipped);
			assert_null(fact(f, "spf.result"));
			assert_null(rcpt(f, "me@ours.example"));
			assert_int_equal(fakehost_dns_asked(f, NULL), 0);
		}
		fakehost_destroy(&f);
	}
}

static void
off_is_off(void **state)
{
	struct fakehost *f = start("enabled = no");

	(void)state;
	fakehost_session(f, BAD, NULL);
	fakehost_message(f, "a@fail.example");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	assert_null(rcpt(f, "me@ours.example"));
	assert_int_equal(fakehost_dns_asked(f, NULL), 0);
	fakehost_destroy(&f);
}

static void
recipients_may_be_excluded(void **state)
{
	struct fakehost *f = start("exclude_recipients = postmaster@");

	(void)state;
	mail(f, BAD, "a@fail.example");
	assert_null(rcpt(f, "postmaster@ours.example"));
	assert_string_equal(fakehost_fact_of(f, 0, "spf.override"),
	    "excluded recipient postmaster@ours.example");
	assert_int_equal(fakehost_finding_of(f, "SPF_OVERRIDE")->rcpt, 0);
	assert_non_null(rcpt(f, "me@ours.example"));
	fakehost_destroy(&f);
}

static void
trusted_forwarders_override(void **state)
{
	struct fakehost *f = start("forwarder old {\n"
	    "clients = 203.0.113.0/24\n}\n");

	(void)state;
	mail(f, BAD, "a@fail.example");
	assert_string_equal(fact(f, "spf.result"), "fail");
	assert_string_equal(fact(f, "spf.override"), "trusted forwarder old");
	assert_null(fakehost_finding_of(f, "SPF_FAIL"));
	assert_string_equal(fakehost_finding_of(f, "SPF_OVERRIDE")->reason,
	    "fail does not count: trusted forwarder old; "
	    "MAIL FROM fail.example: -all for " BAD);
	assert_null(rcpt(f, "me@ours.example"));
	/* what is no harm needs no trust */
	mail(f, GOOD, "a@fail.example");
	assert_null(fact(f, "spf.override"));
	assert_non_null(fakehost_finding_of(f, "SPF_PASS"));
	fakehost_destroy(&f);
	f = start("forwarder lists {\nclients = 203.0.113.0/24\n"
	    "senders = other.example\n}\n");
	mail(f, BAD, "a@fail.example");
	assert_null(fact(f, "spf.override"));
	assert_non_null(rcpt(f, "me@ours.example"));
	fakehost_destroy(&f);
}

static void
forwarders_may_count_for_some_recipients(void **state)
{
	struct fakehost *f = start("forwarder uni {\nnames = uni.example\n"
	    "recipients = alum@ours.example\n}\n");

	(void)state;
	fakehost_session(f, BAD, "out.uni.example");
	fakehost_attr(f, WEIR_A_HELO, "helo.example");
	fakehost_message(f, "a@fail.example");
	fakehost_call(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	assert_int_equal(fakehost_finding_count(f), 0);
	assert_null(rcpt(f, "alum@ours.example"));
	assert_string_equal(fakehost_fact_of(f, 0, "spf.override"),
	    "trusted forwarder uni");
	assert_int_equal(fakehost_finding_of(f, "SPF_OVERRIDE")->rcpt, 0);
	assert_non_null(rcpt(f, "me@ours.example"));
	assert_int_equal(fakehost_finding_of(f, "SPF_FAIL")->rcpt, 1);
	fakehost_destroy(&f);
}

static void
backup_mx_is_not_refused(void **state)
{
	struct fakehost *f = start("");
	const struct fakehost_verdict *v;

	(void)state;
	fakehost_dns(f, "ours.example", WEIR_DNS_MX, WEIR_OK,
	    "10:mx.ours.example 20:backup.example");
	fakehost_dns(f, "mx.ours.example", WEIR_DNS_A, WEIR_OK,
	    "198.51.100.1");
	fakehost_dns(f, "backup.example", WEIR_DNS_A, WEIR_OK,
	    "198.51.100.2 " BAD);
	fakehost_dns(f, "other.example", WEIR_DNS_A, WEIR_OK, BAD);
	fakehost_dns(f, "dead.example", WEIR_DNS_MX, WEIR_E_TIMEOUT, NULL);
	mail(f, BAD, "a@fail.example");
	assert_null(rcpt(f, "me@ours.example"));
	assert_string_equal(fakehost_fact_of(f, 0, "spf.override"),
	    "backup MX of ours.example");
	/* no MX: the address of the domain */
	assert_null(rcpt(f, "me@other.example"));
	/* nobody knows: not for ever */
	v = rcpt(f, "me@dead.example");
	assert_int_equal(v->action, WEIR_ACT_TEMPFAIL);
	assert_int_equal(v->smtp_code, 451);
	v = rcpt(f, "me@none.example");
	assert_int_equal(v->action, WEIR_ACT_REJECT);
	assert_int_equal(rcpt(f, "me")->action, WEIR_ACT_REJECT);
	fakehost_destroy(&f);
	f = start("exempt_mx = no");
	mail(f, BAD, "a@fail.example");
	assert_int_equal(rcpt(f, "me@ours.example")->action, WEIR_ACT_REJECT);
	assert_int_equal(fakehost_dns_asked(f, "ours.example"), 0);
	fakehost_destroy(&f);
}

static void
header_is_added_once(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	mail(f, GOOD, "\"a(\\\x01\"@fail.example");
	rcpt(f, "me@ours.example");
	rcpt(f, "you@ours.example");
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_edit_count(f), 1);
	assert_string_equal(fakehost_edit_at(f, 0),
	    "insert 0 Received-SPF: pass (mx.example.org: domain of "
	    "fail.example designates " GOOD " as permitted sender)"
	    "\n\tclient-ip=" GOOD ";"
	    "\n\tenvelope-from=\"\\\"a(\\\\?\\\"@fail.example\";"
	    "\n\thelo=helo.example;\n\treceiver=mx.example.org;"
	    "\n\tidentity=mailfrom;\n\tmechanism=\"ip4:192.0.2.0/24\"");
	fakehost_destroy(&f);
	/* under policy delegation it must come earlier */
	f = start("");
	mail(f, GOOD, "a@fail.example");
	fakehost_attr(f, WEIR_A_FRONTEND, "policy");
	for (uint32_t i = 0; i < 2; i++) {
		rcpt(f, "me@ours.example");
		fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_RCPT, i);
		assert_int_equal(fakehost_edit_count(f), 1);
	}
	fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(fakehost_edit_count(f), 1);
	fakehost_destroy(&f);
	f = start("received_spf = no");
	mail(f, GOOD, "a@fail.example");
	fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(fakehost_edit_count(f), 0);
	fakehost_destroy(&f);
	f = start("");
	fakehost_edit_status(f, WEIR_E_UNSUPPORTED);
	mail(f, GOOD, "a@fail.example");
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "Received-SPF"),
	    1);
	fakehost_destroy(&f);
}

static void
international_domains_are_asked_in_ascii(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	fakehost_dns(f, "xn--bcher-kva.example", WEIR_DNS_TXT, WEIR_OK,
	    "v=spf1 all");
	mail(f, BAD, "j\xc3\xb6@B\xc3\xbc" "cher.example");
	assert_string_equal(fact(f, "spf.result"), "pass");
	assert_string_equal(fact(f, "spf.domain"), "xn--bcher-kva.example");
	mail(f, BAD, "a@\xff\xfe.example");
	assert_string_equal(fact(f, "spf.result"), "none");
	assert_null(fact(f, "spf.domain"));
	fakehost_destroy(&f);
}

static void
time_is_limited(void **state)
{
	struct fakehost *f = start("time_limit = 2s");

	(void)state;
	mail(f, BAD, "a@fail.example");
	assert_int_equal(fakehost_dns_timeout(f, "fail.example"), 2000);
	fakehost_destroy(&f);
}

static void
cancelled_calls_leave_nothing(void **state)
{
	struct fakehost *f = start("check_helo = yes");

	(void)state;
	fakehost_session(f, BAD, NULL);
	fakehost_attr(f, WEIR_A_HELO, "helo.example");
	fakehost_message(f, "a@fail.example");
	fakehost_open(f, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	fakehost_cancel(f);
	assert_int_equal(fakehost_metric(f, "checks", "result=\"fail\""), 0);
	fakehost_destroy(&f);
}

static void
check_is_a_command(void **state)
{
	struct fakehost *f = start("");

	(void)state;
	assert_int_equal(fakehost_command(f, "check " BAD
	    " joe@fail.example h.example", false), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "result       fail\n"));
	assert_non_null(strstr(fakehost_output(f), "explanation  " BAD
	    " is not ours, joe\n"));
	assert_int_equal(fakehost_command(f, "check ::ffff:" GOOD
	    " joe@fail.example h.example", true), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "\"result\":\"pass\""));
	assert_non_null(strstr(fakehost_output(f),
	    "{\"name\":\"fail.example\",\"type\":\"TXT\",\"status\":\"ok\","
	    "\"count\":1,\"answers\":[\"v=spf1 ip4:192.0.2.0/24 -all "
	    "exp=why.example\"]}"));
	assert_int_equal(fakehost_command(f, "check " BAD
	    " '' helo.example", true), WEIR_OK);
	assert_non_null(strstr(fakehost_output(f), "\"identity\":\"helo\""));
	assert_int_equal(fakehost_command(f, "check 1.2.3 a@b c", false),
	    WEIR_E_INVAL);
	assert_int_equal(fakehost_command(f, "check " BAD, false),
	    WEIR_E_INVAL);
	fakehost_destroy(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_is_refused_with_its_explanation),
		cmocka_unit_test(results_and_their_actions),
		cmocka_unit_test(null_sender_is_its_helo),
		cmocka_unit_test(helo_may_count_by_itself),
		cmocka_unit_test(own_people_and_exceptions_are_not_checked),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(recipients_may_be_excluded),
		cmocka_unit_test(trusted_forwarders_override),
		cmocka_unit_test(forwarders_may_count_for_some_recipients),
		cmocka_unit_test(backup_mx_is_not_refused),
		cmocka_unit_test(header_is_added_once),
		cmocka_unit_test(international_domains_are_asked_in_ascii),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(cancelled_calls_leave_nothing),
		cmocka_unit_test(check_is_a_command)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
