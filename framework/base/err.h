/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err - a text that says what went wrong, handed up to whoever asked.
 *
 * Functions that can fail for reasons a person must read take a struct err *
 * last, fill it once, and return a negative enum weir_status.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <weir/types.h>

struct err {
	char text[512];
};

/* err_set - fill the text and return the status, for "return err_set(...)" */
int err_set(struct err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* status_name - "E_TIMEOUT" and so on, never NULL */
const char *status_name(int status);
/* stage_name - "connect" ... "eom"; phase_name, action_name likewise */
const char *stage_name(int stage);
const char *phase_name(int phase);
const char *action_name(int action); /* "none" ... "reject" */

#endif
