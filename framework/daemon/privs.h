/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privs - give up what a process does not need.
 *
 * A worker becomes the configured user, can gain no rights back, can execute
 * nothing and touch no process or system setting (seccomp), and can write only
 * below its own directories (Landlock, where the kernel has it).
 */
#ifndef WEIR_DAEMON_PRIVS_H
#define WEIR_DAEMON_PRIVS_H

#include <sys/types.h>

#include "base/err.h"
#include "conf/core.h"

/* The configured user and group; WEIR_E_NOTFOUND names the one that is
   missing.  When we are not root: those that we have. */
int privs_find(const struct conf *conf, uid_t *uid, gid_t *gid,
    struct err *err);
/* Create a directory for that user if it is missing. */
int privs_directory(const char *path, uid_t uid, gid_t gid, mode_t mode,
    struct err *err);
/* The same for one that this user must own: an empty one of root's is handed
   over, another's is an error with its remedy. */
int privs_own(const char *path, uid_t uid, gid_t gid, mode_t mode,
    struct err *err);
/* Would privs_own work?  Changes nothing. */
int privs_may_own(const char *path, uid_t uid, gid_t gid, struct err *err);
/* Become that user for good. */
int privs_drop(uid_t uid, gid_t gid, struct err *err);
/* No exec, no new rights, no foreign process, no system settings: refused with
   EPERM from now on, in this process and its threads. */
int privs_seccomp(struct err *err);
/* No sockets: none can be made, none connected, nothing sent, in this process
   and its threads to come.  For a replay. */
int privs_no_network(struct err *err);
/* Files: read anything that the user may, write below these directories only
   (NULL-ended).  WEIR_E_UNSUPPORTED: this kernel has no Landlock. */
int privs_landlock(const char *const *writable, struct err *err);

#endif
