/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_test - tokens, comparison, lists, limits, retention, the SMTP client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/inline.h>
#include <weir/service/quarantine.h>

#include "care.h"
#include "file.h"
#include "item.h"
#include "keep.h"
#include "lib/folder.h"
#include "lists.h"
#include "release.h"

static char folder[80];
static int64_t clock_ms;

static int64_t
now(void *arg)
{
	(void)arg;
	return clock_ms;
}

static int
setup(void **state)
{
	struct store_conf conf = { .folder = folder, .maildir = true,
		.now = now };

	clock_ms = INT64_C(1700000000000);
	assert_true(folder_make(folder, sizeof(folder), folder_where(),
	    "weir-store"));
	*state = store_create(&conf);
	return 0;
}

static int
teardown(void **state)
{
	struct store *st = *state;

	store_destroy(&st);
	folder_remove(folder);
	return 0;
}

/* file_of - a descriptor with these octets */
static int
file_of(const char *text)
{
	FILE *f = tmpfile();
	int fd;

	fputs(text, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

/* keep_one - for one recipient; its status, and id */
static int
keep_one(struct store *st, const char *text, const char *rcpt, int class_,
    char id[ID_LEN + 1])
{
	struct keep *k = keep_create(1);
	struct fault f;
	int fd = file_of(text), status;

	k->time_ms = clock_ms;
	k->verdict = true;
	k->sender = strdup("a@example.org");
	k->params = strdup("");
	k->message_id = strdup("");
	k->client = strdup("");
	k->helo = strdup("");
	k->queue_id = strdup("");
	k->decision = strdup("");
	k->findings = strdup("[]");
	k->from = strdup("");
	k->subject = strdup("");
	k->rcpts[0].address = strdup(rcpt);
	k->rcpts[0].user = strdup(rcpt);
	k->rcpts[0].reason = strdup("");
	k->rcpts[0].class_ = class_;
	status = keep_write(st, fd, k);
	if (status == WEIR_OK) {
		keep_commit(st, k, NULL, &f);
		status = k->status;
	}
	if (id != NULL)
		memcpy(id, k->rcpts[0].id, ID_LEN + 1);
	keep_destroy(k);
	close(fd);
	return status;
}

/* count - rows of a table */
static int64_t
count(struct store *st, const char *table)
{
	struct fault f;
	sqlite3 *db = store_begin(st, false, &f);
	char sql[100];
	sqlite3_stmt *q;
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	q = store_query(db, &f, sql, "");
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	store_end(st);
	return n;
}

static void
test_ids(void **state)
{
	char a[ID_LEN + 1], b[ID_LEN + 1];
	struct fault f;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(file_id(a, &f), WEIR_OK);
		assert_int_equal(file_id(b, &f), WEIR_OK);
		assert_int_equal(strlen(a), ID_LEN);
		assert_int_equal(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"),
		    ID_LEN);
		assert_string_not_equal(a, b);
	}
}

/* Names of folders: nothing leaves the Maildir's place. */
static void
test_users(void **state)
{
	static const char *const cases[][2] = {
		{ "a@example.org", "a@example.org" },
		{ "a+b@example.org", "a+b@example.org" },
		{ "../../etc@example.org", "%2e.%2f..%2fetc@example.org" },
		{ ".hidden@example.org", "%2ehidden@example.org" },
		{ "a/b@example.org", "a%2fb@example.org" },
		{ "a%2fb@example.org", "a%252fb@example.org" },
		{ "", "%" },
		{ "\xc3\xbc@example.org", "%c3%bc@example.org" },
	};
	char out[256], other[256], big[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file_user(cases[i][0], out, sizeof(out));
		assert_string_equal(out, cases[i][1]);
	}
	memset(big, 'x', sizeof(big));
	big[399] = '\0';
	file_user(big, out, sizeof(out));
	assert_in_range(strlen(out), 50, 250);
	big[398] = 'y';
	file_user(big, other, sizeof(other));
	assert_string_not_equal(out, other);
}

static void
test_token(void **state)
{
	struct store *st = *state;
	unsigned char key[TOKEN_KEY_LEN], again[TOKEN_KEY_LEN];
	struct token t = { .expires_ms = clock_ms + 60000 }, got;
	char value[TOKEN_MAX], longest[2000];
	struct fault f;

	assert_int_equal(store_open(st, &f), WEIR_OK);
	assert_int_equal(token_key(st, key, &f), WEIR_OK);
	assert_int_equal(token_key(st, again, &f), WEIR_OK);
	assert_memory_equal(key, again, sizeof(key));
	assert_int_equal(file_id(t.id, &f), WEIR_OK);
	assert_int_equal(file_id(t.nonce, &f), WEIR_OK);
	token_write(key, &t, "a@example.net", value);
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms, &got, &f), WEIR_OK);
	assert_string_equal(got.id, t.id);
	assert_string_equal(got.nonce, t.nonce);
	assert_int_equal(token_read(key, weir_str_of(value), "b@example.net",
	    clock_ms, &got, &f), WEIR_E_INVAL);
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms + 61000, &got, &f), WEIR_E_TIMEOUT);
	/* a recipient that is longer than any of ours is nobody's */
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(token_read(key, weir_str_of(value), longest, clock_ms,
	    &got, &f), WEIR_E_INVAL);
	/* each octet counts */
	for (size_t i = 0; i < strlen(value); i++) {
		char old = value[i];

		for (const char *c = "0a9f z"; *c != '\0'; c++) {
			value[i] = *c;
			if (*c != old)
				assert_int_not_equal(token_read(key,
				    weir_str_of(value), "a@example.net",
				    clock_ms, &got, &f), WEIR_OK);
		}
		value[i] = old;
		assert_int_not_equal(token_read(key, (weir_str){ value, i },
		    "a@example.net", clock_ms, &got, &f), WEIR_OK);
	}
	key[0] ^= 1;
	assert_int_equal(token_read(key, weir_str_of(value), "a@example.net",
	    clock_ms, &got, &f), WEIR_E_INVAL);
}

#define HEAD "From: a@example.org\r\nSubject: x\r\n two\r\nX-A: 1\r\n"
#define BODY "\r\nbody\r\n.\r\n"

static void
test_same(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ HEAD BODY, WEIR_OK },
		{ "X-Weir-Release: abc\r\n" HEAD BODY, WEIR_OK },
		{ "Received: from x\r\n\tby y\r\nX-Weir-Release: a\r\n b\r\n"
		  HEAD BODY, WEIR_OK },
		{ HEAD "Message-ID: <1@x>\r\nDate: now\r\n" BODY, WEIR_OK },
		/* anything else is not what was kept */
		{ HEAD "Subject: y\r\n" BODY, WEIR_E_INVAL },
		{ "X-New: 1\r\n" HEAD BODY, WEIR_E_INVAL },
		{ HEAD "\r\nbodY\r\n.\r\n", WEIR_E_INVAL },
		{ HEAD BODY "more\r\n", WEIR_E_INVAL },
		{ HEAD "\r\nbody\r\n.", WEIR_E_INVAL },
		{ "From: a@example.org\r\nSubject: x\r\n\ttwo\r\nX-A: 1\r\n"
		  BODY, WEIR_E_INVAL },
		{ "From: a@example.org\r\nX-A: 1\r\n" BODY, WEIR_E_INVAL },
		{ "From: b@example.org\r\nSubject: x\r\n two\r\nX-A: 1\r\n"
		  BODY, WEIR_E_INVAL },
		{ HEAD, WEIR_E_INVAL },
		{ "\r\n", WEIR_E_INVAL },
	};
	struct store *st = *state;
	char id[ID_LEN + 1];
	struct fault f;

	assert_int_equal(keep_one(st, HEAD BODY, "a@example.net",
	    WEIR_QUARANTINE_SPAM, id), WEIR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = file_of(cases[i].text);

		if (release_is_same(st, fd, id, &f) != cases[i].status)
			fail_msg("case %zu: %s", i, f.text);
		close(fd);
	}
}

static void
test_from(void **state)
{
	static const struct {
		const char *value;
		const char *addresses[4];
	} cases[] = {
		{ " a@Example.org", { "a@example.org" } },
		{ "A <a@example.org>", { "a@example.org" } },
		{ "\"b@evil.example\" <a@example.org>", { "a@example.org" } },
		{ "\"x\\\"<b@evil.example>\" <a@example.org>",
		    { "a@example.org" } },
		{ "(b@evil.example) a@example.org (c(d)e)",
		    { "a@example.org" } },
		{ "a@example.org, B <b@example.org>",
		    { "a@example.org", "b@example.org" } },
		{ "Team: a@example.org, b@example.org;",
		    { "a@example.org", "b@example.org" } },
		{ "<a@example.org> <b@example.org>",
		    { "a@example.org", "b@example.org" } },
		{ "nobody", { NULL } },
		{ "", { NULL } },
		{ "<@>", { NULL } },
		{ "<a@example.org", { NULL } },
		{ "\"unclosed a@example.org", { NULL } },
	};
	char out[LISTS_FROM_MAX][USER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = lists_from(weir_str_of(cases[i].value), out, 4);
		size_t k = 0;

		for (; k < n; k++) {
			if (cases[i].addresses[k] == NULL ||
			    strcmp(out[k], cases[i].addresses[k]) != 0)
				fail_msg("case %zu: %s", i, out[k]);
		}
		if (k < 4 && cases[i].addresses[k] != NULL)
			fail_msg("case %zu: %s is missing", i,
			    cases[i].addresses[k]);
	}
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "*", "", true }, { "*@x.example", "a@x.example", true },
		{ "*@x.example", "a@y.example", false },
		{ "a?c", "abc", true }, { "a?c", "ac", false },
		{ "a*b*c", "aXbXbYc", true }, { "a*b*c", "aXbX", false },
		{ "", "", true }, { "", "a", false }, { "**a", "a", true },
	};
	char text[5000], pattern[500];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(lists_glob(cases[i].pattern, cases[i].text),
		    cases[i].matches);
	/* what takes exponential time elsewhere */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + sizeof(pattern) - 3, "*b", 3);
	assert_false(lists_glob(pattern, text));
}

static void
test_lists(void **state)
{
	static const struct {
		const char *owner;
		enum lists_kind kind;
		const char *entry;
	} rows[] = {
		{ "*", LISTS_BLOCK, "spam.example" },
		{ "*", LISTS_ALLOW, "good@spam.example" },
		{ "@example.net", LISTS_ALLOW, "spam.example" },
		{ "a@example.net", LISTS_BLOCK, "*@*.spam.example" },
		{ "a@example.net", LISTS_ALLOW, "x@sub.spam.example" },
	};
	static const struct {
		const char *rcpt, *from;
		enum lists_kind kind;
	} cases[] = {
		{ "c@other.net", "x@spam.example", LISTS_BLOCK },
		{ "c@other.net", "x@sub.spam.example", LISTS_BLOCK },
		{ "c@other.net", "x@notspam.example", LISTS_NONE },
		{ "c@other.net", "good@spam.example", LISTS_ALLOW },
		{ "b@example.net", "x@spam.example", LISTS_ALLOW },
		{ "a@example.net", "y@sub.spam.example", LISTS_BLOCK },
		{ "a@example.net", "x@sub.spam.example", LISTS_ALLOW },
		{ "a@example.net", "x@spam.example", LISTS_ALLOW },
	};
	struct store *st = *state;
	struct lists_match m;
	struct fault f;
	char entry[LISTS_ENTRY_MAX + 1];

	assert_int_equal(store_open(st, &f), WEIR_OK);
	assert_false(lists_any(st));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(lists_add(st, rows[i].owner, rows[i].kind,
		    rows[i].entry, "t", &f), WEIR_OK);
	assert_true(lists_any(st));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(lists_find(st, cases[i].rcpt,
		    &cases[i].from, 1, true, &m, &f), WEIR_OK);
		if (m.kind != cases[i].kind)
			fail_msg("case %zu: %d by %s", i, m.kind, m.entry);
	}
	/* where allow does not count */
	assert_int_equal(lists_find(st, "b@example.net", &cases[0].from, 1,
	    false, &m, &f), WEIR_OK);
	assert_int_equal(m.kind, LISTS_BLOCK);
	/* in one list only */
	assert_int_equal(lists_add(st, "*", LISTS_ALLOW, "spam.example", "t",
	    &f), WEIR_OK);
	assert_int_equal(count(st, "list"), sizeof(rows) / sizeof(*rows));
	assert_int_equal(lists_remove(st, "*", LISTS_BLOCK, "spam.example",
	    "t", &f), WEIR_E_NOTFOUND);
	assert_int_equal(lists_entry("@Spam.Example", entry, &f), WEIR_OK);
	assert_string_equal(entry, "spam.example");
	assert_int_equal(lists_entry("a b@x.example", entry, &f),
	    WEIR_E_INVAL);
	assert_int_equal(lists_entry("localhost", entry, &f), WEIR_E_INVAL);
	assert_int_equal(lists_entry("", entry, &f), WEIR_E_INVAL);
}

/* A list is full at 200,000 octets; another owner's is not, and an entry that
   moves to the other list needs no room of its own in a full one. */
static void
test_lists_are_bounded(void **state)
{
	struct store *st = *state;
	char entry[LISTS_ENTRY_MAX + 1], text[LISTS_ENTRY_MAX + 10];
	struct fault f;
	sqlite3 *db = store_begin(st, true, &f);

	memset(text, 'x', sizeof(text));
	memcpy(text + LISTS_ENTRY_MAX - 4, ".org", 5);
	assert_int_equal(lists_entry(text, entry, &f), WEIR_OK);
	assert_int_equal(strlen(entry), LISTS_ENTRY_MAX);
	memcpy(text + LISTS_ENTRY_MAX - 3, ".org", 5);
	assert_int_equal(lists_entry(text, entry, &f), WEIR_E_INVAL);
	/* all but 100 octets of it */
	assert_int_equal(store_run(db, &f, NULL, "WITH RECURSIVE c(i) AS ("
	    "SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1999) INSERT"
	    " INTO list (user, entry, kind, time_ms) SELECT 'a@example.net',"
	    " printf('%0100d', i), 1, 0 FROM c", ""), WEIR_OK);
	assert_int_equal(store_commit(st, &f), WEIR_OK);
	memset(entry, 'y', 101);
	entry[101] = '\0';
	assert_int_equal(lists_add(st, "a@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_E_LIMIT);
	assert_non_null(strstr(f.text, "full"));
	assert_int_equal(lists_add(st, "b@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_OK);
	entry[100] = '\0';
	assert_int_equal(lists_add(st, "a@example.net", LISTS_BLOCK, entry,
	    "t", &f), WEIR_OK);
	assert_int_equal(lists_add(st, "a@example.net", LISTS_ALLOW, entry,
	    "t", &f), WEIR_OK);
	assert_int_equal(count(st, "list WHERE user = 'a@example.net'"),
	    2000);
}

/* Each class for its own time. */
static void
test_retention(void **state)
{
	struct care_conf conf = { .keep_ms = { 0, 1000, 3000, 2000 },
		.audit_ms = 5000 };
	struct store *st = *state;
	struct care_purged p;
	struct item i;
	struct fault f;
	char id[3][ID_LEN + 1], text[40];

	for (int c = 1; c < CLASSES; c++) {
		snprintf(text, sizeof(text), "Subject: %d\r\n\r\n", c);
		assert_int_equal(keep_one(st, text, "a@example.net", c,
		    id[c - 1]), WEIR_OK);
	}
	clock_ms += 1500;
	assert_int_equal(care_purge(st, &conf, true, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 1);
	assert_int_equal(count(st, "item"), 3);
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1] + p.items[2] + p.items[3], 1);
	clock_ms += 1000;
	/* what is on its way waits */
	assert_int_equal(release_ask(st, id[2], 0, "t", &i, &f), WEIR_OK);
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(count(st, "item"), 2);
	clock_ms += 1000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[2], 1);
	assert_int_equal(count(st, "mail"), 1);
	assert_true(count(st, "audit") > 0);
	clock_ms += 10000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(count(st, "audit"), 0);
	/* sums are right after all that */
	assert_int_equal(count(st, "used WHERE octets < 0 OR items < 0"), 0);
	assert_int_equal(count(st, "used WHERE user = '' AND items = 1"), 1);
}

/* Days end at midnight. */
static void
test_retention_of_days(void **state)
{
	const int64_t day = 86400000;
	struct care_conf conf = { .keep_ms = { 0, day, day, day },
		.audit_ms = 90 * day };
	struct store *st = *state;
	struct care_purged p;
	struct fault f;
	char id[ID_LEN + 1];
	struct tm tm;
	time_t t = (time_t)(clock_ms / 1000);

	/* noon, so that it is far from both midnights */
	assert_non_null(localtime_r(&t, &tm));
	tm.tm_hour = 12;
	tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	clock_ms = (int64_t)mktime(&tm) * 1000;
	assert_int_equal(keep_one(st, "a\r\n", "a@example.net", 1, id),
	    WEIR_OK);
	clock_ms += 35 * 3600000; /* an hour before the second midnight */
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 0);
	clock_ms += 2 * 3600000;
	assert_int_equal(care_purge(st, &conf, false, &p, &f), WEIR_OK);
	assert_int_equal(p.items[1], 1);
}

static void
test_short_ids(void **state)
{
	struct store *st = *state;
	char id[ID_LEN + 1], part[ID_LEN + 1];
	struct item i;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "a\r\n", "a@example.net", 1, id),
	    WEIR_OK);
	db = store_begin(st, false, &f);
	for (size_t n = 0; n <= ID_LEN; n++) {
		memcpy(part, id, n);
		part[n] = '\0';
		assert_int_equal(item_find(db, part, &i, &f),
		    n < 6 ? WEIR_E_NOTFOUND : WEIR_OK);
	}
	part[8] = '\0';
	part[7] = part[7] == 'a' ? 'b' : 'a';
	assert_int_equal(item_find(db, part, &i, &f), WEIR_E_NOTFOUND);
	assert_int_equal(item_find(db, "' OR 1 --", &i, &f), WEIR_E_NOTFOUND);
	assert_int_equal(item_find(db, "%%%%%%%%", &i, &f), WEIR_E_NOTFOUND);
	store_end(st);
}

/* only - the one message in a folder: its path; false: none */
static bool
only(const char *dir, char out[4096])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		found = e->d_name[0] != '.';
		if (found)
			snprintf(out, 4096, "%.3000s/%.255s", dir, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

static const struct care_conf sync_conf = { .imap_delete = true };

/* sync_own - into the user's own folder, where it is still there; out of it */
static void
sync_own(struct store *st, const char *user, const char *dir, const char *own)
{
	char id[ID_LEN + 1], from[4096], to[4096];
	struct care_synced out;
	struct item item;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "a\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/%.255s:2,S", own, strrchr(from, '/') + 1);
	assert_int_equal(rename(from, to), 0);
	clock_ms += 10000;
	assert_int_equal(care_sync(st, &sync_conf, true, &out, &f), WEIR_OK);
	assert_int_equal(out.deleted, 0);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(care_sync(st, &sync_conf, false, &out, &f), WEIR_OK);
	assert_int_equal(out.deleted, 1);
	db = store_begin(st, false, &f);
	assert_int_equal(item_find(db, id, &item, &f), WEIR_E_NOTFOUND);
	store_end(st);
}

/* sync_moved_to_release - it is asked for */
static void
sync_moved_to_release(struct store *st, const char *user, const char *dir,
    const char *release)
{
	char id[ID_LEN + 1], from[4096], to[4096];
	struct care_synced out;
	struct item item;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "b\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/x:2,S", release);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(care_sync(st, &sync_conf, false, &out, &f), WEIR_OK);
	assert_int_equal(out.released, 1);
	db = store_begin(st, false, &f);
	assert_int_equal(item_find(db, id, &item, &f), WEIR_OK);
	assert_int_equal(item.state, ITEM_QUEUED);
	store_end(st);
}

/* sync_deleted_elsewhere - an item whose view lies in the user's folder */
static void
sync_deleted_elsewhere(struct store *st, const char *user, const char *dir,
    const char *own)
{
	struct item_files files = ITEM_FILES_INIT;
	char id[ID_LEN + 1], from[4096], to[4096];
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "c\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/%.255s", own, strrchr(from, '/') + 1);
	assert_int_equal(rename(from, to), 0);
	db = store_begin(st, true, &f);
	assert_int_equal(item_delete(db, id, false, &files, &f), WEIR_OK);
	assert_int_equal(store_commit(st, &f), WEIR_OK);
	item_files_unlink(st, &files);
	item_files_fini(&files);
	assert_false(only(own, to));
}

/* Recipients whose names are none of folders, and folders whose names are not
   ASCII (modified UTF-7): moved there, deleted there, and gone from there. */
static void
test_sync(void **state)
{
	static const char *const users[] = { "plain@example.net",
		"o'neill/x@example.net", "j\xc3\xbcrgen@example.net",
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname@example.net" };
	struct store *st = *state;
	struct fault f;

	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		char name[256], dir[1024], own[1024], release[1024];

		assert_int_equal(store_open(st, &f), WEIR_OK);
		assert_int_equal(file_maildir(st, users[i], &f), WEIR_OK);
		file_user(users[i], name, sizeof(name));
		snprintf(dir, sizeof(dir), "%s/imap/%s/new", folder, name);
		snprintf(release, sizeof(release),
		    "%s/imap/%s/.Release/cur", folder, name);
		snprintf(own, sizeof(own), "%s/imap/%s/.Entw&APw-rfe", folder,
		    name);
		assert_int_equal(mkdir(own, 0700), 0);
		snprintf(own, sizeof(own), "%s/imap/%s/.Entw&APw-rfe/cur",
		    folder, name);
		assert_int_equal(mkdir(own, 0700), 0);
		sync_own(st, users[i], dir, own);
		sync_moved_to_release(st, users[i], dir, release);
		sync_deleted_elsewhere(st, users[i], dir, own);
	}
	assert_int_equal(count(st, "audit WHERE who LIKE 'imap:%@example.net'"
	    " AND action = 'delete'"), sizeof(users) / sizeof(*users));
}

/* A next hop that says these lines, one for each command; "-" closes, "..."
   is silent. */
struct hop {
	const char *lines[8];
	enum smtp_result result;
};

static const struct hop hops[] = {
	{ { "220 hi", "250 x", "250", "250", "354", "250" }, SMTP_OK },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "250 ok" },
	    SMTP_OK },
	{ { "220 hi", "500 what", "250 helo", "250 ok", "250 ok", "354 go",
	      "250 ok" }, SMTP_OK },
	{ { "220-hi\r\n220 there", "250-x\r\n250-8BITMIME\r\n250 SMTPUTF8",
	      "250 ok", "250 ok", "354 go", "250 ok" }, SMTP_OK },
	{ { "554 no" }, SMTP_PERM },
	{ { "421 later" }, SMTP_TEMP },
	{ { "-" }, SMTP_TEMP },
	{ { "garbage" }, SMTP_TEMP },
	{ { "..." }, SMTP_TEMP },
	{ { "220 hi", "250 x", "550 5.7.1 no" }, SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "450 4.2.0 busy" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "550 5.1.1 who" }, SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "-" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "452 full" }, SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "452 full" },
	    SMTP_TEMP },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "554 spam" },
	    SMTP_PERM },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "-" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "..." },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "what?" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "354 go on" },
	    SMTP_UNSURE },
	{ { "220 hi", "250 x", "250 ok", "250 ok", "354 go", "000" },
	    SMTP_UNSURE },
};

/* hop_serve - in a child */
static void
hop_serve(int fd, const struct hop *h)
{
	static char all[1 << 16];

	for (int i = 0; i < 8 && h->lines[i] != NULL; i++) {
		if (strcmp(h->lines[i], "-") == 0)
			return;
		if (strcmp(h->lines[i], "...") == 0)
			pause();
		dprintf(fd, "%s\r\n", h->lines[i]);
		/* a command, or the data up to its dot */
		for (size_t n = 0; n < sizeof(all) - 1;) {
			ssize_t got = read(fd, all + n, sizeof(all) - 1 - n);

			if (got <= 0)
				return;
			n += (size_t)got;
			all[n] = '\0';
			if (strncmp(h->lines[i], "354", 3) == 0 ?
			    strstr(all, "\r\n.\r\n") != NULL :
			    all[n - 1] == '\n')
				break;
		}
	}
}

static void
test_smtp(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		struct sockaddr_un un = { .sun_family = AF_UNIX };
		char hop[120], reply[SMTP_REPLY_MAX];
		struct smtp s = { .next_hop = hop, .helo = "h",
			.timeout_ms = 400, .sender = "a@example.org",
			.rcpt = "b@example.net", .params = "",
			.fd = file_of("Subject: x\r\n\r\n.dot\r\n") };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		enum smtp_result got;
		pid_t pid;

		snprintf(un.sun_path, sizeof(un.sun_path), "%s/hop%zu", folder,
		    i);
		snprintf(hop, sizeof(hop), "unix:%s", un.sun_path);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)),
		    0);
		assert_int_equal(listen(fd, 1), 0);
		pid = fork();
		if (pid == 0) {
			hop_serve(accept(fd, NULL, NULL), &hops[i]);
			_exit(0);
		}
		close(fd);
		got = smtp_send(&s, reply);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(s.fd);
		if (got != hops[i].result)
			fail_msg("next hop %zu: %d, not %d: %s", i, got,
			    hops[i].result, reply);
	}
}

/* Addresses that would be more than one command. */
static void
test_smtp_injection(void **state)
{
	struct smtp s = { .next_hop = "127.0.0.1:1", .helo = "h",
		.timeout_ms = 100, .sender = "a@example.org",
		.rcpt = "b@example.net>\r\nRCPT TO:<c@example.net",
		.params = "", .fd = -1 };
	char reply[SMTP_REPLY_MAX];

	(void)state;
	assert_int_equal(smtp_send(&s, reply), SMTP_PERM);
	s.rcpt = "b@example.net";
	assert_int_equal(smtp_send(&s, reply), SMTP_TEMP);
	assert_true(smtp_is_next_hop("mx.example.net:25"));
	assert_true(smtp_is_next_hop("[::1]:25"));
	assert_true(smtp_is_next_hop("unix:/run/smtp"));
	assert_false(smtp_is_next_hop("mx.example.net"));
	assert_false(smtp_is_next_hop("::1:25"));
	assert_false(smtp_is_next_hop(":25"));
	assert_false(smtp_is_next_hop("unix:relative"));
	assert_false(smtp_is_next_hop("mx.example.net:smtp"));
	assert_false(smtp_is_next_hop(""));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_ids), T(test_users),
		T(test_token), T(test_same), T(test_from), T(test_glob),
		T(test_lists), T(test_lists_are_bounded), T(test_retention), T(test_retention_of_days), T(test_short_ids),
		T(test_sync), T(test_smtp), T(test_smtp_injection) };

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
