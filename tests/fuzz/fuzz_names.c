/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_names - names, boundaries and decoded text out of any header value. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/decode.h"
#include "mail/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* LLVMFuzzerTestOneInput - the target; a line feed at the beginning of a line
   divides two values */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool *pool = pool_create(4096, 0);
	const char *p = (const char *)data;
	const char *cut = size != 0 ? memmem(p, size, "\n\n", 2) : NULL;
	weir_str v[2] = { { p, cut != NULL ? (size_t)(cut - p) : size },
		{ "", 0 } };
	struct names n = { .n = 0 };
	weir_str text;

	if (cut != NULL)
		v[1] = (weir_str){ cut + 2, size - v[0].len - 2 };
	names_collect(pool, v, 2, &n);
	expect(n.n <= NAMES_MAX);
	for (unsigned i = 0; i < n.n; i++) {
		expect(n.v[i].len > 0 && n.v[i].len <= NAMES_OCTETS);
		expect(text_is_utf8(n.v[i]));
		for (unsigned k = 0; k < i; k++)
			expect(n.v[i].len != n.v[k].len ||
			    memcmp(n.v[i].ptr, n.v[k].ptr, n.v[i].len) != 0);
	}
	names_differ(&n);
	memset(&n, 0, sizeof(n));
	names_param(pool, v[0], "boundary", &n);
	text = decode_header(pool, v[0]);
	expect(text_is_utf8(text) && text.ptr[text.len] == '\0');
	pool_destroy(&pool);
	return 0;
}
