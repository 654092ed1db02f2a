/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WEIR_HOST_EXT_TIMER_H
#define WEIR_HOST_EXT_TIMER_H

/* Stop all periodic work; its calls must have been closed. */
void ext_timer_stop(void);
/* Run what became due when the clock was turned on. [loop] */
void ext_timer_catch_up(void);

#endif
