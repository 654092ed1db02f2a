/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_odd - passes that end early, and passes that are counted. */
#include <dirent.h>
#include <malloc.h>
#include <string.h>

#include "drive.h"
#include "loop/loop.h"
#include "mail/session.h"
#include "pipe/call.h"

#define STEPS_MAX 100000
#define LEAK_OCTETS 64.0 /* a pass: what this many passes forget in rounding
			    and tables that grow */
#define SETTLE_ROUNDS 1000

/* What is held at one moment. */
struct odd_held {
	unsigned calls, sessions, descriptors;
	size_t heap;
};

#ifdef WEIR_POISON
/* the sanitizer's own: ours does not count its heap */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
#endif

/* odd_descriptors - how many are open */
static unsigned
odd_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* odd_settle - let calls of no session end */
static void
odd_settle(void)
{
	for (int i = 0; i < SETTLE_ROUNDS && call_count() > 0; i++)
		loop_once(false);
}

/* odd_hold - count it all */
static void
odd_hold(struct odd_held *h)
{
	odd_settle();
	h->calls = call_count();
	h->sessions = session_count();
	h->descriptors = odd_descriptors();
	h->heap = mallinfo2().uordblks;
}

/* odd_compare - what is there now and was not before */
static int
odd_compare(const struct odd_held *before, const struct odd_held *now,
    struct err *why)
{
	if (now->calls > before->calls)
		return err_set(why, WEIR_E_LIMIT, "%u calls did not close",
		    now->calls - before->calls);
	if (now->sessions > before->sessions)
		return err_set(why, WEIR_E_LIMIT, "%u sessions did not end",
		    now->sessions - before->sessions);
	if (now->descriptors > before->descriptors)
		return err_set(why, WEIR_E_LIMIT, "%u descriptors were left "
		    "open", now->descriptors - before->descriptors);
	return WEIR_OK;
}

/* drive_cancel_each - the client goes at every step in turn */
int
drive_cancel_each(drive_pass_fn *fn, void *arg, struct drive_tally *t,
    struct err *why)
{
	struct odd_held before, now;

	odd_hold(&before);
	for (uint64_t step = 1; step <= STEPS_MAX; step++) {
		struct err what = { "" };
		bool cancelled = fn(arg, step);

		t->passes++;
		odd_hold(&now);
		if (odd_compare(&before, &now, &what) < 0)
			return err_set(why, WEIR_E_LIMIT, "after a disconnect "
			    "at step %llu: %s", (unsigned long long)step,
			    what.text);
		if (!cancelled)
			return WEIR_OK;
		t->steps = step;
	}
	return WEIR_OK;
}

/* odd_growth - what the heap gained a pass, in both halves: a pool that is
   taken late is no leak */
static int
odd_growth(const struct odd_held held[3], unsigned half,
    struct drive_tally *t, struct err *why)
{
#ifdef WEIR_POISON
	(void)held;
	(void)half;
	t->heap_growth = -1;
	if (__lsan_do_recoverable_leak_check != NULL &&
	    __lsan_do_recoverable_leak_check() != 0)
		return err_set(why, WEIR_E_LIMIT, "memory was leaked");
#else
	double a = ((double)held[1].heap - (double)held[0].heap) / half;
	double b = ((double)held[2].heap - (double)held[1].heap) / half;

	t->heap_growth = a < b ? a : b;
	if (t->heap_growth < 0)
		t->heap_growth = 0;
	if (t->heap_growth > LEAK_OCTETS)
		return err_set(why, WEIR_E_LIMIT, "the heap grows by %.0f "
		    "octets with each pass (over %u passes)", t->heap_growth,
		    2 * half);
#endif
	return WEIR_OK;
}

/* drive_repeat - again and again; leaks: what is held must not grow */
int
drive_repeat(drive_pass_fn *fn, void *arg, unsigned n, bool leaks,
    struct drive_tally *t, struct err *why)
{
	unsigned half = n / 3 + 1, done = 0;
	struct odd_held held[3];
	int status;

	t->passes += n;
	if (!leaks) {
		while (n-- > 0)
			fn(arg, 0);
		return WEIR_OK;
	}
	for (int i = 0; i < 3; i++) {
		for (unsigned k = 0; k < half; k++, done++)
			fn(arg, 0);
		odd_hold(&held[i]);
	}
	t->passes += done - n;
	status = odd_compare(&held[0], &held[2], why);
	return status < 0 ? status : odd_growth(held, half, t, why);
}
