/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/dump.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "conf/value.h"

/* What the two forms are written with. */
struct dump {
	struct buf *out;
	bool with_origin;
	bool secrets; /* are shown */
};

/* dump_origin - "default" or "FILE:LINE", fit for a comment */
static void
dump_origin(const char *file, unsigned line, struct buf *out)
{
	char path[1024];

	if (file == NULL) {
		buf_add_str(out, "default");
		return;
	}
	text_escape(path, sizeof(path), text_slice(file));
	buf_printf(out, "%s:%u", path, line);
}

/* dump_number - numbers in file syntax, without quotes */
static void
dump_number(const struct weir_option *row, const struct conf_value *v,
    struct buf *out)
{
	switch (row->type) {
	case WEIR_OPT_BOOL:
		buf_add_str(out, v->num != 0 ? "yes" : "no");
		break;
	case WEIR_OPT_INT:
		buf_printf(out, "%lld", (long long)v->num);
		break;
	case WEIR_OPT_REAL:
		value_real_print(v->real, out);
		break;
	case WEIR_OPT_DURATION:
		value_duration_print(v->num, out);
		break;
	case WEIR_OPT_SIZE:
		value_size_print(v->num, out);
		break;
	default: {
		weir_str word = value_enum_word(row->choices, v->num);

		buf_add(out, word.ptr, word.len);
	}
	}
}

/* dump_value - the value in file syntax */
static void
dump_value(const struct weir_option *row, const struct conf_value *v,
    struct buf *out)
{
	if (row->type == WEIR_OPT_LIST || row->type == WEIR_OPT_NETLIST) {
		buf_add_char(out, '{');
		for (uint32_t i = 0; i < v->n; i++) {
			if (i != 0)
				buf_add_str(out, ", ");
			value_string_print(v->items[i].ptr, out);
		}
		buf_add_char(out, '}');
	} else if (!value_is_number(row->type)) {
		value_string_print(v->str.ptr, out);
	} else {
		bool quoted = row->type != WEIR_OPT_BOOL &&
		    row->type != WEIR_OPT_INT && row->type != WEIR_OPT_REAL;

		if (quoted)
			buf_add_char(out, '"');
		dump_number(row, v, out);
		if (quoted)
			buf_add_char(out, '"');
	}
}

/* dump_indent - a tab a level */
static void
dump_indent(const struct dump *d, unsigned level)
{
	while (level-- > 0)
		buf_add_char(d->out, '\t');
}

static void dump_section(const struct dump *d, const char *name, bool titled,
    const struct weir_conf *sec, unsigned level);

/* dump_option - one line */
static void
dump_option(const struct dump *d, const struct weir_option *row,
    const struct conf_value *v, unsigned level)
{
	dump_indent(d, level);
	if (v->origin == CONF_UNSET) {
		buf_printf(d->out, "# %s is not set\n", row->name);
		return;
	}
	if ((row->flags & WEIR_OPT_SECRET) != 0 && !d->secrets) {
		buf_printf(d->out, "# %s is secret", row->name);
	} else {
		buf_printf(d->out, "%s = ", row->name);
		dump_value(row, v, d->out);
	}
	if (d->with_origin) {
		buf_add_str(d->out, "  # ");
		dump_origin(v->origin == CONF_FILE ? v->file : NULL, v->line,
		    d->out);
	}
	buf_add_char(d->out, '\n');
}

/* dump_rows - options first, then sections */
static void
dump_rows(const struct dump *d, const struct weir_conf *sec, unsigned level)
{
	for (uint32_t i = 0; i < sec->n; i++) {
		if (sec->rows[i].type != WEIR_OPT_SECTION)
			dump_option(d, &sec->rows[i], &sec->values[i], level);
	}
	for (uint32_t i = 0; i < sec->n; i++) {
		const struct conf_value *v = &sec->values[i];

		if (sec->rows[i].type != WEIR_OPT_SECTION)
			continue;
		for (uint32_t k = 0; k < v->n; k++)
			dump_section(d, sec->rows[i].name,
			    (sec->rows[i].flags & SECTION_SINGLE) == 0,
			    &v->sections[k], level);
	}
}

/* dump_section - name "title" { ... } */
static void
dump_section(const struct dump *d, const char *name, bool titled,
    const struct weir_conf *sec, unsigned level)
{
	dump_indent(d, level);
	buf_printf(d->out, "%s ", name);
	if (titled) {
		value_string_print(sec->title.ptr, d->out);
		buf_add_char(d->out, ' ');
	}
	buf_add_char(d->out, '{');
	if (d->with_origin) {
		buf_add_str(d->out, "  # ");
		dump_origin(sec->file, sec->line, d->out);
	}
	buf_add_char(d->out, '\n');
	dump_rows(d, sec, level + 1);
	dump_indent(d, level);
	buf_add_str(d->out, "}\n");
}

/* dump_json_value - one value */
static json_t *
dump_json_value(const struct weir_option *row, const struct conf_value *v)
{
	struct buf text = BUF_INIT;
	json_t *j;

	if (v->origin == CONF_UNSET || (row->flags & WEIR_OPT_SECRET) != 0)
		return json_null();
	switch (row->type) {
	case WEIR_OPT_BOOL:
		return json_boolean(v->num != 0);
	case WEIR_OPT_INT:
		return json_integer(v->num);
	case WEIR_OPT_REAL:
		return json_real(v->real);
	case WEIR_OPT_LIST:
	case WEIR_OPT_NETLIST:
		j = json_array();
		for (uint32_t i = 0; i < v->n; i++)
			json_array_append_new(j, json_string(v->items[i].ptr));
		return j;
	case WEIR_OPT_STRING:
	case WEIR_OPT_PATH:
		return json_string(v->str.ptr);
	default:
		dump_number(row, v, &text);
		j = json_stringn(text.ptr, text.len);
		buf_fini(&text);
		return j;
	}
}

/* dump_json_option - one value, with its origin if that is wanted */
static json_t *
dump_json_option(const struct dump *d, const struct weir_option *row,
    const struct conf_value *v)
{
	struct buf text = BUF_INIT;
	json_t *j;

	if (!d->with_origin)
		return dump_json_value(row, v);
	dump_origin(v->origin == CONF_FILE ? v->file : NULL, v->line, &text);
	j = json_object();
	json_object_set_new(j, "value", dump_json_value(row, v));
	json_object_set_new(j, "origin", json_string(text.ptr));
	if ((row->flags & WEIR_OPT_SECRET) != 0)
		json_object_set_new(j, "secret", json_true());
	buf_fini(&text);
	return j;
}

/* dump_json - one section */
static json_t *
dump_json(const struct dump *d, const struct weir_conf *sec)
{
	json_t *j = json_object();

	for (uint32_t i = 0; i < sec->n; i++) {
		const struct weir_option *row = &sec->rows[i];
		const struct conf_value *v = &sec->values[i];
		json_t *value;

		if (row->type != WEIR_OPT_SECTION) {
			value = dump_json_option(d, row, v);
		} else if ((row->flags & SECTION_SINGLE) != 0) {
			value = dump_json(d, &v->sections[0]);
		} else {
			value = json_object();
			for (uint32_t k = 0; k < v->n; k++)
				json_object_set_new(value,
				    v->sections[k].title.ptr,
				    dump_json(d, &v->sections[k]));
		}
		json_object_set_new(j, row->name, value);
	}
	return j;
}

/* conf_dump - write it all */
void
conf_dump(const struct conf *conf, bool with_origin, bool json,
    struct buf *out)
{
	struct dump d = { out, with_origin, false };
	json_t *j, *modules;
	char *text;

	if (!json) {
		dump_rows(&d, conf->root, 0);
		for (size_t i = 0; i < conf->n_modules; i++)
			dump_section(&d, "module", true,
			    conf->modules[i].all, 0);
		return;
	}
	j = dump_json(&d, conf->root);
	modules = json_object();
	for (size_t i = 0; i < conf->n_modules; i++)
		json_object_set_new(modules, conf->modules[i].name,
		    dump_json(&d, conf->modules[i].all));
	json_object_set_new(j, "module", modules);
	text = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	if (text == NULL)
		fatal("out of memory");
	buf_add_str(out, text);
	buf_add_char(out, '\n');
	free(text);
	json_decref(j);
}

/* conf_dump_module - one module, to be loaded again */
void
conf_dump_module(const struct conf *conf, const struct conf_module *m,
    struct buf *out)
{
	struct dump d = { out, false, true };
	const struct weir_conf *root = conf->root;

	for (uint32_t i = 0; i < root->n; i++) {
		const struct conf_value *v = &root->values[i];

		if (strcmp(root->rows[i].name, "networks") != 0)
			continue;
		for (uint32_t k = 0; k < v->n; k++)
			dump_section(&d, "networks", true, &v->sections[k], 0);
	}
	dump_section(&d, "module", true, m->all, 0);
}
