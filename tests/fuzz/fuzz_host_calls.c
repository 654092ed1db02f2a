/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_host_calls - a module that calls anything, anywhere, with anything.
 *
 * Each octet or two of the input is a call of a function of the host: of a
 * call that is open, one that is over, or none; with slices that are good,
 * empty, huge or holes, indexes that exist or not, at every stage and phase
 * and in tasks.  Every function answers; what comes out can be read; nothing
 * that was refused completes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "host/table.h"
#include "loop/loop.h"
#include "pipe/call.h"
#include "pipe/run.h"
#include "pipe/test_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define H fake_host
#define STEPS 40 /* in one callback */

static const uint8_t *in;
static size_t left;
static weir_call *kept[4]; /* of callbacks that are over, perhaps */
static unsigned pending;
static volatile unsigned seen; /* keeps reads from being left out */

/* draw - a number below n */
static unsigned
draw(unsigned n)
{
	if (left == 0)
		return 0;
	left--;
	return *in++ % n;
}

/* any_str - slices of all kinds */
static weir_str
any_str(void)
{
	static char large[70000];
	static const char *const words[] = { "", "x", "key", "yes.test",
		"Subject", "a@example.org", "\r\n", "a\nb", "\xff\xfe", "1",
		"=?utf-8?q?=41?=" };
	unsigned n = draw(14);
	weir_str out;

	if (n < sizeof(words) / sizeof(*words))
		return text_slice(words[n]);
	if (large[0] == '\0')
		memset(large, 'a', sizeof(large));
	out.ptr = n == 11 ? NULL : large;
	out.len = n == 12 ? sizeof(large) : n == 13 ? 400 : 5 * draw(2);
	return out;
}

/* any_name - a C string, or NULL */
static const char *
any_name(void)
{
	static const char *const names[] = { NULL, "", "i", "{x}", "Subject",
		"fuzz.fact", "yes.test", "x y", "a.b.c.d", "bad\r\nname",
		"weir.dns/1" };

	return names[draw(sizeof(names) / sizeof(*names))];
}

/* any_index - of a recipient, a part, a row */
static uint32_t
any_index(void)
{
	static const uint32_t all[] = { WEIR_RCPT_NONE, 0, 1, 2, 7, 100, 300,
		0x7fffffff };

	return all[draw(8)];
}

/* look - read what came out */
static void
look(weir_str s)
{
	for (size_t i = 0; i < s.len && i < 64; i++)
		seen += (unsigned char)s.ptr[i];
}

static void
on_task(weir_call *call, int status, void *arg)
{
	(void)arg;
	(void)call;
	if (pending-- == 0 || status > 0)
		abort();
}

static void
on_free_task(weir_call *call, int status, void *arg)
{
	(void)status;
	(void)arg;
	kept[3] = call;
}

static void
on_dns(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	for (uint32_t i = 0; i < a->count; i++)
		look(weir_dns_rr_at(a, i)->data);
	on_task(call, a->status, arg);
}

static void
on_store(weir_call *call, int status, weir_str value, void *arg)
{
	look(value);
	on_task(call, status, arg);
}

/* begun - so many completions will come, or none */
static void
begun(int status)
{
	if (status == WEIR_OK)
		pending++;
}

/* read_step - functions that tell */
static void
read_step(weir_call *c, unsigned which)
{
	struct weir_finding f = { .size = sizeof(f) };
	struct weir_verdict v = { .size = 4 * draw(12) };
	weir_str out = { "", 0 }, other = { "", 0 };
	char *p;

	switch (which) {
	case 0:
		H->attr_get(c, any_index() % 400, any_index(), &out);
		break;
	case 1:
		H->macro_get(c, any_name(), &out);
		break;
	case 2:
		H->header_at(c, any_name(), any_index(), &out, &other);
		break;
	case 3:
		H->in_networks(c, any_name(), any_name());
		break;
	case 4:
		if (H->finding_at(c, any_index(), &f) == WEIR_OK)
			out = f.reason;
		break;
	case 5:
		H->verdict_get(c, any_index(), &v);
		break;
	case 6:
		H->fact_get(c, any_index(), any_name(), &out);
		break;
	case 7:
		H->unscanned_at(c, any_index(), &out, &other);
		break;
	case 8:
		p = H->alloc(c, draw(5), draw(3) == 0 ? SIZE_MAX : draw(200));
		if (p != NULL)
			seen += (unsigned char)*p;
		break;
	case 9:
		seen += H->rcpt_count(c) + H->header_count(c, any_name()) +
		    H->finding_count(c) + H->unscanned_count(c);
		seen += (unsigned)H->score(c, any_index()) & 1;
		break;
	case 10:
		(void)H->data_get(c, draw(5), any_index());
		break;
	default:
		seen += (unsigned)H->stage(c) + (unsigned)H->phase(c) +
		    (unsigned)H->fate(c, any_index());
		break;
	}
	look(out);
	look(other);
}

/* say_step - functions that state */
static void
say_step(struct fake *f, weir_call *c, unsigned which)
{
	struct weir_verdict v = { .size = sizeof(v), .action = draw(8),
		.scope = draw(4), .rcpt = any_index(),
		.smtp_code = draw(3) * 275, .enhanced = any_name(),
		.text = any_name() };
	weir_str s = any_str();

	switch (which) {
	case 0:
		H->finding(c, draw(3), any_index(), draw(5) == 0 ? NAN :
			(double)draw(9), s);
		break;
	case 1:
		H->verdict(c, draw(8) == 0 ? NULL : &v);
		break;
	case 2:
		H->fact_set(c, any_index(), any_name(), s);
		break;
	case 3:
		(H->fail)(c, -(int)draw(14), s);
		break;
	case 4:
		H->log(fake_self(f), c, (int)draw(6), s);
		break;
	case 5:
		H->kept(c, any_index(), s);
		break;
	case 6:
		H->exempt(c, s);
		break;
	case 7:
		H->data_set(c, draw(5), any_index(), f, NULL);
		break;
	case 8:
		H->want(fake_self(f), any_index());
		break;
	default:
		(H->skip)(fake_self(f), draw(5), draw(12));
		break;
	}
}

/* edit_step - what changes the mail */
static void
edit_step(weir_call *c, unsigned which)
{
	weir_str s = any_str();

	switch (which) {
	case 0:
		fake_edit->header_add(c, any_name(), s);
		break;
	case 1:
		fake_edit->header_insert(c, any_index(), any_name(), s);
		break;
	case 2:
		fake_edit->header_change(c, any_name(), any_index(), s);
		break;
	case 3:
		fake_edit->header_delete(c, any_name(), any_index());
		break;
	case 4:
		fake_edit->body_replace(c, s);
		break;
	case 5:
		fake_edit->rcpt_add(c, s, any_str());
		break;
	case 6:
		fake_edit->rcpt_delete(c, any_index());
		break;
	case 7:
		fake_edit->sender_change(c, s, any_str());
		break;
	default:
		fake_edit->mta_hold(c, s);
		break;
	}
}

/* mime_step - the parsed message */
static void
mime_step(weir_call *c, unsigned which)
{
	struct weir_mime_part part = { .size = 4 * draw(40) };
	weir_str out = { "", 0 };
	uint32_t n = 0;

	switch (which) {
	case 0:
		fake_mime->raw(c, &out);
		break;
	case 1:
		fake_mime->part_count(c, &n);
		break;
	case 2:
		if (part.size > sizeof(part))
			part.size = sizeof(part);
		fake_mime->part(c, any_index(), &part);
		break;
	case 3:
		fake_mime->part_name(c, any_index(), any_index(), &out);
		break;
	case 4:
		fake_mime->part_header(c, any_index(), any_name(), &out);
		break;
	case 5:
		fake_mime->part_data(c, any_index(), draw(200), &out);
		break;
	case 6:
		fake_mime->part_text(c, any_index(), draw(200), &out);
		break;
	case 7:
		fake_mime->link_at(c, any_index(), &out);
		break;
	case 8:
		fake_mime->anomaly_at(c, any_index(), &n, &out);
		break;
	default:
		fake_mime->header_decode(c, any_str(), &out);
		break;
	}
	look(out);
}

/* wait_step - what completes later, and what belongs to the module alone */
static void
wait_step(struct fake *f, weir_call *c, unsigned which)
{
	weir_hold *hold;

	switch (which) {
	case 0:
		begun(fake_timer->after(c, draw(3), draw(4) == 0 ? NULL :
				on_task, NULL));
		break;
	case 1:
		begun(fake_dns->query(c, any_name(), (uint16_t)draw(40),
		    draw(3), on_dns, NULL));
		break;
	case 2:
		begun(fake_store->get(c, any_str(), on_store, NULL));
		break;
	case 3:
		begun(fake_store->put(c, any_str(), any_str(), draw(3),
		    on_store, NULL));
		break;
	case 4:
		begun(fake_store->del(c, any_str(), on_store, NULL));
		break;
	case 5:
		hold = H->hold(c, draw(3), on_task, NULL);
		pending += hold != NULL;
		H->release(hold, -(int)draw(12));
		break;
	case 6:
		H->release((weir_hold *)(uintptr_t)draw(256), WEIR_OK);
		break;
	case 7:
		H->task(draw(4) == 0 ? NULL : fake_self(f), on_free_task, NULL,
		    draw(3));
		break;
	case 8:
		seen += ext_service_table.find(fake_self(f), any_name(),
		    NULL) != NULL;
		seen += (unsigned)ext_service_table.provide(fake_self(f),
		    any_name(), f, NULL);
		break;
	case 9:
		ext_metric_table.add(fake_self(f), (int)any_index(), 1);
		ext_metric_table.set(fake_self(f), (int)any_index(), 1);
		ext_metric_table.observe(fake_self(f), (int)any_index(),
		    draw(2) == 0 ? NAN : 1);
		break;
	case 10:
		ext_control_table.print(c, any_str());
		ext_control_table.error(c, any_str());
		break;
	default:
		ext_lua_table.give(c, draw(20), NULL);
		ext_lua_table.refuse(c, any_str());
		break;
	}
}

static int
on_stage(struct fake *f, weir_call *call, int stage, int phase)
{
	unsigned n = draw(STEPS);

	(void)phase;
	if (stage >= 0)
		kept[draw(3)] = call;
	while (n-- > 0 && left > 0) {
		unsigned whose = draw(16);
		weir_call *c = whose < 12 ? call : whose < 15 ?
		    kept[whose - 12] : (weir_call *)(uintptr_t)draw(256);

		switch (draw(5)) {
		case 0:
			read_step(c, draw(12));
			break;
		case 1:
			say_step(f, c, draw(10));
			break;
		case 2:
			edit_step(c, draw(9));
			break;
		case 3:
			mime_step(c, draw(10));
			break;
		default:
			wait_step(f, c, draw(12));
			break;
		}
	}
	return -(int)draw(16) / 13;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake a;
	static struct fake *all[] = { &a };
	unsigned bits = (1u << WEIR_STAGE_COUNT) - 1;
	struct session *s;

	if (a.d.name == NULL) {
		fake_world_start(NULL);
		fake_init(&a, "a", bits, bits, bits, on_stage);
		a.m.flags = WEIR_F_WANT_BODY | WEIR_F_WANT_HEADERS;
		a.m.timeout_ms = 5;
		fake_plan(all, 1);
	}
	in = data;
	left = size;
	pending = 0;
	fake_log[0] = '\0';
	s = fake_session("in");
	fake_stage(s, WEIR_STAGE_CONNECT, WEIR_RCPT_NONE);
	fake_stage(s, WEIR_STAGE_HELO, WEIR_RCPT_NONE);
	fake_message(s, 2);
	fake_stage(s, WEIR_STAGE_MAIL, WEIR_RCPT_NONE);
	fake_stage(s, WEIR_STAGE_RCPT, 0);
	run_header(s, text_slice("Subject"), text_slice(" x"));
	fake_stage(s, WEIR_STAGE_EOH, WEIR_RCPT_NONE);
	run_body(s, text_slice("hello http://example.org/\r\n"));
	fake_stage(s, WEIR_STAGE_EOM, WEIR_RCPT_NONE);
	message_finish(&s->message, MESSAGE_DONE);
	session_close(&s);
	fake_drain();
	loop_once(false);
	fake_drain();
	if (pending != 0 || call_count() != 0 || session_count() != 0)
		abort();
	return 0;
}
