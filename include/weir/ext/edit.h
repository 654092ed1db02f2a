/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/edit.h - weir.edit/1: change the message.
 *
 * Only in act at eom; header_add and header_insert also in act at rcpt and
 * data: where the front-end is "policy" only those reach the message.
 * Requests go to a journal under the module's name; the front-end replays it once, from the end, so that the removal of one header
 * never shifts another.  All requests of one module are applied or none.
 * WEIR_E_UNSUPPORTED: the front-end or the MTA did not agree to such changes.
 * Everything is copied; CR, LF and NUL in values answer WEIR_E_INVAL, except
 * folded header values (LF followed by blank or tab). [loop]
 */
#ifndef WEIR_EXT_EDIT_H
#define WEIR_EXT_EDIT_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_EDIT "weir.edit/1"

struct weir_edit {
	/* At the end, or before the index-th field (0: the top). */
	int (*header_add)(weir_call *, const char *name, weir_str value);
	int (*header_insert)(weir_call *, uint32_t index, const char *name,
	    weir_str value);
	/* The occurrence-th field of that name, 1 = first, as header_at numbers
	   them (from 0) plus one: positions in the message as received. */
	int (*header_change)(weir_call *, const char *name,
	    uint32_t occurrence, weir_str value);
	int (*header_delete)(weir_call *, const char *name,
	    uint32_t occurrence);
	/* Replace the whole body (CRLF line ends). */
	int (*body_replace)(weir_call *, weir_str body);
	/* Envelope: addresses without <>, params are ESMTP parameters or "". */
	int (*rcpt_add)(weir_call *, weir_str address, weir_str params);
	int (*rcpt_delete)(weir_call *, uint32_t rcpt);
	int (*sender_change)(weir_call *, weir_str address, weir_str params);
	/* Ask the MTA to hold the message in its own queue. */
	int (*mta_hold)(weir_call *, weir_str reason);
};

#ifdef __cplusplus
}
#endif
#endif
