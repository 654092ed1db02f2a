/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * find - explain records by what a person pastes: a decision id, with or
 * without its brackets and in any case, or the MTA's queue id.
 */
#ifndef WEIR_CTL_FIND_H
#define WEIR_CTL_FIND_H

#include <jansson.h>

#include "base/err.h"

#define FIND_RECORDS_MAX 100
#define FIND_OCTETS_MAX (8u << 20) /* of JSON, in all */

/* A JSON list of records in *out, oldest first; the caller's.  A record that
   was just made is waited for, half a second at most.  WEIR_E_NOTFOUND or
   another negative status: err says why. Blocking. [any] */
int find_records(const char *path, const char *key, json_t **out,
    struct err *err);

#endif
