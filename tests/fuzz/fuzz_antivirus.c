/* SPDX-License-Identifier: GPL-2.0-only */
/* fuzz_antivirus - what a helper is asked, what it answers, and what a clamd
   answers: the first octet says which. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include "../../modules/antivirus/clamd_reply.h"
#include "../../modules/antivirus/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_result - may be shown and logged, and travels */
static void
fuzz_result(const struct av_result *r)
{
	char octets[AV_RESPONSE_SIZE];
	struct av_result back;

	expect(r->n <= AV_HITS_MAX && strlen(r->why) <= AV_WHY_MAX);
	for (uint32_t i = 0; i < r->n; i++) {
		const char *p = r->hit[i].name;

		expect(*p != '\0' && r->hit[i].class < AV_CLASSES);
		for (; *p != '\0'; p++)
			expect(*p > ' ' && *p < 0x7f);
	}
	expect(av_result_get((weir_str) { octets, av_result_put(octets, r) },
	    &back) == WEIR_OK);
	expect(back.n == r->n && back.failed == r->failed);
}

/* LLVMFuzzerTestOneInput - one of three readers */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct av_request q;
	static char octets[AV_REQUEST_SIZE];
	struct av_result r = { .n = 0 };
	weir_str in;

	if (size == 0)
		return 0;
	in = (weir_str) { (const char *)data + 1, size - 1 };
	if (data[0] % 3 == 0) {
		if (av_request_get(in, &q) != WEIR_OK)
			return 0;
		expect(av_request_put(octets, &q) == in.len &&
		    memcmp(octets, in.ptr, in.len) == 0);
	} else if (data[0] % 3 == 1) {
		if (av_result_get(in, &r) == WEIR_OK)
			fuzz_result(&r);
		else
			expect(r.n == 0 && !r.failed);
	} else {
		clamd_reply_read(in, &r);
		/* clean is said by somebody */
		expect(r.failed || r.n > 0 ||
		    memmem(in.ptr, in.len, ": OK", 4) != NULL);
		fuzz_result(&r);
	}
	return 0;
}
