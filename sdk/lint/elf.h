/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elf - a shared library's dynamic section, read from its octets. */
#ifndef WEIR_LINT_ELF_H
#define WEIR_LINT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

struct elf {
	unsigned char *data; /* the file */
	size_t len;
	VEC(const char *) needed, exports, imports;
	bool bind_now, relro, text_relocations, stack_executable;
	unsigned constructors;
};

/* Every offset is checked: what does not fit is WEIR_E_INVAL. */
int elf_read(struct elf *e, const char *path, struct err *err);
void elf_fini(struct elf *e);

#endif
