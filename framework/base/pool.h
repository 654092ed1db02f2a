/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool - memory that is freed all at once, by lifetime.
 *
 * A session, a message, a config snapshot own one pool each.  Memory is
 * zeroed and aligned for any type.  Cleanups run in reverse order when the
 * pool is destroyed, before its memory goes.  A pool may have a limit; only
 * pool_try_* respect it, the others are for sizes that we choose.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include <stdarg.h>
#include <stddef.h>

#include <weir/types.h>

struct pool;

/* first: octets that the first block holds (recycled between pools of the same
   class: 1 KiB, 4 KiB, 16 KiB); limit: for pool_try_alloc, 0 = none */
struct pool *pool_create(size_t first, size_t limit);
void pool_destroy(struct pool **pool); /* NULL is fine */

void *pool_alloc(struct pool *pool, size_t size);
void *pool_try_alloc(struct pool *pool, size_t size); /* NULL over the limit */
char *pool_strndup(struct pool *pool, const char *s, size_t len);
char *pool_strdup(struct pool *pool, const char *s);
weir_str pool_str(struct pool *pool, weir_str s); /* copy with a NUL behind */
char *pool_printf(struct pool *pool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *pool_vprintf(struct pool *pool, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* run fn(arg) when the pool is destroyed */
void pool_cleanup(struct pool *pool, void (*fn)(void *), void *arg);
/* octets handed out so far */
size_t pool_used(const struct pool *pool);

#define pool_new(pool, type) ((type *)pool_alloc((pool), sizeof(type)))
#define pool_array(pool, type, n) \
	((type *)pool_alloc((pool), sizeof(type) * (n)))

#endif
