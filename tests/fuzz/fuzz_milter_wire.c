/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_milter_wire - packets and their decoders. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "front/milter_neg.h"
#include "front/milter_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* inside - a string lies in the packet and ends with NUL */
static void
inside(const struct milter_packet *p, weir_str s)
{
	expect(s.len == 0 ||
	    (s.ptr >= p->data && s.ptr + s.len < p->data + p->len));
	expect(s.ptr[s.len] == '\0');
}

static void
decode(struct milter_packet *p)
{
	static struct milter_pair pairs[MILTER_MAX_MACROS];
	struct run_wants wants = { .edits = EDIT_CAP_ALL };
	struct milter_wish wish = { .no_reply = true };
	struct milter_options o;
	struct milter_connect c;
	struct milter_terms t;
	struct buf out = BUF_INIT;
	weir_str a, b;
	char stage;
	int n;

	if (milter_get_options(p, &o) == 0 &&
	    milter_negotiate(&o, &wants, &wish, &t) == 0) {
		expect((t.o.protocol & ~o.protocol) == 0);
		milter_put_terms(&out, &t);
		buf_fini(&out);
	}
	if (milter_get_connect(p, &c) == 0) {
		inside(p, c.name);
		inside(p, c.address);
	}
	if (milter_get_string(p, &a) == 0)
		inside(p, a);
	if (milter_get_header(p, &a, &b) == 0) {
		inside(p, a);
		inside(p, b);
	}
	n = milter_get_macros(p, &stage, pairs);
	for (int i = 0; i < n; i++) {
		inside(p, pairs[i].name);
		inside(p, pairs[i].value);
	}
	/* last: it changes the packet */
	if (milter_get_address(p, &a, &b) == 0) {
		inside(p, a);
		inside(p, b);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of exactly this size, so that the sanitizer sees one octet more */
	char *raw = malloc(size != 0 ? size : 1);
	size_t pos = 0, need;
	struct milter_packet p;

	expect(raw != NULL);
	if (size > 0)
		memcpy(raw, data, size);
	for (;;) {
		int64_t n = milter_packet_find(raw + pos, size - pos, &p,
		    &need);

		if (n <= 0)
			break;
		expect((size_t)n == need && (size_t)n <= size - pos);
		decode(&p);
		pos += (size_t)n;
	}
	free(raw);
	return 0;
}
