/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf - a growing octet buffer on the heap, always with a NUL behind. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include <weir/types.h>

struct buf {
	char *ptr; /* NULL while empty and never grown */
	size_t len, cap;
};

#define BUF_INIT { NULL, 0, 0 }

void buf_fini(struct buf *b); /* also makes it empty and usable again */
void buf_clear(struct buf *b); /* len = 0, memory stays */
char *buf_reserve(struct buf *b, size_t more); /* room for more octets behind
						  len; returns ptr + len */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void buf_drop(struct buf *b, size_t n); /* remove the first n octets */
weir_str buf_str(const struct buf *b);
char *buf_steal(struct buf *b); /* hand the string over, leave b empty */

#endif
