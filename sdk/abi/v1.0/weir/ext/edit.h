/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/edit.h - weir.edit/1: change the message.
 *
 * Only in act at eom; header_add and header_insert also in act at rcpt and
 * data: where the front-end is "policy" only those reach the message.
 * Elsewhere, and after the module's check has failed, WEIR_E_STATE.
 * Requests go to a journal under the module's name; the front-end replays it
 * once, from the end, so that the removal of one header never shifts another.
 * All requests of one module are applied or none.
 * Of two for the same field, recipient, the body, the sender or the hold the
 * first is carried out, also of two modules: `after` says who comes later.
 * Values of fields: with the blank after the colon, as header_at gives them, or
 * without: then one is put there.
 * WEIR_E_UNSUPPORTED: the front-end or the MTA did not agree to such changes.
 * WEIR_E_LIMIT: too many edits, or the new body is over 64 MiB.
 * Everything is copied; CR, LF and NUL in values answer WEIR_E_INVAL, except
 * folded header values (LF followed by blank or tab); values over 64 KiB and
 * field names over 200 octets do so, too. [loop]
 */
#ifndef WEIR_EXT_EDIT_H
#define WEIR_EXT_EDIT_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_EDIT "weir.edit/1"

/* Frozen: what comes later is weir.edit/2. */
struct weir_edit {
	/* A field at the end, or before the index-th field (0: the top). [loop] */
	int (*header_add)(weir_call *, const char *name, weir_str value);
	int (*header_insert)(weir_call *, uint32_t index, const char *name,
	    weir_str value);
	/* The occurrence-th field of that name, 1 = first, as header_at numbers
	   them (from 0) plus one: positions in the message as received.
	   WEIR_E_NOTFOUND: there is none. [loop] */
	int (*header_change)(weir_call *, const char *name,
	    uint32_t occurrence, weir_str value);
	int (*header_delete)(weir_call *, const char *name,
	    uint32_t occurrence);
	/* Replace the whole body (CRLF line ends). [loop] */
	int (*body_replace)(weir_call *, weir_str body);
	/* Envelope: addresses without <>, params are ESMTP parameters or "",
	   either at most 512 octets; the sender may be empty. rcpt_delete:
	   WEIR_E_NOTFOUND: no such recipient, or it was refused. [loop] */
	int (*rcpt_add)(weir_call *, weir_str address, weir_str params);
	int (*rcpt_delete)(weir_call *, uint32_t rcpt);
	int (*sender_change)(weir_call *, weir_str address, weir_str params);
	/* Ask the MTA to hold the message in its own queue. [loop] */
	int (*mta_hold)(weir_call *, weir_str reason);
};

#ifdef __cplusplus
}
#endif
#endif
