/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_attachment_rule - a pattern, a line feed, a name. */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "pattern.h"
#include "splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *lf = size > 0 ? memchr(text, '\n', size) : NULL;
	weir_str pattern, name;
	struct pattern_list list = { NULL, 0 };
	char why[200], safe[64];

	if (lf == NULL || size > 4096)
		return 0;
	pattern = (weir_str){ text, (size_t)(lf - text) };
	name = (weir_str){ lf + 1, size - pattern.len - 1 };
	(void)pattern_glob(pattern, name);
	if (pattern_add(&list, pattern, why, sizeof(why)))
		(void)pattern_match(&list, name);
	pattern_free(&list);
	(void)name_set_categories((weir_str[]){ pattern, name }, 2);
	(void)name_class(name);
	splice_safe_name(name, ".blocked", safe, sizeof(safe));
	if (strpbrk(safe, "/\\\"\r\n") != NULL)
		__builtin_trap();
	return 0;
}
