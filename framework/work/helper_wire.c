/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_wire.h"

#include <string.h>

#define MAGIC 0x31505257u /* "WRP1" */
#define STATUS_MIN (-64)

/* The head as it travels. */
struct helper_wire_head {
	uint32_t magic;
	uint32_t kind;
	uint64_t id;
	uint32_t flags;
	int32_t value;
	uint32_t size;
	uint32_t reserved;
};

_Static_assert(sizeof(struct helper_wire_head) == HELPER_WIRE_HEAD,
    "the head has no holes");

/* helper_wire_put - write the head */
void
helper_wire_put(char head[HELPER_WIRE_HEAD], const struct helper_wire *w)
{
	struct helper_wire_head h = { .magic = MAGIC, .kind = w->kind,
		.id = w->id, .flags = w->flags, .value = w->value,
		.size = (uint32_t)w->payload.len };

	memcpy(head, &h, sizeof(h));
}

/* helper_wire_ok - may the other side say this */
static bool
helper_wire_ok(const struct helper_wire_head *h, bool from_helper)
{
	switch (h->kind) {
	case HELPER_WIRE_HELLO:
		return from_helper && h->id != 0 && h->flags == 0 &&
		    h->size == 0 && h->value >= 1 &&
		    h->value <= (int32_t)WEIR_HELPER_THREADS_MAX;
	case HELPER_WIRE_REQUEST:
		return !from_helper && h->id != 0 &&
		    (h->flags & ~HELPER_WIRE_MESSAGE) == 0 && h->value >= 0 &&
		    h->value <= HELPER_WIRE_DEADLINE_MAX;
	case HELPER_WIRE_CANCEL:
		return !from_helper && h->id != 0 && h->flags == 0 &&
		    h->value == 0 && h->size == 0;
	case HELPER_WIRE_RESPONSE:
		return from_helper && h->id != 0 && h->flags == 0 &&
		    h->value <= 0 && h->value >= STATUS_MIN &&
		    (h->value == 0 || h->size == 0);
	default:
		return false;
	}
}

/* helper_wire_get - read one packet */
int
helper_wire_get(const char *data, size_t len, bool from_helper,
    struct helper_wire *out)
{
	struct helper_wire_head h;

	if (len < sizeof(h) || len > HELPER_WIRE_MAX)
		return WEIR_E_INVAL;
	memcpy(&h, data, sizeof(h));
	if (h.magic != MAGIC || h.reserved != 0 ||
	    h.size != len - sizeof(h) || !helper_wire_ok(&h, from_helper))
		return WEIR_E_INVAL;
	out->kind = h.kind;
	out->flags = h.flags;
	out->id = h.id;
	out->value = h.value;
	out->payload.ptr = data + sizeof(h);
	out->payload.len = h.size;
	return WEIR_OK;
}
