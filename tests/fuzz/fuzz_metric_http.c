/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_metric_http - heads of HTTP requests, whole and octet by octet. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "obs/metric_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int last = 0;
	bool is_head;

	if (size > METRIC_HTTP_HEAD_MAX)
		size = METRIC_HTTP_HEAD_MAX;
	for (size_t n = size > 64 ? size - 64 : 0; n <= size; n++) {
		/* exactly as long as it is: reading past it is found */
		char *copy = malloc(n != 0 ? n : 1);
		weir_str head = { copy, n };

		memcpy(copy, data, n);
		last = metric_http_parse(head, &is_head);
		expect(last == 0 || (last >= 200 && last <= 505));
		free(copy);
	}
	expect(size < METRIC_HTTP_HEAD_MAX || last != 0);
	return 0;
}
