/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire - the octets between the module and its helper.
 *
 * A request for a scan says which ranges of the descriptor that comes along
 * are one file each; none: all of it is a mail.  Each side takes only what is
 * exactly right.
 */
#ifndef MODULE_ANTIVIRUS_WIRE_H
#define MODULE_ANTIVIRUS_WIRE_H

#include "result.h"

#define AV_RANGES_MAX 1024u

/* libclamav tells a mail by its first line, and knows only some header fields
   as the first one: every mail begins like this for it. */
#define AV_MAIL_MARK "From weir\n"

enum av_ask {
	AV_ASK_SCAN = 1,   /* answered by a result */
	AV_ASK_STATUS = 2, /* by JSON text: state.c */
	AV_ASK_RELOAD = 3  /* by JSON text, at once; the load begins then */
};

#define AV_FLAG_FRESH 1u /* don't answer from the cache */

struct av_range {
	uint64_t offset, len;
};

struct av_request {
	enum av_ask ask;
	uint32_t flags;
	uint32_t n; /* ranges */
	uint64_t asker; /* STATUS: a number that tells workers apart */
	struct av_range range[AV_RANGES_MAX];
};

#define AV_REQUEST_SIZE (24u + AV_RANGES_MAX * 16u) /* at most */
#define AV_RESPONSE_SIZE \
	(40u + AV_HITS_MAX * (AV_NAME_MAX + 2u) + AV_WHY_MAX) /* at most */

/* Write it; the octets used. */
size_t av_request_put(char out[AV_REQUEST_SIZE], const struct av_request *r);
/* WEIR_E_INVAL: not a request. */
int av_request_get(weir_str in, struct av_request *out);
size_t av_result_put(char out[AV_RESPONSE_SIZE], const struct av_result *r);
/* WEIR_E_INVAL: not a result, out is empty then. */
int av_result_get(weir_str in, struct av_result *out);

#endif
