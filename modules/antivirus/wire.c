/* SPDX-License-Identifier: GPL-2.0-only */
#include "wire.h"

#include <string.h>

#define REQUEST_MAGIC 0x31715641u  /* "AVq1" */
#define RESPONSE_MAGIC 0x31725641u /* "AVr1" */

/* The fixed heads, in host order: both ends are one machine. */
struct request_head {
	uint32_t magic, ask, flags, n;
	uint64_t asker;
};
struct response_head {
	uint32_t magic, flags, n, more;
	uint32_t elapsed_us, generation;
	uint64_t scanned;
	uint32_t why_len, reserved;
};

_Static_assert(sizeof(struct request_head) == 24, "no gaps");
_Static_assert(sizeof(struct response_head) == 40, "no gaps");
_Static_assert(sizeof(struct av_range) == 16, "no gaps");

#define RESPONSE_FAILED 1u
#define RESPONSE_CACHED 2u

/* av_request_put - head, ranges */
size_t
av_request_put(char out[AV_REQUEST_SIZE], const struct av_request *r)
{
	struct request_head h = { .magic = REQUEST_MAGIC, .ask = r->ask,
		.flags = r->flags, .n = r->n, .asker = r->asker };

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), r->range, r->n * sizeof(*r->range));
	return sizeof(h) + r->n * sizeof(*r->range);
}

/* av_request_get - exactly one request */
int
av_request_get(weir_str in, struct av_request *out)
{
	struct request_head h;

	if (in.len < sizeof(h))
		return WEIR_E_INVAL;
	memcpy(&h, in.ptr, sizeof(h));
	if (h.magic != REQUEST_MAGIC || h.ask < AV_ASK_SCAN ||
	    h.ask > AV_ASK_RELOAD || (h.flags & ~AV_FLAG_FRESH) != 0 ||
	    h.n > AV_RANGES_MAX ||
	    in.len != sizeof(h) + h.n * sizeof(*out->range))
		return WEIR_E_INVAL;
	out->ask = (enum av_ask)h.ask;
	out->flags = h.flags;
	out->n = h.n;
	out->asker = h.asker;
	memcpy(out->range, in.ptr + sizeof(h), h.n * sizeof(*out->range));
	for (uint32_t i = 0; i < h.n; i++) {
		if (out->range[i].len > UINT64_MAX - out->range[i].offset)
			return WEIR_E_INVAL;
	}
	return WEIR_OK;
}

/* av_result_put - head, hits, why */
size_t
av_result_put(char out[AV_RESPONSE_SIZE], const struct av_result *r)
{
	struct response_head h = { .magic = RESPONSE_MAGIC,
		.flags = (r->failed ? RESPONSE_FAILED : 0) |
		    (r->cached ? RESPONSE_CACHED : 0),
		.n = r->n, .more = r->more, .elapsed_us = r->elapsed_us,
		.generation = r->generation, .scanned = r->scanned,
		.why_len = (uint32_t)strlen(r->why) };
	size_t used = sizeof(h);

	memcpy(out, &h, sizeof(h));
	for (uint32_t i = 0; i < r->n; i++) {
		size_t len = strlen(r->hit[i].name);

		out[used++] = (char)r->hit[i].class;
		out[used++] = (char)len;
		memcpy(out + used, r->hit[i].name, len);
		used += len;
	}
	memcpy(out + used, r->why, h.why_len);
	return used + h.why_len;
}

/* av_result_hit - one hit at *at; false: malformed */
static bool
av_result_hit(weir_str in, size_t *at, struct av_result *out)
{
	unsigned class, len;

	if (in.len - *at < 2)
		return false;
	class = (unsigned char)in.ptr[*at];
	len = (unsigned char)in.ptr[*at + 1];
	*at += 2;
	if (class >= AV_CLASSES || len < 1 || len > AV_NAME_MAX ||
	    in.len - *at < len)
		return false;
	av_result_add(out, (enum av_class)class,
	    (weir_str) { in.ptr + *at, len });
	*at += len;
	return true;
}

/* av_result_get - exactly one result */
int
av_result_get(weir_str in, struct av_result *out)
{
	struct response_head h;
	size_t at = sizeof(h);
	char why[AV_WHY_MAX + 1];
	bool ok;

	memset(out, 0, sizeof(*out));
	if (in.len < sizeof(h))
		return WEIR_E_INVAL;
	memcpy(&h, in.ptr, sizeof(h));
	ok = h.magic == RESPONSE_MAGIC && h.n <= AV_HITS_MAX &&
	    (h.flags & ~(RESPONSE_FAILED | RESPONSE_CACHED)) == 0 &&
	    h.why_len <= AV_WHY_MAX && h.reserved == 0;
	for (uint32_t i = 0; ok && i < h.n; i++)
		ok = av_result_hit(in, &at, out);
	if (!ok || in.len - at != h.why_len) {
		memset(out, 0, sizeof(*out));
		return WEIR_E_INVAL;
	}
	memcpy(why, in.ptr + at, h.why_len);
	why[h.why_len] = '\0';
	if ((h.flags & RESPONSE_FAILED) != 0)
		av_result_fail(out, why);
	out->cached = (h.flags & RESPONSE_CACHED) != 0;
	out->more = h.more;
	out->elapsed_us = h.elapsed_us;
	out->generation = h.generation;
	out->scanned = h.scanned;
	return WEIR_OK;
}
