/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cfb.h"

#include <stdlib.h>
#include <string.h>

#define CFB_END 0xfffffffau /* sectors from here on are none */
#define CFB_HEAD 512u
#define CFB_DIFAT_HEAD 109u

/* cfb_u16, cfb_u32 - little endian */
static uint32_t
cfb_u16(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)(u[0] | u[1] << 8);
}

static uint32_t
cfb_u32(const char *p)
{
	return cfb_u16(p) | cfb_u16(p + 2) << 16;
}

/* cfb_sector - where one begins; *len how much of it there is; NULL: none.
   The last one of a file may be cut short. */
static const char *
cfb_sector(const struct cfb *c, uint32_t n, size_t *len)
{
	uint64_t at = ((uint64_t)n + 1) * c->sector;

	/* version 4 has a header of a whole sector, version 3 of 512 octets */
	if (c->sector == CFB_HEAD)
		at = CFB_HEAD + (uint64_t)n * CFB_HEAD;
	if (n >= CFB_END || at >= c->data.len)
		return NULL;
	*len = c->data.len - (size_t)at;
	if (*len > c->sector)
		*len = c->sector;
	return c->data.ptr + at;
}

/* cfb_chain - the octets of a chain of sectors, at most max */
static char *
cfb_chain(struct cfb *c, uint32_t start, size_t max, size_t *len)
{
	size_t room = 0, n = 0;
	char *out = NULL;
	uint32_t steps = 0;

	for (uint32_t s = start; n < max; s = c->fat[s]) {
		size_t have;
		const char *p = cfb_sector(c, s, &have);

		if (p == NULL || steps++ > c->n_fat) {
			c->damaged = c->damaged || s < CFB_END;
			break;
		}
		if (have > max - n)
			have = max - n;
		if (n + have > room) {
			char *more;

			room = room == 0 ? 4 * c->sector : room * 2;
			more = realloc(out, room);
			if (more == NULL) {
				c->memory = true;
				break;
			}
			out = more;
		}
		memcpy(out + n, p, have);
		n += have;
		if (s >= c->n_fat)
			break;
	}
	*len = n;
	return out;
}

/* cfb_fat_add - the entries of one sector of the table */
static void
cfb_fat_add(struct cfb *c, uint32_t sector)
{
	size_t have;
	const char *p = cfb_sector(c, sector, &have);
	size_t all = c->data.len / c->sector + 2;

	if (p == NULL) {
		c->damaged = true;
		return;
	}
	for (size_t i = 0; i + 4 <= have && c->n_fat < all; i += 4)
		c->fat[c->n_fat++] = cfb_u32(p + i);
}

/* cfb_load_fat - which sector follows which */
static bool
cfb_load_fat(struct cfb *c)
{
	size_t all = c->data.len / c->sector + 2, have;
	uint32_t next = cfb_u32(c->data.ptr + 68), steps = 0;

	c->fat = calloc(all, sizeof(*c->fat));
	if (c->fat == NULL) {
		c->memory = true;
		return false;
	}
	for (uint32_t i = 0; i < CFB_DIFAT_HEAD; i++) {
		uint32_t s = cfb_u32(c->data.ptr + 76 + 4 * i);

		if (s < CFB_END)
			cfb_fat_add(c, s);
	}
	while (next < CFB_END && steps++ < all) {
		const char *p = cfb_sector(c, next, &have);

		if (p == NULL || have < c->sector) {
			c->damaged = true;
			break;
		}
		for (size_t i = 0; i + 8 <= have; i += 4) {
			uint32_t s = cfb_u32(p + i);

			if (s < CFB_END)
				cfb_fat_add(c, s);
		}
		next = cfb_u32(p + have - 4);
	}
	return c->n_fat > 0;
}

/* cfb_name - UTF-16 to something to compare */
static void
cfb_name(const char *p, char out[CFB_NAME])
{
	size_t n = cfb_u16(p + 64) / 2, k = 0;

	for (size_t i = 0; i < n && i < 32; i++) {
		uint32_t ch = cfb_u16(p + 2 * i);

		if (ch == 0)
			break;
		out[k++] = ch < 0x80 ? (char)ch : '?';
	}
	out[k] = '\0';
}

/* cfb_push - one entry to visit, if there is such a one */
static void
cfb_push(const struct cfb *c, uint32_t *stack, size_t *n, uint32_t at,
    uint32_t parent)
{
	/* a tree has each entry once: more than that is no tree */
	if (at == 0 || at >= c->n_entries || *n + 2 > 4 * (size_t)c->n_entries)
		return;
	stack[(*n)++] = at;
	stack[(*n)++] = parent;
}

/* cfb_tree - who is below whom; a stack of our own, each entry once */
static void
cfb_tree(struct cfb *c, const char *dir)
{
	uint32_t *stack = malloc((4 * (size_t)c->n_entries + 2) *
	    sizeof(*stack));
	size_t n = 0;

	if (stack == NULL) {
		c->memory = true;
		return;
	}
	cfb_push(c, stack, &n, cfb_u32(dir + 76), 0);
	while (n > 0) {
		uint32_t parent = stack[n - 1], at = stack[n - 2];
		struct cfb_entry *e = &c->entries[at];
		const char *p = dir + 128 * (size_t)at;

		n -= 2;
		if (e->parent != UINT32_MAX || e->kind == CFB_NONE)
			continue;
		e->parent = parent;
		cfb_push(c, stack, &n, cfb_u32(p + 68), parent);
		cfb_push(c, stack, &n, cfb_u32(p + 72), parent);
		if (e->kind == CFB_STORAGE)
			cfb_push(c, stack, &n, cfb_u32(p + 76), at);
	}
	free(stack);
}

/* cfb_load_directory - all entries, reached or not */
static bool
cfb_load_directory(struct cfb *c)
{
	size_t len = 0;
	char *dir = cfb_chain(c, cfb_u32(c->data.ptr + 48),
	    128 * (size_t)CFB_ENTRIES + 1, &len);

	c->cut = len > 128 * (size_t)CFB_ENTRIES;
	c->n_entries = (uint32_t)(len / 128);
	if (c->n_entries > 0)
		c->entries = calloc(c->n_entries, sizeof(*c->entries));
	if (c->entries == NULL) {
		c->memory = c->memory || c->n_entries > 0;
		free(dir);
		return false;
	}
	for (uint32_t i = 0; i < c->n_entries; i++) {
		const char *p = dir + 128 * (size_t)i;
		struct cfb_entry *e = &c->entries[i];
		unsigned kind = (unsigned char)p[66];

		e->kind = kind == 1 || kind == 2 || kind == 5 ?
		    (enum cfb_kind)kind : CFB_NONE;
		cfb_name(p, e->name);
		memcpy(e->clsid, p + 80, sizeof(e->clsid));
		e->start = cfb_u32(p + 116);
		e->size = cfb_u32(p + 120);
		if (c->sector > CFB_HEAD)
			e->size |= (uint64_t)cfb_u32(p + 124) << 32;
		e->parent = UINT32_MAX;
	}
	cfb_tree(c, dir);
	free(dir);
	return true;
}

/* cfb_load_mini - the small streams' own sectors */
static void
cfb_load_mini(struct cfb *c)
{
	size_t len = 0;
	char *table = cfb_chain(c, cfb_u32(c->data.ptr + 60), c->data.len,
	    &len);

	c->n_minifat = (uint32_t)(len / 4);
	c->minifat = calloc(c->n_minifat + 1, sizeof(*c->minifat));
	for (uint32_t i = 0; i < c->n_minifat && c->minifat != NULL; i++)
		c->minifat[i] = cfb_u32(table + 4 * (size_t)i);
	free(table);
	if (c->minifat == NULL) {
		c->memory = true;
		c->n_minifat = 0;
	}
	c->ministream = cfb_chain(c, c->entries[0].start, c->data.len,
	    &c->n_ministream);
}

/* cfb_open - header, tables, directory */
bool
cfb_open(struct cfb *c, weir_str data)
{
	unsigned shift, mini;

	memset(c, 0, sizeof(*c));
	c->data = data;
	if (data.len < CFB_HEAD + 128)
		return false;
	shift = cfb_u16(data.ptr + 30);
	mini = cfb_u16(data.ptr + 32);
	c->sector = (size_t)1 << (shift == 12 ? 12 : 9);
	c->mini = (size_t)1 << (mini >= 4 && mini <= 8 ? mini : 6);
	c->cutoff = cfb_u32(data.ptr + 56);
	c->damaged = (shift != 9 && shift != 12) || mini != 6;
	if (!cfb_load_fat(c) || !cfb_load_directory(c)) {
		bool memory = c->memory;

		cfb_close(c);
		c->memory = memory;
		return false;
	}
	cfb_load_mini(c);
	return true;
}

/* cfb_close - what it holds */
void
cfb_close(struct cfb *c)
{
	free(c->fat);
	free(c->minifat);
	free(c->ministream);
	free(c->entries);
	memset(c, 0, sizeof(*c));
}

/* cfb_read_mini - a small stream */
static char *
cfb_read_mini(struct cfb *c, uint32_t start, size_t max, size_t *len)
{
	char *out = malloc(max + 1);
	uint32_t steps = 0;
	size_t n = 0;

	c->memory = c->memory || out == NULL;
	for (uint32_t s = start; out != NULL && n < max;) {
		uint64_t at = (uint64_t)s * c->mini;
		size_t have;

		if (s >= CFB_END || at >= c->n_ministream ||
		    steps++ > c->n_minifat) {
			c->damaged = true;
			break;
		}
		have = c->n_ministream - (size_t)at;
		if (have > c->mini)
			have = c->mini;
		if (have > max - n)
			have = max - n;
		memcpy(out + n, c->ministream + at, have);
		n += have;
		if (s >= c->n_minifat)
			break;
		s = c->minifat[s];
	}
	*len = n;
	return out;
}

/* cfb_read - a stream */
char *
cfb_read(struct cfb *c, uint32_t entry, size_t max, size_t *len)
{
	const struct cfb_entry *e;

	*len = 0;
	if (entry >= c->n_entries)
		return NULL;
	e = &c->entries[entry];
	if (e->kind != CFB_STREAM || e->size == 0)
		return NULL;
	if (max > e->size)
		max = (size_t)e->size;
	if (max > c->data.len)
		max = c->data.len;
	if (e->size < c->cutoff)
		return cfb_read_mini(c, e->start, max, len);
	return cfb_chain(c, e->start, max, len);
}

/* cfb_find - anywhere: what is not reached from the root counts, too */
uint32_t
cfb_find(const struct cfb *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_entries; i++) {
		if (c->entries[i].kind != CFB_NONE &&
		    strcasecmp(c->entries[i].name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

/* cfb_below - up the tree */
bool
cfb_below(const struct cfb *c, uint32_t entry, const char *name)
{
	for (unsigned n = 0; n < 100 && entry < c->n_entries && entry != 0;
	     n++) {
		entry = c->entries[entry].parent;
		if (entry < c->n_entries &&
		    strcasecmp(c->entries[entry].name, name) == 0)
			return true;
	}
	return false;
}
