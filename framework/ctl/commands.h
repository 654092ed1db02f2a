/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commands - what the control server can be asked.
 *
 * A command fills request->out (text, or JSON when request->json is set) and
 * calls ctl_done exactly once, inside the command or later on the loop.
 * Everything here is [loop].
 */
#ifndef WEIR_CTL_COMMANDS_H
#define WEIR_CTL_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_UNKNOWN 2
#define CTL_LOCAL 3 /* weirctl runs this command itself */
#define CTL_MODULE_MS 30000 /* for a module's command */

struct ctl_request {
	uint32_t argc;
	const char *const *argv; /* argv[0] is the command */
	bool json;
	int64_t uid; /* of the one who asks; negative: not known */
	struct buf out, err;
	void (*done)(struct ctl_request *, int status); /* the server's */
};

struct ctl_command {
	const char *name, *usage, *help;
	uint32_t args_min, args_max; /* words behind the name */
	void (*fn)(struct ctl_request *);
};

extern const struct ctl_command ctl_commands[]; /* ends with name NULL */

/* Find and run it, a module's too. */
void ctl_run(struct ctl_request *r);
/* It is answered; r is gone afterwards. */
void ctl_done(struct ctl_request *r, int status);
/* The same with a line in err. */
void ctl_fail(struct ctl_request *r, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with a JSON value (taken over), or its text form. */
void ctl_answer(struct ctl_request *r, json_t *value,
    void (*text)(const json_t *value, struct buf *out));

void cmd_status(struct ctl_request *r);
void cmd_modules(struct ctl_request *r);
void cmd_explain(struct ctl_request *r);

#endif
