/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of what reads messages, guesses envelopes and shows differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "base/text.h"
#include "drive_case.h"
#include "drive_diff.h"
#include "drive_files.h"
#include "drive_mail.h"
#include "drive_options.h"

/* test_parse - fields as "name|value" lines, then the body */
static char *
test_parse(weir_str raw, bool from_quoted)
{
	struct drive_mail m;
	struct buf out = BUF_INIT;
	size_t size = 2;

	drive_mail_init(&m, raw, from_quoted);
	for (size_t i = 0; i < m.fields.n; i++) {
		const struct drive_field *f = &m.fields.v[i];

		assert_int_equal(f->name.ptr[f->name.len], '\0');
		assert_int_equal(f->value.ptr[f->value.len], '\0');
		assert_true(f->raw.ptr >= raw.ptr &&
		    f->raw.ptr + f->raw.len <= raw.ptr + raw.len);
		buf_printf(&out, "%s|%s;", f->name.ptr, f->value.ptr);
		size += f->name.len + 1 + f->value.len + 2;
		for (size_t k = 0; k < f->value.len; k++)
			size += f->value.ptr[k] == '\n';
	}
	buf_add_char(&out, '/');
	buf_add(&out, m.body.ptr, m.body.len);
	assert_int_equal(m.size, size + m.body.len);
	drive_mail_fini(&m);
	return buf_steal(&out);
}

/* test_messages - header and body from odd texts */
static void
test_messages(void **state)
{
	static const struct {
		const char *raw, *expect;
		bool from_quoted;
	} cases[] = {
		{ "", "/", false },
		{ "\n", "/", false },
		{ "A: b\n\nbody\n", "A| b;/body\r\n", false },
		{ "A: b\r\n\r\nbody\r\n", "A| b;/body\r\n", false },
		{ "A: b\r\n\r\nbody", "A| b;/body\r\n", false },
		{ "A:b", "A|b;/", false },
		{ "A:\n", "A|;/", false },
		{ "A : b\n", "A| b;/", false },
		{ "A: b\n c\n\td\nE: f\n\n", "A| b\n c\n\td;E| f;/", false },
		{ "A: b\r\n c\r\n\r\nx\n\ny\n", "A| b\n c;/x\r\n\r\ny\r\n",
		    false },
		/* what is no field ends the header and begins the body */
		{ "A: b\nno field\nC: d\n", "A| b;/no field\r\nC: d\r\n",
		    false },
		{ ": x\n", "/: x\r\n", false },
		{ " folded\nA: b\n", "/ folded\r\nA: b\r\n", false },
		{ "A: b\rc\n\n", "A| b\rc;/", false },
		{ "From x@y Thu Aug 22\n>From z\nA: b\n\n", "A| b;/", false },
		{ "A: b\n\n>From x\n>>From y\n>other\n",
		    "A| b;/>From x\r\n>>From y\r\n>other\r\n", false },
		{ "A: b\n\n>From x\n>>From y\n>other\n",
		    "A| b;/From x\r\n>From y\r\n>other\r\n", true },
		{ "\x41\xe4: b\n", "/\x41\xe4: b\r\n", false }
	};
	weir_str with_nul = { "A: b\0c\n\nx\0y\n", 12 };
	struct drive_mail m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *got = test_parse(text_slice(cases[i].raw),
		    cases[i].from_quoted);

		assert_string_equal(got, cases[i].expect);
		free(got);
	}
	drive_mail_init(&m, with_nul, false);
	assert_string_equal(m.fields.v[0].value.ptr, " b");
	assert_int_equal(m.fields.v[0].raw.len, 6);
	assert_memory_equal(m.body.ptr, "x\0y\r\n", 5);
	drive_mail_fini(&m);
}

/* test_addresses - the bare ones in a list */
static void
test_addresses(void **state)
{
	static const struct {
		const char *value, *expect;
	} cases[] = {
		{ "", "" }, { " ", "" }, { " a@b", "a@b," },
		{ " a@b, c@d", "a@b,c@d," },
		{ " A <a@b>, \"C, D\" <c@d>", "a@b,c@d," },
		{ " <>", "," }, { "a@b (x, y (z) <q>)", "a@b," },
		{ "group: a@b, c@d;", "a@b,c@d," },
		{ "undisclosed-recipients:;", "" },
		{ "\"a, b\"@c", "\"a, b\"@c," },
		{ "\"a\\\"b\"@c", "\"a\\\"b\"@c," },
		{ "<@r1,@r2:a@b>", "a@b," }, { "root", "root," },
		{ "two words", "" }, { "a@b,,c@d,", "a@b,c@d," },
		{ "\n a@b,\n\tc@d", "a@b,c@d," }, { "<a@b", "a@b," },
		{ "(open", "" }, { "\"open", "" }, { "a\x01@b", "" },
		{ "A <a@b> B", "a@b," }
	};
	struct pool *pool = pool_create(1024, 0);
	weir_str out[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = drive_mail_addresses(text_slice(cases[i].value),
		    pool, out, 4);
		struct buf all = BUF_INIT;

		for (size_t k = 0; k < n; k++)
			buf_printf(&all, "%s,", out[k].ptr);
		assert_string_equal(buf_str(&all).ptr, cases[i].expect);
		buf_fini(&all);
	}
	assert_int_equal(drive_mail_addresses(text_slice("a,b,c,d,e,f"), pool,
			     out, 4), 4);
	pool_destroy(&pool);
}

/* test_guesses - envelopes from headers */
static void
test_guesses(void **state)
{
	static const struct {
		const char *raw, *sender, *rcpts, *helo;
	} cases[] = {
		{ "", "sender@example.org", "recipient@example.com,",
		    "client.example" },
		{ "Return-Path: <r@p>\nFrom: f@f\nTo: t@t, u@u\n", "r@p",
		    "t@t,u@u,", "client.example" },
		{ "Return-Path: <>\nFrom: f@f\n", "",
		    "recipient@example.com,", "client.example" },
		{ "From u@f Thu Aug 22 12:36:23 2002\nFrom: f@f\n", "u@f",
		    "recipient@example.com,", "client.example" },
		{ "From MAILER-DAEMON Thu\nFrom: f@f\n", "",
		    "recipient@example.com,", "client.example" },
		{ "From: F <f@f>\nDelivered-To: d@d\nX-Original-To: x@x\n"
		  "To: t@t\n", "f@f", "x@x,", "client.example" },
		{ "Delivered-To: d@d\nDelivered-To: e@e\nTo: t@t\n",
		    "sender@example.org", "d@d,", "client.example" },
		{ "To: undisclosed-recipients:;\n", "sender@example.org",
		    "recipient@example.com,", "client.example" },
		{ "To: <>\n", "sender@example.org", "recipient@example.com,",
		    "client.example" },
		{ "Received: from a.b (c.d [192.0.2.1])\n by x\n"
		  "Received: from first\n", "sender@example.org",
		    "recipient@example.com,", "a.b" },
		{ "Received:\n from a.b\n by x\n", "sender@example.org",
		    "recipient@example.com,", "a.b" },
		{ "Received: by x\n", "sender@example.org",
		    "recipient@example.com,", "client.example" },
		{ "Received: from [192.0.2.7](x)\n", "sender@example.org",
		    "recipient@example.com,", "[192.0.2.7]" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct drive_mail m;
		struct drive_envelope e;
		struct buf all = BUF_INIT;

		drive_mail_init(&m, text_slice(cases[i].raw), false);
		drive_mail_guess(&m, &e);
		assert_string_equal(e.sender.ptr, cases[i].sender);
		assert_string_equal(e.helo.ptr, cases[i].helo);
		for (size_t k = 0; k < e.nrcpts; k++)
			buf_printf(&all, "%s,", e.rcpts[k].ptr);
		assert_string_equal(buf_str(&all).ptr, cases[i].rcpts);
		buf_fini(&all);
		drive_mail_fini(&m);
	}
}

/* test_mailboxes - a file's messages */
static void
test_mailboxes(void **state)
{
#define FROM "From a@b Thu Aug 22 12:36:23 2002\n"
	static const struct {
		const char *data, *expect[4];
	} cases[] = {
		{ "", { "" } }, { "A: b\n\nx\n", { "A: b\n\nx\n" } },
		/* no mailbox: what looks like a separator is text */
		{ "A: b\n\n\n" FROM "C: d\n", { "A: b\n\n\n" FROM "C: d\n" } },
		{ FROM "A: b\n\nx\n", { FROM "A: b\n\nx\n" } },
		{ FROM "A: b\n\nx\n\n", { FROM "A: b\n\nx\n" } },
		{ FROM "A: b\n\nx\n\n" FROM "C: d\n\ny\n\n",
		    { FROM "A: b\n\nx\n", FROM "C: d\n\ny\n" } },
		{ "From a@b Thu Aug 22 12:36:23 2002\r\nA: b\r\n\r\nx\r\n\r\n"
		  FROM "C: d\n", { "From a@b Thu Aug 22 12:36:23 2002\r\n"
				   "A: b\r\n\r\nx\r\n", FROM "C: d\n" } },
		/* prose, and a separator without an empty line before it */
		{ FROM "A: b\n\n\nFrom here at 12:30 on\n\nFrom now on\nx\n"
		  FROM "y\n", { FROM "A: b\n\n\nFrom here at 12:30 on\n\n"
				"From now on\nx\n" FROM "y\n" } },
		{ FROM "\n" FROM "\n" FROM, { FROM, FROM, FROM } }
	};
#undef FROM

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct drive_source s;
		weir_str out;
		size_t n = 0;

		drive_source_of(&s, cases[i].data, strlen(cases[i].data));
		while (drive_source_next(&s, &out)) {
			char *got = xstrndup(out.ptr, out.len);

			assert_true(n < 4 && cases[i].expect[n] != NULL);
			assert_string_equal(got, cases[i].expect[n]);
			n++;
			free(got);
			assert_int_equal(drive_source_has_more(&s),
			    cases[i].expect[1] != NULL);
		}
		assert_true(n > 0);
		assert_true(n == 4 || cases[i].expect[n] == NULL);
		drive_source_close(&s);
	}
}

/* test_write - a small file */
static void
test_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* test_folders - all files below, in order; what is missing is told */
static void
test_folders(void **state)
{
	static const char *const expect[] = { "b", "c/1", "c/2", "link" };
	struct drive_files files = { VEC_INIT };
	struct err err = { "" };
	struct drive_source s;
	char dir[128], path[160];

	(void)state;
	text_temporary(dir, sizeof(dir), "weir-drive");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("c", 0700), 0);
	test_write("c/2", "2");
	test_write("c/1", "1");
	test_write("b", "b");
	assert_int_equal(symlink("b", "link"), 0);
	assert_int_equal(symlink("c", "linked-folder"), 0);
	assert_int_equal(drive_files_add(&files, dir, &err), 0);
	assert_int_equal(files.paths.n, 4);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, expect[i]);
		assert_string_equal(files.paths.v[i], path);
	}
	assert_int_equal(drive_files_add(&files, "c/1", &err), 0);
	assert_int_equal(files.paths.n, 5);
	assert_int_equal(drive_files_add(&files, "none", &err),
	    WEIR_E_NOTFOUND);
	assert_string_equal(err.text, "none: No such file or directory");
	assert_int_equal(drive_source_open(&s, "none", &err),
	    WEIR_E_NOTFOUND);
	assert_int_equal(drive_source_open(&s, "c/2", &err), 0);
	assert_string_equal(s.data.ptr, "2");
	drive_source_close(&s);
	/* a broken link is told, the rest is there */
	assert_int_equal(symlink("nowhere", "c/3"), 0);
	drive_files_fini(&files);
	err.text[0] = '\0';
	assert_int_equal(drive_files_add(&files, "c", &err), WEIR_E_NOTFOUND);
	assert_string_equal(err.text, "c/3: No such file or directory");
	assert_int_equal(files.paths.n, 2);
	drive_files_fini(&files);
	unlink("c/3");
	unlink("c/1");
	unlink("c/2");
	rmdir("c");
	unlink("b");
	unlink("link");
	unlink("linked-folder");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* test_diff - each character a line */
static char *
test_diff(const char *a, const char *b)
{
	weir_str la[2000], lb[2000];
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < strlen(a); i++)
		la[i] = (weir_str){ a + i, 1 };
	for (size_t i = 0; i < strlen(b); i++)
		lb[i] = (weir_str){ b + i, 1 };
	drive_diff_lines(la, strlen(a), lb, strlen(b), &out);
	buf_add_char(&out, '\0');
	return buf_steal(&out);
}

/* test_hunks - unified hunks */
static void
test_hunks(void **state)
{
	static const struct {
		const char *a, *b, *expect;
	} cases[] = {
		{ "", "", "" }, { "abc", "abc", "" },
		{ "", "a", "@@ -0,0 +1,1 @@\n+a\n" },
		{ "a", "", "@@ -1,1 +0,0 @@\n-a\n" },
		{ "abcdefg", "abcXefg", "@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+X\n"
					" e\n f\n g\n" },
		{ "abcdefghi", "abcdefghiX",
		    "@@ -7,3 +7,4 @@\n g\n h\n i\n+X\n" },
		{ "abcdefghi", "Xabcdefghi",
		    "@@ -1,3 +1,4 @@\n+X\n a\n b\n c\n" },
		/* six lines between two changes: one hunk; seven: two */
		{ "A123456B", "X123456Y", "@@ -1,8 +1,8 @@\n-A\n+X\n 1\n 2\n"
					  " 3\n 4\n 5\n 6\n-B\n+Y\n" },
		{ "A1234567B", "X1234567Y", "@@ -1,4 +1,4 @@\n-A\n+X\n 1\n 2\n"
					    " 3\n@@ -6,4 +6,4 @@\n 5\n 6\n"
					    " 7\n-B\n+Y\n" },
		{ "abcabba", "cbabac", "@@ -1,7 +1,6 @@\n-a\n-b\n c\n+b\n a\n"
				       " b\n-b\n a\n+c\n" }
	};
	static char long_a[1001], long_b[1001];
	char *got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		got = test_diff(cases[i].a, cases[i].b);
		assert_string_equal(got, cases[i].expect);
		free(got);
	}
	/* too different for the shortest diff: replaced as a whole */
	memset(long_a, 'a', 1000);
	memset(long_b, 'b', 1000);
	long_a[500] = long_b[500] = 'c';
	got = test_diff(long_a, long_b);
	assert_memory_equal(got, "@@ -1,1000 +1,1000 @@\n-a\n", 25);
	assert_int_equal(strlen(got), 22 + 6000);
	free(got);
}

/* test_edits - a plan carried out */
static void
test_edits(void **state)
{
	static const struct {
		struct edit e[4];
		const char *expect;
	} cases[] = {
		{ { { .kind = EDIT_HEADER_ADD, .name = { "X", 1 },
		      .value = { "1\n 2", 4 } } },
		    "@@ -2,5 +2,7 @@\n B: 2\n A: 3\n  folded\n+X: 1\n+ 2\n"
		    " \n body\n" },
		{ { { .kind = EDIT_HEADER_INSERT, .name = { "X", 1 },
		      .value = { "\tv", 2 } } },
		    "@@ -1,3 +1,4 @@\n+X:\tv\n A: 1\n B: 2\n A: 3\n" },
		/* occurrences count from the top, names whatever their case */
		{ { { .kind = EDIT_HEADER_DELETE, .n = 2, .name = { "a", 1 } },
		      { .kind = EDIT_HEADER_CHANGE, .n = 1,
			.name = { "a", 1 }, .value = { "9", 1 } } },
		    "@@ -1,6 +1,4 @@\n-A: 1\n+a: 9\n B: 2\n-A: 3\n- folded\n"
		    " \n body\n" },
		{ { { .kind = EDIT_HEADER_DELETE, .n = 3,
		      .name = { "A", 1 } } }, "" },
		{ { { .kind = EDIT_SENDER, .name = { "a@b", 3 } } }, "" },
		{ { { .kind = EDIT_BODY,
		      .value = { "new\r\nlines\x1b\r\n", 13 } } },
		    "@@ -3,4 +3,5 @@\n A: 3\n  folded\n \n-body\n+new\n"
		    "+lines\\x1b\n" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = BUF_INIT, expect = BUF_INIT;
		struct edit edits[4], *plan[4];
		struct drive_mail m;
		uint32_t n = 0;

		drive_mail_init(&m, text_slice("A: 1\nB: 2\nA: 3\n folded\n\n"
					       "body\n"), false);
		memcpy(edits, cases[i].e, sizeof(edits));
		for (; n < 4 && (edits[n].name.ptr != NULL ||
				    edits[n].value.ptr != NULL); n++)
			plan[n] = &edits[n];
		drive_diff_message(&m, plan, n, "m", &out);
		if (cases[i].expect[0] != '\0')
			buf_add_str(&expect, "--- m\n+++ m as delivered\n");
		buf_add_str(&expect, cases[i].expect);
		assert_string_equal(buf_str(&out).ptr, buf_str(&expect).ptr);
		buf_fini(&out);
		buf_fini(&expect);
		drive_mail_fini(&m);
	}
}

/* test_times - what --now understands */
static void
test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "0", 0 }, { "1700000000", 1700000000000 },
		{ "1700000000.5", 1700000000500 },
		{ "2023-11-14T22:13:20Z", 1700000000000 },
		{ "2023-11-14t22:13:20.125z", 1700000000125 },
		{ "2023-11-14 23:43:20+01:30", 1700000000000 },
		{ "2023-11-14T17:13:20-05:00", 1700000000000 },
		{ "", -1 }, { "now", -1 }, { "12x", -1 }, { "-5", -1 },
		{ "2023-11-14", -1 }, { "2023-11-14T22:13:20", -1 },
		{ "2023-13-14T22:13:20Z", -1 },
		{ "2023-11-14T22:13:20Zx", -1 },
		{ "2023-11-14T22:13:20+1", -1 },
		{ "99999999999999999999", -1 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ms = -1;

		if (drive_options_time(cases[i].text, &ms) < 0)
			ms = -1;
		assert_int_equal(ms, cases[i].ms);
	}
}

/* test_case_words - what a line is split into */
static void
test_case_words(void **state)
{
	static const char text[] = "# comment\ncase  two words \r\n"
				   "  client 192.0.2.1 \"a \\\"b\\\\ \\x41\\n\"\n"
				   "zone x. A 192.0.2.1 ; y\n"
				   "mail <<END\nA: b\n\n END\nEND\n"
				   "config <<  E \nx {}\nE\n"
				   "expect no symbol X\ncase other\nsend";
	struct drive_cases cases;
	struct err err = { "" };
	const struct case_step *s;

	(void)state;
	assert_int_equal(drive_cases_parse(&cases, text, sizeof(text) - 1,
			     &err), WEIR_OK);
	assert_int_equal(cases.v.n, 2);
	assert_string_equal(cases.v.v[0].title.ptr, "two words");
	assert_int_equal(cases.v.v[0].line, 2);
	assert_int_equal(cases.v.v[0].steps.n, 5);
	s = &cases.v.v[0].steps.v[0];
	assert_int_equal(s->verb, CASE_CLIENT);
	assert_int_equal(s->n, 2);
	assert_string_equal(s->words[1].ptr, "a \"b\\ A\n");
	s = &cases.v.v[0].steps.v[1];
	assert_string_equal(s->rest.ptr, "x. A 192.0.2.1 ; y");
	s = &cases.v.v[0].steps.v[2];
	assert_string_equal(s->block.ptr, "A: b\n\n END\n");
	s = &cases.v.v[0].steps.v[3];
	assert_string_equal(s->block.ptr, "x {}\n");
	assert_int_equal(s->n, 0);
	assert_int_equal(cases.v.v[0].steps.v[4].line, 13);
	assert_int_equal(cases.v.v[1].steps.v[0].verb, CASE_SEND);
	drive_cases_fini(&cases);
}

/* test_case_mistakes - each is named with its line */
static void
test_case_mistakes(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = {
		{ "", "0: there is no case in it" },
		{ "helo x\n", "1: the first statement must be" },
		{ "case\n", "1: a case needs a title" },
		{ "case x\nhello y\n", "did you mean \"helo\"" },
		{ "case x\n\nclient\n", "3: client takes 1 to 2 words" },
		{ "case x\nclient a b c\n", "2: client takes 1 to 2 words" },
		{ "case x\nhelo \"y\n", "2: a string without" },
		{ "case x\nhelo \"\\q\"\n", "2: a backslash" },
		{ "case x\nhelo \"a\"b\n", "2: no blank behind" },
		{ "case x\nmail <<END\nfoo\n", "2: nothing ends this block" },
		{ "case x\nhelo <<END\nEND\n", "2: helo takes no block" },
		{ "case x\nmail << END\nfoo\n", "2: nothing ends this block" },
		{ "case x\nmail <<\nfoo\n", "2: no word behind <<" },
		{ "case x\nmail\n", "2: mail needs a word or a block" },
		{ "case x\nsend\noption a = 1\n", "3: option must stand" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct drive_cases out;
		struct err err = { "" };

		assert_int_equal(drive_cases_parse(&out, cases[i].text,
				     strlen(cases[i].text), &err),
		    WEIR_E_INVAL);
		if (strstr(err.text, cases[i].expect) == NULL)
			fail_msg("%s: %s", cases[i].expect, err.text);
	}
}

/* test_globs - patterns of expectations */
static void
test_globs(void **state)
{
	static const struct {
		const char *text, *pattern;
		bool whole, part;
	} cases[] = {
		{ "", "", true, true }, { "a", "", false, true },
		{ "abc", "abc", true, true }, { "abc", "b", false, true },
		{ "abc", "a*", true, true }, { "abc", "*c", true, true },
		{ "abc", "a?c", true, true }, { "abc", "a?", false, true },
		{ "aXbXc", "a*X?", true, true }, { "abc", "d", false, false },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*c", false,
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		weir_str t = text_slice(cases[i].text);
		weir_str p = text_slice(cases[i].pattern);

		assert_int_equal(drive_glob(t, p), cases[i].whole);
		assert_int_equal(drive_glob_in(t, p), cases[i].part);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_guesses),
		cmocka_unit_test(test_mailboxes),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_hunks),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_case_words),
		cmocka_unit_test(test_case_mistakes),
		cmocka_unit_test(test_globs)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
