/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_test - transfer encodings, charsets, encoded words, HTML, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"
#include "mail/html.h"
#include "mail/links.h"

static void
base64_readings(void **state)
{
	static const struct {
		const char *in;
		bool odd;
		const char *out[DECODE_B64_READINGS];
	} table[] = {
		{ "QUJDREVG", false, { "ABCDEF", "ABCDEF", "ABCDEF" } },
		{ "QUJD\r\nREVG\r\n", false, { "ABCDEF" } },
		{ "QUI=", false, { "AB", "AB", "AB" } },
		{ "QQ==\r\n", false, { "A", "A", "A" } },
		{ "QQ", false, { "A" } }, /* padding is often lost */
		{ "QQ==QUJD", true, { "AABC", "A" } },
		{ "QUJD#RE#VG", true, { "ABCDEF", "ABCDEF", "ABCDEF" } },
		{ "QUJD\nABC\nREVG", true, { NULL, NULL, NULL, "ABCDEF" } },
		{ "QUJD#junk\nREVG", true,
		    { NULL, NULL, NULL, NULL, NULL, "ABCDEF" } },
		{ "", false, { "", "" } },
		{ "=", true, { "" } },
		{ "Q", false, { "" } },
	};
	char dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		weir_str in = text_slice(table[i].in);

		if (decode_base64_is_odd(in) != table[i].odd)
			fail_msg("%s: odd is not %d", table[i].in,
			    table[i].odd);
		for (unsigned how = 0; how < DECODE_B64_READINGS; how++) {
			bool more = false;
			size_t n = decode_base64(dst, sizeof(dst), in, how,
			    &more);

			assert_false(more);
			assert_true(n <= decode_bound(DECODE_BASE64, in.len));
			if (table[i].out[how] == NULL)
				continue;
			if (!text_equals((weir_str){ dst, n },
				table[i].out[how]))
				fail_msg("%s read as %u: %.*s", table[i].in,
				    how, (int)n, dst);
		}
	}
}

static void
decoders_respect_their_room(void **state)
{
	weir_str b64 = text_slice("QUJDREVG"), qp = text_slice("ab=3Dcd\r\nx"),
		 uu = text_slice("begin 644 x\n&04)#1$5&\n`\nend\n");
	char dst[16];

	(void)state;
	for (size_t cap = 0; cap < 12; cap++) {
		bool more = false;
		size_t n;

		memset(dst, '!', sizeof(dst));
		n = decode_base64(dst, cap, b64, DECODE_B64_JOIN, &more);
		assert_int_equal(n, cap < 6 ? cap : 6);
		assert_int_equal(more, cap < 6);
		assert_int_equal(dst[cap], '!');
		more = false;
		n = decode_qp(dst, cap, qp, false, &more);
		assert_int_equal(n, cap < 8 ? cap : 8);
		assert_int_equal(more, cap < 8);
		more = false;
		n = decode_uu(dst, cap, uu, &more);
		assert_int_equal(n, cap < 6 ? cap : 6);
		assert_int_equal(more, cap < 6);
	}
}

static void
qp_uu_yenc(void **state)
{
	static const struct {
		char kind;
		const char *in, *out;
	} table[] = {
		{ 'q', "a=\r\nb", "ab" },
		{ 'q', "a= \t\r\nb", "ab" },
		{ 'q', "a \t\r\nb", "a\r\nb" },
		{ 'q', "=41=4a=4A", "AJJ" },
		{ 'q', "a=zz=4", "a=zz=4" },
		{ 'd', "==41=XX=42= =43", "ABC" },
		{ 'q', "tail=", "tail" },
		{ 'u', "#04)#\n", "ABC" },
		{ 'u', "begin 644 a\n#04)#\n`\nend\n#04)#\n", "ABC" },
		{ 'y', "=ybegin line=128 size=3 name=a\r\nkl=mm\r\n=yend\r\n",
		    "AB\003C" },
	};
	char dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		weir_str in = text_slice(table[i].in);
		bool more = false;
		size_t n;

		if (table[i].kind == 'u')
			n = decode_uu(dst, sizeof(dst), in, &more);
		else if (table[i].kind == 'y')
			n = decode_yenc(dst, sizeof(dst), in, &more);
		else
			n = decode_qp(dst, sizeof(dst), in,
			    table[i].kind == 'd', &more);
		if (!text_equals((weir_str){ dst, n }, table[i].out))
			fail_msg("%s: %.*s", table[i].in, (int)n, dst);
	}
}

static void
headers_unfold_and_decode(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ " plain ", "plain" },
		{ "a\r\n b", "a b" },
		{ "=?utf-8?Q?a_b=C3=A4?=", "a b\xc3\xa4" },
		{ "=?UTF-8?b?w6Q=?=", "\xc3\xa4" },
		{ "=?iso-8859-1?q?=E4?= x", "\xc3\xa4 x" },
		{ "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" },
		{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c" },
		{ "=?utf-8?B?w6?= =?utf-8?B?Q=?=", "\xc3\x83" },
		{ "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xc3\xa4" },
		{ "=?utf-8*en?q?a?=", "a" },
		{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "=?utf-8?q?never closed", "never closed" },
		{ "=?no-such?q?=E4?=", "\xc3\xa4" },
		{ "=?utf-8//IGNORE?q?a?=", "a" },
		{ "\xe4", "\xc3\xa4" },
		{ "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",
		    "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "a =? b", "a =? b" },
		{ "=?", "=?" },
		{ "", "" },
	};
	struct pool *pool = pool_create(1024, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		weir_str out = decode_header(pool, text_slice(table[i].in));

		if (!text_equals(out, table[i].out))
			fail_msg("%s: %s", table[i].in, out.ptr);
	}
	pool_destroy(&pool);
}

static void
charsets_become_utf8(void **state)
{
	static const struct {
		const char *charset, *in;
		size_t len;
		const char *out;
	} table[] = {
		{ "", "a\xc3\xa4", 3, "a\xc3\xa4" },
		{ "us-ascii", "a\xe4", 2, "a\xc3\xa4" },
		{ "utf-8", "a\x80", 2, "a\xe2\x82\xac" },
		{ "\"windows-1252\"", "\x80", 1, "\xe2\x82\xac" },
		{ "koi8-r", "\xc1", 1, "\xd0\xb0" },
		{ "UTF-16BE", "\0a\0b", 4, "ab" },
		{ "utf-16", "\0a\0b", 4, "ab" },
		{ "utf-16", "a\0b\0", 4, "ab" },
		{ "utf-16", "\xff\xfe" "a\0", 4, "a" },
		{ "utf-7", "+AOQ-", 5, "\xc3\xa4" },
		{ "gb2312", "\xc4\xe3", 2, "\xe4\xbd\xa0" },
		/* beyond the last code point */
		{ "utf-8", "\xf4\x9d\x88\x9e", 4,
		    "\xc3\xb4\xc2\x9d\xcb\x86\xc5\xbe" },
		{ "../../etc", "a", 1, "a" },
		{ "iso-2022-cn-ext", "a", 1, "a" },
	};
	struct pool *pool = pool_create(1024, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		weir_str out = decode_charset(pool,
		    text_slice(table[i].charset),
		    (weir_str){ table[i].in, table[i].len }, 100);

		if (!text_equals(out, table[i].out))
			fail_msg("%s: %.*s", table[i].charset, (int)out.len,
			    out.ptr);
	}
	/* cut between characters */
	assert_int_equal(decode_charset(pool, text_slice(""),
			     text_slice("a\xc3\xa4"), 2)
			     .len,
	    1);
	pool_destroy(&pool);
}

static void
collect(weir_str url, void *arg)
{
	buf_add(arg, url.ptr, url.len);
	buf_add_char(arg, '\n');
}

static void
html_text_and_links(void **state)
{
	static const struct {
		const char *in, *text, *links;
	} table[] = {
		{ "<p>a  b</p><p>c<br>d</p>", "a b\nc\nd\n", "" },
		{ "a&amp;b&#65;&nbsp;c", "a&bA\xc2\xa0" "c", "" },
		{ "<style>x</style><script>y()</script>z", "z", "" },
		{ "<head><title>t</title></head><body>b", "b\n", "" },
		{ "a<span style='display: none'>b</span>c", "ac", "" },
		{ "a<span style='FONT-SIZE:0px'>b<b>x</b></span>c", "ac", "" },
		{ "a<span style='font-size:0.9em'>b</span>c", "abc", "" },
		{ "a<div hidden>b</div>c", "a\nc", "" },
		{ "<a href='http://a.example/x?y=1&amp;z=2'>l</a>", "l",
		    "http://a.example/x?y=1&z=2\n" },
		{ "<a href=' ht\ntps://a.example/ '>l</a>", "l",
		    "https://a.example/\n" },
		{ "<a href='http:\\\\a.example\\b'>l</a>", "l",
		    "http://a.example/b\n" },
		{ "<a href='https:a.example'>l</a>", "l",
		    "https://a.example\n" },
		{ "<a href='//a.example'>l</a>", "l", "http://a.example\n" },
		{ "<a href='/rel'>l</a><a href='#x'>m</a>", "lm", "" },
		{ "<base href='http://b.example/d/e'><a href='/r'>l</a>"
		  "<a href='s'>m</a>",
		    "lm", "http://b.example/r\nhttp://b.example/d/s\n" },
		{ "<img src='cid:1'><img src='http://i.example/1.gif'>", "",
		    "http://i.example/1.gif\n" },
		{ "<form action='http://f.example/'></form>", "",
		    "http://f.example/\n" },
		{ "<meta http-equiv=refresh "
		  "content=\"0; URL='http://m.example/'\">",
		    "", "http://m.example/\n" },
		{ "<div style='display:none'><a href='http://h.example'>h</a>",
		    "", "http://h.example\n" },
		{ "<a href='mailto:a@b.example'>l</a>", "l",
		    "mailto:a@b.example\n" },
		{ "<a href=javascript:alert(1)>l</a>", "l", "" },
		{ "<p", "", "" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf text = BUF_INIT, links = BUF_INIT;

		buf_add(&text, "", 0);
		buf_add(&links, "", 0);
		html_read(text_slice(table[i].in), &text, collect, &links);
		if (!text_equals(text_trim(buf_str(&text)),
			table[i].text) &&
		    !text_equals(buf_str(&text), table[i].text))
			fail_msg("%s: text %s", table[i].in, text.ptr);
		if (!text_equals(buf_str(&links), table[i].links))
			fail_msg("%s: links %s", table[i].in, links.ptr);
		buf_fini(&text);
		buf_fini(&links);
	}
	assert_true(text_equals(
	    html_charset(text_slice("<meta charset=\"koi8-r\">")), "koi8-r"));
	assert_int_equal(html_charset(text_slice("<p>")).len, 0);
	assert_int_equal(html_charset(text_slice("x charset=")).len, 0);
}

static void
links_in_plain_text(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "see http://a.example/x.", "http://a.example/x\n" },
		{ "(https://a.example/b)", "https://a.example/b\n" },
		{ "http://a.example/b_(c)", "http://a.example/b_(c)\n" },
		{ "<http://a.example>,HTTP://B.example",
		    "http://a.example\nHTTP://B.example\n" },
		{ "www.a.example/x, xwww.b.example",
		    "http://www.a.example/x\n" },
		{ "ftp://f.example/", "ftp://f.example/\n" },
		{ "http:// gopher://x.example :// http://", "" },
		{ "http://a.example\xc2\xa0x", "http://a.example\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buf links = BUF_INIT;

		buf_add(&links, "", 0);
		links_find(text_slice(table[i].in), collect, &links);
		if (!text_equals(buf_str(&links), table[i].out))
			fail_msg("%s: %s", table[i].in, links.ptr);
		buf_fini(&links);
	}
}

static int
release(void **state)
{
	(void)state;
	decode_fini();
	html_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_readings),
		cmocka_unit_test(decoders_respect_their_room),
		cmocka_unit_test(qp_uu_yenc),
		cmocka_unit_test(headers_unfold_and_decode),
		cmocka_unit_test(charsets_become_utf8),
		cmocka_unit_test(html_text_and_links),
		cmocka_unit_test(links_in_plain_text),
	};

	html_init();
	return cmocka_run_group_tests(tests, NULL, release);
}
