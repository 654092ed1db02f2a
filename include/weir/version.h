/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/version.h - the numbers of the module contract.
 *
 * The ABI number is independent of Weir's release number.  Every 1.x host loads
 * every module built for 1.y, y <= x, and one with y > x if its abi_minor_min
 * says that it works with 1.x.  A minor only adds; weir-abi(7) has the promise.
 */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#define WEIR_ABI_MAJOR 1
#define WEIR_ABI_MINOR 0

/* First word of every module descriptor: "WEIR" read as little endian. */
#define WEIR_MAGIC 0x52494557u

#endif
