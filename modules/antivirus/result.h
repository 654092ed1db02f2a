/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result - what a scan has found.
 *
 * A mail can be several things at once: infected, with an archive that is
 * encrypted, beyond a limit.  So a result is a list of hits, each of a class
 * of its own, and whether the scan came to its end at all.  "Not scanned" is
 * never the same as an empty list.
 */
#ifndef MODULE_ANTIVIRUS_RESULT_H
#define MODULE_ANTIVIRUS_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/inline.h>
#include <weir/types.h>

#define AV_HITS_MAX 16u
#define AV_NAME_MAX 120u
#define AV_WHY_MAX 200u

/* In the order of what counts most. */
enum av_class {
	AV_VIRUS = 0,	/* a signature of malware */
	AV_DEMOTED = 1, /* the same, but the breaker does not believe it */
	AV_LIMIT = 2,	/* not looked at as a whole: too large, deep, many */
	AV_ENCRYPTED = 3,
	AV_STRUCTURED = 4, /* card or social security numbers */
	AV_HEURISTIC = 5,  /* may be unwanted */
	AV_CLASSES = 6
};

struct av_hit {
	enum av_class class;
	char name[AV_NAME_MAX + 1]; /* printable ASCII */
};

struct av_result {
	uint32_t n;
	struct av_hit hit[AV_HITS_MAX];
	uint32_t more; /* hits that found no room */
	bool failed;   /* the scan did not run, or not to its end */
	bool cached;   /* known from before */
	char why[AV_WHY_MAX + 1]; /* of failed */
	uint32_t elapsed_us;
	uint32_t generation; /* of the engine, counted from 1; 0: unknown */
	uint64_t scanned;    /* octets, with those unpacked */
};

/* What kind of thing a name of ClamAV's stands for. */
enum av_class av_class_of(const char *name);
/* "infected", "demoted" ... */
const char *av_class_word(enum av_class class);

/* Note a hit, each name once.  A virus is noted even if there is no room. */
void av_result_add(struct av_result *r, enum av_class class, weir_str name);
/* The scan is worth nothing: keeps the first reason. */
void av_result_fail(struct av_result *r, const char *why);
/* Add what another scan of the same mail has found. */
void av_result_merge(struct av_result *r, const struct av_result *other);
/* Is there a hit of that class?  Its name, or NULL. */
const char *av_result_find(const struct av_result *r, enum av_class class);
/* Forget all hits of this name. */
void av_result_drop(struct av_result *r, const char *name);

#endif
