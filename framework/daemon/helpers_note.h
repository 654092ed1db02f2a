/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helpers_note - how each helper process is, in memory that the master writes
 * and workers read, for weirctl status.
 */
#ifndef WEIR_DAEMON_HELPERS_NOTE_H
#define WEIR_DAEMON_HELPERS_NOTE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HELPERS_NOTES 256
#define HELPERS_NOTE_WHY 256

enum helpers_state {
	HELPERS_STARTING, /* a process that is not ready yet */
	HELPERS_SERVING,
	HELPERS_WAITING, /* it ended; the next one comes after the back-off */
	HELPERS_RESTING	 /* too many deaths: not before a pause is over */
};

struct helpers_note {
	_Atomic uint32_t used;
	_Atomic uint32_t state;	   /* enum helpers_state */
	_Atomic uint32_t deaths;   /* since it was begun or reloaded */
	_Atomic uint32_t restarts; /* ends of its own will, in all */
	_Atomic uint32_t failed;   /* deaths in a row without being ready */
	_Atomic uint32_t turn;	   /* odd while why is being written */
	char why[HELPERS_NOTE_WHY]; /* the last death; "": none */
};

/* Before the first fork; fatal without memory. [main] */
void helpers_notes_create(void);
void helpers_notes_destroy(void);
/* A free one; never NULL: without a free one, one that nobody reads. [main] */
struct helpers_note *helpers_note_take(void);
/* [main] */
void helpers_note_give(struct helpers_note **note);
/* [main] */
void helpers_note_why(struct helpers_note *note, const char *why);
/* A whole text, "" if it is just being written. [any] */
void helpers_note_read(const struct helpers_note *note,
    char why[HELPERS_NOTE_WHY]);

#endif
