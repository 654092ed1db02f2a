/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lint - what weir-module-lint finds in one module's file.
 *
 * An error means that a host refuses the file, or that it harms one; a warning
 * is a habit that ends badly.
 */
#ifndef WEIR_LINT_LINT_H
#define WEIR_LINT_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/vec.h"

struct lint_item {
	bool error;
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
};

void lint_add(struct lint *l, bool error, const char *check, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
void lint_fini(struct lint *l);

/* lint_elf.c: what can be seen without running it; false: it is no library */
bool lint_elf(struct lint *l);
/* lint_descriptor.c: load it in a child and read the descriptor. */
void lint_descriptor(struct lint *l);

#endif
