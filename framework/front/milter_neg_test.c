/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "front/milter_neg.h"

#define ALL_ACTIONS 0x1ffu
#define ALL_PROTOCOL 0x1fffffu
#define STAGE(s) (1u << WEIR_STAGE_##s)
#define ALL_STAGES 0x1ffu

#define NO_EVENTS 0x0000037fu /* all NO*, without unknown's reply bits */
#define NR_ALL (MILTER_P_NR_CONN | MILTER_P_NR_HELO | MILTER_P_NR_MAIL | \
	    MILTER_P_NR_RCPT | MILTER_P_NR_DATA | MILTER_P_NR_HDR | \
	    MILTER_P_NR_EOH | MILTER_P_NR_BODY | MILTER_P_NR_UNKN)
#define EVER (MILTER_P_NOUNKNOWN | MILTER_P_SKIP | MILTER_P_HDR_LEADSPC)

/* wants_of - from bits */
static struct run_wants
wants_of(uint32_t stages, uint32_t answers, uint32_t edits)
{
	struct run_wants w = { .edits = edits };

	for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
		w.stage[i] = (stages >> i & 1) != 0;
		w.answer[i] = (answers >> i & 1) != 0;
	}
	return w;
}

static void
test_table(void **state)
{
	static const struct {
		const char *what;
		struct milter_options offer;
		uint32_t stages, answers, edits;
		struct milter_wish wish;
		int status;
		struct milter_options want;
		uint32_t caps;
		bool symbols;
	} rows[] = {
		{ "nothing wanted: no events at all",
		    { 6, ALL_ACTIONS, ALL_PROTOCOL }, STAGE(EOM), STAGE(EOM), 0,
		    { true, false }, 0,
		    { 6, 0x128, (NO_EVENTS | NR_ALL | EVER) &
			    ~MILTER_P_RCPT_REJ },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), true },
		{ "all wanted, all answered",
		    { 6, ALL_ACTIONS, ALL_PROTOCOL }, ALL_STAGES, ALL_STAGES,
		    EDIT_CAP_ALL, { true, false }, 0,
		    { 6, ALL_ACTIONS, EVER | MILTER_P_NR_UNKN }, EDIT_CAP_ALL,
		    true },
		{ "all wanted, answers at RCPT and EOM only",
		    { 6, ALL_ACTIONS, ALL_PROTOCOL }, ALL_STAGES,
		    STAGE(RCPT) | STAGE(EOM), 0, { true, false }, 0,
		    { 6, 0x128, EVER | (NR_ALL & ~MILTER_P_NR_RCPT) },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), true },
		{ "the listener wants no no-reply flags",
		    { 6, ALL_ACTIONS, ALL_PROTOCOL }, ALL_STAGES, STAGE(EOM), 0,
		    { false, false }, 0, { 6, 0x128, EVER },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), true },
		{ "every event, wanted or not",
		    { 6, ALL_ACTIONS, ALL_PROTOCOL }, 0, 0, 0, { false, true },
		    0,
		    { 6, 0x128, MILTER_P_SKIP | MILTER_P_HDR_LEADSPC },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), true },
		{ "version 2: six NO flags, no replies saved",
		    { 2, 0x3f, 0x7f }, STAGE(RCPT), STAGE(RCPT), EDIT_CAP_ALL,
		    { true, false }, 0,
		    { 2, 0x3f,
			MILTER_P_NOCONNECT | MILTER_P_NOHELO | MILTER_P_NOMAIL |
			    MILTER_P_NOBODY | MILTER_P_NOHDRS |
			    MILTER_P_NOEOH },
		    EDIT_CAP_ALL & ~EDIT_CAP(EDIT_SENDER), false },
		{ "version 2 with nothing on offer",
		    { 2, 0, 0 }, 0, 0, EDIT_CAP_ALL, { true, false }, 0,
		    { 2, 0, 0 }, 0, false },
		{ "a newer version is answered with ours",
		    { 9, ALL_ACTIONS | 0x1000, ALL_PROTOCOL | 0x70000000 },
		    ALL_STAGES, ALL_STAGES, 0, { true, false }, 0,
		    { 6, 0x128, EVER | MILTER_P_NR_UNKN },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), true },
		{ "symbol lists are of version 6",
		    { 4, ALL_ACTIONS, 0 }, 0, 0, 0, { true, false }, 0,
		    { 4, 0x28, 0 },
		    EDIT_CAP(EDIT_RCPT_DELETE) | EDIT_CAP(EDIT_HOLD), false },
		{ "recipients with parameters only if both are there",
		    { 6, MILTER_F_ADDRCPT_PAR, 0 }, 0, 0,
		    EDIT_CAP(EDIT_RCPT_ADD), { true, false }, 0,
		    { 6, MILTER_F_ADDRCPT_PAR, 0 }, 0, false },
		{ "version 1", { 1, 0xf, 0x3f }, 0, 0, 0, { true, false },
		    WEIR_E_UNSUPPORTED, { 0, 0, 0 }, 0, false },
		{ "version 0", { 0, 0, 0 }, 0, 0, 0, { true, false },
		    WEIR_E_UNSUPPORTED, { 0, 0, 0 }, 0, false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct run_wants w = wants_of(rows[i].stages, rows[i].answers,
		    rows[i].edits);
		struct milter_terms t;

		print_message("%s\n", rows[i].what);
		assert_int_equal(milter_negotiate(&rows[i].offer, &w,
				     &rows[i].wish, &t),
		    rows[i].status);
		if (rows[i].status != 0)
			continue;
		assert_int_equal(t.o.version, rows[i].want.version);
		assert_int_equal(t.o.actions, rows[i].want.actions);
		assert_int_equal(t.o.protocol, rows[i].want.protocol);
		assert_int_equal(t.edit_caps, rows[i].caps);
		assert_int_equal(t.symbols, rows[i].symbols);
	}
}

/* What must hold whatever is offered and wanted. */
static void
test_invariants(void **state)
{
	static const uint32_t skip[WEIR_STAGE_COUNT] = { MILTER_P_NOCONNECT,
		MILTER_P_NOHELO, MILTER_P_NOMAIL, MILTER_P_NORCPT,
		MILTER_P_NODATA, MILTER_P_NOHDRS, MILTER_P_NOEOH,
		MILTER_P_NOBODY, 0 };
	static const uint32_t quiet[WEIR_STAGE_COUNT] = { MILTER_P_NR_CONN,
		MILTER_P_NR_HELO, MILTER_P_NR_MAIL, MILTER_P_NR_RCPT,
		MILTER_P_NR_DATA, MILTER_P_NR_HDR, MILTER_P_NR_EOH,
		MILTER_P_NR_BODY, 0 };
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct milter_options offer;
		struct milter_wish wish;
		struct milter_terms t;
		struct run_wants w;
		uint32_t r[6];

		for (int k = 0; k < 6; k++) {
			seed = seed * 1664525 + 1013904223;
			r[k] = seed ^ seed >> 13;
		}
		offer.version = 2 + r[0] % 6;
		offer.actions = r[1];
		offer.protocol = r[2];
		w = wants_of(r[3], r[4], r[5] & EDIT_CAP_ALL);
		wish.no_reply = (r[0] >> 8 & 1) != 0;
		wish.all_events = (r[0] >> 9 & 1) != 0;
		assert_int_equal(milter_negotiate(&offer, &w, &wish, &t), 0);
		assert_int_equal(t.o.actions & ~offer.actions, 0);
		assert_int_equal(t.o.protocol & ~offer.protocol, 0);
		assert_true(t.o.version <= offer.version && t.o.version <= 6);
		for (int s = 0; s < WEIR_STAGE_EOM; s++) {
			bool wanted = w.stage[s] || wish.all_events;

			assert_int_equal((t.o.protocol & skip[s]) != 0,
			    !wanted && (offer.protocol & skip[s]) != 0);
			assert_int_equal((t.o.protocol & quiet[s]) != 0,
			    wish.no_reply && !w.answer[s] &&
				(offer.protocol & quiet[s]) != 0);
		}
		assert_int_equal(t.o.protocol & MILTER_P_RCPT_REJ, 0);
	}
}

static void
test_answer(void **state)
{
	struct milter_options offer = { 6, ALL_ACTIONS, ALL_PROTOCOL };
	struct milter_wish wish = { true, false };
	struct run_wants w = wants_of(ALL_STAGES, ALL_STAGES, 0);
	struct milter_terms t;
	struct buf b = BUF_INIT;
	size_t pos = 17;
	unsigned lists = 0;

	(void)state;
	assert_int_equal(milter_negotiate(&offer, &w, &wish, &t), 0);
	milter_put_terms(&b, &t);
	assert_memory_equal(b.ptr + 4, "O\0\0\0\6", 5);
	while (pos < b.len) {
		/* number, names, NUL */
		assert_true(b.len - pos > 5);
		assert_memory_equal(b.ptr + pos, "\0\0\0", 3);
		assert_true(b.ptr[pos + 3] <= 6);
		pos += 4;
		pos += strlen(b.ptr + pos) + 1;
		lists++;
	}
	assert_int_equal(pos, b.len);
	assert_int_equal(lists, 7);
	assert_int_equal((unsigned char)b.ptr[2] << 8 |
		(unsigned char)b.ptr[3], b.len - 4);
	buf_clear(&b);
	t.symbols = false;
	milter_put_terms(&b, &t);
	assert_int_equal(b.len, 17);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table),
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_answer) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
