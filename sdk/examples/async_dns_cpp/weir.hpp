/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir.hpp - the contract for C++17: calls as objects, completions as lambdas.
 *
 * A small wrapper to copy and to extend; it shows the two things that each one
 * must do.  No exception crosses into the host: what a callback throws is "my
 * check did not run", logged and judged by on_failure.  A completion owns what
 * it needs: it comes exactly once, when the callback has long returned.
 */
#ifndef WEIR_HPP
#define WEIR_HPP

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <weir/weir.h>

namespace weir {

inline const weir_host *host;
inline weir_self *self;
inline const weir_dns *dns;

/* slice - for the host, borrowed */
inline weir_str
slice(std::string_view s) noexcept
{
	return weir_str{s.data(), s.size()};
}

/* A negative status, thrown. */
struct failure : std::runtime_error {
	int status;
	failure(int s, const std::string &why)
	    : std::runtime_error(why), status(s)
	{
	}
};

/* check - throw what is not WEIR_OK */
inline void
check(int status, const char *what)
{
	if (status < 0)
		throw failure(status, what);
}

/* guarded - run f; what it throws becomes a status, and a line in the log */
template <typename F>
int
guarded(weir_call *call, F &&f) noexcept
{
	try {
		f();
		return WEIR_OK;
	} catch (const failure &e) {
		host->log(self, call, WEIR_LOG_ERROR, slice(e.what()));
		return e.status;
	} catch (const std::bad_alloc &) {
		return WEIR_E_NOMEM;
	} catch (const std::exception &e) {
		host->log(self, call, WEIR_LOG_ERROR, slice(e.what()));
	} catch (...) {
		host->log(self, call, WEIR_LOG_ERROR,
		    WEIR_STR("an exception of no known type"));
	}
	return WEIR_E_INTERNAL;
}

/* The answer to a question; borrowed until the lambda returns. */
class answer {
	const weir_dns_answer *a;

public:
	explicit answer(const weir_dns_answer *p) : a(p) {}
	int status() const { return a->status; }
	uint32_t size() const { return a->count; }
	std::string_view operator[](uint32_t i) const
	{
		const weir_dns_rr *rr = weir_dns_rr_at(a, i);

		return {rr->data.ptr, rr->data.len};
	}
};

/* One callback and what it started: see weir_call. */
class call {
	weir_call *handle;

public:
	using on_answer = std::function<void(call, answer)>;

	explicit call(weir_call *c) : handle(c) {}

	/* An attribute, or nothing; valid until the callback returns. */
	std::string_view attr(uint32_t attr, uint32_t rcpt = WEIR_RCPT_NONE)
	    const
	{
		weir_str s;

		if (host->attr_get(handle, attr, rcpt, &s) < 0)
			return {};
		return {s.ptr, s.len};
	}

	void finding(uint32_t symbol, std::string_view reason,
	    double weight = 1.0, uint32_t rcpt = WEIR_RCPT_NONE) const
	{
		check(host->finding(handle, symbol, rcpt, weight,
			  slice(reason)), "finding");
	}

	void query(const std::string &name, uint16_t type, on_answer f) const
	{
		auto own = std::make_unique<on_answer>(std::move(f));

		check(dns->query(handle, name.c_str(), type, 0, answered,
			  own.get()), "query");
		own.release(); /* answered has it now */
	}

private:
	static void answered(weir_call *c, const weir_dns_answer *a,
	    void *arg) noexcept
	{
		std::unique_ptr<on_answer> own(static_cast<on_answer *>(arg));
		int status = guarded(c, [&] { (*own)(call(c), answer(a)); });

		if (status < 0) /* a completion can't return it */
			host->fail(c, status, WEIR_STR("see the log"));
	}
};

/* stage<f> - a callback of the stage table that calls f(call) */
template <void (*f)(call)>
int
stage(void *, weir_call *c) noexcept
{
	return guarded(c, [c] { f(call(c)); });
}

/* create - for modules that need no more than the DNS */
inline int
create(const weir_host *h, weir_self *me, const weir_conf *, void **)
{
	host = h;
	self = me;
	dns = static_cast<const weir_dns *>(h->ext(me, WEIR_EXT_DNS));
	return WEIR_OK;
}

/* descriptor - with the head filled in */
constexpr weir_module
descriptor()
{
	weir_module m{};

	m.magic = WEIR_MAGIC;
	m.size = sizeof(m);
	m.abi_major = WEIR_ABI_MAJOR;
	m.abi_minor = WEIR_ABI_MINOR;
	m.abi_minor_min = WEIR_ABI_MINOR;
	m.stride_option = sizeof(weir_option);
	m.stride_symbol = sizeof(weir_symbol);
	m.create = create;
	return m;
}

} // namespace weir
#endif
