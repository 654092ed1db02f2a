/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check script may say. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/script/answer.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer a;

	answer_read((const char *)data, size, &a);
	expect((a.kind == ANSWER_NONE) == (a.why != NULL));
	expect(fabs(a.score) <= ANSWER_SCORE || a.kind == ANSWER_NONE);
	expect((a.kind == ANSWER_VIRUS) == (a.name[0] != '\0') ||
	    a.kind == ANSWER_NONE);
	for (const char *p = a.name; *p != '\0'; p++)
		expect(*p > ' ' && *p < 127);
	expect(strlen(a.name) <= ANSWER_NAME);
	return 0;
}
