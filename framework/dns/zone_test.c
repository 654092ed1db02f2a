/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zone_test - the zone file behind the resolver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "dns/resolver.h"
#include "loop/loop.h"

static char dir[128], path[sizeof(dir) + 8];
static struct buf seen = BUF_INIT;
static int calls;

/* note - "status/rcode data|data" */
static void
note(const struct weir_dns_answer *a, void *arg)
{
	(void)arg;
	calls++;
	buf_clear(&seen);
	buf_printf(&seen, "%s/%u", status_name(a->status), a->rcode);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct weir_dns_rr *r = weir_dns_rr_at(a, i);

		buf_add_char(&seen, i == 0 ? ' ' : '|');
		if (r->type == WEIR_DNS_MX)
			buf_printf(&seen, "%u ", r->pref);
		buf_add(&seen, r->data.ptr, r->data.len);
	}
}

static void
write_zone(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static const char *
ask(const char *name, uint16_t type)
{
	int before = calls;

	dns_start(name, type, 0, note, NULL);
	assert_int_equal(calls, before); /* never inside */
	loop_once(false);
	assert_int_equal(calls, before + 1);
	loop_once(false);
	assert_int_equal(calls, before + 1);
	return seen.ptr;
}

static const char zone[] =
    "; a comment\n"
    "root-relative A 192.0.2.9\n"
    "$ORIGIN example.com.\n"
    "$TTL 300\n"
    "@ IN SOA ns host.mail ( 1 ; serial\n"
    "	3600 600\n"
    "	86400 60 )\n"
    "	NS ns\n"
    "	MX 10 mx\n"
    "	20 IN MX 20 MX2.example.NET.\n"
    "	IN 30 TXT \"v=spf1 \" \"-all; \\\"x\\\" \\001\"\n"
    "	SPF \"old\"\n"
    "	TYPE4711 \"raw\" octets\n"
    "mx A 192.0.2.1\n"
    "mx a 192.0.2.2\n"
    "mx AAAA 2001:DB8:0::1\n"
    "www CNAME web\n"
    "web CNAME mx\n"
    "away CNAME nowhere.test.\n"
    "loop1 CNAME loop2\n"
    "loop2 CNAME loop1\n"
    "*.wild A 127.0.0.2\n"
    "a.b.wild TXT x\n"
    "slow A 192.0.2.3\n"
    "$TIMEOUT slow\n"
    "$SERVFAIL broken\n"
    "$TIMEOUT *.dead\n"
    "toslow CNAME slow\n"
    "1.2.0.192.in-addr.arpa. PTR a\\.b\\010c\n"
    "null MX 0 .\n";

static void
questions_are_answered(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *want;
	} rows[] = {
		{ "root-relative", 1, "OK/0 192.0.2.9" },
		{ "mx.example.com", 1, "OK/0 192.0.2.1|192.0.2.2" },
		{ "MX.example.com.", 28, "OK/0 2001:db8::1" },
		{ "example.com", 15,
		    "OK/0 10 mx.example.com|20 mx2.example.net" },
		{ "example.com", 16, "OK/0 v=spf1 -all; \"x\" \001" },
		{ "example.com", 99, "OK/0 old" },
		{ "example.com", 4711, "OK/0 rawoctets" },
		{ "example.com", 2, "OK/0 ns.example.com" },
		{ "example.com", 6, "OK/0 ns.example.com "
		    "host.mail.example.com 1 3600 600 86400 60" },
		{ "example.com", 28, "E_NOTFOUND/0" },
		{ "none.example.com", 1, "E_NOTFOUND/3" },
		{ "www.example.com", 1, "OK/0 192.0.2.1|192.0.2.2" },
		{ "www.example.com", 5, "OK/0 web.example.com" },
		{ "www.example.com", 16, "E_NOTFOUND/0" },
		{ "away.example.com", 1, "E_NOTFOUND/3" },
		{ "loop1.example.com", 1, "E_TEMP/2" },
		{ "x.wild.example.com", 1, "OK/0 127.0.0.2" },
		{ "y.x.wild.example.com", 1, "OK/0 127.0.0.2" },
		{ "x.wild.example.com", 16, "E_NOTFOUND/0" },
		{ "wild.example.com", 1, "E_NOTFOUND/3" },
		{ "a.b.wild.example.com", 1, "E_NOTFOUND/0" },
		{ "c.a.b.wild.example.com", 1, "E_NOTFOUND/3" },
		{ "slow.example.com", 1, "OK/0 192.0.2.3" },
		{ "slow.example.com", 16, "E_TIMEOUT/0" },
		{ "toslow.example.com", 16, "E_TIMEOUT/0" },
		{ "x.dead.example.com", 1, "E_TIMEOUT/0" },
		{ "broken.example.com", 1, "E_TEMP/2" },
		{ "1.2.0.192.in-addr.arpa", 12,
		    "OK/0 a\\046b\\010c.example.com" },
		{ "null.example.com", 15, "OK/0 0 " },
		{ "a..b", 1, "E_INVAL/0" },
		{ "", 1, "E_INVAL/0" },
		{ "example.com", 0, "E_INVAL/0" },
		{ "example.com", 255, "E_INVAL/0" }
	};
	struct err err;

	(void)state;
	write_zone(zone, sizeof(zone) - 1);
	if (dns_init_zone(path, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(dns_server_text(), path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ask(rows[i].name, rows[i].type),
		    rows[i].want);
	assert_int_equal(dns_stats()->timeouts, 3);
	assert_int_equal(dns_stats()->servfail, 2);
	assert_int_equal(dns_stats()->cache_hits, 0);
	ask("mx.example.com", 1);
	assert_int_equal(dns_stats()->cache_hits, 1);
	assert_int_equal(dns_stats()->in_flight, 0);
	dns_fini();
	assert_string_equal(dns_server_text(), "none");
}

static void
mistakes_have_a_place(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a A 1.2.3\n", ":1: \"1.2.3\" is no IPv4 address" },
		{ "\n\na AAAA 1.2.3.4\n",
		    ":3: \"1.2.3.4\" is no IPv6 address" },
		{ "a ( A\n1.2.3.4\n", ":1: \"(\" without \")\"" },
		{ "a A ) 1.2.3.4\n", ":1: \")\" out of place" },
		{ "a TXT \"x\n", ":1: a string without its closing quote" },
		{ "a TXT \"x\\999\"\n", ":1: a malformed \\ in a string" },
		{ "a FOO x\n", ":1: \"FOO\" is no record type" },
		{ "a TYPE70000 x\n", ":1: \"TYPE70000\" is no record type" },
		{ "a 60 IN\n", ":1: a record without a type" },
		{ "a\n", ":1: a record without a type" },
		{ " A 1.2.3.4\n", ":1: a record without a name" },
		{ "a..b A 1.2.3.4\n", ":1: \"a..b\" is no name" },
		{ "a MX mx\n", ":1: 1 words of data instead of 2" },
		{ "a MX 70000 mx\n", ":1: \"70000\" is no MX preference" },
		{ "a A 1.2.3.4 5\n", ":1: 2 words of data instead of 1" },
		{ "a TXT\n", ":1: 0 words of data instead of 1" },
		{ "a SOA a b 1 2 3 4 x\n", ":1: \"x\" is no number of a SOA" },
		{ "$INCLUDE x\n", ":1: \"$INCLUDE\" is no directive" },
		{ "$TTL 1h\n", ":1: \"1h\" is no TTL in seconds" },
		{ "$ORIGIN\n", ":1: $ORIGIN wants one word" }
	};
	char want[256];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_zone(rows[i].text, strlen(rows[i].text));
		assert_int_equal(dns_init_zone(path, &err), WEIR_E_INVAL);
		snprintf(want, sizeof(want), "%s%s", path, rows[i].want);
		assert_string_equal(err.text, want);
	}
	unlink(path);
	assert_int_equal(dns_init_zone(path, &err), WEIR_E_NOTFOUND);
	assert_non_null(strstr(err.text, path));
}

/* A record as large as DNS allows, by way of a file without a last newline. */
static void
large_records_are_kept(void **state)
{
	struct buf text = BUF_INIT;
	struct err err;

	(void)state;
	buf_add_str(&text, "big TXT ");
	for (int i = 0; i < 65535 / 257; i++)
		buf_printf(&text, "\"%0255d\" ", i);
	write_zone(text.ptr, text.len);
	assert_int_equal(dns_init_zone(path, &err), WEIR_OK);
	assert_int_equal(strlen(ask("big", 16)), 5 + 65535 / 257 * 255);
	dns_fini();
	for (int i = 0; i < 3; i++)
		buf_printf(&text, "\"%0255d\" ", i);
	write_zone(text.ptr, text.len);
	assert_int_equal(dns_init_zone(path, &err), WEIR_E_INVAL);
	buf_fini(&text);
}

static int
setup(void **state)
{
	(void)state;
	loop_init();
	text_temporary(dir, sizeof(dir), "weir-zone");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/zone", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(dir);
	buf_fini(&seen);
	loop_fini(false);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(large_records_are_kept),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
