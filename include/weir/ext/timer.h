/* SPDX-License-Identifier: BSD-2-Clause */
/* weir/ext/timer.h - weir.timer/1: delays and periodic work. */
#ifndef WEIR_EXT_TIMER_H
#define WEIR_EXT_TIMER_H

#include <weir/host.h>
#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_TIMER "weir.timer/1"

/* Frozen: what comes later is weir.timer/2. */
struct weir_timer {
	/* Keep the call open and run fn after ms milliseconds, exactly once:
	   WEIR_OK when the time came, WEIR_E_CANCELLED or WEIR_E_TIMEOUT when
	   the call was given up before.  In every stage but header and body
	   (WEIR_E_STATE). [loop] */
	int (*after)(weir_call *, uint32_t ms, weir_task_fn *fn, void *arg);
	/* Run fn each ms milliseconds (at least 100) in a call of its own that
	   belongs to no mail, until the process ends; a run that is still open
	   is not started again.  Not where a configuration is only checked.
	   [main], [loop] */
	int (*every)(weir_self *, uint32_t ms, weir_task_fn *fn, void *arg);
};

#ifdef __cplusplus
}
#endif
#endif
