/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run - execute the script once, and see that nothing of it is left.
 *
 * It is the leader of a session and process group of its own, which is ended
 * with it in every case.  Its output is read up to a limit; lines on standard
 * error are logged.
 */
#ifndef MOD_SCRIPT_RUN_H
#define MOD_SCRIPT_RUN_H

#include "script.h"

struct run {
	const struct weir_helper_host *host;
	weir_request *request; /* says when nobody waits any more */
	const char *script;
	const char *folder; /* of its own, for temporary files */
	const char *file;   /* the mail */
	uint32_t max_ms;
	/* out */
	char output[ANSWER_OCTETS + 1];
	size_t len;
	char why[SCRIPT_WHY]; /* "": it ended well */
};

/* Returns when it has ended or was made to; WEIR_E_TIMEOUT when nobody waits
   any more. */
int run_script(struct run *r);

#endif
