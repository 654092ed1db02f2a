/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain_text - an explain record (pipe/explain.h) as a page for a person.
   Members that are missing are left out: old records stay readable. [any] */
#ifndef WEIR_CTL_EXPLAIN_TEXT_H
#define WEIR_CTL_EXPLAIN_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Append one record. */
void explain_text(const json_t *record, struct buf *out);
/* A list of them, a blank line between two. */
void explain_text_all(const json_t *records, struct buf *out);

#endif
