/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_test - whatever a module hands in, the host answers and lives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/text.h"
#include "host/control.h"
#include "host/ext_timer.h"
#include "host/table.h"
#include "host/test_nothing.h"
#include "loop/loop.h"
#include "pipe/call.h"
#include "pipe/run.h"
#include "pipe/settle.h"
#include "pipe/test_fake.h"

#define H fake_host
#define NONE WEIR_RCPT_NONE

static const weir_str hole = { NULL, 5 };
static const weir_str empty = { NULL, 0 };

/* with_nothing - every function of the core table with a call but nothing
   else, or nonsense */
static void
core_with_nothing(weir_call *c)
{
	weir_str out;

	assert_int_equal(H->attr_get(c, WEIR_A_HELO, NONE, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(H->attr_get(c, 0, NONE, &out), WEIR_E_NOTFOUND);
	assert_int_equal(H->attr_get(c, 99999, NONE, &out), WEIR_E_NOTFOUND);
	assert_int_equal(H->attr_get(c, WEIR_A_RCPT, 99, &out),
	    WEIR_E_NOTFOUND);
	assert_int_equal(H->attr_get(c, WEIR_A_RCPT, NONE, &out),
	    WEIR_E_NOTFOUND);
	assert_int_equal(H->macro_get(c, NULL, &out), WEIR_E_INVAL);
	assert_int_equal(H->macro_get(c, "i", NULL), WEIR_E_INVAL);
	assert_int_equal(H->macro_get(c, "", &out), WEIR_E_NOTFOUND);
	assert_int_equal(H->macro_get(c, "{}", &out), WEIR_E_NOTFOUND);
	assert_int_equal(H->header_at(c, NULL, 0, NULL, NULL), WEIR_OK);
	assert_int_equal(H->header_at(c, "None", 0, NULL, NULL),
	    WEIR_E_NOTFOUND);
	assert_int_equal(H->header_at(c, NULL, UINT32_MAX, NULL, NULL),
	    WEIR_E_NOTFOUND);
	assert_int_equal(H->header_count(c, NULL), 1);
	assert_int_equal(H->in_networks(c, NULL, NULL), WEIR_E_NOTFOUND);
	assert_int_equal(H->in_networks(c, "x", "no address"), WEIR_E_INVAL);
	assert_null(H->alloc(c, WEIR_SCOPE_SESSION, SIZE_MAX));
	assert_null(H->alloc(c, WEIR_SCOPE_MESSAGE, SIZE_MAX));
	assert_null(H->alloc(c, WEIR_SCOPE_SESSION, (size_t)1 << 40));
	assert_null(H->alloc(c, WEIR_SCOPE_MESSAGE, (size_t)1 << 40));
	assert_null(H->alloc(c, 3, 1));
	assert_non_null(H->alloc(c, WEIR_SCOPE_SESSION, 0));
	assert_true(H->data_set(c, 3, NONE, c, NULL) < 0);
	assert_true(H->data_set(c, WEIR_SCOPE_RCPT, 99, c, NULL) < 0);
	assert_int_equal(H->data_set(c, WEIR_SCOPE_SESSION, NONE, NULL, NULL),
	    WEIR_OK);
	assert_null(H->data_get(c, 3, NONE));
	assert_null(H->data_get(c, WEIR_SCOPE_RCPT, NONE));
	H->log(NULL, c, 0, empty);
	H->log(NULL, NULL, 0, hole);
	assert_int_equal(H->task(NULL, nothing_task, NULL, 0), WEIR_E_INVAL);
	assert_null(H->hold(c, 0, NULL, NULL));
	H->release(NULL, 0);
	assert_int_equal(H->want(NULL, 0), WEIR_E_INVAL);
	assert_int_equal((H->skip)(NULL, 0, 0), WEIR_E_INVAL);
	assert_null(H->ext(NULL, NULL));
	assert_null(H->ext(NULL, "weir.dns/2"));
	(void)H->wall_ms(NULL);
	(void)H->mono_ms(NULL);
}

static void
notes_with_nothing(weir_call *c)
{
	struct weir_verdict v;
	weir_str out;

	assert_int_equal(H->finding(c, 0, NONE, 1, hole), WEIR_E_INVAL);
	assert_int_equal(H->finding(c, 2, NONE, 1, empty), WEIR_E_INVAL);
	assert_int_equal(H->finding(c, 0, 99, 1, empty), WEIR_E_INVAL);
	assert_int_equal(H->finding(c, 0, NONE, NAN, empty), WEIR_E_INVAL);
	assert_int_equal(H->finding(c, 0, NONE, INFINITY, empty),
	    WEIR_E_INVAL);
	assert_int_equal(H->finding(c, 0, NONE, 1, empty), WEIR_OK);
	assert_int_equal(H->finding_at(c, 0, NULL), WEIR_E_INVAL);
	assert_int_equal(H->verdict(c, NULL), WEIR_E_INVAL);
	memset(&v, 0, sizeof(v));
	assert_int_equal(H->verdict(c, &v), WEIR_E_INVAL);
	assert_int_equal(H->verdict_get(c, NONE, NULL), WEIR_E_INVAL);
	assert_int_equal(H->verdict_get(c, NONE, &v), WEIR_OK);
	assert_int_equal(H->fact_set(c, NONE, NULL, empty), WEIR_E_INVAL);
	assert_int_equal(H->fact_set(c, NONE, "", empty), WEIR_E_INVAL);
	assert_int_equal(H->fact_set(c, NONE, "a", hole), WEIR_E_INVAL);
	assert_int_equal(H->fact_set(c, 99, "a", empty), WEIR_E_INVAL);
	assert_int_equal(H->fact_set(c, NONE, "a", empty), WEIR_OK);
	assert_int_equal(H->fact_get(c, NONE, NULL, &out), WEIR_E_INVAL);
	assert_int_equal(H->fact_get(c, NONE, "a", NULL), WEIR_E_INVAL);
	assert_int_equal(H->unscanned_at(c, 0, NULL, NULL), WEIR_E_NOTFOUND);
	assert_int_equal((H->fail)(c, 5, hole), WEIR_OK);
	assert_int_equal(H->unscanned_at(c, 0, NULL, NULL), WEIR_OK);
}

static void
waits_with_nothing(weir_call *c)
{
	weir_str key = text_slice("k");

	assert_int_equal(fake_dns->query(c, NULL, 1, 0, nothing_answer, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_dns->query(c, "x", 1, 0, NULL, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_timer->after(c, 1, NULL, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_timer->every(NULL, 1000, nothing_task, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_job->start(c, NULL, nothing_task, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_job->start(c, nothing_job, NULL, NULL),
	    WEIR_E_INVAL);
	assert_true(fake_job->unwanted(NULL));
	assert_int_equal(fake_job->message_fd(NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->get(c, key, NULL, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->get(c, hole, nothing_value, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->get(c, empty, nothing_value, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->put(c, hole, key, 1, nothing_value, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->put(c, key, hole, 1, nothing_value, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->put(c, key, key, 0, NULL, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->add(c, key, hole, 1, NULL, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_store->del(c, hole, NULL, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->walk(c, hole, empty, 1, nothing_row,
	    nothing_value, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->walk(c, empty, hole, 1, nothing_row,
	    nothing_value, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->walk(c, empty, empty, 1, NULL, nothing_value,
	    NULL), WEIR_E_INVAL);
	assert_int_equal(fake_store->walk(c, empty, empty, 1, nothing_row, NULL,
	    NULL), WEIR_E_INVAL);
	/* names that are none are answered later, like all others */
	assert_int_equal(fake_dns->query(c, "", 1, 0, nothing_answer, NULL), WEIR_OK);
	assert_int_equal(fake_dns->query(c, "a..b", 1, 0, nothing_answer, NULL),
	    WEIR_OK);
	assert_int_equal(fake_dns->query(c, "x", 9999, 0, nothing_answer, NULL),
	    WEIR_OK);
}

static void
others_with_nothing(weir_call *c)
{
	uint32_t n, code;
	weir_str out;

	assert_int_equal(fake_mime->raw(c, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_count(c, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->part(c, 0, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_name(c, 0, 0, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_header(c, 0, NULL, &out),
	    WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_header(c, 0, "x", NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_data(c, 0, 1, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->part_text(c, 0, 1, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->link_count(c, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->link_at(c, 0, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->anomaly_count(c, NULL), WEIR_E_INVAL);
	assert_int_equal(fake_mime->anomaly_at(c, 0, NULL, &out),
	    WEIR_E_INVAL);
	assert_int_equal(fake_mime->anomaly_at(c, 0, &code, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_mime->header_decode(c, hole, &out),
	    WEIR_E_INVAL);
	assert_int_equal(fake_mime->header_decode(c, empty, NULL),
	    WEIR_E_INVAL);
	/* indices out of range */
	assert_int_equal(fake_mime->part_count(c, &n), WEIR_OK);
	assert_int_equal(n, 1);
	assert_true(fake_mime->part_name(c, 99, 0, &out) < 0);
	assert_true(fake_mime->part_name(c, 0, 99, &out) < 0);
	assert_true(fake_mime->part_data(c, UINT32_MAX, 1, &out) < 0);
	assert_true(fake_mime->link_at(c, 99, &out) < 0);
	assert_int_equal(ext_metric_table.counter(NULL, "x", NULL, "x"),
	    WEIR_E_INVAL);
	ext_metric_table.add(NULL, -1, 1);
	ext_metric_table.set(NULL, 1000000, 1);
	ext_metric_table.observe(NULL, INT32_MIN, NAN);
	assert_int_equal(ext_service_table.provide(NULL, "x", &n, NULL),
	    WEIR_E_INVAL);
	assert_null(ext_service_table.find(NULL, NULL, NULL));
	assert_int_equal(ext_control_table.command(NULL, "x", "x", "x",
	    nothing_command), WEIR_E_INVAL);
	assert_int_equal(ext_control_table.print(c, empty), WEIR_E_STATE);
	assert_int_equal(ext_control_table.error(NULL, empty), WEIR_E_STALE);
	assert_false(H->conf_bool(NULL, 0));
	assert_int_equal(H->conf_int(NULL, 0), 0);
	assert_true(H->conf_real(NULL, 0) == 0);
	assert_int_equal(H->conf_str(NULL, 0).len, 0);
	assert_int_equal(H->conf_list(NULL, 0, NULL), 0);
	assert_int_equal(H->conf_net(NULL, 0, NULL), 0);
	assert_int_equal(H->conf_sections(NULL, 0), 0);
	assert_null(H->conf_section(NULL, 0, 0, NULL));
}

static void
edits_with_nothing(weir_call *c)
{
	static const char *const names[] = { NULL, "", "a b", "a:b", "a\r\nb",
		"\xff", " " };
	weir_str ok = text_slice("x"), bad[5];

	bad[0] = hole;
	bad[1] = text_slice("a\r\nb");
	bad[2] = text_slice("a\nb");
	bad[3] = text_slice("a\n");
	bad[4].ptr = "a\0b";
	bad[4].len = 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(fake_edit->header_add(c, names[i], ok),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->header_delete(c, names[i], 1),
		    WEIR_E_INVAL);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(fake_edit->header_add(c, "X", bad[i]),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->header_insert(c, 0, "X", bad[i]),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->header_change(c, "Subject", 1,
		    bad[i]), WEIR_E_INVAL);
		assert_int_equal(fake_edit->rcpt_add(c, bad[i], empty),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->rcpt_add(c, ok, bad[i]),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->sender_change(c, bad[i], empty),
		    WEIR_E_INVAL);
		assert_int_equal(fake_edit->mta_hold(c, bad[i]), WEIR_E_INVAL);
	}
	assert_int_equal(fake_edit->body_replace(c, hole), WEIR_E_INVAL);
	assert_int_equal(fake_edit->rcpt_add(c, empty, empty), WEIR_E_INVAL);
	assert_int_equal(fake_edit->rcpt_add(c, text_slice("a> SIZE=1 <b"),
	    empty), WEIR_E_INVAL);
	assert_int_equal(fake_edit->header_change(c, "Subject", 0, ok),
	    WEIR_E_NOTFOUND);
	assert_int_equal(fake_edit->header_change(c, "Subject", 2, ok),
	    WEIR_E_NOTFOUND);
	assert_int_equal(fake_edit->header_delete(c, "X", 1), WEIR_E_NOTFOUND);
	assert_int_equal(fake_edit->rcpt_delete(c, 1), WEIR_E_NOTFOUND);
	assert_int_equal(fake_edit->rcpt_delete(c, NONE), WEIR_E_NOTFOUND);
	/* what is in order, with nothing in it */
	assert_int_equal(fake_edit->header_add(c, "X", empty), WEIR_OK);
	assert_int_equal(fake_edit->sender_change(c, empty, empty), WEIR_OK);
	assert_int_equal(fake_edit->body_replace(c, empty), WEIR_OK);
	assert_int_equal(fake_edit->mta_hold(c, empty), WEIR_OK);
}

static int
ask_nonsense(struct fake *f, weir_call *c, int stage, int phase)
{
	(void)stage;
	H->log(fake_self(f), c, 99, hole);
	H->log(fake_self(f), c, -1, empty);
	assert_int_equal(H->task(fake_self(f), NULL, NULL, 0), WEIR_E_INVAL);
	assert_int_equal(H->want(fake_self(f), 1), WEIR_E_STATE);
	assert_int_equal((H->skip)(fake_self(f), 0, 0), WEIR_E_STATE);
	assert_int_equal(ext_metric_table.gauge(fake_self(f), NULL, NULL,
	    NULL), WEIR_E_INVAL);
	if (phase == WEIR_PHASE_COLLECT) {
		core_with_nothing(c);
		others_with_nothing(c);
		waits_with_nothing(c);
	} else if (phase == WEIR_PHASE_DECIDE) {
		notes_with_nothing(c);
	} else {
		edits_with_nothing(c);
	}
	return WEIR_OK;
}

static void
test_nothing(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(EOM), BIT(EOM), BIT(EOM), ask_nonsense);
	a.m.flags = WEIR_F_WANT_BODY;
	fake_plan(all, 1);
	fake_message(s, 1);
	run_header(s, text_slice("Subject"), text_slice(" x"));
	run_body(s, text_slice("hello\r\n"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	assert_int_equal(a.calls, 3);
	session_close(&s);
	/* and every one without a call */
	assert_int_equal(H->attr_get(NULL, 1, NONE, NULL), WEIR_E_STALE);
	assert_int_equal(H->macro_get(NULL, NULL, NULL), WEIR_E_STALE);
	assert_int_equal(H->rcpt_count(NULL), 0);
	assert_int_equal(H->header_count(NULL, NULL), 0);
	assert_int_equal(H->header_at(NULL, NULL, 0, NULL, NULL),
	    WEIR_E_STALE);
	assert_int_equal(H->in_networks(NULL, NULL, NULL), WEIR_E_STALE);
	assert_int_equal(H->finding(NULL, 0, 0, 0, hole), WEIR_E_STALE);
	assert_int_equal(H->finding_count(NULL), 0);
	assert_int_equal(H->finding_at(NULL, 0, NULL), WEIR_E_STALE);
	assert_true(H->score(NULL, 0) == 0);
	assert_int_equal(H->verdict(NULL, NULL), WEIR_E_STALE);
	assert_int_equal(H->verdict_get(NULL, 0, NULL), WEIR_E_STALE);
	assert_int_equal(H->fact_set(NULL, 0, NULL, hole), WEIR_E_STALE);
	assert_int_equal(H->fact_get(NULL, 0, NULL, NULL), WEIR_E_STALE);
	assert_int_equal((H->fail)(NULL, 0, hole), WEIR_E_STALE);
	assert_int_equal(H->unscanned_count(NULL), 0);
	assert_int_equal(H->unscanned_at(NULL, 0, NULL, NULL), WEIR_E_STALE);
	assert_int_equal(H->data_set(NULL, 0, 0, NULL, NULL), WEIR_E_STALE);
	assert_null(H->data_get(NULL, 0, 0));
	assert_int_equal(fake_mime->raw(NULL, NULL), WEIR_E_STALE);
	assert_int_equal(fake_edit->body_replace(NULL, hole), WEIR_E_STALE);
}

/* Without a spool there is no message to read: it is said, not made up. */
static int
ask_for_message(struct fake *f, weir_call *c, int stage, int phase)
{
	uint32_t n;
	weir_str out;

	(void)f;
	(void)stage;
	(void)phase;
	assert_int_equal(fake_mime->raw(c, &out), WEIR_E_STATE);
	assert_int_equal(fake_mime->part_count(c, &n), WEIR_E_STATE);
	return WEIR_OK;
}

static void
test_no_spool(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");

	(void)state;
	fake_init(&a, "a", BIT(EOM), 0, 0, ask_for_message);
	fake_plan(all, 1);
	fake_message(s, 1);
	run_header(s, text_slice("Subject"), text_slice(" x"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	session_close(&s);
}

/* Verdicts: what may be said, and what stands in the reply. */

struct verdict_case {
	struct weir_verdict v;
	int status;
	const char *reply; /* or NULL */
};

#define V(act, sc, rc, code, enh, txt) \
	{ .size = sizeof(struct weir_verdict), .action = WEIR_ACT_##act, \
	    .scope = WEIR_SCOPE_##sc, .rcpt = (rc), .smtp_code = (code), \
	    .enhanced = (enh), .text = (txt) }

static const struct verdict_case verdicts[] = {
	{ V(REJECT, MESSAGE, 0, 550, "5.7.1", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 0, NULL, NULL), 0,
	    "550 5.7.1 Message refused [ID]" },
	{ V(REJECT, MESSAGE, 0, 399, NULL, NULL), WEIR_E_INVAL, NULL },
	{ V(REJECT, MESSAGE, 0, 600, NULL, NULL), WEIR_E_INVAL, NULL },
	{ V(REJECT, RCPT, 2, 550, NULL, NULL), WEIR_E_INVAL, NULL },
	{ V(REJECT, RCPT, NONE, 550, NULL, NULL), WEIR_E_INVAL, NULL },
	{ V(REJECT, RCPT, 1, 554, NULL, "r"), 0, NULL },
	{ .v = { .size = sizeof(struct weir_verdict), .action = 6 },
	    .status = WEIR_E_INVAL },
	{ .v = { .size = sizeof(struct weir_verdict), .scope = 3 },
	    .status = WEIR_E_INVAL },
	{ .v = { .size = 8, .action = 5 }, .status = WEIR_E_INVAL },
	/* enhanced codes that are none, or would be more than that */
	{ V(REJECT, MESSAGE, 0, 550, "5.\r\n7.1", "no"), 0,
	    "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5. 7.2", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5.+7.2", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5.7.", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "2.0.0", "no"), 0, "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5.7.1234", "no"), 0,
	    "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5.7.2 hi", "no"), 0,
	    "550 5.7.1 no [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, "5.999.123", "no"), 0,
	    "550 5.999.123 no [ID]" },
	/* texts */
	{ V(REJECT, MESSAGE, 0, 550, NULL, "a\r\nb\tc\x01" "d"), 0,
	    "550-5.7.1 a \r\n550 5.7.1 b c d [ID]" },
	{ V(REJECT, MESSAGE, 0, 550, NULL, "bad \xc3 end"), 0,
	    "550 5.7.1 bad ? end [ID]" },
};

static int
say_it(struct fake *f, weir_call *c, int stage, int phase)
{
	const struct verdict_case *v = f->arg;

	(void)stage;
	(void)phase;
	assert_int_equal(H->verdict(c, &v->v), v->status);
	return WEIR_OK;
}

static void
test_verdicts(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };

	(void)state;
	fake_init(&a, "a", 0, BIT(DATA), 0, say_it);
	fake_plan(all, 1);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		const struct verdict_case *v = &verdicts[i];
		struct session *s = fake_session("in");
		struct buf out = BUF_INIT;
		struct settled st;

		a.arg = (void *)(uintptr_t)v;
		fake_message(s, 2);
		fake_stage(s, WEIR_STAGE_DATA, WEIR_RCPT_NONE);
		if (v->reply != NULL) {
			settle_early(run_answer(s, 0), &st);
			settle_reply(&st, "ID", &out);
			assert_string_equal(out.ptr, v->reply);
		} else if (v->status < 0) {
			assert_null(run_answer(s, 0));
			assert_null(run_answer(s, 1));
		}
		buf_fini(&out);
		session_close(&s);
	}
}

/* Strings of any length. */
static int
say_much(struct fake *f, weir_call *c, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_MESSAGE };
	char *text = f->arg;
	weir_str big = text_slice(text);

	(void)stage;
	(void)phase;
	H->log(fake_self(f), c, WEIR_LOG_ERROR, big);
	assert_int_equal(H->finding(c, 0, NONE, 1, big), WEIR_OK);
	assert_int_equal(H->fact_set(c, NONE, "k", big), WEIR_E_INVAL);
	assert_int_equal(H->fact_set(c, NONE, text, big), WEIR_E_INVAL);
	v.text = text;
	v.enhanced = text;
	assert_int_equal(H->verdict(c, &v), WEIR_OK);
	assert_int_equal((H->fail)(c, WEIR_E_TEMP, big), WEIR_OK);
	assert_int_equal(fake_store->put(c, big, big, 1, NULL, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_dns->query(c, text, 1, 0, nothing_answer, NULL),
	    WEIR_OK);
	(void)H->macro_get(c, text, &big);
	assert_int_equal(H->in_networks(c, text, text), WEIR_E_INVAL);
	return WEIR_OK;
}

static void
test_huge(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s = fake_session("in");
	size_t size = 20u << 20;
	char *text = malloc(size);

	(void)state;
	memset(text, 'x', size);
	text[size - 1] = '\0';
	fake_init(&a, "a", 0, BIT(DATA), 0, say_much);
	a.arg = text;
	fake_plan(all, 1);
	fake_message(s, 1);
	fake_stage(s, WEIR_STAGE_DATA, WEIR_RCPT_NONE);
	assert_in_range(s->message->notes.findings->reason.len, 1, 4096);
	assert_in_range(strlen(s->message->notes.opinions->text), 1, 2000);
	assert_int_equal(run_answer(s, 0)->action, WEIR_ACT_REJECT);
	session_close(&s);
	free(text);
}

/* Commands: of nobody, of a module that fails, that does not answer. */

static struct control_reply got;
static char got_err[200], got_out[200];
static int replies;

static void
on_reply(const struct control_reply *r, void *arg)
{
	(void)arg;
	got = *r;
	snprintf(got_err, sizeof(got_err), "%s",
	    r->err.ptr != NULL ? r->err.ptr : "");
	snprintf(got_out, sizeof(got_out), "%s",
	    r->out.ptr != NULL ? r->out.ptr : "");
	replies++;
}

static int
command(void *state, weir_call *c, uint32_t argc, const char *const *argv,
    bool json)
{
	(void)state;
	(void)json;
	assert_null(argv[argc]);
	assert_int_equal(H->stage(c), WEIR_E_STATE);
	assert_int_equal(ext_control_table.print(c, text_slice(argv[0])),
	    WEIR_OK);
	assert_int_equal(ext_control_table.print(c, hole), WEIR_E_INVAL);
	if (argc > 1 && strcmp(argv[1], "wait") == 0)
		assert_int_equal(fake_timer->after(c, 60000, nothing_task, NULL),
		    WEIR_OK);
	if (argc > 1 && strcmp(argv[1], "complain") == 0)
		ext_control_table.error(c, text_slice("complaint"));
	return argc > 1 && strcmp(argv[1], "fail") == 0 ? WEIR_E_TEMP :
							  WEIR_OK;
}

static void
test_commands(void **state)
{
	static const char *const args[] = { "cmd", NULL, NULL };
	static const struct {
		const char *word;
		int status;
		const char *err;
	} cases[] = {
		{ NULL, WEIR_OK, "" },
		{ "fail", WEIR_E_TEMP, "a cmd: E_TEMP" },
		{ "complain", WEIR_E_INVAL, "complaint" },
		{ "wait", WEIR_E_TIMEOUT, "the module did not answer" },
	};
	struct fake a;
	struct fake *all[] = { &a };

	(void)state;
	fake_init(&a, "a", 0, 0, 0, NULL);
	a.m.created = false;
	fake_plan(all, 1);
	assert_int_equal(ext_control_table.command(fake_self(&a), "cmd", "cmd",
	    "Help.", command), WEIR_OK);
	a.m.created = true;
	assert_int_equal(ext_control_table.command(fake_self(&a), "x", "x",
	    "Help.", command), WEIR_E_STATE);
	assert_int_equal(control_run("b", 1, args, false, -1, 10, on_reply,
	    NULL), WEIR_E_NOTFOUND);
	assert_int_equal(control_run("a", 0, args + 1, false, -1, 10,
	    on_reply, NULL), WEIR_E_NOTFOUND);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *argv[] = { "cmd", cases[i].word, NULL };

		replies = 0;
		assert_int_equal(control_run("a", cases[i].word != NULL ? 2 : 1,
		    argv, false, 7, 10, on_reply, NULL), WEIR_OK);
		fake_drain();
		assert_int_equal(replies, 1);
		assert_int_equal(got.status, cases[i].status);
		assert_string_equal(got_err, cases[i].err);
		assert_string_equal(got_out, "cmd");
	}
	control_fini();
}

/* Periodic work: a run that is open is not started again. */

static int ticks;
static weir_hold *tick_hold;

static void
on_tick(weir_call *c, int status, void *arg)
{
	(void)arg;
	assert_int_equal(status, WEIR_OK);
	assert_int_equal(H->stage(c), WEIR_E_STATE);
	assert_null(tick_hold);
	if (++ticks == 1)
		tick_hold = H->hold(c, 0, nothing_task, NULL);
}

static void
after_while(struct loop_timer *t)
{
	(void)t;
	assert_int_equal(ticks, 1);
	H->release(tick_hold, WEIR_OK);
	tick_hold = NULL;
}

static void
test_periodic(void **state)
{
	struct loop_timer t;
	struct fake a;
	struct fake *all[] = { &a };

	(void)state;
	fake_init(&a, "a", 0, 0, 0, NULL);
	fake_plan(all, 1);
	ticks = 0;
	assert_int_equal(fake_timer->every(fake_self(&a), 99, on_tick, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(fake_timer->every(fake_self(&a), 100, on_tick, NULL),
	    WEIR_OK);
	loop_timer_init(&t, after_while);
	loop_timer_start(&t, 350);
	while (ticks < 3)
		loop_once(true);
	ext_timer_stop();
}

/* Services between modules. */
static void
test_services(void **state)
{
	struct fake a;
	int table = 1;
	void *mine = NULL;

	(void)state;
	fake_init(&a, "a", 0, 0, 0, NULL);
	assert_int_equal(ext_service_table.provide(fake_self(&a), "x/1",
	    &table, &a), WEIR_E_STATE);
	a.m.created = false;
	assert_int_equal(ext_service_table.provide(fake_self(&a), "x/1", NULL,
	    &a), WEIR_E_INVAL);
	assert_int_equal(ext_service_table.provide(fake_self(&a), "x/1",
	    &table, &a), WEIR_OK);
	assert_int_equal(ext_service_table.provide(fake_self(&a), "x/1",
	    &table, &a), WEIR_E_EXISTS);
	assert_ptr_equal(ext_service_table.find(fake_self(&a), "x/1", &mine),
	    &table);
	assert_ptr_equal(mine, &a);
	assert_null(ext_service_table.find(fake_self(&a), "x/2", &mine));
	ext_service_fini();
	assert_null(ext_service_table.find(fake_self(&a), "x/1", &mine));
}

/* speak_of_client - with each mail the same about the session */
static int
speak_of_client(struct fake *f, weir_call *c, int stage, int phase)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_SESSION,
		.rcpt = NONE, .enhanced = "4.7.1", .text = "Later, please" };

	(void)f;
	(void)stage;
	(void)phase;
	assert_int_equal(H->verdict(c, &v), WEIR_OK);
	return WEIR_OK;
}

/* A session that lasts does not grow with what is said again and again. */
static void
test_long_session(void **state)
{
	struct fake a;
	struct fake *all[] = { &a };
	struct session *s;
	size_t used = 0;

	(void)state;
	fake_init(&a, "a", 0, BIT(MAIL), 0, speak_of_client);
	fake_plan(all, 1);
	s = fake_session("in");
	for (int i = 0; i < 3 * NOTES_MAX; i++) {
		fake_message(s, 0);
		fake_stage(s, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
		message_finish(&s->message, MESSAGE_DONE);
		if (i == NOTES_MAX)
			used = pool_used(s->pool);
	}
	assert_int_equal(pool_used(s->pool), used);
	session_close(&s);
}

/* Which table is a draft is the host's to say: the id will not change. */
static void
test_drafts(void **state)
{
	static const char *const drafts[] = { WEIR_EXT_DNS, NULL };
	const char *const *none = table_drafts;

	(void)state;
	assert_false(table_is_draft(WEIR_EXT_DNS));
	table_drafts = drafts;
	assert_true(table_is_draft(WEIR_EXT_DNS));
	assert_false(table_is_draft(WEIR_EXT_STORE));
	assert_false(table_is_draft("weir.dns/2"));
	table_drafts = none;
	/* what is a draft must be there at all */
	for (const char *const *d = table_drafts; *d != NULL; d++)
		assert_non_null(table_ext(*d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_no_spool),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_long_session),
	};

	return cmocka_run_group_tests(tests, fake_world_start,
	    fake_world_stop);
}
