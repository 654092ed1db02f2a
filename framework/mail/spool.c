/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/budget.h"

#define SPOOL_FIRST 8192

static size_t memory_max = 256 * 1024;
static size_t message_max = 64 * 1024 * 1024;

/* A freed first block is kept: most mails fit into it. */
static char *spare[8];
static unsigned spares;

/* spool_limits - set the two bounds */
void
spool_limits(size_t memory, size_t message)
{
	memory_max = memory;
	message_max = message;
}

/* spool_init - empty */
void
spool_init(struct spool *sp)
{
	memset(sp, 0, sizeof(*sp));
	sp->fd = -1;
}

/* spool_fini - free everything */
void
spool_fini(struct spool *sp)
{
	if (sp->map != NULL)
		munmap(sp->map, sp->len + 1);
	if (sp->fd >= 0)
		close(sp->fd);
	if (sp->cap == SPOOL_FIRST && spares < sizeof(spare) / sizeof(*spare))
		spare[spares++] = sp->mem;
	else
		free(sp->mem);
	budget_give(sp->taken);
	spool_init(sp);
}

/* spool_grow - make room in memory */
static void
spool_grow(struct spool *sp, size_t need)
{
	size_t cap = sp->cap != 0 ? sp->cap : SPOOL_FIRST;

	while (cap < need)
		cap *= 2;
	if (sp->mem == NULL && cap == SPOOL_FIRST && spares > 0)
		sp->mem = spare[--spares];
	else
		sp->mem = xrealloc(sp->mem, cap);
	sp->cap = cap;
}

/* spool_write - all octets into the memfd, or nothing */
static int
spool_write(struct spool *sp, size_t at, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(sp->fd, data + done, len - done,
		    (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* nobody may read half a piece through the fd */
			(void)!ftruncate(sp->fd, (off_t)at);
			return WEIR_E_TEMP;
		}
		done += (size_t)n;
	}
	return WEIR_OK;
}

/* spool_to_fd - move what is in memory to a memfd */
static int
spool_to_fd(struct spool *sp)
{
	sp->fd = memfd_create("weir-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sp->fd < 0)
		return WEIR_E_TEMP;
	if (spool_write(sp, 0, sp->mem, sp->len) < 0) {
		close(sp->fd);
		sp->fd = -1;
		return WEIR_E_TEMP;
	}
	return WEIR_OK;
}

/* spool_add - append octets */
int
spool_add(struct spool *sp, const void *data, size_t len)
{
	size_t need = sp->len + len;
	int status;

	if (len == 0)
		return WEIR_OK; /* views stay valid */
	if (sp->sealed)
		return WEIR_E_STATE;
	/* what can never be taken is too large, not too much for now */
	if (len > message_max || sp->len > message_max - len ||
	    !budget_fits(need))
		return WEIR_E_LIMIT;
	if (sp->map != NULL) {
		munmap(sp->map, sp->len + 1);
		sp->map = NULL;
	}
	if (need > sp->taken) {
		/* in steps, so that the budget is not asked for each header */
		size_t more = need - sp->taken;

		more = (more + SPOOL_FIRST - 1) / SPOOL_FIRST * SPOOL_FIRST;
		if (!budget_take(more))
			return WEIR_E_NOMEM;
		sp->taken += more;
	}
	if (sp->fd < 0 && need > memory_max) {
		status = spool_to_fd(sp);
		if (status < 0)
			return status;
		free(sp->mem);
		sp->mem = NULL;
		sp->cap = 0;
	}
	if (sp->fd >= 0) {
		status = spool_write(sp, sp->len, data, len);
		if (status < 0)
			return status;
	} else {
		if (need + 1 > sp->cap)
			spool_grow(sp, need + 1);
		memcpy(sp->mem + sp->len, data, len);
		sp->mem[need] = '\0';
	}
	sp->len = need;
	return WEIR_OK;
}

/* spool_view - the content in one piece */
int
spool_view(struct spool *sp, weir_str *out)
{
	out->len = sp->len;
	if (sp->len == 0 || sp->mem != NULL) {
		out->ptr = sp->mem != NULL ? sp->mem : "";
		return WEIR_OK;
	}
	if (sp->map == NULL) {
		char *p;

		/* the promised NUL may fall on a page that the file does not
		   have: lay the file over anonymous memory that does */
		p = mmap(NULL, sp->len + 1, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return WEIR_E_TEMP;
		/* private: a shared mapping of a descriptor that may write
		   keeps the kernel from sealing it */
		if (mmap(p, sp->len, PROT_READ, MAP_PRIVATE | MAP_FIXED,
			sp->fd, 0) == MAP_FAILED) {
			munmap(p, sp->len + 1);
			return WEIR_E_TEMP;
		}
		sp->map = p;
	}
	out->ptr = sp->map;
	return WEIR_OK;
}

/* spool_fd - the sealed message as a descriptor */
int
spool_fd(struct spool *sp)
{
	char path[32];
	int fd;

	if (sp->fd < 0 && spool_to_fd(sp) < 0)
		return WEIR_E_TEMP;
	if (!sp->sealed) {
		if (fcntl(sp->fd, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			    F_SEAL_SEAL) < 0)
			return WEIR_E_TEMP;
		sp->sealed = true;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sp->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : WEIR_E_TEMP;
}
