/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets - what the master listens on, kept open across generations.
 *
 * A socket is known by its address: a reload that keeps an address keeps the
 * very socket, so no connection is refused.  Workers inherit the descriptors.
 */
#ifndef WEIR_DAEMON_SOCKETS_H
#define WEIR_DAEMON_SOCKETS_H

#include "base/err.h"
#include "conf/core.h"

/* Open everything that the configuration names and is not yet open.  On
   failure what was newly opened is closed again. [main] */
/* Are the listener's owner and group known on this machine? */
int sockets_check(const struct conf_listener *l, struct err *err);
int sockets_open(const struct conf *conf, struct err *err);
/* Close and remove what this configuration does not name. */
void sockets_keep(const struct conf *conf, bool remove);
/* Close all; remove unix sockets if we are the master that made them. */
void sockets_close(bool remove);
/* The descriptor for an address as written in the file, or -1. */
int sockets_fd(const char *address);
/* That of the control socket. */
int sockets_control_fd(const struct conf *conf);

/* The control socket's descriptor, or -1. */
int sockets_control_fd(const struct conf *conf);

#endif
