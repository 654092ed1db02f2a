/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rule - what the site wants done with which attachments.
 *
 * GLOSSARY
 *   object   a part of the mail, or a file inside one, at any depth
 *   rule     conditions on one object and an action; within a list any item
 *            will do, all lists that are given must be met
 *   first    the first rule that an object meets decides about that object
 *
 * The same rules are loaded on both sides: the worker decides by them, the
 * helper only sorts by them what it reports.
 */
#ifndef ATTACHMENT_RULE_H
#define ATTACHMENT_RULE_H

#include <weir/weir.h>

#include "category.h"
#include "pattern.h"

/* Rows of a section rule. */
enum {
	RULE_OPT_NAMES,
	RULE_OPT_TYPES,
	RULE_OPT_MAGIC,
	RULE_OPT_CATEGORIES,
	RULE_OPT_EXCEPT,
	RULE_OPT_INSIDE,
	RULE_OPT_DIRECTION,
	RULE_OPT_MIN_SIZE,
	RULE_OPT_ACTION,
	RULE_OPT_SCORE,
	RULE_OPT_TEXT
};

/* Choices of action. */
enum rule_action {
	RULE_REJECT,
	RULE_TEMPFAIL,
	RULE_QUARANTINE,
	RULE_REMOVE,
	RULE_REPLACE,
	RULE_RENAME,
	RULE_MARK,
	RULE_ACCEPT
};
#define RULE_ACTIONS "reject|tempfail|quarantine|remove|replace|rename|mark|accept"
#define RULE_NONE UINT32_MAX /* no rule is met */

enum rule_inside { RULE_INSIDE_ANY, RULE_INSIDE_ARCHIVE, RULE_INSIDE_TOP };
enum rule_direction { RULE_DIRECTION_ANY, RULE_DIRECTION_IN,
	RULE_DIRECTION_OUT };

struct rule {
	char *name;
	struct pattern_list names, types, magic;
	uint64_t categories, except; /* 0: not a condition */
	enum rule_inside inside;
	enum rule_direction direction;
	uint64_t min_size;
	enum rule_action action;
	double score; /* weight of the finding */
	char *text;   /* "": the host's own */
	bool builtin;
};

struct rules {
	struct rule *v;
	uint32_t n;
	enum rule_action strongest; /* RULE_ACCEPT: nothing is ever done */
	bool edits;		    /* some rule removes, replaces, renames */
};

/* What reads options, on either side. */
struct rule_conf {
	int64_t (*conf_int)(const weir_conf *, uint32_t row);
	double (*conf_real)(const weir_conf *, uint32_t row);
	weir_str (*conf_str)(const weir_conf *, uint32_t row);
	uint32_t (*conf_list)(const weir_conf *, uint32_t row,
	    const weir_str **items);
	uint32_t (*conf_sections)(const weir_conf *, uint32_t row);
	const weir_conf *(*conf_section)(const weir_conf *, uint32_t row,
	    uint32_t index, weir_str *title);
	void (*complain)(void *arg, const char *text); /* a mistake in it */
	void *arg;
};

/* What a rule looks at. */
struct rule_object {
	const weir_str *names; /* all plausible ones */
	size_t n_names;
	weir_str path;	   /* inside, to its own name; "": a part */
	weir_str declared; /* "" for what no one declared */
	weir_str magic;	   /* "" if nothing has looked */
	uint64_t categories;
	uint64_t size;
};

extern const struct weir_option rule_options[];

/* Rules of the sections in row, then the built-in ones; without defaults only
   those for what could not be looked into.  false: complained about. */
bool rules_load(struct rules *rules, const struct rule_conf *conf,
    const weir_conf *options, uint32_t row, bool defaults);
/* Those of a set of categories that no rule names. */
uint64_t rules_forget(const struct rules *rules, uint64_t categories);
void rules_free(struct rules *rules);
/* The index of the first rule that the object meets, or RULE_NONE. */
uint32_t rules_match(const struct rules *rules, enum rule_direction direction,
    const struct rule_object *object);
const char *rule_action_name(enum rule_action action);

#endif
