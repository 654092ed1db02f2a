/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vba - program text of office documents (MS-OVBA).  Pure functions. */
#ifndef ATTACHMENT_VBA_H
#define ATTACHMENT_VBA_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

/* Undo the compression of MS-OVBA 2.4.1 at most into cap octets; what is
   damaged ends it.  Returns how many octets. */
size_t vba_decompress(weir_str in, char *out, size_t cap);
/* Is there a module's text in the octets of a stream?  The place, or NULL. */
const char *vba_module(weir_str stream);
/* Does program text define something that runs by itself? */
bool vba_is_auto(weir_str text);

#endif
