/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helpers_spawn - from the master to the program weir-helper. */
#ifndef WEIR_DAEMON_HELPERS_SPAWN_H
#define WEIR_DAEMON_HELPERS_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct helpers_spawn {
	const char *name;	/* for ps */
	const struct buf *spec; /* goes along as a memory file */
	const char *temp;	/* made and emptied; or NULL */
	int listener;
	uid_t uid;
	gid_t gid;
	bool drop; /* become that user */
};

/* The process, with our end of its control channel; -1 with errno. */
pid_t helpers_spawn(const struct helpers_spawn *s, int *control);
/* Remove a folder with all that is in it, as the user that wrote there. */
void helpers_spawn_clean(const char *temp, uid_t uid, gid_t gid, bool drop);

#endif
