/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_modules - what each module is, did and is set to. */
#include <stdlib.h>
#include <string.h>

#include <weir/ext/remote.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/dump.h"
#include "conf/value.h"
#include "ctl/commands.h"
#include "ctl/format.h"
#include "daemon/worker.h"
#include "host/load.h"
#include "host/table.h"
#include "obs/board.h"

static const char *const failure_names[] = { "tempfail", "quarantine",
	"pass" };

/* modules_options - the effective values of all modules, by name */
static json_t *
modules_options(const struct conf *conf)
{
	struct buf text = BUF_INIT;
	json_t *all, *modules;

	conf_dump(conf, false, true, &text);
	all = json_loadb(buf_str(&text).ptr, text.len, 0, NULL);
	modules = json_incref(json_object_get(all, "module"));
	json_decref(all);
	buf_fini(&text);
	return modules;
}

/* modules_counts - what the board has counted, over all workers */
static void
modules_counts(json_t *o, const char *name)
{
	int i = board != NULL ? board_module_find(name) : -1;
	const struct board_module *m;
	int64_t now = clock_mono_ms();

	if (i < 0)
		return;
	m = &board->module[i];
	json_object_set_new(o, "calls",
	    json_integer((json_int_t)atomic_load(&m->calls)));
	json_object_set_new(o, "failures",
	    json_integer((json_int_t)atomic_load(&m->failures)));
	json_object_set_new(o, "crashes",
	    json_integer((json_int_t)atomic_load(&m->crashes)));
	json_object_set_new(o, "time_ms",
	    json_real((double)atomic_load(&m->time_ns) / 1e6));
	if (board_is_benched(i, now))
		json_object_set_new(o, "benched_until_ms",
		    json_integer((json_int_t)(clock_wall_ms() +
			atomic_load(&m->benched_until) - now)));
}

/* modules_symbols - what it may report, with the site's weights */
static json_t *
modules_symbols(const struct conf *conf, const struct weir_module *d)
{
	json_t *all = json_array();

	for (const struct weir_symbol *s = d->symbols;
	     s != NULL && s->name != NULL;
	     s = (const void *)((const char *)s + d->stride_symbol))
		json_array_append_new(all, json_pack("{s:s,s:f,s:s}", "name",
		    s->name, "score", conf_score(conf, s->name, s->score),
		    "help", s->help != NULL ? s->help : ""));
	return all;
}

/* modules_helpers - its processes: what they run, how they are shut in */
static json_t *
modules_helpers(const struct weir_module *d)
{
	json_t *all = json_array();

	for (uint32_t i = 0; d->helpers != NULL && d->helpers[i] != NULL; i++) {
		const struct weir_helper *h = d->helpers[i];

		json_array_append_new(all, json_pack("{s:s,s:s?,s:s}", "name",
		    h->name, "program", h->program, "sandbox",
		    (h->flags & WEIR_HELPER_PROGRAMS) != 0 ? "lesser" :
							     "strict"));
	}
	return all;
}

/* modules_drafts - what it needs that may change or vanish */
static json_t *
modules_drafts(const struct weir_module *d)
{
	json_t *all = json_array();

	for (const char *const *n = d->needs; n != NULL && *n != NULL; n++) {
		if (table_is_draft(*n))
			json_array_append_new(all, json_string(*n));
	}
	return all;
}

/* modules_one - everything about one */
static json_t *
modules_one(const struct conf *conf, const struct conf_module *m,
    const json_t *options)
{
	const struct weir_module *d = m->desc;
	const char *path = load_path(m->name);
	char abi[24];
	json_t *o;

	snprintf(abi, sizeof(abi), "%u.%u", d->abi_major, d->abi_minor);
	o = json_pack("{s:s,s:s?,s:s?,s:s?,s:s?,s:s,s:s,s:s,s:s,s:b,s:I}",
	    "name", m->name, "id", d->id, "version", d->version, "license",
	    d->license, "summary", d->summary, "abi", abi, "path",
	    path != NULL ? path : m->path, "on_failure",
	    failure_names[m->on_failure], "on_failure_out",
	    failure_names[m->on_failure_out], "shadow", m->shadow,
	    "timeout_ms", (json_int_t)m->timeout_ms);
	modules_counts(o, m->name);
	json_object_set_new(o, "symbols", modules_symbols(conf, d));
	json_object_set_new(o, "helpers", modules_helpers(d));
	json_object_set_new(o, "drafts", modules_drafts(d));
	json_object_set(o, "options", json_object_get(options, m->name));
	return o;
}

/* modules_value - an option's value in one line, as the file writes it */
static void
modules_value(const json_t *v, struct buf *out)
{
	struct buf text = BUF_INIT;
	json_t *item;
	size_t i;

	if (json_is_null(v)) {
		buf_add_str(out, "(not shown or not set)");
	} else if (json_is_boolean(v)) {
		buf_add_str(out, json_is_true(v) ? "yes" : "no");
	} else if (json_is_integer(v)) {
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		value_real_print(json_real_value(v), out);
	} else if (json_is_array(v)) {
		buf_add_char(out, '{');
		json_array_foreach(v, i, item) {
			if (i > 0)
				buf_add_str(out, ", ");
			modules_value(item, out);
		}
		buf_add_char(out, '}');
	} else {
		value_string_print(json_string_value(v), &text);
		format_clean(text.ptr, out);
	}
	buf_fini(&text);
}

/* modules_options_text - one line an option, sections indented */
static void
modules_options_text(const json_t *options, unsigned indent, struct buf *out)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)options, key, v) {
		buf_printf(out, "%*s", (int)indent, "");
		format_clean(key, out);
		if (json_is_object(v) && json_object_size(v) == 0) {
			buf_add_str(out, " (none)\n");
		} else if (json_is_object(v) && indent < 40) {
			buf_add_char(out, '\n');
			modules_options_text(v, indent + 4, out);
		} else {
			buf_add_str(out, " = ");
			modules_value(v, out);
			buf_add_char(out, '\n');
		}
	}
}

/* modules_counts_text - one line of numbers */
static void
modules_counts_text(const json_t *m, struct buf *out)
{
	int64_t calls = format_int(m, "calls");

	buf_printf(out, "    %lld calls", (long long)calls);
	if (calls > 0)
		buf_printf(out, " in %.3f s of time, %.3f ms on average",
		    format_real(m, "time_ms") / 1e3,
		    format_real(m, "time_ms") / (double)calls);
	buf_printf(out, ", %lld failures, %lld crashes\n",
	    (long long)format_int(m, "failures"),
	    (long long)format_int(m, "crashes"));
	if (format_int(m, "benched_until_ms") > 0) {
		buf_add_str(out, "    BENCHED until ");
		format_time(format_int(m, "benched_until_ms"), out);
		buf_add_char(out, '\n');
	}
}

/* modules_text - a paragraph a module */
static void
modules_text(const json_t *all, struct buf *out)
{
	size_t i, k;
	json_t *m, *s, *h;

	if (json_array_size(all) == 0)
		buf_add_str(out, "no modules are configured\n");
	json_array_foreach(all, i, m) {
		buf_printf(out, "%s%s %s (%s, ABI %s)%s\n    ",
		    i > 0 ? "\n" : "", format_str(m, "name"),
		    format_str(m, "version"), format_str(m, "license"),
		    format_str(m, "abi"),
		    format_bool(m, "shadow") ? ", in shadow" : "");
		format_wrap(format_str(m, "summary"), 4, out);
		buf_printf(out, "    %s\n", format_str(m, "path"));
		json_array_foreach(json_object_get(m, "helpers"), k, h) {
			const char *program = format_str(h, "program");

			buf_printf(out, "    helper %s, %s sandbox%s%s\n",
			    format_str(h, "name"), format_str(h, "sandbox"),
			    program[0] != '\0' ? ", runs " : "", program);
		}
		json_array_foreach(json_object_get(m, "drafts"), k, h)
			buf_printf(out, "    draft: uses %s, which may change "
			    "or vanish\n", json_string_value(h));
		modules_counts_text(m, out);
		buf_printf(out, "    if it can't check: %s inbound, %s "
		    "outbound\n", format_str(m, "on_failure"),
		    format_str(m, "on_failure_out"));
		if (json_array_size(json_object_get(m, "symbols")) > 0)
			buf_add_str(out, "    symbols\n");
		json_array_foreach(json_object_get(m, "symbols"), k, s) {
			size_t line = out->len;

			buf_printf(out, "        %+7.2f  %s",
			    format_real(s, "score"), format_str(s, "name"));
			format_pad(out, line, 40);
			format_wrap(format_str(s, "help"), 40, out);
		}
		buf_add_str(out, "    options\n");
		modules_options_text(json_object_get(m, "options"), 8, out);
	}
}

/* modules_unknown - weirctl modules NAME, and there is none */
static void
modules_unknown(struct ctl_request *r, const struct conf *conf)
{
	const char **names = calloc(conf->n_modules + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; names != NULL && i < conf->n_modules; i++)
		names[i] = conf->modules[i].name;
	if (names != NULL)
		near = text_nearest(r->argv[1], names);
	ctl_fail(r, CTL_FAILED, "module \"%s\" is not configured%s%s%s",
	    r->argv[1], near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
	free(names);
}

/* cmd_modules - weirctl modules [NAME] */
void
cmd_modules(struct ctl_request *r)
{
	const struct conf *conf = worker_conf();
	json_t *all, *options;

	if (r->argc > 1 && conf_module_find(conf, r->argv[1]) == NULL) {
		modules_unknown(r, conf);
		return;
	}
	all = json_array();
	options = modules_options(conf);
	for (size_t i = 0; i < conf->n_modules; i++) {
		const struct conf_module *m = &conf->modules[i];

		if (r->argc == 1 || strcmp(m->name, r->argv[1]) == 0)
			json_array_append_new(all,
			    modules_one(conf, m, options));
	}
	json_decref(options);
	ctl_answer(r, all, modules_text);
}
