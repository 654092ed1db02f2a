/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_remote - what weir.remote/1 needs to know from outside. */
#ifndef WEIR_HOST_EXT_REMOTE_H
#define WEIR_HOST_EXT_REMOTE_H

#include <weir/ext/remote.h>

/* Who knows where helpers listen: fills paths, borrowed, and answers how many
   processes that helper has; 0: none. Process-wide. */
typedef unsigned ext_remote_find_fn(const char *module, uint32_t helper,
    const char *paths[WEIR_HELPER_PROCESSES_MAX]);
void ext_remote_find(ext_remote_find_fn *fn);
/* Give up all connections; every call must have closed. [main] */
void ext_remote_fini(void);

#endif
