/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/command.h"

#include <glib.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "lua/manual.h"
#include "base/text.h"

static const char *const command_directions[] = { "both", "in", "out" };

/* command_print - the answer, as JSON or as it is */
static int
command_print(struct rules *r, weir_call *call, struct buf *text, json_t *json)
{
	char *dump = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	int status = WEIR_OK;

	if (dump != NULL) {
		status = r->control->print(call, weir_str_of(dump));
		if (status == WEIR_OK)
			status = r->control->print(call, WEIR_STR("\n"));
	} else if (text->len > 0) {
		status = r->control->print(call, buf_str(text));
	}
	free(dump);
	json_decref(json);
	buf_fini(text);
	return status;
}

/* command_list - what rules there are */
static int
command_list(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool as_json)
{
	struct rules *r = state;
	json_t *json = as_json ? json_array() : NULL;
	struct buf text = BUF_INIT;

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < r->rules.n; i++) {
		const struct rule *x = r->rules.v[i];

		if (as_json)
			json_array_append_new(json, json_pack("{s:s,s:s,s:i,"
			    "s:s,s:i,s:s,s:b,s:b}", "name", x->name, "file",
			    x->file, "line", x->line, "stage",
			    stage_name(x->stage), "priority", x->priority,
			    "direction", command_directions[x->direction],
			    "shadow", x->shadow, "active", x->active));
		else
			buf_printf(&text, "%-8s %3d %-4s %s%s%s (%s:%d)\n",
			    stage_name(x->stage), x->priority,
			    command_directions[x->direction], x->name,
			    x->shadow ? " [shadow]" : "",
			    x->active ? "" : " [not active]", x->file,
			    x->line);
	}
	return command_print(r, call, &text, json);
}

/* command_stats - how often, how long; of this worker */
static int
command_stats(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool as_json)
{
	struct rules *r = state;
	json_t *json = as_json ? json_array() : NULL;
	struct buf text = BUF_INIT;

	(void)argc;
	(void)argv;
	if (!as_json)
		buf_printf(&text, "%10s %10s %8s %8s %10s  rule\n",
		    "runs", "matches", "failures", "overruns", "us/run");
	for (size_t i = 0; i < r->rules.n; i++) {
		const struct rule *x = r->rules.v[i];
		double us = x->runs > 0 ? (double)x->time_ns / 1000.0 /
		    (double)x->runs : 0;

		if (as_json)
			json_array_append_new(json, json_pack(
			    "{s:s,s:I,s:I,s:I,s:I,s:f}", "name", x->name, "runs",
			    (json_int_t)x->runs, "matches",
			    (json_int_t)x->matches, "failures",
			    (json_int_t)x->failures, "overruns",
			    (json_int_t)x->overruns, "us", us));
		else
			buf_printf(&text, "%10llu %10llu %8llu %8llu %10.1f"
			    "  %s\n",
			    (unsigned long long)x->runs,
			    (unsigned long long)x->matches,
			    (unsigned long long)x->failures,
			    (unsigned long long)x->overruns, us, x->name);
	}
	return command_print(r, call, &text, json);
}

/* command_changes - decisions by what they were and would have been */
static void
command_changes(const struct rule *x, json_t *one, struct buf *text)
{
	json_t *changes = json_array(), *samples = json_array();

	buf_printf(text, "    would have changed %llu decisions\n",
	    (unsigned long long)x->nchanges);
	for (int was = 0; was < SHADOW_ACTIONS; was++) {
		for (int would = 0; would < SHADOW_ACTIONS; would++) {
			if (x->changes[was][would] == 0)
				continue;
			json_array_append_new(changes, json_pack(
			    "{s:s,s:s,s:I}", "old", action_name(was), "new",
			    action_name(would), "count",
			    (json_int_t)x->changes[was][would]));
			buf_printf(text, "%12llu  %s -> %s\n",
			    (unsigned long long)x->changes[was][would],
			    action_name(was), action_name(would));
		}
	}
	for (int i = 0; i < SHADOW_SAMPLES; i++) {
		const struct shadow_sample *s = &x->samples[i];
		json_t *o;

		if (s->id[0] == '\0')
			continue;
		/* a recipient is what a client says it is */
		o = json_pack("{s:s,s:s?,s:s,s:s}", "id", s->id, "recipient",
		    text_is_utf8(weir_str_of(s->recipient)) ? s->recipient :
		    NULL, "old", action_name((int)s->was), "new",
		    action_name((int)s->would));
		json_array_append_new(samples, o);
		buf_printf(text, "    for example %s: %s -> %s for %s\n",
		    s->id, action_name((int)s->was),
		    action_name((int)s->would), s->recipient);
	}
	json_object_set_new(one, "would_change",
	    json_integer((json_int_t)x->nchanges));
	json_object_set_new(one, "changes", changes);
	json_object_set_new(one, "samples", samples);
}

/* command_shadow - what rules in shadow would have done */
static int
command_shadow(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool as_json)
{
	struct rules *r = state;
	json_t *json = as_json ? json_array() : NULL;
	struct buf text = BUF_INIT;

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < r->rules.n; i++) {
		const struct rule *x = r->rules.v[i];
		json_t *one;

		if (!x->shadow)
			continue;
		one = json_pack("{s:s,s:I}", "name", x->name, "runs",
		    (json_int_t)x->runs);
		buf_printf(&text, "%s: %llu runs", x->name,
		    (unsigned long long)x->runs);
		for (int e = 0; e < EFFECT_COUNT; e++) {
			json_object_set_new(one, rule_effects[e],
			    json_integer((json_int_t)x->effects[e]));
			if (x->effects[e] > 0)
				buf_printf(&text, ", %s %llu",
				    rule_effects[e],
				    (unsigned long long)x->effects[e]);
		}
		buf_add_str(&text, "\n");
		command_changes(x, one, &text);
		if (as_json)
			json_array_append(json, one);
		json_decref(one);
	}
	return command_print(r, call, &text, json);
}

/* command_help - what rules can call */
static int
command_help(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool as_json)
{
	struct rules *r = state;
	struct buf text = BUF_INIT;
	const char *near;

	(void)as_json;
	if (argc > 2)
		return WEIR_E_INVAL;
	if (lua_manual_help(argc == 2 ? argv[1] : NULL, &text, &near) > 0)
		return command_print(r, call, &text, NULL);
	buf_printf(&text, "nothing is called \"%.80s\"%s%s%s\n", argv[1],
	    near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?)" : "");
	r->control->error(call, buf_str(&text));
	buf_fini(&text);
	return WEIR_E_NOTFOUND;
}

/* command_digest - do two machines, or two workers, have the same rules */
static int
command_digest(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool as_json)
{
	struct rules *r = state;
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct buf text = BUF_INIT;
	json_t *json = NULL;

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < r->files.n; i++) {
		const struct rule_file *f = &r->files.v[i];

		/* with the NUL behind each name, and the length */
		g_checksum_update(sum, (const guchar *)f->name,
		    (gssize)strlen(f->name) + 1);
		buf_printf(&text, "%zu:", f->len);
		g_checksum_update(sum, (const guchar *)text.ptr,
		    (gssize)text.len);
		g_checksum_update(sum, (const guchar *)f->text,
		    (gssize)f->len);
		buf_clear(&text);
	}
	if (as_json)
		json = json_pack("{s:s,s:I,s:I}", "sha256",
		    g_checksum_get_string(sum), "files",
		    (json_int_t)r->files.n, "rules", (json_int_t)r->rules.n);
	else
		buf_printf(&text, "%s  %zu rules from %zu files in %s\n",
		    g_checksum_get_string(sum), r->rules.n, r->files.n,
		    r->path);
	g_checksum_free(sum);
	return command_print(r, call, &text, json);
}

/* command_init - register them */
void
command_init(struct rules *r)
{
	r->control->command(r->self, "list", "list",
	    "List the rules in the order of the files.", command_list);
	r->control->command(r->self, "stats", "stats",
	    "Runs, matches, failures and time of each rule.", command_stats);
	r->control->command(r->self, "digest", "digest",
	    "SHA-256 over names and texts of the rule files in force.",
	    command_digest);
	r->control->command(r->self, "help", "help [NAME]",
	    "What rules can call; with a NAME, how.", command_help);
	r->control->command(r->self, "shadow", "shadow",
	    "What rules in shadow would have done and changed; of this worker.",
	    command_shadow);
}
