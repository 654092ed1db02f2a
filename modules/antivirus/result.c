/* SPDX-License-Identifier: GPL-2.0-only */
#include "result.h"

#include <stdio.h>
#include <string.h>

/* av_class_of - by the beginning of the name */
enum av_class
av_class_of(const char *name)
{
	static const struct {
		const char *prefix;
		enum av_class class;
	} known[] = {
		{ "Heuristics.Limits.Exceeded", AV_LIMIT },
		{ "Heuristics.Encrypted.", AV_ENCRYPTED },
		{ "Heuristics.Structured.", AV_STRUCTURED },
		{ "Heuristics.", AV_HEURISTIC },
		{ "PUA.", AV_HEURISTIC },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strncmp(name, known[i].prefix, strlen(known[i].prefix)) ==
		    0)
			return known[i].class;
	}
	return AV_VIRUS;
}

/* av_class_word - for facts, metrics and people */
const char *
av_class_word(enum av_class class)
{
	static const char *const words[AV_CLASSES] = { [AV_VIRUS] = "infected",
		[AV_DEMOTED] = "demoted", [AV_LIMIT] = "limit",
		[AV_ENCRYPTED] = "encrypted", [AV_STRUCTURED] = "structured",
		[AV_HEURISTIC] = "heuristic" };

	return (unsigned)class < AV_CLASSES ? words[class] : "infected";
}

/* av_hit_set - a name as it may be shown and logged */
static void
av_hit_set(struct av_hit *h, enum av_class class, weir_str name)
{
	size_t n = name.len < AV_NAME_MAX ? name.len : AV_NAME_MAX;

	h->class = class;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		h->name[i] = c > ' ' && c < 0x7f ? (char)c : '?';
	}
	h->name[n] = '\0';
	if (n == 0)
		memcpy(h->name, "unnamed", sizeof("unnamed"));
}

/* av_result_add - each name once */
void
av_result_add(struct av_result *r, enum av_class class, weir_str name)
{
	struct av_hit h;

	av_hit_set(&h, class, name);
	for (uint32_t i = 0; i < r->n; i++) {
		if (strcmp(r->hit[i].name, h.name) == 0) {
			if (class < r->hit[i].class)
				r->hit[i].class = class;
			return;
		}
	}
	if (r->n < AV_HITS_MAX) {
		r->hit[r->n++] = h;
		return;
	}
	r->more++;
	/* whatever floods the list must not hide a worse thing */
	for (uint32_t i = r->n; i-- > 0;) {
		if (h.class < r->hit[i].class) {
			r->hit[i] = h;
			return;
		}
	}
}

/* av_result_fail - it does not count as scanned */
void
av_result_fail(struct av_result *r, const char *why)
{
	if (!r->failed)
		snprintf(r->why, sizeof(r->why), "%s", why);
	r->failed = true;
	for (char *p = r->why; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
}

/* av_result_merge - both together */
void
av_result_merge(struct av_result *r, const struct av_result *other)
{
	for (uint32_t i = 0; i < other->n; i++)
		av_result_add(r, other->hit[i].class, (weir_str) {
			other->hit[i].name, strlen(other->hit[i].name) });
	r->more += other->more;
	if (other->failed)
		av_result_fail(r, other->why);
	r->cached = r->cached && other->cached;
	r->elapsed_us += other->elapsed_us;
	r->scanned += other->scanned;
	if (other->generation != 0)
		r->generation = other->generation;
}

/* av_result_find - the first of that class */
const char *
av_result_find(const struct av_result *r, enum av_class class)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->hit[i].class == class)
			return r->hit[i].name;
	}
	return NULL;
}

/* av_result_drop - it turned out not to be true */
void
av_result_drop(struct av_result *r, const char *name)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		if (strcmp(r->hit[i].name, name) != 0)
			r->hit[kept++] = r->hit[i];
	}
	r->n = kept;
}
