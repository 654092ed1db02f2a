/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_header - tokens of header fields and of links. */
#include "token.h"

#include <stdio.h>

enum field_kind {
	FIELD_SKIP,  /* says more about who collected the mail than about it */
	FIELD_WORDS, /* words under the field's name */
	FIELD_SUBJECT,
	FIELD_ADDRESS,
	FIELD_ID,    /* Message-ID and its kin */
	FIELD_DATE,
	FIELD_ROUTE,
	FIELD_PRESENT /* that it is there */
};

static const struct field_row {
	const char *name;
	enum field_kind kind;
	bool lists; /* in mail of a list it is the list that wrote it */
} token_fields[] = {
	{ "subject", FIELD_SUBJECT, false },
	{ "from", FIELD_ADDRESS, false },
	{ "to", FIELD_ADDRESS, false },
	{ "cc", FIELD_ADDRESS, false },
	{ "reply-to", FIELD_ADDRESS, false },
	{ "sender", FIELD_ADDRESS, true },
	{ "message-id", FIELD_ID, false },
	{ "in-reply-to", FIELD_PRESENT, false },
	{ "references", FIELD_PRESENT, false },
	{ "date", FIELD_DATE, false },
	{ "received", FIELD_ROUTE, false },
	{ "return-path", FIELD_ROUTE, true },
	{ "x-mailer", FIELD_WORDS, false },
	{ "user-agent", FIELD_WORDS, false },
	{ "organization", FIELD_WORDS, false },
	{ "content-type", FIELD_WORDS, false },
	{ "content-transfer-encoding", FIELD_WORDS, false },
	{ "content-class", FIELD_WORDS, false },
	{ "mime-version", FIELD_WORDS, false },
	{ "importance", FIELD_WORDS, false },
	{ "precedence", FIELD_WORDS, true },
	{ "x-priority", FIELD_WORDS, false },
	{ "x-msmail-priority", FIELD_WORDS, false },
	{ "x-mimeole", FIELD_WORDS, false },
	{ "errors-to", FIELD_PRESENT, true },
	{ "list-unsubscribe", FIELD_PRESENT, true },
	{ NULL, FIELD_SKIP, false }
};

/* field_find - by its name; the last row if nothing is counted of it */
static const struct field_row *
field_find(weir_str name)
{
	const struct field_row *row = token_fields;

	while (row->name != NULL && !text_equals(name, row->name))
		row++;
	return row;
}

/* field_group - what its tokens are about */
static enum token_group
field_group(const struct list *l, const struct field_row *row,
    const struct reader_field *f)
{
	bool lists = l->found && row->lists;

	switch (row->kind) {
	case FIELD_ADDRESS:
		return lists || list_names(l, f->value) ? TOKEN_LIST :
							  TOKEN_ADDRESS;
	case FIELD_ROUTE:
		return lists || (l->found && f != l->first_hop) ?
		    TOKEN_LIST_ROUTE : TOKEN_ROUTE;
	default:
		return lists ? TOKEN_LIST : TOKEN_HEADER;
	}
}

/* token_domain - a host name and the domains above it */
static void
token_domain(struct tokens *t, enum token_group group, const char *prefix,
    weir_str host)
{
	char lower[128];
	size_t n = host.len < sizeof(lower) ? host.len : sizeof(lower);

	while (n > 0 && host.ptr[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		lower[i] = text_lower(host.ptr[i]);
	for (size_t i = 0, dots = 0; i < n && dots < 5; i++) {
		if (i == 0 || lower[i - 1] == '.') {
			token_add(t, group, prefix, lower + i, n - i);
			dots++;
		}
	}
}

/* token_network - an IPv4 address, or the networks it is in; false: it is
   none */
static bool
token_network(struct tokens *t, enum token_group group, const char *prefix,
    weir_str s)
{
	unsigned dots = 0;
	size_t cut[3];

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.' && dots < 3)
			cut[dots++] = i;
		else if (!text_is_digit(s.ptr[i]))
			return false;
	}
	if (dots != 3 || s.len > 15)
		return false;
	token_add(t, group, prefix, s.ptr, s.len);
	token_add(t, group, prefix, s.ptr, cut[2]);
	token_add(t, group, prefix, s.ptr, cut[1]);
	return true;
}

/* token_url - scheme, host, path */
void
token_url(struct tokens *t, weir_str url)
{
	const char *end = url.ptr + url.len, *p = url.ptr, *q;
	const char *colon = memchr(p, ':', url.len < 12 ? url.len : 12);
	weir_str host;
	unsigned n = 0;

	if ((t->skip & 1u << TOKEN_URL) != 0)
		return;
	if (colon != NULL) {
		char scheme[12];
		size_t k = (size_t)(colon - p);

		for (size_t i = 0; i < k; i++)
			scheme[i] = text_lower(p[i]);
		token_add(t, TOKEN_URL, "scheme:", scheme, k);
		p = colon + 1;
	}
	while (p < end && (*p == '/' || *p == '\\'))
		p++;
	for (q = p; q < end && *q != '/' && *q != '?' && *q != '#'; q++) {
		if (*q == '@') {
			token_add(t, TOKEN_URL, "at:", "1", 1);
			p = q + 1;
		}
	}
	host = (weir_str){ p, (size_t)(q - p) };
	colon = memchr(host.ptr, ':', host.len);
	if (colon != NULL) {
		token_add(t, TOKEN_URL, "port:", colon + 1,
		    host.len - (size_t)(colon - host.ptr) - 1);
		host.len = (size_t)(colon - host.ptr);
	}
	if (token_network(t, TOKEN_URL, "net:", host))
		token_add(t, TOKEN_URL, "host is:", "ip", 2);
	else
		token_domain(t, TOKEN_URL, "host:", host);
	while (q < end && n < 8) {
		while (q < end && !text_is_alpha(*q) && !text_is_digit(*q))
			q++;
		for (p = q; q < end && (text_is_alpha(*q) ||
			 text_is_digit(*q)); q++)
			;
		if (q - p > 1 && q - p <= 20) {
			token_add(t, TOKEN_URL, "path:", p, (size_t)(q - p));
			n++;
		}
	}
}

/* token_addresses - names, addresses, domains */
static void
token_addresses(struct tokens *t, enum token_group group, const char *prefix,
    weir_str v)
{
	const char *p = v.ptr, *end = p + v.len, *at, *a, *b;
	unsigned n = 0;

	for (at = p; at < end && n < 20; at = b, n++) {
		at = memchr(at, '@', (size_t)(end - at));
		if (at == NULL)
			break;
		for (a = at; a > p && !text_is_space(a[-1]) &&
		     strchr("<>,;:\"()[]", a[-1]) == NULL; a--)
			;
		for (b = at + 1; b < end && !text_is_space(*b) &&
		     strchr("<>,;:\"()[]", *b) == NULL; b++)
			;
		token_domain(t, group, prefix,
		    (weir_str){ at + 1, (size_t)(b - at) - 1 });
		token_add(t, group, prefix, a, (size_t)(b - a));
		p = b;
	}
	token_size(t, group, "addresses:", n);
	token_words(t, group, prefix, v);
}

/* token_id - the shape and the host of a Message-ID */
static void
token_id(struct tokens *t, weir_str v)
{
	const char *at = memchr(v.ptr, '@', v.len);
	char shape[48];
	size_t n = 0;

	/* runs of letters, digits, capitals as one sign each */
	for (const char *p = v.ptr; p < (at != NULL ? at : v.ptr + v.len) &&
	     n < sizeof(shape); p++) {
		char c = text_is_digit(*p) ? '0' : *p >= 'A' && *p <= 'Z' ?
		    'A' : text_is_alpha(*p) ? 'a' : *p;

		if (n == 0 || shape[n - 1] != c)
			shape[n++] = c;
	}
	token_add(t, TOKEN_HEADER, "id:", shape, n);
	if (at != NULL) {
		weir_str host = { at + 1,
			v.len - (size_t)(at + 1 - v.ptr) };

		while (host.len > 0 && host.ptr[host.len - 1] == '>')
			host.len--;
		token_domain(t, TOKEN_HEADER, "id host:", host);
	}
}

/* token_date - the zone it was written in */
static void
token_date(struct tokens *t, weir_str v)
{
	const char *end = v.ptr + v.len, *p = end;

	while (p > v.ptr && *--p != '+' && *p != '-')
		;
	if (p > v.ptr && end - p >= 5)
		token_add(t, TOKEN_HEADER, "zone:", p, 5);
	else
		token_add(t, TOKEN_HEADER, "zone:", "none", 4);
}

/* token_route - hosts and networks of a hop */
static void
token_route(struct tokens *t, enum token_group group, weir_str v)
{
	const char *p = v.ptr, *end = p + v.len, *q;

	/* what stands behind the date's semicolon is no host */
	q = memrchr(p, ';', v.len);
	if (q != NULL)
		end = q;
	while (p < end) {
		bool dot = false;

		while (p < end && !text_is_alpha(*p) && !text_is_digit(*p))
			p++;
		for (q = p; q < end && (text_is_alpha(*q) ||
			 text_is_digit(*q) || *q == '.' || *q == '-' ||
			 *q == '_'); q++)
			dot |= *q == '.';
		if (dot && !token_network(t, group, "via net:",
				(weir_str){ p, (size_t)(q - p) }))
			token_domain(t, group, "via:",
			    (weir_str){ p, (size_t)(q - p) });
		else if (!dot && q - p <= 12)
			token_add(t, group, "via word:", p,
			    (size_t)(q - p));
		p = q;
	}
}

/* token_subject - what the list put in front of it is not the author's */
static void
token_subject(struct tokens *t, weir_str v)
{
	weir_str tag = list_tag(v);

	if (tag.len > 0) {
		token_words(t, TOKEN_LIST, "list tag:", tag);
		v.len -= (size_t)(tag.ptr + tag.len - v.ptr);
		v.ptr = tag.ptr + tag.len;
	}
	token_words(t, TOKEN_SUBJECT, "subject:", v);
	if (v.len > TOKEN_GRAM_SUBJECT)
		v.len = TOKEN_GRAM_SUBJECT;
	token_grams(t, TOKEN_SUBJECT_GRAM, "subject gram:", v);
}

/* token_field - one field */
static void
token_field(struct tokens *t, const struct reader_field *f)
{
	const struct field_row *row = field_find(f->name);
	enum token_group group = field_group(&t->list, row, f);
	char prefix[40];
	weir_str value = f->value;
	size_t n = f->name.len < sizeof(prefix) - 2 ? f->name.len :
						     sizeof(prefix) - 2;

	if (row->kind == FIELD_SKIP)
		return;
	for (size_t i = 0; i < n; i++)
		prefix[i] = text_lower(f->name.ptr[i]);
	prefix[n] = ':';
	prefix[n + 1] = '\0';
	if (value.len > READER_VALUE)
		value.len = READER_VALUE;
	t->text.len = 0;
	charset_header(&t->charset, value, &t->text);
	value = (weir_str){ t->text.len > 0 ? t->text.ptr : "", t->text.len };
	switch (row->kind) {
	case FIELD_SUBJECT:
		token_subject(t, value);
		break;
	case FIELD_ADDRESS:
		token_addresses(t, group, prefix, value);
		break;
	case FIELD_ID:
		token_id(t, value);
		break;
	case FIELD_DATE:
		token_date(t, value);
		break;
	case FIELD_ROUTE:
		token_route(t, group, value);
		break;
	case FIELD_PRESENT:
		token_add(t, group, "has:", prefix, n);
		break;
	default:
		token_words(t, group, prefix, value);
		break;
	}
}

/* token_header - all fields */
void
token_header(struct tokens *t)
{
	for (unsigned i = 0; i < t->reader.n_fields; i++)
		token_field(t, &t->reader.fields[i]);
}
