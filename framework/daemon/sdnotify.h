/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sdnotify - tell the service manager how we are (sd_notify(3), in a datagram
   to $NOTIFY_SOCKET); silent when nobody listens. [main] */
#ifndef WEIR_DAEMON_SDNOTIFY_H
#define WEIR_DAEMON_SDNOTIFY_H

#include <stdint.h>

/* "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1" */
void sdnotify(const char *state);
/* How often the watchdog wants to hear from us: half of $WATCHDOG_USEC in
   milliseconds, 0: never. */
int64_t sdnotify_watchdog_ms(void);

#endif
