/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_spf_macro - macro strings and the values that senders put into them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include "../../modules/spf/macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_line - cut the next line off the input */
static weir_str
fuzz_line(weir_str *in)
{
	const char *lf = memchr(in->ptr, '\n', in->len);
	weir_str line = { in->ptr, lf != NULL ? (size_t)(lf - in->ptr)
					      : in->len };
	size_t used = line.len + (lf != NULL);

	in->ptr += used;
	in->len -= used;
	return line;
}

/* fuzz_text - into a block of exactly that size */
static void
fuzz_text(weir_str text, const struct spf_macro_values *v, size_t size)
{
	char *out = malloc(size);
	int n = spf_macro_text(text, v, out, size);

	if (n >= 0) {
		expect((size_t)n < size && out[n] == '\0');
		for (int i = 0; i < n; i++)
			expect(out[i] >= ' ' && out[i] < 0x7f);
	}
	/* what is checked expands, and the other way round */
	expect((n >= 0) == spf_macro_check(text, SPF_MACRO_TEXT, NULL));
	free(out);
}

/* LLVMFuzzerTestOneInput - lines: the text, sender, HELO, client's name; each
   value is a domain, too */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	weir_str in = { (const char *)data, size }, text;
	struct spf_macro_values v = { .address = WEIR_STR("192.0.2.1"),
		.family = WEIR_STR("in-addr"), .client = WEIR_STR("192.0.2.1"),
		.receiver = WEIR_STR("mx.example"),
		.time = WEIR_STR("1700000000") };
	char *name = malloc(SPF_NAME_SIZE);
	int n;

	if (size == 0)
		in.ptr = "";
	text = fuzz_line(&in);
	v.sender = v.local = fuzz_line(&in);
	v.helo = v.domain = fuzz_line(&in);
	v.name = v.sender_domain = in;
	fuzz_text(text, &v, 1);
	fuzz_text(text, &v, 17);
	fuzz_text(text, &v, 2000);
	n = spf_macro_domain(text, &v, name);
	if (n >= 0) {
		expect(n > 0 && n < SPF_NAME_SIZE && name[n] == '\0');
		expect(spf_macro_is_name((weir_str){ name, (size_t)n }));
		expect(name[n - 1] != '.');
	}
	free(name);
	return 0;
}
