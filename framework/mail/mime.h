/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mime - a message as parts, names, text, links: what stands behind weir.mime.
 *
 * The input is one raw message in one piece, with CR LF or bare LF line ends.
 * Two readers look at it: our own walk (mail/mime_scan.h), which is generous
 * and bounds the work, and GMime, which sees only what the walk found within
 * the limits.  The parts are GMime's, in its order; behind them come those of
 * other readings, flagged WEIR_MIME_ALTERNATE: parts under another boundary,
 * another transfer encoding, another idea of where a header ends or of what
 * padding means in base64.  So whatever some mail program would show or save
 * is the content of some part.
 *
 * Nothing is decoded until it is asked for, except base64 on which readers
 * disagree.  Decoded octets of all parts together are bounded by the limits
 * and taken from base/budget.h.  Slices live as long as the pool and have a
 * NUL behind.  Loop thread only.
 */
#ifndef WEIR_MAIL_MIME_H
#define WEIR_MAIL_MIME_H

#include <stddef.h>
#include <stdint.h>

#include <weir/ext/mime.h>
#include <weir/types.h>

struct pool;
struct mime;

struct mime_limits {
	unsigned header_lines;	/* of one part */
	unsigned header_octets; /* of one part */
	unsigned parts;	 /* the last one allowed is all the rest; as many
			    again may come from other readings */
	unsigned depth;
	size_t decoded; /* octets decoded in one message, text included */
	unsigned links;
};

#define MIME_LIMITS_DEFAULT { 1000, 262144, 1000, 32, 64 << 20, 1000 }

/* The first message does it where it was not done; and at the end of the
   process. */
void mime_init(void);
void mime_fini(void);

/* Parse; never fails.  raw must live as long as the pool. */
struct mime *mime_parse(struct pool *pool, weir_str raw,
    const struct mime_limits *limits);

/* As the functions of the same names in weir/ext/mime.h.  Indexes out of range
   answer WEIR_E_NOTFOUND. */
uint32_t mime_part_count(const struct mime *m);
int mime_part(const struct mime *m, uint32_t part, struct weir_mime_part *out);
int mime_part_name(const struct mime *m, uint32_t part, uint32_t index,
    weir_str *out);
int mime_part_header(struct mime *m, uint32_t part, const char *name,
    weir_str *out);
int mime_part_data(struct mime *m, uint32_t part, size_t max, weir_str *out);
int mime_part_text(struct mime *m, uint32_t part, size_t max, weir_str *out);
uint32_t mime_link_count(struct mime *m);
int mime_link_at(struct mime *m, uint32_t index, weir_str *out);
uint32_t mime_anomaly_count(const struct mime *m);
int mime_anomaly_at(const struct mime *m, uint32_t index, uint32_t *code,
    weir_str *detail);
int mime_header_decode(struct pool *pool, weir_str raw, weir_str *out);

#endif
