/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace - what each rule made of a mail, for `weirctl rules test`.
 *
 * Off in a worker: one test of a flag.  One mail at a time.  [loop]
 *
 * An entry: name, file, line, stage, result (matched, no match, done, skipped,
 * failed), why [{slot, value, recipient}], did [{effect, text, recipient}],
 * us, and for a function instructions, memory, and the budgets of all (_max).
 */
#ifndef WEIR_LUA_TRACE_H
#define WEIR_LUA_TRACE_H

#include <jansson.h>

#include "lua/round.h"

extern bool trace_on;

/* Begin anew; hand over what there is: a list, the caller's. */
void trace_begin(void);
json_t *trace_end(void);

/* For round.c: a rule begins, ends (l: what its function used, or NULL), is
   not run for a reason. */
void trace_enter(const struct round *round);
void trace_leave(const struct round *round, const struct limit *l,
    uint64_t ns);
void trace_skip(const struct round *round, const struct rule *rule,
    const char *why);
/* The rule that runs: its slots match; a slot does not, with this value; it
   did that; it failed. */
void trace_match(void);
void trace_slot(const struct round *round, const char *slot, weir_str value,
    uint32_t rcpt);
void trace_did(const struct round *round, const char *effect, uint32_t rcpt,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void trace_fail(const char *why);

#endif
