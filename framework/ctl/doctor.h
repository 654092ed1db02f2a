/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor - is this host fit, and is everything set right: one line a check,
 * with a remedy where there is something to mend.
 */
#ifndef WEIR_CTL_DOCTOR_H
#define WEIR_CTL_DOCTOR_H

#include <sys/types.h>

#include "ctl/weirctl.h"
#include "daemon/probe.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct weirctl *w;
	const char *config; /* the file that is judged */
	char *adopted;	    /* the same, if the daemon named it */
	struct conf_snapshot *snap;
	struct conf *conf;	   /* without modules; NULL: it is refused */
	struct probe_result probe; /* its modules' names */
	json_t *status;		   /* the daemon's, or NULL */
	pid_t pid;		   /* a worker's, or 0 */
	json_t *results;
	unsigned fails, warns;
};

/* State a result; remedy NULL if there is nothing to do. */
void doctor_add(struct doctor *d, enum doctor_level level, const char *check,
    const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Is the module in the configuration. */
bool doctor_has_module(const struct doctor *d, const char *name);
/* The first line of a small file, without its newline; false: can't. */
bool doctor_read(const char *path, char *out, size_t cap);

void doctor_host(struct doctor *d);   /* name, clock, kernel */
void doctor_limits(struct doctor *d); /* cgroup and rlimits */
void doctor_state(struct doctor *d);  /* state_dir */
void doctor_net(struct doctor *d);    /* resolver, DNS lists */
void doctor_mta(struct doctor *d);    /* Postfix's settings */

#endif
