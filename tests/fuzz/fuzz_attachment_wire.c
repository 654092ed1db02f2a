/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_attachment_wire - both directions of the wire, from a liar. */
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_in in = { data, size, false };
	struct wire_response head;
	struct wire_object o;
	struct wire_part part;
	struct wire_row row;
	uint32_t direction, n;

	if (wire_request_read(&in, &direction, &n)) {
		while (n-- > 0 && wire_request_read_part(&in, &part, 1 << 20)) {
			if (part.offset + part.length > 1 << 20)
				__builtin_trap();
		}
	}
	in = (struct wire_in) { data, size, false };
	if (!wire_response_read(&in, &head))
		return 0;
	for (n = 0; n < head.rows; n++) {
		if (!wire_response_read_row(&in, &head, &row))
			return 0;
		if (row.type >= head.n_types)
			__builtin_trap();
	}
	while (in.n > 0 && wire_response_read_object(&in, &head, &o)) {
		if (o.row >= head.rows || o.type >= head.n_types)
			__builtin_trap();
	}
	return 0;
}
