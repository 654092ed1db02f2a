/* SPDX-License-Identifier: GPL-2.0-or-later */
/* throw - a module whose callbacks throw, for the wrapper sdk/examples/
   async_dns_cpp/weir.hpp: in a stage, and in an answer. */
#include "weir.hpp"

static void
mail(weir::call call)
{
	std::string_view sender = call.attr(WEIR_A_SENDER);

	if (sender.substr(0, 6) == "stage@")
		throw std::runtime_error("loose in a stage");
	if (sender.substr(0, 7) == "answer@")
		call.query("none.example", WEIR_DNS_A,
		    [](weir::call, weir::answer) {
			    throw std::runtime_error("loose in an answer");
		    });
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

	m.id = "org.weir.test.throw";
	m.name = "throw";
	m.version = "1.0";
	m.license = "GPL-2.0-or-later";
	m.summary = "Throws.";
	m.needs = needs;
	m.collect = &collect;
	return m;
}
static constexpr weir_module module = describe();

WEIR_MODULE_EXPORT(mod_throw, module)
