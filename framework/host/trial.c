/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/trial.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/oldest.h"
#include "host/table.h"
#include "obs/board.h"
#include "pipe/guard.h"

#define POISON 0xA5
#define GROWTH 64 /* members that a younger host has more */
#define FRAMES 6

struct trial_counts trial_counts;
struct trial_faults trial_faults;

/* Where the table of each version ended. */
static const struct {
	const char *abi;
	size_t size;
} versions[] = {
	{ OLDEST_ABI, OLDEST_HOST },
};

static union {
	struct weir_host host;
	unsigned char octets[sizeof(struct weir_host) + GROWTH * 8];
} other;
static const struct weir_host *handed = &table_host;
static bool strict;

/* trial_host - the table for modules */
const struct weir_host *
trial_host(void)
{
	return handed;
}

/* trial_ext - an extension's table for modules */
const void *
trial_ext(const char *id, const void *table)
{
	return strict && table != NULL ? strict_ext(id, table) : table;
}

/* trial_cut - as much of the present table as fits */
void
trial_cut(uint32_t size)
{
	size_t have = sizeof(struct weir_host);

	memset(other.octets, POISON, sizeof(other));
	memcpy(other.octets, handed, size < have ? size : have);
	other.host.size = size < sizeof(other) ? size : sizeof(other);
	handed = &other.host;
}

/* trial_abi - as a host of another age would hand it over */
int
trial_abi(const char *abi, struct err *err)
{
	if (strcmp(abi, "next") == 0) {
		trial_cut(sizeof(other));
		other.host.abi_minor++;
		return WEIR_OK;
	}
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		unsigned major = 0, minor = 0;

		if (strcmp(abi, versions[i].abi) != 0)
			continue;
		sscanf(abi, "%u.%u", &major, &minor);
		trial_cut((uint32_t)versions[i].size);
		other.host.abi_major = (uint16_t)major;
		other.host.abi_minor = (uint16_t)minor;
		return WEIR_OK;
	}
	return err_set(err, WEIR_E_NOTFOUND, "ABI %s is not known (there are "
	    OLDEST_ABI " and next)", abi);
}

/* trial_strict - misuse is no longer only answered */
void
trial_strict(void)
{
	strict = true;
	handed = strict_host(handed);
}

/* trial_said - end it if the answer tells of a bug in the module */
int
trial_said(weir_call *call, int status, const char *function)
{
	const struct call *c = loop_is_thread() && call != NULL ?
	    call_find(call) : NULL;
	void *frames[FRAMES];
	int n;

	if (!strict || (status != WEIR_E_INVAL && status != WEIR_E_STATE &&
			   status != WEIR_E_STALE) ||
	    (c != NULL && c->given_up))
		return status;
	fprintf(stderr, "weir-drive: --strict: %s answered %s; called from (the first lines are the "
	    "host's own)\n",
	    function, status_name(status));
	n = backtrace(frames, FRAMES);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
	abort();
}
