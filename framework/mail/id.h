/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * id - names for sessions and messages that a person can read out.
 *
 * 12 characters of Crockford's base 32 (no i, l, o, u), lower case: 40 bits of
 * milliseconds, 8 bits of worker, 12 bits of counter.  Unique on a host, in
 * order of time, no secret.
 */
#ifndef WEIR_MAIL_ID_H
#define WEIR_MAIL_ID_H

#include <stdbool.h>

#define ID_LEN 12

void id_worker(unsigned worker); /* once per process */
void id_make(char out[ID_LEN + 1]);
bool id_is_valid(const char *s);

#endif
