/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mime_test - structure, other readings, anomalies, limits, and time. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/mime.h"

#define FROM "From: a@b.example\r\n"
#define A(code) (1u << WEIR_MIME_A_##code)

static const struct mime_limits usual = MIME_LIMITS_DEFAULT;

/* outline - the parts in one line: depth, type, names, flags */
static void
outline(struct mime *m, struct buf *out)
{
	buf_clear(out);
	for (uint32_t i = 0; i < mime_part_count(m); i++) {
		struct weir_mime_part p = { .size = sizeof(p) };
		weir_str s;

		assert_int_equal(mime_part(m, i, &p), WEIR_OK);
		assert_int_equal(p.type.ptr[p.type.len], 0);
		buf_printf(out, "%s%u %s", i > 0 ? "|" : "", p.depth,
		    p.type.ptr);
		if (p.names > 0) {
			assert_int_equal(mime_part_name(m, i, 0, &s), 0);
			buf_printf(out, " %s", s.ptr);
		}
		if ((p.flags & WEIR_MIME_LEAF) != 0) {
			assert_int_equal(mime_part_data(m, i, 20, &s) &
				~WEIR_E_LIMIT,
			    WEIR_OK);
			buf_printf(out, " '%s'", s.ptr);
		}
		if ((p.flags & WEIR_MIME_ALTERNATE) != 0)
			buf_add_str(out, " alt");
		if ((p.flags & WEIR_MIME_EMBEDDED) != 0)
			buf_add_str(out, " emb");
		if ((p.flags & WEIR_MIME_TRUNCATED) != 0)
			buf_add_str(out, " cut");
	}
}

static uint32_t
anomalies(struct mime *m)
{
	uint32_t code, bits = 0;
	weir_str detail;

	for (uint32_t i = 0; i < mime_anomaly_count(m); i++) {
		assert_int_equal(mime_anomaly_at(m, i, &code, &detail), 0);
		assert_true(detail.len > 10);
		bits |= 1u << code;
	}
	assert_int_equal(mime_anomaly_at(m, mime_anomaly_count(m), &code,
			     &detail),
	    WEIR_E_NOTFOUND);
	return bits;
}

/* Structure and anomalies; NULL for an outline that is tested elsewhere. */
static const struct {
	const char *in, *parts;
	uint32_t anomalies;
} cases[] = {
	{ FROM "\r\nhi\r\n", "0 text/plain 'hi\r\n'", 0 },
	{ "From: a@b\n\nhi\n", "0 text/plain 'hi\n'", 0 },
	{ "From: a@b\nContent-Type: TEXT/Html; charset=x\n\nhi",
	    "0 text/html 'hi'", 0 },
	{ "", "0 text/plain ''", A(MULTI_FROM) },
	{ "\r\n", "0 text/plain ''", A(MULTI_FROM) },
	{ FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n"
	       "--b\r\n\r\none\r\n--b\r\nContent-Type: a/b; name=n\r\n"
	       "Content-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n",
	    "0 multipart/mixed|1 text/plain 'one'|1 a/b n 'two'", 0 },
	{ FROM "Content-Type: multipart/digest; boundary=b\r\n\r\n"
	       "--b\r\n\r\nSubject: x\r\n\r\nin\r\n--b--\r\n",
	    "0 multipart/digest|1 message/rfc822|2 text/plain 'in' emb", 0 },
	{ FROM "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n"
	       "Content-Type: text/html\r\n\r\nin",
	    "0 message/rfc822|1 text/html 'in' emb", 0 },
	/* From */
	{ "\r\nx", NULL, A(MULTI_FROM) },
	{ FROM FROM "\r\nx", NULL, A(MULTI_FROM) },
	{ "From: a@b, c@d\r\n\r\nx", NULL, A(MULTI_FROM) },
	{ "From:\r\n \"a, b\" (c, d)\r\n <a@b>\r\n\r\nx", NULL, 0 },
	{ "From: <a@b> <c@d>\r\n\r\nx", NULL, A(MULTI_FROM) },
	/* headers */
	{ FROM "no field\r\n\r\nx",
	    "0 text/plain 'x'|0 text/plain 'no field\r\n\r\nx' alt|"
	    "0 text/plain '\r\nx' alt",
	    A(BAD_HEADER) },
	{ FROM "A :b\r\n\r\nx", NULL, A(BAD_HEADER) },
	{ FROM "A: b\rc\r\n\r\nx", NULL, A(BARE_CR) | A(BAD_HEADER) },
	{ FROM "A: b\nB: c\r\n\r\nx", NULL, A(BARE_CR) },
	{ FROM "A: b\r\n\r\nx\ny\r\n", NULL, A(BARE_CR) },
	{ FROM "Content-Type: text/plain\r\nContent-Type: a/b\r\n\r\nx", NULL,
	    A(DUP_CONTENT_TYPE) },
	/* encodings */
	{ FROM "Content-Transfer-Encoding: base64\r\n"
	       "Content-Transfer-Encoding: 7bit\r\n\r\neHg=",
	    "0 text/plain 'xx'|0 text/plain 'eHg=' alt", A(DUP_ENCODING) },
	{ FROM "Content-Transfer-Encoding: x-base64\r\n\r\neHg=",
	    "0 text/plain 'xx'|0 text/plain 'eHg=' alt", A(BAD_ENCODING) },
	{ FROM "Content-Transfer-Encoding: base64\r\n\r\neA==eXk=",
	    NULL, A(BAD_BASE64) },
	{ FROM "Content-Type: multipart/mixed; boundary=b\r\n"
	       "Content-Transfer-Encoding: base64\r\n\r\n"
	       "--b\r\n\r\nx\r\n--b--\r\n",
	    "0 multipart/mixed|1 text/plain 'x'", A(BAD_ENCODING) },
	{ FROM "\r\nhi\r\nbegin 644 f.zip\r\n#04)#\r\n`\r\nend\r\n",
	    "0 text/plain 'hi\r\nbegin 644 f.zip\r'|"
	    "1 application/octet-stream f.zip 'ABC'",
	    0 },
	/* boundaries */
	{ FROM "Content-Type: multipart/mixed\r\n\r\nx", NULL,
	    A(BAD_BOUNDARY) | A(NO_END) },
	{ FROM "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--qq\r\n"
	       "Content-Type: a/b\r\n\r\nx\r\n--qq--\r\n",
	    NULL, A(BAD_BOUNDARY) },
	{ FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	       "--b\r\n\r\nx\r\n",
	    "0 multipart/mixed|1 text/plain 'x\r\n'", A(NO_END) },
	{ FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	       "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	       "--b\r\n\r\nx\r\n--b--\r\n",
	    NULL, A(NESTED_BOUNDARY) | A(NO_END) },
	{ FROM "Content-Type: message/partial; id=1\r\n\r\nx", NULL,
	    A(PARTIAL) },
	{ FROM "Content-Disposition: attachment; filename=a.txt\r\n"
	       "Content-Type: a/b; name=a.exe\r\n\r\nx",
	    "0 a/b a.txt 'x'", A(NAMES_DIFFER) },
};

static void
structure_and_anomalies(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pool *pool = pool_create(1024, 0);
		struct mime *m = mime_parse(pool, text_slice(cases[i].in),
		    &usual);

		outline(m, &out);
		if (cases[i].parts != NULL &&
		    !text_equals(buf_str(&out), cases[i].parts))
			fail_msg("%s\nis %s", cases[i].in, out.ptr);
		if (anomalies(m) != cases[i].anomalies)
			fail_msg("%s\nhas anomalies %x, not %x", cases[i].in,
			    anomalies(m), cases[i].anomalies);
		pool_destroy(&pool);
	}
	buf_fini(&out);
}

/* Ways to hide a part from a reader who picks one reading (CVE-2024-28054 and
   its kin): the type field, then a body with EICAR under boundary "in". */
static const char *const hiding[] = {
	"multipart/mixed; boundary=in; boundary=out",
	"multipart/mixed; boundary=out; boundary=in",
	"multipart/mixed; boundary*=''in; boundary=out",
	"multipart/mixed; boundary=out; boundary*0=i; boundary*1=n",
	"multipart/mixed; boundary=in\r\nContent-Type: text/plain",
	"text/plain\r\nContent-Type: multipart/mixed; boundary=in",
	"multipart/mixed; boundary=out\r\n"
	"Content-Type: multipart/mixed; boundary=in",
	"text/plain; boundary=in", "multipart/mixed; x=\"; boundary=in",
	"multipart/mixed; boundary=\"in", "multipart/mixed; (x) boundary=in",
	"multipart/mixed; boundary=(x)in", "multipart/mixed; boun(x)dary=in",
	"multipart/mixed; boundary=\"=?utf-8?q?in?=\"",
	"multipart/mixed; boundary==?utf-8?q?in?=",
	"multipart/mixed; boundary=in ; boundary=\"out\"",
	"multipart/mixed; boundary=", "multipart/mixed", "", "garbage",
	"multipart/mixed\rContent-Type: multipart/mixed; boundary=in",
};

static void
ambiguous_structure_hides_nothing(void **state)
{
	static const char eicar[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-"
				    "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
	static const char b64[] =
	    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFO\r\n"
	    "VElWSVJVUy1URVNULUZJTEUhJEgrSCo=\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++) {
		struct pool *pool = pool_create(4096, 0);
		struct weir_mime_part p = { .size = sizeof(p) };
		bool found = false, other = false;
		struct mime *m;
		weir_str s;

		s.ptr = pool_printf(pool,
		    FROM "Content-Type: %s\r\n\r\n"
			 "--out\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
			 "--in\r\nContent-Type: a/b; name=e.com\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\n%s"
			 "--in--\r\n--out--\r\n",
		    hiding[i], b64);
		s.len = strlen(s.ptr);
		m = mime_parse(pool, s, &usual);
		for (uint32_t k = 0; k < mime_part_count(m); k++) {
			mime_part_data(m, k, SIZE_MAX, &s);
			found = found || text_equals(s, eicar);
			assert_int_equal(mime_part(m, k, &p), WEIR_OK);
			other = other || (p.flags & WEIR_MIME_ALTERNATE) != 0;
		}
		if (!found)
			fail_msg("%s: EICAR not found", hiding[i]);
		if (other && mime_anomaly_count(m) == 0)
			fail_msg("%s: no anomaly", hiding[i]);
		pool_destroy(&pool);
	}
}

static void
accessors_answer_in_bounds(void **state)
{
	struct pool *pool = pool_create(1024, 0);
	struct weir_mime_part p = { .size = sizeof(p) };
	struct mime *m;
	weir_str s;

	(void)state;
	m = mime_parse(pool,
	    text_slice(FROM
		"Subject: =?utf-8?q?=C3=A4?=\r\n b\r\n"
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
		"--b\r\nContent-ID: <i@d>\r\n\r\n"
		"see http://a.example/ and http://b.example/\r\n"
		"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"<p>=E4<a href=3D'http://a.example/'>x</a>"
		"<a href=3D'//c.example'>y</a></p>\r\n--b--\r\n"),
	    &usual);
	assert_int_equal(mime_part_count(m), 3);
	assert_int_equal(mime_part(m, 3, &p), WEIR_E_NOTFOUND);
	assert_int_equal(mime_part(m, 1, &p), WEIR_OK);
	assert_true(text_equals(p.content_id, "i@d"));
	assert_int_equal(p.parent, 0);
	assert_int_equal(mime_part(m, 2, &p), WEIR_OK);
	assert_true(text_equals(p.charset, "iso-8859-1"));
	assert_int_equal(p.flags,
	    WEIR_MIME_LEAF | WEIR_MIME_TEXT | WEIR_MIME_HTML);
	assert_int_equal(p.encoding, 1);
	assert_int_equal(mime_part_text(m, 2, 100, &s), WEIR_OK);
	assert_true(text_equals(text_trim(s), "\xc3\xa4xy"));
	assert_int_equal(mime_part_text(m, 2, 1, &s), WEIR_E_LIMIT);
	assert_int_equal(s.len, 0);
	assert_int_equal(mime_part_text(m, 0, 100, &s), WEIR_E_UNSUPPORTED);
	assert_int_equal(mime_part_data(m, 1, 3, &s), WEIR_E_LIMIT);
	assert_true(text_equals(s, "see"));
	assert_int_equal(s.ptr[3], 0);
	assert_int_equal(mime_part_data(m, 9, 3, &s), WEIR_E_NOTFOUND);
	assert_int_equal(mime_part_name(m, 1, 0, &s), WEIR_E_NOTFOUND);
	assert_int_equal(mime_part_header(m, 0, "SUBJECT", &s), WEIR_OK);
	assert_int_equal(mime_header_decode(pool, s, &s), WEIR_OK);
	assert_true(text_equals(s, "\xc3\xa4 b"));
	assert_int_equal(mime_part_header(m, 1, "subject", &s),
	    WEIR_E_NOTFOUND);
	assert_int_equal(mime_link_count(m), 3);
	assert_int_equal(mime_link_at(m, 0, &s), WEIR_OK);
	assert_true(text_equals(s, "http://a.example/"));
	assert_int_equal(mime_link_at(m, 2, &s), WEIR_OK);
	assert_true(text_equals(s, "http://c.example"));
	assert_int_equal(mime_link_at(m, 3, &s), WEIR_E_NOTFOUND);
	/* a caller that knows a shorter struct */
	p.size = 12;
	assert_int_equal(mime_part(m, 0, &p), WEIR_OK);
	assert_int_equal(p.size, 12);
	/* one that knows a longer struct is told how much of it is filled */
	p.size = sizeof(p) + 8;
	assert_int_equal(mime_part(m, 0, &p), WEIR_OK);
	assert_int_equal(p.size, sizeof(p));
	p.size = 3;
	assert_int_equal(mime_part(m, 0, &p), WEIR_E_INVAL);
	pool_destroy(&pool);
}

/* repeat - the same piece n times */
static void
repeat(struct buf *b, const char *piece, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_str(b, piece);
}

/* nest - n multiparts, each in the one before */
static void
nest(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b,
		    "Content-Type: multipart/mixed; boundary=b%zux\r\n\r\n"
		    "--b%zux\r\n",
		    i, i);
	buf_add_str(b, "\r\nx\r\n");
}

static void
limits_are_said_not_silent(void **state)
{
	const struct mime_limits small = { 20, 2000, 10, 3, 100, 2 };
	struct pool *pool;
	struct weir_mime_part p = { .size = sizeof(p) };
	struct buf b = BUF_INIT;
	struct mime *m;
	weir_str s;

	(void)state;
	for (int what = 0; what < 6; what++) {
		static const uint32_t want[] = { A(HEADER), A(HEADER),
			A(PARTS), A(DEPTH), 0, 0 };

		buf_clear(&b);
		buf_add_str(&b, FROM);
		if (what == 0) {
			repeat(&b, "X: y\r\n", 30);
		} else if (what == 1) {
			buf_add_str(&b, "X: ");
			repeat(&b, "yyyyyyyyyy", 300);
			buf_add_str(&b, "\r\n");
		} else if (what == 2) {
			buf_add_str(&b, "Content-Type: multipart/mixed; "
					"boundary=b\r\n\r\n");
			repeat(&b, "--b\r\n\r\nEICAR\r\n", 30);
			buf_add_str(&b, "--b--\r\n");
		} else if (what == 3) {
			nest(&b, 8);
		} else if (what == 4) {
			buf_add_str(&b, "\r\n");
			repeat(&b, "0123456789", 30);
		} else {
			buf_add_str(&b, "\r\nhttp://a.b http://c.d http://e.f");
		}
		buf_add_str(&b, "\r\nlast words");
		pool = pool_create(1024, 0);
		m = mime_parse(pool, buf_str(&b), &small);
		assert_int_equal(anomalies(m) & want[what], want[what]);
		assert_true(mime_part_count(m) <= 20);
		assert_int_equal(mime_part(m, mime_part_count(m) - 1, &p), 0);
		if (want[what] != 0)
			assert_true((p.flags & WEIR_MIME_TRUNCATED) != 0);
		/* to the last octet, what is not parsed is still content */
		assert_int_equal(p.raw_offset + p.raw_length, b.len);
		if (what == 4) {
			assert_int_equal(mime_part_data(m, 0, 500, &s),
			    WEIR_E_LIMIT);
			assert_int_equal(s.len, 100);
		}
		if (what == 5)
			assert_int_equal(mime_link_count(m), 2);
		pool_destroy(&pool);
	}
	buf_fini(&b);
}

/* -- a delimiter right behind the first line of a uuencoded block --------- */

static void
empty_block_has_no_content(void **state)
{
	static const struct mime_limits limits = { 50, 4096, 40, 6, 65536,
		20 };
	const char *mail = FROM "Content-Type: multipart/mixed; boundary=b\r\n"
			   "\r\n--b\r\n\r\nbegin 644 f.zip\r\n"
			   "--b--\r\n";
	struct weir_mime_part p = { .size = sizeof(p) };
	struct pool *pool = pool_create(1024, 0);
	struct mime *m;
	weir_str s;
	uint32_t n;

	(void)state;
	m = mime_parse(pool, text_slice(mail), &limits);
	n = mime_part_count(m);
	assert_int_equal(n, 3);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(mime_part(m, i, &p), 0);
		assert_true(p.raw_offset <= strlen(mail));
		assert_true(p.raw_length <= strlen(mail) - p.raw_offset);
		mime_part_data(m, i, SIZE_MAX, &s);
	}
	/* its name counts all the same */
	assert_int_equal(mime_part_name(m, n - 1, 0, &s), 0);
	assert_string_equal(s.ptr, "f.zip");
	pool_destroy(&pool);
}

/* -- time: doubling the input must not much more than double the time ------ */

static void
grow_header_lines(struct buf *b, size_t n)
{
	repeat(b, "X-Header: value of some length\r\n", n);
	buf_add_str(b, "\r\nx");
}

static void
grow_address_lines(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: message/rfc822\r\n\r\n");
	repeat(b, "To: Some Body <some.body@example.com>\r\n", n);
	buf_add_str(b, "\r\nx");
}

static void
grow_addresses(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: message/rfc822\r\n\r\nTo: a@b.example");
	repeat(b, ",\r\n Some Body <some.body@example.com>", n);
	buf_add_str(b, "\r\n\r\nx");
}

static void
grow_boundary_parameters(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: multipart/mixed");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, ";\r\n boundary=b%zu", i);
	buf_add_str(b, "\r\n\r\nx");
}

static void
grow_delimiters(struct buf *b, size_t n)
{
	nest(b, 40);
	repeat(b, "--b0x-not-quite\r\n--b39x junk\r\n----\r\n", n);
}

static void
grow_nesting(struct buf *b, size_t n)
{
	nest(b, n);
}

static void
grow_continuations(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Disposition: attachment");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, ";\r\n filename*%zu*=%%41%zu", n - i, i);
	buf_add_str(b, "\r\n\r\nx");
}

static void
grow_empty_parts(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	repeat(b, "--b\r\n\r\n", n);
}

static void
grow_named_parts(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	repeat(b,
	    "--b\r\nContent-Disposition: attachment; filename*1*=a%41;"
	    " filename*0=\"x\\\"\"; filename=(a)b\r\n\r\nx\r\n",
	    n);
}

static void
grow_base64_junk(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Transfer-Encoding: base64\r\n\r\n");
	repeat(b, "QQ==#=A=\r\n", n);
}

static void
grow_encoded_words(struct buf *b, size_t n)
{
	buf_add_str(b, "Subject: ");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "=?x-%zu?q?=E4?= ", i);
	buf_add_str(b, "\r\n\r\nx");
}

static void
grow_uu_blocks(struct buf *b, size_t n)
{
	buf_add_str(b, "\r\n");
	repeat(b, "begin 644 a.b\r\n#04)#\r\nend\r\n", n);
}

static void
grow_html_open_tags(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: text/html\r\n\r\n");
	repeat(b, "<div><b><i>", n);
	repeat(b, "</u></p>", n);
}

static void
grow_html_broken(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: text/html\r\n\r\n");
	repeat(b, "<!-- <a href='<x =", n);
}

static void
grow_html_attributes(struct buf *b, size_t n)
{
	buf_add_str(b, "Content-Type: text/html\r\n\r\n<a ");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "a%zu='b' ", i);
	buf_add_str(b, ">");
}

static void
grow_links(struct buf *b, size_t n)
{
	buf_add_str(b, "\r\n");
	repeat(b, "http://www.http:// www.www.x ", n);
}

static const struct {
	const char *name;
	void (*grow)(struct buf *, size_t);
	size_t n; /* for the smaller of the two */
} growing[] = {
	{ "header lines", grow_header_lines, 50000 },
	{ "address lines", grow_address_lines, 50000 },
	{ "addresses", grow_addresses, 50000 },
	{ "boundary parameters", grow_boundary_parameters, 50000 },
	{ "delimiters", grow_delimiters, 50000 },
	{ "nesting", grow_nesting, 20000 },
	{ "continuations", grow_continuations, 50000 },
	{ "empty parts", grow_empty_parts, 100000 },
	{ "named parts", grow_named_parts, 5000 },
	{ "base64 junk", grow_base64_junk, 50000 },
	{ "encoded words", grow_encoded_words, 5000 },
	{ "uuencoded blocks", grow_uu_blocks, 20000 },
	{ "open tags", grow_html_open_tags, 20000 },
	{ "broken tags", grow_html_broken, 20000 },
	{ "attributes", grow_html_attributes, 10000 },
	{ "links", grow_links, 50000 },
};

/* cpu_ns - processor time of this thread: others on the machine don't count */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* all_of_it - parse and ask for everything; the least time so far in ms */
static double
all_of_it(const struct buf *raw, double best)
{
	struct pool *pool = pool_create(16384, 0);
	uint64_t start = cpu_ns();
	struct mime *m = mime_parse(pool, buf_str(raw), &usual);
	double took;
	weir_str s;

	for (uint32_t i = 0; i < mime_part_count(m); i++) {
		mime_part_data(m, i, SIZE_MAX, &s);
		mime_part_text(m, i, SIZE_MAX, &s);
	}
	mime_link_count(m);
	if (mime_part_header(m, 0, "subject", &s) == WEIR_OK)
		mime_header_decode(pool, s, &s);
	took = (double)(cpu_ns() - start) / 1e6;
	pool_destroy(&pool);
	return took < best ? took : best;
}

static void
time_is_linear(void **state)
{
	struct buf one = BUF_INIT, two = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(growing) / sizeof(growing[0]); i++) {
		double a = 1e9, b = 1e9;

		buf_clear(&one);
		buf_clear(&two);
		buf_add_str(&one, FROM);
		buf_add_str(&two, FROM);
		growing[i].grow(&one, growing[i].n / 4);
		growing[i].grow(&two, growing[i].n * 2);
		/* eight times as much: caches and allocators make each up to
		   three times as dear, what is quadratic is 64 times; the least
		   of each, by turns, more rounds where the machine is busy */
		for (int round = 0; round < 40; round++) {
			a = all_of_it(&one, a);
			b = all_of_it(&two, b);
			if (round >= 2 && (b < 40 * a || b < 4))
				break;
		}
		print_message("%-20s %8zu octets %8.2f ms, 8 times %8.2f ms\n",
		    growing[i].name, one.len, a, b);
		if (b >= 40 * a && b >= 4)
			fail_msg("%s: %.2f ms, eight times as many %.2f ms",
			    growing[i].name, a, b);
	}
	buf_fini(&one);
	buf_fini(&two);
}

static int
start(void **state)
{
	(void)state;
	/* big blocks stay with the process: no page faults to measure */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mime_init();
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	mime_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_and_anomalies),
		cmocka_unit_test(ambiguous_structure_hides_nothing),
		cmocka_unit_test(accessors_answer_in_bounds),
		cmocka_unit_test(limits_are_said_not_silent),
		cmocka_unit_test(empty_block_has_no_content),
		cmocka_unit_test(time_is_linear),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
