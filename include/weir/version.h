/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/version.h - the numbers of the module contract.
 *
 * The ABI number is independent of Weir's release number.  While the major
 * is 0 a module loads only into a host with exactly the same two numbers;
 * from 1.0 on every 1.x host loads every module built for 1.y, y <= x.
 */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#define WEIR_ABI_MAJOR 0
#define WEIR_ABI_MINOR 1

/* First word of every module descriptor: "WEIR" read as little endian. */
#define WEIR_MAGIC 0x52494557u

#endif
