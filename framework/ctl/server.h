/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server - the control socket: weirctl's questions, answered by one worker.
 *
 * One request a connection: a line of JSON
 *	{"command": ["greylist", "list"], "json": false}
 * and a line back
 *	{"status": 0, "out": "...", "err": "..."}
 * status 0: done; 1: failed, err says why; 2: no such command; 3: weirctl is to
 * run it itself.  Who may
 * connect is the business of the socket's mode and owner. [loop]
 */
#ifndef WEIR_CTL_SERVER_H
#define WEIR_CTL_SERVER_H

#include <stdint.h>

#define CTL_REQUEST_MAX (64 * 1024)
#define CTL_CONNS 32
#define CTL_REQUEST_MS 5000 /* to send the request in */
#define CTL_WRITE_MS 30000  /* without a reader's progress */

/* When the daemon was started (wall); the master sets it before it forks. */
extern int64_t ctl_daemon_started_ms;

void ctl_server_start(int fd); /* fd stays the caller's */
void ctl_server_stop(void);    /* accept no more; open ones are finished */
/* Close what is open; commands still under way answer nobody. */
void ctl_server_close_all(void);
unsigned ctl_server_count(void);

#endif
