/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify_spool - the folder of mail that waits for the MTA.
 *
 *	KEY.mail	waits; first lines: recipients; empty line; the mail
 *	KEY.done	sent (empty), kept for a week so that it is not sent again
 *	KEY.failed	the MTA refused it; kept for the operator
 *	key		the site's secret for tokens
 *	.KEY.PID.N	being written
 *
 * All workers share it; who sends a file holds a lock on it.
 */
#ifndef WEIR_LUA_NOTIFY_SPOOL_H
#define WEIR_LUA_NOTIFY_SPOOL_H

#include <weir/ext/job.h>

#include "lua/notify.h"

#define NOTIFY_KEY 32 /* octets of the secret, in hex: twice */

struct notify_spool {
	struct rules *rules;
	char *folder, *server;
	char key[2 * NOTIFY_KEY + 1]; /* "" until it is open */
	_Atomic int64_t next_ms;      /* mono: when to look again */
	_Atomic bool woken;	      /* something was written */
	_Atomic int64_t pause_ms;     /* after failures; else 0 */
	int metric_sent, metric_failed;
};

/* One file that is to be written. */
struct notify_item {
	struct notify_spool *spool;
	char name[40];
	struct buf text;
	int status; /* WEIR_OK, WEIR_E_EXISTS, WEIR_E_TEMP with error */
	int error;  /* errno */
};

/* Make the folder and the secret, or read it; false: errno. [loop] */
bool notify_spool_open(struct notify_spool *s);
bool notify_spool_is_due(struct notify_spool *s);
/* Jobs: arg is the item, or the spool. */
int notify_spool_write(weir_jobctx *ctx, void *arg);
int notify_spool_run(weir_jobctx *ctx, void *arg);

#endif
