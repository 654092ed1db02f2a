/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/service.h - weir.service/1: one module's table for another.
 *
 * The table is the two modules' own contract (begin it with a size).  The host
 * starts providers before finders and refuses circles.
 */
#ifndef WEIR_EXT_SERVICE_H
#define WEIR_EXT_SERVICE_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_SERVICE "weir.service/1"

/* Frozen: what comes later is weir.service/2. */
struct weir_service {
	/* Offer a table under an id such as "org.example.lists/1"; it must live
	   as long as the process, as must state.  id: 1 to 128 octets, copied.
	   WEIR_E_EXISTS when taken; WEIR_E_STATE: create is over. [main] */
	int (*provide)(weir_self *, const char *id, const void *table,
	    void *state);
	/* Find one: name its module in `after` and it is there in create.  The
	   provider's state is set, too (state may be NULL).  NULL if nobody
	   provides it.  Lives as long as the process. [main], [loop] */
	const void *(*find)(weir_self *, const char *id, void **state);
};

#ifdef __cplusplus
}
#endif
#endif
