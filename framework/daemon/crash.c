/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "obs/board.h"
#include "obs/log.h"
#include "pipe/guard.h"

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
static int slot = -1;

/* crash_put - append, without the heap or locks */
static size_t
crash_put(char *line, size_t cap, size_t n, const char *text)
{
	size_t len = strlen(text);

	if (len > cap - n - 1)
		len = cap - n - 1;
	memcpy(line + n, text, len);
	return n + len;
}

/* crash_number - append a small number */
static size_t
crash_number(char *line, size_t cap, size_t n, unsigned v)
{
	char digits[12];
	int i = (int)sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return crash_put(line, cap, n, digits + i);
}

/* crash_on_signal - say what ran, then die as the signal wants */
static void
crash_on_signal(int sig)
{
	struct board_mark mark;
	char line[512], name[BOARD_NAME_MAX];
	size_t n = 0;

	guard_job_blame();
	n = crash_put(line, sizeof(line), n, "weir: crash: signal ");
	n = crash_number(line, sizeof(line), n, (unsigned)sig);
	if (slot >= 0 && board != NULL && board_mark_read(slot, &mark) &&
	    mark.module != BOARD_NO_MODULE) {
		n = crash_put(line, sizeof(line), n, " in module ");
		board_module_name(mark.module, name);
		n = crash_put(line, sizeof(line), n, name);
		n = crash_put(line, sizeof(line), n, " stage ");
		n = crash_put(line, sizeof(line), n, stage_name(mark.stage));
		n = crash_put(line, sizeof(line), n, " phase ");
		n = crash_put(line, sizeof(line), n, phase_name(mark.phase));
		n = crash_put(line, sizeof(line), n, " id ");
		n = crash_put(line, sizeof(line), n, mark.id);
	} else {
		n = crash_put(line, sizeof(line), n, " outside of modules");
	}
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
	log_crash_flush();
	/* SA_RESETHAND has put the default back */
	raise(sig);
}

/* crash_init - install the handlers */
void
crash_init(int board_slot)
{
	static char stack[64 * 1024];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa;

	slot = board_slot;
	sigaltstack(&ss, NULL);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = crash_on_signal;
	sa.sa_flags = SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &sa, NULL);
}
