/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy - Postfix policy delegation requests, as Postfix 3.8 asks. */
#include "load.h"

#include <inttypes.h>
#include <string.h>

#define POLICY_REPLY_MAX 65536

/* policy_ask - write one request; the same triplet every `triplets` ones */
static void
policy_ask(struct conn *c)
{
	const struct load_opts *o = &c->load->opts;
	uint64_t t = o->triplets != 0 ? c->number % o->triplets : 0;
	const char *at = strchr(o->from, '@');
	const char *rat = strchr(o->rcpt, '@');

	if (at == NULL)
		at = "";
	if (rat == NULL)
		rat = "";
	buf_add_str(&c->out, "request=smtpd_access_policy\n"
	    "protocol_state=RCPT\nprotocol_name=ESMTP\n");
	if (o->triplets > 1)
		/* 198.18.0.0/15 is the range for benchmarks (RFC 2544) */
		buf_printf(&c->out, "client_address=198.%u.%u.%u\n",
		    18 + (unsigned)(t >> 16 & 1), (unsigned)(t >> 8 & 255),
		    (unsigned)(t & 255));
	else
		buf_printf(&c->out, "client_address=%s\n", o->client);
	buf_printf(&c->out, "client_name=%s\nclient_port=%u\n"
	    "reverse_client_name=%s\nserver_address=127.0.0.1\n"
	    "server_port=25\nhelo_name=%s\n", o->client_name,
	    1024 + (unsigned)(c->number % 60000), o->client_name, o->helo);
	if (o->triplets > 1)
		buf_printf(&c->out, "sender=s%" PRIu64 "%s\n", t, at);
	else
		buf_printf(&c->out, "sender=%s\n", o->from);
	if (c->asked > 0)
		buf_printf(&c->out, "recipient=r%u%s\n", c->asked, rat);
	else
		buf_printf(&c->out, "recipient=%s\n", o->rcpt);
	buf_printf(&c->out, "recipient_count=0\nqueue_id=\ninstance=%s\n"
	    "size=%zu\netrn_domain=\nstress=\nsasl_method=\n"
	    "sasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
	    "ccert_fingerprint=\nccert_pubkey_fingerprint=\n"
	    "encryption_protocol=TLSv1.3\n"
	    "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
	    "encryption_keysize=256\npolicy_context=\n"
	    "compatibility_level=3.6\nmail_version=3.8.0\n\n", c->id,
	    o->size);
	conn_flush(c);
	conn_wait(c);
}

/* policy_open - there is no greeting */
static void
policy_open(struct conn *c)
{
	conn_ready(c);
}

/* policy_start - the first recipient */
static void
policy_start(struct conn *c)
{
	c->asked = 0;
	policy_ask(c);
}

/* policy_word - does the action begin with that word, in any case */
static bool
policy_word(const char *action, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncasecmp(action, word, n) == 0 &&
	    (len == n || action[n] == ' ');
}

/* policy_verdict - what an action means; LOAD_BROKEN: it is none */
static enum load_verdict
policy_verdict(const char *action, size_t len)
{
	static const struct {
		const char *word;
		enum load_verdict verdict;
	} words[] = {
		{ "DUNNO", LOAD_ACCEPT },
		{ "OK", LOAD_ACCEPT },
		{ "REJECT", LOAD_REJECT },
		{ "DEFER", LOAD_TEMPFAIL },
		{ "DEFER_IF_PERMIT", LOAD_TEMPFAIL },
		{ "DEFER_IF_REJECT", LOAD_TEMPFAIL },
		{ "PREPEND", LOAD_PREPEND },
		{ "HOLD", LOAD_QUARANTINE },
		{ "DISCARD", LOAD_DISCARD },
		{ "WARN", LOAD_ACCEPT },
		{ "INFO", LOAD_ACCEPT },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (policy_word(action, len, words[i].word))
			return words[i].verdict;
	}
	if (len >= 3 && (action[0] == '4' || action[0] == '5') &&
	    action[1] >= '0' && action[1] <= '9' && action[2] >= '0' &&
	    action[2] <= '9' && (len == 3 || action[3] == ' '))
		return action[0] == '4' ? LOAD_TEMPFAIL : LOAD_REJECT;
	return LOAD_BROKEN;
}

/* policy_input - "action=...\n\n" */
static void
policy_input(struct conn *c)
{
	char *end = memmem(c->in.ptr, c->in.len, "\n\n", 2);
	enum load_verdict verdict;
	const char *action;
	size_t len;

	if (c->wait_us == 0) {
		conn_broken(c, "protocol: a reply to no request");
		return;
	}
	if (end == NULL) {
		if (c->in.len > POLICY_REPLY_MAX)
			conn_broken(c, "protocol: reply too long");
		return;
	}
	len = (size_t)(end - c->in.ptr);
	if (len < 7 || memcmp(c->in.ptr, "action=", 7) != 0 ||
	    memchr(c->in.ptr, '\n', len) != NULL) {
		conn_broken(c, "protocol: not an action");
		return;
	}
	if (c->in.len != len + 2) {
		conn_broken(c, "protocol: more than one reply");
		return;
	}
	action = c->in.ptr + 7;
	verdict = policy_verdict(action, len - 7);
	if (verdict == LOAD_BROKEN) {
		conn_broken(c, "protocol: unknown action");
		return;
	}
	c->asked++;
	c->wait_us = 0;
	if (c->asked < c->load->opts.recipients) {
		if (verdict == LOAD_REJECT || verdict == LOAD_TEMPFAIL)
			c->load->stats.refused_rcpts++;
		buf_clear(&c->in);
		policy_ask(c);
		return;
	}
	conn_done(c, verdict, action, len - 7);
	buf_clear(&c->in);
}

/* policy_finish - the client just closes */
static void
policy_finish(struct conn *c)
{
	buf_clear(&c->out);
}

const struct load_proto policy_proto = {
	.open = policy_open,
	.start = policy_start,
	.input = policy_input,
	.finish = policy_finish,
};
