/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name - from addresses, host names and links to what lists are asked. */
#include "name.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct name_block {
	unsigned char addr[16];
	int bits;
};

/* IANA special-purpose registries (RFC 6890) without the documentation
   blocks, which tests and examples use as if they were public. */
static const struct name_block name_blocks4[] = {
	{ { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 },
	{ { 169, 254 }, 16 }, { { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 },
	{ { 192, 168 }, 16 }, { { 198, 18 }, 15 }, { { 224 }, 3 }
};
static const struct name_block name_global6[] = { { { 0x20 }, 3 } };

/* name_in_block - do the first bits agree? */
static bool
name_in_block(const struct name_block *b, const unsigned char *addr)
{
	for (int i = 0; i < b->bits; i++)
		if (((b->addr[i / 8] ^ addr[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

/* name_is_public - do lists know about such addresses? */
bool
name_is_public(const unsigned char *addr, size_t len)
{
	if (len == 16)
		return name_in_block(name_global6, addr);
	if (len != 4)
		return false;
	for (size_t i = 0; i < sizeof(name_blocks4) / sizeof(name_blocks4[0]);
	     i++)
		if (name_in_block(&name_blocks4[i], addr))
			return false;
	return true;
}

/* name_reverse - octets or nibbles, last first (RFC 5782 2.1, 2.4) */
void
name_reverse(char *out, size_t size, const unsigned char *addr, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	if (len == 4) {
		snprintf(out, size, "%u.%u.%u.%u", addr[3], addr[2], addr[1],
		    addr[0]);
		return;
	}
	for (size_t i = 16; i-- > 0 && n + 4 <= size;) {
		out[n++] = digits[addr[i] & 15];
		out[n++] = '.';
		out[n++] = digits[addr[i] >> 4];
		out[n++] = i > 0 ? '.' : '\0';
	}
	out[n < size ? n : size - 1] = '\0';
}

/* name_is_host - letters, digits, - and _, labels of 1 to 63 */
static bool
name_is_host(const char *s)
{
	size_t label = 0, labels = 1;

	for (; *s != '\0'; s++) {
		if (*s == '.') {
			if (label == 0)
				return false;
			label = 0;
			labels++;
			continue;
		}
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
			*s == '-' || *s == '_') || ++label > 63)
			return false;
	}
	return label > 0 && labels > 1;
}

/* name_host - plain ASCII host name, or false */
bool
name_host(char out[NAME_SIZE], weir_str in)
{
	char copy[NAME_SIZE], *ascii = NULL;
	bool high = false;

	if (in.len > 0 && in.ptr[in.len - 1] == '.')
		in.len--;
	if (in.len == 0 || in.len >= sizeof(copy) ||
	    memchr(in.ptr, '\0', in.len) != NULL)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		high = high || (unsigned char)c >= 0x80;
		copy[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	copy[in.len] = '\0';
	if (high) {
		if (idn2_to_ascii_8z(copy, &ascii, IDN2_NONTRANSITIONAL |
		    IDN2_NFC_INPUT) != IDN2_OK)
			return false;
		if (strlen(ascii) >= sizeof(copy)) {
			idn2_free(ascii);
			return false;
		}
		memcpy(copy, ascii, strlen(ascii) + 1);
		idn2_free(ascii);
	}
	if (!name_is_host(copy))
		return false;
	memcpy(out, copy, NAME_SIZE);
	return true;
}

/* name_registered - what was registered, by the public suffix list */
bool
name_registered(char out[NAME_SIZE], const char *host)
{
	const char *domain = psl_builtin() != NULL
	    ? psl_registrable_domain(psl_builtin(), host) : NULL;

	if (domain == NULL)
		return false;
	snprintf(out, NAME_SIZE, "%s", domain);
	return true;
}

/* name_address - the subject is an address */
static bool
name_address(struct subject *s, int family, const void *addr)
{
	s->len = family == AF_INET ? 4 : 16;
	memcpy(s->addr, addr, s->len);
	return inet_ntop(family, addr, s->text, sizeof(s->text)) != NULL;
}

/* name_subject - an address in any spelling, or a name */
bool
name_subject(struct subject *s, weir_str host)
{
	char copy[NAME_SIZE];
	struct in6_addr in6;
	struct in_addr in;

	memset(s, 0, sizeof(*s));
	if (host.len >= 2 && host.ptr[0] == '[' &&
	    host.ptr[host.len - 1] == ']') {
		host.ptr++;
		host.len -= 2;
		if (host.len > 5 && strncasecmp(host.ptr, "IPv6:", 5) == 0) {
			host.ptr += 5;
			host.len -= 5;
		}
	}
	if (host.len == 0 || host.len >= sizeof(copy) ||
	    memchr(host.ptr, '\0', host.len) != NULL)
		return false;
	memcpy(copy, host.ptr, host.len);
	copy[host.len] = '\0';
	if (inet_pton(AF_INET6, copy, &in6) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&in6))
			return name_address(s, AF_INET, &in6.s6_addr[12]);
		return name_address(s, AF_INET6, &in6);
	}
	/* browsers take 3405804039, 0xcb.0.0x71.7 and 203.113.7 as well */
	if (inet_aton(copy, &in) != 0 && strchr(copy, ' ') == NULL)
		return name_address(s, AF_INET, &in);
	return name_host(s->text, host);
}

/* name_unhex - the value of a hexadecimal digit, or -1 */
static int
name_unhex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* name_unescape - decode %XX; the length */
static size_t
name_unescape(char *out, size_t size, weir_str in)
{
	size_t n = 0;

	for (size_t i = 0; i < in.len && n < size; i++) {
		int hi, lo;

		if (in.ptr[i] == '%' && i + 2 < in.len &&
		    (hi = name_unhex(in.ptr[i + 1])) >= 0 &&
		    (lo = name_unhex(in.ptr[i + 2])) >= 0) {
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = in.ptr[i];
		}
	}
	return n;
}

/* name_cut - up to the first of these octets */
static weir_str
name_cut(weir_str in, const char *stop)
{
	size_t n = 0;

	while (n < in.len && in.ptr[n] != '\0' &&
	    strchr(stop, in.ptr[n]) == NULL)
		n++;
	return (weir_str){ in.ptr, n };
}

/* name_link - the host of a link */
bool
name_link(struct subject *s, weir_str url)
{
	weir_str scheme = name_cut(url, ":/?#"), rest;
	char host[3 * NAME_SIZE];
	const char *at;
	size_t skip = scheme.len + 1, n;

	if (scheme.len >= url.len || url.ptr[scheme.len] != ':')
		return false;
	if (scheme.len == 6 && strncasecmp(scheme.ptr, "mailto", 6) == 0) {
		rest = name_cut((weir_str){ url.ptr + skip, url.len - skip },
		    "?#,;");
		at = memrchr(rest.ptr, '@', rest.len);
		if (at == NULL)
			return false;
		rest.len -= (size_t)(at + 1 - rest.ptr);
		rest.ptr = at + 1;
	} else {
		/* browsers take any number of slashes, and \ for / */
		while (skip < url.len &&
		    (url.ptr[skip] == '/' || url.ptr[skip] == '\\'))
			skip++;
		if (skip < scheme.len + 3)
			return false;
		rest = name_cut((weir_str){ url.ptr + skip, url.len - skip },
		    "/\\?#");
		at = memrchr(rest.ptr, '@', rest.len);
		if (at != NULL) {
			rest.len -= (size_t)(at + 1 - rest.ptr);
			rest.ptr = at + 1;
		}
		if (rest.len > 0 && rest.ptr[0] == '[') {
			const char *end = memchr(rest.ptr, ']', rest.len);

			if (end == NULL)
				return false;
			rest.len = (size_t)(end + 1 - rest.ptr);
		} else {
			rest = name_cut(rest, ":");
		}
	}
	if (rest.len > sizeof(host))
		return false;
	n = name_unescape(host, sizeof(host), rest);
	return name_subject(s, (weir_str){ host, n });
}

/* name_sender - the domain of an envelope address */
bool
name_sender(struct subject *s, weir_str address)
{
	const char *at = memrchr(address.ptr, '@', address.len);
	size_t skip;

	if (at == NULL)
		return false;
	skip = (size_t)(at + 1 - address.ptr);
	return name_subject(s, (weir_str){ at + 1, address.len - skip });
}
