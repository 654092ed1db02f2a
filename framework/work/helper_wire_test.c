/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "work/helper_poison.h"
#include "work/helper_spec.h"
#include "work/helper_wire.h"

/* head fields by their place: magic kind id(2) flags value size reserved */
enum { MAGIC, KIND, ID, ID_HIGH, FLAGS, VALUE, SIZE, RESERVED };

static const struct wire_case {
	const char *name;
	bool from_helper;
	uint32_t kind, flags;
	uint64_t id;
	int32_t value;
	uint32_t len;
	bool good;
} cases[] = {
	{ "hello", true, 1, 0, 9, 4, 0, true },
	{ "hello from a worker", false, 1, 0, 9, 4, 0, false },
	{ "hello without threads", true, 1, 0, 9, 0, 0, false },
	{ "hello with too many", true, 1, 0, 9, 65, 0, false },
	{ "hello without an id", true, 1, 0, 0, 4, 0, false },
	{ "hello with more", true, 1, 0, 9, 4, 1, false },
	{ "request", false, 2, 0, 1, 1000, 10, true },
	{ "request with message", false, 2, 1, 1, 1000, 10, true },
	{ "empty request", false, 2, 0, UINT64_MAX, 0, 0, true },
	{ "largest request", false, 2, 0, 1, 0, WEIR_REMOTE_OCTETS, true },
	{ "larger request", false, 2, 0, 1, 0, WEIR_REMOTE_OCTETS + 1, false },
	{ "request from a helper", true, 2, 0, 1, 1000, 10, false },
	{ "request without id", false, 2, 0, 0, 1000, 10, false },
	{ "request with odd flags", false, 2, 2, 1, 1000, 10, false },
	{ "request before now", false, 2, 0, 1, -1, 10, false },
	{ "request for ever", false, 2, 0, 1, 3600001, 10, false },
	{ "cancel", false, 3, 0, 1, 0, 0, true },
	{ "cancel from a helper", true, 3, 0, 1, 0, 0, false },
	{ "cancel with more", false, 3, 0, 1, 0, 1, false },
	{ "response", true, 4, 0, 1, 0, 10, true },
	{ "failed response", true, 4, 0, 1, -11, 0, true },
	{ "failed response with more", true, 4, 0, 1, -11, 1, false },
	{ "response with a positive status", true, 4, 0, 1, 1, 0, false },
	{ "response with an odd status", true, 4, 0, 1, -65, 0, false },
	{ "response from a worker", false, 4, 0, 1, 0, 10, false },
	{ "response with flags", true, 4, 1, 1, 0, 10, false },
	{ "nothing", true, 0, 0, 1, 0, 0, false },
	{ "unknown", true, 5, 0, 1, 0, 0, false }
};

/* test_wire - each packet as it is, then damaged */
static void
test_wire(void **state)
{
	char *packet = xcalloc(1, HELPER_WIRE_MAX + 2);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct wire_case *c = &cases[i];
		struct helper_wire in = { c->kind, c->flags, c->id, c->value,
			{ "", c->len } }, out;
		size_t len = HELPER_WIRE_HEAD + c->len;
		uint32_t words[8];
		int status;

		helper_wire_put(packet, &in);
		status = helper_wire_get(packet, len, c->from_helper, &out);
		if ((status == WEIR_OK) != c->good)
			fail_msg("%s: %d", c->name, status);
		if (!c->good)
			continue;
		assert_int_equal(out.kind, c->kind);
		assert_int_equal(out.flags, c->flags);
		assert_true(out.id == c->id);
		assert_int_equal(out.value, c->value);
		assert_int_equal(out.payload.len, c->len);
		assert_ptr_equal(out.payload.ptr, packet + HELPER_WIRE_HEAD);
		/* not a whole packet, or more than one */
		for (size_t k = 0; k < HELPER_WIRE_HEAD; k++)
			assert_int_equal(helper_wire_get(packet, k,
			    c->from_helper, &out), WEIR_E_INVAL);
		assert_int_equal(helper_wire_get(packet, len + 1,
		    c->from_helper, &out), WEIR_E_INVAL);
		memcpy(words, packet, sizeof(words));
		for (int k = 0; k < 8; k++) {
			if (k != MAGIC && k != RESERVED && k != SIZE)
				continue;
			words[k] ^= 1;
			memcpy(packet, words, sizeof(words));
			assert_int_equal(helper_wire_get(packet, len,
			    c->from_helper, &out), WEIR_E_INVAL);
			words[k] ^= 1;
		}
	}
	free(packet);
}

/* test_spec - there and back, and cut at every octet */
static void
test_spec(void **state)
{
	char a[] = "/a", none[] = "", lib[] = "/var/lib/x y", m[] = "m",
	    n[] = "n", so[] = "/p/mod_m.so",
	    program[] = "/p/m.py", plain[] = "{}", options[] = "module \"m\" {}";
	char *paths[] = { a, none, lib };
	struct helper_spec in = { .index = 1, .flags = 7, .threads = 4,
		.processes = 2, .init_ms = 100, .memory = 1ull << 33,
		.module = m, .name = n, .path = so, .options = options,
		.program = program, .plain = plain, .stamp = 77,
		.readable = paths, .n_readable = 3 }, out;
	struct buf b = BUF_INIT;
	const char *data;
	size_t len;

	(void)state;
	helper_spec_put(&b, &in);
	helper_spec_put(&b, &in);
	data = b.ptr;
	len = b.len;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(helper_spec_get(&data, &len, &out), WEIR_OK);
		assert_int_equal(out.index, 1);
		assert_int_equal(out.flags, 7);
		assert_int_equal(out.threads, 4);
		assert_int_equal(out.processes, 2);
		assert_int_equal(out.init_ms, 100);
		assert_true(out.memory == 1ull << 33);
		assert_string_equal(out.module, "m");
		assert_string_equal(out.name, "n");
		assert_string_equal(out.path, in.path);
		assert_string_equal(out.options, in.options);
		assert_string_equal(out.program, program);
		assert_string_equal(out.plain, plain);
		assert_true(out.stamp == 77);
		assert_int_equal(out.n_readable, 3);
		assert_string_equal(out.readable[2], paths[2]);
		helper_spec_fini(&out);
	}
	assert_int_equal(len, 0);
	for (size_t cut = 0; cut < b.len / 2; cut++) {
		/* a copy of just that size: a sanitizer sees reads behind it */
		char *copy = xmalloc(cut + 1);

		memcpy(copy, b.ptr, cut);
		data = copy;
		len = cut;
		assert_int_equal(helper_spec_get(&data, &len, &out),
		    WEIR_E_INVAL);
		free(copy);
	}
	buf_fini(&b);
}

/* test_poison - twice is enough; the oldest makes room */
static void
test_poison(void **state)
{
	(void)state;
	helper_poison_add(5, 1);
	assert_false(helper_poison_is(5)); /* no table */
	helper_poison_create();
	helper_poison_add(5, 2);
	assert_false(helper_poison_is(5));
	helper_poison_add(5, 3);
	assert_true(helper_poison_is(5));
	helper_poison_add(6, 50);
	helper_poison_add(6, 50); /* the same death */
	assert_false(helper_poison_is(6));
	helper_poison_add(0, 4);
	helper_poison_add(0, 5);
	assert_false(helper_poison_is(0));
	for (uint64_t key = 100; key < 100 + 2 * HELPER_POISON_KEYS; key++)
		helper_poison_add(key, 6);
	assert_false(helper_poison_is(100 + 2 * HELPER_POISON_KEYS));
	helper_poison_add(99 + 2 * HELPER_POISON_KEYS, 7);
	assert_true(helper_poison_is(99 + 2 * HELPER_POISON_KEYS));
	/* an answer acquits */
	helper_poison_add(9, 8);
	helper_poison_clear(9);
	helper_poison_add(9, 9);
	assert_false(helper_poison_is(9));
	helper_poison_destroy();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_wire),
		cmocka_unit_test(test_spec), cmocka_unit_test(test_poison) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
