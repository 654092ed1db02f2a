/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * code - which answers of a list mean "listed".
 *
 * An entry of the option `codes` is one of
 *   127.0.0.2              this answer
 *   127.0.0.2-11           last octet 2 to 11
 *   127.0.0.2-127.0.1.255  a range
 *   127.0.0.0/24           a block
 *   127.0.0.0&8            first three octets alike, bit 8 set in the last
 * and may end in =SCORE, which replaces the zone's score.  Nothing outside
 * 127.0.0.0/8 and nothing in 127.255.255.0/24 (where lists say that they
 * refuse to answer) can be an entry.  Pure functions. [any]
 */
#ifndef RBL_CODE_H
#define RBL_CODE_H

#include <weir/weir.h>

struct code {
	uint32_t first, last; /* addresses, host order */
	uint32_t bits;	      /* of the last octet that must be set, or 0 */
	bool scored;
	double score;
};

/* False: *why_out says what is wrong. */
bool code_parse(struct code *c, weir_str text, const char **why_out);
bool code_match(const struct code *c, uint32_t addr);
/* Could this be a listing at all: in 127.0.0.0/8, no error code? */
bool code_is_plausible(uint32_t addr);
/* Strict dotted quad. */
bool code_addr(weir_str text, uint32_t *out);

#endif
