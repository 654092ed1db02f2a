/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfb - the files inside an OLE2 compound file (MS-CFB), read from memory.
 *
 * Generous where office programs are generous, for a reader stricter than they
 * is walked around; bounded by the input: each sector of a chain is counted
 * against the number of sectors there are, each entry of the directory is
 * visited once.  (libgsf reads the format, too, but refuses what is malformed
 * and aborts when memory ends.)  Pure over malloc.
 */
#ifndef ATTACHMENT_CFB_H
#define ATTACHMENT_CFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#define CFB_NAME 65    /* octets of a name in UTF-8, mostly ASCII */
#define CFB_ENTRIES 20000u

enum cfb_kind { CFB_NONE = 0, CFB_STORAGE = 1, CFB_STREAM = 2, CFB_ROOT = 5 };

struct cfb_entry {
	enum cfb_kind kind;
	char name[CFB_NAME]; /* what is not ASCII is "?" */
	uint32_t start;
	uint64_t size;
	uint32_t parent; /* UINT32_MAX: not reached from the root */
	unsigned char clsid[16];
};

struct cfb {
	weir_str data;
	size_t sector, mini; /* octets of each */
	uint32_t cutoff;     /* smaller streams are in mini sectors */
	uint32_t *fat;
	uint32_t n_fat;
	uint32_t *minifat;
	uint32_t n_minifat;
	char *ministream;
	size_t n_ministream;
	struct cfb_entry *entries;
	uint32_t n_entries;
	bool damaged; /* something did not fit together */
	bool memory;  /* there was not enough of it: something is missing */
	bool cut;     /* more than CFB_ENTRIES: the rest was not looked at */
};

/* false: it can't be read at all; memory says whether that was why. */
bool cfb_open(struct cfb *c, weir_str data);
void cfb_close(struct cfb *c);
/* The octets of a stream, at most max; the caller frees; NULL: none. */
char *cfb_read(struct cfb *c, uint32_t entry, size_t max, size_t *len);
/* The first entry of that name at any depth, in either case; UINT32_MAX. */
uint32_t cfb_find(const struct cfb *c, const char *name);
/* Is the entry below one of that name? */
bool cfb_below(const struct cfb *c, uint32_t entry, const char *name);

#endif
