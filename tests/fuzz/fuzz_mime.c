/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_mime - parse any octets as a message, ask for everything. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/pool.h"
#include "base/text.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* LLVMFuzzerTestOneInput - the target */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* small ones, so that they are met */
	static const struct mime_limits limits = { 50, 4096, 40, 6, 65536,
		20 };
	static bool ready;
	struct weir_mime_part p = { .size = sizeof(p) };
	struct pool *pool = pool_create(4096, 0);
	struct mime *m;
	uint32_t code;
	weir_str s;

	if (!ready)
		mime_init();
	ready = true;
	m = mime_parse(pool, (weir_str){ (const char *)data, size }, &limits);
	expect(mime_part_count(m) > 0 && mime_part_count(m) <= 80);
	for (uint32_t i = 0; i < mime_part_count(m); i++) {
		expect(mime_part(m, i, &p) == WEIR_OK);
		expect(p.raw_offset <= size &&
		    p.raw_length <= size - p.raw_offset);
		expect(i == 0 ? p.parent == UINT32_MAX || p.parent == 0 :
				p.parent == UINT32_MAX ||
			    p.parent < mime_part_count(m));
		for (uint32_t k = 0; k < p.names; k++) {
			expect(mime_part_name(m, i, k, &s) == WEIR_OK);
			expect(text_is_utf8(s) && s.ptr[s.len] == '\0');
		}
		mime_part_data(m, i, 7, &s);
		mime_part_data(m, i, SIZE_MAX, &s);
		expect(s.ptr[s.len] == '\0');
		if (mime_part_text(m, i, SIZE_MAX, &s) == WEIR_OK)
			expect(text_is_utf8(s) && s.ptr[s.len] == '\0');
		mime_part_header(m, i, "content-type", &s);
	}
	for (uint32_t i = 0; i < mime_link_count(m); i++)
		expect(mime_link_at(m, i, &s) == WEIR_OK && s.len > 0);
	for (uint32_t i = 0; i < mime_anomaly_count(m); i++)
		expect(mime_anomaly_at(m, i, &code, &s) == WEIR_OK);
	if (mime_part_header(m, 0, "subject", &s) == WEIR_OK) {
		mime_header_decode(pool, s, &s);
		expect(text_is_utf8(s));
	}
	pool_destroy(&pool);
	return 0;
}
