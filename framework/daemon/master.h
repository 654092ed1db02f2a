/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * master - binds, forks, restarts, counts; sees no mail.
 *
 * GLOSSARY
 *   generation  all workers of one configuration; a reload starts the next one
 *               and lets the old one drain once the new one serves
 *   slot        a worker's row of the board
 */
#ifndef WEIR_DAEMON_MASTER_H
#define WEIR_DAEMON_MASTER_H

#include "base/err.h"
#include "conf/snapshot.h"

/* Serve until told to stop; the process's exit status.  ready_fd: gets one
   octet once all workers serve, or -1.  foreground: log to stderr. */
int master_main(const char *config_path, struct conf_snapshot *snapshot,
    bool foreground, int ready_fd);

#endif
