/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold - calls kept open for what the host can't see, and calls of a module's
 * own making.
 */
#ifndef WEIR_HOST_HOLD_H
#define WEIR_HOST_HOLD_H

#include <weir/host.h>

#include "pipe/call.h"

void hold_init(void); /* after loop_init */
void hold_fini(void);

/* struct weir_host: hold, release, task */
weir_hold *hold_begin(weir_call *call, uint32_t timeout_ms, weir_task_fn *done,
    void *arg);
void hold_release(weir_hold *hold, int status);
int hold_task(weir_self *self, weir_task_fn *fn, void *arg,
    uint32_t timeout_ms);

#endif
