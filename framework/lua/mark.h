/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mark - what of a mail matched: nothing, all of it, or a set of its parts.
 * Parts from MARK_PARTS - 1 on share the last mark.
 */
#ifndef WEIR_LUA_MARK_H
#define WEIR_LUA_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MARK_PARTS 1024

struct mark {
	bool matched;
	bool parts; /* only those in bits; else the whole mail */
	uint64_t bits[MARK_PARTS / 64];
};

/* mark_none - nothing, or the whole mail */
static inline void
mark_none(struct mark *m, bool matched)
{
	memset(m, 0, sizeof(*m));
	m->matched = matched;
}

/* mark_part - this part, too */
static inline void
mark_part(struct mark *m, uint32_t part)
{
	if (part >= MARK_PARTS)
		part = MARK_PARTS - 1;
	m->matched = m->parts = true;
	m->bits[part / 64] |= UINT64_C(1) << part % 64;
}

/* mark_has - is it among them */
static inline bool
mark_has(const struct mark *m, uint32_t part)
{
	if (part >= MARK_PARTS)
		part = MARK_PARTS - 1;
	return (m->bits[part / 64] & UINT64_C(1) << part % 64) != 0;
}

/* mark_or - either: the parts of both */
static inline void
mark_or(struct mark *m, const struct mark *o)
{
	m->matched |= o->matched;
	m->parts |= o->parts;
	for (int i = 0; i < MARK_PARTS / 64; i++)
		m->bits[i] |= o->bits[i];
}

/* mark_and - both: parts that are in both; the whole mail limits nothing */
static inline void
mark_and(struct mark *m, const struct mark *o)
{
	uint64_t any = 0;

	if (!m->matched || !o->matched) {
		mark_none(m, false);
		return;
	}
	if (!o->parts)
		return;
	if (!m->parts) {
		*m = *o;
		return;
	}
	for (int i = 0; i < MARK_PARTS / 64; i++)
		any |= m->bits[i] &= o->bits[i];
	if (any == 0)
		mark_none(m, false);
}

/* mark_invert - the remaining parts of n; of the whole mail nothing remains */
static inline void
mark_invert(struct mark *m, uint32_t n)
{
	struct mark rest;

	if (!m->matched || !m->parts) {
		mark_none(m, !m->matched);
		return;
	}
	mark_none(&rest, false);
	for (uint32_t i = 0; i < n && i < MARK_PARTS; i++) {
		if ((m->bits[i / 64] & UINT64_C(1) << i % 64) == 0)
			mark_part(&rest, i);
	}
	*m = rest;
}

#endif
