/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/name.h"

#include <string.h>

#include <weir/types.h>

#include "base/text.h"

/* dns_unescape - one octet of text */
int
dns_unescape(const char *text, size_t len, size_t *i)
{
	int v;

	if (text[*i] != '\\')
		return (unsigned char)text[(*i)++];
	if (++*i >= len)
		return -1;
	if (!text_is_digit((unsigned char)text[*i]))
		return (unsigned char)text[(*i)++];
	if (len - *i < 3 || !text_is_digit((unsigned char)text[*i + 1]) ||
	    !text_is_digit((unsigned char)text[*i + 2]))
		return -1;
	v = (text[*i] - '0') * 100 + (text[*i + 1] - '0') * 10 +
	    (text[*i + 2] - '0');
	*i += 3;
	return v <= 255 ? v : -1;
}

/* dns_name_parse - text to wire form */
int
dns_name_parse(const char *text, size_t len, struct dns_name *out)
{
	size_t label = 0, used = 1; /* where this label's length octet stands */
	int c;

	if (len == 1 && text[0] == '.')
		len = 0;
	else if (len == 0)
		return WEIR_E_INVAL;
	for (size_t i = 0; i < len;) {
		if (text[i] == '.') {
			if (used == label + 1)
				return WEIR_E_INVAL;
			out->octets[label] = (uint8_t)(used - label - 1);
			label = used++;
			i++;
			continue;
		}
		if ((c = dns_unescape(text, len, &i)) < 0 ||
		    used - label > 63 || used >= DNS_NAME_WIRE_MAX - 1)
			return WEIR_E_INVAL;
		out->octets[used++] = (uint8_t)text_lower((char)c);
	}
	if (used > label + 1) {
		out->octets[label] = (uint8_t)(used - label - 1);
		label = used;
	}
	out->octets[label] = 0;
	out->len = label + 1;
	return WEIR_OK;
}

/* name_is_plain - does the octet stand for itself in text */
static bool
name_is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && strchr(".\\\"();@$", c) == NULL;
}

/* dns_name_print - wire form to text */
size_t
dns_name_print(const struct dns_name *name, char out[DNS_NAME_TEXT_MAX])
{
	const uint8_t *p = name->octets;
	size_t n = 0;

	while (*p != 0) {
		if (n != 0)
			out[n++] = '.';
		for (unsigned left = *p++; left > 0; left--, p++) {
			if (name_is_plain(*p)) {
				out[n++] = (char)*p;
				continue;
			}
			out[n++] = '\\';
			out[n++] = (char)('0' + *p / 100);
			out[n++] = (char)('0' + *p / 10 % 10);
			out[n++] = (char)('0' + *p % 10);
		}
	}
	out[n] = '\0';
	return n;
}

/* dns_name_read - decompress a name of a message */
int
dns_name_read(const uint8_t *msg, size_t len, size_t *off,
    struct dns_name *out)
{
	size_t p = *off, floor = *off, n = 0;
	bool jumped = false;

	for (;;) {
		unsigned c;

		if (p >= len)
			return WEIR_E_INVAL;
		c = msg[p++];
		if (c >= 0xc0) {
			if (p >= len)
				return WEIR_E_INVAL;
			c = (c & 0x3f) << 8 | msg[p++];
			if (!jumped)
				*off = p;
			jumped = true;
			/* each jump lands before all that was read so far: no
			   loop; nothing points into the header */
			if (c >= floor || c < 12)
				return WEIR_E_INVAL;
			p = floor = c;
			continue;
		}
		if (c > 63 || len - p < c || n + 1 + c > DNS_NAME_WIRE_MAX)
			return WEIR_E_INVAL;
		out->octets[n++] = (uint8_t)c;
		if (c == 0)
			break;
		if (n + c >= DNS_NAME_WIRE_MAX) /* no room for the root */
			return WEIR_E_INVAL;
		for (; c > 0; c--)
			out->octets[n++] = (uint8_t)text_lower((char)msg[p++]);
	}
	if (!jumped)
		*off = p;
	out->len = n;
	return WEIR_OK;
}

/* dns_name_skip - step over a name */
int
dns_name_skip(const uint8_t *msg, size_t len, size_t *off)
{
	size_t p = *off;

	for (;;) {
		unsigned c;

		if (p >= len)
			return WEIR_E_INVAL;
		c = msg[p++];
		if (c >= 0xc0) {
			if (p++ >= len)
				return WEIR_E_INVAL;
			break;
		}
		if (c > 63 || len - p < c)
			return WEIR_E_INVAL;
		if (c == 0)
			break;
		p += c;
	}
	*off = p;
	return WEIR_OK;
}

/* dns_name_equal - both are lower-cased */
bool
dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* dns_name_under - compare from each label on */
bool
dns_name_under(const struct dns_name *name, const struct dns_name *parent)
{
	size_t at = 0;

	while (name->len - at > parent->len)
		at += name->octets[at] + 1u;
	return name->len - at == parent->len &&
	    memcmp(name->octets + at, parent->octets, parent->len) == 0;
}
