/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/entry.h"

#include <pthread.h>
#include <string.h>

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

/* entry_crc_init - the table of CRC-32C (RFC 3720, appendix B.4) */
static void
entry_crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
		crc_table[i] = c;
	}
}

/* entry_crc - go on with a checksum */
static uint32_t
entry_crc(uint32_t c, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len-- > 0)
		c = crc_table[(c ^ *p++) & 0xff] ^ (c >> 8);
	return c;
}

/* entry_store_le - write a number, least significant octet first */
static void
entry_store_le(unsigned char *p, uint64_t v, int octets)
{
	for (int i = 0; i < octets; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* entry_load_le - read a number */
static uint64_t
entry_load_le(const unsigned char *p, int octets)
{
	uint64_t v = 0;

	for (int i = 0; i < octets; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* entry_init - the table, once */
void
entry_init(void)
{
	pthread_once(&crc_once, entry_crc_init);
}

/* entry_encode - the value behind its head */
void
entry_encode(unsigned char *out, weir_str key, weir_str value,
    int64_t expires_ms)
{
	uint32_t crc;

	entry_store_le(out + 4, (uint64_t)expires_ms, 8);
	if (value.len > 0)
		memcpy(out + ENTRY_HEADER, value.ptr, value.len);
	crc = entry_crc(~0u, key.ptr, key.len);
	crc = ~entry_crc(crc, out + 4, 8 + value.len);
	entry_store_le(out, crc, 4);
}

/* entry_decode - check it and take it apart */
int
entry_decode(weir_str key, weir_str octets, weir_str *value_out,
    int64_t *expires_out)
{
	const unsigned char *p = (const unsigned char *)octets.ptr;
	uint32_t crc;

	if (octets.len < ENTRY_HEADER)
		return WEIR_E_INTERNAL;
	crc = entry_crc(~0u, key.ptr, key.len);
	crc = ~entry_crc(crc, p + 4, octets.len - 4);
	if (crc != (uint32_t)entry_load_le(p, 4))
		return WEIR_E_INTERNAL;
	*expires_out = (int64_t)entry_load_le(p + 4, 8);
	value_out->ptr = octets.ptr + ENTRY_HEADER;
	value_out->len = octets.len - ENTRY_HEADER;
	return WEIR_OK;
}
