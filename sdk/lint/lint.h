/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lint - what weir-module-lint finds in one module's file.
 *
 * An error means that a host refuses the file, or that it harms one; a warning
 * is a habit that ends badly; a notice may be in order, and only its author can
 * tell.
 */
#ifndef WEIR_LINT_LINT_H
#define WEIR_LINT_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/vec.h"

enum lint_level { LINT_NOTICE, LINT_WARNING, LINT_ERROR };

/* Which of a module's helpers may do what no worker may. */
enum lint_may { LINT_MAY_NONE, LINT_MAY_HELPER, LINT_MAY_PROGRAMS };

struct lint_item {
	enum lint_level level;
	enum lint_may may; /* no more than a notice if it has such a helper */
	const char *check; /* "bind-now" */
	char *text;
};

struct lint {
	const char *path;
	char *name; /* of the module, from the file's; NULL: not known */
	VEC(struct lint_item) items;
	/* what the descriptor says; "" if it can't be read */
	char *id, *version, *license;
	unsigned abi_major, abi_minor;
	enum lint_may has; /* it works in processes of its own, too */
};

void lint_add(struct lint *l, enum lint_level level, const char *check,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* What the last one says may be the helper's business. */
void lint_for_helper(struct lint *l, enum lint_may may);
void lint_fini(struct lint *l);

/* lint_elf.c: what can be seen without running it; false: it is no library */
bool lint_elf(struct lint *l);
/* lint_descriptor.c: load it in a child and read the descriptor. */
void lint_descriptor(struct lint *l);

#endif
