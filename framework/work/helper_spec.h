/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_spec - what a helper process has to be: which table of which file,
 * with which options and rights.
 *
 * The process that has loaded the modules writes it (the master never does);
 * the master reads it to start the helper, which gets the same octets.
 */
#ifndef WEIR_WORK_HELPER_SPEC_H
#define WEIR_WORK_HELPER_SPEC_H

#include <stdint.h>

#include <weir/ext/remote.h>

#include "base/buf.h"

#define HELPER_SPEC_PATHS 256u
#define HELPER_SPEC_TEXT (16u << 20) /* longest string of it */

struct helper_spec {
	uint32_t index; /* in the descriptor's helpers */
	uint32_t flags, threads, processes, init_ms;
	uint64_t memory;
	uint64_t stamp; /* of the program's file: another, another helper */
	char *module, *name; /* of the module and of the helper */
	char *path;	     /* the module's file, absolute */
	char *options;	     /* a configuration with this module only */
	char *program;	     /* what it runs, absolute; "": the table */
	char *plain;	     /* a program's options as JSON; "" */
	char **readable;     /* paths that may be read, NULL-ended */
	uint32_t n_readable;
};

/* Append it to out. */
void helper_spec_put(struct buf *out, const struct helper_spec *spec);
/* Read one at *data, moving both behind it; the caller calls fini.
   WEIR_E_INVAL: malformed, nothing to free. */
int helper_spec_get(const char **data, size_t *len, struct helper_spec *out);
void helper_spec_fini(struct helper_spec *spec);

#endif
