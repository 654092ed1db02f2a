/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/store.h - weir.store/1: keys and values that outlive the process.
 *
 * Each module has a name space of its own.  Every entry expires.  Operations
 * complete on the loop, never inside the call that starts them, in the order
 * in which they were started for the same key; a get sees the puts of this
 * process at once and those of other workers after their commit.  A write
 * completes when it would survive kill -9 and a power cut (grouped commits).
 */
#ifndef WEIR_EXT_STORE_H
#define WEIR_EXT_STORE_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_STORE "weir.store/1"
#define WEIR_STORE_KEY_MAX 400	     /* octets, at least 1 */
#define WEIR_STORE_VALUE_MAX 65536   /* octets */

/* status: WEIR_OK; E_NOTFOUND; E_EXISTS; E_TEMP: the store is out of order
   (degraded); E_CANCELLED.  value is borrowed until the callback returns. */
typedef void weir_store_fn(weir_call *, int status, weir_str value,
    void *arg);
/* One entry of a walk: expires_ms is wall time.  Return false to stop. */
typedef bool weir_store_row_fn(weir_call *, weir_str key, weir_str value,
    int64_t expires_ms, void *arg);

struct weir_store {
	/* [loop], all of them; fn may be NULL for writes: the call then does
	   not wait for the commit. ttl_ms: how long the entry lives, > 0. */
	int (*get)(weir_call *, weir_str key, weir_store_fn *fn, void *arg);
	int (*put)(weir_call *, weir_str key, weir_str value, int64_t ttl_ms,
	    weir_store_fn *fn, void *arg);
	/* put only if the key is absent or expired, else E_EXISTS with the
	   present value. */
	int (*add)(weir_call *, weir_str key, weir_str value, int64_t ttl_ms,
	    weir_store_fn *fn, void *arg);
	int (*del)(weir_call *, weir_str key, weir_store_fn *fn, void *arg);
	/* Visit live entries in key order whose key begins with prefix and is
	   greater than `from` (empty: the first), at most limit; row runs for
	   each, then done once (E_LIMIT: there are more). */
	int (*walk)(weir_call *, weir_str prefix, weir_str from, uint32_t limit,
	    weir_store_row_fn *row, weir_store_fn *done, void *arg);
};

#ifdef __cplusplus
}
#endif
#endif
