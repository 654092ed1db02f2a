/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter - the MTA's side of the milter protocol, as Postfix plays it.
 *
 * What the filter negotiated is obeyed: packets that it does not want are not
 * sent, replies that it will not give are not waited for, and everything up
 * to the next reply goes out in one write.  What the filter says is checked
 * as strictly as an MTA could: any octet out of place breaks the session.
 */
#include "load.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "script.h"

#define MILTER_REPLY_MAX (64u << 20)
#define MILTER_EDITS_MAX 100000

/* milter_u32 - a number in network order */
static uint32_t
milter_u32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return ntohl(n);
}

/* milter_offer - the protocol bits that this version and run offer */
static uint32_t
milter_offer(const struct load_opts *o)
{
	uint32_t bits = 0;

	if (o->skip) {
		bits |= SMFIP_NOSEND_V2;
		if (o->version >= 3)
			bits |= SMFIP_NOUNKNOWN;
		if (o->version >= 4)
			bits |= SMFIP_NODATA;
	}
	if (o->version >= 6) {
		bits |= SMFIP_SKIP | SMFIP_RCPT_REJ | SMFIP_HDR_LEADSPC;
		if (o->no_reply)
			bits |= SMFIP_NOREPLY;
	}
	return bits;
}

/* milter_offer_actions - the edits that this version knows */
static uint32_t
milter_offer_actions(const struct load_opts *o)
{
	return o->version >= 6 ? 0x1ff : 0x3f;
}

/* milter_run - send up to the next packet that needs an answer */
static void
milter_run(struct conn *c)
{
	const struct script *s = c->script;
	const struct seg *seg = &s->segs[c->seg];
	size_t base = c->out.len;
	size_t i;

	buf_add(&c->out, s->data.ptr + seg->off, seg->len);
	for (i = seg->id_first; i < seg->id_end; i++)
		memcpy(c->out.ptr + base + (s->ids[i] - seg->off), c->id,
		    LOAD_ID_LEN);
	if (seg->event == 0)
		return; /* goes out with what comes next */
	conn_flush(c);
	conn_wait(c);
}

/* milter_open - offer what we can */
static void
milter_open(struct conn *c)
{
	const struct load_opts *o = &c->load->opts;
	uint32_t words[3] = { htonl(o->version),
		htonl(milter_offer_actions(o)), htonl(milter_offer(o)) };

	script_packet(&c->out, 'O', words, sizeof(words));
	conn_flush(c);
	conn_wait(c);
}

/* milter_greet - the session's script: connect and helo */
static void
milter_greet(struct conn *c)
{
	c->script = script_session(c);
	c->seg = 0;
	if (c->script->seg_count == 0) {
		conn_ready(c);
		return;
	}
	milter_run(c);
	if (c->script->segs[0].event == 0)
		conn_ready(c);
}

/* milter_negotiated - the answer to the offer */
static void
milter_negotiated(struct conn *c, char code, const char *p, size_t len)
{
	const struct load_opts *o = &c->load->opts;
	size_t at;

	if (code != 'O' || len < 12) {
		conn_broken(c, "protocol: not a negotiation");
		return;
	}
	c->version = milter_u32(p);
	c->actions = milter_u32(p + 4);
	c->protocol = milter_u32(p + 8);
	if (c->version < 2 || c->version > o->version) {
		conn_broken(c, "protocol: version not offered");
		return;
	}
	if ((c->actions & ~milter_offer_actions(o)) != 0) {
		conn_broken(c, "protocol: actions not offered");
		return;
	}
	if ((c->protocol & ~milter_offer(o)) != 0) {
		conn_broken(c, "protocol: events not offered");
		return;
	}
	for (at = 12; at < len;) {
		/* lists of macros: a stage, then names up to NUL */
		if (len - at < 5 || milter_u32(p + at) > 6 ||
		    memchr(p + at + 4, '\0', len - at - 4) == NULL ||
		    (c->actions & SMFIF_SETSYMLIST) == 0) {
			conn_broken(c, "protocol: bad list of macros");
			return;
		}
		at += 4 + strlen(p + at + 4) + 1;
	}
	c->negotiated = true;
	milter_greet(c);
}

/* milter_end - the message is over */
static void
milter_end(struct conn *c, enum load_verdict verdict, const char *text,
    size_t len)
{
	c->script = NULL;
	c->wait_us = 0;
	/* Postfix aborts after each message, and sends it with the next
	   command that needs an answer */
	script_packet(&c->out, 'A', NULL, 0);
	conn_done(c, verdict, text, len);
}

/* milter_start - MAIL, RCPT, DATA and the content */
static void
milter_start(struct conn *c)
{
	if (c->all_accepted || c->all_refused) {
		conn_done(c, c->all_accepted ? LOAD_ACCEPT : c->refusal, "",
		    0);
		return;
	}
	c->refused = 0;
	c->quarantined = false;
	c->script = script_message(c, c->number % c->load->mail_count);
	c->seg = 0;
	milter_run(c);
}

/* milter_next - the answer was "go on" */
static void
milter_next(struct conn *c)
{
	const struct script *s = c->script;

	if (++c->seg < s->seg_count) {
		milter_run(c);
		if (s->segs[c->seg].event == 0)
			conn_ready(c); /* only a session's end is like that */
	} else if (c->state == CONN_OPENING) {
		conn_ready(c);
	}
}

/* milter_skip - no more packets of that event: go to the next other one */
static void
milter_skip(struct conn *c, char event)
{
	const struct script *s = c->script;

	while (c->seg + 1 < s->seg_count && s->segs[c->seg + 1].event == event)
		c->seg++;
	milter_next(c);
}

/* milter_refused - a negative answer before the end of the message */
static void
milter_refused(struct conn *c, char event, enum load_verdict verdict,
    const char *text, size_t len)
{
	if (c->state == CONN_OPENING) {
		c->all_refused = true;
		c->refusal = verdict;
		conn_ready(c);
	} else if (event == 'R') {
		c->load->stats.refused_rcpts++;
		if (++c->refused == c->load->opts.recipients)
			milter_end(c, verdict, text, len);
		else
			milter_next(c);
	} else {
		milter_end(c, verdict, text, len);
	}
}

/* milter_strings - is it so many strings, each ended by NUL, and no more */
static bool
milter_strings(const char *p, size_t len, unsigned least, unsigned most)
{
	unsigned n = 0;
	size_t i;

	if (len == 0 || p[len - 1] != '\0')
		return false;
	for (i = 0; i < len; i++)
		n += p[i] == '\0';
	return n >= least && n <= most;
}

/* milter_edit - is it an edit, well formed and agreed; sets *known */
static bool
milter_edit(struct conn *c, char code, const char *p, size_t len, bool *known)
{
	*known = true;
	switch (code) {
	case 'h':
		return (c->actions & SMFIF_ADDHDRS) != 0 && p[0] != '\0' &&
		    milter_strings(p, len, 2, 2);
	case 'i':
		return (c->actions & SMFIF_ADDHDRS) != 0 && len > 4 &&
		    p[4] != '\0' && milter_strings(p + 4, len - 4, 2, 2);
	case 'm':
		return (c->actions & SMFIF_CHGHDRS) != 0 && len > 4 &&
		    p[4] != '\0' && milter_strings(p + 4, len - 4, 2, 2);
	case 'b':
		return (c->actions & SMFIF_CHGBODY) != 0;
	case '+':
		return (c->actions & SMFIF_ADDRCPT) != 0 &&
		    milter_strings(p, len, 1, 1);
	case '2':
		return (c->actions & SMFIF_ADDRCPT_PAR) != 0 &&
		    milter_strings(p, len, 1, 2);
	case '-':
		return (c->actions & SMFIF_DELRCPT) != 0 &&
		    milter_strings(p, len, 1, 1);
	case 'e':
		return (c->actions & SMFIF_CHGFROM) != 0 &&
		    milter_strings(p, len, 1, 2);
	case 'q':
		c->quarantined = true;
		return (c->actions & SMFIF_QUARANTINE) != 0 &&
		    milter_strings(p, len, 1, 1);
	}
	*known = false;
	return false;
}

/* milter_replycode - "550 5.7.1 text", lines alike; or NUL-ended garbage */
static bool
milter_replycode(const char *p, size_t len, enum load_verdict *verdict)
{
	const char *end = p + len - 1;

	if (!milter_strings(p, len, 1, 1))
		return false;
	*verdict = p[0] == '4' ? LOAD_TEMPFAIL : LOAD_REJECT;
	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (end - p < 3 || (p[0] != '4' && p[0] != '5') ||
		    p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9')
			return false;
		if (nl == NULL)
			return end - p == 3 || p[3] == ' ';
		if (p[3] != '-' || nl[-1] != '\r')
			return false;
		p = nl + 1;
	}
}

/* milter_reply - one packet from the filter */
static void
milter_reply(struct conn *c, char code, const char *p, size_t len)
{
	char event = c->negotiated ? c->script->segs[c->seg].event : 'O';
	enum load_verdict verdict = LOAD_REJECT;
	bool known;

	if (code == 'p') {
		c->load->stats.progress++;
		conn_wait(c);
		return;
	}
	if (event == 'O') {
		milter_negotiated(c, code, p, len);
		return;
	}
	if (milter_edit(c, code, p, len, &known)) {
		if (event != 'E')
			conn_broken(c, "protocol: an edit before the end");
		else if (++c->edits > MILTER_EDITS_MAX)
			conn_broken(c, "protocol: too many edits");
		else
			conn_wait(c);
		return;
	}
	if (known) {
		conn_broken(c, "protocol: malformed or unagreed edit");
		return;
	}
	if (code == 'y') {
		if (!milter_replycode(p, len, &verdict)) {
			conn_broken(c, "protocol: malformed reply code");
			return;
		}
		len--;
	} else if (len != 0 || code == '\0' ||
	    strchr("carstdf4", code) == NULL) {
		conn_broken(c, "protocol: unknown reply");
		return;
	}
	switch (code) {
	case 'c':
		if (event == 'E')
			milter_end(c, c->quarantined ? LOAD_QUARANTINE
						     : LOAD_ACCEPT, p, 0);
		else
			milter_next(c);
		break;
	case 'a':
		if (c->state == CONN_OPENING) {
			c->all_accepted = true;
			conn_ready(c);
		} else {
			milter_end(c, c->quarantined ? LOAD_QUARANTINE
						     : LOAD_ACCEPT, p, 0);
		}
		break;
	case 's':
		if ((milter_offer(&c->load->opts) & SMFIP_SKIP) == 0 ||
		    event == 'E')
			conn_broken(c, "protocol: skip where it has no sense");
		else
			milter_skip(c, event);
		break;
	case 'd':
		if (c->state == CONN_OPENING)
			conn_broken(c, "protocol: discard before a message");
		else
			milter_end(c, LOAD_DISCARD, p, 0);
		break;
	case 't':
	case 'f':
	case '4':
		milter_refused(c, event, LOAD_TEMPFAIL, p, len);
		break;
	default:
		milter_refused(c, event, verdict, p, len);
		break;
	}
}

/* milter_input - take packets off the buffer */
static void
milter_input(struct conn *c)
{
	while (c->fd >= 0 && c->in.len >= 5) {
		uint32_t len = milter_u32(c->in.ptr);
		uint32_t used = len + 4;
		char *packet;

		if (len == 0 || len > MILTER_REPLY_MAX) {
			conn_broken(c, "protocol: impossible packet length");
			return;
		}
		if (c->in.len < used)
			return;
		if (c->wait_us == 0) {
			conn_broken(c, "protocol: a reply to nothing");
			return;
		}
		/* the handlers may drop the buffer with the connection */
		packet = xmalloc(len + 1);
		memcpy(packet, c->in.ptr + 4, len);
		packet[len] = '\0';
		buf_drop(&c->in, used);
		milter_reply(c, packet[0], packet + 1, len - 1);
		free(packet);
	}
}

/* milter_finish - say goodbye */
static void
milter_finish(struct conn *c)
{
	script_packet(&c->out, 'Q', NULL, 0);
	conn_flush(c);
}

const struct load_proto milter_proto = {
	.open = milter_open,
	.start = milter_start,
	.input = milter_input,
	.finish = milter_finish,
};
