/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire.h"

#include <string.h>

#include "category.h"

/* wire_put - 7 bits an octet, low ones first */
void
wire_put(struct wire_out *out, uint64_t number)
{
	unsigned char b[10];
	size_t n = 0;

	do {
		b[n] = (unsigned char)(number & 0x7f);
		number >>= 7;
		if (number != 0)
			b[n] |= 0x80;
		n++;
	} while (number != 0);
	if (out->full || n > out->cap - out->n) {
		out->full = true;
		return;
	}
	memcpy(out->p + out->n, b, n);
	out->n += n;
}

/* wire_put_text - its length, then it; a longer one loses its front, for the
   end says what it is */
void
wire_put_text(struct wire_out *out, weir_str text)
{
	if (text.len > WIRE_TEXT) {
		text.ptr += text.len - WIRE_TEXT;
		text.len = WIRE_TEXT;
	}
	wire_put(out, text.len);
	if (out->full || text.len > out->cap - out->n) {
		out->full = true;
		return;
	}
	if (text.len > 0)
		memcpy(out->p + out->n, text.ptr, text.len);
	out->n += text.len;
}

/* wire_get - a number of at most max */
uint64_t
wire_get(struct wire_in *in, uint64_t max)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && in->n > 0 && !in->bad;
	     shift += 7) {
		unsigned char c = *in->p++;

		in->n--;
		if (shift == 63 && c > 1)
			break;
		number |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0) {
			if (number <= max)
				return number;
			break;
		}
	}
	in->bad = true;
	return 0;
}

/* wire_get_text - borrowed from the input */
weir_str
wire_get_text(struct wire_in *in, size_t max)
{
	weir_str out = { "", 0 };
	uint64_t len = wire_get(in, max);

	if (in->bad || len > in->n) {
		in->bad = true;
		return out;
	}
	if (len > 0)
		out.ptr = (const char *)in->p;
	out.len = (size_t)len;
	in->p += len;
	in->n -= (size_t)len;
	return out;
}

/* wire_request_head - what follows, and how much */
void
wire_request_head(struct wire_out *out, uint32_t direction, uint32_t parts)
{
	wire_put(out, WIRE_MAGIC);
	wire_put(out, direction);
	wire_put(out, parts);
}

/* wire_request_part - one of them */
void
wire_request_part(struct wire_out *out, const struct wire_part *part)
{
	wire_put(out, part->index);
	wire_put(out, part->encoding);
	wire_put(out, part->reading);
	wire_put(out, part->flags);
	wire_put(out, part->offset);
	wire_put(out, part->length);
}

/* wire_request_read - the head */
bool
wire_request_read(struct wire_in *in, uint32_t *direction, uint32_t *parts)
{
	if (wire_get(in, UINT32_MAX) != WIRE_MAGIC)
		return false;
	*direction = (uint32_t)wire_get(in, 2);
	*parts = (uint32_t)wire_get(in, WIRE_PARTS);
	return !in->bad;
}

/* wire_request_read_part - one of them, inside a mail of so many octets */
bool
wire_request_read_part(struct wire_in *in, struct wire_part *part,
    uint64_t octets)
{
	part->index = (uint32_t)wire_get(in, UINT32_MAX);
	part->encoding = (uint32_t)wire_get(in, 255);
	part->reading = (uint32_t)wire_get(in, 255);
	part->flags = (uint32_t)wire_get(in, UINT32_MAX);
	part->offset = wire_get(in, octets);
	part->length = wire_get(in, octets);
	return !in->bad && part->length <= octets - part->offset;
}

/* wire_response_head - flags and types */
void
wire_response_head(struct wire_out *out, uint32_t flags,
    const weir_str *types, uint32_t n_types, uint32_t rows)
{
	wire_put(out, WIRE_MAGIC);
	wire_put(out, flags);
	wire_put(out, n_types);
	for (uint32_t i = 0; i < n_types; i++)
		wire_put_text(out, types[i]);
	wire_put(out, rows);
}

/* wire_response_row - a part */
void
wire_response_row(struct wire_out *out, const struct wire_row *row)
{
	wire_put(out, row->categories);
	wire_put(out, row->own);
	wire_put(out, row->size);
	wire_put(out, row->type);
	wire_put(out, row->files);
}

/* wire_response_object - all of it or nothing */
void
wire_response_object(struct wire_out *out, const struct wire_object *o)
{
	size_t before = out->n;

	wire_put(out, o->row);
	wire_put(out, o->type);
	wire_put(out, o->categories);
	wire_put(out, o->size);
	wire_put_text(out, o->path);
	wire_put(out, o->n_names);
	for (uint32_t i = 0; i < o->n_names; i++)
		wire_put_text(out, o->names[i]);
	if (out->full)
		out->n = before;
}

/* wire_response_read - the head */
bool
wire_response_read(struct wire_in *in, struct wire_response *head)
{
	if (wire_get(in, UINT32_MAX) != WIRE_MAGIC)
		return false;
	head->flags = (uint32_t)wire_get(in, WIRE_MORE);
	head->n_types = (uint32_t)wire_get(in, WIRE_TYPES);
	for (uint32_t i = 0; i < head->n_types && !in->bad; i++)
		head->types[i] = wire_get_text(in, WIRE_TEXT);
	head->rows = (uint32_t)wire_get(in, WIRE_PARTS);
	return !in->bad && head->n_types > 0;
}

/* wire_response_read_row - a part */
bool
wire_response_read_row(struct wire_in *in, const struct wire_response *head,
    struct wire_row *row)
{
	row->categories = wire_get(in, CATEGORIES_ALL);
	row->own = wire_get(in, CATEGORIES_ALL);
	row->size = wire_get(in, UINT64_MAX);
	row->type = (uint32_t)wire_get(in, head->n_types - 1);
	row->files = (uint32_t)wire_get(in, UINT32_MAX);
	return !in->bad;
}

/* wire_response_read_object - what is inside of one */
bool
wire_response_read_object(struct wire_in *in,
    const struct wire_response *head, struct wire_object *o)
{
	if (head->rows == 0)
		return false;
	o->row = (uint32_t)wire_get(in, head->rows - 1);
	o->type = (uint32_t)wire_get(in, head->n_types - 1);
	o->categories = wire_get(in, CATEGORIES_ALL);
	o->size = wire_get(in, UINT64_MAX);
	o->path = wire_get_text(in, WIRE_TEXT);
	o->n_names = (uint32_t)wire_get(in, WIRE_NAMES);
	for (uint32_t i = 0; i < o->n_names && !in->bad; i++)
		o->names[i] = wire_get_text(in, WIRE_TEXT);
	return !in->bad;
}
