/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * benchrules - what the 100 declared rules of the benchmark ask, written in C:
 * 25 sender domains, 25 words in the subject, 25 words in recipients, 25 ends
 * of file names.  It has no opinion.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <weir/weir.h>

#define CHECKS 25

struct benchrules {
	const struct weir_host *host;
	const struct weir_mime *mime;
	uint64_t found;
	char domains[CHECKS][32], words[CHECKS][32], parts[CHECKS][32],
	    ends[CHECKS][32];
};

/* ends_with - case does not matter */
static bool
ends_with(weir_str s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && strncasecmp(s.ptr + s.len - n, end, n) == 0;
}

/* names - the ends of all file names */
static void
names(struct benchrules *b, weir_call *call)
{
	uint32_t n = 0;
	weir_str name;

	b->mime->part_count(call, &n);
	for (uint32_t i = 0; i < n; i++) {
		struct weir_mime_part p = { .size = sizeof(p) };

		if (b->mime->part(call, i, &p) != WEIR_OK)
			continue;
		for (uint32_t k = 0; k < p.names; k++) {
			if (b->mime->part_name(call, i, k, &name) != WEIR_OK)
				continue;
			for (int c = 0; c < CHECKS; c++)
				b->found += ends_with(name, b->ends[c]);
		}
	}
}

/* eom - all checks */
static int
eom(void *state, weir_call *call)
{
	struct benchrules *b = state;
	uint32_t rcpts = b->host->rcpt_count(call);
	weir_str sender = WEIR_STR(""), name, raw = WEIR_STR(""), subject;

	b->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &sender);
	for (int c = 0; c < CHECKS; c++)
		b->found += ends_with(sender, b->domains[c]);
	b->host->header_at(call, "Subject", 0, &name, &raw);
	if (b->mime->header_decode(call, raw, &subject) == WEIR_OK) {
		for (int c = 0; c < CHECKS; c++)
			b->found += strcasestr(subject.ptr, b->words[c]) !=
			    NULL;
	}
	for (uint32_t i = 0; i < rcpts; i++) {
		weir_str to;

		if (b->host->attr_get(call, WEIR_A_RCPT, i, &to) != WEIR_OK)
			continue;
		for (int c = 0; c < CHECKS; c++)
			b->found += strcasestr(to.ptr, b->parts[c]) != NULL;
	}
	names(b, call);
	return WEIR_OK;
}

/* create - the lists */
static int
create(const struct weir_host *host, weir_self *self, const weir_conf *conf,
    void **state)
{
	struct benchrules *b = calloc(1, sizeof(*b));

	(void)conf;
	if (b == NULL)
		return WEIR_E_NOMEM;
	b->host = host;
	b->mime = host->ext(self, WEIR_EXT_MIME);
	for (int i = 0; i < CHECKS; i++) {
		snprintf(b->domains[i], 32, "@d%d.example", 4 * i);
		snprintf(b->words[i], 32, "word%d", 4 * i + 1);
		snprintf(b->parts[i], 32, "x%d", 4 * i + 2);
		snprintf(b->ends[i], 32, ".e%d", 4 * i + 3);
	}
	*state = b;
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_MIME, NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.eom = eom };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.benchrules",
	.name = "benchrules",
	.version = "1.0",
	.license = "GPL-2.0-or-later",
	.summary = "the benchmark's declared rules, in C",
	.needs = needs,
	.collect = &collect,
	.create = create,
	.destroy = free
};

WEIR_MODULE_EXPORT(mod_benchrules, module)
