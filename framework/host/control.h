/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control - commands that modules offer to weirctl (weir.control/1).
 */
#ifndef WEIR_HOST_CONTROL_H
#define WEIR_HOST_CONTROL_H

#include <weir/ext/control.h>

#include "base/buf.h"
#include "pipe/call.h"
#include "pipe/module.h"

struct control_command {
	struct control_command *next;
	struct module *module;
	char *name, *usage, *help;
	weir_control_fn *fn;
	bool local; /* runs in weirctl only */
};

/* What a command answered. */
struct control_reply {
	struct buf out, err;
	int status; /* negative: it failed */
	bool misused; /* called with wrong words: err holds the usage */
	bool local;   /* not run: it is weirctl's to run it */
};

/* done: on the loop, exactly once, possibly inside control_run; reply is
   borrowed. */
typedef void control_done_fn(const struct control_reply *reply, void *arg);

/* argv[0] is the command's name; WEIR_E_NOTFOUND: no such command.  uid: who
   asks, negative: not known. */
int control_run(const char *module, uint32_t argc, const char *const *argv,
    bool json, int64_t uid, int64_t timeout_ms, control_done_fn *done,
    void *arg);
/* The uid of the one who asked, as text; NULL: not known, or no command. */
const char *control_peer(const struct call *c);
/* This process is weirctl: local commands run, and what commands print goes to
   standard output at once. */
void control_be_local(void);
/* All commands; in the order of registration. */
const struct control_command *control_commands(void);
void control_fini(void);

#endif
