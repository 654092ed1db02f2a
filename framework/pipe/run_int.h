/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run_int - what call.c tells run.c; nobody else includes this. */
#ifndef WEIR_PIPE_RUN_INT_H
#define WEIR_PIPE_RUN_INT_H

#include "pipe/call.h"

/* One of its calls has closed or was detached. */
void run_call_closed(struct run *run);
/* A module's check did not run at this point: note it, apply on_failure. */
void run_failed(struct module *module, struct session *s, struct message *m,
    int stage, uint32_t rcpt, int status, weir_str reason);

#endif
