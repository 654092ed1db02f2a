/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weirctl - the operator's program: what it knows itself, by file.
 *
 * Every command returns the exit status: 0 done, 1 failed, 2 not understood,
 * 3 no daemon to ask.  `check` has those of weir -t.
 */
#ifndef WEIR_CTL_WEIRCTL_H
#define WEIR_CTL_WEIRCTL_H

#include <jansson.h>
#include <stdbool.h>

#include "conf/core.h"
#include "conf/snapshot.h"
#include "ctl/client.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NO_DAEMON 3

struct weirctl {
	const char *config; /* -c, or the default */
	bool config_given;
	const char *socket; /* -s, or found from the others */
	bool socket_given;
	char *adopted; /* what config points to, if the daemon named it */
	bool json;
	bool raw; /* octets of mail are wanted, whatever they are */
	const char *zone; /* --zone, or NULL */
	bool offline; /* --offline, --db: ask no daemon */
	char *db; /* --db in front of the command, or NULL */
};

struct weirctl_command {
	const char *name, *usage, *help;
	int (*fn)(struct weirctl *w, int argc, char **argv);
};
extern const struct weirctl_command weirctl_commands[];

/* Print the daemon's answer, or why there is none (status is client_ask's);
   frees reply; the exit status. */
int weirctl_say(const struct weirctl *w, int status, struct wire_reply *reply,
    const struct err *err, const char *command);
/* The configuration without modules; NULL and the reasons on standard error
   unless quiet. *snap is released after it. */
struct conf *weirctl_conf(const struct weirctl *w, struct conf_snapshot **snap,
    bool quiet);
/* Print a value, or its text. */
void weirctl_print_json(const json_t *value);

/* A command for the daemon. */
int weirctl_ask(struct weirctl *w, int argc, char **argv);
/* A module's command in this process.  only_local: say nothing and answer
   WEIRCTL_NOT_LOCAL unless it is a command that weirctl always runs itself. */
#define WEIRCTL_NOT_LOCAL (-1)
int weirctl_offline(struct weirctl *w, int argc, char **argv,
    bool only_local);
/* Append a module's commands: objects with module, name, usage, help.  Nothing
   if there is no such module, or it has none. */
void weirctl_offline_list(struct weirctl *w, char *module, json_t *list);

int weirctl_check(struct weirctl *w, int argc, char **argv);
int weirctl_config(struct weirctl *w, int argc, char **argv);
int weirctl_explain(struct weirctl *w, int argc, char **argv);
int weirctl_mta_config(struct weirctl *w, int argc, char **argv);
int weirctl_doctor(struct weirctl *w, int argc, char **argv);
int weirctl_replay(struct weirctl *w, int argc, char **argv);
int weirctl_rules(struct weirctl *w, int argc, char **argv);
int weirctl_help(struct weirctl *w, int argc, char **argv);

#endif
