/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weir-module-lint - is this file a module that a host will like? */
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <weir/version.h>

#include "base/text.h"
#include "lint.h"

static bool json, quiet, strict;

static const char *const levels[] = { "notice", "warning", "error" };

/* lint_add - one more thing to say */
void
lint_add(struct lint *l, enum lint_level level, const char *check,
    const char *fmt, ...)
{
	struct lint_item *item = vec_push(&l->items);
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	item->level = level;
	item->may = LINT_MAY_NONE;
	item->check = check;
	item->text = buf_steal(&text);
}

/* lint_for_helper - the last one may be the helper's business */
void
lint_for_helper(struct lint *l, enum lint_may may)
{
	l->items.v[l->items.n - 1].may = may;
}

/* lint_judge - with the descriptor read: what a helper may do.  The import
   table does not say who calls; that there is a helper is why it may be right. */
static void
lint_judge(struct lint *l)
{
	for (size_t i = 0; i < l->items.n; i++) {
		struct lint_item *item = &l->items.v[i];
		char *text = item->text;

		if (item->may == LINT_MAY_NONE || item->may > l->has)
			continue;
		item->level = LINT_NOTICE;
		item->text = xasprintf("%s (right in a helper, of which it has "
		    "one, and only there)", text);
		free(text);
	}
}

/* lint_fini - free it */
void
lint_fini(struct lint *l)
{
	for (size_t i = 0; i < l->items.n; i++)
		free(l->items.v[i].text);
	vec_fini(&l->items);
	free(l->name);
	free(l->id);
	free(l->version);
	free(l->license);
}

/* lint_name - from mod_NAME.so */
static void
lint_name(struct lint *l)
{
	char *copy = xstrdup(l->path), *base = basename(copy);
	size_t len = strlen(base);

	if (len > 7 && strncmp(base, "mod_", 4) == 0 &&
	    strcmp(base + len - 3, ".so") == 0)
		l->name = xstrndup(base + 4, len - 7);
	else
		lint_add(l, LINT_ERROR, "file", "a module's file is called "
		    "mod_NAME.so");
	free(copy);
}

/* lint_count - of that level */
static unsigned
lint_count(const struct lint *l, enum lint_level level)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->items.n; i++)
		n += l->items.v[i].level == level;
	return n;
}

/* lint_text - for people */
static void
lint_text(const struct lint *l)
{
	char clean[1024];

	for (size_t i = 0; i < l->items.n; i++) {
		const struct lint_item *item = &l->items.v[i];

		if (quiet && item->level != LINT_ERROR)
			continue;
		text_escape(clean, sizeof(clean), text_slice(item->text));
		printf("%s: %s: %s: %s\n", l->path, levels[item->level],
		    item->check, clean);
	}
	if (!quiet && l->items.n == 0)
		printf("%s: %s %s, %s, ABI %u.%u: nothing to say\n", l->path,
		    l->id, l->version, l->license, l->abi_major,
		    l->abi_minor);
}

/* lint_json - one object a line */
static void
lint_json(const struct lint *l)
{
	json_t *all = json_array(), *root;
	char *line;

	for (size_t i = 0; i < l->items.n; i++) {
		const struct lint_item *item = &l->items.v[i];
		char clean[1024];

		text_escape(clean, sizeof(clean), text_slice(item->text));
		json_array_append_new(all, json_pack("{s:s,s:s,s:s}", "level",
		    levels[item->level], "check", item->check,
		    "text", clean));
	}
	root = json_pack("{s:s,s:s*,s:s*,s:s*,s:s*,s:s,s:b,s:o}", "file",
	    l->path, "name", l->name, "id", l->id, "version", l->version,
	    "license", l->license, "abi",
	    l->id != NULL ? (char []){ (char)('0' + l->abi_major % 10), '.',
		(char)('0' + l->abi_minor % 10), '\0' } : "", "ok",
	    lint_count(l, LINT_ERROR) == 0, "findings", all);
	line = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (line != NULL)
		puts(line);
	free(line);
	json_decref(root);
}

/* lint_one - one file; is it good */
static bool
lint_one(const char *path)
{
	struct lint l;
	bool good;

	memset(&l, 0, sizeof(l));
	l.path = path;
	lint_name(&l);
	if (lint_elf(&l))
		lint_descriptor(&l);
	lint_judge(&l);
	if (json)
		lint_json(&l);
	else
		lint_text(&l);
	good = lint_count(&l, LINT_ERROR) == 0 &&
	    (!strict || lint_count(&l, LINT_WARNING) == 0);
	lint_fini(&l);
	return good;
}

/* usage - what there is to say */
static void
usage(FILE *out)
{
	fputs("usage: weir-module-lint [OPTION ...] mod_NAME.so ...\n"
	      "  --json      one JSON object a line for each file\n"
	      "  --quiet     errors only\n"
	      "  --strict    warnings make the exit status 1, too; notices "
	      "never do\n"
	      "  --version, --help\n"
	      "Exit status: 0 no errors, 1 errors, 2 usage\n", out);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "strict", no_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = 0;

	while ((opt = getopt_long(argc, argv, "jqshV", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 's':
			strict = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			printf("weir-module-lint %s, module ABI %d.%d\n",
			    PACKAGE_VERSION, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return 2;
	}
	for (; optind < argc; optind++)
		status |= !lint_one(argv[optind]);
	return status;
}
