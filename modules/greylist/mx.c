/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mx - is the client one of the MX hosts of the recipient's domain? */
#include "greylist.h"

#include <arpa/inet.h>
#include <string.h>

#define MX_HOSTS_MAX 10

/* mx_answered - one question less; go on after the last */
static void
mx_answered(struct check *c, weir_call *call)
{
	if (--c->pending == 0)
		check_judge(c, call);
}

/* mx_address - addresses of one MX host */
static void
mx_address(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct check *c = arg;
	weir_str own = greylist_attr(c->g, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);
	unsigned char addr[16];

	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);
		int family = rr->type == WEIR_DNS_A ? AF_INET : AF_INET6;
		size_t len = family == AF_INET ? 4 : 16;

		if (own.len == len &&
		    inet_pton(family, rr->data.ptr, addr) == 1 &&
		    memcmp(addr, own.ptr, len) == 0)
			c->mx_match = true;
	}
	mx_answered(c, call);
}

/* mx_ask_address - start the question for a host of the client's family */
static void
mx_ask_address(struct check *c, weir_call *call, const char *host)
{
	weir_str own = greylist_attr(c->g, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);

	if (*host != '\0' && c->g->dns->query(call, host,
	    own.len == 4 ? WEIR_DNS_A : WEIR_DNS_AAAA, 0, mx_address, c) ==
	    WEIR_OK)
		c->pending++;
}

/* mx_hosts - the MX records are here */
static void
mx_hosts(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct check *c = arg;

	if (a->status == WEIR_OK) {
		for (uint32_t i = 0; i < a->count && i < MX_HOSTS_MAX; i++)
			mx_ask_address(c, call,
			    weir_dns_rr_at(a, i)->data.ptr);
	} else if (a->status == WEIR_E_NOTFOUND && a->rcode == 0) {
		/* without MX the domain itself is the host, RFC 5321 5.1 */
		mx_ask_address(c, call, c->domain);
	}
	mx_answered(c, call);
}

/* mx_start - ask for the MX hosts of the recipient's domain */
bool
mx_start(struct check *c, weir_call *call)
{
	c->mx_asked = true;
	if (c->domain[0] == '\0' || c->domain[0] == '[' ||
	    c->g->dns->query(call, c->domain, WEIR_DNS_MX, 0, mx_hosts, c) !=
	    WEIR_OK)
		return false;
	c->pending++;
	return true;
}
