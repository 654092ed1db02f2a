/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edit_test - the journal and the order in which it is carried out. */
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
#include "mail/edit.h"

/* A request as a test writes it; module 0 is the host. */
struct ask {
	int module;
	int kind;
	uint32_t n;
	const char *name, *value;
	bool shadow;
};

struct plan_case {
	const char *what;
	struct ask asks[12];
	int drop; /* forget this module's requests first; 0: none */
	const char *plan; /* "kind n name=value" joined by "; " */
};

#define DEL EDIT_HEADER_DELETE
#define CHG EDIT_HEADER_CHANGE
#define INS EDIT_HEADER_INSERT
#define ADD EDIT_HEADER_ADD

static const struct plan_case cases[] = {
	{ "nothing", { { 0 } }, 0, "" },
	{ "deletions go from the last up",
	    { { 1, DEL, 1, "X", "", 0 }, { 1, DEL, 3, "X", "", 0 },
		{ 1, DEL, 2, "X", "", 0 } },
	    0,
	    "header-delete 3 X=; header-delete 2 X=; header-delete 1 X=" },
	{ "a change among deletions",
	    { { 1, DEL, 1, "X", "", 0 }, { 2, CHG, 2, "X", "b", 0 },
		{ 1, DEL, 3, "X", "", 0 } },
	    0,
	    "header-delete 3 X=; header-change 2 X=b; header-delete 1 X=" },
	{ "the same field twice: the first wins",
	    { { 1, CHG, 2, "Subject", "one", 0 },
		{ 2, CHG, 2, "SUBJECT", "two", 0 },
		{ 3, DEL, 2, "subject", "", 0 } },
	    0, "header-change 2 Subject=one" },
	{ "the same number, other names: both",
	    { { 1, DEL, 1, "X", "", 0 }, { 1, DEL, 1, "Y", "", 0 },
		{ 1, DEL, 1, "x", "", 0 }, { 1, DEL, 1, "y", "", 0 } },
	    0, "header-delete 1 X=; header-delete 1 Y=" },
	{ "additions stay as asked, behind deletions",
	    { { 1, ADD, 0, "A", "1", 0 }, { 1, INS, 0, "B", "2", 0 },
		{ 1, DEL, 1, "X", "", 0 }, { 1, INS, 0, "C", "3", 0 },
		{ 1, ADD, 0, "A", "1", 0 } },
	    0,
	    "header-delete 1 X=; header-insert 0 B=2; header-insert 0 C=3; "
	    "header-add 0 A=1; header-add 0 A=1" },
	{ "body, sender and hold once",
	    { { 1, EDIT_HOLD, 0, "why", "", 0 }, { 1, EDIT_BODY, 0, "", "b1", 0 },
		{ 1, EDIT_SENDER, 0, "s1", "", 0 },
		{ 2, EDIT_BODY, 0, "", "b2", 0 },
		{ 2, EDIT_SENDER, 0, "s2", "", 0 },
		{ 2, EDIT_HOLD, 0, "other", "", 0 } },
	    0, "body 0 =b1; sender 0 s1=; hold 0 why=" },
	{ "recipients: out before in, each once",
	    { { 1, EDIT_RCPT_ADD, 0, "n@x", "", 0 },
		{ 1, EDIT_RCPT_DELETE, 2, "c@x", "", 0 },
		{ 0, EDIT_RCPT_DELETE, 0, "a@x", "", 0 },
		{ 2, EDIT_RCPT_DELETE, 2, "c@x", "", 0 } },
	    0,
	    "rcpt-delete 2 c@x=; rcpt-delete 0 a@x=; rcpt-add 0 n@x=" },
	{ "shadow asks are not carried out and shade nobody",
	    { { 1, CHG, 1, "X", "shadow", 1 }, { 2, CHG, 1, "X", "real", 0 },
		{ 1, ADD, 0, "Y", "1", 1 } },
	    0, "header-change 1 X=real" },
	{ "a module that failed takes all back",
	    { { 1, CHG, 1, "X", "one", 0 }, { 2, CHG, 1, "X", "two", 0 },
		{ 1, ADD, 0, "Y", "1", 0 }, { 2, ADD, 0, "Z", "2", 0 },
		{ 1, ADD, 0, "Y", "3", 0 } },
	    1, "header-change 1 X=two; header-add 0 Z=2" },
};

static const char modules[8];

/* module - a name for number i; the journal only compares */
static const struct module *
module(int i)
{
	return i == 0 ? NULL : (const struct module *)(const void *)&modules[i];
}

/* print - the plan as text */
static void
print(struct edit **plan, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s%s %u %s=%s", i > 0 ? "; " : "",
		    edit_kind_name(plan[i]->kind), plan[i]->n,
		    plan[i]->name.ptr, plan[i]->value.ptr);
}

static void
test_plan(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct plan_case *c = &cases[i];
		struct pool *pool = pool_create(1024, 0);
		struct buf text = BUF_INIT;
		struct edits j;
		uint32_t n;
		struct edit **plan;

		edits_init(&j);
		for (int k = 0; c->asks[k].name != NULL; k++) {
			const struct ask *a = &c->asks[k];
			struct edit e = { .module = module(a->module),
				.kind = (uint8_t)a->kind, .n = a->n,
				.name = text_slice(a->name),
				.value = text_slice(a->value),
				.shadow = a->shadow };

			assert_int_equal(edits_add(&j, pool, &e), WEIR_OK);
		}
		if (c->drop != 0)
			edits_drop(&j, module(c->drop));
		plan = edits_plan(&j, pool, &n);
		buf_add_str(&text, "");
		buf_reserve(&text, 1);
		print(plan, n, &text);
		if (strcmp(text.ptr, c->plan) != 0)
			fail_msg("%s:\n got %s\nwant %s", c->what, text.ptr,
			    c->plan);
		buf_fini(&text);
		pool_destroy(&pool);
	}
}

/* What is deleted and changed by number is what was meant, whatever the order:
   carry plans out on a list of fields. */
static void
test_meaning(void **state)
{
	uint32_t seed = 20260131;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct pool *pool = pool_create(4096, 0);
		bool gone[20] = { false };
		int field[20], left = 20;
		struct edits j;
		struct edit **plan;
		uint32_t n;

		edits_init(&j);
		for (int i = 0; i < 20; i++)
			field[i] = i;
		for (int k = 0; k < 12; k++) {
			struct edit e = { .module = module(1),
				.kind = EDIT_HEADER_DELETE,
				.name = text_slice("X"),
				.value = text_slice("") };

			seed = seed * 1103515245u + 12345u;
			e.n = (seed >> 16) % 20 + 1;
			gone[e.n - 1] = true;
			edits_add(&j, pool, &e);
		}
		plan = edits_plan(&j, pool, &n);
		for (uint32_t k = 0; k < n; k++) {
			int at = (int)plan[k]->n - 1;

			assert_in_range(at, 0, left - 1);
			memmove(&field[at], &field[at + 1],
			    (size_t)(left - at - 1) * sizeof(*field));
			left--;
		}
		for (int i = 0, k = 0; i < 20; i++) {
			if (!gone[i])
				assert_int_equal(field[k++], i);
			else
				assert_true(k == left || field[k] != i);
		}
		pool_destroy(&pool);
	}
}

/* Modules are bounded, the host's own are not. */
static void
test_limit(void **state)
{
	struct pool *pool = pool_create(4096, 0);
	struct edit e = { .module = module(1), .kind = ADD,
		.name = text_slice("X"), .value = text_slice("1") };
	struct edits j;
	uint32_t n;

	(void)state;
	edits_init(&j);
	for (int i = 0; i < EDIT_MAX; i++)
		assert_int_equal(edits_add(&j, pool, &e), WEIR_OK);
	assert_int_equal(edits_add(&j, pool, &e), WEIR_E_LIMIT);
	e.module = NULL;
	e.kind = EDIT_RCPT_DELETE;
	assert_int_equal(edits_add(&j, pool, &e), WEIR_OK);
	edits_plan(&j, pool, &n);
	assert_int_equal(n, EDIT_MAX + 1);
	edits_drop(&j, module(1));
	assert_int_equal(j.count, 1);
	e.module = module(1);
	assert_int_equal(edits_add(&j, pool, &e), WEIR_OK);
	pool_destroy(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
