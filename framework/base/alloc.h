/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alloc - heap memory that is there, or the process is not.
 *
 * Out of memory for small things is fatal (the worker is restarted); sizes
 * that a remote peer chooses go through base/budget.h, which may refuse.
 */
#ifndef WEIR_BASE_ALLOC_H
#define WEIR_BASE_ALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* zeroed, overflow checked */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len); /* copies len octets, adds NUL */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
