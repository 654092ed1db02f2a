/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/control.h - weir.control/1: commands for weirctl.
 *
 * `weirctl greylist list --json` runs the command "list" of module greylist in
 * one worker.  A handler runs in a call that belongs to no mail and may wait
 * like any other; the answer is complete when the call closes.
 */
#ifndef WEIR_EXT_CONTROL_H
#define WEIR_EXT_CONTROL_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_CONTROL "weir.control/1"

/* argv[0] is the command.  json: the user asked for JSON. Strings live until
   the call closes. A negative status makes weirctl exit 1; WEIR_E_INVAL without a
   word of error() prints the usage and makes it exit 2. [loop] */
typedef int weir_control_fn(void *state, weir_call *, uint32_t argc,
    const char *const *argv, bool json);

struct weir_control {
	/* usage: "list [PREFIX]"; help: one sentence. In create. [main] */
	int (*command)(weir_self *, const char *name, const char *usage,
	    const char *help, weir_control_fn *fn);
	/* Add text to the answer (at most 16 MiB in all). [loop] */
	int (*print)(weir_call *, weir_str text);
	/* The command failed: this text goes to standard error. [loop] */
	int (*error)(weir_call *, weir_str text);
};

#ifdef __cplusplus
}
#endif
#endif
