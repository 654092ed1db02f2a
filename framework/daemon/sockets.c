/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sockets.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "daemon/privs.h"
#include "loop/listen.h"

struct socket_entry {
	char *address;
	struct listen_address parsed;
	int fd;
	bool fresh; /* opened by the sockets_open that runs */
};

static VEC(struct socket_entry) sockets;

/* socket_find - by address */
static struct socket_entry *
socket_find(const char *address)
{
	for (size_t i = 0; i < sockets.n; i++) {
		if (strcmp(sockets.v[i].address, address) == 0)
			return &sockets.v[i];
	}
	return NULL;
}

/* socket_drop - close the i-th */
static void
socket_drop(size_t i, bool remove)
{
	struct socket_entry *s = &sockets.v[i];

	if (remove)
		listen_remove(&s->parsed);
	close(s->fd);
	free(s->address);
	*s = sockets.v[--sockets.n];
}

/* socket_open - one address, unless it is open */
static int
socket_open(const char *address, const struct listen_perm *perm,
    const char *what, struct err *err)
{
	struct listen_address parsed;
	struct socket_entry *s;
	struct err why;
	int fd;

	s = socket_find(address);
	if (s != NULL)
		return s->parsed.kind == LISTEN_UNIX && perm != NULL ?
		    listen_perms(s->parsed.u.path, perm, err) : WEIR_OK;
	fd = listen_parse(address, &parsed, &why);
	if (fd == WEIR_OK)
		fd = listen_open(&parsed, perm, &why);
	if (fd < 0)
		return err_set(err, fd, "%s: can't listen on %s: %s", what,
		    address, why.text);
	s = vec_push(&sockets);
	s->address = xstrdup(address);
	s->parsed = parsed;
	s->fd = fd;
	s->fresh = true;
	return WEIR_OK;
}

/* sockets_group - the daemon's group by name: who is in it may give orders */
static const char *
sockets_group(const struct conf *conf)
{
	const struct group *gr;
	struct err ignored;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return NULL;
	if (conf->group[0] != '\0')
		return conf->group;
	if (privs_find(conf, &uid, &gid, &ignored) < 0)
		return NULL; /* whoever prepares the user says it */
	gr = getgrgid(gid);
	return gr != NULL ? gr->gr_name : NULL;
}

/* sockets_control - the control socket's address */
static const char *
sockets_control(const struct conf *conf, char *out, size_t cap)
{
	snprintf(out, cap, "unix:%s", conf->control);
	return out;
}

/* sockets_perm - of a listener */
static struct listen_perm
sockets_perm(const struct conf_listener *l)
{
	return (struct listen_perm) { .mode = l->mode,
		.owner = l->owner[0] != '\0' ? l->owner : NULL,
		.group = l->group[0] != '\0' ? l->group : NULL };
}

/* sockets_check - could this one be opened, as far as names go */
int
sockets_check(const struct conf_listener *l, struct err *err)
{
	struct listen_perm perm = sockets_perm(l);

	return listen_perms_check(&perm, err);
}

/* sockets_open - all that the configuration names */
int
sockets_open(const struct conf *conf, struct err *err)
{
	struct listen_perm control = { .mode = 0660, .owner = NULL,
		.group = sockets_group(conf) };
	char address[256];
	int status;

	for (size_t i = 0; i < sockets.n; i++)
		sockets.v[i].fresh = false;
	status = socket_open(sockets_control(conf, address, sizeof(address)),
	    &control, "control socket", err);
	if (status == WEIR_OK && conf->metrics.kind != CONF_ADDRESS_NONE)
		status = socket_open(conf->metrics.text, NULL, "metrics", err);
	for (size_t i = 0; i < conf->n_listeners && status == WEIR_OK; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		struct listen_perm perm = sockets_perm(l);
		char what[128];

		snprintf(what, sizeof(what), "%s:%u: listener \"%s\"", l->file,
		    l->line, l->name);
		status = socket_open(l->address.text, &perm, what, err);
	}
	for (size_t i = sockets.n; status < 0 && i-- > 0;) {
		if (sockets.v[i].fresh)
			socket_drop(i, true);
	}
	return status;
}

/* sockets_is_named - does the configuration want this address */
static bool
sockets_is_named(const struct conf *conf, const char *address)
{
	char control[256];

	if (strcmp(address, sockets_control(conf, control, sizeof(control))) ==
		0 ||
	    (conf->metrics.kind != CONF_ADDRESS_NONE &&
		strcmp(address, conf->metrics.text) == 0))
		return true;
	for (size_t i = 0; i < conf->n_listeners; i++) {
		if (strcmp(conf->listeners[i].address.text, address) == 0)
			return true;
	}
	return false;
}

/* sockets_keep - close what is no longer named */
void
sockets_keep(const struct conf *conf, bool remove)
{
	for (size_t i = sockets.n; i-- > 0;) {
		if (!sockets_is_named(conf, sockets.v[i].address))
			socket_drop(i, remove);
	}
}

/* sockets_close - all */
void
sockets_close(bool remove)
{
	while (sockets.n > 0)
		socket_drop(sockets.n - 1, remove);
	vec_fini(&sockets);
}

/* sockets_fd - the open one with that address */
int
sockets_fd(const char *address)
{
	const struct socket_entry *s = socket_find(address);

	return s != NULL ? s->fd : -1;
}

/* sockets_control_fd - where weirctl knocks */
int
sockets_control_fd(const struct conf *conf)
{
	char address[256];

	return sockets_fd(sockets_control(conf, address, sizeof(address)));
}
