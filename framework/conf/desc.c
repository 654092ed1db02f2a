/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/desc.h"

#include <string.h>

#include "conf/core.h"

/* desc_symbols_check - are its symbols well formed */
static int
desc_symbols_check(const struct weir_module *desc, struct err *err)
{
	const struct weir_symbol *s = desc->symbols;

	for (; s != NULL && s->name != NULL; s++) {
		size_t len = strspn(s->name,
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

		if (len == 0 || s->name[len] != '\0' || len > 63 ||
		    s->help == NULL)
			return err_set(err, WEIR_E_INVAL,
			    "symbol \"%s\" is malformed", s->name);
		for (const struct weir_symbol *o = desc->symbols; o < s; o++) {
			if (strcmp(o->name, s->name) == 0)
				return err_set(err, WEIR_E_INVAL,
				    "symbol %s is there twice", s->name);
		}
	}
	return WEIR_OK;
}

/* desc_is_built_in - is it part of the host: it has no file */
bool
desc_is_built_in(const struct weir_module *desc)
{
	return strcmp(desc->id, "org.weir.rules") == 0;
}

/* desc_check - is this the module that the file names, and sound */
int
desc_check(const struct weir_module *desc, const char *name, struct err *err)
{
	const struct weir_option *row = desc->options;

	if (desc->stride_option != sizeof(struct weir_option) ||
	    desc->stride_symbol != sizeof(struct weir_symbol))
		return err_set(err, WEIR_E_UNSUPPORTED,
		    "its rows are of another ABI");
	if (desc->name == NULL || strcmp(desc->name, name) != 0)
		return err_set(err, WEIR_E_INVAL, "it calls itself %s",
		    desc->name != NULL ? desc->name : "nothing");
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
		strlen(name) || *name == '\0')
		return err_set(err, WEIR_E_INVAL, "its name is malformed");
	if (desc->on_failure > WEIR_ON_FAILURE_PASS)
		return err_set(err, WEIR_E_INVAL, "its on_failure is unknown");
	for (; row != NULL && row->name != NULL; row++) {
		for (int i = 0; i < CORE_MODULE_ROWS; i++) {
			/* built in: it has no file that path could name */
			if (i == CORE_MODULE_ROWS - 1 && desc_is_built_in(desc))
				continue;
			if (strcmp(row->name, core_module_rows[i].name) == 0)
				return err_set(err, WEIR_E_INVAL,
				    "option %s is the host's", row->name);
		}
	}
	if (rows_check(desc->options, err) != WEIR_OK)
		return WEIR_E_INVAL;
	return desc_symbols_check(desc, err);
}

/* desc_conflict - does the other module have one of its symbols */
int
desc_conflict(const struct weir_module *desc, const struct weir_module *other,
    struct err *err)
{
	const struct weir_symbol *s = desc->symbols;

	for (; s != NULL && s->name != NULL; s++) {
		const struct weir_symbol *o = other->symbols;

		for (; o != NULL && o->name != NULL; o++) {
			if (strcmp(o->name, s->name) == 0)
				return err_set(err, WEIR_E_EXISTS,
				    "symbol %s is also module %s's", s->name,
				    other->name);
		}
	}
	return WEIR_OK;
}
