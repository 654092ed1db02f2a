/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_link - what the rbl module reads: links, names, answers, codes.
 *
 * The first octet chooses the reader.  A name that comes out must be one that
 * can stand in a query.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/rbl/code.h"
#include "../../modules/rbl/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* check - nothing but letters, digits, - _ and single dots */
static void
check(const struct subject *s)
{
	char reverse[NAME_REVERSE_SIZE], domain[NAME_SIZE];
	const char *p = s->text;

	if (s->len > 0) {
		name_reverse(reverse, sizeof(reverse), s->addr, s->len);
		if (strlen(reverse) >= sizeof(reverse))
			abort();
		(void)name_is_public(s->addr, s->len);
		return;
	}
	if (strlen(p) >= NAME_SIZE || strstr(p, "..") != NULL || *p == '.' ||
	    *p == '\0' || p[strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789"
	    "-_.")] != '\0')
		abort();
	if (name_registered(domain, p) && strstr(p, domain) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subject s;
	struct code c;
	weir_str in;
	const char *why;

	if (size < 1)
		return 0;
	in = (weir_str){ (const char *)data + 1, size - 1 };
	switch (data[0] % 4) {
	case 0:
		if (name_link(&s, in))
			check(&s);
		break;
	case 1:
		if (name_sender(&s, in))
			check(&s);
		break;
	case 2:
		if (name_subject(&s, in))
			check(&s);
		break;
	default:
		if (code_parse(&c, in, &why) &&
		    (!code_is_plausible(c.first) ||
			!code_is_plausible(c.last) || c.first > c.last))
			abort();
		break;
	}
	return 0;
}
