/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macros - __SENDER__ and its kin in the site's texts.
 *
 * One pass: what a value contains is never expanded again.  Values come from
 * strangers, so whatever they hold, the result is valid UTF-8 without control
 * characters; line ends survive only where MACROS_LINES says so and the value
 * is one of ours.  Pure. [any]
 */
#ifndef ACTION_MACROS_H
#define ACTION_MACROS_H

#include <weir/weir.h>

/* Each macro: its name, and whether its value may have lines. */
#define MACROS_LIST(X) \
	X(SENDER, false) \
	X(RECEIVERS, false) \
	X(SUBJECT, false) \
	X(MSGID, false) \
	X(SPAMLEVEL, false) \
	X(SPAM_INFO, true) \
	X(SENDER_IP, false) \
	X(VERSION, false) \
	X(SPAMSTARS, false) \
	X(HOST, false) \
	X(DOMAIN, false) \
	X(FQDN, false) \
	X(SPAM_HITS, false) \
	X(UNSCANNED, false)

enum macros_name {
#define MACROS_ENUM(name, lines) MACRO_##name,
	MACROS_LIST(MACROS_ENUM)
#undef MACROS_ENUM
	MACROS_COUNT
};

#define MACROS_LINES (1u << 0)

/* The value of a macro; borrowed until the next call. */
typedef weir_str macros_value_fn(enum macros_name name, void *arg);

/* Expand into out (size > 0), cut at a character's border, NUL at its end;
   the length.  Unknown macros stay as they are. */
size_t macros_expand(weir_str text, unsigned int flags, macros_value_fn *value,
    void *arg, char *out, size_t size);
/* What looks like a macro (__NAME__) and is none; empty: there is no such. */
weir_str macros_unknown(weir_str text);
/* Length of the valid UTF-8 character at the front, 0 if it is none. */
size_t macros_char(weir_str text);

#endif
