/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * section - the values of one section, as rows describe it.
 *
 * A struct weir_conf is what modules hold as weir_conf; the accessors are what
 * struct weir_host offers them.  Filled by conf/rows.c, immutable afterwards,
 * in the configuration's pool.  Accessors never fail: a row out of range or
 * of another type answers the zero value. [any]
 */
#ifndef WEIR_CONF_SECTION_H
#define WEIR_CONF_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/option.h>

#include "conf/netset.h"

/* Core rows only, in weir_option.flags: a section without title that is there
   exactly once, if only with its defaults. */
#define SECTION_SINGLE (1u << 31)

enum conf_origin {
	CONF_UNSET,   /* no default, not in the file: the zero value */
	CONF_DEFAULT, /* the row's fallback, or derived from other options */
	CONF_FILE
};

struct conf_value {
	enum conf_origin origin;
	const char *file; /* CONF_FILE: where it stands */
	unsigned line;
	size_t token;	  /* place in the text; only while loading */
	int64_t num;	  /* BOOL, INT, DURATION, SIZE, ENUM */
	double real;	  /* REAL */
	weir_str str;	  /* STRING, PATH, ENUM */
	weir_str *items;  /* LIST, NETLIST: as written */
	struct conf_netset *nets; /* NETLIST */
	struct weir_conf *sections; /* SECTION */
	uint32_t n;	  /* items or sections */
};

struct weir_conf {
	const struct weir_option *rows;
	struct conf_value *values; /* one a row */
	uint32_t n;		   /* rows */
	weir_str title;		   /* "" for a single section */
	const char *file;	   /* NULL: not in the file */
	unsigned line;
	size_t token;		   /* its name; only while loading */
};

/* See struct weir_host for what they answer. */
bool conf_bool(const struct weir_conf *conf, uint32_t row);
int64_t conf_int(const struct weir_conf *conf, uint32_t row);
double conf_real(const struct weir_conf *conf, uint32_t row);
weir_str conf_str(const struct weir_conf *conf, uint32_t row);
uint32_t conf_list(const struct weir_conf *conf, uint32_t row,
    const weir_str **items);
int conf_net(const struct weir_conf *conf, uint32_t row, const char *addr);
uint32_t conf_sections(const struct weir_conf *conf, uint32_t row);
const struct weir_conf *conf_section(const struct weir_conf *conf,
    uint32_t row, uint32_t index, weir_str *title);

#endif
