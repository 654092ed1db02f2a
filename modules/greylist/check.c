/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - one recipient: skip, pass or defer.
 *
 * Two reads of the store start side by side (is the client known, was the
 * tuple seen); only who would be deferred costs a look at the MX hosts.  The
 * record of a first attempt is written with add(), so of two workers that
 * meet the same tuple at once one learns what the other wrote.
 */
#include "greylist.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const check_states[GREYLIST_STATES] = {
	[GREYLIST_OUTBOUND] = "outbound", [GREYLIST_INTERNAL] = "internal",
	[GREYLIST_AUTHENTICATED] = "authenticated",
	[GREYLIST_EXCLUDED] = "excluded",
	[GREYLIST_NO_ADDRESS] = "no-address", [GREYLIST_IPV6] = "ipv6",
	[GREYLIST_SPF] = "spf", [GREYLIST_TRUSTED] = "trusted",
	[GREYLIST_MX] = "mx", [GREYLIST_KNOWN] = "known",
	[GREYLIST_PASSED] = "passed", [GREYLIST_NEW] = "new",
	[GREYLIST_EARLY] = "early", [GREYLIST_FAILED] = "failed"
};

/* check_state - say what became of the recipient */
static void
check_state(const struct greylist *g, weir_call *call, uint32_t rcpt,
    enum greylist_state state)
{
	g->host->fact_set(call, rcpt, "greylist.state",
	    weir_str_of(check_states[state]));
	g->metric->add(g->self, g->metric_state[state], 1);
}

/* check_trouble - the store is out of order: the site's policy decides */
static void
check_trouble(struct check *c, weir_call *call, int status)
{
	char text[96];
	int n;

	if (status == WEIR_E_CANCELLED || status == WEIR_E_STALE)
		return;
	n = snprintf(text, sizeof(text),
	    "the store did not answer (status %d): not greylisted", status);
	check_state(c->g, call, c->rcpt, GREYLIST_FAILED);
	c->g->host->fail(call, status, (weir_str){ text, (size_t)n });
}

/* check_key - the key as a slice */
static weir_str
check_key(const struct check *c)
{
	return weir_str_of(c->key);
}

/* check_defer - the verdict */
static void
check_defer(struct check *c, weir_call *call, enum greylist_state state,
    int64_t wait_ms)
{
	const struct weir_host *host = c->g->host;
	int64_t wait = (wait_ms + 999) / 1000;
	char text[96], seconds[24], reason[TUPLE_IDENTITY_SIZE + 96];
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_TEMPFAIL, .scope = WEIR_SCOPE_RCPT,
		.rcpt = c->rcpt, .smtp_code = 450, .enhanced = "4.7.1",
		.text = text };

	snprintf(text, sizeof(text),
	    "Greylisted, please try again in %" PRId64 " second%s", wait,
	    wait == 1 ? "" : "s");
	snprintf(seconds, sizeof(seconds), "%" PRId64, wait);
	snprintf(reason, sizeof(reason),
	    "attempt %" PRIu32 " from %s, %" PRId64 " s too early",
	    c->record.deferred, c->identity, wait);
	check_state(c->g, call, c->rcpt, state);
	host->fact_set(call, c->rcpt, "greylist.delay", weir_str_of(seconds));
	host->finding(call, 0, c->rcpt, 1.0, weir_str_of(reason));
	host->verdict(call, &v);
}

/* check_added - the record of a first attempt is durable, or was not first */
static void
check_added(weir_call *call, int status, weir_str value, void *arg)
{
	struct check *c = arg;

	if (status == WEIR_OK) {
		check_defer(c, call, GREYLIST_NEW, c->g->times.delay);
	} else if (status == WEIR_E_EXISTS) {
		c->have_record = record_decode(&c->record, value);
		c->unreadable = !c->have_record;
		check_judge(c, call);
	} else {
		check_trouble(c, call, status);
	}
}

/* check_first - write down a first attempt */
static void
check_first(struct check *c, weir_call *call, int64_t now)
{
	const struct weir_store *store = c->g->store;
	char text[RECORD_TEXT_SIZE];
	weir_str value;
	int64_t ttl;
	int status;

	c->record = (struct record){ .first = now, .last = now,
		.deferred = 1 };
	value = (weir_str){ text, record_encode(&c->record, text,
	    sizeof(text)) };
	ttl = record_ttl(&c->record, &c->g->times, now);
	/* an expired or unreadable record is there: add would only meet it */
	if (c->have_record || c->unreadable)
		status = store->put(call, check_key(c), value, ttl,
		    check_added, c);
	else
		status = store->add(call, check_key(c), value, ttl,
		    check_added, c);
	if (status != WEIR_OK)
		check_trouble(c, call, status);
}

/* check_write - write the record without waiting for it */
static void
check_write(struct check *c, weir_call *call, int64_t now)
{
	char text[RECORD_TEXT_SIZE];
	size_t len = record_encode(&c->record, text, sizeof(text));

	c->g->store->put(call, check_key(c), (weir_str){ text, len },
	    record_ttl(&c->record, &c->g->times, now), NULL, NULL);
}

/* check_learn - store what is known about the client now */
static void
check_learn(struct check *c, weir_call *call)
{
	char key[LEARN_KEY_SIZE], text[RECORD_TEXT_SIZE];
	size_t key_len = learn_key(key, sizeof(key), c->identity);
	size_t len = learn_encode(&c->learn, text, sizeof(text));

	c->g->store->put(call, (weir_str){ key, key_len },
	    (weir_str){ text, len }, c->g->learn.lifetime, NULL, NULL);
}

/* check_pass - the sender came back, or is still remembered */
static void
check_pass(struct check *c, weir_call *call, int64_t now)
{
	struct greylist *g = c->g;
	char seconds[24];

	if (c->record.passed == 0) {
		int64_t waited = now - c->record.first;

		c->record.passed = now;
		snprintf(seconds, sizeof(seconds), "%" PRId64, waited / 1000);
		g->host->fact_set(call, c->rcpt, "greylist.delay",
		    weir_str_of(seconds));
		g->metric->observe(g->self, g->metric_delay,
		    (double)waited / 1000.0);
		/* bounces prove nothing about whose mail it is */
		if (g->learn.after > 0 && !c->null_sender &&
		    learn_count(&c->learn, &g->learn, now))
			check_learn(c, call);
	}
	c->record.last = now;
	if (c->record.passes < UINT32_MAX)
		c->record.passes++;
	if (c->null_sender)
		g->store->del(call, check_key(c), NULL, NULL);
	else
		check_write(c, call, now);
	check_state(g, call, c->rcpt, GREYLIST_PASSED);
}

/* check_judge - decide from what is known now */
void
check_judge(struct check *c, weir_call *call)
{
	struct greylist *g = c->g;
	int64_t now = g->host->wall_ms(g->self), wait;
	enum record_state judged;

	if (c->status != WEIR_OK) {
		check_trouble(c, call, c->status);
		return;
	}
	if (c->have_learn && learn_known(&c->learn, &g->learn, now)) {
		if (learn_renew(&c->learn, &g->learn, now))
			check_learn(c, call);
		check_state(g, call, c->rcpt, GREYLIST_KNOWN);
		return;
	}
	judged = record_judge(c->have_record ? &c->record : NULL, &g->times,
	    now, &wait);
	if (judged == RECORD_PASS) {
		check_pass(c, call, now);
		return;
	}
	if (!c->mx_asked && g->host->conf_bool(g->conf, OPT_EXEMPT_MX) &&
	    mx_start(c, call))
		return;
	if (c->mx_match) {
		check_state(g, call, c->rcpt, GREYLIST_MX);
		return;
	}
	if (judged == RECORD_NEW) {
		check_first(c, call, now);
		return;
	}
	c->record.last = now;
	if (c->record.deferred < UINT32_MAX)
		c->record.deferred++;
	check_write(c, call, now);
	check_defer(c, call, GREYLIST_EARLY, wait);
}

/* check_read - a read has completed; note trouble; true if it was the last */
static bool
check_read(struct check *c, int status)
{
	if (status != WEIR_OK && status != WEIR_E_NOTFOUND &&
	    c->status == WEIR_OK)
		c->status = status;
	return --c->pending == 0;
}

/* check_got_learn - what is stored about the client */
static void
check_got_learn(weir_call *call, int status, weir_str value, void *arg)
{
	struct check *c = arg;

	c->have_learn = status == WEIR_OK && learn_decode(&c->learn, value);
	if (check_read(c, status))
		check_judge(c, call);
}

/* check_got_record - what is stored about the tuple */
static void
check_got_record(weir_call *call, int status, weir_str value, void *arg)
{
	struct check *c = arg;

	c->have_record = status == WEIR_OK && record_decode(&c->record, value);
	c->unreadable = status == WEIR_OK && !c->have_record;
	if (check_read(c, status))
		check_judge(c, call);
}

/* check_skip - reasons not to look at all; GREYLIST_STATES: none */
static enum greylist_state
check_skip(const struct greylist *g, weir_call *call, uint32_t rcpt)
{
	const struct weir_host *host = g->host;
	weir_str addr = greylist_attr(g, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE), spf;

	if (weir_str_eq(greylist_attr(g, call, WEIR_A_DIRECTION,
	    WEIR_RCPT_NONE), "out"))
		return GREYLIST_OUTBOUND;
	if (greylist_attr(g, call, WEIR_A_AUTH_USER, WEIR_RCPT_NONE).len > 0)
		return GREYLIST_AUTHENTICATED;
	if (addr.len != 4 && addr.len != 16)
		return GREYLIST_NO_ADDRESS;
	if (host->in_networks(call, "internal", NULL) == 1)
		return GREYLIST_INTERNAL;
	if (addr.len == 16 && !host->conf_bool(g->conf, OPT_GREYLIST6))
		return GREYLIST_IPV6;
	if (exclude_match(g, call, rcpt))
		return GREYLIST_EXCLUDED;
	if (host->conf_int(g->conf, OPT_SPF_PASS) == SPF_PASS_SKIP &&
	    host->fact_get(call, rcpt, "spf.result", &spf) == WEIR_OK &&
	    weir_str_eq(spf, "pass"))
		return GREYLIST_SPF;
	if (host->conf_bool(g->conf, OPT_ONLY_SUSPICIOUS) &&
	    greylist_attr(g, call, WEIR_A_CLIENT_NAME, WEIR_RCPT_NONE).len >
		0 &&
	    host->score(call, rcpt) < host->conf_real(g->conf, OPT_MIN_SCORE))
		return GREYLIST_TRUSTED;
	return GREYLIST_STATES;
}

/* check_domain - the recipient's domain in lower case, or nothing */
static void
check_domain(char *out, size_t size, weir_str rcpt)
{
	const char *at = memrchr(rcpt.ptr, '@', rcpt.len);
	size_t len = at != NULL ? rcpt.len - (size_t)(at - rcpt.ptr) - 1 : 0;

	*out = '\0';
	if (len == 0 || len >= size || memchr(at + 1, '\0', len) != NULL)
		return;
	memcpy(out, at + 1, len);
	out[len] = '\0';
}

/* check_rcpt - decide.rcpt: start the two reads */
int
check_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct greylist *g = state;
	weir_str from = greylist_attr(g, call, WEIR_A_SENDER, WEIR_RCPT_NONE);
	weir_str to = greylist_attr(g, call, WEIR_A_RCPT, rcpt);
	char sender[TUPLE_ADDRESS_SIZE], recipient[TUPLE_ADDRESS_SIZE];
	char known[LEARN_KEY_SIZE];
	enum greylist_state skip = check_skip(g, call, rcpt);
	struct check *c;
	size_t len;
	int status = WEIR_OK;

	if (skip != GREYLIST_STATES) {
		check_state(g, call, rcpt, skip);
		return WEIR_OK;
	}
	c = g->host->alloc(call, WEIR_SCOPE_MESSAGE, sizeof(*c));
	if (c == NULL)
		return WEIR_E_NOMEM;
	c->g = g;
	c->rcpt = rcpt;
	c->null_sender = from.len == 0;
	greylist_identity(g, call, rcpt, c->identity, sizeof(c->identity));
	tuple_sender(sender, sizeof(sender), from);
	tuple_recipient(recipient, sizeof(recipient), to);
	tuple_key(c->key, sizeof(c->key), c->identity, sender, recipient);
	check_domain(c->domain, sizeof(c->domain), to);
	g->host->fact_set(call, rcpt, "greylist.client",
	    weir_str_of(c->identity));
	if (g->learn.after > 0) {
		len = learn_key(known, sizeof(known), c->identity);
		status = g->store->get(call, (weir_str){ known, len },
		    check_got_learn, c);
		c->pending += status == WEIR_OK;
	}
	if (status == WEIR_OK) {
		status = g->store->get(call, check_key(c), check_got_record,
		    c);
		c->pending += status == WEIR_OK;
	}
	if (status == WEIR_OK)
		return WEIR_OK;
	/* a read that did start ends in check_trouble */
	if (c->pending > 0)
		c->status = status;
	else
		check_trouble(c, call, status);
	return WEIR_OK;
}
