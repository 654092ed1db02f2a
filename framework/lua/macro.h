/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macro - __SENDER__ and its kin in the texts of actions.
 *
 * One pass: a macro's value is never expanded again.  Control characters in
 * values become blanks, so no value can end a header field.
 */
#ifndef WEIR_LUA_MACRO_H
#define WEIR_LUA_MACRO_H

#include "base/buf.h"
#include "lua/mark.h"
#include "lua/view.h"

/* What values come from; targets: recipients that the rule matched. */
struct macro_context {
	struct round *round;
	struct view *view;
	const uint32_t *targets;
	uint32_t ntargets;
	const struct buf *info; /* __RULE_INFO__ */
	const struct mark *parts; /* that slot what marked, or NULL */
	bool lines; /* __SPAM_INFO__ is a table with a line for each */
};

void macro_expand(const struct macro_context *c, const char *text,
    struct buf *out);
/* Names of all macros; NULL behind the last one. */
const char *macro_name(size_t i);
/* The same into HTML: values are text there, nothing of them is markup. */
weir_str macro_expand_html(const struct macro_context *c, const char *text,
    struct buf *out);

#endif
