/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check - the three classes of trouble.
 *
 *   panic   a bug in Weir: says where, dumps core
 *   fatal   the start-up environment is unusable: says why, exit status 1
 *   status  all that a peer, a DNS server, a module or a disk can do: a
 *           return value and a log line, never one of the two above
 */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

void panic(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Check a condition that only a bug can break. */
#define expect(cond) \
	do { \
		if (__builtin_expect(!(cond), 0)) \
			panic("%s:%d: %s: not true: %s", __FILE__, __LINE__, \
			    __func__, #cond); \
	} while (0)

/* Where panic and fatal write; by default standard error. */
extern void (*check_sink)(const char *line);

#endif
