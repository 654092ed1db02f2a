/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/control.h - weir.control/1: commands for weirctl.
 *
 * `weirctl greylist list --json` runs the command "list" of module greylist in
 * one worker.  A handler runs in a call that belongs to no mail and may wait
 * like any other; the answer is complete when the call closes.  Commands that
 * read the operator's own files are local ones: weirctl loads the module and
 * runs them itself.
 */
#ifndef WEIR_EXT_CONTROL_H
#define WEIR_EXT_CONTROL_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_CONTROL "weir.control/1"

/* argv[0] is the command; strings live until the call closes.  json: the user
   asked for JSON.  state: as create set it.  A negative status makes weirctl
   exit 1; WEIR_E_INVAL without a word of error() prints the usage and makes it
   exit 2. [loop] */
typedef int weir_control_fn(void *state, weir_call *, uint32_t argc,
    const char *const *argv, bool json);

/* Frozen: what comes later is weir.control/2. */
struct weir_control {
	/* Offer a command.  name: a word; usage: "list [PREFIX]"; help: one
	   sentence; all copied.  WEIR_E_EXISTS: there is one of that name;
	   WEIR_E_STATE: create is over. [main] */
	int (*command)(weir_self *, const char *name, const char *usage,
	    const char *help, weir_control_fn *fn);
	/* Add text to the answer.  WEIR_E_LIMIT: over 16 MiB in all;
	   WEIR_E_STATE: in a call that answers no command. [loop] */
	int (*print)(weir_call *, weir_str text);
	/* The command failed: this text goes to standard error.  Errors as
	   print(). [loop] */
	int (*error)(weir_call *, weir_str text);
	/* The same as command(), but fn runs in weirctl's process, with the
	   rights of who calls it and the module's section of the same
	   configuration, whether or not a daemon runs.  It may block, read
	   files and standard input; what it prints goes out at once.  In
	   create. [main] */
	int (*local)(weir_self *, const char *name, const char *usage,
	    const char *help, weir_control_fn *fn);
};

#ifdef __cplusplus
}
#endif
#endif
