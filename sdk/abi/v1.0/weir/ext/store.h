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
   (degraded), or full; E_CANCELLED, E_TIMEOUT: the call was given up, what was
   written may be there.  value is borrowed until the callback returns, "" where
   there is none.  Runs exactly once. [loop] */
typedef void weir_store_fn(weir_call *, int status, weir_str value,
    void *arg);
/* One entry of a walk: expires_ms is wall time in milliseconds since 1970; key and
   value are borrowed until it returns.  Return false to stop. [loop] */
typedef bool weir_store_row_fn(weir_call *, weir_str key, weir_str value,
    int64_t expires_ms, void *arg);

/* Frozen: what comes later is weir.store/2. */
struct weir_store {
	/* Read, write.  key and value are copied; fn may be NULL for writes: the
	   call then does not wait for the commit.  ttl_ms: how long the entry
	   lives in milliseconds, > 0.  WEIR_E_INVAL: a key or value over the
	   limits above; then fn does not run.  In every stage but header and
	   body (WEIR_E_STATE). [loop] */
	int (*get)(weir_call *, weir_str key, weir_store_fn *fn, void *arg);
	int (*put)(weir_call *, weir_str key, weir_str value, int64_t ttl_ms,
	    weir_store_fn *fn, void *arg);
	/* put only if the key is absent or expired, else E_EXISTS with the
	   present value. [loop] */
	int (*add)(weir_call *, weir_str key, weir_str value, int64_t ttl_ms,
	    weir_store_fn *fn, void *arg);
	/* Remove; E_NOTFOUND if it was not there. [loop] */
	int (*del)(weir_call *, weir_str key, weir_store_fn *fn, void *arg);
	/* Visit live entries in key order whose key begins with prefix and is
	   greater than `from` (empty: the first), at most limit; row runs for
	   each, then done once (E_LIMIT: there are more). [loop] */
	int (*walk)(weir_call *, weir_str prefix, weir_str from, uint32_t limit,
	    weir_store_row_fn *row, weir_store_fn *done, void *arg);
};

#ifdef __cplusplus
}
#endif
#endif
