/* SPDX-License-Identifier: GPL-2.0-or-later */
/* action_test - limits, replies, marks, and everything forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action.h"
#include "authres.h"
#include "field.h"
#include "lib/fakehost.h"

const struct weir_module *mod_action_LTX_weir_entry(void);

/* start - the module and a message with one recipient and this score */
static struct fakehost *
start(const char *conf, double score)
{
	struct fakehost *f = fakehost_create(mod_action_LTX_weir_entry(),
	    conf);

	assert_int_equal(fakehost_status(f), WEIR_OK);
	fakehost_session(f, "203.0.113.7", NULL);
	fakehost_message(f, "a@example.com");
	fakehost_rcpt(f, "u@example.org");
	if (score != 0)
		fakehost_score(f, "RBL_CLIENT", WEIR_RCPT_NONE, score,
		    "listed");
	return f;
}

/* finish - decide and act at eom */
static void
finish(struct fakehost *f)
{
	assert_int_equal(fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* count - how many edits begin so */
static uint32_t
count(const struct fakehost *f, const char *begin)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < fakehost_edit_count(f); i++)
		n += strncmp(fakehost_edit_at(f, i), begin, strlen(begin)) ==
		    0;
	return n;
}

static void
limits_choose_the_verdict(void **state)
{
	static const char all[] = "reject = 20\ntempfail = 16\ndiscard = 12\n"
	    "quarantine = 8\nadd_header = 4";
	static const struct {
		const char *conf;
		double score;
		int action;
		const char *result;
	} cases[] = {
		{ "", 0, -1, "none" },
		{ "", -50, -1, "none" },
		{ "", 4.99, -1, "none" },
		{ "", 5, -1, "mark" },
		{ "", 9.99, -1, "mark" },
		{ "", 10, -1, "mark" },
		{ "", 14.99, -1, "mark" },
		{ "quarantine = 10", 9.99, -1, "mark" },
		{ "quarantine = 10", 14.99, WEIR_ACT_QUARANTINE,
		    "quarantine" },
		{ "", 15, WEIR_ACT_REJECT, "reject" },
		{ "", 1e9, WEIR_ACT_REJECT, "reject" },
		{ all, 4, -1, "mark" },
		{ all, 8, WEIR_ACT_QUARANTINE, "quarantine" },
		{ all, 12, WEIR_ACT_DISCARD, "discard" },
		{ all, 16, WEIR_ACT_TEMPFAIL, "tempfail" },
		{ all, 20, WEIR_ACT_REJECT, "reject" },
		{ "reject = 0\nquarantine = 0", 100, -1, "mark" },
		{ "reject = 0\nquarantine = 0\nadd_header = 0", 100, -1,
		    "none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start(cases[i].conf, cases[i].score);
		const struct fakehost_verdict *v;
		char labels[64];

		finish(f);
		v = fakehost_verdict(f, 0);
		assert_int_equal(v != NULL ? (int)v->action : -1,
		    cases[i].action);
		assert_string_equal(fakehost_fact_of(f, 0, "action.result"),
		    cases[i].result);
		snprintf(labels, sizeof(labels), "result=\"%s\"",
		    cases[i].result);
		assert_int_equal(fakehost_metric(f, "recipients", labels), 1);
		fakehost_destroy(&f);
	}
}

static void
each_recipient_has_its_own_score(void **state)
{
	struct fakehost *f = start("", 4);

	(void)state;
	fakehost_rcpt(f, "v@example.org");
	fakehost_rcpt(f, "w@example.org");
	fakehost_score(f, "USER_LIST", 1, 11, "blocked by the user");
	fakehost_score(f, "OTHER", 2, 100, "refused before");
	fakehost_rcpt_refuse(f, 2);
	finish(f);
	assert_null(fakehost_verdict(f, 0));
	assert_int_equal(fakehost_verdict(f, 1)->action, WEIR_ACT_REJECT);
	assert_int_equal(fakehost_verdict(f, 1)->scope, WEIR_SCOPE_RCPT);
	assert_null(fakehost_verdict(f, 2));
	/* the mark tells nothing about who does not get the mail */
	assert_string_equal(fakehost_edit_of(f, "add X-Weir-Score"),
	    "add X-Weir-Score: 4.0");
	assert_string_equal(fakehost_edit_of(f, "add X-Weir-Symbols"),
	    "add X-Weir-Symbols: RBL_CLIENT=4.0");
	fakehost_destroy(&f);
}

static void
early_refusal_is_for_the_worst(void **state)
{
	static const struct {
		const char *conf;
		double score;
		bool refused;
	} cases[] = {
		{ "", 15, true },
		{ "", 14.9, false },
		{ "early = no", 15, false },
		{ "tempfail = 3", 14, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start(cases[i].conf, cases[i].score);

		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, 0);
		assert_int_equal(fakehost_verdict(f, 0) != NULL,
		    cases[i].refused);
		if (cases[i].refused)
			assert_int_equal(fakehost_verdict(f, 0)->action,
			    WEIR_ACT_REJECT);
		fakehost_destroy(&f);
	}
}

static void
replies_are_the_sites_own(void **state)
{
	struct fakehost *f = start("reject_text = Go away "
	    "__SENDER_IP__ (__SPAM_HITS__), says __FQDN__", 15);
	const struct fakehost_verdict *v;

	(void)state;
	finish(f);
	v = fakehost_verdict(f, 0);
	assert_int_equal(v->smtp_code, 550);
	assert_string_equal(v->enhanced, "5.7.1");
	assert_string_equal(v->text, "Go away 203.0.113.7 (RBL_CLIENT=15.0), "
	    "says mx1.example.org");
	/* nobody will see marks */
	assert_int_equal(fakehost_edit_count(f), 0);
	fakehost_destroy(&f);
	f = start("tempfail = 15\nreject = 0\ntempfail_text = Later", 15);
	finish(f);
	v = fakehost_verdict(f, 0);
	assert_int_equal(v->smtp_code, 451);
	assert_string_equal(v->enhanced, "4.7.1");
	assert_string_equal(v->text, "Later");
	fakehost_destroy(&f);
}

/* table_value - values for the expansion tests */
static weir_str
table_value(enum macros_name name, void *arg)
{
	static const char *const values[MACROS_COUNT] = {
		[MACRO_SENDER] = "a@example.com",
		[MACRO_RECEIVERS] = "b@example.org, c@example.org",
		[MACRO_SUBJECT] = "__SENDER__ \r\nBcc: x@y.example\r\n\r\n",
		[MACRO_MSGID] = "<\x01\xff\xc3\xbc\x7f>",
		[MACRO_SPAM_INFO] = "4.0 A one\n2.0 B two",
		[MACRO_SPAMSTARS] = "***",
		[MACRO_SENDER_IP] = "203.0.113.7",
		[MACRO_HOST] = "\xc2\x85\xe2\x82\xac",
	};

	(void)arg;
	return weir_str_of(values[name]);
}

static void
macros_are_expanded_once(void **state)
{
	static const struct {
		const char *in;
		unsigned int flags;
		const char *out;
	} cases[] = {
		{ "", 0, "" },
		{ "plain", 0, "plain" },
		{ "<__SENDER__>", 0, "<a@example.com>" },
		{ "__SENDER____SENDER_IP__", 0, "a@example.com203.0.113.7" },
		{ "__SENDER_IP__", 0, "203.0.113.7" },
		{ "___SENDER__", 0, "_a@example.com" },
		{ "__sender__", 0, "__sender__" },
		{ "__NOTHING__ __", 0, "__NOTHING__ __" },
		{ "__SENDER_", 0, "__SENDER_" },
		{ "__SUBJECT__", 0, "__SENDER__   Bcc: x@y.example    " },
		{ "__SUBJECT__", MACROS_LINES,
		    "__SENDER__   Bcc: x@y.example    " },
		{ "__MSGID__", 0, "< ?\xc3\xbc >" },
		{ "__HOST__", 0, " \xe2\x82\xac" },
		{ "__SPAM_INFO__", 0, "4.0 A one 2.0 B two" },
		{ "x\n__SPAM_INFO__", MACROS_LINES,
		    "x\n4.0 A one\n2.0 B two" },
		{ "a\nb\r\tc", 0, "a b  c" },
		{ "__UNSCANNED__", 0, "" },
		{ "__RECEIVERS__", 0, "b@example.org, c@example.org" },
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = macros_expand(weir_str_of(cases[i].in),
		    cases[i].flags, table_value, NULL, out, sizeof(out));

		assert_string_equal(out, cases[i].out);
		assert_int_equal(n, strlen(out));
	}
	/* cut, but never inside a character */
	for (size_t size = 1; size < 8; size++) {
		size_t n = macros_expand(WEIR_STR("\xe2\x82\xac\xe2\x82\xac"),
		    0, table_value, NULL, out, size);

		assert_int_equal(n, (size - 1) / 3 * 3);
		assert_int_equal(out[n], '\0');
	}
}

static void
macros_know_the_message(void **state)
{
	static const struct {
		const char *macro, *value;
	} cases[] = {
		{ "__SENDER__", "a@example.com" },
		{ "__RECEIVERS__", "u@example.org, v@example.org" },
		{ "__SUBJECT__", "Gr\xc3\xbc\xc3\x9f" "e" },
		{ "__MSGID__", "<two@example.com>" },
		{ "__SPAMLEVEL__", "5.5" },
		{ "__SPAMSTARS__", "*****" },
		{ "__SPAM_INFO__", "5.0 RBL_CLIENT listed" },
		{ "__SPAM_HITS__", "RBL_CLIENT=5.0, OTHER=0.5" },
		{ "__SENDER_IP__", "203.0.113.7" },
		{ "__VERSION__", "0.1.0" },
		{ "__HOST__", "mx1" },
		{ "__DOMAIN__", "example.org" },
		{ "__FQDN__", "mx1.example.org" },
		{ "__UNSCANNED__", "av, spf" },
	};
	static const char subject[] = "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=";
	char conf[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f;

		snprintf(conf, sizeof(conf), "reject = 5\nreject_text = %s",
		    cases[i].macro);
		f = start(conf, 5);
		fakehost_decode(f, subject, "Gr\xc3\xbc\xc3\x9f" "e");
		fakehost_rcpt(f, "v@example.org");
		fakehost_rcpt(f, "gone@example.org");
		fakehost_rcpt_refuse(f, 2);
		fakehost_score(f, "OTHER", 0, 0.5, "more");
		fakehost_score(f, "FOREIGN", 1, 1, "not yours");
		fakehost_unscanned(f, "av", "no signatures");
		fakehost_unscanned(f, "spf", "timeout");
		fakehost_unscanned(f, "av", "again");
		fakehost_header(f, "message-id", " <one@example.com>");
		fakehost_header(f, "Message-Id", " <two@example.com>\r\n");
		fakehost_header(f, "Subject", " =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
		finish(f);
		if (strcmp(cases[i].macro, "__SPAM_INFO__") == 0)
			assert_string_equal(fakehost_verdict(f, 0)->text,
			    "5.0 RBL_CLIENT listed\n0.5 OTHER more");
		else
			assert_string_equal(fakehost_verdict(f, 0)->text,
			    cases[i].value);
		fakehost_destroy(&f);
	}
}

static void
stars_have_an_end(void **state)
{
	static const struct {
		double score;
		size_t stars;
	} cases[] = { { -3, 0 }, { 0.9, 0 }, { 1, 1 }, { 99.9, 99 },
		{ 100, 100 }, { 1e300, 100 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = start("reject = 0\nquarantine = 0\n"
		    "headers = no\nheader X-Stars {\n"
		    "value = <__SPAMSTARS__>\n}\n", cases[i].score);

		finish(f);
		assert_int_equal(strlen(fakehost_edit_of(f, "add X-Stars")),
		    strlen("add X-Stars: <>") + cases[i].stars);
		fakehost_destroy(&f);
	}
}

static void
own_headers_are_written(void **state)
{
	struct fakehost *f = start("header X-Spam-Flag {\nvalue = YES\n"
	    "when = spam\n}\nheader X-Spam-Level {\n"
	    "value = __SPAMSTARS__\n}\n", 6);

	(void)state;
	finish(f);
	assert_string_equal(fakehost_edit_at(f, 0), "add X-Weir-Score: 6.0");
	assert_string_equal(fakehost_edit_at(f, 1),
	    "add X-Weir-Symbols: RBL_CLIENT=6.0");
	assert_string_equal(fakehost_edit_at(f, 2), "add X-Spam-Flag: YES");
	assert_string_equal(fakehost_edit_at(f, 3),
	    "add X-Spam-Level: ******");
	assert_int_equal(fakehost_edit_count(f), 4);
	fakehost_destroy(&f);
	/* clean mail: no flag, no stars, no symbols */
	f = start("header X-Spam-Flag {\nvalue = YES\nwhen = spam\n}\n", 0);
	finish(f);
	assert_int_equal(fakehost_edit_count(f), 1);
	assert_string_equal(fakehost_edit_at(f, 0), "add X-Weir-Score: 0.0");
	fakehost_destroy(&f);
	/* a check that did not run is said */
	f = start("", 0);
	fakehost_unscanned(f, "av", "no signatures");
	finish(f);
	assert_string_equal(fakehost_edit_of(f, "add X-Weir-Unscanned"),
	    "add X-Weir-Unscanned: av");
	fakehost_destroy(&f);
}

/* All copies, any case, whether or not we write it this time. */
static void
forged_headers_are_removed(void **state)
{
	static const char *const names[] = { "X-Weir-Score", "x-weir-score",
		"X-WEIR-SCORE", "X-Weir-SYMBOLS", "x-WEIR-Unscanned",
		"x-spam-flag" };
	static const uint32_t copies[] = { 1, 2, 50, 500 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t k = 0; k < sizeof(copies) / sizeof(copies[0]);
		     k++) {
			struct fakehost *f = start("header X-Spam-Flag {\n"
			    "value = YES\nwhen = spam\n}\n", 0);

			for (uint32_t n = 0; n < copies[k]; n++) {
				fakehost_header(f, names[i], " -100");
				fakehost_header(f, "Received", " from x");
			}
			finish(f);
			assert_int_equal(count(f, "delete "), copies[k]);
			assert_int_equal(fakehost_metric(f, "forged", NULL),
			    copies[k]);
			assert_null(fakehost_edit_of(f, "delete Received"));
			fakehost_destroy(&f);
		}
	/* each copy once, by its number in the mail as received */
	{
		struct fakehost *f = start("header X-A {\nvalue = 1\n}\n"
		    "header x-a {\nvalue = 2\n}\n", 0);

		fakehost_header(f, "X-A", " 1");
		fakehost_header(f, "X-a", " 2");
		finish(f);
		assert_string_equal(fakehost_edit_at(f, 0), "delete X-A 1");
		assert_string_equal(fakehost_edit_at(f, 1), "delete X-A 2");
		assert_int_equal(count(f, "delete "), 2);
		assert_int_equal(count(f, "add "), 3);
		fakehost_destroy(&f);
	}
}

static void
nothing_is_injected(void **state)
{
	struct fakehost *f = start("headers = no\nheader X-Info {\n"
	    "value = __SENDER__ | __SUBJECT__\n}\n", 0);

	(void)state;
	fakehost_message(f, "a\r\nX-Evil: 1@example.com");
	fakehost_rcpt(f, "u@example.org");
	fakehost_header(f, "Subject", " x\r\n y\r\nX-Evil: 2\n\n__SENDER__");
	finish(f);
	assert_int_equal(fakehost_edit_count(f), 1);
	assert_null(strpbrk(fakehost_edit_at(f, 0), "\r\n"));
	assert_non_null(strstr(fakehost_edit_at(f, 0), "__SENDER__"));
	fakehost_destroy(&f);
}

static void
values_are_folded(void **state)
{
	char in[4000], out[8192];
	size_t n, line = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = i % 12 == 11 ? ' ' : 'a';
	n = field_fold("X-Weir-Symbols", (weir_str){ in, sizeof(in) - 1 },
	    out, sizeof(out));
	line = strlen("X-Weir-Symbols: ");
	for (size_t i = 0; i < n; i++) {
		if (out[i] == '\n') {
			assert_true(out[i + 1] == ' ');
			line = 0;
			continue;
		}
		assert_true(++line <= 78);
	}
	/* without a blank: by force */
	memset(in, 'b', sizeof(in));
	n = field_fold("X", (weir_str){ in, sizeof(in) }, out, sizeof(out));
	line = 3;
	for (size_t i = 0; i < n; i++) {
		line = out[i] == '\n' ? 0 : line + 1;
		assert_true(line < 998);
	}
	/* cut anywhere it is still a value */
	for (size_t size = 1; size < 300; size++) {
		for (size_t i = 0; i < 200; i++)
			in[i] = i % 30 == 29 ? ' ' : 'a';
		n = field_fold("Name", (weir_str){ in, 200 }, out, size);
		assert_true(n < size);
		assert_int_equal(out[n], '\0');
		assert_true(n == 0 || out[n - 1] != '\n');
	}
	assert_int_equal(field_fold("N", WEIR_STR("   "), out, sizeof(out)),
	    0);
}

static void
text_is_encoded(void **state)
{
	char out[1024];

	(void)state;
	field_encode(WEIR_STR("plain text"), out, sizeof(out));
	assert_string_equal(out, "plain text");
	field_encode(WEIR_STR("gr\xc3\xbc\xc3\x9f"), out, sizeof(out));
	assert_string_equal(out, "=?UTF-8?B?Z3LDvMOf?=");
	/* what looks encoded must not be read as something else */
	field_encode(WEIR_STR("=?utf-8?Q?x?="), out, sizeof(out));
	assert_string_equal(out, "=?UTF-8?B?PT91dGYtOD9RP3g/PQ==?=");
	/* words of 75 at most, characters whole */
	{
		char in[400], *word, *save = NULL;

		for (size_t i = 0; i + 2 < 400; i += 3)
			memcpy(in + i, "\xe2\x82\xac", 3);
		field_encode((weir_str){ in, 399 }, out, sizeof(out));
		for (word = strtok_r(out, " ", &save); word != NULL;
		     word = strtok_r(NULL, " ", &save)) {
			assert_true(strlen(word) <= 75);
			assert_memory_equal(word, "=?UTF-8?B?4oKs", 14);
		}
	}
}

static void
subject_is_marked_once(void **state)
{
	static const struct {
		const char *prefix, *subject, *edit; /* NULL: untouched */
	} cases[] = {
		{ "[SPAM]", " Hello", "change Subject 1: [SPAM] Hello" },
		{ "[SPAM] ", " Hello", "change Subject 1: [SPAM] Hello" },
		{ "[SPAM]", " [SPAM] Hello", NULL },
		{ "[SPAM]", "\t[SPAM]Hello", NULL },
		{ "[SPAM]", " =?UTF-8?Q?=5BSPAM=5D_x?=", NULL },
		{ "[SPAM]", " Re: [SPAM] x",
		    "change Subject 1: [SPAM] Re: [SPAM] x" },
		{ "[SPAM]", "", "change Subject 1: [SPAM] " },
		{ "[SPAM]", " a\r\n b\r\n\tc\r\n",
		    "change Subject 1: [SPAM] a\n b\n\tc" },
		{ "[SPAM __SPAMLEVEL__]", " x",
		    "change Subject 1: [SPAM 6.0] x" },
		{ "\xc3\x9c", " =?UTF-8?B?w7w=?=",
		    "change Subject 1: =?UTF-8?B?w5wg?= =?UTF-8?B?w7w=?=" },
		{ "[SPAM]", NULL, "add Subject: [SPAM]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char conf[128];
		struct fakehost *f;

		snprintf(conf, sizeof(conf),
		    "headers = no\nsubject_prefix = %s", cases[i].prefix);
		f = start(conf, 6);
		fakehost_decode(f, " =?UTF-8?Q?=5BSPAM=5D_x?=", "[SPAM] x");
		if (cases[i].subject != NULL)
			fakehost_header(f, "Subject", cases[i].subject);
		finish(f);
		assert_int_equal(fakehost_edit_count(f),
		    cases[i].edit != NULL);
		if (cases[i].edit != NULL)
			assert_string_equal(fakehost_edit_at(f, 0),
			    cases[i].edit);
		fakehost_destroy(&f);
	}
}

static void
subject_has_a_limit_of_its_own(void **state)
{
	static const struct {
		const char *conf;
		double score;
		bool marked;
	} cases[] = {
		{ "", 4.9, false },
		{ "", 5, true },
		{ "subject_score = 7", 6.9, false },
		{ "subject_score = 7", 7, true },
		{ "add_header = 0", 9, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char conf[128];
		struct fakehost *f;

		snprintf(conf, sizeof(conf), "subject_prefix = [SPAM]\n%s",
		    cases[i].conf);
		f = start(conf, cases[i].score);
		fakehost_header(f, "Subject", " one");
		fakehost_header(f, "subject", " two");
		finish(f);
		assert_int_equal(count(f, "change Subject"),
		    cases[i].marked ? 2 : 0);
		fakehost_destroy(&f);
	}
}

static void
foreign_results_are_told_from_forged(void **state)
{
	static const struct {
		const char *raw;
		bool ours;
	} cases[] = {
		{ " mx1.example.org; spf=pass", true },
		{ " MX1.Example.ORG;none", true },
		{ " mx1.example.org. ; none", true },
		{ " mx1.example.org 1; spf=pass", true },
		{ "mx1.example.org(comment);spf=pass", true },
		{ "\r\n\t(a (nested) comment) mx1.example.org\r\n ; x", true },
		{ " \"mx1.example.org\"; spf=pass", true },
		{ " \"mx1\\.example.org\"; spf=pass", true },
		{ " (\\)) mx1.example.org; spf=pass", true },
		/* can't be read, but names us */
		{ " (unclosed mx1.example.org; spf=pass", true },
		{ " \"mx1.example.org; spf=pass", true },
		{ " mx2.example.org; spf=pass", false },
		{ " mx1.example.org.evil.example; spf=pass", false },
		{ " other.example; x=mx1.example.org", false },
		{ " (mx1.example.org) other.example; spf=pass", false },
		{ "", false },
		{ " ;", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(authres_claims(weir_str_of(cases[i].raw),
		    "mx1.example.org"), cases[i].ours);
}

static void
results_are_written(void **state)
{
	struct fakehost *f = start("headers = no\nauthres = yes", 0);

	(void)state;
	fakehost_header(f, "Authentication-Results", " other.example; none");
	fakehost_header(f, "authentication-results",
	    " mx1.example.org; spf=pass");
	fakehost_header(f, "Authentication-Results",
	    " mx1.example.org; dkim=pass");
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.result", "fail");
	fakehost_fact(f, WEIR_RCPT_NONE, "spf.domain", "example.com");
	fakehost_fact(f, WEIR_RCPT_NONE, "dkim.result", "pass\r\nX: y");
	finish(f);
	assert_string_equal(fakehost_edit_at(f, 0),
	    "delete Authentication-Results 2");
	assert_string_equal(fakehost_edit_at(f, 1),
	    "delete Authentication-Results 3");
	assert_string_equal(fakehost_edit_at(f, 2),
	    "insert 0 Authentication-Results: mx1.example.org; spf=fail"
	    " smtp.mailfrom=example.com");
	assert_int_equal(fakehost_edit_count(f), 3);
	fakehost_destroy(&f);
	f = start("headers = no\nauthres = yes\nauthserv_id = our.example",
	    0);
	fakehost_header(f, "Authentication-Results",
	    " mx1.example.org; spf=pass");
	fakehost_header(f, "Authentication-Results", " OUR.example; x=pass");
	finish(f);
	assert_string_equal(fakehost_edit_at(f, 0),
	    "delete Authentication-Results 2");
	assert_string_equal(fakehost_edit_at(f, 1),
	    "insert 0 Authentication-Results: our.example; none");
	fakehost_destroy(&f);
	/* without a usable name of our own: nothing */
	f = start("headers = no\nauthres = yes\nauthserv_id = a;b", 0);
	finish(f);
	assert_int_equal(fakehost_edit_count(f), 0);
	fakehost_destroy(&f);
}

static void
property_values_are_quoted(void **state)
{
	static const struct {
		const char *value, *out;
	} cases[] = {
		{ "example.com", "id; spf=pass smtp.mailfrom=example.com" },
		{ "a\"b\\c;d", "id; spf=pass "
		    "smtp.mailfrom=\"a\\\"b\\\\c;d\"" },
		{ "a b", "id; spf=pass" },
		{ "a\nb", "id; spf=pass" },
		{ "", "id; spf=pass" },
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct authres_method m = { "spf", WEIR_STR("pass"),
			"smtp.mailfrom", weir_str_of(cases[i].value) };

		authres_build("id", &m, 1, out, sizeof(out));
		assert_string_equal(out, cases[i].out);
	}
}

static void
unknown_macros_are_refused(void **state)
{
	static const struct {
		const char *conf, *why; /* NULL: accepted */
	} cases[] = {
		{ "reject_text = a __FOO__ b",
		    "reject_text: there is no macro __FOO__" },
		{ "tempfail_text = __SENDER____SPAM_LEVEL__",
		    "tempfail_text: there is no macro __SPAM_LEVEL__" },
		{ "subject_prefix = __X__",
		    "subject_prefix: there is no macro __X__" },
		{ "header X-A {\nvalue = ___SPAMLEVELS__\n}\n",
		    "header \"X-A\", value: there is no macro "
		    "__SPAMLEVELS__" },
		{ "reject_text = ___SENDER__ __SENDER_ __ ____ _____ __a__ "
		    "__A", NULL },
		{ "reject_text = __SENDER____SENDER_IP____SPAM_INFO__", NULL },
		{ "authserv_id = __X__", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fakehost *f = fakehost_create(
		    mod_action_LTX_weir_entry(), cases[i].conf);

		assert_int_equal(fakehost_status(f), cases[i].why != NULL ?
		    WEIR_E_INVAL : WEIR_OK);
		if (cases[i].why != NULL)
			assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
			    cases[i].why), 1);
		fakehost_destroy(&f);
	}
}

static void
mta_that_refuses_edits_is_said_once(void **state)
{
	struct fakehost *f = start("", 0);

	(void)state;
	fakehost_edit_status(f, WEIR_E_UNSUPPORTED);
	for (int i = 0; i < 5; i++)
		finish(f);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "not marked"), 1);
	/* other trouble is a check that did not run */
	fakehost_edit_status(f, WEIR_E_NOMEM);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_E_NOMEM);
	fakehost_destroy(&f);
}

static void
mistakes_are_refused(void **state)
{
	static const char *const bad[] = { "header X:Y {\nvalue = 1\n}\n",
		"header X Y {\nvalue = 1\n}\n",
		"header X\xc3\xbc {\nvalue = 1\n}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fakehost *f = fakehost_create(
		    mod_action_LTX_weir_entry(), bad[i]);

		assert_int_equal(fakehost_status(f), WEIR_E_INVAL);
		assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
		    "no name of a header"), 1);
		fakehost_destroy(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_choose_the_verdict),
		cmocka_unit_test(each_recipient_has_its_own_score),
		cmocka_unit_test(early_refusal_is_for_the_worst),
		cmocka_unit_test(replies_are_the_sites_own),
		cmocka_unit_test(macros_are_expanded_once),
		cmocka_unit_test(macros_know_the_message),
		cmocka_unit_test(stars_have_an_end),
		cmocka_unit_test(own_headers_are_written),
		cmocka_unit_test(forged_headers_are_removed),
		cmocka_unit_test(nothing_is_injected),
		cmocka_unit_test(values_are_folded),
		cmocka_unit_test(text_is_encoded),
		cmocka_unit_test(subject_is_marked_once),
		cmocka_unit_test(subject_has_a_limit_of_its_own),
		cmocka_unit_test(foreign_results_are_told_from_forged),
		cmocka_unit_test(results_are_written),
		cmocka_unit_test(property_values_are_quoted),
		cmocka_unit_test(unknown_macros_are_refused),
		cmocka_unit_test(mta_that_refuses_edits_is_said_once),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
