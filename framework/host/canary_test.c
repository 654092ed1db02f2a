/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canary_test - the host reads and writes no octet beyond a struct's size.
 *
 * Everything that a module hands over lies at the end of a page, behind which
 * there is none: one octet too far and the test dies.  Older modules (every
 * size from the oldest on), younger ones (larger than ours), tables that a
 * host of another age hands out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/text.h"
#include "conf/desc.h"
#include "host/accept.h"
#include "host/oldest.h"
#include "host/table.h"
#include "host/test_nothing.h"
#include "host/trial.h"
#include "pipe/run.h"
#include "pipe/test_fake.h"

#define H fake_host
#define GUARDED 24
#define POISON 0xA5

static struct guarded {
	unsigned char *page;
	size_t size;
} guarded[GUARDED];
static unsigned nguarded;

/* guard - a copy of so many octets whose end is the end of all memory */
static void *
guard(const void *octets, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guarded *g = &guarded[nguarded++];
	unsigned char *begin;

	assert_true(nguarded <= GUARDED && size <= page);
	g->size = 2 * page;
	g->page = mmap(NULL, g->size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g->page != MAP_FAILED);
	assert_int_equal(mprotect(g->page + page, page, PROT_NONE), 0);
	memset(g->page, POISON, page);
	/* but aligned, as all structs are */
	begin = g->page + page - (size + sizeof(void *) - 1) / sizeof(void *) *
		sizeof(void *);
	memcpy(begin, octets, size);
	return begin;
}

/* guard_free - all of them */
static void
guard_free(void)
{
	while (nguarded > 0) {
		struct guarded *g = &guarded[--nguarded];

		munmap(g->page, g->size);
	}
}

static const struct weir_option row = { .name = "one", .type = WEIR_OPT_INT,
	.help = "One." };
static const struct weir_option no_row;
static const struct weir_symbol symbol = { "GUARD", "Help.", 1 };
static const struct weir_symbol no_symbol;

/* rows_at - an array of that stride and its last row, guarded */
static void *
rows_at(const void *first, const void *last, size_t have, size_t stride)
{
	unsigned char octets[4096];
	size_t n = have < stride ? have : stride;

	memset(octets, POISON, sizeof(octets));
	memcpy(octets, first, n);
	memcpy(octets + stride, last, n);
	return guard(octets, 2 * stride);
}

/* grown - that many octets of a struct, what is more than it has poisoned */
static void *
grown(const void *octets, size_t have, size_t size)
{
	unsigned char copy[4096];

	memset(copy, POISON, sizeof(copy));
	memcpy(copy, octets, have < size ? have : size);
	return guard(copy, size);
}

/* module_at - a module of another age, all of it guarded; less may be
   negative: younger than we are */
static struct weir_module *
module_at(int more)
{
	static const struct weir_module head = { WEIR_MODULE_HEAD };
	struct weir_module m = head, *out;
	struct weir_stages stages = { .helo = nothing_stage };
	struct weir_helper helper = { .name = "scan", .threads = 1,
		.processes = 1, .init = nothing_init, .run = nothing_run };
	const struct weir_helper *helpers[2] = { NULL, NULL };

	m.id = "org.example.guard";
	m.name = "guard";
	m.version = m.license = m.summary = "x";
	m.create = nothing_create;
	m.size = (uint32_t)OLDEST_MODULE + (uint32_t)more;
	m.stride_option = (uint16_t)(OLDEST_OPTION + (size_t)more);
	m.stride_symbol = (uint16_t)(OLDEST_SYMBOL + (size_t)more);
	stages.size = (uint32_t)OLDEST_STAGES + (uint32_t)more;
	helper.size = (uint32_t)OLDEST_HELPER + (uint32_t)more;
	m.options = rows_at(&row, &no_row, sizeof(row), m.stride_option);
	m.symbols = rows_at(&symbol, &no_symbol, sizeof(symbol),
	    m.stride_symbol);
	m.collect = grown(&stages, sizeof(stages), stages.size);
	helpers[0] = grown(&helper, sizeof(helper), helper.size);
	m.helpers = guard(helpers, sizeof(helpers));
	out = grown(&m, sizeof(m), m.size);
	return out;
}

static void
test_modules_of_any_age(void **state)
{
	(void)state;
	for (int more = 0; more <= 512; more += 8) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct weir_module *in = module_at(more), *m;

		m = accept_descriptor(in, "guard", pool, &err);
		if (m == NULL)
			fail_msg("%d more octets: %s", more, err.text);
		assert_string_equal(m->options[0].name, "one");
		assert_null(m->options[1].name);
		assert_int_equal(m->stride_option, sizeof(row));
		/* nobody else asks how old it is */
		if (desc_check(m, "guard", &err) < 0)
			fail_msg("%d more octets: %s", more, err.text);
		assert_string_equal(m->symbols[0].name, "GUARD");
		assert_ptr_equal(m->collect->helo, nothing_stage);
		assert_null(m->collect->eom);
		assert_string_equal(m->helpers[0]->name, "scan");
		assert_int_equal(m->timeout_ms, 0);
		guard_free();
		pool_destroy(&pool);
	}
}

/* A descriptor that ends early is refused for it, and no further octet of it
   is read. */
static void
test_short_modules(void **state)
{
	(void)state;
	for (uint32_t size = 8; size < OLDEST_MODULE; size += 4) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct weir_module m = *module_at(0);

		m.size = size;
		assert_null(accept_descriptor(guard(&m, size), "guard", pool,
		    &err));
		if (strstr(err.text, "descriptor of") == NULL)
			fail_msg("%u octets: \"%s\"", size, err.text);
		guard_free();
		pool_destroy(&pool);
	}
}

/* Tables that end within a member, or before the oldest one did. */
static void
test_short_tables(void **state)
{
	(void)state;
	for (uint32_t size = 4; size < OLDEST_STAGES; size += 4) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct weir_module *m = module_at(0);
		struct weir_stages stages = { .size = size };

		m->collect = guard(&stages, size);
		assert_null(accept_descriptor(m, "guard", pool, &err));
		assert_non_null(strstr(err.text, "stage table of"));
		guard_free();
		pool_destroy(&pool);
	}
	for (uint32_t size = 4; size < OLDEST_HELPER; size += 4) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct weir_module *m = module_at(0);
		struct weir_helper helper = { .size = size };
		const struct weir_helper *helpers[2] = { NULL, NULL };

		helpers[0] = guard(&helper, size);
		m->helpers = helpers;
		assert_null(accept_descriptor(m, "guard", pool, &err));
		assert_non_null(strstr(err.text, "helper table of"));
		guard_free();
		pool_destroy(&pool);
	}
}

/* What a module has filled in: each size, guarded. */

static void
fill_in(weir_call *c)
{
	for (uint32_t size = 4; size <= sizeof(struct weir_finding) + 64;
	     size += 4) {
		struct weir_finding f = { .size = size };
		struct weir_finding *out = grown(&f, 4, size);

		assert_int_equal(H->finding_at(c, 0, out), WEIR_OK);
		assert_int_equal(out->size, size < sizeof(f) ? size :
							       sizeof(f));
		guard_free();
	}
	for (uint32_t size = 4; size <= sizeof(struct weir_verdict) + 64;
	     size += 4) {
		struct weir_verdict v = { .size = size };
		struct weir_verdict *out = grown(&v, 4, size);

		assert_int_equal(H->verdict_get(c, WEIR_RCPT_NONE, out),
		    WEIR_OK);
		assert_int_equal(out->size, size < sizeof(v) ? size :
							       sizeof(v));
		guard_free();
	}
	for (uint32_t size = 4; size <= sizeof(struct weir_mime_part) + 64;
	     size += 4) {
		struct weir_mime_part p = { .size = size };
		struct weir_mime_part *out = grown(&p, 4, size);

		assert_int_equal(fake_mime->part(c, 0, out), WEIR_OK);
		assert_int_equal(out->size, size < sizeof(p) ? size :
							       sizeof(p));
		guard_free();
	}
}

/* A verdict of each size; what the host does not know is left alone. */
static void
hand_in(weir_call *c)
{
	for (uint32_t size = 4; size <= sizeof(struct weir_verdict) + 64;
	     size += 4) {
		struct weir_verdict v = { .size = size,
			.action = WEIR_ACT_TEMPFAIL,
			.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE };
		int status = H->verdict(c, grown(&v, sizeof(v), size));

		assert_int_equal(status, size < OLDEST_VERDICT ? WEIR_E_INVAL :
								 WEIR_OK);
		guard_free();
	}
}

static int
on_stage(struct fake *f, weir_call *c, int stage, int phase)
{
	(void)f;
	(void)stage;
	if (phase == WEIR_PHASE_COLLECT)
		assert_int_equal(H->finding(c, 0, WEIR_RCPT_NONE, 1,
		    text_slice("x")), WEIR_OK);
	else
		hand_in(c);
	fill_in(c);
	return WEIR_OK;
}

static void
test_structs_of_any_age(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s;

	fake_world_start(state);
	fake_init(&a, "a", BIT(EOM), BIT(EOM), 0, on_stage);
	a.m.flags = WEIR_F_WANT_BODY;
	fake_plan(all, 1);
	s = fake_session("in");
	fake_message(s, 1);
	run_header(s, text_slice("Subject"), text_slice(" x"));
	run_body(s, text_slice("hello\r\n"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 2);
	session_close(&s);
	fake_world_stop(state);
}

/* The host's table, cut at each member in turn: WEIR_HAS tells what is there,
   what is behind it is poison. */
static void
test_host_of_any_age(void **state)
{
	const struct weir_host *h;

	(void)state;
	for (uint32_t size = (uint32_t)OLDEST_HOST;; size -= 8) {
		trial_cut(size);
		h = trial_host();
		assert_int_equal(h->size, size);
		assert_true(WEIR_HAS(h, ext) ==
		    (size >= offsetof(struct weir_host, ext) + sizeof(h->ext)));
		assert_true(WEIR_HAS(h, exempt) == (size >= OLDEST_HOST));
		for (size_t i = size; i < OLDEST_HOST; i++)
			assert_int_equal(((const unsigned char *)h)[i],
			    POISON);
		if (size == offsetof(struct weir_host, ext))
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules_of_any_age),
		cmocka_unit_test(test_short_modules),
		cmocka_unit_test(test_short_tables),
		cmocka_unit_test(test_structs_of_any_age),
		cmocka_unit_test(test_host_of_any_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
