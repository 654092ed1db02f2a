/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helpers - the helper processes of all configurations: start, restart with
 * back-off, bench after too many deaths.  Part of the master, and of the
 * harness, which has no master.
 *
 * The socket of a process is made here and stays while the process is being
 * restarted, so that workers connect again by themselves; it is taken away
 * while the helper is benched.  A configuration that has the same module file,
 * options and table as one that runs shares its processes.
 */
#ifndef WEIR_DAEMON_HELPERS_H
#define WEIR_DAEMON_HELPERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/core.h"
#include "daemon/helpers_note.h"
#include "work/helper_spec.h"

/* Descriptors of the program weir-helper. */
#define HELPERS_FD_SPEC 3
#define HELPERS_FD_CONTROL 4
#define HELPERS_FD_LISTENER 5

/* All helpers of a generation have been ready once (error NULL), or one can't
   start.  Never called from within helpers_start. [loop] */
typedef void helpers_ready_fn(uint32_t generation, const char *error);

/* reaps: nobody else waits for children. [main] */
void helpers_init(helpers_ready_fn *ready, bool reaps);
/* Start what these specs (helpers_specs.h) say and does not run yet; dir holds
   sockets and folders, and belongs to uid. [loop] */
int helpers_start(uint32_t generation, const struct conf *conf,
    const struct buf *specs, const char *dir, struct err *err);
/* No process of that generation is left. */
void helpers_drop(uint32_t generation);
/* A child ended; false: it was none of these. */
bool helpers_reaped(pid_t pid, int status);
/* End all, waiting for them for a moment. */
void helpers_stop(void);
/* In a forked worker: it is of this generation, what is the master's is
   closed. */
void helpers_worker(uint32_t generation);
/* For ext_remote. */
unsigned helpers_find(const char *module, uint32_t helper,
    const char *paths[WEIR_HELPER_PROCESSES_MAX]);
/* The same for how they are. */
unsigned helpers_notes(const char *module, uint32_t helper,
    const struct helpers_note *notes[WEIR_HELPER_PROCESSES_MAX]);

#endif
