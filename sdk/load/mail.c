/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mail - the messages that weir-load sends. */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAIL_FILE_MAX (64u << 20)

/* mail_field_add - append a header field */
static void
mail_field_add(struct mail *m, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	struct mail_field *f;

	if ((m->field_count & (m->field_count + 1)) == 0)
		m->fields = xrealloc(m->fields,
		    (m->field_count * 2 + 2) * sizeof(*m->fields));
	f = &m->fields[m->field_count++];
	f->name = xstrndup(name, name_len);
	f->value = xstrndup(value, value_len);
}

/* mail_make - a plain message of about that many octets */
void
mail_make(struct mail *m, size_t size, uint32_t seed)
{
	static const char *const fields[][2] = {
		{ "Received", " from client.example.org (client.example.org "
		    "[192.0.2.10])\n\tby mx.example.net (Postfix) with ESMTPS "
		    "id 4XyZab1234z5\n\tfor <user@example.net>; Mon, 02 Jun "
		    "2025 10:11:12 +0000 (UTC)" },
		{ "Date", " Mon, 02 Jun 2025 12:11:10 +0200" },
		{ "From", " \"A. Sender\" <sender@example.org>" },
		{ "To", " user@example.net" },
		{ "Subject", " Minutes of the meeting in the small hall" },
		{ "Message-ID", " <20250602101110.1A2B3C@client.example.org>" },
		{ "MIME-Version", " 1.0" },
		{ "Content-Type", " text/plain; charset=utf-8" },
		{ "Content-Transfer-Encoding", " 8bit" },
	};
	static const char *const words[] = { "the", "meeting", "was", "held",
		"at", "noon", "and", "seven", "members", "had", "come",
		"although", "rain", "fell", "all", "morning" };
	struct buf body = BUF_INIT;
	size_t used = 0;
	size_t line = 0;
	size_t i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		mail_field_add(m, fields[i][0], strlen(fields[i][0]),
		    fields[i][1], strlen(fields[i][1]));
		used += strlen(fields[i][0]) + strlen(fields[i][1]) + 3;
	}
	for (i = seed; used + body.len + 12 < size; i = i * 7 + 3) {
		const char *word = words[(i >> 3) % 16];

		buf_add_str(&body, word);
		line += strlen(word) + 1;
		if (line > 66) {
			buf_add_str(&body, "\r\n");
			line = 0;
		} else {
			buf_add_char(&body, ' ');
		}
	}
	buf_add_str(&body, "\r\n");
	m->body_len = body.len;
	m->body = buf_steal(&body);
}

/* mail_header_end - where the name of a field ends, or 0 if it is none */
static size_t
mail_header_end(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (line[i] == ':')
			return i;
		if (line[i] <= ' ' || line[i] == 0x7f)
			return 0;
	}
	return 0;
}

/* mail_line - length of the line at p without its end; *next follows it */
static size_t
mail_line(const char *p, const char *end, const char **next)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	size_t len;

	if (nl == NULL) {
		*next = end;
		return (size_t)(end - p);
	}
	*next = nl + 1;
	len = (size_t)(nl - p);
	if (len > 0 && p[len - 1] == '\r')
		len--;
	return len;
}

/* mail_parse - fields until the first line that is none, then the body */
static void
mail_parse(struct mail *m, const char *p, const char *end)
{
	struct buf value = BUF_INIT;
	struct buf body = BUF_INIT;
	const char *next;
	size_t len;
	size_t colon;

	if (end - p > 5 && memcmp(p, "From ", 5) == 0) {
		mail_line(p, end, &next);
		p = next;
	}
	while (p < end) {
		const char *name = p;

		len = mail_line(p, end, &next);
		if (len == 0) {
			p = next;
			break;
		}
		colon = mail_header_end(p, len);
		if (colon == 0)
			break;
		buf_clear(&value);
		buf_add(&value, p + colon + 1, len - colon - 1);
		for (p = next; p < end && (*p == ' ' || *p == '\t'); p = next) {
			len = mail_line(p, end, &next);
			buf_add_char(&value, '\n');
			buf_add(&value, p, len);
		}
		/* the protocol ends strings with NUL: what follows one is lost
		   on the wire of any MTA */
		mail_field_add(m, name, colon, buf_str(&value).ptr,
		    strlen(buf_str(&value).ptr));
	}
	while (p < end) {
		len = mail_line(p, end, &next);
		buf_add(&body, p, len);
		buf_add_str(&body, "\r\n");
		p = next;
	}
	buf_fini(&value);
	m->body_len = body.len;
	m->body = buf_steal(&body);
}

/* mail_read - a message from a file, line ends made CRLF */
int
mail_read(struct mail *m, const char *path)
{
	struct buf text = BUF_INIT;
	FILE *fp = fopen(path, "rb");
	size_t n;

	if (fp == NULL)
		return -1;
	memset(m, 0, sizeof(*m));
	for (;;) {
		char *room = buf_reserve(&text, 65536);

		n = fread(room, 1, 65536, fp);
		text.len += n;
		if (n == 0)
			break;
		if (text.len > MAIL_FILE_MAX) {
			errno = EFBIG;
			break;
		}
	}
	if (ferror(fp) || text.len > MAIL_FILE_MAX) {
		fclose(fp);
		buf_fini(&text);
		return -1;
	}
	fclose(fp);
	if (text.len > 0)
		mail_parse(m, text.ptr, text.ptr + text.len);
	buf_fini(&text);
	return 0;
}
