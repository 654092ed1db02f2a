/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct weir_option rule_options[] = {
	[RULE_OPT_NAMES] = { "names", WEIR_OPT_LIST, 0, NULL, NULL, NULL, NULL,
	    "Patterns of which one must match one of the plausible names: "
	    "globs (*.exe), or regular expressions between slashes, in "
	    "either case. A glob with a slash is matched with the path "
	    "inside archives.", NULL },
	[RULE_OPT_TYPES] = { "types", WEIR_OPT_LIST, 0, NULL, NULL, NULL, NULL,
	    "Patterns for the declared type (image/*); parts of mails only.",
	    NULL },
	[RULE_OPT_MAGIC] = { "magic", WEIR_OPT_LIST, 0, NULL, NULL, NULL, NULL,
	    "Patterns for the type that the content shows "
	    "(application/x-dosexec).", NULL },
	[RULE_OPT_CATEGORIES] = { "categories", WEIR_OPT_LIST, 0, NULL, NULL,
	    NULL, NULL,
	    "Categories of which one must apply; encrypted-* stands for all "
	    "that begin so. `weirctl attachment categories` lists them.",
	    NULL },
	[RULE_OPT_EXCEPT] = { "except", WEIR_OPT_LIST, 0, NULL, NULL, NULL,
	    NULL, "Categories of which none may apply.", NULL },
	[RULE_OPT_INSIDE] = { "inside", WEIR_OPT_ENUM, 0, "any", NULL, NULL,
	    "any|archive|top",
	    "archive: only files inside of attachments; top: only parts of "
	    "the mail.", NULL },
	[RULE_OPT_DIRECTION] = { "direction", WEIR_OPT_ENUM, 0, "any", NULL,
	    NULL, "any|in|out", "Only mail of this direction.", NULL },
	[RULE_OPT_MIN_SIZE] = { "min_size", WEIR_OPT_SIZE, 0, "0", NULL, NULL,
	    NULL, "Only what is at least as large.", NULL },
	[RULE_OPT_ACTION] = { "action", WEIR_OPT_ENUM, 0, "reject", NULL, NULL,
	    RULE_ACTIONS,
	    "reject, tempfail or quarantine the mail; remove the attachment, "
	    "replace it by a text, rename it; mark: a finding only; accept: "
	    "no later rule looks at it.", NULL },
	[RULE_OPT_SCORE] = { "score", WEIR_OPT_REAL, 0, "1", "-1000", "1000",
	    NULL, "Score of the finding, times that of the symbol.", NULL },
	[RULE_OPT_TEXT] = { "text", WEIR_OPT_STRING, 0, "", NULL, NULL, NULL,
	    "What the sender or the replacement says; %n: the name, %p: the "
	    "path inside, %c: the categories, else the type, %r: the "
	    "rule.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* What applies behind the site's own rules, in this order; always: even if the
   site wants none of ours, for a check that did not run was not passed. */
static const struct {
	const char *name;
	uint64_t categories, except;
	enum rule_action action;
	double score;
	bool always;
} builtin[] = {
	{ "default: dangerous", CAT(EXECUTABLE) | CAT(SCRIPT) | CAT(SHORTCUT) |
	    CAT(DOUBLE_EXTENSION) | CAT(RTL_OVERRIDE) | CAT(PDF_LAUNCH), 0,
	    RULE_REJECT, 8, false },
	{ "default: pieces", CAT(MESSAGE_PARTIAL) | CAT(EXTERNAL_BODY), 0,
	    RULE_REJECT, 4, false },
	{ "default: active documents", CAT(MACRO_AUTO) | CAT(MACRO_XLM) |
	    CAT(MACRO_DDE) | CAT(EXTERNAL_TEMPLATE), 0, RULE_QUARANTINE, 5,
	    false },
	{ "default: disk images", CAT(DISK_IMAGE), 0, RULE_QUARANTINE, 4,
	    false },
	{ "default: unseen", CATEGORIES_UNSEEN, 0, RULE_QUARANTINE, 2,
	    true },
	{ "default: limits", CATEGORIES_LIMIT, 0, RULE_QUARANTINE, 2,
	    false },
	{ "default: encrypted", CATEGORIES_ENCRYPTED, 0, RULE_QUARANTINE, 2,
	    false },
	{ "default: unreadable", CAT(ARCHIVE_CORRUPT) |
	    CAT(ARCHIVE_UNSUPPORTED) | CAT(ARCHIVE_VOLUME), 0, RULE_MARK, 2,
	    false },
	{ "default: odd", CAT(MACRO) | CAT(TYPE_MISMATCH) | CAT(HIDDEN_NAME) |
	    CAT(EMBEDDED_OBJECT) | CAT(PDF_SCRIPT), 0, RULE_MARK, 1, false }
};
#define BUILTINS (sizeof(builtin) / sizeof(builtin[0]))

/* rule_action_name - as the option has it */
const char *
rule_action_name(enum rule_action action)
{
	static const char *const names[] = { "reject", "tempfail",
		"quarantine", "remove", "replace", "rename", "mark", "accept" };

	return names[action];
}

/* rules_complain - where and what */
static void
rules_complain(const struct rule_conf *conf, const struct rule *rule,
    const char *what)
{
	char text[600];

	snprintf(text, sizeof(text), "rule \"%s\": %s", rule->name, what);
	conf->complain(conf->arg, text);
}

/* rule_patterns - one list of patterns */
static bool
rule_patterns(struct rule *rule, struct pattern_list *list,
    const struct rule_conf *conf, const weir_conf *options, uint32_t row)
{
	const weir_str *items = NULL;
	uint32_t n = conf->conf_list(options, row, &items);
	char why[300];

	for (uint32_t i = 0; i < n; i++) {
		if (!pattern_add(list, items[i], why, sizeof(why))) {
			rules_complain(conf, rule, why);
			return false;
		}
	}
	return true;
}

/* rule_categories - one list of categories */
static bool
rule_categories(struct rule *rule, uint64_t *set, const struct rule_conf *conf,
    const weir_conf *options, uint32_t row)
{
	const weir_str *items = NULL;
	uint32_t n = conf->conf_list(options, row, &items);

	for (uint32_t i = 0; i < n; i++) {
		const char *nearest;
		char why[300];

		if (category_parse(items[i], set, &nearest))
			continue;
		snprintf(why, sizeof(why), "there is no category \"%.100s\"%s%s"
		    "%s; `weirctl attachment categories` lists them",
		    items[i].ptr, nearest != NULL ? ", did you mean \"" : "",
		    nearest != NULL ? nearest : "",
		    nearest != NULL ? "\"?" : "");
		rules_complain(conf, rule, why);
		return false;
	}
	return true;
}

/* rule_load - one section */
static bool
rule_load(struct rule *r, const struct rule_conf *conf, const weir_conf *o)
{
	weir_str text = conf->conf_str(o, RULE_OPT_TEXT);

	r->inside = (enum rule_inside)conf->conf_int(o, RULE_OPT_INSIDE);
	r->direction = (enum rule_direction)conf->conf_int(o,
	    RULE_OPT_DIRECTION);
	r->min_size = (uint64_t)conf->conf_int(o, RULE_OPT_MIN_SIZE);
	r->action = (enum rule_action)conf->conf_int(o, RULE_OPT_ACTION);
	r->score = conf->conf_real(o, RULE_OPT_SCORE);
	r->text = strndup(text.ptr, text.len);
	if (r->text == NULL ||
	    !rule_patterns(r, &r->names, conf, o, RULE_OPT_NAMES) ||
	    !rule_patterns(r, &r->types, conf, o, RULE_OPT_TYPES) ||
	    !rule_patterns(r, &r->magic, conf, o, RULE_OPT_MAGIC) ||
	    !rule_categories(r, &r->categories, conf, o,
		RULE_OPT_CATEGORIES) ||
	    !rule_categories(r, &r->except, conf, o, RULE_OPT_EXCEPT))
		return false;
	if (r->names.n + r->types.n + r->magic.n == 0 && r->categories == 0 &&
	    r->min_size == 0) {
		rules_complain(conf, r, "it has no condition (names, types, "
		    "magic, categories, min_size), so it would meet every "
		    "part of every mail; names = {\"*\"} means every named "
		    "one");
		return false;
	}
	return true;
}

/* rule_builtin - one row of the table above */
static bool
rule_builtin(struct rule *r, size_t i)
{
	r->name = strdup(builtin[i].name);
	r->text = strdup("");
	r->categories = builtin[i].categories;
	r->except = builtin[i].except;
	r->action = builtin[i].action;
	r->score = builtin[i].score;
	r->builtin = true;
	return r->name != NULL && r->text != NULL;
}

/* rules_load - the site's, then ours */
bool
rules_load(struct rules *rules, const struct rule_conf *conf,
    const weir_conf *options, uint32_t row, bool defaults)
{
	uint32_t own = conf->conf_sections(options, row);

	*rules = (struct rules) { .strongest = RULE_ACCEPT };
	rules->v = calloc(own + BUILTINS, sizeof(*rules->v));
	if (rules->v == NULL)
		return false;
	for (uint32_t i = 0; i < own; i++) {
		struct rule *r = &rules->v[rules->n++];
		weir_str title;
		const weir_conf *section = conf->conf_section(options, row, i,
		    &title);

		r->name = strndup(title.ptr, title.len);
		if (r->name == NULL || !rule_load(r, conf, section))
			return false;
	}
	for (size_t i = 0; i < BUILTINS; i++) {
		if (!defaults && !builtin[i].always)
			continue;
		if (!rule_builtin(&rules->v[rules->n++], i))
			return false;
	}
	for (uint32_t i = 0; i < rules->n; i++) {
		enum rule_action a = rules->v[i].action;

		if (a < rules->strongest)
			rules->strongest = a;
		rules->edits = rules->edits || (a >= RULE_REMOVE &&
		    a <= RULE_RENAME);
	}
	return true;
}

/* rules_forget - of a set of categories those that no rule names */
uint64_t
rules_forget(const struct rules *rules, uint64_t categories)
{
	for (uint32_t i = 0; i < rules->n; i++)
		categories &= ~rules->v[i].categories;
	return categories;
}

/* rules_free - all of them */
void
rules_free(struct rules *rules)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		struct rule *r = &rules->v[i];

		free(r->name);
		free(r->text);
		pattern_free(&r->names);
		pattern_free(&r->types);
		pattern_free(&r->magic);
	}
	free(rules->v);
	*rules = (struct rules) { .n = 0 };
}

/* rule_names_match - any pattern with any name, or with the path */
static bool
rule_names_match(const struct rule *r, const struct rule_object *o)
{
	for (size_t i = 0; i < o->n_names; i++) {
		if (pattern_match(&r->names, o->names[i]) != NULL)
			return true;
	}
	return o->path.len > 0 && pattern_match(&r->names, o->path) != NULL;
}

/* rule_match - all conditions that it has */
static bool
rule_match(const struct rule *r, enum rule_direction direction,
    const struct rule_object *o)
{
	if (r->direction != RULE_DIRECTION_ANY && direction != r->direction &&
	    direction != RULE_DIRECTION_ANY)
		return false;
	if (r->inside != RULE_INSIDE_ANY &&
	    (r->inside == RULE_INSIDE_TOP) != (o->path.len == 0))
		return false;
	if (r->categories != 0 && (o->categories & r->categories) == 0)
		return false;
	if ((o->categories & r->except) != 0 || o->size < r->min_size)
		return false;
	if (r->types.n > 0 && (o->declared.len == 0 ||
	    pattern_match(&r->types, o->declared) == NULL))
		return false;
	if (r->magic.n > 0 && (o->magic.len == 0 ||
	    pattern_match(&r->magic, o->magic) == NULL))
		return false;
	return r->names.n == 0 || rule_names_match(r, o);
}

/* rules_match - the first */
uint32_t
rules_match(const struct rules *rules, enum rule_direction direction,
    const struct rule_object *object)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		if (rule_match(&rules->v[i], direction, object))
			return i;
	}
	return RULE_NONE;
}
