/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tuple - what greylisting remembers somebody by. */
#include "tuple.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

/* tuple_lower - one octet in lower case; blanks and controls become ? */
static char
tuple_lower(char c)
{
	unsigned char u = (unsigned char)c;

	if (u >= 'A' && u <= 'Z')
		return (char)(u + ('a' - 'A'));
	if (u <= ' ' || u == 0x7f)
		return '?';
	return c;
}

/* tuple_field - copy as a field of a key, cut to size */
static void
tuple_field(char *out, size_t size, weir_str in)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	size_t room = size - 1, n = 0;

	if (in.len > room)
		room -= 17;
	while (n < in.len && n < room) {
		out[n] = tuple_lower(in.ptr[n]);
		n++;
	}
	out[n] = '\0';
	if (n == in.len)
		return;
	for (size_t i = n; i < in.len; i++) {
		hash ^= (unsigned char)tuple_lower(in.ptr[i]);
		hash *= UINT64_C(1099511628211);
	}
	snprintf(out + n, size - n, "~%016" PRIx64, hash);
}

/* tuple_netblock - the identity of a client of whom we know the address */
void
tuple_netblock(char *out, size_t size, const unsigned char *addr, size_t len,
    int mask4, int mask6)
{
	unsigned char net[16];
	char text[INET6_ADDRSTRLEN];
	int mask = len == 4 ? mask4 : mask6;

	memcpy(net, addr, len);
	for (int bit = mask; bit < (int)len * 8; bit++)
		net[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	inet_ntop(len == 4 ? AF_INET : AF_INET6, net, text, sizeof(text));
	snprintf(out, size, "net:%s/%d", text, mask);
}

/* tuple_has_number - does the text contain this whole number? */
static bool
tuple_has_number(const char *text, unsigned int number)
{
	while (*text != '\0') {
		unsigned long n = 0;
		size_t digits = strspn(text, "0123456789");

		for (size_t i = 0; i < digits && i < 6; i++)
			n = n * 10 + (unsigned long)(text[i] - '0');
		if (digits > 0 && digits < 6 && n == number)
			return true;
		text += digits > 0 ? digits : 1;
	}
	return false;
}

/* tuple_name_generic - is the name made from the address? */
static bool
tuple_name_generic(const char *name, const unsigned char *addr, size_t len)
{
	char bare[256], hex[33];
	size_t n = 0;

	if (addr == NULL)
		return false;
	/* three octets, not two: pools such as a8-31.example are no homes */
	if (len == 4 && tuple_has_number(name, addr[3]) &&
	    tuple_has_number(name, addr[2]) && tuple_has_number(name, addr[1]))
		return true;
	for (const char *p = name; *p != '\0' && n < sizeof(bare) - 1; p++)
		if (*p != '-' && *p != '.')
			bare[n++] = *p;
	bare[n] = '\0';
	if (len == 4) {
		snprintf(hex, sizeof(hex), "%02x%02x%02x%02x", addr[0],
		    addr[1], addr[2], addr[3]);
		if (strstr(bare, hex) != NULL)
			return true;
		snprintf(hex, sizeof(hex), "%03u%03u%03u%03u", addr[0],
		    addr[1], addr[2], addr[3]);
		return strstr(bare, hex) != NULL;
	}
	for (size_t i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", addr[8 + i]);
	return strstr(bare, hex) != NULL;
}

/* tuple_domain - the identity of a client with a confirmed name */
bool
tuple_domain(char *out, size_t size, weir_str name, const unsigned char *addr,
    size_t len)
{
	char lower[256];
	const char *domain;

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len >= sizeof(lower) ||
	    memchr(name.ptr, '.', name.len) == NULL || name.ptr[0] == '[')
		return false;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = tuple_lower(name.ptr[i]);
	lower[name.len] = '\0';
	if (psl_builtin() == NULL || tuple_name_generic(lower, addr, len))
		return false;
	domain = psl_registrable_domain(psl_builtin(), lower);
	if (domain == NULL)
		return false;
	memcpy(out, "dns:", 4);
	tuple_field(out + 4, size - 4, weir_str_of(domain));
	return true;
}

/* tuple_spf - the identity of an authenticated domain */
void
tuple_spf(char *out, size_t size, weir_str domain)
{
	memcpy(out, "spf:", 4);
	tuple_field(out + 4, size - 4, domain);
}

/* tuple_word - does this octet belong to a word? */
static bool
tuple_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_';
}

/* tuple_numbers - copy a local part, whole numbers as #; the length */
static size_t
tuple_numbers(char *out, const char *in, size_t len)
{
	size_t n = 0, digits;

	for (size_t i = 0; i < len; i += digits) {
		digits = 0;
		while (i + digits < len && in[i + digits] >= '0' &&
		    in[i + digits] <= '9')
			digits++;
		if (digits > 0 && (i == 0 || !tuple_word(in[i - 1])) &&
		    (i + digits == len || !tuple_word(in[i + digits]))) {
			out[n++] = '#';
			continue;
		}
		if (digits == 0)
			digits = 1;
		memcpy(out + n, in + i, digits);
		n += digits;
	}
	return n;
}

/* tuple_sender - the normalised sender */
void
tuple_sender(char *out, size_t size, weir_str sender)
{
	char text[1024];
	const char *at = memrchr(sender.ptr, '@', sender.len), *plus;
	size_t local = at != NULL ? (size_t)(at - sender.ptr) : sender.len, n;

	if (sender.len == 0) {
		tuple_field(out, size, WEIR_STR("<>"));
		return;
	}
	/* no MTA takes such a path (RFC 5321 4.5.3.1.3: 256 octets) */
	if (sender.len > sizeof(text)) {
		tuple_field(out, size, sender);
		return;
	}
	plus = memchr(sender.ptr, '+', local);
	n = tuple_numbers(text, sender.ptr,
	    plus != NULL ? (size_t)(plus - sender.ptr) : local);
	memcpy(text + n, sender.ptr + local, sender.len - local);
	tuple_field(out, size, (weir_str){ text, n + sender.len - local });
}

/* tuple_recipient - the recipient in lower case */
void
tuple_recipient(char *out, size_t size, weir_str recipient)
{
	tuple_field(out, size, recipient);
}

/* tuple_key - the key of a tuple in the store */
size_t
tuple_key(char *out, size_t size, const char *identity, const char *sender,
    const char *recipient)
{
	int n = snprintf(out, size, "t %s %s %s", identity, sender, recipient);

	return n < (int)size ? (size_t)n : size - 1;
}
