/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_host - a host for the half that runs on the loop, for unit tests.
 *
 * Jobs, tasks and ends of holds wait in a queue until pump() lets them happen,
 * so that each order of events can be made.
 */
#ifndef MODULES_QUARANTINE_TEST_HOST_H
#define MODULES_QUARANTINE_TEST_HOST_H

#include "act.h"
#include "test_store.h"

#define RCPTS 3
#define EVENTS 64

/* One message of the fake host; weir_call * points at one. */
struct message {
	uint32_t nrcpts;
	const char *rcpt[RCPTS];
	int fate[RCPTS];
	char kept[RCPTS][80];
	uint32_t action; /* of the last verdict */
	char enhanced[16];
	const char *token, *frontend, *virus;
	char decision[16];
	const char *text; /* NULL: the message was not kept for reading */
	unsigned deleted, exempt;
	void *slot;
	void (*drop)(void *);
};

extern struct quarantine q;
extern unsigned n_events; /* that wait */
extern unsigned tasks, errors_logged; /* so far */
extern int refuse_jobs, refuse_tasks; /* so many of the next ones */
extern struct weir_hold *last_hold;

/* For cmocka: q with an empty store, nothing waits. */
int host_setup(void **state);
int host_teardown(void **state);

weir_call *call_of(struct message *m);
/* Let everything happen, or only so many events. */
void pump(unsigned max);
/* The call's time is over. */
void give_up(weir_hold *h);
/* For b (delivered), c and d (quarantine). */
struct message message(const char *text);
/* The message is over, all is written down. */
void ended(struct message *m);

/* The rows of a table of the store; message files on disk. */
int64_t rows(const char *table);
int files(void);

#endif
