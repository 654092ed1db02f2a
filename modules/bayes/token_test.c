/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_test - reading mails into tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "files.h"
#include "token.h"

static struct tokens *t;

static int
setup(void **state)
{
	(void)state;
	t = tokens_create();
	t->named = true;
	return t == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	tokens_destroy(&t);
	return t != NULL;
}

/* has - is there a token of this group and text? */
static bool
has(enum token_group group, const char *name)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (t->v[i].group == group &&
		    strcmp(token_name(t, i), name) == 0)
			return true;
	}
	return false;
}

static void
read_mail(const char *mail)
{
	token_read(t, (weir_str){ mail, strlen(mail) });
}

/* of_group - how many tokens */
static unsigned
of_group(enum token_group group)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++)
		n += t->v[i].group == group;
	return n;
}

/* Grams are the same wherever they stand. */
static void
test_grams(void **state)
{
	const char *const one = "Subject: V1agra\n\nbuy \t\n cheap V1agra now, "
				"it is the cheapest that can be had\n";
	char *names[200] = { NULL };
	unsigned n = 0;

	(void)state;
	read_mail(one);
	assert_int_equal(of_group(TOKEN_SUBJECT_GRAM), 3);
	assert_true(has(TOKEN_SUBJECT_GRAM, "subject gram:V1ag"));
	assert_true(has(TOKEN_SUBJECT_GRAM, "subject gram:agra"));
	assert_in_range(of_group(TOKEN_GRAM), 45, 55);
	for (unsigned i = 0; i < t->n; i++) {
		if (t->v[i].group == TOKEN_GRAM)
			names[n++] = strdup(token_name(t, i));
	}
	/* blanks are one */
	read_mail("Subject: V1agra\n\nbuy cheap V1agra now, it is the cheapest "
		  "that can be had\n");
	assert_int_equal(of_group(TOKEN_GRAM), n);
	while (n > 0) {
		assert_true(has(TOKEN_GRAM, names[--n]));
		free(names[n]);
	}
	read_mail("Subject: abc\n\nabc");
	assert_int_equal(of_group(TOKEN_SUBJECT_GRAM), 0);
}

/* What a list adds has a group of its own, whatever field it stands in. */
static void
test_list(void **state)
{
	const char *const hops = "Received: from list.example.org "
				 "([192.0.2.1]) by us\n"
				 "Received: from home.example.com "
				 "([198.51.100.7]) by list.example.org\n";
	char mail[1000];

	(void)state;
	snprintf(mail, sizeof(mail), "%s%s", hops,
	    "From: ann@example.com\nTo: Users <USERS@list.example.org>\n"
	    "Cc: bob@example.net\nSender: users-admin@list.example.org\n"
	    "Precedence: bulk\nSubject: Re: [users] RE: cheap pills\n\nhi\n");
	read_mail(mail);
	assert_true(t->list.found);
	assert_string_equal(t->list.address, "users@list.example.org");
	assert_true(has(TOKEN_LIST, "list tag:users"));
	assert_true(has(TOKEN_LIST, "to:users@list.example.org") ||
	    has(TOKEN_LIST, "to:USERS@list.example.org"));
	assert_true(has(TOKEN_LIST, "sender:list.example.org"));
	assert_true(has(TOKEN_LIST, "precedence:bulk"));
	assert_true(has(TOKEN_ADDRESS, "from:ann@example.com"));
	assert_true(has(TOKEN_ADDRESS, "cc:example.net"));
	assert_true(has(TOKEN_SUBJECT, "subject:cheap"));
	assert_false(has(TOKEN_SUBJECT, "subject:users"));
	/* the oldest hop is the author's */
	assert_true(has(TOKEN_ROUTE, "via net:198.51.100.7"));
	assert_true(has(TOKEN_LIST_ROUTE, "via net:192.0.2.1"));
	assert_false(has(TOKEN_ROUTE, "via net:192.0.2.1"));

	/* the same from a person */
	snprintf(mail, sizeof(mail), "%s%s", hops,
	    "From: ann@example.com\nTo: Users <users@list.example.org>\n"
	    "Sender: ann-administrator@list.example.org\n"
	    "Precedence: bulk\nSubject: [ users cheap pills\n\nhi\n");
	read_mail(mail);
	assert_false(t->list.found);
	assert_int_equal(of_group(TOKEN_LIST), 0);
	assert_int_equal(of_group(TOKEN_LIST_ROUTE), 0);
	assert_true(has(TOKEN_HEADER, "precedence:bulk"));
	assert_true(has(TOKEN_SUBJECT, "subject:users"));
	assert_true(has(TOKEN_ROUTE, "via net:192.0.2.1"));
}

/* How the address of a list is told. */
static void
test_list_fields(void **state)
{
	static const struct {
		const char *mail, *address;
		bool found;
	} cases[] = {
		{ "List-Post: <mailto:u@l.example?subject=x>\n\n",
		    "u@l.example", true },
		{ "X-BeenThere: u@l.example\nList-Id: x <u.l.example>\n\n",
		    "u@l.example", true },
		{ "Mailing-List: list u@l.example; contact u-o@l.example\n\n",
		    "u@l.example", true },
		{ "Errors-To: owner-u@l.example\n\n", "u@l.example", true },
		{ "Sender: u-bounces@l.example\n\n", "u@l.example", true },
		/* written at delivery, so not there when it is judged */
		{ "Return-Path: <u-bounces@l.example>\n\n", "", false },
		{ "List-Id: Users <u.l.example>\n\n", "", true },
		{ "List-Post: NO (posting is not allowed)\n\n", "", true },
		{ "List-Post: @\nList-Post: a@\nList-Post: @b\n\n", "",
		    true },
		{ "Sender: -admin@l.example\n\n", "", false },
		{ "Sender: owner-@l.example\n\n", "", false },
		{ "Sender: u@l.example\nErrors-To: \n\n",
		    "", false },
		{ "List-Post: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@l.example\n\n", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		read_mail(cases[i].mail);
		assert_string_equal(t->list.address, cases[i].address);
		assert_int_equal(t->list.found, cases[i].found);
	}
}

/* The number of a message is the same whichever way from the list it came. */
static void
test_list_identity(void **state)
{
	uint64_t id;

	(void)state;
	read_mail("Received: from a.example by b.example\n"
		  "Received: from c.example by a.example\n"
		  "List-Id: <u.l.example>\nSubject: [u] x\n\nhi\n");
	id = t->id[0];
	read_mail("Received: from d.example by e.example\n"
		  "Received: from a.example by d.example\n"
		  "Received: from c.example by a.example\n"
		  "List-Id: <u.l.example>\nSubject: [u] x\n\nhi\n");
	assert_true(id == t->id[0]);
	read_mail("Received: from c.example by a.example\n"
		  "List-Id: <u.l.example>\nSubject: [v] x\n\nhi\n");
	assert_true(id != t->id[0]);
}

static void
test_header(void **state)
{
	(void)state;
	read_mail("From: =?utf-8?q?J=C3=96RG?= <joerg@mail.example.com>\r\n"
		  "Subject: =?iso-8859-1?B?TfxuY2hlbg==?=\r\n"
		  " =?iso-8859-1?q?_Cheap?= Pills!!!\r\n"
		  "Date: Tue, 3 Sep 2002 00:15:32 -0700\r\n"
		  "Message-ID: <ABC123.xyz@host.example.net>\r\n"
		  "X-Spam-Status: Yes, score=99 tests=SECRET\r\n"
		  "Received: from mx.example.org ([192.0.2.77]) by us; Mon\r\n"
		  "\r\nHello\r\n");
	assert_true(has(TOKEN_SUBJECT, "subject:m\xc3\xbcnchen"));
	assert_true(has(TOKEN_SUBJECT, "subject:cheap"));
	assert_true(has(TOKEN_SUBJECT, "subject:pills"));
	assert_true(has(TOKEN_SUBJECT, "subject:cheap pills"));
	assert_true(has(TOKEN_SUBJECT, "subject:!3"));
	assert_true(has(TOKEN_ADDRESS, "from:j\xc3\xb6rg"));
	assert_true(has(TOKEN_ADDRESS, "from:joerg@mail.example.com"));
	assert_true(has(TOKEN_ADDRESS, "from:example.com"));
	assert_true(has(TOKEN_HEADER, "zone:-0700"));
	assert_true(has(TOKEN_HEADER, "id:<A0.a"));
	assert_true(has(TOKEN_HEADER, "id host:example.net"));
	assert_true(has(TOKEN_ROUTE, "via net:192.0.2"));
	assert_true(has(TOKEN_ROUTE, "via:example.org"));
	assert_true(has(TOKEN_WORD_, "hello"));
	/* what other filters said of it is no evidence */
	for (unsigned i = 0; i < t->n; i++)
		assert_null(strstr(token_name(t, i), "secret"));
}

static void
test_html(void **state)
{
	(void)state;
	read_mail(
	    "Content-Type: text/html; charset=utf-8\n\n"
	    "<html><head><style>p { color: stylish }</style></head><body>"
	    "<p>Buy V<b>ia</b>g<!-- x -->ra&excl; caf&eacute; &#x41;bc</p>"
	    "<span style=\"font-size:0px\">secret<b>words</b></span> seen "
	    "<font color=\"#FFFFFF\">whitish</font>"
	    "<a href='http://user@www.Example.com:8080/a/offer?x=1'>go</a>"
	    "<script>var scripted = 1;</script>"
	    "<img src=http://192.0.2.9/p.gif width=1 height=1 alt=pixel>"
	    "</body></html>");
	assert_true(has(TOKEN_WORD_, "viagra"));
	assert_true(has(TOKEN_WORD_, "caf\xc3\xa9"));
	assert_true(has(TOKEN_WORD_, "abc"));
	assert_true(has(TOKEN_WORD_, "seen"));
	assert_true(has(TOKEN_WORD_, "pixel"));
	assert_false(has(TOKEN_WORD_, "buy viagra"));
	assert_true(has(TOKEN_HIDDEN, "hidden:secretwords"));
	assert_true(has(TOKEN_HIDDEN, "hidden:whitish"));
	assert_false(has(TOKEN_WORD_, "secretwords"));
	assert_false(has(TOKEN_WORD_, "whitish"));
	assert_false(has(TOKEN_WORD_, "scripted"));
	assert_false(has(TOKEN_WORD_, "stylish"));
	assert_true(has(TOKEN_URL, "host:example.com"));
	assert_true(has(TOKEN_URL, "host:www.example.com"));
	assert_true(has(TOKEN_URL, "port:8080"));
	assert_true(has(TOKEN_URL, "at:1"));
	assert_true(has(TOKEN_URL, "path:offer"));
	assert_true(has(TOKEN_URL, "host is:ip"));
	assert_true(has(TOKEN_HTML, "tag:font"));
	assert_true(has(TOKEN_HTML, "look:img width=1"));
}

static void
test_mime(void **state)
{
	(void)state;
	read_mail(
	    "Content-Type: multipart/mixed; boundary=\"in=ner\"\n\n"
	    "preamble words\n--in=ner\n"
	    "Content-Type: text/plain; charset=koi8-r\n"
	    "Content-Transfer-Encoding: base64\n\n8NLJ18XU\n"
	    "--in=ner\n"
	    "Content-Type: text/plain\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "soft=\nbreak na=C3=AFve\n"
	    "--in=ner\n"
	    "Content-Type: application/zip; name=\"Invoice.PDF.exe\"\n"
	    "Content-Transfer-Encoding: base64\n\nUEsDBA==\n"
	    "--in=ner--\nepilogue\n");
	assert_true(has(TOKEN_WORD_,
	    "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"));
	assert_true(has(TOKEN_WORD_, "softbreak"));
	assert_true(has(TOKEN_WORD_, "na\xc3\xafve"));
	assert_true(has(TOKEN_MIME, "type:application/zip"));
	assert_true(has(TOKEN_MIME, "extension:.exe"));
	assert_false(has(TOKEN_WORD_, "preamble"));
	assert_false(has(TOKEN_WORD_, "epilogue"));
}

static void
test_scripts(void **state)
{
	(void)state;
	read_mail("Content-Type: text/plain; charset=utf-8\n\n"
	    /* four Han characters, then Hangul, then Thai */
	    "\xe5\x85\x8d\xe8\xb4\xb9\xe4\xbc\x98\xe6\x83\xa0 "
	    "\xed\x95\x9c\xea\xb5\xad "
	    "\xe0\xb8\x9f\xe0\xb8\xa3\xe0\xb8\xb5 "
	    /* soft hyphen and zero width space inside a word */
	    "vi\xc2\xad" "a\xe2\x80\x8bgra "
	    /* fullwidth letters */
	    "\xef\xbc\xa6\xef\xbc\xb2\xef\xbc\xa5\xef\xbc\xa5");
	assert_true(has(TOKEN_WORD_, "\xe5\x85\x8d\xe8\xb4\xb9"));
	assert_true(has(TOKEN_WORD_, "\xe8\xb4\xb9\xe4\xbc\x98"));
	assert_true(has(TOKEN_WORD_, "\xed\x95\x9c\xea\xb5\xad"));
	assert_true(has(TOKEN_WORD_, "\xe0\xb8\x9f\xe0\xb8\xa3"));
	assert_true(has(TOKEN_WORD_, "viagra"));
	assert_true(has(TOKEN_WORD_, "free"));
}

static void
test_id(void **state)
{
	const char *mail = "From: a@example.com\nMessage-ID: <1@x>\n\nhi you\n";
	const char *hops = "Received: from q.example by z.example; x\n"
			   "X-Spam-Flag: YES\nDelivered-To: me@here\n";
	char other[400];
	uint64_t id[2];

	(void)state;
	read_mail(mail);
	memcpy(id, t->id, sizeof(id));
	/* the same mail after delivery, and over the wire */
	snprintf(other, sizeof(other), "%s%s", hops, mail);
	read_mail(other);
	assert_memory_equal(id, t->id, sizeof(id));
	read_mail("From: a@example.com\r\nMessage-ID: <1@x>\r\n\r\n"
		  "hi you\r\n");
	assert_memory_equal(id, t->id, sizeof(id));
	read_mail("From: a@example.com\nMessage-ID: <2@x>\n\nhi you\n");
	assert_memory_not_equal(id, t->id, sizeof(id));
	read_mail("From: a@example.com\nMessage-ID: <1@x>\n\nhi him\n");
	assert_memory_not_equal(id, t->id, sizeof(id));
}

static void
test_limits(void **state)
{
	size_t n = 3 << 20;
	char *big = malloc(n + 1);

	(void)state;
	t->named = false;
	/* a million words */
	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i % 7 == 6 ? ' ' : 'a' + (i * i / 13) % 26);
	memcpy(big, "A: b\n\n", 6);
	token_read(t, (weir_str){ big, n });
	assert_true(t->n <= TOKEN_MAX);
	/* a header without end, tags without end, boundaries without number */
	memset(big, '<', n);
	memcpy(big, "Content-Type: text/html\n\n", 25);
	token_read(t, (weir_str){ big, n });
	for (size_t i = 0; i + 5 < n; i += 5)
		memcpy(big + i, "--x\n\n", 5);
	memcpy(big, "Content-Type: multipart/mixed; boundary=x\n\n", 43);
	token_read(t, (weir_str){ big, n });
	assert_true(t->reader.n_parts <= READER_PARTS);
	assert_true(t->reader.truncated);
	for (size_t i = 0; i + 8 < n; i += 8)
		memcpy(big + i, "=?x?q?a ", 8);
	memcpy(big, "Subject:", 8);
	token_read(t, (weir_str){ big, n });
	token_read(t, (weir_str){ big, 0 });
	assert_int_equal(t->reader.n_fields, 0);
	free(big);
}

static const char *seen[8];
static unsigned n_seen;

static bool
see(const char *name, weir_str raw, void *arg)
{
	(void)arg;
	assert_true(n_seen < 8);
	assert_true(raw.len > 0);
	seen[n_seen++] = strdup(name);
	return true;
}

static void
test_mbox(void **state)
{
	const char *mbox =
	    "From a@example.com Tue Sep  3 00:15:32 2002\n"
	    "Subject: one\n\nFrom here on it is text\n\n"
	    "From b@example.com  Wed Sep  4 00:15:32 2002\nSubject: two\n\nx\n";
	struct files f = { .fn = see };

	(void)state;
	n_seen = 0;
	files_split(&f, "box", (weir_str){ mbox, strlen(mbox) });
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[1], "box#2");
	files_split(&f, "one", (weir_str){ mbox, 60 });
	assert_int_equal(n_seen, 3);
	assert_string_equal(seen[2], "one");
	files_split(&f, "none", (weir_str){ "\x7f" "ELF\n:", 6 });
	assert_int_equal(f.skipped, 1);
	while (n_seen > 0)
		free((char *)(uintptr_t)seen[--n_seen]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_fields, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_list_identity, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_html, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mime, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scripts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test(test_mbox)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
