/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/declare.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "lua/action.h"
#include "lua/bind.h"
#include "lua/effect.h"
#include "lua/object.h"
#include "lua/trace.h"
#include "lua/view.h"

#define DECLARE_INFO_MAX 4000 /* octets of __RULE_INFO__ */

/* Objects joined by or (all: by and), perhaps inverted. */
struct declare_group {
	VEC(struct object *) objects;
	bool all, invert;
};

/* Groups, joined likewise. */
struct declare_slot {
	VEC(struct declare_group) groups;
	bool all, invert;
	bool per_rcpt;
};

enum { SLOT_FROM, SLOT_TO, SLOT_WHEN, SLOT_WHAT, SLOTS };
static const char *const slot_names[SLOTS] = { "from", "to", "when", "what" };
static const unsigned slot_flags[SLOTS] = { OBJECT_FROM, OBJECT_TO,
	OBJECT_WHEN, OBJECT_WHAT };

struct declare {
	struct declare_slot slots[SLOTS];
	VEC(struct action *) actions; /* in the order of their priorities */
	bool names_parts; /* texts of actions speak of parts that matched */
};

/* declare_free - with all objects and actions */
void
declare_free(struct declare **declare)
{
	struct declare *d = *declare;

	if (d == NULL)
		return;
	*declare = NULL;
	for (int s = 0; s < SLOTS; s++) {
		for (size_t g = 0; g < d->slots[s].groups.n; g++) {
			struct declare_group *x = &d->slots[s].groups.v[g];

			for (size_t i = 0; i < x->objects.n; i++)
				object_free(x->objects.v[i]);
			vec_fini(&x->objects);
		}
		vec_fini(&d->slots[s].groups);
	}
	for (size_t i = 0; i < d->actions.n; i++)
		action_free(d->actions.v[i]);
	vec_fini(&d->actions);
	free(d);
}

/* declare_view_free - for rounds */
void
declare_view_free(struct view **view)
{
	view_free(view);
}

/* declare_refuse - slots beside a function would do nothing */
void
declare_refuse(lua_State *L, const struct rule *rule)
{
	for (int s = 0; s <= SLOTS; s++) {
		const char *name = s < SLOTS ? slot_names[s] : "action";

		if (lua_getfield(L, 2, name) != LUA_TNIL)
			luaL_error(L, "rule \"%s\": %s beside a function",
			    rule->name, name);
		lua_pop(L, 1);
	}
}

/* declare_options - all, invert of the table on top; nothing else by name */
static void
declare_options(lua_State *L, const struct rule *rule, bool *all, bool *invert)
{
	static const char *const names[] = { "all", "invert", NULL };
	int t = lua_gettop(L);

	lua_pushnil(L);
	while (lua_next(L, t) != 0) {
		const char *key;

		if (lua_type(L, -2) == LUA_TNUMBER) {
			lua_pop(L, 1);
			continue;
		}
		key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) :
						       "?";
		if (strcmp(key, "all") == 0)
			*all = lua_toboolean(L, -1);
		else if (strcmp(key, "invert") == 0)
			*invert = lua_toboolean(L, -1);
		else
			luaL_error(L, "rule \"%s\": unknown option \"%s\"%s%s"
			    "%s", rule->name, key,
			    text_nearest(key, names) ? " (did you mean \"" :
			    "", text_nearest(key, names) ?
			    text_nearest(key, names) : "",
			    text_nearest(key, names) ? "\"?)" : "");
		lua_pop(L, 1);
	}
}

/* declare_object - the object on top (popped) into a group */
static void
declare_object(lua_State *L, struct rule *rule, int s,
    struct declare_slot *slot, struct declare_group *group)
{
	struct object *o = object_take(L, -1);
	unsigned flags;

	if (o == NULL)
		luaL_error(L, "rule \"%s\": %s holds a %s, not an object",
		    rule->name, slot_names[s], luaL_typename(L, -1));
	*vec_push(&group->objects) = o;
	flags = object_flags(o);
	if ((flags & slot_flags[s]) == 0)
		luaL_error(L, "rule \"%s\": %s can't stand in slot %s",
		    rule->name, object_name(o), slot_names[s]);
	slot->per_rcpt |= (flags & OBJECT_PER_RCPT) != 0;
	if ((flags & OBJECT_HEADERS) != 0 && rule->content < RULE_HEADERS)
		rule->content = RULE_HEADERS;
	if ((flags & OBJECT_BODY) != 0)
		rule->content = RULE_BODY;
	lua_pop(L, 1);
}

/* declare_slot - from the field of that name: an object, or a list of objects
   and of lists of objects */
static void
declare_slot(lua_State *L, struct rule *rule, int s)
{
	struct declare_slot *slot = &rule->declare->slots[s];
	int type = lua_getfield(L, 2, slot_names[s]);

	if (type == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	if (type != LUA_TTABLE) {
		declare_object(L, rule, s, slot, vec_push(&slot->groups));
		return;
	}
	declare_options(L, rule, &slot->all, &slot->invert);
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		struct declare_group *group = vec_push(&slot->groups);

		if (!lua_istable(L, -1)) {
			declare_object(L, rule, s, slot, group);
			continue;
		}
		declare_options(L, rule, &group->all, &group->invert);
		for (lua_Integer k = 1; lua_rawgeti(L, -1, k) != LUA_TNIL; k++)
			declare_object(L, rule, s, slot, group);
		lua_pop(L, 2);
	}
	lua_pop(L, 2);
}

/* declare_action - the action on top (popped), behind those before it */
static void
declare_action(lua_State *L, struct rule *rule)
{
	struct declare *d = rule->declare;
	struct action *a = action_take(L, -1);
	size_t i;

	if (a == NULL)
		luaL_error(L, "rule \"%s\": action holds a %s, not an action",
		    rule->name, luaL_typename(L, -1));
	vec_push(&d->actions);
	for (i = d->actions.n - 1; i > 0 &&
	     action_priority(d->actions.v[i - 1]) > action_priority(a); i--)
		d->actions.v[i] = d->actions.v[i - 1];
	d->actions.v[i] = a;
	if (action_is_edit(a) && rule->stage != WEIR_STAGE_EOM)
		luaL_error(L, "rule \"%s\": edits need stage eom", rule->name);
	d->names_parts |= action_content(a) == RULE_BODY;
	if (rule->content < action_content(a))
		rule->content = action_content(a);
	lua_pop(L, 1);
}

/* declare_compile - slots and actions */
void
declare_compile(lua_State *L, struct rules *r, struct rule *rule)
{
	int type;

	(void)r;
	rule->declare = xcalloc(1, sizeof(*rule->declare));
	rule->content = RULE_NONE;
	for (int s = 0; s < SLOTS; s++)
		declare_slot(L, rule, s);
	type = lua_getfield(L, 2, "action");
	if (type == LUA_TNIL)
		luaL_error(L, "rule \"%s\" has neither a function nor an "
		    "action", rule->name);
	if (type == LUA_TTABLE) {
		for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++)
			declare_action(L, rule);
		lua_pop(L, 2);
	} else {
		declare_action(L, rule);
	}
	if (rule->stage != WEIR_STAGE_EOM && rule->content >= RULE_HEADERS &&
	    (rule->stage != WEIR_STAGE_EOH || rule->content == RULE_BODY))
		luaL_error(L, "rule \"%s\" looks at the message: it needs "
		    "stage eom", rule->name);
}

/* declare_group_match - objects of a group */
static int
declare_group_match(const struct declare_group *g, struct view *v, bool to,
    uint32_t rcpt, struct mark *mark)
{
	/* and over nothing is true, or over nothing is false */
	mark_none(mark, g->all);
	for (size_t i = 0; i < g->objects.n; i++) {
		struct mark one;
		int status = object_match(g->objects.v[i], v, to, rcpt, &one);

		if (status < 0)
			return status;
		if (g->all)
			mark_and(mark, &one);
		else
			mark_or(mark, &one);
		if (g->all && !mark->matched)
			break;
	}
	if (g->invert)
		mark_invert(mark, mark->parts ? view_parts(v) : 0);
	return WEIR_OK;
}

/* declare_match - a slot: an empty one matches everything.  Across groups and and
   or are boolean, the marks found are united: with found no group is left
   out. */
static int
declare_match(const struct declare *d, int s, struct view *v, uint32_t rcpt,
    bool *yes, struct mark *found)
{
	const struct declare_slot *slot = &d->slots[s];
	struct mark mark;

	*yes = true;
	if (slot->groups.n == 0)
		return WEIR_OK;
	*yes = slot->all;
	for (size_t i = 0; i < slot->groups.n &&
	     (found != NULL || *yes == slot->all); i++) {
		int status = declare_group_match(&slot->groups.v[i], v,
		    s == SLOT_TO, rcpt, &mark);

		if (status < 0)
			return status;
		if (found != NULL && mark.matched)
			mark_or(found, &mark);
		if (*yes == slot->all)
			*yes = mark.matched;
	}
	if (slot->invert)
		*yes = !*yes;
	return WEIR_OK;
}

/* declare_tell - which slot did not match, and what it looked at */
static void
declare_tell(struct round *round, int s, uint32_t rcpt)
{
	const struct declare_slot *slot = &round->rule->declare->slots[s];
	struct buf seen = BUF_INIT;

	for (size_t g = 0; trace_on && g < slot->groups.n; g++) {
		const struct declare_group *group = &slot->groups.v[g];

		for (size_t i = 0; i < group->objects.n; i++)
			object_seen(group->objects.v[i], round->view,
			    s == SLOT_TO, rcpt, &seen);
	}
	if (trace_on)
		trace_slot(round, slot_names[s], buf_str(&seen), s == SLOT_TO ||
		    slot->per_rcpt ? rcpt : WEIR_RCPT_NONE);
	buf_fini(&seen);
}

/* declare_once - slots that are the same for all recipients */
static int
declare_once(struct round *round, bool *yes)
{
	const struct declare *d = round->rule->declare;
	static const int order[] = { SLOT_FROM, SLOT_WHEN, SLOT_WHAT };
	int status = WEIR_OK;

	*yes = true;
	for (int i = 0; i < 3 && status == WEIR_OK && *yes; i++) {
		if (d->slots[order[i]].per_rcpt)
			continue;
		status = declare_match(d, order[i], round->view, round->rcpt,
		    yes, order[i] == SLOT_WHAT ? round->found : NULL);
		if (!*yes)
			declare_tell(round, order[i], round->rcpt);
	}
	return status;
}

/* declare_each - the others, for one recipient */
static int
declare_each(struct round *round, uint32_t rcpt, bool *yes)
{
	const struct declare *d = round->rule->declare;
	int status = WEIR_OK;

	*yes = true;
	for (int s = 0; s < SLOTS && status == WEIR_OK && *yes; s++) {
		if (s != SLOT_TO && !d->slots[s].per_rcpt)
			continue;
		status = declare_match(d, s, round->view, rcpt, yes,
		    s == SLOT_WHAT ? round->found : NULL);
		if (!*yes)
			declare_tell(round, s, rcpt);
	}
	return status;
}

/* declare_targets - recipients that match: their number, or an error; *all:
   nobody without a verdict is left out */
static int
declare_targets(struct round *round, uint32_t *targets, bool *all)
{
	const struct weir_host *h = round->rules->host;
	uint32_t count = h->rcpt_count(round->call);
	int n = 0, status;
	bool yes;

	*all = true;
	if (round->stage != WEIR_STAGE_EOM) {
		targets[0] = round->rcpt;
		status = declare_each(round, round->rcpt, &yes);
		return status < 0 ? status : yes;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (view_rcpt(round->view, i).len == 0 ||
		    effect_is_decided(round, i))
			continue;
		status = declare_each(round, i, &yes);
		if (status < 0)
			return status;
		if (yes)
			targets[n++] = i;
		else
			*all = false;
	}
	return n;
}

/* declare_note - one more rule in __RULE_INFO__: for whom, and what it does */
static void
declare_note(struct round *round, const uint32_t *targets, uint32_t n)
{
	const struct declare *d = round->rule->declare;
	struct buf *info = &round->info;

	if (info->len > DECLARE_INFO_MAX)
		return;
	buf_printf(info, "%s%s (%s:%d) for ", info->len > 0 ? "; " : "",
	    round->rule->name, round->rule->file, round->rule->line);
	for (uint32_t i = 0; i < n && info->len < DECLARE_INFO_MAX; i++) {
		weir_str a = view_rcpt(round->view, targets[i]);

		buf_printf(info, "%s%.*s", i > 0 ? ", " : "", (int)a.len,
		    a.ptr);
	}
	for (size_t i = 0; i < d->actions.n; i++)
		buf_printf(info, "%s%s", i > 0 ? ", " : ": ",
		    action_name_of(d->actions.v[i]));
}

/* declare_act - do what the rule says, up to the first final action */
static int
declare_act(struct round *round, const uint32_t *targets, uint32_t n, bool all)
{
	const struct declare *d = round->rule->declare;
	struct macro_context c = { round, round->view, targets, n,
		&round->info, round->found, false };
	int status = WEIR_OK;

	declare_note(round, targets, n);
	for (size_t i = 0; i < d->actions.n && status == WEIR_OK; i++) {
		status = action_run(d->actions.v[i], &c, all);
		if (action_is_final(d->actions.v[i]))
			break;
	}
	return status;
}

/* declare_run - match, then act */
void
declare_run(struct round *round)
{
	struct mark found;
	uint32_t *targets;
	bool yes = true, all;
	int n;

	if (round->view == NULL)
		round->view = view_create(round);
	targets = xcalloc(round->rules->host->rcpt_count(round->call) + 1,
	    sizeof(*targets));
	mark_none(&found, false);
	round->found = round->rule->declare->names_parts ? &found : NULL;
	n = declare_once(round, &yes);
	if (n == WEIR_OK && yes) {
		n = declare_targets(round, targets, &all);
		if (n > 0) {
			round_match(round);
			trace_match();
			n = declare_act(round, targets, (uint32_t)n, all);
		}
	}
	free(targets);
	round->found = NULL;
	if (n == WEIR_E_LIMIT)
		round_fail(round, NULL, "an expression or an edit goes beyond "
		    "its limit");
	else if (n < 0)
		round_fail(round, NULL, status_name(n));
}

const struct bind_row bind_rule_rows[] = {
	{ "rule", "rule \"name\" { options, function(mail) ... end }",
	    "Make a rule. Options: stage (connect, helo, mail, rcpt, data, "
	    "eoh, eom), priority 0 to 100 (higher ones first, default 50), "
	    "direction (in, out, both), shadow, on_failure (tempfail, "
	    "quarantine, pass; by default the module's), content (none, "
	    "headers, body), active (false: it is checked, and never runs). "
	    "Instead of a function: from, to, when, what and action.",
	    rule_register },
	{ NULL, NULL, NULL, NULL }
};
