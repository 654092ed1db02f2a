/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * async-dns - find senders whose domain takes no mail.
 *
 * Shows: asking the DNS without waiting, a second question from the answer to
 * the first, the difference between "there is none" and "nobody knows".
 * There is nothing to suspend and to resume: the call is open until the last
 * answer has come, and each answer comes exactly once.
 */
#include <string.h>

#include <weir/weir.h>

static const struct weir_host *host;
static const struct weir_dns *dns;

enum { SYMBOL_NO_MAIL };

static const struct weir_symbol symbols[] = {
	[SYMBOL_NO_MAIL] = { "SENDER_NO_MAIL",
	    "The sender's domain has no host that takes mail.", 3.0 },
	{ NULL, NULL, 0 },
};

/* sender_domain - what is behind the sender's last @; empty if there is nothing
   to ask for.  Attributes end with a NUL, and so does this. */
static weir_str
sender_domain(weir_call *call)
{
	weir_str sender, none = WEIR_STR("");
	const char *at = NULL;

	if (host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &sender) < 0)
		return none;
	for (size_t i = 0; i < sender.len; i++)
		if (sender.ptr[i] == '@')
			at = sender.ptr + i + 1;
	if (at == NULL || *at == '[' || strlen(at) > 253)
		return none;
	return weir_str_of(at);
}

/* conclude - what the last answer means */
static void
conclude(weir_call *call, int status)
{
	if (status == WEIR_E_NOTFOUND)
		host->finding(call, SYMBOL_NO_MAIL, WEIR_RCPT_NONE, 1.0,
		    sender_domain(call));
	else if (status < 0)
		/* not "no": the check did not run; on_failure decides */
		host->fail(call, status, WEIR_STR("no answer about the "
						  "sender's domain"));
}

/* on_address - is there at least an address (RFC 5321, 5.1) */
static void
on_address(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	(void)arg;
	conclude(call, a->status);
}

/* on_mx - without MX the domain's own address counts */
static void
on_mx(weir_call *call, const struct weir_dns_answer *a, void *arg)
{
	weir_str domain = sender_domain(call);
	int status = a->status;

	(void)arg;
	if (status == WEIR_E_NOTFOUND && domain.len > 0) {
		status = dns->query(call, domain.ptr, WEIR_DNS_A, 0,
		    on_address, NULL);
		if (status == WEIR_OK)
			return;
	} else if (status == WEIR_OK && a->count == 1 &&
	    weir_dns_rr_at(a, 0)->data.len == 0) {
		status = WEIR_E_NOTFOUND; /* null MX, RFC 7505 */
	}
	conclude(call, status);
}

/* collect_mail - ask, and return at once */
static int
collect_mail(void *state, weir_call *call)
{
	weir_str domain = sender_domain(call);

	(void)state;
	if (domain.len == 0)
		return WEIR_OK;
	return dns->query(call, domain.ptr, WEIR_DNS_MX, 0, on_mx, NULL);
}

/* create - what `needs` names is there */
static int
create(const struct weir_host *h, weir_self *self, const weir_conf *conf,
    void **state)
{
	(void)conf;
	(void)state;
	host = h;
	dns = h->ext(self, WEIR_EXT_DNS);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_DNS, NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.mail = collect_mail };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.async-dns",
	.name = "async-dns",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Finds senders whose domain takes no mail.",
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_async_dns, module)
