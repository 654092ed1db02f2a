/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/plain.h"

#include <jansson.h>

#include "base/check.h"
#include "conf/value.h"

/* plain_text - octets that may not be UTF-8, which JSON can't hold */
static json_t *
plain_text(weir_str s)
{
	json_t *j = json_stringn(s.ptr != NULL ? s.ptr : "", s.len);

	return j != NULL ? j : json_null();
}

/* plain_value - one value */
static json_t *
plain_value(const struct weir_option *row, const struct conf_value *v)
{
	json_t *j;

	if (v->origin == CONF_UNSET)
		return json_null();
	switch (row->type) {
	case WEIR_OPT_BOOL:
		return json_boolean(v->num != 0);
	case WEIR_OPT_INT:
	case WEIR_OPT_DURATION:
	case WEIR_OPT_SIZE:
		return json_integer(v->num);
	case WEIR_OPT_REAL:
		return json_real(v->real);
	case WEIR_OPT_ENUM:
		return plain_text(value_enum_word(row->choices, v->num));
	case WEIR_OPT_LIST:
	case WEIR_OPT_NETLIST:
		j = json_array();
		for (uint32_t i = 0; i < v->n; i++)
			json_array_append_new(j, plain_text(v->items[i]));
		return j;
	default:
		return plain_text(v->str);
	}
}

/* plain_section - an object of its rows */
static json_t *
plain_section(const struct weir_conf *section)
{
	json_t *j = json_object();

	for (uint32_t i = 0; i < section->n; i++) {
		const struct weir_option *row = &section->rows[i];
		const struct conf_value *v = &section->values[i];
		json_t *value;

		if (row->type != WEIR_OPT_SECTION) {
			value = plain_value(row, v);
		} else {
			value = json_object();
			for (uint32_t k = 0; k < v->n; k++)
				json_object_set_new(value,
				    v->sections[k].title.ptr,
				    plain_section(&v->sections[k]));
		}
		json_object_set_new(j, row->name, value);
	}
	return j;
}

/* conf_plain - the whole section */
char *
conf_plain(const struct weir_conf *section)
{
	json_t *j = plain_section(section);
	char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (text == NULL)
		fatal("out of memory");
	json_decref(j);
	return text;
}
