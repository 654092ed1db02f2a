/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash - a fatal signal's last words: module, stage and decision id. */
#ifndef WEIR_DAEMON_CRASH_H
#define WEIR_DAEMON_CRASH_H

/* Handle SEGV, BUS, ILL, FPE, ABRT on a stack of their own: print what the
   board's mark says, flush the log, die of the signal. [main] */
void crash_init(int board_slot);

#endif
