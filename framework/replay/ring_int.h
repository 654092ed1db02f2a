/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_int - between ring.c, which writes, and ring_read.c. */
#ifndef WEIR_REPLAY_RING_INT_H
#define WEIR_REPLAY_RING_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC "WRF1"
#define RING_FRAME_LIMIT (64u << 20)

uint32_t ring_crc(const char *data, size_t len);
bool ring_is_file(const char *name);

#endif
