/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of a helper that was taken over, or of such a worker; and the
   description that a helper is started with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "work/helper_spec.h"
#include "work/helper_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_wire - what is taken is the same when it is written again */
static void
fuzz_wire(const char *data, size_t len, bool from_helper)
{
	struct helper_wire w, again;
	char head[HELPER_WIRE_HEAD];

	if (helper_wire_get(data, len, from_helper, &w) < 0)
		return;
	expect(w.payload.len == len - HELPER_WIRE_HEAD &&
	    w.payload.len <= WEIR_REMOTE_OCTETS);
	expect(helper_wire_get(data, len, !from_helper, &again) < 0);
	helper_wire_put(head, &w);
	expect(memcmp(head, data, sizeof(head)) == 0);
}

/* fuzz_spec - the same for descriptions */
static void
fuzz_spec(const char *data, size_t len)
{
	struct helper_spec spec;

	while (len > 0) {
		const char *begin = data;
		struct buf out = BUF_INIT;

		if (helper_spec_get(&data, &len, &spec) < 0)
			return;
		helper_spec_put(&out, &spec);
		expect(out.len == (size_t)(data - begin) &&
		    memcmp(out.ptr + 48, begin + 48, out.len - 48) == 0);
		buf_fini(&out);
		helper_spec_fini(&spec);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_wire((const char *)data, size, true);
	fuzz_wire((const char *)data, size, false);
	fuzz_spec((const char *)data, size);
	return 0;
}
