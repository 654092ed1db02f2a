/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/section.h"

#include <stddef.h>

#include "base/text.h"

/* section_value - the row's value if the row is one of the two types */
static const struct conf_value *
section_value(const struct weir_conf *conf, uint32_t row, uint32_t type,
    uint32_t other)
{
	static const struct conf_value none = { .str = { "", 0 } };

	if (conf == NULL || row >= conf->n ||
	    (conf->rows[row].type != type && conf->rows[row].type != other))
		return &none;
	return &conf->values[row];
}

/* conf_bool - a BOOL */
bool
conf_bool(const struct weir_conf *conf, uint32_t row)
{
	return section_value(conf, row, WEIR_OPT_BOOL, WEIR_OPT_BOOL)->num != 0;
}

/* conf_int - an INT, milliseconds, octets, or the index of an ENUM */
int64_t
conf_int(const struct weir_conf *conf, uint32_t row)
{
	const struct conf_value *v =
	    section_value(conf, row, WEIR_OPT_INT, WEIR_OPT_ENUM);

	if (v->origin == CONF_UNSET)
		v = section_value(conf, row, WEIR_OPT_DURATION, WEIR_OPT_SIZE);
	return v->num;
}

/* conf_real - a REAL */
double
conf_real(const struct weir_conf *conf, uint32_t row)
{
	return section_value(conf, row, WEIR_OPT_REAL, WEIR_OPT_REAL)->real;
}

/* conf_str - a STRING, a PATH, or the word of an ENUM */
weir_str
conf_str(const struct weir_conf *conf, uint32_t row)
{
	const struct conf_value *v =
	    section_value(conf, row, WEIR_OPT_STRING, WEIR_OPT_PATH);

	if (v->str.len == 0)
		v = section_value(conf, row, WEIR_OPT_ENUM, WEIR_OPT_ENUM);
	return v->str.ptr != NULL ? v->str : text_slice("");
}

/* conf_list - the items of a LIST or NETLIST */
uint32_t
conf_list(const struct weir_conf *conf, uint32_t row, const weir_str **items)
{
	const struct conf_value *v =
	    section_value(conf, row, WEIR_OPT_LIST, WEIR_OPT_NETLIST);

	if (items != NULL)
		*items = v->items;
	return v->n;
}

/* conf_net - is the address in the row's networks */
int
conf_net(const struct weir_conf *conf, uint32_t row, const char *addr)
{
	const struct conf_value *v =
	    section_value(conf, row, WEIR_OPT_NETLIST, WEIR_OPT_NETLIST);
	struct ip ip;

	return addr != NULL && ip_parse(addr, &ip) &&
	    conf_net_contains(v->nets, &ip);
}

/* conf_sections - how many */
uint32_t
conf_sections(const struct weir_conf *conf, uint32_t row)
{
	return section_value(conf, row, WEIR_OPT_SECTION, WEIR_OPT_SECTION)->n;
}

/* conf_section - the i-th, with its title */
const struct weir_conf *
conf_section(const struct weir_conf *conf, uint32_t row, uint32_t index,
    weir_str *title)
{
	const struct conf_value *v =
	    section_value(conf, row, WEIR_OPT_SECTION, WEIR_OPT_SECTION);

	if (index >= v->n) {
		if (title != NULL)
			*title = text_slice("");
		return NULL;
	}
	if (title != NULL)
		*title = v->sections[index].title;
	return &v->sections[index];
}
