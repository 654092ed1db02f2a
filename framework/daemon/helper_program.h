/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_program - a helper that is a program of its own, in any language.
 *
 * weir-helper stays between the workers and the program: it serves workers as
 * it always does (work/helper_serve), each of its threads has one request of
 * the program's under way.  The program is its child, in a sandbox that was
 * closed before it was executed; the two speak packets of work/helper_wire on
 * a socket pair.  One thread reads what comes from the program, packets and
 * lines on its standard error, which are logged.
 *
 * A program that ends, closes the socket or says what it may not say takes the
 * process of weir-helper with it, and the other way round: then it is all as
 * with a helper of functions that dies.
 */
#ifndef WEIR_DAEMON_HELPER_PROGRAM_H
#define WEIR_DAEMON_HELPER_PROGRAM_H

#include "base/err.h"
#include "work/helper_spec.h"

/* Say why, and end the process; any thread. */
typedef void (*helper_program_fail_fn)(const char *text)
    __attribute__((noreturn));

/* Start the program; before this process enters its own sandbox, while it has
   one thread.  spec, temp and host live as long as the process. */
int helper_program_start(const struct helper_spec *spec, const char *temp,
    const struct weir_helper_host *host, helper_program_fail_fn fail,
    struct err *err);
/* Tell it the options and wait until it is ready: returns how many requests it
   takes at once, from 1 to spec's threads. */
uint32_t helper_program_greet(void);
/* Watch it from now on, in a thread. */
void helper_program_watch(void);
/* Let it have some more processor time; see helper_sandbox_cpu. */
void helper_program_cpu(void);

/* What helper_serve works with; its state is not used. */
extern const struct weir_helper helper_program_table;

#endif
