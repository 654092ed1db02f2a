/* SPDX-License-Identifier: GPL-2.0-or-later */
/* script - see script.h. */
#include "script.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define SCRIPT_CHUNK 65535 /* body octets in one packet */

/* script_packet - length, command, data */
void
script_packet(struct buf *b, char command, const void *data, size_t len)
{
	uint32_t n = htonl((uint32_t)len + 1);

	buf_add(b, &n, sizeof(n));
	buf_add_char(b, command);
	buf_add(b, data, len);
}

/* script_grow - room for one more item of that size */
static void *
script_grow(void *items, size_t count, size_t size)
{
	if ((count & (count + 1)) == 0)
		return xrealloc(items, (count * 2 + 2) * size);
	return items;
}

/* script_id - the id will be written there */
static void
script_id(struct script *s, struct buf *b)
{
	s->ids = script_grow(s->ids, s->id_count, sizeof(*s->ids));
	/* relative to the packet being built: script_add makes it absolute */
	s->ids[s->id_count++] = b->len;
	buf_add(b, "0123456789012345678", LOAD_ID_LEN);
}

/* script_seg - the segment that is being filled */
static struct seg *
script_seg(struct script *s)
{
	struct seg *seg;

	if (s->seg_count > 0 && s->segs[s->seg_count - 1].event == 0)
		return &s->segs[s->seg_count - 1];
	s->segs = script_grow(s->segs, s->seg_count, sizeof(*s->segs));
	seg = &s->segs[s->seg_count++];
	memset(seg, 0, sizeof(*seg));
	seg->off = s->data.len;
	seg->id_first = seg->id_end = s->id_count;
	return seg;
}

/* script_add - put a packet into the segment, with its last `ids` ids */
static void
script_add(struct script *s, char command, const struct buf *b, size_t ids)
{
	struct seg *seg;
	size_t i;

	s->id_count -= ids;
	seg = script_seg(s);
	s->id_count += ids;
	for (i = s->id_count - ids; i < s->id_count; i++)
		s->ids[i] += s->data.len + 5;
	script_packet(&s->data, command, b->ptr, b->len);
	seg->len = s->data.len - seg->off;
	seg->id_end = s->id_count;
}

/* script_macros - macros that go before a command, if they were asked for */
static void
script_macros(struct script *s, const struct load_opts *o, char command)
{
	struct buf b = BUF_INIT;
	size_t ids = 0;

	if (!o->macros)
		return;
	buf_add_char(&b, command);
	switch (command) {
	case 'C':
		buf_add(&b, "j\0mx.example.net", 17);
		buf_add(&b, "{daemon_name}\0mx.example.net", 29);
		buf_add(&b, "{daemon_addr}\0" "127.0.0.1", 24);
		buf_add(&b, "v\0Postfix 3.8.0", 16);
		break;
	case 'H':
		break;
	default:
		buf_add(&b, "i", 2);
		script_id(s, &b);
		buf_add_char(&b, '\0');
		ids = 1;
		break;
	}
	if (command == 'M') {
		buf_add(&b, "{mail_host}\0example.org", 24);
		buf_add(&b, "{mail_mailer}\0smtp", 19);
		buf_add(&b, "{mail_addr}", 12);
		buf_add(&b, o->from, strlen(o->from) + 1);
	} else if (command == 'R') {
		buf_add(&b, "{rcpt_host}\0example.net", 24);
		buf_add(&b, "{rcpt_mailer}\0smtp", 19);
		buf_add(&b, "{rcpt_addr}", 12);
		buf_add(&b, o->rcpt, strlen(o->rcpt) + 1);
	}
	script_add(s, 'D', &b, ids);
	buf_fini(&b);
}

/* script_event - a command, unless the filter does not want it; then the cut,
   unless no answer will come */
static void
script_event(struct script *s, const struct load_opts *o, char command,
    uint32_t no_send, uint32_t no_reply, const struct buf *b, size_t ids)
{
	/* macros go even before a command that is not sent, as in Postfix */
	if (ids == 0)
		script_macros(s, o, command);
	if ((s->protocol & no_send) != 0) {
		s->id_count -= ids;
		return;
	}
	script_add(s, command, b, ids);
	if ((s->protocol & no_reply) == 0)
		s->segs[s->seg_count - 1].event = command;
}

/* script_find - the one for what was negotiated; *fresh: it is still empty */
static struct script *
script_find(struct script **list, const struct conn *c, bool *fresh)
{
	struct script *s;

	for (s = *list; s != NULL; s = s->next) {
		*fresh = false;
		if (s->protocol == c->protocol && s->version == c->version)
			return s;
	}
	s = xcalloc(1, sizeof(*s));
	s->protocol = c->protocol;
	s->version = c->version;
	s->next = *list;
	*list = s;
	*fresh = true;
	return s;
}

/* script_session - connect and helo */
struct script *
script_session(struct conn *c)
{
	static struct script *sessions;
	const struct load_opts *o = &c->load->opts;
	struct buf b = BUF_INIT;
	uint16_t port = htons(40000);
	bool fresh;
	struct script *s = script_find(&sessions, c, &fresh);

	if (!fresh)
		return s;
	buf_add(&b, o->client_name, strlen(o->client_name) + 1);
	buf_add_char(&b, strchr(o->client, ':') != NULL ? '6' : '4');
	buf_add(&b, &port, sizeof(port));
	buf_add(&b, o->client, strlen(o->client) + 1);
	script_event(s, o, 'C', SMFIP_NOCONNECT, SMFIP_NR_CONN, &b, 0);
	buf_clear(&b);
	buf_add(&b, o->helo, strlen(o->helo) + 1);
	script_event(s, o, 'H', SMFIP_NOHELO, SMFIP_NR_HELO, &b, 0);
	buf_fini(&b);
	return s;
}

/* script_envelope - MAIL, RCPT, DATA */
static void
script_envelope(struct script *s, const struct load_opts *o)
{
	const char *at = strchr(o->rcpt, '@');
	struct buf b = BUF_INIT;
	unsigned i;

	buf_printf(&b, "<%s>", o->from);
	buf_add_char(&b, '\0');
	buf_printf(&b, "SIZE=%zu", o->size);
	buf_add_char(&b, '\0');
	script_event(s, o, 'M', SMFIP_NOMAIL, SMFIP_NR_MAIL, &b, 0);
	for (i = 0; i < o->recipients; i++) {
		buf_clear(&b);
		if (i == 0)
			buf_printf(&b, "<%s>", o->rcpt);
		else
			buf_printf(&b, "<r%u%s>", i, at != NULL ? at : "");
		buf_add_char(&b, '\0');
		script_event(s, o, 'R', SMFIP_NORCPT, SMFIP_NR_RCPT, &b, 0);
	}
	buf_clear(&b);
	if (s->version >= 4)
		script_event(s, o, 'T', SMFIP_NODATA, SMFIP_NR_DATA, &b, 0);
	buf_fini(&b);
}

/* script_header - one field, without the leading blank unless agreed */
static void
script_header(struct script *s, const struct load_opts *o, const char *name,
    const char *value)
{
	struct buf b = BUF_INIT;

	if ((s->protocol & SMFIP_HDR_LEADSPC) == 0 && value[0] == ' ')
		value++;
	buf_add(&b, name, strlen(name) + 1);
	buf_add(&b, value, strlen(value) + 1);
	script_event(s, o, 'L', SMFIP_NOHDRS, SMFIP_NR_HDR, &b, 0);
	buf_fini(&b);
}

/* script_id_header - the field by which tests know the message again */
static void
script_id_header(struct script *s, const struct load_opts *o)
{
	struct buf b = BUF_INIT;

	buf_add(&b, "X-Load-Id", 10);
	if ((s->protocol & SMFIP_HDR_LEADSPC) != 0)
		buf_add_char(&b, ' ');
	script_macros(s, o, 'L');
	script_id(s, &b);
	buf_add_char(&b, '\0');
	script_event(s, o, 'L', SMFIP_NOHDRS, SMFIP_NR_HDR, &b, 1);
	buf_fini(&b);
}

/* script_message - one mail from MAIL to its end */
struct script *
script_message(struct conn *c, size_t mail)
{
	static struct script **scripts;
	const struct load_opts *o = &c->load->opts;
	const struct mail *m = &c->load->mails[mail];
	struct buf b = BUF_INIT;
	struct script *s;
	bool fresh;
	size_t at;
	size_t i;

	if (scripts == NULL)
		scripts = xcalloc(c->load->mail_count, sizeof(*scripts));
	s = script_find(&scripts[mail], c, &fresh);
	if (!fresh)
		return s;
	script_envelope(s, o);
	for (i = 0; i < m->field_count; i++)
		script_header(s, o, m->fields[i].name, m->fields[i].value);
	script_id_header(s, o);
	script_event(s, o, 'N', SMFIP_NOEOH, SMFIP_NR_EOH, &b, 0);
	for (at = 0; at < m->body_len; at += SCRIPT_CHUNK) {
		size_t len = m->body_len - at;

		if (len > SCRIPT_CHUNK)
			len = SCRIPT_CHUNK;
		buf_clear(&b);
		buf_add(&b, m->body + at, len);
		script_event(s, o, 'B', SMFIP_NOBODY, SMFIP_NR_BODY, &b, 0);
	}
	buf_clear(&b);
	script_event(s, o, 'E', 0, 0, &b, 0);
	buf_fini(&b);
	return s;
}
