/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * async-dns-cpp - find senders whose domain takes no mail, in C++17.
 *
 * Shows: the same as async_dns, with weir.hpp.
 */
#include "weir.hpp"

enum { SYMBOL_NO_MAIL };

static constexpr weir_symbol symbols[] = {
	{"SENDER_NO_MAIL", "The sender's domain has no host that takes mail.",
	    3.0},
	{nullptr, nullptr, 0},
};

/* conclude - what the last answer means */
static void
conclude(weir::call call, const std::string &domain, int status)
{
	if (status == WEIR_E_NOTFOUND)
		call.finding(SYMBOL_NO_MAIL, domain);
	else
		/* not "no": the check did not run */
		weir::check(status, "no answer about the sender's domain");
}

/* on_mx - without MX the domain's own address counts */
static void
on_mx(weir::call call, const std::string &domain, weir::answer mx)
{
	if (mx.status() == WEIR_E_NOTFOUND)
		call.query(domain, WEIR_DNS_A,
		    [domain](weir::call c, weir::answer a) {
			    conclude(c, domain, a.status());
		    });
	else if (mx.status() == WEIR_OK && mx.size() == 1 && mx[0].empty())
		conclude(call, domain, WEIR_E_NOTFOUND); /* RFC 7505 */
	else
		conclude(call, domain, mx.status());
}

/* mail - ask, and return at once */
static void
mail(weir::call call)
{
	std::string_view sender = call.attr(WEIR_A_SENDER);
	size_t at = sender.rfind('@');

	if (at == sender.npos)
		return;
	/* a copy: the attribute is borrowed until this returns */
	std::string domain(sender.substr(at + 1));
	if (domain.empty() || domain[0] == '[' || domain.size() > 253)
		return;
	call.query(domain, WEIR_DNS_MX,
	    [domain](weir::call c, weir::answer a) { on_mx(c, domain, a); });
}

static constexpr const char *needs[] = {WEIR_EXT_DNS, nullptr};

static constexpr weir_stages
stages()
{
	weir_stages s{};

	s.size = sizeof(s);
	s.mail = weir::stage<mail>;
	return s;
}
static constexpr weir_stages collect = stages();

static constexpr weir_module
describe()
{
	weir_module m = weir::descriptor();

	m.id = "org.weir.example.async-dns-cpp";
	m.name = "async-dns-cpp";
	m.version = "1.0";
	m.license = "BSD-2-Clause";
	m.summary = "Finds senders whose domain takes no mail.";
	m.symbols = symbols;
	m.needs = needs;
	m.collect = &collect;
	return m;
}
static constexpr weir_module module = describe();

WEIR_MODULE_EXPORT(mod_async_dns_cpp, module)
