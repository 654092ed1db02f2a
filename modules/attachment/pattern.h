/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pattern - lists of patterns for names and types.
 *
 * "*.exe" is a glob for the whole text: "*" any octets, "?" one character,
 * "[a-z]" a set, letters in either case.  Between slashes it is a regular
 * expression (PCRE2, in either case, not anchored): "/^scan[0-9]+\.zip$/".
 * Matching is bounded whatever the text is: a glob takes at most the product
 * of both lengths, an expression gives up at a limit and then counts as
 * matched, for a rule must not be escaped by being expensive.  Pure but for
 * the compiled expressions.
 */
#ifndef ATTACHMENT_PATTERN_H
#define ATTACHMENT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

struct pattern;

struct pattern_list {
	struct pattern *v;
	size_t n;
};

/* Does the glob match all of text? */
bool pattern_glob(weir_str glob, weir_str text);

/* Add one; false: it is no pattern, error says why (at most cap octets). */
bool pattern_add(struct pattern_list *list, weir_str text, char *error,
    size_t cap);
/* The text of the first that matches, or NULL. */
const char *pattern_match(const struct pattern_list *list, weir_str text);
void pattern_free(struct pattern_list *list);

#endif
