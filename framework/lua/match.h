/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match - Lua's patterns, with a bound on the work.
 *
 * The language is that of string.find in Lua 5.4 (reference manual 6.4.1).
 * Lua's own matcher can be made to backtrack for years inside one C call,
 * where no hook can stop it; this one counts steps and gives up.  Pure:
 * knows no lua_State.
 */
#ifndef WEIR_LUA_MATCH_H
#define WEIR_LUA_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_CAPTURES 32
#define MATCH_POSITION ((ptrdiff_t)-2) /* len: the capture is a position */

struct match_capture {
	const char *start;
	ptrdiff_t len;
};

struct match {
	const char *subject, *subject_end;
	const char *pattern, *pattern_end;
	uint64_t steps, max_steps;
	const char *error; /* set when the pattern is bad or out of steps */
	bool out_of_steps;
	unsigned depth;
	unsigned captures;
	struct match_capture capture[MATCH_CAPTURES];
};

/* The slices must outlive m.  A leading ^ is the caller's business. */
void match_init(struct match *m, const char *subject, size_t subject_len,
    const char *pattern, size_t pattern_len, uint64_t max_steps);
/* Match at s exactly: the end of the match, or NULL.  m->error says whether
   that is "no" (NULL) or trouble.  Steps go on counting. */
const char *match_at(struct match *m, const char *s);

#endif
