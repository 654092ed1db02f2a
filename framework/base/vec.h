/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vec - typed growing arrays on the heap.
 *
 *	VEC(struct rcpt *) rcpts = VEC_INIT;
 *	*vec_push(&rcpts) = r;      vec_fini(&rcpts);
 */
#ifndef WEIR_BASE_VEC_H
#define WEIR_BASE_VEC_H

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define VEC(type) \
	struct { \
		type *v; \
		size_t n, cap; \
	}
#define VEC_INIT { NULL, 0, 0 }

static inline void *
vec_grow(void *v, size_t *cap, size_t n, size_t elem)
{
	if (n < *cap)
		return v;
	*cap = *cap != 0 ? *cap * 2 : 8;
	return xrealloc(v, *cap * elem);
}

/* vec_push - pointer to a new zeroed last element */
#define vec_push(vec) \
	((vec)->v = vec_grow((vec)->v, &(vec)->cap, (vec)->n, \
	     sizeof(*(vec)->v)), \
	    memset(&(vec)->v[(vec)->n], 0, sizeof(*(vec)->v)), \
	    &(vec)->v[(vec)->n++])

#define vec_fini(vec) \
	do { \
		free((vec)->v); \
		(vec)->v = NULL; \
		(vec)->n = (vec)->cap = 0; \
	} while (0)

#endif
