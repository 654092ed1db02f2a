/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify - is a worker's crash the store's fault?  A child of the master reads
 * the store and sets it aside if it is damaged, while the master goes on.
 * Workers start meanwhile: those that have the bad file open notice that it
 * was set aside.
 */
#ifndef WEIR_DAEMON_VERIFY_H
#define WEIR_DAEMON_VERIFY_H

#include <stdbool.h>
#include <sys/types.h>

/* Look at the store below this folder, unless that is being done already. */
void verify_start(const char *state_dir);
/* Was this child ours?  Logs what it found; called by whoever reaps. */
bool verify_reaped(pid_t pid, int status);
/* The master ends: do not leave it behind. */
void verify_stop(void);

#endif
