/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "front/milter_wire.h"

#define S(literal) ((weir_str){ literal, sizeof(literal) - 1 })

/* packet - a packet in memory that ends where it ends, for the sanitizer */
static char *
packet(char octet, weir_str data, struct milter_packet *p)
{
	struct buf b = BUF_INIT;
	size_t need;
	char *raw;

	milter_put(&b, octet, data.ptr, data.len);
	raw = malloc(b.len);
	assert_non_null(raw);
	memcpy(raw, b.ptr, b.len);
	/* every shorter piece is incomplete, and says how much it needs */
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(milter_packet_find(raw, n, p, &need), 0);
		assert_true(need > n && need <= b.len);
	}
	assert_int_equal(milter_packet_find(raw, b.len, p, &need), b.len);
	assert_int_equal(p->len, data.len);
	assert_int_equal(milter_command_octet(p->cmd), octet);
	buf_fini(&b);
	return raw;
}

static void
test_frames(void **state)
{
	static const struct {
		weir_str raw;
		int64_t found;
	} rows[] = {
		{ S(""), 0 },
		{ S("\0\0\0"), 0 },
		{ S("\0\0\0\1A"), 5 },
		{ S("\0\0\0\1A\0\0"), 5 },
		{ S("\0\0\0\0A"), WEIR_E_INVAL },
		{ S("\0\0\0\1x"), WEIR_E_INVAL },
		{ S("\0\0\0\1\0"), WEIR_E_INVAL },
		{ S("\0\0\0\1\xff"), WEIR_E_INVAL },
		{ S("\0\x10\0\1L"), 0 },		  /* 1 MiB of data */
		{ S("\0\x10\0\2L"), WEIR_E_LIMIT },	  /* and one more */
		{ S("\0\x10\0\2"), WEIR_E_LIMIT },
		{ S("\xff\xff\xff\xff"), WEIR_E_LIMIT },
		{ S("\xff\xff\xff\xff" "A"), WEIR_E_LIMIT },
		{ S("\0\1\0\1B"), 0 },			  /* 64 KiB of body */
		{ S("\0\1\0\2B"), WEIR_E_LIMIT },
		{ S("\0\1\0\2" "E"), WEIR_E_LIMIT }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct milter_packet p;
		char raw[16];
		size_t need;

		memcpy(raw, rows[i].raw.ptr, rows[i].raw.len);
		assert_int_equal(milter_packet_find(raw, rows[i].raw.len, &p,
				     &need),
		    rows[i].found);
	}
}

static void
test_options(void **state)
{
	static const struct {
		weir_str data;
		int status;
		uint32_t version, actions, protocol;
	} rows[] = {
		{ S("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), 0, 6, 0x1ff,
		    0x1fffff },
		{ S("\0\0\0\2\0\0\0\x3f\0\0\0\x7f"), 0, 2, 0x3f, 0x7f },
		{ S("\0\0\0\7\0\0\1\xff\0\x1f\xff\xff" "more"), 0, 7, 0x1ff,
		    0x1fffff },
		{ S("\0\0\0\6\0\0\1\xff\0\x1f\xff"), WEIR_E_INVAL, 0, 0, 0 },
		{ S(""), WEIR_E_INVAL, 0, 0, 0 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct milter_packet p;
		struct milter_options o;
		char *raw = packet('O', rows[i].data, &p);

		assert_int_equal(milter_get_options(&p, &o), rows[i].status);
		if (rows[i].status == 0) {
			assert_int_equal(o.version, rows[i].version);
			assert_int_equal(o.actions, rows[i].actions);
			assert_int_equal(o.protocol, rows[i].protocol);
		}
		free(raw);
	}
}

static void
test_connect(void **state)
{
	static const struct {
		weir_str data;
		int status;
		char family;
		uint16_t port;
		const char *name, *address;
	} rows[] = {
		{ S("mx.example\0" "4\x1f\x90" "192.0.2.1\0"), 0, '4', 8080,
		    "mx.example", "192.0.2.1" },
		{ S("[x]\0" "6\0\x19" "IPv6:2001:db8::1\0"), 0, '6', 25, "[x]",
		    "IPv6:2001:db8::1" },
		{ S("localhost\0L\0\0/run/x\0"), 0, 'L', 0, "localhost",
		    "/run/x" },
		{ S("unknown\0U"), 0, 'U', 0, "unknown", "" },
		{ S("\0U"), 0, 'U', 0, "", "" },
		{ S("unknown"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("unknown\0"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("a\0" "4"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("a\0" "4\1"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("a\0" "4\1\1"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("a\0" "4\1\1" "1.2.3.4"), WEIR_E_INVAL, 0, 0, NULL, NULL },
		{ S("a\0" "4\1\1" "1.2.3.4\0x"), WEIR_E_INVAL, 0, 0, NULL,
		    NULL },
		{ S("a\0" "5\1\1" "1.2.3.4\0"), WEIR_E_INVAL, 0, 0, NULL,
		    NULL },
		{ S(""), WEIR_E_INVAL, 0, 0, NULL, NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct milter_packet p;
		struct milter_connect c;
		char *raw = packet('C', rows[i].data, &p);

		assert_int_equal(milter_get_connect(&p, &c), rows[i].status);
		if (rows[i].status == 0) {
			assert_int_equal(c.family, rows[i].family);
			assert_int_equal(c.port, rows[i].port);
			assert_true(text_equals(c.name, rows[i].name));
			assert_true(text_equals(c.address, rows[i].address));
		}
		free(raw);
	}
}

static void
test_address(void **state)
{
	static const struct {
		weir_str data;
		int status;
		const char *address, *params;
	} rows[] = {
		{ S("<a@b>\0"), 0, "<a@b>", "" },
		{ S("<>\0"), 0, "<>", "" },
		{ S("\0"), 0, "", "" },
		{ S("<a@b>\0SIZE=12\0"), 0, "<a@b>", "SIZE=12" },
		{ S("<a@b>\0SIZE=12\0BODY=8BITMIME\0"), 0, "<a@b>",
		    "SIZE=12 BODY=8BITMIME" },
		{ S("<a\xff@b>\0\0\0"), 0, "<a\xff@b>", " " },
		{ S("<a@b>"), WEIR_E_INVAL, NULL, NULL },
		{ S("<a@b>\0SIZE=12"), WEIR_E_INVAL, NULL, NULL },
		{ S("<a@b>\0A\0B"), WEIR_E_INVAL, NULL, NULL },
		{ S(""), WEIR_E_INVAL, NULL, NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct milter_packet p;
		weir_str a, params;
		char *raw = packet(i % 2 == 0 ? 'M' : 'R', rows[i].data, &p);

		assert_int_equal(milter_get_address(&p, &a, &params),
		    rows[i].status);
		if (rows[i].status == 0) {
			assert_true(text_equals(a, rows[i].address));
			assert_true(text_equals(params, rows[i].params));
			assert_int_equal(params.ptr[params.len], 0);
		}
		free(raw);
	}
}

static void
test_address_args_limit(void **state)
{
	struct milter_packet p;
	weir_str a, params;
	char data[2 + 2 * (MILTER_MAX_ARGS + 1)], *raw;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 2 == 0 ? 'a' : '\0';
	raw = packet('R', (weir_str){ data, sizeof(data) - 2 }, &p);
	assert_int_equal(milter_get_address(&p, &a, &params), 0);
	free(raw);
	raw = packet('R', (weir_str){ data, sizeof(data) }, &p);
	assert_int_equal(milter_get_address(&p, &a, &params), WEIR_E_LIMIT);
	free(raw);
}

static void
test_header(void **state)
{
	static const struct {
		weir_str data;
		int status;
		const char *name, *value;
	} rows[] = {
		{ S("Subject\0 hi\n\tthere\0"), 0, "Subject", " hi\n\tthere" },
		{ S("X\0\0"), 0, "X", "" },
		{ S("\0\0"), 0, "", "" },
		{ S("X\0a"), WEIR_E_INVAL, NULL, NULL },
		{ S("X\0"), WEIR_E_INVAL, NULL, NULL },
		{ S("X"), WEIR_E_INVAL, NULL, NULL },
		{ S("X\0a\0b\0"), WEIR_E_INVAL, NULL, NULL },
		{ S("X\0a\0\0"), WEIR_E_INVAL, NULL, NULL },
		{ S(""), WEIR_E_INVAL, NULL, NULL }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct milter_packet p;
		weir_str n, v;
		char *raw = packet('L', rows[i].data, &p);

		assert_int_equal(milter_get_header(&p, &n, &v),
		    rows[i].status);
		if (rows[i].status == 0) {
			assert_true(text_equals(n, rows[i].name));
			assert_true(text_equals(v, rows[i].value));
		}
		free(raw);
	}
}

static void
test_macros(void **state)
{
	static const struct {
		weir_str data;
		int n;
		char stage;
	} rows[] = {
		{ S("C"), 0, 'C' },
		{ S("Cj\0mx\0"), 1, 'C' },
		{ S("Mi\0" "1\0{auth_authen}\0me\0"), 2, 'M' },
		{ S("Ri\0\0"), 1, 'R' },
		{ S("Ci\0"), WEIR_E_INVAL, 0 },
		{ S("Ci\0x"), WEIR_E_INVAL, 0 },
		{ S("Ci\0x\0y\0"), WEIR_E_INVAL, 0 },
		{ S("Ci"), WEIR_E_INVAL, 0 },
		{ S("xi\0x\0"), WEIR_E_INVAL, 0 },
		{ S("\1i\0x\0"), WEIR_E_INVAL, 0 },
		{ S(""), WEIR_E_INVAL, 0 }
	};
	static struct milter_pair pairs[MILTER_MAX_MACROS];
	struct milter_packet p;
	char many[1 + 4 * (MILTER_MAX_MACROS + 1)], *raw, stage;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		raw = packet('D', rows[i].data, &p);
		assert_int_equal(milter_get_macros(&p, &stage, pairs),
		    rows[i].n);
		if (rows[i].n >= 0)
			assert_int_equal(stage, rows[i].stage);
		free(raw);
	}
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i == 0 ? 'C' : i % 2 == 1 ? 'n' : '\0';
	raw = packet('D', (weir_str){ many, sizeof(many) - 4 }, &p);
	assert_int_equal(milter_get_macros(&p, &stage, pairs),
	    MILTER_MAX_MACROS);
	free(raw);
	raw = packet('D', (weir_str){ many, sizeof(many) }, &p);
	assert_int_equal(milter_get_macros(&p, &stage, pairs), WEIR_E_LIMIT);
	free(raw);
}

static void
test_strings(void **state)
{
	struct milter_packet p;
	weir_str s;
	char *raw;

	(void)state;
	raw = packet('H', S("mx.example\0"), &p);
	assert_int_equal(milter_get_string(&p, &s), 0);
	assert_true(text_equals(s, "mx.example"));
	free(raw);
	raw = packet('H', S("\0"), &p);
	assert_int_equal(milter_get_string(&p, &s), 0);
	assert_int_equal(s.len, 0);
	free(raw);
	raw = packet('H', S("mx"), &p);
	assert_int_equal(milter_get_string(&p, &s), WEIR_E_INVAL);
	free(raw);
	raw = packet('H', S(""), &p);
	assert_int_equal(milter_get_string(&p, &s), WEIR_E_INVAL);
	free(raw);
	raw = packet('A', S(""), &p);
	assert_int_equal(milter_get_nothing(&p), 0);
	free(raw);
	raw = packet('Q', S("\0"), &p);
	assert_int_equal(milter_get_nothing(&p), WEIR_E_INVAL);
	free(raw);
}

/* expect_raw - exactly these octets were written */
static void
expect_raw(struct buf *b, weir_str want)
{
	assert_int_equal(b->len, want.len);
	assert_memory_equal(b->ptr, want.ptr, want.len);
	buf_clear(b);
}

static void
test_encode(void **state)
{
	struct buf b = BUF_INIT;
	weir_str none = { "", 0 };

	(void)state;
	milter_put(&b, MILTER_R_CONTINUE, NULL, 0);
	expect_raw(&b, S("\0\0\0\1c"));
	milter_put_reply(&b, S("550-5.7.1 a\r\n550 5.7.1 b"));
	expect_raw(&b, S("\0\0\0\x1ay550-5.7.1 a\r\n550 5.7.1 b\0"));
	assert_int_equal(milter_put_header_add(&b, S("X-A"), S(" v")), 0);
	expect_raw(&b, S("\0\0\0\x08hX-A\0 v\0"));
	assert_int_equal(milter_put_header_insert(&b, 258, S("X"), S("v")), 0);
	expect_raw(&b, S("\0\0\0\x09i\0\0\1\2X\0v\0"));
	assert_int_equal(milter_put_header_change(&b, 3, S("X"), none), 0);
	expect_raw(&b, S("\0\0\0\x08m\0\0\0\3X\0\0"));
	assert_int_equal(milter_put_quarantine(&b, S("why")), 0);
	expect_raw(&b, S("\0\0\0\5qwhy\0"));
	assert_int_equal(milter_put_address(&b, MILTER_R_ADDRCPT, S("a@b"),
			     none), 0);
	expect_raw(&b, S("\0\0\0\7+<a@b>\0"));
	assert_int_equal(milter_put_address(&b, MILTER_R_ADDRCPT_PAR, S("a@b"),
			     S("NOTIFY=NEVER")), 0);
	expect_raw(&b, S("\0\0\0\x14" "2<a@b>\0NOTIFY=NEVER\0"));
	assert_int_equal(milter_put_address(&b, MILTER_R_CHGFROM, none, none),
	    0);
	expect_raw(&b, S("\0\0\0\4e<>\0"));
	milter_put_body(&b, none);
	expect_raw(&b, S("\0\0\0\1b"));
	/* what the other side would misread is not written at all */
	assert_int_equal(milter_put_header_add(&b, S("X\0"), S("v")),
	    WEIR_E_INVAL);
	assert_int_equal(milter_put_header_change(&b, 1, S("X"), S("v\0w")),
	    WEIR_E_INVAL);
	assert_int_equal(milter_put_quarantine(&b, S("\0")), WEIR_E_INVAL);
	assert_int_equal(milter_put_address(&b, MILTER_R_DELRCPT, S("a\0b"),
			     none), WEIR_E_INVAL);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void
test_body_chunks(void **state)
{
	static char body[2 * MILTER_CHUNK + 1];
	struct buf b = BUF_INIT;

	(void)state;
	memset(body, 'x', sizeof(body));
	milter_put_body(&b, (weir_str){ body, sizeof(body) });
	assert_int_equal(b.len, sizeof(body) + 3 * MILTER_HEAD);
	assert_memory_equal(b.ptr, "\0\1\0\0b", 5);
	assert_memory_equal(b.ptr + MILTER_HEAD + MILTER_CHUNK, "\0\1\0\0b", 5);
	assert_memory_equal(b.ptr + 2 * (MILTER_HEAD + MILTER_CHUNK),
	    "\0\0\0\2bx", 6);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_address_args_limit),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_body_chunks)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
