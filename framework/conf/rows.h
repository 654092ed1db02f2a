/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows - option rows at work: what libConfuse is told, and what comes of it.
 *
 * The core's sections and those of modules are the same kind of rows, so there
 * is one check, one error text and one default for all.  To libConfuse every
 * option is a list of strings: types, bounds and "one value only" are checked
 * here, where the message can name the value's own line. [main]
 */
#ifndef WEIR_CONF_ROWS_H
#define WEIR_CONF_ROWS_H

#include <confuse.h>

#include "base/map.h"
#include "conf/scan.h"
#include "conf/section.h"

#define ROWS_MAX 200	  /* in one section */
#define ROWS_NEST_MAX 3	  /* sections inside sections */
#define ROWS_EMPTY "\001" /* stands in a list that was written {} */

/* What filling sections needs to know. */
struct rows {
	struct pool *pool; /* of the configuration */
	struct scan *scan;
	struct map *origins; /* cfg_opt_t * or cfg_t *: rows_origin */
	const struct weir_conf *networks; /* titled; what NETLIST may name */
	uint32_t n_networks;
};

uint32_t rows_count(const struct weir_option *rows); /* rows may be NULL */
/* Are these rows of a module sound: names, types, defaults within bounds? */
int rows_check(const struct weir_option *rows, struct err *err);
/* The same rows for libConfuse; valid is called after each value and at the
   end of each section. */
cfg_opt_t *rows_opts(const struct weir_option *rows, struct pool *pool,
    cfg_validate_callback_t valid);
/* Remember (or ask) at which token an option's first value or a section's
   name stands; rows_origin answers false if it is unknown. */
void rows_origin_set(struct map *origins, const void *what, size_t token);
bool rows_origin(const struct map *origins, const void *what, size_t *token);
/* Make the values of one section; sec NULL: all by default.  out->title, file,
   line and token are the caller's.  Errors go to the report. */
void rows_fill(struct rows *r, const struct weir_option *rows, cfg_t *sec,
    struct weir_conf *out);

#endif
