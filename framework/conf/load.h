/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load - from a snapshot to a struct conf.
 *
 * libConfuse reads the grammar; it keeps global state, so there is one load at
 * a time. [main]
 */
#ifndef WEIR_CONF_LOAD_H
#define WEIR_CONF_LOAD_H

#include "conf/core.h"
#include "conf/report.h"
#include "conf/snapshot.h"

/* Where module descriptors come from. */
struct conf_modules {
	/* The descriptor of the module that the file calls by this name, from
	   this path or, if path is NULL, from wherever modules are (load the
	   form without modules first to know module_path).  NULL and an err
	   text if there is none.  It must stay valid as long as the
	   configuration. */
	const struct weir_module *(*describe)(void *arg, const char *name,
	    const char *path, struct err *err);
	void *arg;
	const char *const *names; /* known ones for "did you mean"; or NULL */
};

/* Load and check all.  mods NULL: the form without modules, which skips their
   sections and `scores`.  0, or WEIR_E_INVAL with *out NULL and the reasons in
   the report; the report may hold warnings after success. */
int conf_load(struct conf_snapshot *snap, const struct conf_modules *mods,
    struct conf **out, struct conf_report *report);

#endif
