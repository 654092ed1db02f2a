/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/manual.h"

#include <stdio.h>

#include "conf/core.h"
#include "conf/value.h"

/* manual_text - running text: nothing in it may be a macro or an escape */
static void
manual_text(const char *text, struct buf *out)
{
	bool start = out->len == 0 || out->ptr[out->len - 1] == '\n';

	if (start && (*text == '.' || *text == '\''))
		buf_add_str(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_add_str(out, "\\e");
		else if (*text == '-')
			buf_add_str(out, "\\-");
		else if (*text == '"')
			buf_add_str(out, "\\(dq");
		else if (*text == '\n')
			buf_add_char(out, ' ');
		else
			buf_add_char(out, *text);
	}
}

/* manual_choices - "a, b or c" */
static void
manual_choices(const char *choices, struct buf *out)
{
	char word[64];

	for (int64_t i = 0;; i++) {
		weir_str w = value_enum_word(choices, i);
		bool last = value_enum_word(choices, i + 1).len == 0;

		if (w.len == 0)
			return;
		if (i != 0)
			buf_add_str(out, last ? " or " : ", ");
		buf_add_str(out, "\\fB");
		snprintf(word, sizeof(word), "%.*s", (int)w.len, w.ptr);
		manual_text(word, out);
		buf_add_str(out, "\\fP");
	}
}

/* manual_facts - type, bounds and default in one bracket */
static void
manual_facts(const struct weir_option *row, struct buf *out)
{
	buf_add_char(out, '(');
	if (row->type == WEIR_OPT_ENUM)
		manual_choices(row->choices, out);
	else
		buf_add_str(out, value_type_name(row->type));
	if (row->lo != NULL) {
		buf_add_str(out, row->hi != NULL ? ", " : ", at least ");
		manual_text(row->lo, out);
	}
	if (row->hi != NULL) {
		buf_add_str(out, row->lo != NULL ? " to " : ", at most ");
		manual_text(row->hi, out);
	}
	if ((row->flags & WEIR_OPT_REQUIRED) != 0) {
		buf_add_str(out, ", required");
	} else if (row->fallback != NULL && *row->fallback != '\0') {
		buf_add_str(out, ", default \\fB");
		manual_text(row->fallback, out);
		buf_add_str(out, "\\fP");
	}
	if ((row->flags & WEIR_OPT_SECRET) != 0)
		buf_add_str(out, ", secret");
	buf_add_str(out, ")\n");
}

/* conf_manual - one entry a row */
void
conf_manual(const struct weir_option *rows, struct buf *out)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		buf_add_str(out, ".TP\n\\fB");
		manual_text(rows->name, out);
		if (rows->type == WEIR_OPT_SECTION) {
			buf_add_str(out, "\\fP");
			if ((rows->flags & SECTION_SINGLE) == 0)
				buf_add_str(out, " \\(dq\\fINAME\\fP\\(dq");
			buf_add_str(out, " { ... }\n");
			manual_text(rows->help, out);
			buf_add_str(out, "\n.RS\n");
			conf_manual(rows->rows, out);
			buf_add_str(out, ".RE\n");
			continue;
		}
		buf_add_str(out, "\\fP ");
		manual_facts(rows, out);
		manual_text(rows->help, out);
		buf_add_char(out, '\n');
	}
}

/* conf_manual_core - the top level, then a heading a section */
void
conf_manual_core(struct buf *out)
{
	buf_add_str(out, ".SS Top level\n");
	for (const struct weir_option *row = core_rows; row->name != NULL;
	     row++) {
		struct weir_option one[2] = { *row, { .name = NULL } };

		if (row->type != WEIR_OPT_SECTION)
			conf_manual(one, out);
	}
	for (const struct weir_option *row = core_rows; row->name != NULL;
	     row++) {
		if (row->type != WEIR_OPT_SECTION)
			continue;
		buf_add_str(out, ".SS ");
		manual_text(row->name, out);
		if ((row->flags & SECTION_SINGLE) == 0)
			buf_add_str(out, " \\(dq\\fINAME\\fP\\(dq");
		buf_add_str(out, " { ... }\n");
		manual_text(row->help, out);
		buf_add_char(out, '\n');
		conf_manual(row->rows, out);
	}
}

/* conf_manual_reserved - what every module section may hold */
void
conf_manual_reserved(struct buf *out)
{
	buf_add_str(out, ".SS module \\(dq\\fINAME\\fP\\(dq { ... }\n"
	    "Load a module and set its options. Every module has these:\n");
	conf_manual(core_module_rows, out);
}

/* conf_manual_module - one module */
void
conf_manual_module(const struct weir_module *desc, struct buf *out)
{
	const struct weir_symbol *s = desc->symbols;

	buf_add_str(out, ".SS module \\(dq");
	manual_text(desc->name, out);
	buf_add_str(out, "\\(dq { ... }\n");
	manual_text(desc->summary, out);
	buf_add_char(out, '\n');
	conf_manual(desc->options, out);
	if (s == NULL || s->name == NULL)
		return;
	buf_add_str(out, ".PP\nSymbols, with the scores that\n.B scores\n"
			 "may replace:\n");
	for (; s->name != NULL; s++) {
		buf_add_str(out, ".TP\n\\fB");
		manual_text(s->name, out);
		buf_add_str(out, "\\fP (");
		value_real_print(s->score, out);
		buf_add_str(out, ")\n");
		manual_text(s->help, out);
		buf_add_char(out, '\n');
	}
}
