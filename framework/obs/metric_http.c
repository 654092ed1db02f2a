/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/metric_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/text.h"
#include "loop/loop.h"
#include "obs/metric.h"

enum metric_http_state { HTTP_READING, HTTP_WRITING, HTTP_LINGERING };

struct metric_conn {
	struct list node;
	struct metric_http *http;
	struct loop_io io;
	struct loop_timer timer;
	enum metric_http_state state;
	int fd;
	size_t in_len, sent;
	struct buf out;
	char in[METRIC_HTTP_HEAD_MAX];
};

struct metric_http {
	struct loop_io io;
	struct loop_timer pause;
	int fd;
	unsigned conns;
	struct list list;
};

/* metric_http_line - is the request line one that we answer: status */
static int
metric_http_line(weir_str line, bool *is_head)
{
	const char *end = line.ptr + line.len, *path, *version;
	weir_str method, target, proto;

	path = memchr(line.ptr, ' ', line.len);
	if (path == NULL || path == line.ptr)
		return 400;
	method.ptr = line.ptr;
	method.len = (size_t)(path - line.ptr);
	path++;
	version = memchr(path, ' ', (size_t)(end - path));
	if (version == NULL || version == path)
		return 400;
	target.ptr = path;
	target.len = (size_t)(version - path);
	proto.ptr = version + 1;
	proto.len = (size_t)(end - proto.ptr);
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];

		if (c < 0x20 || c >= 0x7f)
			return 400;
	}
	if (proto.len != 8 || !text_has_prefix(proto, "HTTP/"))
		return 400;
	if (!text_has_prefix(proto, "HTTP/1."))
		return 505;
	*is_head = text_equals(method, "HEAD");
	if (!*is_head && !text_equals(method, "GET"))
		return 405;
	path = memchr(target.ptr, '?', target.len);
	if (path != NULL)
		target.len = (size_t)(path - target.ptr);
	return text_equals(target, "/metrics") ? 200 : 404;
}

/* metric_http_parse - status for a head, 0 while it is incomplete */
int
metric_http_parse(weir_str head, bool *is_head)
{
	const char *nl = memchr(head.ptr, '\n', head.len);
	weir_str line = { head.ptr, 0 };

	*is_head = false;
	if (memmem(head.ptr, head.len, "\r\n\r\n", 4) == NULL &&
	    memmem(head.ptr, head.len, "\n\n", 2) == NULL)
		return head.len >= METRIC_HTTP_HEAD_MAX ? 431 : 0;
	line.len = (size_t)(nl - head.ptr);
	if (line.len != 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return metric_http_line(line, is_head);
}

/* metric_conn_close - the end of a connection */
static void
metric_conn_close(struct metric_conn *c)
{
	struct metric_http *http = c->http;

	loop_io_stop(&c->io);
	loop_timer_stop(&c->timer);
	close(c->fd);
	list_remove(&c->node);
	buf_fini(&c->out);
	free(c);
	/* one that had to wait may come in now */
	if (http->conns-- == METRIC_HTTP_CONNS)
		loop_io_set(&http->io, http->fd, LOOP_READ);
}

/* metric_conn_answer - form the answer */
static void
metric_conn_answer(struct metric_conn *c, int status, bool is_head)
{
	static const struct {
		int status;
		const char *text;
	} words[] = { { 200, "OK" }, { 400, "Bad Request" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 431, "Request Header Fields Too Large" },
		{ 505, "HTTP Version Not Supported" } };
	struct buf body = BUF_INIT;
	const char *text = "";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].status == status)
			text = words[i].text;
	}
	if (status == 200)
		metric_render(&body);
	else
		buf_printf(&body, "%s\n", text);
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n", status, text,
	    status == 405 ? "Allow: GET, HEAD\r\n" : "",
	    status == 200 ? "application/openmetrics-text; version=1.0.0; "
			    "charset=utf-8" : "text/plain; charset=utf-8",
	    body.len);
	if (!is_head)
		buf_add(&c->out, body.ptr, body.len);
	buf_fini(&body);
	c->state = HTTP_WRITING;
}

/* metric_conn_write - send; true while the connection lives */
static bool
metric_conn_write(struct metric_conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.ptr + c->sent,
		    c->out.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_io_set(&c->io, c->fd, LOOP_WRITE);
			return true;
		}
		if (n <= 0) {
			metric_conn_close(c);
			return false;
		}
		c->sent += (size_t)n;
	}
	/* closing with unread octets would reset the connection and could
	   take the answer away from the client: wait for its end */
	shutdown(c->fd, SHUT_WR);
	c->state = HTTP_LINGERING;
	loop_io_set(&c->io, c->fd, LOOP_READ);
	return true;
}

/* metric_conn_read - take octets; true while the connection lives */
static bool
metric_conn_read(struct metric_conn *c)
{
	weir_str head = { c->in, 0 };
	bool is_head;
	ssize_t n;
	int status;

	if (c->state == HTTP_LINGERING)
		c->in_len = 0; /* what follows is thrown away */
	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
	    MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		metric_conn_close(c);
		return false;
	}
	if (c->state == HTTP_LINGERING)
		return true;
	c->in_len += (size_t)n;
	head.len = c->in_len;
	status = metric_http_parse(head, &is_head);
	if (status == 0)
		return true;
	metric_conn_answer(c, status, is_head);
	return metric_conn_write(c);
}

/* metric_conn_on_io - the connection can go on */
static void
metric_conn_on_io(struct loop_io *io, int events)
{
	struct metric_conn *c = list_of(io, struct metric_conn, io);

	(void)events;
	if (c->state == HTTP_WRITING)
		metric_conn_write(c);
	else
		metric_conn_read(c);
}

/* metric_conn_on_timer - it took too long */
static void
metric_conn_on_timer(struct loop_timer *t)
{
	metric_conn_close(list_of(t, struct metric_conn, timer));
}

/* metric_http_on_pause - try to accept again */
static void
metric_http_on_pause(struct loop_timer *t)
{
	struct metric_http *http = list_of(t, struct metric_http, pause);

	if (http->conns < METRIC_HTTP_CONNS)
		loop_io_set(&http->io, http->fd, LOOP_READ);
}

/* metric_http_on_accept - a scraper connects */
static void
metric_http_on_accept(struct loop_io *io, int events)
{
	struct metric_http *http = list_of(io, struct metric_http, io);
	struct metric_conn *c;
	int fd;

	(void)events;
	fd = accept4(http->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		/* without descriptors the listener stays readable: wait */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			loop_io_stop(&http->io);
			loop_timer_start(&http->pause, 1000);
		}
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->http = http;
	c->fd = fd;
	list_append(&http->list, &c->node);
	loop_io_init(&c->io, metric_conn_on_io);
	loop_timer_init(&c->timer, metric_conn_on_timer);
	loop_timer_start(&c->timer, METRIC_HTTP_MS);
	loop_io_set(&c->io, fd, LOOP_READ);
	if (++http->conns == METRIC_HTTP_CONNS)
		loop_io_stop(&http->io);
}

/* metric_http_create - serve on a listener */
struct metric_http *
metric_http_create(int fd)
{
	struct metric_http *http = xcalloc(1, sizeof(*http));

	http->fd = fd;
	list_init(&http->list);
	loop_timer_init(&http->pause, metric_http_on_pause);
	loop_io_init(&http->io, metric_http_on_accept);
	loop_io_set(&http->io, fd, LOOP_READ);
	return http;
}

/* metric_http_destroy - close everything */
void
metric_http_destroy(struct metric_http **http)
{
	if (*http == NULL)
		return;
	list_each_safe(n, &(*http)->list)
		metric_conn_close(list_of(n, struct metric_conn, node));
	loop_io_stop(&(*http)->io);
	loop_timer_stop(&(*http)->pause);
	close((*http)->fd);
	free(*http);
	*http = NULL;
}
