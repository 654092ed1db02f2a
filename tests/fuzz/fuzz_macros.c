/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_macros - texts and values of the action module.
 *
 * The first octet is the size of the output and the flags, the first line the
 * template, the rest the value of every macro.  What comes out must be clean
 * whatever goes in, on its way to a reply and to a header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/action/authres.h"
#include "../../modules/action/field.h"
#include "../../modules/action/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* value - every macro has the rest of the input */
static weir_str
value(enum macros_name name, void *arg)
{
	(void)name;
	return *(const weir_str *)arg;
}

/* check_lines - a header value has no line end but a fold */
static void
check_lines(const char *s, size_t n)
{
	if (strlen(s) != n)
		abort();
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\r' ||
		    (s[i] == '\n' && s[i + 1] != ' ' && s[i + 1] != '\t'))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[4096], ascii[8192], folded[8448];
	const char *text, *line;
	weir_str template, rest;
	size_t room, n;

	if (size < 2)
		return 0;
	text = (const char *)data + 1;
	room = (data[0] & 0x80) != 0 ? sizeof(out) : (data[0] & 0x7f) + 1u;
	line = memchr(text, '\n', size - 1);
	n = line != NULL ? (size_t)(line - text) : size - 1;
	template = (weir_str){ text, n };
	rest = line != NULL ? (weir_str){ line + 1, size - 2 - n }
			    : (weir_str){ text, 0 };
	macros_expand(template, MACROS_LINES, value, &rest, out, room);
	n = macros_expand(template, 0, value, &rest, out, room);
	if (n >= room || strlen(out) != n)
		abort();
	for (size_t i = 0; i < n;) {
		size_t len = macros_char((weir_str){ out + i, n - i });

		if (len == 0 || (unsigned char)out[i] < 0x20)
			abort();
		i += len;
	}
	n = field_encode((weir_str){ out, n }, ascii, sizeof(ascii));
	n = field_fold("X-Weir-Symbols", (weir_str){ ascii, n }, folded,
	    sizeof(folded));
	check_lines(folded, n);
	n = field_fold("X", rest, folded, room);
	if (n >= room)
		abort();
	n = field_clean(rest, folded, sizeof(folded));
	check_lines(folded, n);
	(void)authres_claims(rest, "mx.example");
	return 0;
}
