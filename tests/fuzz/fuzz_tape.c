/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tape - files of recordings: frames, and the tapes in them.
 *
 * The octets are read as a file; if no frame is good, as the content of one.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "replay/ring.h"
#include "replay/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* check_tape - what a good one has */
static void
check_tape(const struct tape *t)
{
	expect(t->client.len == 0 || t->client.len == 4 ||
	    t->client.len == 16);
	expect(t->has_message || t->rcpts.n == 0);
	expect(!t->has_body || t->body.len == t->body_octets);
	expect(t->helo.ptr[t->helo.len] == '\0' &&
	    strlen(t->helo.ptr) == t->helo.len);
	for (size_t i = 0; i < t->findings.n; i++)
		expect(isfinite(t->findings.v[i].score) &&
		    (t->findings.v[i].rcpt == WEIR_RCPT_NONE ||
			t->findings.v[i].rcpt < t->rcpts.n));
	for (size_t i = 0; i < t->dns.n; i++) {
		const struct weir_dns_answer *a = &t->dns.v[i].answer;

		expect(a->status <= 0 && (a->status == 0 || a->count == 0));
		for (uint32_t k = 0; k < a->count; k++)
			expect(a->rr[k].data.ptr[a->rr[k].data.len] == '\0');
	}
}

/* read_one - the content of a frame */
static void
read_one(weir_str s)
{
	struct err err = { "" };
	struct tape *t;

	if (tape_read(s.ptr, s.len, &t, &err) == WEIR_OK)
		check_tape(t);
	else
		expect(t == NULL && err.text[0] != '\0');
	tape_destroy(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	weir_str all = { (const char *)data, size }, content;
	uint64_t damaged = 0;
	size_t at = 0, good = 0;
	int64_t time_ms;

	while (ring_scan(all, &at, &content, &time_ms, &damaged)) {
		read_one(content);
		good += content.len + RING_HEAD;
	}
	expect(at == size && good + damaged == size);
	if (good == 0)
		read_one(all);
	return 0;
}
