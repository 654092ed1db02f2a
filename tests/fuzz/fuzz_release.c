/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_release - what strangers write into X-Weir-Release and From, and into
   patterns. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include "../../modules/quarantine/lists.h"
#include "../../modules/quarantine/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* LLVMFuzzerTestOneInput - the same octets as each of them */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char key[TOKEN_KEY_LEN] = "not the real one";
	char (*from)[USER_MAX] = calloc(LISTS_FROM_MAX, sizeof(*from));
	char *text = malloc(size + 1), *half;
	char value[TOKEN_MAX], entry[LISTS_ENTRY_MAX + 1];
	weir_str in = { text, size };
	struct token t, again;
	struct fault f;
	size_t n;

	memcpy(text, data, size);
	text[size] = '\0';
	if (token_read(key, in, "a@example.net", 0, &t, &f) == WEIR_OK) {
		/* what is let in is what we would have written */
		token_write(key, &t, "a@example.net", value);
		expect(token_read(key, (weir_str){ value, strlen(value) },
		    "a@example.net", 0, &again, &f) == WEIR_OK);
		expect(memcmp(&t, &again, sizeof(t)) == 0);
	}
	n = lists_from(in, from, LISTS_FROM_MAX);
	expect(n <= LISTS_FROM_MAX);
	for (size_t i = 0; i < n; i++)
		expect(strlen(from[i]) < USER_MAX &&
		    strchr(from[i], '@') != NULL &&
		    strpbrk(from[i], " \t\r\n") == NULL);
	if (lists_entry(text, entry, &f) == WEIR_OK)
		expect(entry[0] != '\0' && strlen(entry) <= LISTS_ENTRY_MAX);
	half = strchr(text, '\n');
	if (half != NULL && size < 2000) {
		*half++ = '\0';
		lists_glob(text, half);
	}
	free(from);
	free(text);
	return 0;
}
