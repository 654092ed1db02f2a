/* SPDX-License-Identifier: BSD-2-Clause */
/* weir/inline.h - conveniences for C authors; no part of the ABI: they are
   compiled into the module and use nothing of the host. [any] */
#ifndef WEIR_INLINE_H
#define WEIR_INLINE_H

#include <string.h>

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A slice over a string literal. */
#ifdef __cplusplus
#define WEIR_STR(literal) (weir_str{("" literal), sizeof(literal) - 1})
#else
#define WEIR_STR(literal) ((weir_str){("" literal), sizeof(literal) - 1})
#endif

/* weir_str_of - a slice over a C string; NULL is the empty slice */
static inline weir_str
weir_str_of(const char *s)
{
	weir_str out;

	out.ptr = s != NULL ? s : "";
	out.len = strlen(out.ptr);
	return out;
}

/* weir_str_eq - is the slice equal to the C string, octet by octet */
static inline bool
weir_str_eq(weir_str a, const char *b)
{
	return strlen(b) == a.len &&
	    (a.len == 0 || memcmp(a.ptr, b, a.len) == 0);
}

#ifdef __cplusplus
}
#endif
#endif
