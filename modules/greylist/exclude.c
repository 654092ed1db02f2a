/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exclude - the site's lists of whom not to greylist. */
#include "greylist.h"

#include <string.h>
#include <strings.h>

/* exclude_equal - ASCII comparison without case */
static bool
exclude_equal(weir_str a, weir_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		char x = a.ptr[i], y = b.ptr[i];

		if (x >= 'A' && x <= 'Z')
			x = (char)(x + ('a' - 'A'));
		if (y >= 'A' && y <= 'Z')
			y = (char)(y + ('a' - 'A'));
		if (x != y)
			return false;
	}
	return true;
}

/* exclude_below - is it the domain, or a name below it? */
static bool
exclude_below(weir_str name, weir_str domain)
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
	return exclude_equal(name, domain);
}

/* exclude_address - user@domain, user@, @domain or domain */
static bool
exclude_address(weir_str address, weir_str entry)
{
	const char *at = memrchr(address.ptr, '@', address.len);
	const char *mark = memrchr(entry.ptr, '@', entry.len);
	size_t local;

	if (mark == NULL) {
		if (at == NULL)
			return false;
		local = (size_t)(at - address.ptr) + 1;
		return exclude_below((weir_str){ address.ptr + local,
		    address.len - local }, entry);
	}
	if (at == NULL)
		return false;
	local = (size_t)(at - address.ptr);
	if (mark == entry.ptr)
		return exclude_equal((weir_str){ at, address.len - local },
		    entry);
	if (mark == entry.ptr + entry.len - 1)
		return exclude_equal((weir_str){ address.ptr, local + 1 },
		    entry);
	return exclude_equal(address, entry);
}

/* exclude_list - does one entry of a row match? */
static bool
exclude_list(const struct greylist *g, uint32_t row, weir_str value,
    bool (*match)(weir_str, weir_str))
{
	const weir_str *items;
	uint32_t n = g->host->conf_list(g->conf, row, &items);

	if (value.len == 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (match(value, items[i]))
			return true;
	return false;
}

/* exclude_match - client, name, sender, recipient */
bool
exclude_match(const struct greylist *g, weir_call *call, uint32_t rcpt)
{
	weir_str addr = greylist_attr(g, call, WEIR_A_CLIENT_ADDR,
	    WEIR_RCPT_NONE);

	return (addr.len > 0 && g->host->conf_net(g->conf,
		OPT_EXCLUDE_CLIENTS, addr.ptr) == 1) ||
	    exclude_list(g, OPT_EXCLUDE_NAMES, greylist_attr(g, call,
		WEIR_A_CLIENT_NAME, WEIR_RCPT_NONE), exclude_below) ||
	    exclude_list(g, OPT_EXCLUDE_SENDERS, greylist_attr(g, call,
		WEIR_A_SENDER, WEIR_RCPT_NONE), exclude_address) ||
	    exclude_list(g, OPT_EXCLUDE_RECIPIENTS, greylist_attr(g, call,
		WEIR_A_RCPT, rcpt), exclude_address);
}
