/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_poison.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/clock.h"

struct helper_poison {
	_Atomic uint64_t key; /* 0: free */
	_Atomic uint32_t deaths;
	_Atomic uint64_t process; /* the last that died */
	_Atomic int64_t last_ms; /* wall */
};

static struct helper_poison *table;

/* helper_poison_create - map the table */
void
helper_poison_create(void)
{
	expect(table == NULL);
	table = mmap(NULL, HELPER_POISON_KEYS * sizeof(*table),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		fatal("no memory for the helpers' table");
}

/* helper_poison_destroy - unmap it */
void
helper_poison_destroy(void)
{
	if (table != NULL)
		munmap(table, HELPER_POISON_KEYS * sizeof(*table));
	table = NULL;
}

/* helper_poison_find - its row, or the one to be used for it.  Workers may
   race for a row: then one death goes uncounted, no more. */
static struct helper_poison *
helper_poison_find(uint64_t key)
{
	struct helper_poison *oldest = &table[0];

	for (int i = 0; i < HELPER_POISON_KEYS; i++) {
		struct helper_poison *p = &table[i];

		if (p->key == key)
			return p;
		if (oldest->key != 0 &&
		    (p->key == 0 || p->last_ms < oldest->last_ms))
			oldest = p;
	}
	return oldest;
}

/* helper_poison_add - one more death */
void
helper_poison_add(uint64_t key, uint64_t process)
{
	struct helper_poison *p;
	int64_t now = clock_wall_ms();

	if (table == NULL || key == 0)
		return;
	p = helper_poison_find(key);
	if (p->key == 0 || p->key != key || now - p->last_ms > HELPER_POISON_MS) {
		p->deaths = 0;
		p->process = 0;
		p->key = key;
	}
	p->last_ms = now;
	if (atomic_exchange(&p->process, process) != process)
		atomic_fetch_add(&p->deaths, 1);
}

/* helper_poison_clear - it is harmless */
void
helper_poison_clear(uint64_t key)
{
	if (table == NULL || key == 0)
		return;
	for (int i = 0; i < HELPER_POISON_KEYS; i++) {
		uint64_t was = key;

		/* rows are taken in their order */
		if (table[i].last_ms == 0)
			return;
		if (atomic_compare_exchange_strong(&table[i].key, &was, 0))
			return;
	}
}

/* helper_poison_is - two deaths are no accident */
bool
helper_poison_is(uint64_t key)
{
	const struct helper_poison *p;

	if (table == NULL || key == 0)
		return false;
	p = helper_poison_find(key);
	return p->key == key && p->deaths >= HELPER_POISON_DEATHS &&
	    clock_wall_ms() - p->last_ms <= HELPER_POISON_MS;
}
