/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/service/quarantine.h - weir.quarantine/1: keep a copy of the mail.
 *
 * A table of weir.service/1, provided by the module quarantine.  Modules that
 * change or withhold a mail (attachment, antivirus) find it to keep the
 * original first.  A verdict of QUARANTINE needs no call of this: the module
 * quarantine carries such verdicts out by itself.
 */
#ifndef WEIR_SERVICE_QUARANTINE_H
#define WEIR_SERVICE_QUARANTINE_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SERVICE_QUARANTINE "weir.quarantine/1"

/* Why it is kept: each class has a retention of its own. */
enum weir_quarantine_class {
	WEIR_QUARANTINE_SPAM = 1,
	WEIR_QUARANTINE_VIRUS = 2,	/* release needs an explicit word */
	WEIR_QUARANTINE_ATTACHMENT = 3
};

/* status: WEIR_OK: file and index row are durable, id names the item;
   otherwise nothing was kept, id is "".  Runs exactly once, never before
   keep() returns; id is borrowed until it returns. [loop] */
typedef void weir_quarantine_done(weir_call *, int status, weir_str id,
    void *arg);

/* The table. */
struct weir_quarantine {
	uint32_t size; /* sizeof(struct weir_quarantine), as provided */
	uint32_t reserved0; /* 0 */
	/* Keep the message as it was received, for one recipient or
	   (WEIR_RCPT_NONE) for all that were accepted.  In act at eom; the call
	   is the caller's own and stays open until done.  reason: one sentence
	   for the index, copied.  state: as weir_service.find gave it.
	   WEIR_E_STATE: not at eom, or the mail was not kept for reading.
	   [loop] */
	int (*keep)(void *state, weir_call *, uint32_t class_, uint32_t rcpt,
	    weir_str reason, weir_quarantine_done *done, void *arg);
	/* ---- end of ABI 1.0 ---- */
};

#ifdef __cplusplus
}
#endif
#endif
