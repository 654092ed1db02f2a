/* SPDX-License-Identifier: GPL-2.0-or-later */
/* match - names and addresses in lists of the configuration. */
#include "spf.h"

#include <string.h>
#include <strings.h>

/* match_equal - ASCII comparison without case */
static bool
match_equal(weir_str a, weir_str b)
{
	return a.len == b.len && memchr(a.ptr, '\0', a.len) == NULL &&
	    strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* match_below - the domain itself, or a name below it */
static bool
match_below(weir_str name, weir_str domain)
{
	if (domain.len > 0 && domain.ptr[0] == '.') {
		domain.ptr++;
		domain.len--;
	}
	if (domain.len == 0 || name.len < domain.len)
		return false;
	if (name.len > domain.len) {
		size_t skip = name.len - domain.len;

		if (name.ptr[skip - 1] != '.')
			return false;
		name.ptr += skip;
		name.len = domain.len;
	}
	return match_equal(name, domain);
}

/* match_address - one entry */
static bool
match_address(weir_str address, weir_str entry)
{
	const char *at = memrchr(address.ptr, '@', address.len);
	const char *mark = memrchr(entry.ptr, '@', entry.len);
	weir_str local, domain;

	if (at == NULL)
		return false;
	local = (weir_str){ address.ptr, (size_t)(at - address.ptr) };
	domain = (weir_str){ at + 1, address.len - local.len - 1 };
	if (mark == NULL)
		return match_below(domain, entry);
	if (mark == entry.ptr)
		return match_equal(domain, (weir_str){ entry.ptr + 1,
		    entry.len - 1 });
	if (mark == entry.ptr + entry.len - 1)
		return match_equal(local, (weir_str){ entry.ptr,
		    entry.len - 1 });
	return match_equal(address, entry);
}

/* match_list - does one entry of a row match? */
static bool
match_list(const struct weir_host *host, const weir_conf *conf, uint32_t row,
    weir_str value, bool (*match)(weir_str, weir_str))
{
	const weir_str *items;
	uint32_t n = host->conf_list(conf, row, &items);

	for (uint32_t i = 0; value.len > 0 && i < n; i++)
		if (match(value, items[i]))
			return true;
	return false;
}

/* spf_match_name - a host's name */
bool
spf_match_name(const struct weir_host *host, const weir_conf *conf,
    uint32_t row, weir_str name)
{
	return match_list(host, conf, row, name, match_below);
}

/* spf_match_address - an envelope address */
bool
spf_match_address(const struct weir_host *host, const weir_conf *conf,
    uint32_t row, weir_str address)
{
	return match_list(host, conf, row, address, match_address);
}
