/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"

#define POOL_ALIGN 16
#define POOL_CLASSES 3
#define POOL_KEEP 256 /* recycled blocks per class */

struct pool_block {
	struct pool_block *next;
	size_t size; /* usable octets behind this head */
	size_t used;
	int class; /* recycling class or -1 */
	char pad[4];
};

struct pool_hook {
	struct pool_hook *next;
	void (*fn)(void *);
	void *arg;
};

struct pool {
	struct pool_block *block; /* newest first */
	struct pool_hook *hooks;  /* newest first */
	size_t limit;
	size_t used;
};

/* Recycled first blocks: a worker opens and closes sessions all day. The loop
   thread only; other threads get fresh blocks. */
static const size_t class_size[POOL_CLASSES] = { 1024, 4096, 16384 };
static _Thread_local struct pool_block *spare[POOL_CLASSES];
static _Thread_local unsigned spares[POOL_CLASSES];

/* pool_block_create - a block with room for size octets */
static struct pool_block *
pool_block_create(size_t size)
{
	struct pool_block *b;
	int class = -1;

	for (int i = 0; i < POOL_CLASSES; i++) {
		if (size <= class_size[i] - sizeof(*b)) {
			class = i;
			size = class_size[i] - sizeof(*b);
			break;
		}
	}
	if (class >= 0 && spare[class] != NULL) {
		b = spare[class];
		spare[class] = b->next;
		spares[class]--;
	} else {
		b = xmalloc(sizeof(*b) + size);
	}
	b->next = NULL;
	b->size = size;
	b->used = 0;
	b->class = class;
	return b;
}

/* pool_block_free - recycle or free */
static void
pool_block_free(struct pool_block *b)
{
#ifdef WEIR_POISON
	memset(b + 1, 0xA5, b->size);
	free(b);
#else
	if (b->class >= 0 && spares[b->class] < POOL_KEEP) {
		b->next = spare[b->class];
		spare[b->class] = b;
		spares[b->class]++;
	} else {
		free(b);
	}
#endif
}

/* pool_create - an empty pool; the pool itself lives in its first block */
struct pool *
pool_create(size_t first, size_t limit)
{
	struct pool_block *b;
	struct pool *pool;

	b = pool_block_create(first);
	pool = (struct pool *)(void *)(b + 1);
	memset(pool, 0, sizeof(*pool));
	b->used = (sizeof(*pool) + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	pool->block = b;
	pool->limit = limit;
	return pool;
}

/* pool_destroy - run the cleanups, free everything */
void
pool_destroy(struct pool **poolp)
{
	struct pool *pool = *poolp;
	struct pool_block *b, *next;
	struct pool_hook *h;

	if (pool == NULL)
		return;
	*poolp = NULL;
	while ((h = pool->hooks) != NULL) {
		pool->hooks = h->next;
		h->fn(h->arg);
	}
	/* one of the blocks holds the pool itself: it is not touched below */
	for (b = pool->block; b != NULL; b = next) {
		next = b->next;
		pool_block_free(b);
	}
}

/* pool_alloc - zeroed memory for the pool's life */
void *
pool_alloc(struct pool *pool, size_t size)
{
	struct pool_block *b = pool->block;
	void *p;

	expect(size <= SIZE_MAX / 2);
	size = (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	if (b->size - b->used < size) {
		size_t want = b->size < 65536 ? b->size * 2 : b->size;
		struct pool_block *fresh;

		/* a large piece gets a block of its own behind the current one,
		   so that the room left here is not wasted */
		if (size > want / 2) {
			fresh = pool_block_create(size);
			fresh->next = b->next;
			b->next = fresh;
			fresh->used = size;
			pool->used += size;
			return memset(fresh + 1, 0, size);
		}
		fresh = pool_block_create(want);
		fresh->next = b;
		pool->block = b = fresh;
	}
	p = (char *)(b + 1) + b->used;
	b->used += size;
	pool->used += size;
	return memset(p, 0, size);
}

/* pool_try_alloc - the same, or NULL over the pool's limit */
void *
pool_try_alloc(struct pool *pool, size_t size)
{
	if (pool->limit != 0 &&
	    (size > pool->limit || pool->used > pool->limit - size))
		return NULL;
	return pool_alloc(pool, size);
}

/* pool_strndup - copy of len octets with a NUL behind */
char *
pool_strndup(struct pool *pool, const char *s, size_t len)
{
	char *p = pool_alloc(pool, len + 1);

	if (len != 0)
		memcpy(p, s, len);
	return p;
}

/* pool_strdup - copy of a string */
char *
pool_strdup(struct pool *pool, const char *s)
{
	return pool_strndup(pool, s, strlen(s));
}

/* pool_str - copy of a slice */
weir_str
pool_str(struct pool *pool, weir_str s)
{
	weir_str out;

	out.ptr = pool_strndup(pool, s.ptr, s.len);
	out.len = s.len;
	return out;
}

/* pool_vprintf - formatted string */
char *
pool_vprintf(struct pool *pool, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	expect(n >= 0);
	p = pool_alloc(pool, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

/* pool_printf - formatted string */
char *
pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = pool_vprintf(pool, fmt, ap);
	va_end(ap);
	return p;
}

/* pool_cleanup - run fn(arg) at the end */
void
pool_cleanup(struct pool *pool, void (*fn)(void *), void *arg)
{
	struct pool_hook *h = pool_new(pool, struct pool_hook);

	h->fn = fn;
	h->arg = arg;
	h->next = pool->hooks;
	pool->hooks = h;
}

/* pool_used - octets handed out */
size_t
pool_used(const struct pool *pool)
{
	return pool->used;
}
