/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spool - the message as received: in memory while it is small, in a memfd
 * once it is not, sealed when complete.
 *
 * All octets are taken from base/budget.h first.  spool_view maps what is in
 * the memfd, so a large message costs resident memory only while it is read.
 */
#ifndef WEIR_MAIL_SPOOL_H
#define WEIR_MAIL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

struct spool {
	char *mem; /* while it is small */
	size_t cap;
	size_t len;
	size_t taken; /* from the budget */
	int fd;	      /* memfd, or -1 */
	char *map;    /* read-only view of fd, or NULL */
	bool sealed;
};

/* memory: octets after which a memfd is used; message: the largest message.
   Process-wide, set once from the configuration. */
void spool_limits(size_t memory, size_t message);
void spool_init(struct spool *sp);
void spool_fini(struct spool *sp);
/* WEIR_E_LIMIT: larger than a message may be; WEIR_E_NOMEM: the process's cap;
   WEIR_E_TEMP: no memfd. The spool stays as it was. */
int spool_add(struct spool *sp, const void *data, size_t len);
/* The whole content, with a NUL behind it. Valid until the next add. */
int spool_view(struct spool *sp, weir_str *out);
/* A new descriptor of the sealed content, read only; caller closes.  Negative
   status on failure. No add after this. */
int spool_fd(struct spool *sp);

#endif
