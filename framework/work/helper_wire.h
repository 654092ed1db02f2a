/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_wire - the packets between a worker and a helper process.
 *
 * One SOCK_SEQPACKET packet each: a head in host order, then the payload.
 * Each side takes only what the other one may send and believes no number:
 * a packet that is not exactly right ends the connection.
 *
 *	helper: HELLO	 value = threads, id = process; requests may come now
 *	worker: REQUEST	 value = milliseconds until the deadline; a message's
 *			 descriptor comes along with HELPER_WIRE_MESSAGE
 *	worker: CANCEL	 nobody waits for that id any more
 *	helper: RESPONSE value = status; once for every request
 *
 * Between weir-helper and a program of its own it is the same, weir-helper in
 * the worker's place, with one more packet before all others:
 *
 *	worker: CONFIG	 payload = who it is and its options, JSON
 */
#ifndef WEIR_WORK_HELPER_WIRE_H
#define WEIR_WORK_HELPER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/ext/remote.h>

#define HELPER_WIRE_HEAD 32u
#define HELPER_WIRE_MAX (HELPER_WIRE_HEAD + WEIR_REMOTE_OCTETS)
#define HELPER_WIRE_DEADLINE_MAX 3600000 /* an hour is for ever */

enum helper_wire_kind {
	HELPER_WIRE_HELLO = 1,
	HELPER_WIRE_REQUEST = 2,
	HELPER_WIRE_CANCEL = 3,
	HELPER_WIRE_RESPONSE = 4,
	HELPER_WIRE_CONFIG = 5
};

#define HELPER_WIRE_MESSAGE 1u /* flags of REQUEST */

struct helper_wire {
	uint32_t kind;
	uint32_t flags;
	uint64_t id; /* never 0 */
	int32_t value;
	weir_str payload;
};

/* The head of a packet; the payload follows it as it is. */
void helper_wire_put(char head[HELPER_WIRE_HEAD], const struct helper_wire *w);
/* Take a packet; payload points into it.  from_helper: who sent it.
   WEIR_E_INVAL: it may not be like this. */
int helper_wire_get(const char *data, size_t len, bool from_helper,
    struct helper_wire *out);

#endif
