/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_completion - orders in which what a module started may complete.
 *
 * The input says what two modules start at each stage, in which completions
 * they start more, which holds are let go (at once, twice, from a completion
 * of another, after the end), how often the loop turns between, and where the
 * client goes, the message ends or everything is given up.  Each operation
 * completes exactly once, never inside its starter, and no call stays open.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "loop/loop.h"
#include "pipe/call.h"
#include "pipe/run.h"
#include "pipe/test_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPS_MAX 48

struct op {
	weir_hold *hold;
	unsigned completed;
	bool more; /* it starts another one when it completes */
};

static struct op ops[OPS_MAX];
static unsigned nops, nstages;
static bool starting;
static const uint8_t *in;
static size_t left;

/* draw - a number below n */
static unsigned
draw(unsigned n)
{
	if (left == 0)
		return 0;
	left--;
	return *in++ % n;
}

static void start(weir_call *call);

/* let_go - of some hold, whether it still exists or not */
static void
let_go(void)
{
	if (nops > 0)
		fake_host->release(ops[draw(OPS_MAX) % nops].hold, WEIR_OK);
}

/* complete - what must hold whenever something comes back */
static void
complete(weir_call *call, int status, void *arg)
{
	struct op *o = arg;

	if (starting || o->completed++ > 0 || status > 0 || status < -12)
		abort();
	/* the call is there as long as something of it is */
	if (fake_host->stage(call) == WEIR_E_STALE)
		abort();
	if (o->more)
		start(call);
	if (draw(4) == 1)
		let_go();
}

static void
on_dns(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	complete(call, a->status, arg);
}

static void
on_store(weir_call *call, int status, weir_str value, void *arg)
{
	(void)value;
	complete(call, status, arg);
}

static bool
on_row(weir_call *call, weir_str key, weir_str value, int64_t expires,
    void *arg)
{
	(void)call;
	(void)key;
	(void)value;
	(void)expires;
	return ((struct op *)arg)->completed == 0;
}

/* start - the next operation of the input; what fails never completes */
static void
start(weir_call *call)
{
	struct op *o = &ops[nops];
	weir_str key = text_slice("key"), none = text_slice("");
	unsigned kind = draw(12);
	int status;

	if (nops == OPS_MAX)
		return;
	memset(o, 0, sizeof(*o));
	o->more = draw(3) == 1;
	nops++;
	starting = true;
	switch (kind) {
	case 0:
	case 1:
		status = fake_timer->after(call, draw(3), complete, o);
		break;
	case 2:
		status = fake_dns->query(call, "yes.test", WEIR_DNS_A, 0,
		    on_dns, o);
		break;
	case 3:
		status = fake_dns->query(call, "never.test", WEIR_DNS_A,
		    draw(3), on_dns, o);
		break;
	case 4:
		status = fake_dns->query(call, "bad..name", 99, 0, on_dns, o);
		break;
	case 5:
		status = fake_store->get(call, key, on_store, o);
		break;
	case 6:
		status = fake_store->put(call, key, key, 1 + draw(200),
		    on_store, o);
		break;
	case 7:
		status = fake_store->add(call, key, key, 60000, on_store, o);
		break;
	case 8:
		status = fake_store->walk(call, none, none, draw(4), on_row,
		    on_store, o);
		break;
	case 9:
		status = fake_store->put(call, none, key, 1, on_store, o);
		break;
	default:
		o->hold = fake_host->hold(call, draw(4), complete, o);
		status = o->hold != NULL ? WEIR_OK : WEIR_E_STATE;
		if (draw(2) == 1)
			fake_host->release(o->hold, WEIR_OK);
		if (draw(4) == 1)
			fake_host->release(o->hold, WEIR_E_TEMP);
		break;
	}
	starting = false;
	if (status < 0)
		o->completed = 1;
}

static int
on_stage(struct fake *f, weir_call *call, int stage, int phase)
{
	(void)f;
	(void)stage;
	(void)phase;
	for (unsigned n = draw(5); n > 0; n--)
		start(call);
	return draw(8) == 7 ? WEIR_E_TEMP : WEIR_OK;
}

static void
on_done(struct session *s, enum weir_stage stage, uint32_t rcpt)
{
	(void)s;
	(void)stage;
	(void)rcpt;
	nstages++;
}

/* stage - run one, or cut it off; false: the session is gone */
static bool
stage(struct session **s, enum weir_stage which)
{
	unsigned before = nstages, turns = draw(6);
	bool ended = run_stage(*s, which,
	    which == WEIR_STAGE_RCPT ? 0 : WEIR_RCPT_NONE, on_done);

	while (!ended && turns-- > 0) {
		loop_once(false);
		ended = nstages > before;
	}
	switch (ended ? 0 : draw(8)) {
	case 1:
		session_close(s);
		return false;
	case 2:
		run_cancel(*s);
		return true;
	case 3:
		call_cancel_all(WEIR_E_CANCELLED);
		break;
	default:
		break;
	}
	while (!ended) {
		loop_once(true);
		ended = nstages > before;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake a, b;
	static struct fake *all[] = { &a, &b };
	unsigned bits = BIT(CONNECT) | BIT(MAIL) | BIT(RCPT) | BIT(EOM);
	struct session *s;
	bool open;

	if (a.d.name == NULL) {
		fake_world_start(NULL);
		fake_init(&a, "a", bits, BIT(EOM), 0, on_stage);
		fake_init(&b, "b", bits, 0, BIT(EOM), on_stage);
		b.after[0] = "a";
		a.m.timeout_ms = b.m.timeout_ms = 2;
		fake_plan(all, 2);
	}
	in = data;
	left = size;
	nops = 0;
	fake_log[0] = '\0';
	s = fake_session("in");
	open = stage(&s, WEIR_STAGE_CONNECT);
	if (open) {
		fake_message(s, 1);
		open = stage(&s, WEIR_STAGE_MAIL) &&
		    stage(&s, WEIR_STAGE_RCPT) && stage(&s, WEIR_STAGE_EOM);
	}
	if (open)
		message_finish(&s->message, draw(2) == 0 ? MESSAGE_DONE :
							   MESSAGE_ABORTED);
	if (s != NULL)
		session_close(&s);
	fake_drain();
	for (unsigned i = 0; i < nops; i++) {
		if (ops[i].completed != 1)
			abort();
		/* long after */
		fake_host->release(ops[i].hold, WEIR_OK);
	}
	if (call_count() != 0 || session_count() != 0)
		abort();
	return 0;
}
