/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain_text_test - records as pages; wrapping, sizes and ages. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "ctl/explain_text.h"
#include "ctl/format.h"

static const char sample[] =
    "{\"v\":1,\"id\":\"0abcdefgh123\",\"kind\":\"message\","
    "\"time\":\"2026-01-31T12:00:00.123Z\",\"session\":\"0abcdefgh122\","
    "\"queue_id\":\"4XyZ\",\"listener\":\"inbound\",\"direction\":\"in\","
    "\"client\":{\"address\":\"192.0.2.1\",\"name\":\"mx.example.net\","
    "\"helo\":\"mx.example.net\",\"tls\":\"TLSv1.3\"},"
    "\"sender\":\"\",\"size\":12595,\"verdict\":\"reject\","
    "\"reply\":\"550 5.7.1 Refused [0abcdefgh123]\",\"score\":16.5,"
    "\"recipients\":[{\"address\":\"a@example.org\",\"verdict\":\"reject\"},"
    "{\"address\":\"b@example.org\",\"verdict\":\"accept\","
    "\"facts\":{\"greylist.state\":\"known\"}}],"
    "\"findings\":[{\"symbol\":\"RBL_LISTED\",\"module\":\"rbl\","
    "\"score\":4.0,\"reason\":\"192.0.2.1 is listed in zen.example.org "
    "with the answer 127.0.0.4, which means a compromised host\"},"
    "{\"symbol\":\"GREY\",\"module\":\"greylist\",\"score\":12.5,"
    "\"reason\":\"evil \\u001b[31m\",\"recipient\":\"a@example.org\","
    "\"shadow\":true}],"
    "\"facts\":{\"rbl.zones\":\"zen.example.org\"},"
    "\"opinions\":[{\"module\":\"action\",\"verdict\":\"reject\","
    "\"stage\":\"eom\",\"text\":\"Refused\"},"
    "{\"module\":\"greylist\",\"verdict\":\"none\",\"stage\":\"rcpt\"}],"
    "\"unscanned\":[{\"module\":\"av\",\"stage\":\"eom\","
    "\"status\":\"E_TIMEOUT\",\"reason\":\"no answer within 10 s\"}],"
    "\"edits\":[{\"module\":\"action\",\"kind\":\"header-add\","
    "\"name\":\"X-Spam\",\"value\":\"yes\",\"n\":0},"
    "{\"module\":\"action\",\"kind\":\"body\",\"octets\":77}],"
    "\"ms\":35.2}";

static const char page[] =
    "Message 0abcdefgh123: refused (5xx)\n"
    "  score 16.50\n"
    "  the client was told: 550 5.7.1 Refused [0abcdefgh123]\n"
    "\n"
    "  time       2026-01-31T12:00:00.123Z, open for 35 ms\n"
    "  session    0abcdefgh122\n"
    "  queue id   4XyZ\n"
    "  listener   inbound, incoming mail\n"
    "  client     192.0.2.1 (mx.example.net)\n"
    "  HELO       mx.example.net\n"
    "  TLS        TLSv1.3\n"
    "  from       <>\n"
    "  to         <a@example.org>                     refused (5xx)\n"
    "             <b@example.org>                     delivered: accepted\n"
    "                 greylist.state = known\n"
    "  size       12 KiB\n"
    "\n"
    "  What was found\n"
    "      +4.00  RBL_LISTED                 rbl\n"
    "             192.0.2.1 is listed in zen.example.org with the answer "
    "127.0.0.4,\n"
    "             which means a compromised host\n"
    "     +12.50  GREY                       greylist\n"
    "             evil \\x1b[31m [only <a@example.org>] [shadow: did not "
    "count]\n"
    "\n"
    "  What was NOT checked\n"
    "    av at eom: no answer within 10 s (E_TIMEOUT)\n"
    "\n"
    "  Who decided\n"
    "    eom      action       reject      \"Refused\"\n"
    "    rcpt     greylist     none\n"
    "\n"
    "  What was changed\n"
    "    action: add X-Spam: yes\n"
    "    action: replace the body by 77 octets\n"
    "\n"
    "  What is known\n"
    "    rbl.zones = zen.example.org\n";

/* explain_test_page - the whole page, octet by octet */
static void
explain_test_page(void **state)
{
	json_t *j = json_loads(sample, 0, NULL);
	struct buf out = BUF_INIT;

	(void)state;
	assert_non_null(j);
	explain_text(j, &out);
	assert_string_equal(out.ptr, page);
	json_decref(j);
	buf_fini(&out);
}

/* explain_test_odd - records that lack members, or have wrong ones */
static void
explain_test_odd(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{ "{}", "Message : \n" },
		{ "[]", "Message : \n" },
		{ "{\"id\":\"x\",\"kind\":\"early\",\"verdict\":\"tempfail\"}",
		    "Session x: refused for now (4xx), before a message "
		    "began\n" },
		{ "{\"id\":\"x\",\"kind\":\"policy\",\"verdict\":\"none\"}",
		    "Policy request x: delivered: nobody objected\n" },
		{ "{\"findings\":{},\"client\":[],\"facts\":[],\"edits\":1,"
		  "\"recipients\":[1,null],\"opinions\":[[]]}",
		    "Nothing was found" },
		{ "{\"verdict\":\"later\",\"facts\":{\"a\":1}}", "later" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *j = json_loads(cases[i].json, 0, NULL);
		struct buf out = BUF_INIT;

		assert_non_null(j);
		explain_text(j, &out);
		assert_non_null(strstr(out.ptr, cases[i].says));
		json_decref(j);
		buf_fini(&out);
	}
}

/* explain_test_format - sizes, ages, lines */
static void
explain_test_format(void **state)
{
	static const struct {
		char kind;
		int64_t n;
		const char *text;
	} cases[] = {
		{ 'o', 0, "0 octets" }, { 'o', 1023, "1023 octets" },
		{ 'o', 1024, "1.0 KiB" }, { 'o', 12595, "12 KiB" },
		{ 'o', 512ll << 20, "512 MiB" }, { 'o', 3ll << 40, "3.0 TiB" },
		{ 'd', 0, "0 ms" }, { 'd', 999, "999 ms" },
		{ 'd', 59999, "59 s" }, { 'd', 61000, "1 min 1 s" },
		{ 'd', 3660000, "1 h 1 min" },
		{ 'd', 90000000, "1 d 1 h" },
		{ 't', 0, "1970-01-01 00:00:00 UTC" },
	};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&out);
		if (cases[i].kind == 'o')
			format_octets(cases[i].n, &out);
		else if (cases[i].kind == 'd')
			format_duration(cases[i].n, &out);
		else
			format_time(cases[i].n, &out);
		assert_string_equal(out.ptr, cases[i].text);
	}
	buf_clear(&out);
	format_wrap("", 5, &out);
	assert_string_equal(out.ptr, "\n");
	buf_clear(&out);
	format_clean_lines(text_slice("a\tb\n\x1b" "c\n"), &out);
	assert_string_equal(out.ptr, "a\tb\n\\x1bc\n");
	assert_int_equal(format_width("gr\xc3\xbc\xc3\x9f"), 4);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explain_test_page),
		cmocka_unit_test(explain_test_odd),
		cmocka_unit_test(explain_test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
