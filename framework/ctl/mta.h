/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mta - what an MTA must be told so that it asks Weir, and does something safe
 * when Weir does not answer.
 *
 * Nothing here changes an MTA's files; Postfix is only asked, by postconf(1).
 */
#ifndef WEIR_CTL_MTA_H
#define WEIR_CTL_MTA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "conf/core.h"

/* The MTA that is to be told. */
struct mta_env {
	char version[64]; /* as the MTA writes it; "": unknown */
	int major, minor;
	char queue_directory[1024]; /* "": unknown */
	int chroot; /* do its servers see only that directory: 0, 1, -1 unknown;
		       the smtpd of port 25 counts */
	char config_dir[1024]; /* "": the default instance */
};

struct mta_line {
	char *why;   /* the comment above */
	char *name;  /* NULL: a comment alone */
	char *value;
};

struct mta_plan {
	const char *mta;
	const char *file; /* where the lines belong */
	VEC(struct mta_line) lines;
	unsigned problems; /* lines that say what can't work as it is */
};

/* "3.7.11", "3.11-20260101", "2.11.3": false if it is no version. */
bool mta_version_parse(const char *text, struct mta_env *env);
bool mta_is_at_least(const struct mta_env *env, int major, int minor);
/* milter_default_action for this version. */
const char *mta_default_action(const struct mta_env *env);
/* A listener's address as Postfix writes it; WEIR_E_UNSUPPORTED: its processes
   can't see that socket (out is filled all the same). */
int mta_postfix_address(const struct conf_address *a,
    const struct mta_env *env, struct buf *out);
/* How long the MTA must wait at least, in seconds. */
int64_t mta_command_seconds(const struct conf *conf);
int64_t mta_content_seconds(const struct conf *conf);
int64_t mta_policy_seconds(const struct conf *conf);

void mta_postfix(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan);
void mta_sendmail(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan);
void mta_plan_fini(struct mta_plan *plan);
void mta_plan_text(const struct mta_plan *plan, const struct mta_env *env,
    struct buf *out);
json_t *mta_plan_json(const struct mta_plan *plan, const struct mta_env *env);

/* Add a setting (name NULL: a comment alone); name and value are copied. */
void mta_plan_add(struct mta_plan *plan, const char *name, const char *value,
    const char *why, ...) __attribute__((format(printf, 4, 5)));

/* The absolute path of one of the MTA's programs, or NULL. */
const char *mta_program(const char *name);
/* Run it without a shell, at most 10 s; its standard output.  argv[0] is an
   absolute path. */
int mta_run(const char *const *argv, struct buf *out, struct err *err);
/* Ask postconf about the installed Postfix; config_dir may be "". */
int mta_postfix_env(const char *config_dir, struct mta_env *env,
    struct err *err);
/* One of its settings with all references resolved, without newline. */
int mta_postfix_get(const struct mta_env *env, const char *name,
    struct buf *out, struct err *err);

#endif
