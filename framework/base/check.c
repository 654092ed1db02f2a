/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*check_sink)(const char *line);

static void check_say(const char *word, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* check_say - format one line and write it without touching the heap */
static void
check_say(const char *word, const char *fmt, va_list ap)
{
	char line[1024];
	int n, m;

	n = snprintf(line, sizeof(line), "weir: %s: ", word);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	if (m < 0)
		m = 0;
	n += m;
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\0';
	if (check_sink != NULL) {
		check_sink(line);
		return;
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		_exit(1);
}

/* panic - a bug: say where and dump core */
void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	check_say("panic", fmt, ap);
	va_end(ap);
	abort();
}

/* fatal - the environment is unusable: say why and leave */
void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	check_say("fatal", fmt, ap);
	va_end(ap);
	exit(1);
}
