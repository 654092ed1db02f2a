/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mx - is the client an MX host of the recipient's domain?  A backup MX passes
 * on what others sent to it: SPF says nothing about such mail.
 */
#include "spf.h"

#include <string.h>

#define MX_HOSTS_MAX 10

/* One recipient; lives in the message's memory. */
struct mx {
	struct spf_check *check;
	uint32_t rcpt;
	uint32_t pending; /* answers that are missing */
	bool match, unsure;
	uint16_t family;
	char domain[254];
};

/* mx_settle - the last answer is here */
static void
mx_settle(struct mx *x, weir_call *call)
{
	if (x->pending > 0)
		return;
	if (x->match)
		spf_check_override(x->check, call, x->rcpt, "backup MX of",
		    weir_str_of(x->domain));
	else
		spf_check_refuse(x->check, call, x->rcpt, x->unsure);
}

/* mx_trouble - nobody knows */
static bool
mx_trouble(const struct weir_dns_answer *a)
{
	return a->status != WEIR_OK && a->status != WEIR_E_NOTFOUND &&
	    a->status != WEIR_E_INVAL;
}

/* mx_address - addresses of one host */
static void
mx_address(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct mx *x = arg;
	weir_str addr = spf_attr(x->check->m, call, WEIR_A_CLIENT_ADDR,
	    WEIR_RCPT_NONE);

	x->pending--;
	if (a->status == WEIR_E_CANCELLED)
		return;
	x->unsure = x->unsure || mx_trouble(a);
	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count; i++) {
		weir_str s = weir_dns_rr_at(a, i)->data;

		/* both are what inet_ntop writes */
		x->match = x->match || (s.len == addr.len &&
		    memcmp(s.ptr, addr.ptr, s.len) == 0);
	}
	mx_settle(x, call);
}

/* mx_ask - the addresses of a host */
static void
mx_ask(struct mx *x, weir_call *call, const char *name)
{
	if (x->check->m->dns->query(call, name, x->family, 0, mx_address,
	    x) == WEIR_OK)
		x->pending++;
	else
		x->unsure = true;
}

/* mx_hosts - the MX answer */
static void
mx_hosts(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	struct mx *x = arg;

	x->pending--;
	if (a->status == WEIR_E_CANCELLED)
		return;
	x->unsure = mx_trouble(a);
	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count &&
	     i < MX_HOSTS_MAX; i++) {
		weir_str name = weir_dns_rr_at(a, i)->data;

		if (name.len > 0)
			mx_ask(x, call, name.ptr);
	}
	/* without MX the domain itself takes its mail (RFC 5321 5.1) */
	if (a->status == WEIR_E_NOTFOUND ||
	    (a->status == WEIR_OK && a->count == 0))
		mx_ask(x, call, x->domain);
	mx_settle(x, call);
}

/* spf_mx_start - ask for the hosts */
int
spf_mx_start(struct spf_check *c, weir_call *call, uint32_t rcpt)
{
	weir_str to = spf_attr(c->m, call, WEIR_A_RCPT, rcpt);
	weir_str bin = spf_attr(c->m, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);
	const char *at = memrchr(to.ptr, '@', to.len);
	size_t len = at != NULL ? to.len - (size_t)(at - to.ptr) - 1 : 0;
	struct mx *x;
	int status;

	if (len == 0 || len >= sizeof(x->domain) ||
	    memchr(at, '\0', len + 1) != NULL)
		return WEIR_E_NOTFOUND;
	x = c->m->host->alloc(call, WEIR_SCOPE_MESSAGE, sizeof(*x));
	if (x == NULL)
		return WEIR_E_NOMEM;
	x->check = c;
	x->rcpt = rcpt;
	x->family = bin.len == 4 ? WEIR_DNS_A : WEIR_DNS_AAAA;
	memcpy(x->domain, at + 1, len);
	x->domain[len] = '\0';
	status = c->m->dns->query(call, x->domain, WEIR_DNS_MX, 0, mx_hosts,
	    x);
	x->pending += status == WEIR_OK;
	return status;
}
