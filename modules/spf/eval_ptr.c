/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eval_ptr - the names of the client: those of its PTR records whose addresses
 * lead back to it (RFC 7208 5.5).  Looked up once a check, for the mechanism
 * ptr and the macro p alike.
 */
#include "eval_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ptr_done - go on where the names were wanted */
static void
ptr_done(struct spf_eval *e)
{
	e->ptr_known = true;
	e->state = e->ptr_back;
}

/* ptr_next - validate the next name */
static void
ptr_next(struct spf_eval *e)
{
	if (e->name < e->nnames)
		spf_eval_ask(e, SPF_STATE_PTR_ADDRESS, spf_eval_family(e),
		    e->names[e->name]);
	else
		ptr_done(e);
}

/* spf_ptr_start - ask for the names */
void
spf_ptr_start(struct spf_eval *e, bool term, enum spf_state back)
{
	static const char hex[] = "0123456789abcdef";
	char name[80];
	size_t n = 0;

	e->ptr_term = term;
	e->ptr_back = back;
	for (size_t i = e->ip_len; i-- > 0;) {
		if (e->ip_len == 4) {
			n += (size_t)snprintf(name + n, sizeof(name) - n,
			    "%u.", e->ip[i]);
			continue;
		}
		name[n++] = hex[e->ip[i] & 15];
		name[n++] = '.';
		name[n++] = hex[e->ip[i] >> 4];
		name[n++] = '.';
	}
	snprintf(name + n, sizeof(name) - n, "%s.arpa",
	    e->ip_len == 4 ? "in-addr" : "ip6");
	spf_eval_ask(e, SPF_STATE_PTR, WEIR_DNS_PTR, name);
}

/* spf_ptr_names - the PTR answer; trouble means no names (5.5) */
void
spf_ptr_names(struct spf_eval *e, const struct weir_dns_answer *a)
{
	bool none = a->status == WEIR_E_NOTFOUND ||
	    (a->status == WEIR_OK && a->count == 0);

	e->nnames = e->name = 0;
	if (none && e->ptr_term && !spf_eval_void(e))
		return;
	/* the first ten, as they come (4.6.4) */
	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count &&
	     i < SPF_NAMES_LIMIT; i++) {
		weir_str name = weir_dns_rr_at(a, i)->data;

		/* hosts have no octets that need \DDD */
		if (!spf_macro_is_name(name) ||
		    memchr(name.ptr, '\\', name.len) != NULL)
			continue;
		memcpy(e->names[e->nnames], name.ptr, name.len);
		e->names[e->nnames++][name.len] = '\0';
	}
	ptr_next(e);
}

/* spf_ptr_address - does the name lead back to the client? */
void
spf_ptr_address(struct spf_eval *e, const struct weir_dns_answer *a)
{
	if (spf_eval_match(e, a, 32, 128))
		memcpy(e->ptrs[e->nptrs++], e->names[e->name],
		    SPF_NAME_SIZE);
	e->name++;
	ptr_next(e);
}

/* ptr_below - is the name the domain or below it? */
static bool
ptr_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	if (d > 0 && domain[d - 1] == '.')
		d--;
	if (n > 0 && name[n - 1] == '.')
		n--;
	return n >= d && strncasecmp(name + n - d, domain, d) == 0 &&
	    (n == d || name[n - d - 1] == '.');
}

/* spf_ptr_below - any of them */
bool
spf_ptr_below(const struct spf_eval *e, const char *domain)
{
	for (uint32_t i = 0; i < e->nptrs; i++)
		if (ptr_below(e->ptrs[i], domain))
			return true;
	return false;
}

/* spf_ptr_best - the domain itself, else one below it, else any (7.3) */
weir_str
spf_ptr_best(const struct spf_eval *e, const char *domain)
{
	const char *best = NULL;

	for (uint32_t i = 0; i < e->nptrs; i++) {
		const char *name = e->ptrs[i];

		if (strcasecmp(name, domain) == 0)
			return weir_str_of(name);
		if (best == NULL || (!ptr_below(best, domain) &&
		    ptr_below(name, domain)))
			best = name;
	}
	return best != NULL ? weir_str_of(best) : WEIR_STR("unknown");
}
