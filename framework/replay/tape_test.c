/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape_test - a session comes back from its octets; damaged octets give an
   error and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/inline.h>
#include <weir/module.h>

#include "base/text.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/module.h"
#include "pipe/run.h"
#include "replay/recorder.h"
#include "replay/tape.h"

static const struct weir_symbol symbols[] = { { "BAD", "", 2 },
	{ NULL, NULL, 0 } };
static const struct weir_module descriptor = { WEIR_MODULE_HEAD,
	.name = "m", .version = "1", .symbols = symbols };
static double scores[] = { 3 };
static struct module module = { .name = "m", .descriptor = &descriptor,
	.scores = scores, .nsymbols = 1 };
static const struct session_front front = { "milter", "mx", "in" };

/* notes - one of each kind */
static void
notes(struct notes *n, struct pool *pool)
{
	struct finding f = { .module = &module, .symbol = "BAD", .rcpt = 1,
		.stage = WEIR_STAGE_RCPT, .score = 4.5,
		.reason = WEIR_STR("be\0cause") };
	struct fact fact = { .module = &module, .rcpt = WEIR_RCPT_NONE,
		.stage = WEIR_STAGE_MAIL, .key = (char *)(uintptr_t)"m.word",
		.value = WEIR_STR("first") };
	struct opinion o = { .module = &module, .action = WEIR_ACT_REJECT,
		.scope = WEIR_SCOPE_RCPT, .rcpt = 1, .smtp_code = 554,
		.stage = WEIR_STAGE_RCPT, .enhanced = "5.7.1", .text = "no" };
	struct unscanned u = { .module = &module, .status = WEIR_E_TEMP,
		.stage = WEIR_STAGE_EOM, .shadow = true,
		.reason = WEIR_STR("dead") };

	notes_finding(n, pool, &f);
	notes_fact(n, pool, &fact);
	fact.key = (char *)(uintptr_t)"m.second";
	notes_fact(n, pool, &fact);
	notes_opinion(n, pool, &o);
	o.module = NULL;
	o.action = WEIR_ACT_ACCEPT;
	o.scope = WEIR_SCOPE_MESSAGE;
	o.rcpt = WEIR_RCPT_NONE;
	notes_opinion(n, pool, &o);
	notes_unscanned(n, pool, &u);
}

/* session - with a message that has been through */
static struct session *
session(void)
{
	struct session *s = session_open(&front);
	struct message *m;
	struct ip ip;
	uint32_t i;

	ip_parse("2001:db8::1", &ip);
	session_set_client(s, &ip, 4711);
	session_set(s, &s->client_name, text_slice("client.example"));
	session_set(s, &s->helo, text_slice("h.example"));
	session_macro_set(s, WEIR_STAGE_CONNECT, text_slice("j"),
	    text_slice("us.example"));
	session_macro_set(s, WEIR_STAGE_MAIL, text_slice("{auth}"),
	    text_slice("x"));
	m = message_begin(s, text_slice("a@example.org"),
	    text_slice("SIZE=7"));
	assert_non_null(m);
	message_rcpt_add(m, text_slice("u@example.net"), text_slice("N=1"),
	    &i);
	message_rcpt_add(m, text_slice("v@example.net"), text_slice(""), &i);
	m->rcpts[1].refused = true;
	m->declared_size = 7;
	message_header_add(m, text_slice("Subject"), text_slice(" x\n\ty"),
	    true, true);
	message_body_add(m, (weir_str){ "bo\0dy", 5 }, true);
	notes(&m->notes, m->pool);
	m->stage = WEIR_STAGE_EOM;
	return s;
}

/* tape - of that session */
static void
tape(struct buf *out, size_t body_max)
{
	struct weir_dns_rr rr[] = { { .type = 15, .pref = 10, .ttl = 60,
		.data = WEIR_STR("mx.example") }, { .type = 15, .pref = 20,
		.ttl = 60, .data = WEIR_STR("") } };
	struct weir_dns_answer a = { .rr = rr, .count = 2,
		.stride = sizeof(rr[0]), .secure = 1 };
	struct session *s = session();
	struct recorder_dns one = { .next = NULL };
	struct buf octets = BUF_INIT;

	tape_write_dns("Example.ORG", 15, &a, &octets);
	one.octets = buf_str(&octets);
	s->message->dns = &one;
	tape_write(s, s->message, "message", body_max, out);
	tape_write_module("m", UINT64_C(0x123456789abcdef0), out);
	session_close(&s);
	buf_fini(&octets);
}

static void
all_comes_back(void **state)
{
	struct buf octets = BUF_INIT;
	struct tape *t;
	struct err err;

	(void)state;
	run_wants_build(true, 1000);
	run_wants_tape(true);
	tape(&octets, 100);
	assert_int_equal(tape_read(octets.ptr, octets.len, &t, &err), 0);
	assert_true(t->has_message && t->has_body && t->has_body_octets);
	assert_string_equal(t->client_name.ptr, "client.example");
	assert_string_equal(t->helo.ptr, "h.example");
	assert_int_equal(t->client.len, 16);
	assert_int_equal(t->port, 4711);
	assert_int_equal(t->stage, WEIR_STAGE_EOM);
	assert_string_equal(t->sender_params.ptr, "SIZE=7");
	assert_int_equal(t->declared_size, 7);
	assert_int_equal(t->macros.n, 2);
	assert_int_equal(t->rcpts.n, 2);
	assert_true(t->rcpts.v[1].refused);
	assert_int_equal(t->rcpts.v[1].action, WEIR_ACT_REJECT);
	assert_int_equal(t->rcpts.v[0].action, WEIR_ACT_ACCEPT);
	assert_string_equal(t->fields.v[0].value.ptr, " x\n\ty");
	assert_int_equal(t->body.len, 5);
	assert_memory_equal(t->body.ptr, "bo\0dy", 5);
	assert_int_equal(t->findings.n, 1);
	assert_int_equal(t->findings.v[0].text.len, 8);
	assert_true(t->findings.v[0].weight == 3 &&
	    t->findings.v[0].score == 4.5);
	/* in the order in which they were set */
	assert_string_equal(t->facts.v[0].name.ptr, "m.word");
	assert_int_equal(t->facts.v[0].stage, WEIR_STAGE_MAIL);
	assert_string_equal(t->facts.v[1].name.ptr, "m.second");
	assert_string_equal(t->opinions.v[0].text.ptr, "no");
	assert_int_equal(t->opinions.v[0].code, 554);
	assert_int_equal(t->opinions.v[1].module.len, 0);
	assert_int_equal(t->unscanned.v[0].status, WEIR_E_TEMP);
	assert_true(t->unscanned.v[0].shadow);
	assert_string_equal(t->dns.v[0].name.ptr, "Example.ORG");
	assert_int_equal(t->dns.v[0].answer.count, 2);
	assert_int_equal(t->dns.v[0].answer.secure, 1);
	assert_string_equal(t->dns.v[0].answer.rr[0].data.ptr, "mx.example");
	assert_true(t->modules.v[0].digest == UINT64_C(0x123456789abcdef0));
	tape_destroy(&t);
	buf_clear(&octets);
	tape(&octets, 4);
	assert_int_equal(tape_read(octets.ptr, octets.len, &t, &err), 0);
	assert_true(!t->has_body && t->has_body_octets);
	assert_int_equal(t->body_octets, 5);
	tape_destroy(&t);
	buf_fini(&octets);
}

static void
damage_is_an_error(void **state)
{
	struct buf octets = BUF_INIT;
	unsigned good = 0;
	struct tape *t;
	struct err err;

	(void)state;
	run_wants_build(true, 1000);
	run_wants_tape(true);
	tape(&octets, 100);
	for (size_t n = 0; n < octets.len; n++) {
		/* cut between two entries it is a shorter tape */
		if (tape_read(octets.ptr, n, &t, &err) == WEIR_OK)
			good++;
		else
			assert_true(t == NULL && err.text[0] != '\0');
		tape_destroy(&t);
	}
	assert_true(good > 0 && good < 20);
	for (size_t n = 0; n < octets.len; n++) {
		for (int bit = 0; bit < 8; bit++) {
			octets.ptr[n] ^= (char)(1 << bit);
			tape_read(octets.ptr, octets.len, &t, &err);
			tape_destroy(&t);
			octets.ptr[n] ^= (char)(1 << bit);
		}
	}
	/* a later version may add entries */
	buf_add(&octets, "\xee\0\0\0\3abc", 8);
	assert_int_equal(tape_read(octets.ptr, octets.len, &t, &err), 0);
	tape_destroy(&t);
	octets.ptr[0] = 2;
	assert_int_equal(tape_read(octets.ptr, octets.len, &t, &err),
	    WEIR_E_INVAL);
	buf_fini(&octets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_back),
		cmocka_unit_test(damage_is_an_error)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
