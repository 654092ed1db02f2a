/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * board - the scoreboard in shared memory: what every worker does right now,
 * which modules crash them, which mail does.
 *
 * The master creates it before it forks; all processes see it at the same
 * address.  There are no locks: a slot is written by its worker only, the
 * module and poison tables by the master only (it alone reaps workers);
 * whatever another process may read is atomic.  A worker writes its mark
 * around every callback, so a dead worker tells what it was doing, and a live
 * one since when.  All of it lies in the hands of every worker: whoever reads
 * it, the master above all, trusts no number in it.
 *
 * GLOSSARY
 *   slot    one worker's row; those of a draining generation count, too
 *   mark    module, stage, phase, decision id, since when
 *   bench   a module that crashed `limit` times within `window` is not called
 *           for `bench`
 *   poison  the fingerprint of a mail that a worker died of
 */
#ifndef WEIR_OBS_BOARD_H
#define WEIR_OBS_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"

#define BOARD_SLOTS 256	  /* 64 workers, those draining, helpers */
#define BOARD_MODULES 128
#define BOARD_CRASHES 16  /* remembered for each module */
#define BOARD_POISON 64
#define BOARD_NAME_MAX 64 /* a module's name has 63 octets at most */
#define BOARD_ID_MAX 24	  /* decision id with its NUL */
#define BOARD_NO_MODULE (-1)

enum board_state {
	BOARD_FREE = 0,
	BOARD_STARTING,
	BOARD_SERVING,
	BOARD_DRAINING,
	BOARD_DEAD /* not yet looked at by the master */
};

/* One worker.  Its own to write, everyone's to read. */
struct board_slot {
	/* written by the master */
	_Atomic int32_t pid;
	_Atomic uint32_t generation;
	_Atomic int64_t started_ms; /* wall */
	/* written by the worker */
	_Atomic uint32_t state;	    /* enum board_state */
	_Atomic uint32_t sessions;  /* open now */
	_Atomic uint64_t messages;  /* decided so far */
	_Atomic uint64_t heartbeat_ns; /* clock_mono_ns of the last turn */
	_Atomic uint64_t fingerprint;  /* of the mail at work, 0: none */
	/* the mark: where is 0 outside of callbacks, see board_mark_enter */
	_Atomic uint64_t where;
	_Atomic uint64_t since_ns;
	_Atomic uint64_t id[BOARD_ID_MAX / 8];
	_Atomic uint64_t sequence; /* marks so far, +1 for every entry */
} __attribute__((aligned(64)));

struct board_module {
	char name[BOARD_NAME_MAX]; /* fixed once it is in the table */
	_Atomic int64_t benched_until; /* mono ms, 0: not benched */
	_Atomic uint64_t crashes;      /* ever */
	int64_t crash_ms[BOARD_CRASHES]; /* mono, a ring; the master's */
	/* kept by the workers: board_module_called, board_module_failed */
	_Atomic uint64_t calls, failures, time_ns;
} __attribute__((aligned(64)));

struct board_poison {
	_Atomic uint64_t fingerprint; /* 0: free */
	_Atomic uint32_t crashes;
	_Atomic int64_t last_ms; /* wall: the oldest makes room */
};

struct board {
	struct board_slot slot[BOARD_SLOTS];
	struct board_module module[BOARD_MODULES];
	_Atomic uint32_t modules;
	struct board_poison poison[BOARD_POISON];
	_Atomic uint64_t notified; /* board_hour_take: mail caused by rules */
};

/* A mark, as read. */
struct board_mark {
	int module; /* index, BOARD_NO_MODULE: not inside a callback */
	int stage, phase;
	uint64_t since_ns, sequence, fingerprint;
	char id[BOARD_ID_MAX];
};

struct board_crash {
	struct board_mark mark;
	char module[BOARD_NAME_MAX]; /* its name, or "" */
	bool benched;	     /* this crash benched it */
	uint32_t poison;     /* crashes of this mail so far, 0: none known */
};

/* When a module is benched. */
struct board_limits {
	unsigned crashes; /* 1..BOARD_CRASHES; 0: never */
	int64_t window_ms, bench_ms;
};

/* The process's board; NULL before board_create. */
extern struct board *board;

/* Map it, fatal if that fails; board_destroy is for tests. [main] */
void board_create(void);
void board_destroy(void);

/* The index of a module's name, entered if it is new; WEIR_E_LIMIT when the
   table is full.  Only the master enters names, before it forks. [main] */
int board_module(const char *name);
/* The same without entering: WEIR_E_NOTFOUND. [any] */
int board_module_find(const char *name);
/* A module's name; "" for one that can't be. [any] */
void board_module_name(int module, char out[BOARD_NAME_MAX]);

/* A free slot for a worker about to be forked (BOARD_STARTING, no pid), or
   WEIR_E_LIMIT; pid is set once it is known. Master only. */
int board_slot_take(uint32_t generation);
void board_slot_pid(int slot, pid_t pid);
/* The slot of that pid, or WEIR_E_NOTFOUND. */
int board_slot_find(pid_t pid);
void board_slot_release(int slot);

/* A worker died: read its mark, count the crash against the module, bench it
   if that is one too many, remember the mail's fingerprint.  now_ms is
   clock_mono_ms.  Master only; the slot is to be released afterwards. */
void board_crashed(int slot, int64_t now_ms, const struct board_limits *limits,
    struct board_crash *out);
/* Read the mark of a live or dead worker; false: it moves too fast. [any] */
bool board_mark_read(int slot, struct board_mark *out);

/* One more of at most max in an hour that begins with the first; false: there
   were so many.  now_ms is clock_mono_ms; a cell is 0 at first and counts for
   all processes that share it. [any] */
bool board_hour_take(_Atomic uint64_t *cell, int64_t now_ms, uint32_t max);

/* How many workers died of this mail. [any] */
uint32_t board_poison_count(uint64_t fingerprint);

/* board_is_benched - is the module not to be called now */
static inline bool
board_is_benched(int module, int64_t now_ms)
{
	int64_t until = atomic_load_explicit(
	    &board->module[module].benched_until, memory_order_relaxed);

	return until != 0 && now_ms < until;
}

/* board_mark_enter - a callback begins; the result goes to board_mark_leave,
   so that a callback inside a callback is told apart.  id may be NULL. */
static inline uint64_t
board_mark_enter(int slot, int module, int stage, int phase, const char *id,
    uint64_t now_ns)
{
	struct board_slot *s = &board->slot[slot];
	uint64_t before = atomic_load_explicit(&s->where,
	    memory_order_relaxed);
	uint64_t words[BOARD_ID_MAX / 8] = { 0 };
	char *text = (char *)words;

	for (unsigned i = 0; id != NULL && i < BOARD_ID_MAX - 1 &&
	     id[i] != '\0'; i++)
		text[i] = id[i];
	/* a reader that sees the old sequence twice saw nothing of this */
	atomic_store_explicit(&s->sequence,
	    atomic_load_explicit(&s->sequence, memory_order_relaxed) + 1,
	    memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < BOARD_ID_MAX / 8; i++)
		atomic_store_explicit(&s->id[i], words[i],
		    memory_order_relaxed);
	atomic_store_explicit(&s->since_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&s->where, 1u | (uint64_t)(module + 1) << 1 |
		(uint64_t)(unsigned)stage << 16 |
		(uint64_t)(unsigned)phase << 32, memory_order_release);
	return before;
}

/* board_mark_again - the same of another callback, about the same decision as
   the one before it */
static inline uint64_t
board_mark_again(int slot, int module, int stage, int phase, uint64_t now_ns)
{
	struct board_slot *s = &board->slot[slot];
	uint64_t before = atomic_load_explicit(&s->where,
	    memory_order_relaxed);

	atomic_store_explicit(&s->sequence,
	    atomic_load_explicit(&s->sequence, memory_order_relaxed) + 1,
	    memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&s->since_ns, now_ns, memory_order_relaxed);
	atomic_store_explicit(&s->where, 1u | (uint64_t)(module + 1) << 1 |
		(uint64_t)(unsigned)stage << 16 |
		(uint64_t)(unsigned)phase << 32, memory_order_release);
	return before;
}

/* board_mark_leave - it has returned */
static inline void
board_mark_leave(int slot, uint64_t before)
{
	atomic_store_explicit(&board->slot[slot].where, before,
	    memory_order_release);
}

/* board_fingerprint_set - the mail at work; 0: none */
static inline void
board_fingerprint_set(int slot, uint64_t fingerprint)
{
	atomic_store_explicit(&board->slot[slot].fingerprint, fingerprint,
	    memory_order_relaxed);
}

/* board_heartbeat - the loop has turned */
static inline void
board_heartbeat(int slot)
{
	atomic_store_explicit(&board->slot[slot].heartbeat_ns,
	    clock_mono_ns(), memory_order_relaxed);
}

/* board_module_called - so many callbacks are over; not for each of them: the
   row is all workers' */
static inline void
board_module_called(int module, uint64_t calls, uint64_t spent_ns)
{
	struct board_module *m = &board->module[module];

	atomic_fetch_add_explicit(&m->calls, calls, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->time_ns, spent_ns,
	    memory_order_relaxed);
}

/* board_module_failed - one check did not run */
static inline void
board_module_failed(int module)
{
	atomic_fetch_add_explicit(&board->module[module].failures, 1,
	    memory_order_relaxed);
}

#endif
