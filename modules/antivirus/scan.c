/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan - one file through libclamav.
 *
 * libclamav says "clean" in cases in which it has not looked: without room in
 * its temporary folder the parts of a mail are skipped without a word; a zip's
 * member beyond the size limit is cut, and what is left of it is scanned.  So
 * clean is believed only if the library has begun to look (its callback ran)
 * and has not complained meanwhile; cut files are found by their size, and kept
 * out of the library's cache; room is the caller's business (helper.c).
 */
#include "engine.h"

#include <clamav.h>
#include <stdio.h>
#include <string.h>

/* libclamav does not look at files that are so small, nor is there room in
   them for anything. */
#define SMALL 5u
/* A file is cut at a whole number of buffers below its limit. */
#define CUT_SLACK 65536u

/* What the callbacks of one scan share. */
struct scan {
	const struct engine_limits *limits;
	struct av_result *out;
	uint32_t looked; /* files that the library began with */
	bool cut;	 /* one of them was not there as a whole */
	bool locked;	 /* one of them is encrypted */
};

/* scan_on_file - the library begins with a file, the outermost first */
static cl_error_t
scan_on_file(int fd, const char *type, void *context)
{
	struct scan *s = context;

	(void)fd;
	(void)type;
	if (s != NULL)
		s->looked++;
	return CL_CLEAN;
}

/* scan_on_layer - what was unpacked: is it all of it? */
static cl_error_t
scan_on_layer(int fd, const char *type, const char **ancestors,
    size_t parent_size, const char *name, size_t size, const char *data,
    uint32_t level, uint32_t attributes, void *context)
{
	struct scan *s = context;

	(void)fd;
	(void)type;
	(void)ancestors;
	(void)parent_size;
	(void)name;
	(void)data;
	(void)attributes;
	if (s != NULL && level > 0 && size + CUT_SLACK >=
	    s->limits->max_file_size)
		s->cut = true;
	return CL_CLEAN;
}

/* scan_on_member - what an archive says about a file in it */
static cl_error_t
scan_on_member(const char *type, unsigned long packed, const char *name,
    unsigned long size, int encrypted, unsigned int index, void *context)
{
	struct scan *s = context;

	(void)type;
	(void)packed;
	(void)name;
	(void)index;
	if (s == NULL)
		return CL_CLEAN;
	/* the largest number stands for "see elsewhere" in a zip */
	s->cut = s->cut || (size > s->limits->max_file_size &&
	    size != UINT32_MAX);
	s->locked = s->locked || (encrypted != 0 && s->limits->encrypted);
	return CL_CLEAN;
}

/* scan_on_end - a file is done; what is not clean is not cached as such */
static cl_error_t
scan_on_end(int fd, int result, const char *name, void *context)
{
	const struct scan *s = context;

	(void)fd;
	(void)result;
	(void)name;
	return s != NULL && (s->cut || s->locked) ? CL_VIRUS : CL_CLEAN;
}

/* scan_note - one name; those that our own callbacks cause are no news */
static void
scan_note(struct scan *s, const char *name)
{
	if (strncmp(name, "Detected.By.Callback", 20) != 0)
		av_result_add(s->out, av_class_of(name),
		    (weir_str) { name, strlen(name) });
}

/* scan_on_hit - a signature, or a heuristic */
static void
scan_on_hit(int fd, const char *name, void *context)
{
	struct scan *s = context;

	(void)fd;
	if (s != NULL && name != NULL)
		scan_note(s, name);
}

/* scan_options - what to look for */
static struct cl_scan_options
scan_options(const struct engine_limits *l)
{
	struct cl_scan_options o = {
		.general = CL_SCAN_GENERAL_ALLMATCHES |
		    CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0u,
		/* never clean because it was too large */
		.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX };

	if (l->encrypted)
		o.heuristic |= CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
		    CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
	if (l->macros)
		o.heuristic |= CL_SCAN_HEURISTIC_MACROS;
	if (l->broken)
		o.heuristic |= CL_SCAN_HEURISTIC_BROKEN |
		    CL_SCAN_HEURISTIC_BROKEN_MEDIA |
		    CL_SCAN_HEURISTIC_PARTITION_INTXN;
	if (l->structured_count > 0)
		o.heuristic |= CL_SCAN_HEURISTIC_STRUCTURED |
		    CL_SCAN_HEURISTIC_STRUCTURED_SSN_NORMAL |
		    CL_SCAN_HEURISTIC_STRUCTURED_SSN_STRIPPED;
	return o;
}

/* scan_end - what the library's answer means */
static void
scan_end(struct scan *s, cl_error_t rc, const char *name)
{
	struct av_result *out = s->out;
	char why[AV_WHY_MAX + 1];

	if (s->cut && av_result_find(out, AV_LIMIT) == NULL)
		av_result_add(out, AV_LIMIT, WEIR_STR("Weir.Limits.Cut"));
	if (s->locked && av_result_find(out, AV_ENCRYPTED) == NULL)
		av_result_add(out, AV_ENCRYPTED,
		    WEIR_STR("Weir.Encrypted.Member"));
	if (rc == CL_VIRUS) {
		if (name != NULL)
			scan_note(s, name);
		if (out->n == 0)
			av_result_add(out, AV_VIRUS, WEIR_STR("unnamed"));
	} else if (rc == CL_ETIMEOUT) {
		av_result_add(out, AV_LIMIT, WEIR_STR("MaxScanTime"));
	} else if (rc != CL_CLEAN) {
		snprintf(why, sizeof(why), "libclamav: %s", cl_strerror(rc));
		av_result_fail(out, why);
	} else if (s->looked == 0) {
		av_result_fail(out, engine_messages.errors > 0 ?
			engine_messages.last : "libclamav did not look at it");
	}
	/* whatever it could not do: it is not done */
	if (rc == CL_CLEAN && engine_messages.errors > 0) {
		snprintf(why, sizeof(why), "libclamav: %s",
		    engine_messages.last);
		av_result_fail(out, why);
	}
}

/* engine_scan - a file in memory */
void
engine_scan(struct engine *e, const struct engine_limits *limits,
    const void *data, size_t len, struct av_result *out)
{
	struct cl_scan_options o = scan_options(limits);
	struct scan s = { .limits = limits, .out = out };
	const char *name = NULL;
	unsigned long blocks = 0;
	cl_fmap_t *map;
	cl_error_t rc;

	if (len <= SMALL)
		return;
	engine_messages.errors = 0;
	engine_messages.last[0] = '\0';
	map = cl_fmap_open_memory(data, len);
	if (map == NULL) {
		av_result_fail(out, "libclamav: no memory for the map");
		return;
	}
	rc = cl_scanmap_callback(map, NULL, &name, &blocks, e->cl, &o, &s);
	cl_fmap_close(map);
	out->scanned += (uint64_t)blocks * CL_COUNT_PRECISION;
	scan_end(&s, rc, name);
}

/* engine_callbacks - before an engine is used */
void
engine_callbacks(struct cl_engine *cl)
{
	cl_engine_set_clcb_pre_cache(cl, scan_on_file);
	cl_engine_set_clcb_file_inspection(cl, scan_on_layer);
	cl_engine_set_clcb_meta(cl, scan_on_member);
	cl_engine_set_clcb_post_scan(cl, scan_on_end);
	cl_engine_set_clcb_virus_found(cl, scan_on_hit);
}
