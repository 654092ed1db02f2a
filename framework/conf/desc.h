/* SPDX-License-Identifier: GPL-2.0-or-later */
/* desc - is a module's descriptor fit for the configuration? [main] */
#ifndef WEIR_CONF_DESC_H
#define WEIR_CONF_DESC_H

#include <weir/module.h>

#include "base/err.h"

/* Is this the module that the file calls by this name, and are its rows and
   symbols sound?  Whether its ABI fits is the loader's question. */
int desc_check(const struct weir_module *desc, const char *name,
    struct err *err);
/* Is it part of the host?  Then its option `path` is its own. */
bool desc_is_built_in(const struct weir_module *desc);
/* Symbols are unique on a host: does another module have one of these? */
int desc_conflict(const struct weir_module *desc,
    const struct weir_module *other, struct err *err);

#endif
