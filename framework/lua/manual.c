/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/manual.h"

#include <string.h>

#include "base/text.h"
#include "host/ext_lua.h"
#include "lua/bind.h"

#define MANUAL_NAMES_MAX 300

/* manual_escape - running text: nothing in it may be a macro or an escape */
static void
manual_escape(const char *text, struct buf *out)
{
	if (*text == '.' || *text == '\'')
		buf_add_str(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_add_str(out, "\\e");
		else if (*text == '-')
			buf_add_str(out, "\\-");
		else if (*text == '"')
			buf_add_str(out, "\\(dq");
		else
			buf_add_char(out, *text);
	}
}

/* manual_kind - what stands under the title */
static const char *
manual_kind(enum bind_kind kind)
{
	return kind == BIND_PROPERTY ? "Properties of the object that a rule's "
	    "function gets." : kind == BIND_METHOD ? "Methods of that "
	    "object." : "";
}

/* lua_manual - a subsection a group, an entry a row */
void
lua_manual(struct buf *out)
{
	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		buf_add_str(out, ".SS ");
		manual_escape(g->title, out);
		buf_printf(out, "\n%s\n", manual_kind(g->kind));
		for (const struct bind_row *r = g->rows; r->name != NULL;
		     r++) {
			buf_add_str(out, ".TP\n.B ");
			manual_escape(r->signature, out);
			buf_add_char(out, '\n');
			manual_escape(r->help, out);
			buf_add_char(out, '\n');
		}
	}
}

/* manual_row - one of them for a terminal */
static void
manual_row(const char *signature, const char *help, bool full,
    struct buf *out)
{
	buf_printf(out, "%s\n", signature);
	if (full)
		buf_printf(out, "    %s\n", help);
}

/* manual_published - functions of modules */
static size_t
manual_published(const char *name, struct buf *out)
{
	const struct ext_lua_fn *fn;
	size_t n = 0;

	for (size_t i = 0; (fn = ext_lua_at(i)) != NULL; i++) {
		struct buf one = BUF_INIT;

		buf_printf(&one, "weir.call.%s.%s%s", fn->module_name,
		    fn->name, fn->signature);
		if (name == NULL || strstr(one.ptr, name) != NULL) {
			manual_row(one.ptr, fn->help, name != NULL, out);
			n++;
		}
		buf_fini(&one);
	}
	return n;
}

/* lua_manual_help - all, or some */
size_t
lua_manual_help(const char *name, struct buf *out, const char **near_out)
{
	const char *names[MANUAL_NAMES_MAX + 1];
	size_t n = 0, found = 0;

	for (const struct bind_group *g = bind_groups; g->title != NULL; g++) {
		if (name == NULL)
			buf_printf(out, "%s%s:\n", g == bind_groups ? "" :
			    "\n", g->title);
		for (const struct bind_row *r = g->rows; r->name != NULL;
		     r++) {
			if (n < MANUAL_NAMES_MAX)
				names[n++] = r->name;
			if (name != NULL &&
			    strstr(r->signature, name) == NULL &&
			    strstr(r->name, name) == NULL)
				continue;
			manual_row(r->signature, r->help, name != NULL, out);
			found++;
		}
	}
	names[n] = NULL;
	if (name == NULL && ext_lua_at(0) != NULL)
		buf_add_str(out, "\nFunctions of modules:\n");
	found += manual_published(name, out);
	*near_out = found == 0 && name != NULL ? text_nearest(name, names) :
						 NULL;
	return found;
}
