/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

/* client_denied - whose member one must be */
static int
client_denied(const char *path, struct err *err)
{
	const struct group *gr = NULL;
	struct stat st;

	if (stat(path, &st) == 0)
		gr = getgrgid(st.st_gid);
	if (gr == NULL)
		return err_set(err, WEIR_E_STATE, "you may not open %s: be "
		    "root", path);
	return err_set(err, WEIR_E_STATE, "you may not open %s: be root or a "
	    "member of group \"%s\"", path, gr->gr_name);
}

/* client_connect - a connected socket, or why not */
static int
client_connect(const char *path, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, why;

	if (strlen(path) >= sizeof(sun.sun_path))
		return err_set(err, WEIR_E_INVAL, "%s: the path is longer "
		    "than a socket's can be", path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, WEIR_E_TEMP, "socket: %s",
		    strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	why = errno;
	close(fd);
	if (why == EACCES || why == EPERM)
		return client_denied(path, err);
	if (why == ENOENT || why == ECONNREFUSED || why == ENOTDIR)
		return err_set(err, WEIR_E_NOTFOUND, "no daemon listens on "
		    "%s: is weir running? (another socket: -s, or -c with its "
		    "configuration)", path);
	return err_set(err, WEIR_E_TEMP, "%s: %s", path, strerror(why));
}

/* client_send - the whole request */
static int
client_send(int fd, const struct buf *line, struct err *err)
{
	size_t sent = 0;

	while (sent < line->len) {
		ssize_t n = send(fd, line->ptr + sent, line->len - sent,
		    MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return WEIR_OK; /* the answer is there already */
		if (n < 0)
			return err_set(err, WEIR_E_TEMP, "can't ask: %s",
			    strerror(errno));
		sent += (size_t)n;
	}
	return WEIR_OK;
}

/* client_receive - one line */
static int
client_receive(int fd, struct buf *in, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, CLIENT_WAIT_MS);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return err_set(err, WEIR_E_TIMEOUT, "the daemon does "
			    "not answer");
		n = recv(fd, buf_reserve(in, 65536), 65536, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, WEIR_E_TEMP, "the worker ended "
			    "before it answered");
		in->len += (size_t)n;
		if (in->ptr[in->len - 1] == '\n')
			return WEIR_OK;
		if (in->len > CLIENT_REPLY_MAX)
			return err_set(err, WEIR_E_LIMIT, "the answer is too "
			    "long");
	}
}

/* client_ask - question and answer */
int
client_ask(const char *socket_path, uint32_t argc, const char *const *argv,
    bool json, struct wire_reply *out, struct err *err)
{
	struct buf line = BUF_INIT, in = BUF_INIT;
	int fd = client_connect(socket_path, err);
	int status = fd;

	if (fd < 0)
		return status;
	wire_request_write(argc, argv, json, &line);
	status = client_send(fd, &line, err);
	if (status == WEIR_OK)
		status = client_receive(fd, &in, err);
	if (status == WEIR_OK)
		status = wire_reply_parse(buf_str(&in), out, err);
	close(fd);
	buf_fini(&line);
	buf_fini(&in);
	return status;
}
