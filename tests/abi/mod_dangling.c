/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dangling - a module that calls a function which nobody has; linked without
   the options that would find it earlier. */
#include <weir/weir.h>

void nobody_has_this_function(void);

WEIR_EXPORT const struct weir_module *mod_dangling_LTX_weir_entry(void);

const struct weir_module *
mod_dangling_LTX_weir_entry(void)
{
	nobody_has_this_function();
	return NULL;
}
