/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_mail.h"

#include <string.h>

#include "base/pool.h"
#include "base/text.h"

#define GUESS_HELO "client.example"
#define GUESS_SENDER "sender@example.org"
#define GUESS_RCPT "recipient@example.com"

/* mail_line - the next line of raw at *pos without its end */
static weir_str
mail_line(weir_str raw, size_t *pos)
{
	weir_str line = { raw.ptr + *pos, raw.len - *pos };
	const char *lf = memchr(line.ptr, '\n', line.len);

	if (lf == NULL) {
		*pos = raw.len;
		return line;
	}
	line.len = (size_t)(lf - line.ptr);
	*pos += line.len + 1;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* mail_is_from - "From " behind any number of '>' */
static bool
mail_is_from(weir_str line, size_t *quotes_out)
{
	size_t n = 0;

	while (n < line.len && line.ptr[n] == '>')
		n++;
	*quotes_out = n;
	return line.len - n >= 5 && memcmp(line.ptr + n, "From ", 5) == 0;
}

/* mail_name_len - length of the field's name, 0: this is no field */
static size_t
mail_name_len(weir_str line)
{
	size_t n = 0, colon;

	while (n < line.len && line.ptr[n] > ' ' && line.ptr[n] < 0x7f &&
	    line.ptr[n] != ':')
		n++;
	colon = n;
	/* RFC 5322 4.5: blanks before the colon were legal once */
	while (colon < line.len &&
	    (line.ptr[colon] == ' ' || line.ptr[colon] == '\t'))
		colon++;
	return colon < line.len && line.ptr[colon] == ':' ? n : 0;
}

/* mail_value - what stands behind the colon, folds as LF */
static weir_str
mail_value(struct pool *pool, weir_str raw)
{
	const char *colon = memchr(raw.ptr, ':', raw.len);
	size_t n = (size_t)(raw.ptr + raw.len - (colon + 1)), o = 0;
	char *copy = pool_strndup(pool, colon + 1, n);
	weir_str value = { copy, 0 };

	for (size_t i = 0; i < n && copy[i] != '\0'; i++) {
		if (copy[i] == '\r' && i + 1 < n && copy[i + 1] == '\n')
			continue;
		copy[o++] = copy[i];
	}
	copy[o] = '\0';
	value.len = o;
	return value;
}

/* mail_field - one field with its folded lines; false: the header ends */
static bool
mail_field(struct drive_mail *m, weir_str raw, size_t *pos)
{
	size_t next = *pos, len;
	weir_str line = mail_line(raw, &next), whole = line;
	struct drive_field *f;

	len = mail_name_len(line);
	if (len == 0)
		return false;
	*pos = next;
	while (next < raw.len &&
	    (raw.ptr[next] == ' ' || raw.ptr[next] == '\t')) {
		line = mail_line(raw, &next);
		whole.len = (size_t)(line.ptr + line.len - whole.ptr);
		*pos = next;
	}
	f = vec_push(&m->fields);
	f->raw = whole;
	f->name.ptr = pool_strndup(m->pool, whole.ptr, len);
	f->name.len = len;
	f->value = mail_value(m->pool, whole);
	for (size_t i = 0; i < f->value.len; i++)
		m->size += f->value.ptr[i] == '\n';
	m->size += len + 1 + f->value.len + 2;
	return true;
}

/* mail_body - the rest, with CRLF */
static void
mail_body(struct drive_mail *m, weir_str raw, size_t pos, bool from_quoted)
{
	size_t quotes;

	buf_reserve(&m->body, raw.len - pos + raw.len / 16);
	while (pos < raw.len) {
		weir_str line = mail_line(raw, &pos);

		if (from_quoted && mail_is_from(line, &quotes) && quotes > 0) {
			line.ptr++;
			line.len--;
		}
		buf_add(&m->body, line.ptr, line.len);
		buf_add(&m->body, "\r\n", 2);
	}
	m->size += 2 + m->body.len;
}

/* drive_mail_init - take it apart */
void
drive_mail_init(struct drive_mail *out, weir_str raw, bool from_quoted)
{
	size_t pos = 0, next = 0, quotes;
	weir_str line;

	memset(out, 0, sizeof(*out));
	out->pool = pool_create(16 * 1024, 0);
	/* as MTAs do with what was in a mailbox once */
	while (pos < raw.len) {
		line = mail_line(raw, &next);
		if (!mail_is_from(line, &quotes))
			break;
		if (quotes == 0 && out->unix_from.ptr == NULL) {
			const char *end;

			line.ptr += 5;
			line.len -= 5;
			end = memchr(line.ptr, ' ', line.len);
			if (end != NULL)
				line.len = (size_t)(end - line.ptr);
			out->unix_from = pool_str(out->pool, line);
		}
		pos = next;
	}
	while (pos < raw.len && mail_field(out, raw, &pos))
		;
	next = pos;
	if (pos < raw.len && mail_line(raw, &next).len == 0)
		pos = next;
	mail_body(out, raw, pos, from_quoted);
}

/* drive_mail_fini - free it */
void
drive_mail_fini(struct drive_mail *m)
{
	vec_fini(&m->fields);
	buf_fini(&m->body);
	pool_destroy(&m->pool);
}

/* drive_mail_field - by name */
const struct drive_field *
drive_mail_field(const struct drive_mail *m, const char *name, size_t n)
{
	for (size_t i = 0; i < m->fields.n; i++) {
		if (text_case_equals(m->fields.v[i].name, name) && n-- == 0)
			return &m->fields.v[i];
	}
	return NULL;
}

/* One element of a list of addresses on its way. */
struct mail_element {
	struct buf outside; /* what stands outside <>, without comments */
	struct buf angle;
	bool has_angle;
};

/* mail_element_take - the address, if that is one */
static bool
mail_element_take(struct mail_element *e, struct pool *pool, weir_str *out)
{
	weir_str a = text_trim(buf_str(e->has_angle ? &e->angle :
						      &e->outside));
	const char *colon;
	bool quoted = false;

	/* a route (RFC 5321 appendix C) is not part of the mailbox */
	colon = memchr(a.ptr, ':', a.len);
	if (e->has_angle && a.len > 0 && a.ptr[0] == '@' && colon != NULL) {
		a.len -= (size_t)(colon + 1 - a.ptr);
		a.ptr = colon + 1;
	}
	if (a.len > DRIVE_ADDRESS_MAX || (a.len == 0 && !e->has_angle))
		return false;
	for (size_t i = 0; i < a.len; i++) {
		unsigned char c = (unsigned char)a.ptr[i];

		if (c < ' ' || c == 0x7f || (c == ' ' && !quoted))
			return false;
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted)
			i++;
	}
	if (quoted)
		return false;
	*out = pool_str(pool, a);
	return true;
}

/* mail_comment - skip a comment, with those inside */
static size_t
mail_comment(weir_str v, size_t i)
{
	unsigned depth = 0;

	for (; i < v.len; i++) {
		if (v.ptr[i] == '\\')
			i++;
		else if (v.ptr[i] == '(')
			depth++;
		else if (v.ptr[i] == ')' && --depth == 0)
			return i;
	}
	return v.len;
}

/* mail_quoted - copy a quoted string; returns the place of its last octet */
static size_t
mail_quoted(weir_str v, size_t i, struct buf *out)
{
	buf_add_char(out, v.ptr[i++]);
	for (; i < v.len; i++) {
		buf_add_char(out, v.ptr[i]);
		if (v.ptr[i] == '\\' && i + 1 < v.len)
			buf_add_char(out, v.ptr[++i]);
		else if (v.ptr[i] == '"')
			break;
	}
	return i;
}

/* drive_mail_addresses - all in a value */
size_t
drive_mail_addresses(weir_str v, struct pool *pool, weir_str *out, size_t max)
{
	struct mail_element e = { BUF_INIT, BUF_INIT, false };
	bool inside = false;
	size_t n = 0;

	for (size_t i = 0; i <= v.len && n < max; i++) {
		char c = i < v.len ? v.ptr[i] : ',';
		struct buf *to = inside ? &e.angle : &e.outside;

		if (c == '(') {
			i = mail_comment(v, i);
		} else if (c == '"') {
			i = mail_quoted(v, i, to);
		} else if (c == '<' && !inside) {
			inside = e.has_angle = true;
			buf_clear(&e.angle);
		} else if (c == '>' && inside) {
			inside = false;
		} else if (c == ':' && !inside) {
			/* the name of a group */
			buf_clear(&e.outside);
		} else if ((c == ',' && (!inside || i >= v.len)) ||
		    (c == ';' && !inside)) {
			n += mail_element_take(&e, pool, &out[n]);
			buf_clear(&e.outside);
			buf_clear(&e.angle);
			inside = e.has_angle = false;
		} else if (c != '\r' && c != '\n') {
			buf_add_char(to, c);
		}
	}
	buf_fini(&e.outside);
	buf_fini(&e.angle);
	return n;
}

/* guess_sender - who may have sent it */
static weir_str
guess_sender(const struct drive_mail *m)
{
	const struct drive_field *f = drive_mail_field(m, "Return-Path", 0);
	weir_str a;

	if (f != NULL &&
	    drive_mail_addresses(f->value, m->pool, &a, 1) == 1)
		return a;
	if (m->unix_from.ptr != NULL && text_case_equals(m->unix_from,
		"MAILER-DAEMON"))
		return text_slice("");
	if (m->unix_from.ptr != NULL &&
	    drive_mail_addresses(m->unix_from, m->pool, &a, 1) == 1)
		return a;
	f = drive_mail_field(m, "From", 0);
	if (f != NULL &&
	    drive_mail_addresses(f->value, m->pool, &a, 1) == 1)
		return a;
	return text_slice(GUESS_SENDER);
}

/* guess_helo - the name that the last client gave, as the Received says */
static weir_str
guess_helo(const struct drive_mail *m)
{
	const struct drive_field *f = drive_mail_field(m, "Received", 0);
	weir_str v, from = { NULL, 5 };
	size_t n = 0;

	if (f == NULL)
		return text_slice(GUESS_HELO);
	v = text_trim(f->value);
	from.ptr = v.ptr;
	if (v.len <= 5 || !text_case_equals(from, "from "))
		return text_slice(GUESS_HELO);
	v.ptr += 5;
	v.len -= 5;
	v = text_trim(v);
	while (n < v.len && n < 255 && v.ptr[n] > ' ' && v.ptr[n] < 0x7f &&
	    v.ptr[n] != '(' && v.ptr[n] != ';')
		n++;
	v.len = n;
	return n > 0 ? pool_str(m->pool, v) : text_slice(GUESS_HELO);
}

/* drive_mail_guess - the envelope */
void
drive_mail_guess(const struct drive_mail *m, struct drive_envelope *out)
{
	static const char *const fields[] = { "X-Original-To", "Delivered-To",
		"To" };

	out->sender = guess_sender(m);
	out->helo = guess_helo(m);
	out->nrcpts = 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const struct drive_field *f = drive_mail_field(m, fields[i],
		    0);
		size_t n = 0, kept = 0;

		if (f != NULL)
			n = drive_mail_addresses(f->value, m->pool,
			    out->rcpts, DRIVE_RCPTS_MAX);
		for (size_t k = 0; k < n; k++) {
			if (out->rcpts[k].len > 0)
				out->rcpts[kept++] = out->rcpts[k];
		}
		out->nrcpts = kept;
		if (kept > 0)
			return;
	}
	out->rcpts[out->nrcpts++] = text_slice(GUESS_RCPT);
}
