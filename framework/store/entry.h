/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entry - a value as the store's file holds it.
 *
 *	crc32c, 4 octets; expires_ms, 8 octets; value
 *
 * Numbers are little-endian; the checksum covers key, expires_ms and value.
 */
#ifndef WEIR_STORE_ENTRY_H
#define WEIR_STORE_ENTRY_H

#include <stdint.h>

#include <weir/types.h>

#define ENTRY_HEADER 12u

/* Before all others. [any] */
void entry_init(void);
/* out has room for ENTRY_HEADER + value.len octets. */
void entry_encode(unsigned char *out, weir_str key, weir_str value,
    int64_t expires_ms);
/* The value is borrowed from octets.  E_INTERNAL: they are damaged. */
int entry_decode(weir_str key, weir_str octets, weir_str *value_out,
    int64_t *expires_out);

#endif
