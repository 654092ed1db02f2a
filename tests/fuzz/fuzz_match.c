/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_match - a Lua pattern (first line) on a text (the rest). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t plen = line != NULL ? (size_t)(line - data) : size;
	size_t slen = line != NULL ? size - plen - 1 : 0;
	/* of their own, so that a read beyond the end is seen */
	char *p = malloc(plen), *s = malloc(slen);
	struct match m;

	if (plen > 0)
		memcpy(p, data, plen);
	if (slen > 0)
		memcpy(s, data + plen + 1, slen);
	match_init(&m, s, slen, p, plen, 20000);
	for (size_t i = 0; i <= slen && m.error == NULL; i++) {
		const char *e = match_at(&m, s + i);

		if (e != NULL && (e < s + i || e > s + slen))
			abort();
		for (unsigned k = 0; e != NULL && k < m.captures; k++) {
			if (m.capture[k].len < 0 ?
			    m.capture[k].len != MATCH_POSITION :
			    m.capture[k].start + m.capture[k].len > s + slen)
				abort();
		}
	}
	/* one step more than allowed, and what a set or a text costs at once */
	if (m.steps > 20000 + size)
		abort();
	free(p);
	free(s);
	return 0;
}
