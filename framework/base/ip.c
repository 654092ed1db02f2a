/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ip_parse - text to address */
bool
ip_parse(const char *s, struct ip *out)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff };

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, s, out->octets) == 1) {
		out->len = 4;
		return true;
	}
	if (inet_pton(AF_INET6, s, out->octets) != 1)
		return false;
	out->len = 16;
	if (memcmp(out->octets, mapped, sizeof(mapped)) == 0) {
		memmove(out->octets, out->octets + 12, 4);
		memset(out->octets + 4, 0, 12);
		out->len = 4;
	}
	return true;
}

/* ip_net_parse - text to network */
bool
ip_net_parse(const char *s, struct ip_net *out)
{
	char addr[IP_TEXT_MAX];
	const char *slash = strchr(s, '/');
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	struct ip masked;
	unsigned bits;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, s, n);
	addr[n] = '\0';
	if (!ip_parse(addr, &out->addr))
		return false;
	bits = out->addr.len * 8u;
	if (slash != NULL) {
		char *end;
		unsigned long v;

		if (slash[1] < '0' || slash[1] > '9')
			return false;
		v = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || v > bits)
			return false;
		bits = (unsigned)v;
	}
	out->bits = (uint8_t)bits;
	masked = out->addr;
	ip_mask(&masked, bits);
	return ip_equal(&masked, &out->addr);
}

/* ip_print - address to text */
void
ip_print(const struct ip *ip, char out[IP_TEXT_MAX])
{
	if (ip->len == 0 ||
	    inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->octets, out,
		IP_TEXT_MAX) == NULL)
		out[0] = '\0';
}

/* ip_in_net - is the address inside the network */
bool
ip_in_net(const struct ip *ip, const struct ip_net *net)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (ip->len == 0 || ip->len != net->addr.len)
		return false;
	if (memcmp(ip->octets, net->addr.octets, whole) != 0)
		return false;
	return rest == 0 ||
	    ((ip->octets[whole] ^ net->addr.octets[whole]) >> (8 - rest)) == 0;
}

/* ip_mask - clear the host bits */
void
ip_mask(struct ip *ip, unsigned bits)
{
	for (unsigned i = 0; i < ip->len; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			ip->octets[i] &= (uint8_t)(0xff00u >> keep);
	}
}

/* ip_equal - same family and octets */
bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* ip_reverse - the reversed form that DNS lists are asked for */
void
ip_reverse(const struct ip *ip, char out[65])
{
	static const char hex[] = "0123456789abcdef";

	out[0] = '\0';
	if (ip->len == 4) {
		snprintf(out, 65, "%u.%u.%u.%u.", ip->octets[3], ip->octets[2],
		    ip->octets[1], ip->octets[0]);
	} else if (ip->len == 16) {
		for (int i = 15, n = 0; i >= 0; i--) {
			out[n++] = hex[ip->octets[i] & 15];
			out[n++] = '.';
			out[n++] = hex[ip->octets[i] >> 4];
			out[n++] = '.';
			out[n] = '\0';
		}
	}
}
