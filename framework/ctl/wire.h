/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire - the two lines of JSON of the control protocol (see ctl/server.h).
 *
 * Pure: no socket, no state.  Requests are hostile input; replies carry
 * whatever modules print, so NUL and octets that are no UTF-8 become
 * U+FFFD; where octets are wanted (a word of the request is --raw) "out64" is
 * sent instead of "out", in base 64. [any]
 */
#ifndef WEIR_CTL_WIRE_H
#define WEIR_CTL_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define WIRE_ARGS_MAX 64

struct wire_request {
	uint32_t argc; /* at least 1 */
	char *argv[WIRE_ARGS_MAX + 1]; /* NULL behind the last */
	bool json;
};

struct wire_reply {
	int status;
	struct buf out, err;
};

/* Read a request's line; WEIR_E_INVAL says what is wrong, nothing is to be
   freed then. */
int wire_request_parse(weir_str line, struct wire_request *out,
    struct err *err);
void wire_request_fini(struct wire_request *r);
/* Append the line with its newline. */
void wire_request_write(uint32_t argc, const char *const *argv, bool json,
    struct buf *out);

void wire_reply_write(int status, weir_str out_text, weir_str err_text,
    struct buf *out);
/* The same with out_text octet by octet. */
void wire_reply_write_raw(int status, weir_str out_text, weir_str err_text,
    struct buf *out);
/* WEIR_E_INVAL: not a reply; nothing is to be freed then. */
int wire_reply_parse(weir_str line, struct wire_reply *out, struct err *err);
void wire_reply_fini(struct wire_reply *r);

#endif
