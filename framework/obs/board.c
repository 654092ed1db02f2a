/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/board.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/check.h"

struct board *board;

/* board_create - map the shared memory */
void
board_create(void)
{
	void *p;

	expect(board == NULL);
	p = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		fatal("no shared memory for the scoreboard: %s",
		    strerror(errno));
	board = p;
}

/* board_destroy - unmap it */
void
board_destroy(void)
{
	if (board != NULL)
		munmap(board, sizeof(*board));
	board = NULL;
}

/* board_count - modules in the table; a worker gone wild may have written
   anything there, and the master reads it, too */
static uint32_t
board_count(void)
{
	uint32_t n = atomic_load_explicit(&board->modules,
	    memory_order_acquire);

	return n < BOARD_MODULES ? n : BOARD_MODULES;
}

/* board_module_find - index of a name */
int
board_module_find(const char *name)
{
	uint32_t n = board_count();

	for (uint32_t i = 0; i < n; i++) {
		if (strncmp(board->module[i].name, name, BOARD_NAME_MAX) == 0)
			return (int)i;
	}
	return WEIR_E_NOTFOUND;
}

/* board_module_name - its name, copied */
void
board_module_name(int module, char out[BOARD_NAME_MAX])
{
	out[0] = '\0';
	if (module < 0 || module >= BOARD_MODULES)
		return;
	memcpy(out, board->module[module].name, BOARD_NAME_MAX);
	out[BOARD_NAME_MAX - 1] = '\0';
}

/* board_module - index of a name, entered if new */
int
board_module(const char *name)
{
	uint32_t n = board_count();
	int found = board_module_find(name);

	if (found >= 0)
		return found;
	if (n >= BOARD_MODULES || strlen(name) >= BOARD_NAME_MAX)
		return WEIR_E_LIMIT;
	snprintf(board->module[n].name, BOARD_NAME_MAX, "%s", name);
	/* the name is complete before anyone can see it */
	atomic_store_explicit(&board->modules, n + 1, memory_order_release);
	return (int)n;
}

/* board_slot_take - a free slot, wiped */
int
board_slot_take(uint32_t generation)
{
	for (int i = 0; i < BOARD_SLOTS; i++) {
		struct board_slot *s = &board->slot[i];

		if (s->state != BOARD_FREE)
			continue;
		s->pid = 0;
		s->sessions = 0;
		s->messages = 0;
		s->fingerprint = 0;
		s->where = s->since_ns = s->sequence = 0;
		for (unsigned k = 0; k < BOARD_ID_MAX / 8; k++)
			s->id[k] = 0;
		s->generation = generation;
		s->started_ms = clock_wall_ms();
		s->heartbeat_ns = clock_mono_ns();
		s->state = BOARD_STARTING;
		return i;
	}
	return WEIR_E_LIMIT;
}

/* board_slot_pid - the worker was forked */
void
board_slot_pid(int slot, pid_t pid)
{
	board->slot[slot].pid = (int32_t)pid;
}

/* board_slot_find - whose slot */
int
board_slot_find(pid_t pid)
{
	for (int i = 0; i < BOARD_SLOTS; i++) {
		if (board->slot[i].state != BOARD_FREE &&
		    board->slot[i].pid == (int32_t)pid)
			return i;
	}
	return WEIR_E_NOTFOUND;
}

/* board_slot_release - the worker is gone */
void
board_slot_release(int slot)
{
	expect(slot >= 0 && slot < BOARD_SLOTS);
	board->slot[slot].pid = 0;
	board->slot[slot].state = BOARD_FREE;
}

/* board_hour_take - in one word: second of the beginning, and how many */
bool
board_hour_take(_Atomic uint64_t *cell, int64_t now_ms, uint32_t max)
{
	uint64_t now = (uint64_t)now_ms / 1000 + 1, had, next;

	had = atomic_load_explicit(cell, memory_order_relaxed);
	do {
		if (had == 0 || now - (had >> 32) >= 3600)
			next = now << 32;
		else
			next = had;
		if ((uint32_t)next >= max)
			return false;
		next++;
	} while (!atomic_compare_exchange_weak_explicit(cell, &had, next,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* board_mark_read - what a worker does, or was doing when it died */
bool
board_mark_read(int slot, struct board_mark *out)
{
	struct board_slot *s = &board->slot[slot];
	uint64_t where, words[BOARD_ID_MAX / 8];

	for (int tries = 0; tries < 100; tries++) {
		memset(out, 0, sizeof(*out));
		out->sequence = atomic_load_explicit(&s->sequence,
		    memory_order_acquire);
		where = atomic_load_explicit(&s->where, memory_order_acquire);
		out->since_ns = atomic_load_explicit(&s->since_ns,
		    memory_order_relaxed);
		for (unsigned i = 0; i < BOARD_ID_MAX / 8; i++)
			words[i] = atomic_load_explicit(&s->id[i],
			    memory_order_relaxed);
		out->fingerprint = atomic_load_explicit(&s->fingerprint,
		    memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->sequence, memory_order_relaxed) !=
			out->sequence ||
		    atomic_load_explicit(&s->where, memory_order_relaxed) !=
			where)
			continue;
		out->module = (int)(where >> 1 & 0x7fff) - 1;
		out->stage = (int)(where >> 16 & 0xffff);
		out->phase = (int)(where >> 32 & 0xffff);
		if ((where & 1) == 0 || out->module >= (int)board_count())
			out->module = BOARD_NO_MODULE;
		memcpy(out->id, words, sizeof(out->id));
		out->id[BOARD_ID_MAX - 1] = '\0';
		return true;
	}
	return false;
}

/* board_poison_add - one more worker died of this mail */
static uint32_t
board_poison_add(uint64_t fingerprint)
{
	struct board_poison *p, *victim = &board->poison[0];

	for (int i = 0; i < BOARD_POISON; i++) {
		p = &board->poison[i];
		if (p->fingerprint == fingerprint) {
			victim = p;
			break;
		}
		if (victim->fingerprint != 0 &&
		    (p->fingerprint == 0 || p->last_ms < victim->last_ms))
			victim = p;
	}
	if (victim->fingerprint != fingerprint) {
		victim->fingerprint = 0; /* nobody may read the old count */
		victim->crashes = 0;
		victim->fingerprint = fingerprint;
	}
	victim->last_ms = clock_wall_ms();
	return atomic_fetch_add(&victim->crashes, 1) + 1;
}

/* board_poison_count - workers that died of this mail */
uint32_t
board_poison_count(uint64_t fingerprint)
{
	if (fingerprint == 0)
		return 0;
	for (int i = 0; i < BOARD_POISON; i++) {
		if (board->poison[i].fingerprint == fingerprint)
			return board->poison[i].crashes;
	}
	return 0;
}

/* board_bench - count a crash; true: the module is benched by it */
static bool
board_bench(struct board_module *m, int64_t now_ms,
    const struct board_limits *limits)
{
	uint64_t n = m->crashes;
	int64_t oldest;

	m->crash_ms[n % BOARD_CRASHES] = now_ms;
	m->crashes = ++n;
	if (limits->crashes == 0 || limits->crashes > BOARD_CRASHES ||
	    n < limits->crashes)
		return false;
	oldest = m->crash_ms[(n - limits->crashes) % BOARD_CRASHES];
	if (now_ms - oldest > limits->window_ms)
		return false;
	m->benched_until = now_ms + limits->bench_ms;
	return true;
}

/* board_crashed - draw the conclusions from a dead worker */
void
board_crashed(int slot, int64_t now_ms, const struct board_limits *limits,
    struct board_crash *out)
{
	expect(slot >= 0 && slot < BOARD_SLOTS);
	board->slot[slot].state = BOARD_DEAD;
	memset(out, 0, sizeof(*out));
	/* a dead one's mark stands still, unless others write it */
	if (!board_mark_read(slot, &out->mark)) {
		memset(&out->mark, 0, sizeof(out->mark));
		out->mark.module = BOARD_NO_MODULE;
	}
	board_module_name(out->mark.module, out->module);
	if (out->mark.module >= 0)
		out->benched = board_bench(&board->module[out->mark.module],
		    now_ms, limits);
	if (out->mark.fingerprint != 0)
		out->poison = board_poison_add(out->mark.fingerprint);
}
