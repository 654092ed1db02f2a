/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_sandbox - what a helper process may do.
 *
 * Two steps, as a filter can only be made narrower: the first before any of
 * the module's code runs, the second after its init.  Both are allow-lists;
 * everything else fails with EPERM.
 *
 * With WEIR_HELPER_PROGRAMS there is a lesser one, for what starts programs and
 * speaks to the network: no more rights, limits, nothing about other processes
 * or the system, and files are written in a few places only.
 */
#ifndef WEIR_WORK_HELPER_SANDBOX_H
#define WEIR_WORK_HELPER_SANDBOX_H

#include <sys/types.h>

#include "base/err.h"
#include "work/helper_exec.h"
#include "work/helper_spec.h"

/* Memory, descriptors, core; Landlock on what spec names (temp: folder to
   write in, or ""); the wide filter. [main], one thread */
int helper_sandbox_enter(const struct helper_spec *spec, const char *temp,
    struct err *err);
/* For spec->program, in the process that is to become it: the limits, files
   to read, exec what is in run, nothing else; it stays like this. */
int helper_sandbox_program(const struct helper_spec *spec, const char *temp,
    const struct helper_exec *run, struct err *err);
/* The narrow filter. [main], one thread */
int helper_sandbox_narrow(const struct helper_spec *spec, struct err *err);
/* Let the process have some more seconds of processor time: whoever stops
   calling this is ended. */
void helper_sandbox_cpu(const struct helper_spec *spec);
/* The same for the process of its program. */
void helper_sandbox_cpu_of(const struct helper_spec *spec, pid_t pid);

#endif
