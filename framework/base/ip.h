/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip - IPv4 and IPv6 addresses and networks; mapped IPv4 becomes IPv4. */
#ifndef WEIR_BASE_IP_H
#define WEIR_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP_TEXT_MAX 46

struct ip {
	uint8_t len;	   /* 4, 16, or 0: none */
	uint8_t octets[16];
};

struct ip_net {
	struct ip addr; /* host bits are 0 */
	uint8_t bits;
};

bool ip_parse(const char *s, struct ip *out);
/* "192.0.2.0/24", "2001:db8::/32", or a single address; host bits that are set
   are an error */
bool ip_net_parse(const char *s, struct ip_net *out);
void ip_print(const struct ip *ip, char out[IP_TEXT_MAX]);
bool ip_in_net(const struct ip *ip, const struct ip_net *net);
/* clear all bits after the first `bits` */
void ip_mask(struct ip *ip, unsigned bits);
bool ip_equal(const struct ip *a, const struct ip *b);
/* "4.3.2.1." or nibbles: the reversed form of DNS lists, with the last dot;
   out holds 65 octets */
void ip_reverse(const struct ip *ip, char out[65]);

#endif
