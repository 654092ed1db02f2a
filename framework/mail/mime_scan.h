/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mime_scan - one linear walk over a raw message, before any MIME library.
 *
 * It finds the entities (header and content by offset) in the most generous
 * reading: every boundary ever declared counts wherever it stands at the
 * beginning of a line, in every spelling that the declaration allows; a bare
 * CR ends a line; a delimiter without a declaration is believed when a
 * Content- field follows.  So what any reader takes for a part is a part here.
 * Limits hold while it walks: behind `safe` nothing must be given to a
 * library.  What is odd is noted as an anomaly.
 *
 * Time is linear in the message; memory is bounded by the limits.  All slices
 * point into the raw message.  Loop thread only.
 */
#ifndef WEIR_MAIL_MIME_SCAN_H
#define WEIR_MAIL_MIME_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#include "base/map.h"
#include "base/vec.h"

struct pool;
struct mime_limits;

#define MIME_SCAN_NONE UINT32_MAX
#define MIME_SCAN_STARTS 3
#define MIME_SCAN_FIELDS 4	/* repeated fields kept of each kind */
#define MIME_SCAN_ANOMALIES 17	/* codes are below this */

enum mime_scan_flag {
	MIME_SCAN_MULTI = 1 << 0,     /* declares a boundary, or multipart */
	MIME_SCAN_MESSAGE = 1 << 1,   /* holds a message, walked into */
	MIME_SCAN_EMBEDDED = 1 << 2,  /* inside one */
	MIME_SCAN_TRUNCATED = 1 << 3, /* a limit cut it */
	MIME_SCAN_UU = 1 << 4,	      /* a uuencoded block in a text */
	MIME_SCAN_YENC = 1 << 5,      /* a yEnc block */
	MIME_SCAN_DIGEST = 1 << 6,    /* children are messages by default */
	MIME_SCAN_GUESS = 1 << 7,     /* unknown boundaries may be believed */
	MIME_SCAN_CLOSED = 1 << 8,    /* its last delimiter was seen */
	MIME_SCAN_REST = 1 << 9	      /* what the limit on parts left over */
};

/* The values of a repeated field, raw. */
struct mime_scan_field {
	weir_str v[MIME_SCAN_FIELDS];
	uint32_t n; /* how many there were */
};

struct mime_scan_ent {
	uint32_t parent; /* MIME_SCAN_NONE for the root */
	uint32_t depth, flags;
	uint32_t kids;	       /* entities directly below */
	uint32_t bound, bounds; /* its boundaries: first index, how many */
	size_t head, body, end; /* offsets; the line end before a delimiter is
				   the delimiter's */
	size_t start[MIME_SCAN_STARTS]; /* where else the content may begin: the
				   first header line that is none, the line
				   behind it, the one behind a line of blanks;
				   0: nowhere */
	struct mime_scan_field type, encoding, disposition;
	weir_str content_id;
	weir_str name; /* of a uuencoded or yEnc block */
};

/* A boundary that an entity declared. */
struct mime_scan_bound {
	weir_str text;
	uint32_t ent;
};

struct mime_scan {
	struct pool *pool; /* for boundaries that had to be decoded */
	weir_str raw;
	const struct mime_limits *limits;
	VEC(struct mime_scan_ent) ents;
	VEC(struct mime_scan_bound) bounds;
	struct map by_text; /* boundary text -> index + 1 */
	size_t safe;	    /* octets that a library may see */
	size_t inner;	    /* octets of headers of embedded messages */
	uint32_t seen;	    /* anomalies, by code */
	weir_str detail[MIME_SCAN_ANOMALIES];
	/* the walk */
	size_t pos;
	uint32_t cur;	    /* entity that the next line belongs to */
	uint32_t block;	    /* open uuencoded or yEnc block, or NONE */
	bool epilogue;	    /* behind the end of cur, a multipart */
	bool crlf;	    /* the message's line end */
	struct mime_scan_field from; /* of the root */
};

/* Walk over raw.  The scan must be released with mime_scan_fini. */
void mime_scan_run(struct mime_scan *s, struct pool *pool, weir_str raw,
    const struct mime_limits *limits);
void mime_scan_fini(struct mime_scan *s);

/* Note an anomaly; the first of each code is kept. */
void mime_scan_note(struct mime_scan *s, unsigned code, const char *detail);

/* -- between mime_scan.c and mime_scan_head.c ---------------------------- */

/* One line: [begin, eol) is its text, next the offset behind its end. */
struct mime_scan_line {
	size_t begin, eol, next;
	bool cr; /* a bare CR ends it */
};

bool mime_scan_next(struct mime_scan *s, size_t pos,
    struct mime_scan_line *line);
/* Read the header of s->cur from s->pos. */
void mime_scan_head(struct mime_scan *s);
/* The header is complete: what does its entity declare? */
void mime_scan_declare(struct mime_scan *s);
/* How many authors do the From fields of the root name? */
unsigned mime_scan_authors(const struct mime_scan *s);
/* Declare one boundary for entity ent. */
void mime_scan_bound_add(struct mime_scan *s, uint32_t ent, weir_str text);
/* Index of the boundary that the line is a delimiter of, or NONE. */
uint32_t mime_scan_match(struct mime_scan *s, weir_str line, bool *close);

/* The main value of a field, as far as the first ";" : lower case, without
   comments, quotes, escapes and blanks; a blank behind "type/subtype" ends it.
   Cut to cap - 1. */
void mime_scan_token(weir_str value, char *out, size_t cap);

#endif
