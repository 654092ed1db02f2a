/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print - a record in one spelling. */
#include "record.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "macro.h"

/* Text in the making; len counts what did not fit, too. */
struct printer {
	char *out;
	size_t size, len;
};

static const char *const print_names[] = {
	[SPF_KIND_ALL] = "all", [SPF_KIND_INCLUDE] = "include",
	[SPF_KIND_A] = "a", [SPF_KIND_MX] = "mx", [SPF_KIND_PTR] = "ptr",
	[SPF_KIND_IP4] = "ip4", [SPF_KIND_IP6] = "ip6",
	[SPF_KIND_EXISTS] = "exists", [SPF_KIND_REDIRECT] = "redirect",
	[SPF_KIND_EXP] = "exp"
};

/* print_add - formatted text */
__attribute__((format(printf, 2, 3))) static void
print_add(struct printer *p, const char *format, ...)
{
	bool room = p->len < p->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? p->out + p->len : NULL,
	    room ? p->size - p->len : 0, format, args);
	va_end(args);
	p->len += n > 0 ? (size_t)n : 0;
}

/* print_macro - one macro expansion */
static void
print_macro(struct printer *p, const struct spf_macro *m)
{
	print_add(p, "%%{%c", m->escape ? m->letter - ('a' - 'A') :
					  m->letter);
	if (m->parts > 0)
		print_add(p, "%u", m->parts);
	if (m->reverse)
		print_add(p, "r");
	for (size_t i = 0; SPF_MACRO_DELIMITERS[i] != '\0'; i++)
		if ((m->delimiters & (1u << i)) != 0)
			print_add(p, "%c", SPF_MACRO_DELIMITERS[i]);
	print_add(p, "}");
}

/* print_spec - a domain-spec: names in lower case, macros as they are read */
static void
print_spec(struct printer *p, weir_str spec)
{
	struct spf_macro m;

	for (;;) {
		bool literal = spec.len > 0 && spec.ptr[0] != '%';

		if (spf_macro_next(&spec, SPF_MACRO_DOMAIN, &m) <= 0)
			return;
		if (m.letter != '\0') {
			print_macro(p, &m);
			continue;
		}
		/* "%%", "%_" and "%-" again */
		if (!literal) {
			print_add(p, "%s", m.literal.len == 3 ? "%-"
			    : m.literal.ptr[0] == ' ' ? "%_" : "%%");
			continue;
		}
		for (size_t i = 0; i < m.literal.len; i++) {
			char c = m.literal.ptr[i];

			print_add(p, "%c", c >= 'A' && c <= 'Z'
			    ? c + ('a' - 'A') : c);
		}
	}
}

/* print_term - one term */
static void
print_term(struct printer *p, const struct spf_term *t)
{
	bool modifier = t->kind == SPF_KIND_REDIRECT ||
	    t->kind == SPF_KIND_EXP;
	char addr[INET6_ADDRSTRLEN];

	print_add(p, " ");
	if (t->qualifier != '+')
		print_add(p, "%c", t->qualifier);
	print_add(p, "%s", print_names[t->kind]);
	if (t->kind == SPF_KIND_IP4 || t->kind == SPF_KIND_IP6)
		print_add(p, ":%s", inet_ntop(t->kind == SPF_KIND_IP4
		    ? AF_INET : AF_INET6, t->addr, addr, sizeof(addr)));
	if (t->spec.len > 0) {
		print_add(p, "%c", modifier ? '=' : ':');
		print_spec(p, t->spec);
	}
	if (t->kind == SPF_KIND_IP6 && t->cidr6 < 128)
		print_add(p, "/%u", t->cidr6);
	if (t->kind != SPF_KIND_IP6 && t->cidr4 < 32)
		print_add(p, "/%u", t->cidr4);
	if (t->kind != SPF_KIND_IP6 && t->cidr6 < 128)
		print_add(p, "//%u", t->cidr6);
}

/* spf_record_print - one spelling */
int
spf_record_print(const struct spf_record *record, char *out, size_t size)
{
	struct printer p = { .out = out, .size = size };
	bool past = false;

	print_add(&p, "v=spf1");
	/* what follows "all" is never reached, redirect included */
	for (uint32_t i = 0; i < record->count && !past; i++) {
		if (record->terms[i].kind >= SPF_KIND_REDIRECT)
			continue;
		print_term(&p, &record->terms[i]);
		past = record->terms[i].kind == SPF_KIND_ALL;
	}
	if (record->redirect != NULL && !past)
		print_term(&p, record->redirect);
	if (record->exp != NULL)
		print_term(&p, record->exp);
	return p.len < size ? (int)p.len : WEIR_E_LIMIT;
}
