/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db_test - learning, taking back, expiry, dump, damage, death. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "db.h"
#include "lib/folder.h"
#include "score.h"

static char dir[80], err[DB_ERR];
static struct db *db;

static int
setup(void **state)
{
	(void)state;
	if (!folder_make(dir, sizeof(dir), folder_where(), "weir-bayes"))
		return -1;
	return db_open(dir, true, DB_SIZE, &db, err);
}

static int
teardown(void **state)
{
	(void)state;
	db_close(&db);
	return folder_remove(dir);
}

/* lesson - message `id` of the tokens first..first+n-1 and one of the route */
static struct db_lesson
lesson(const char *scope, enum db_class class_, uint64_t id, uint64_t first,
    uint32_t n, uint64_t route)
{
	static uint64_t keys[64][64];
	static unsigned next;
	uint64_t *k = keys[next++ % 64];

	for (uint32_t i = 0; i < n; i++)
		k[i] = text_mix(first + i, 9);
	k[n] = text_mix(route, 10);
	return (struct db_lesson){ .scope = scope, .class_ = class_,
		.id = { id, id + 1 }, .keys = k, .n = n + 1,
		.groups = { [TOKEN_WORD_] = (uint16_t)n, [TOKEN_ROUTE] = 1 }
	};
}

static struct db_lesson
learn_on(const char *scope, enum db_class class_, uint64_t id, uint64_t first,
    uint32_t n, uint64_t route, unsigned day)
{
	struct db_lesson l = lesson(scope, class_, id, first, n, route);

	assert_int_equal(db_learn(db, &l, 1, day, err), WEIR_OK);
	return l;
}

#define learn(class_, id, first, n) \
	learn_on("", class_, id, first, n, 500, 100)

static struct db_count
count_in(const char *scope, uint64_t token)
{
	struct token one = { token, 0 };
	struct db_totals totals;
	struct db_count c;

	assert_int_equal(db_counts(db, scope, &one, 1, &c, &totals), WEIR_OK);
	return c;
}

#define count(first) count_in("", text_mix(first, 9))

/* dump - the whole database as text */
static char *
dump(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(db_dump(db, f, err), WEIR_OK);
	fclose(f);
	return text;
}

static void
test_idempotent(void **state)
{
	struct db_lesson l;
	struct db_totals totals;
	char *before, *after;

	(void)state;
	learn(DB_HAM, 1, 10, 5);
	before = dump();
	l = learn(DB_SPAM, 2, 12, 6);
	assert_true(l.changed);
	assert_int_equal(l.before, DB_NONE);
	after = dump();
	assert_string_not_equal(before, after);
	free(after);
	/* twice changes nothing */
	after = dump();
	l = learn(DB_SPAM, 2, 12, 6);
	assert_false(l.changed);
	free(before);
	before = dump();
	assert_string_equal(before, after);
	assert_int_equal(count(12).spam, 1);
	assert_int_equal(count(12).ham, 1);
	/* as the other class it moves */
	l = learn(DB_HAM, 2, 12, 6);
	assert_true(l.changed);
	assert_int_equal(l.before, DB_SPAM);
	assert_int_equal(count(12).spam, 0);
	assert_int_equal(count(12).ham, 2);
	assert_int_equal(db_totals(db, "", &totals), WEIR_OK);
	assert_int_equal(totals.spam, 0);
	assert_int_equal(totals.ham, 2);
	/* and back */
	learn(DB_SPAM, 2, 12, 6);
	free(after);
	after = dump();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void
test_forget(void **state)
{
	struct db_stats s;
	char *before, *after;

	(void)state;
	learn(DB_HAM, 1, 10, 5);
	before = dump();
	learn(DB_SPAM, 2, 12, 6);
	learn(DB_NONE, 2, 12, 6);
	after = dump();
	assert_string_equal(before, after);
	/* what was not learned can't be forgotten */
	assert_false(learn(DB_NONE, 3, 10, 5).changed);
	learn(DB_NONE, 1, 10, 5);
	assert_int_equal(db_stats(db, &s), WEIR_OK);
	assert_int_equal(s.tokens, 0);
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.scopes, 0);
	free(before);
	free(after);
}

static void
test_route(void **state)
{
	(void)state;
	/* learned from one copy, taken back by another that came elsewhere */
	learn_on("", DB_SPAM, 1, 10, 5, 700, 100);
	assert_int_equal(count_in("", text_mix(700, 10)).spam, 1);
	learn_on("", DB_HAM, 1, 10, 5, 800, 100);
	assert_int_equal(count_in("", text_mix(700, 10)).spam, 0);
	assert_int_equal(count_in("", text_mix(800, 10)).spam, 0);
	assert_int_equal(count_in("", text_mix(800, 10)).ham, 1);
}

static void
test_batch(void **state)
{
	struct db_lesson l[4];
	struct db_totals totals;

	(void)state;
	/* the same message three times in one transaction */
	l[0] = lesson("", DB_SPAM, 1, 10, 20, 500);
	l[1] = lesson("", DB_SPAM, 1, 10, 20, 500);
	l[2] = lesson("", DB_HAM, 1, 10, 20, 500);
	l[3] = lesson("", DB_HAM, 2, 15, 20, 500);
	assert_int_equal(db_learn(db, l, 4, 100, err), WEIR_OK);
	assert_true(l[0].changed);
	assert_false(l[1].changed);
	assert_true(l[2].changed);
	assert_int_equal(count(10).spam, 0);
	assert_int_equal(count(10).ham, 1);
	assert_int_equal(count(15).ham, 2);
	assert_int_equal(db_totals(db, "", &totals), WEIR_OK);
	assert_int_equal(totals.spam, 0);
	assert_int_equal(totals.ham, 2);
	assert_int_equal(db_verify(db, err), WEIR_OK);
}

static void
test_scope(void **state)
{
	const char *user = "u@example.com";
	uint64_t token = text_mix(10, 9);
	enum db_class known;

	(void)state;
	learn_on(user, DB_SPAM, 1, 10, 5, 500, 100);
	assert_int_equal(count(10).spam, 0);
	assert_int_equal(count_in(user, token).spam, 1);
	assert_int_equal(count_in("v@example.com", token).spam, 0);
	assert_int_equal(db_known(db, user, (uint64_t[]){ 1, 2 }, &known),
	    WEIR_OK);
	assert_int_equal(known, DB_SPAM);
	assert_int_equal(db_known(db, "", (uint64_t[]){ 1, 2 }, &known),
	    WEIR_OK);
	assert_int_equal(known, DB_NONE);
}

static void
test_expire(void **state)
{
	uint64_t tokens, messages;

	(void)state;
	learn_on("", DB_SPAM, 1, 10, 5, 500, 100);
	learn_on("", DB_SPAM, 2, 12, 2, 501, 150);
	assert_int_equal(db_expire(db, 120, 50, &tokens, &messages, err),
	    WEIR_OK);
	assert_int_equal(tokens, 4); /* 10, 11, 14 and the route's */
	assert_int_equal(messages, 0);
	assert_int_equal(count(10).spam, 0);
	assert_int_equal(count(12).spam, 2);
	/* 10 comes again; taking message 1 back must not take this away */
	learn_on("", DB_SPAM, 3, 10, 1, 502, 160);
	learn_on("", DB_NONE, 1, 10, 5, 500, 161);
	assert_int_equal(count(10).spam, 1);
	assert_int_equal(count(12).spam, 1);
	assert_int_equal(db_expire(db, 120, 155, &tokens, &messages, err),
	    WEIR_OK);
	assert_int_equal(messages, 1);
}

static void
test_dump_restore(void **state)
{
	char other[100], *text, *again;
	struct db *second, *first = db;
	FILE *f;

	(void)state;
	learn_on("u@example.com", DB_SPAM, 1, 10, 5, 500, 100);
	for (uint64_t i = 0; i < 200; i++)
		learn(i % 3 == 0 ? DB_SPAM : DB_HAM, i * 2, i * 3, 40);
	text = dump();
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(db_open(other, true, DB_SIZE, &second, err), 0);
	f = fmemopen(text, strlen(text), "r");
	if (db_restore(second, f, err) != WEIR_OK)
		fail_msg("%s", err);
	fclose(f);
	db = second;
	again = dump();
	assert_string_equal(text, again);
	/* never into what holds something */
	f = fmemopen(text, strlen(text), "r");
	assert_int_equal(db_restore(second, f, err), WEIR_E_EXISTS);
	fclose(f);
	db_close(&second);
	db = first;
	free(text);
	free(again);
}

static void
test_restore_bad(void **state)
{
	static const char *const bad[] = {
		"", "hello\n", "weir-bayes dump 2\n",
		"weir-bayes dump 2\ntoken 00\nend 1 0\n",
		"weir-bayes dump 2\nend 1 0\n",
		"weir-bayes dump 2\nend 0 0\nend 0 0\n",
		"weir-bayes dump 2\ntoken 00000000000000zz 1 0 1 1\nend 1 0\n",
		"weir-bayes dump 2\ntoken 0000000000000001 9999999999 0 1 1\n"
		"end 1 0\n",
		"weir-bayes dump 2\nmessage 00000000000000010000000000000002 "
		"eggs 1 1\nend 0 1\n",
		"weir-bayes dump 2\nmessage 00000000000000010000000000000002 "
		"spam 1 1 12\nend 0 1\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = bad[i][0] != '\0' ?
		    fmemopen((void *)(uintptr_t)bad[i], strlen(bad[i]), "r") :
		    fopen("/dev/null", "r");
		struct db_stats s;

		assert_int_equal(db_restore(db, f, err), WEIR_E_INVAL);
		assert_string_not_equal(err, "");
		fclose(f);
		assert_int_equal(db_stats(db, &s), WEIR_OK);
		assert_int_equal(s.tokens + s.messages, 0);
	}
}

static void
test_kill(void **state)
{
	struct db_totals totals;
	struct token one = { text_mix(10, 9), 0 };
	struct db_count c;
	int pipes[2], status;
	pid_t pid;
	char o;

	(void)state;
	db_close(&db);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (db_open(dir, true, DB_SIZE, &db, err) != WEIR_OK)
			_exit(1);
		for (uint64_t i = 0;; i++) {
			learn(DB_SPAM, i * 2, 10, 30);
			if (i >= 20)
				assert_int_equal(write(pipes[1], "x", 1), 1);
		}
	}
	/* in the middle of what it does */
	assert_int_equal(read(pipes[0], &o, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(db_open(dir, true, DB_SIZE, &db, err), WEIR_OK);
	assert_int_equal(db_verify(db, err), WEIR_OK);
	assert_int_equal(db_counts(db, "", &one, 1, &c, &totals), WEIR_OK);
	/* whole messages or nothing */
	assert_true(totals.spam >= 21);
	assert_int_equal(c.spam, totals.spam);
}

static void
test_foreign(void **state)
{
	char path[100];
	FILE *f;

	(void)state;
	db_close(&db);
	snprintf(path, sizeof(path), "%s/" DB_FILE, dir);
	f = fopen(path, "w");
	for (int i = 0; i < 100000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_int_equal(db_open(dir, true, DB_SIZE, &db, err),
	    WEIR_E_INTERNAL);
	assert_null(db);
	assert_int_equal(db_open("/nonexistent/x", false, DB_SIZE, &db, err),
	    WEIR_E_NOTFOUND);
	assert_int_equal(db_open("/nonexistent/x", true, DB_SIZE, &db, err),
	    WEIR_E_TEMP);
}

static void
test_score(void **state)
{
	struct db_totals totals = { .spam = 100, .ham = 100 };
	struct token tokens[3] = { { 1, TOKEN_WORD_ }, { 2, TOKEN_WORD_ },
		{ 3, TOKEN_SUBJECT } };
	struct db_count none[3] = { { 0 } }, spam[3] = { { 50, 0, 1, 1 },
		{ 9, 1, 1, 1 }, { 20, 0, 1, 1 } }, ham[3];
	struct score s, h;

	(void)state;
	score_message(tokens, none, 3, &totals, &s);
	assert_true(s.probability == 0.5);
	assert_int_equal(s.known, 0);
	score_message(tokens, spam, 3, &totals, &s);
	assert_true(s.probability > 0.9);
	assert_true(s.doubt == 0);
	assert_int_equal(s.known, 3);
	for (int i = 0; i < 3; i++) {
		ham[i] = spam[i];
		ham[i].spam = spam[i].ham;
		ham[i].ham = spam[i].spam;
	}
	score_message(tokens, ham, 3, &totals, &h);
	/* both classes are treated alike, but that no group says more than 3
	   for ham */
	assert_true(h.probability < 0.5);
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		double most = s.groups[g] < 3 ? s.groups[g] : 3;

		assert_true(h.groups[g] + most < 1e-9 &&
		    h.groups[g] + most > -1e-9);
	}
	/* one class alone decides nothing */
	totals.ham = 0;
	score_message(tokens, spam, 3, &totals, &s);
	assert_true(s.probability == 0.5);
	assert_string_equal(score_class(0.95, 0.9, 0.2), "spam");
	assert_string_equal(score_class(0.5, 0.9, 0.2), "unsure");
	assert_string_equal(score_class(0.2, 0.9, 0.2), "ham");
}

/* A mail of which most was never met is unsure, whatever the rest says. */
static void
test_unknown(void **state)
{
	struct db_totals totals = { .spam = 100, .ham = 100 };
	struct token tokens[40];
	struct db_count counts[40];
	struct score s;

	(void)state;
	memset(counts, 0, sizeof(counts));
	for (unsigned i = 0; i < 40; i++) {
		tokens[i] = (struct token){ i + 1, i < 20 ? TOKEN_WORD_ :
							    TOKEN_URL };
		counts[i].spam = 90;
	}
	score_message(tokens, counts, 40, &totals, &s);
	assert_true(s.probability > 0.99);
	memset(counts + 2, 0, 18 * sizeof(*counts));
	memset(counts + 22, 0, 18 * sizeof(*counts));
	score_message(tokens, counts, 40, &totals, &s);
	assert_true(s.doubt > 11);
	assert_true(s.probability >= 0.5 && s.probability < 0.99);
	/* looks that were never met count on their own */
	for (unsigned i = 0; i < 40; i++) {
		tokens[i].group = i < 30 ? TOKEN_WORD_ : TOKEN_HTML;
		counts[i].spam = i < 30 ? 90 : 0;
	}
	score_message(tokens, counts, 40, &totals, &s);
	assert_true(s.doubt > 38 && s.probability == 0.5);
	memset(counts + 4, 0, 36 * sizeof(*counts));
	for (unsigned i = 0; i < 40; i++)
		counts[i] = (struct db_count){ 0, counts[i].spam, 0, 0 };
	score_message(tokens, counts, 40, &totals, &s);
	assert_true(s.probability <= 0.5 && s.probability > 0.1);
}

/* Levels follow the scores, in any order, and few scores move them little. */
static void
test_levels(void **state)
{
	double ham[1000], least[200], most[200];
	struct db_fit none = score_fit_none(), a, b;

	(void)state;
	/* apart: the level of spam lies between both */
	for (int i = 0; i < 1000; i++)
		ham[i] = -30 + (i * 7 % 1000) * 0.02;
	for (int i = 0; i < 200; i++)
		least[i] = most[i] = 15 + (i * 3 % 200) * 0.1;
	a = score_fit(ham, 1000, least, most, 200);
	assert_true(a.spam > -5 && a.spam < 15);
	assert_true(a.ham <= a.spam - 6);
	/* the same in another order */
	for (int i = 0; i < 1000; i++)
		ham[i] = -30 + i * 0.02;
	for (int i = 0; i < 200; i++)
		least[i] = most[i] = 15 + (199 - i) * 0.1;
	b = score_fit(ham, 1000, least, most, 200);
	assert_memory_equal(&a, &b, sizeof(a));
	/* one ham far among the spam moves it, and not as far */
	ham[0] = 40;
	b = score_fit(ham, 1000, least, most, 200);
	assert_true(b.spam > a.spam && b.spam < 40);
	/* few say little, too few nothing */
	ham[0] = -30;
	b = score_fit(ham, 20, least, most, 20);
	assert_true(fabs(b.ham - none.ham) < fabs(a.ham - none.ham));
	b = score_fit(ham, 10, least, most, 200);
	assert_memory_equal(&none, &b, sizeof(none));
}

/* fit_of - the levels of a scope, found out now */
static struct db_totals
fit_of(const char *scope)
{
	struct db_totals t;

	assert_int_equal(db_fit(db, scope, true, err), WEIR_OK);
	assert_int_equal(db_totals(db, scope, &t), WEIR_OK);
	return t;
}

/* learn_many - two classes that share some tokens, from either end */
static void
learn_many(const char *scope, bool backwards)
{
	for (unsigned i = 0; i < 80; i++) {
		unsigned at = backwards ? 79 - i : i;
		enum db_class class_ = at % 2 == 0 ? DB_HAM : DB_SPAM;

		learn_on(scope, class_, (uint64_t)at << 32, (at % 2 == 0 ?
			1000 : 1010) + at % 7 * 2, 20, at % 3, 100);
	}
}

/* What is known of a database depends on what was learned, not on the order;
   forgetting takes it back, restoring brings it again. */
static void
test_fit(void **state)
{
	struct db_totals a, b;
	struct db_lesson l;
	char *text, *again;
	FILE *f;

	(void)state;
	learn_many("", false);
	a = fit_of("");
	assert_int_equal(a.kept_spam, 40);
	assert_int_equal(a.kept_ham, 40);
	assert_true(a.fit.spam > a.fit.ham);
	assert_int_equal(a.changed, 0);
	text = dump();
	learn(DB_SPAM, 7, 3000, 20);
	l = lesson("", DB_NONE, 7, 3000, 20, 500);
	assert_int_equal(db_learn(db, &l, 1, 100, err), WEIR_OK);
	again = dump();
	assert_string_equal(text, again);
	free(again);
	b = fit_of("");
	assert_memory_equal(&a.fit, &b.fit, sizeof(a.fit));
	/* the same from the other end, with a scope of its own beside it */
	assert_int_equal(teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
	learn_many("@example.com", false);
	learn_many("", true);
	a = fit_of("");
	assert_memory_equal(&a.fit, &b.fit, sizeof(a.fit));
	b = fit_of("@example.com");
	assert_true(fabs(a.fit.spam - b.fit.spam) < 1e-9);
	assert_int_equal(b.kept_spam, 40);
	free(text);
	text = dump();
	assert_int_equal(teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
	f = fmemopen(text, strlen(text), "r");
	assert_int_equal(db_restore(db, f, err), WEIR_OK);
	fclose(f);
	again = dump();
	assert_string_equal(text, again);
	assert_int_equal(db_totals(db, "", &b), WEIR_OK);
	assert_memory_equal(&a, &b, sizeof(a));
	free(text);
	free(again);
	/* all of them expire, with their tokens */
	{
		uint64_t tokens, messages;

		assert_int_equal(db_expire(db, 101, 0, &tokens, &messages,
		    err), WEIR_OK);
		assert_true(tokens > 0);
	}
	b = fit_of("");
	assert_int_equal(b.kept_ham, 0);
	assert_int_equal(b.kept_spam, 0);
	learn(DB_SPAM, 7, 3000, 20);
	b = fit_of("");
	assert_int_equal(b.kept_ham, 0);
	assert_int_equal(b.kept_spam, 1);
}

/* Of many messages few are kept, the same ones in any order. */
static void
test_kept(void **state)
{
	struct db_totals a, b;
	struct db_lesson *l = calloc(1200, sizeof(*l));

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 1200; i++) {
			unsigned at = round == 0 ? i : 1199 - i;

			l[i] = lesson("", DB_SPAM, text_mix(at, 77), 10, 3, 5);
		}
		assert_int_equal(db_learn(db, l, 1200, 100, err), WEIR_OK);
		b = fit_of("");
		assert_in_range(b.kept_spam, DB_KEPT_SPAM / 4, DB_KEPT_SPAM);
		assert_true(b.bits_spam >= 1);
		if (round == 0) {
			a = b;
			assert_int_equal(teardown(NULL), 0);
			assert_int_equal(setup(NULL), 0);
		}
	}
	assert_memory_equal(&a, &b, sizeof(a));
	/* when most of them are forgotten more of what comes is kept */
	for (unsigned i = 0; i < 1000; i++)
		l[i].class_ = DB_NONE;
	assert_int_equal(db_learn(db, l, 1000, 100, err), WEIR_OK);
	learn(DB_HAM, 7, 10, 3);
	b = fit_of("");
	assert_in_range(b.kept_spam, 1, DB_KEPT_SPAM / 4 - 1);
	assert_int_equal(b.bits_spam, a.bits_spam - 1);
	free(l);
}

/* Another format is refused, and not taken for damage. */
static void
test_format(void **state)
{
	char command[256];

	(void)state;
	learn(DB_SPAM, 1, 10, 5);
	db_close(&db);
	snprintf(command, sizeof(command), "sed -i 's/weir-bayes 3/"
	    "weir-bayes 2/' %s/" DB_FILE, dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(db_open(dir, false, DB_SIZE, &db, err),
	    WEIR_E_INVAL);
	assert_non_null(strstr(err, "learn the mail again"));
}

/* Asked often, the counts come from memory; changed, they are the new ones. */
static void
test_cache(void **state)
{
	struct token tokens[50];
	struct db_count counts[50];
	struct db_totals totals;

	(void)state;
	for (uint64_t id = 0; id < 40; id++)
		learn(id % 2 ? DB_SPAM : DB_HAM, id, id, 30);
	for (uint64_t i = 0; i < 50; i++)
		tokens[i] = (struct token){ text_mix(i, 9), 0 };
	for (int round = 0; round < 200; round++) {
		if (round == 150)
			learn(DB_SPAM, 100, 0, 1);
		assert_int_equal(db_counts(db, "", tokens, 50, counts,
		    &totals), WEIR_OK);
		for (unsigned i = 0; i < 50; i++) {
			/* learned with those up to 29 before it */
			unsigned first = i < 30 ? 0 : i - 29;
			unsigned last = i < 39 ? i : 39;
			unsigned odd = (last + 1) / 2 - first / 2;
			unsigned all = last - first + 1;

			assert_int_equal(counts[i].spam,
			    odd + (round >= 150 && i == 0));
			assert_int_equal(counts[i].ham, all - odd);
		}
		assert_int_equal(totals.spam, 20 + (round >= 150));
	}
	/* another scope has none of them */
	assert_int_equal(db_counts(db, "u@example.com", tokens, 50, counts,
	    &totals), WEIR_OK);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(counts[i].spam + counts[i].ham, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_idempotent, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format, setup, teardown),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_levels),
		cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump_restore, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_restore_bad, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
		cmocka_unit_test(test_score)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
