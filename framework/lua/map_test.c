/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map_test - files that rules look things up in, and their changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cdb.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/test_util.h"

static void
maps_and_expressions(void **state)
{
	char text[2000];
	char *plain = strdup(test_file("plain", "# c\nExample.COM  reject it\n"
	    "b.example\n"));
	char *cidr = strdup(test_file("cidr", "192.0.2.0/24 net\n"
	    "192.0.2.7 host\n2001:db8::/32 six\n"));
	char *exprs = strdup(test_file("exprs", "^a.*z$ first\n"
	    "/b c/ blanks\n"));
	struct fakehost *f;
	uint32_t r;

	(void)state;
	snprintf(text, sizeof(text), "local p = weir.map('%s')\n"
	    "local c = weir.map('%s', 'cidr')\n"
	    "local e = weir.map('%s', 'regex')\n"
	    "local re = weir.regex('^([a-z]+)@(.+)$', 'i')\n"
	    "local slow = weir.regex('(a+)+$')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  assert(p('example.com') == 'reject it')\n"
	    "  assert(p('b.example') == '' and p('c.example') == nil)\n"
	    "  assert(c('192.0.2.7') == 'host' and c('192.0.2.8') == 'net')\n"
	    "  assert(c('2001:db8::1') == 'six' and c('junk') == nil)\n"
	    "  assert(e('ABCZ') == 'first' and e('xb cx') == 'blanks')\n"
	    "  local l, d = re:match('USER@example.org')\n"
	    "  assert(l == 'USER' and d == 'example.org')\n"
	    "  assert(re:match('nobody') == nil)\n"
	    "  local ok, why = pcall(slow.match, slow, ('a'):rep(200)..'!')\n"
	    "  assert(not ok and why:find('too many steps'), why)\n"
	    "  assert(weir.ip_in('192.0.2.7', '10.0.0.0/8', '192.0.2.0/24'))\n"
	    "  assert(weir.base64_decode('aGFsbG8=') == 'hallo')\n"
	    "  assert(weir.is_utf8('\\u{fc}') and not weir.is_utf8('\\xff'))\n"
	    "  assert(os.time() == 1700000000)\n"
	    "  m:set_fact('late', p('late.example') or 'no') end }", plain,
	    cidr, exprs);
	f = test_start(text, NULL);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.late"), "no");
	test_file("plain", "late.example yes\nexample.com reject it\n"
	    "b.example\n");
	fakehost_clock_set(f, FAKEHOST_EPOCH - 6000);
	fakehost_advance(f, 6000);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_null(fakehost_failed(f));
	assert_string_equal(fakehost_fact_of(f, r, "rules.late"), "yes");
	fakehost_destroy(&f);
	free(plain);
	free(cidr);
	free(exprs);
}

static void
broken_maps_keep_the_old(void **state)
{
	char text[500];
	char *path = strdup(test_file("nets", "192.0.2.0/24 net\n"));
	struct fakehost *f;
	uint32_t r;

	(void)state;
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cidr')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  m:set_fact('net', c('192.0.2.1') or c('192.0.3.1') or 'no') "
	    "end }", path);
	f = test_start(text, NULL);
	test_file("nets", "192.0.2.0/24 new\n192.0.2.300/24 no\n");
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "nets:2: \"192.0.2.300/24\" is not a network: the old content "
	    "stays"), 1);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.net"), "net");
	/* said once, not every five seconds */
	fakehost_advance(f, 60000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "nets:2"), 1);
	remove(path);
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
	    "No such file or directory: the old content stays"), 1);
	test_file("nets", "192.0.3.0/24 third\n");
	fakehost_advance(f, 6000);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.net"), "third");
	fakehost_destroy(&f);
	free(path);
}

/* make_cdb - a database under that name, by rename */
static void
make_cdb(const char *name, const char *key, const char *value, bool nul)
{
	char *path = strdup(test_file(name, "")), *tmp = NULL;
	struct cdb_make m;
	int fd;

	assert_true(asprintf(&tmp, "%s.tmp", path) > 0);
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	cdb_make_start(&m, fd);
	for (int i = 0; i < 1000; i++) {
		char k[20];

		snprintf(k, sizeof(k), "k%d", i);
		cdb_make_add(&m, k, (unsigned)strlen(k), "v", 1);
	}
	cdb_make_add(&m, key, (unsigned)strlen(key) + nul, value,
	    (unsigned)strlen(value) + nul);
	assert_int_equal(cdb_make_finish(&m), 0);
	close(fd);
	assert_int_equal(rename(tmp, path), 0);
	free(tmp);
	free(path);
}

static void
databases(void **state)
{
	char text[700];
	char *path = strdup(test_file("db", ""));
	char junk[3000];
	struct fakehost *f;
	uint32_t r;

	(void)state;
	make_cdb("db", "example.com", "first", false);
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cdb')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  assert(c('k7') == 'v' and c('nothing') == nil)\n"
	    "  m:set_fact('db', c('Example.COM')) end }", path);
	f = test_start(text, NULL);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.db"), "first");
	/* as postmap writes it */
	make_cdb("db", "example.com", "second", true);
	fakehost_advance(f, 6000);
	r = test_mail(f);
	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	assert_string_equal(fakehost_fact_of(f, r, "rules.db"), "second");
	/* tables that point outside, then a file that is too short */
	memset(junk, 0x7f, sizeof(junk) - 1);
	junk[sizeof(junk) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		char *broken = strdup(test_file("broken", i == 0 ? junk :
		    "short"));

		assert_int_equal(rename(broken, path), 0);
		free(broken);
		fakehost_advance(f, 6000);
		assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN,
		    i == 0 ? "or cut short: the old content stays" :
		    "not a cdb file: the old content stays"), 1);
		r = test_mail(f);
		fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
		assert_string_equal(fakehost_fact_of(f, r, "rules.db"),
		    "second");
	}
	fakehost_destroy(&f);
	test_refused("local c = weir.map('/etc/hostname', 'cdb')",
	    "/etc/hostname: not a cdb file");
	free(path);
}

/* mapped - what the rule of files_cut_short finds now */
static const char *
mapped(struct fakehost *f)
{
	uint32_t r = test_mail(f);

	fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT, r);
	return fakehost_fact_of(f, r, "rules.db");
}

static void
files_cut_short(void **state)
{
	char *path = strdup(test_file("db", "")), text[700];
	struct fakehost *f;

	(void)state;
	make_cdb("db", "example.com", "first", false);
	snprintf(text, sizeof(text), "local c = weir.map('%s', 'cdb')\n"
	    "rule 'm' { stage = 'rcpt', function(m)\n"
	    "  for i = 0, 999 do assert(c('k' .. i) == 'v') end\n"
	    "  m:set_fact('db', c('example.com')) end }", path);
	f = test_start(text, "map_size = 64k");
	assert_string_equal(mapped(f), "first");
	/* in place: a mapping of the file would be a SIGBUS now */
	for (off_t size = 20000; size >= 0; size -= 5000) {
		assert_int_equal(truncate(path, size), 0);
		assert_string_equal(mapped(f), "first");
		fakehost_advance(f, 6000);
		assert_string_equal(mapped(f), "first");
	}
	assert_true(fakehost_logged(f, WEIR_LOG_WARN,
	    "or cut short: the old content stays") > 0);
	assert_true(fakehost_logged(f, WEIR_LOG_WARN,
	    "not a cdb file: the old content stays") > 0);
	/* one that grew too large stays away, too */
	assert_int_equal(truncate(path, 65537), 0);
	fakehost_advance(f, 6000);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_WARN, "/db: larger than "
	    "65536 octets (map_size): the old content stays"), 1);
	assert_string_equal(mapped(f), "first");
	make_cdb("db", "example.com", "second", false);
	fakehost_advance(f, 6000);
	assert_string_equal(mapped(f), "second");
	fakehost_destroy(&f);
	/* at the start it is an error */
	assert_int_equal(truncate(path, 65537), 0);
	f = test_rules(text, "map_size = 64k");
	assert_int_not_equal(fakehost_status(f), WEIR_OK);
	assert_int_equal(fakehost_logged(f, WEIR_LOG_ERROR,
	    "larger than 65536 octets (map_size)"), 1);
	fakehost_destroy(&f);
	free(path);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, test_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maps_and_expressions),
		TEST(broken_maps_keep_the_old),
		TEST(databases),
		TEST(files_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
