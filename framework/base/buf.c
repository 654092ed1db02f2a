/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"

/* buf_fini - free the memory */
void
buf_fini(struct buf *b)
{
	free(b->ptr);
	b->ptr = NULL;
	b->len = b->cap = 0;
}

/* buf_clear - forget the content */
void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->ptr != NULL)
		b->ptr[0] = '\0';
}

/* buf_reserve - make room */
char *
buf_reserve(struct buf *b, size_t more)
{
	expect(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
	if (b->cap < b->len + more + 1) {
		size_t cap = b->cap != 0 ? b->cap : 64;

		while (cap < b->len + more + 1)
			cap *= 2;
		b->ptr = xrealloc(b->ptr, cap);
		b->cap = cap;
		b->ptr[b->len] = '\0';
	}
	return b->ptr + b->len;
}

/* buf_add - append octets */
void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_reserve(b, len);

	if (len != 0)
		memcpy(p, data, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

/* buf_add_str - append a string */
void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

/* buf_add_char - append one octet */
void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

/* buf_vprintf - append formatted text */
void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	expect(n >= 0);
	p = buf_reserve(b, (size_t)n);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

/* buf_printf - append formatted text */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

/* buf_drop - remove from the front */
void
buf_drop(struct buf *b, size_t n)
{
	expect(n <= b->len);
	if (n == 0)
		return;
	memmove(b->ptr, b->ptr + n, b->len - n + 1);
	b->len -= n;
}

/* buf_str - the content as a slice */
weir_str
buf_str(const struct buf *b)
{
	weir_str out;

	out.ptr = b->ptr != NULL ? b->ptr : "";
	out.len = b->len;
	return out;
}

/* buf_steal - hand the string over */
char *
buf_steal(struct buf *b)
{
	char *p = b->ptr != NULL ? b->ptr : xstrdup("");

	b->ptr = NULL;
	b->len = b->cap = 0;
	return p;
}
