/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/test_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/ext/dns.h>

#include "dns/name.h"

/* server_head - header and question of an answer to q; server_rr counts */
static size_t
server_head(uint8_t *out, const uint8_t *q, size_t question_end, unsigned rcode)
{
	memcpy(out, q, question_end);
	out[2] = 0x81;
	out[3] = (uint8_t)(0x80 | rcode);
	memset(out + 6, 0, 6);
	return question_end;
}

/* server_rr - a record of the question's name */
static size_t
server_rr(uint8_t *out, size_t n, int section, unsigned type, unsigned ttl,
    const void *data, size_t len)
{
	const uint8_t fixed[] = { 0xc0, 0x0c, (uint8_t)(type >> 8),
		(uint8_t)type, 0, 1, 0, 0, (uint8_t)(ttl >> 8), (uint8_t)ttl,
		(uint8_t)(len >> 8), (uint8_t)len };

	out[section + 1]++;
	memcpy(out + n, fixed, sizeof(fixed));
	memcpy(out + n + sizeof(fixed), data, len);
	return n + sizeof(fixed) + len;
}

/* server_txt - SERVER_BIG octets in strings of 199 */
static size_t
server_txt(uint8_t *out, size_t n)
{
	static uint8_t data[SERVER_BIG / 199 * 200];

	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < sizeof(data); i += 200)
		data[i] = 199;
	return server_rr(out, n, 6, WEIR_DNS_TXT, 60, data, sizeof(data));
}

/* server_reply - what to answer; 0: nothing.  len: of the question */
static size_t
server_reply(struct server *s, bool tcp, uint8_t *out, const uint8_t *q,
    size_t len)
{
	static const uint8_t soa[22] = { [21] = 60 };
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX];
	size_t end = 12, n;

	assert_int_equal(dns_name_read(q, len, &end, &name), 0);
	end += 4;
	/* recursion wanted, one question, one OPT record or none */
	assert_int_equal(q[2], 1);
	assert_true(len == end + (q[11] != 0 ? 11 : 0));
	dns_name_print(&name, text);
	text[strcspn(text, ".")] = '\0';
	n = server_head(out, q, end, 0);
	if (s->failing || strcmp(text, "fail") == 0)
		return server_head(out, q, end, 2);
	if (strcmp(text, "refuse") == 0)
		return server_head(out, q, end, 5);
	if (strcmp(text, "old") == 0 && q[11] != 0)
		return server_head(out, q, end, 1);
	if (strcmp(text, "drop") == 0 ||
	    (strcmp(text, "second") == 0 && s->udp_seen == 1))
		return 0;
	if (strcmp(text, "nx") == 0) {
		n = server_head(out, q, end, 3);
		return server_rr(out, n, 8, WEIR_DNS_SOA, 3600, soa,
		    sizeof(soa));
	}
	if (strcmp(text, "nodata") == 0)
		return server_rr(out, n, 8, WEIR_DNS_SOA, 3600, soa,
		    sizeof(soa));
	if (strcmp(text, "garbage") == 0)
		return server_rr(out, n, 6, WEIR_DNS_A, 60, "xyz", 3);
	if (strcmp(text, "big") == 0 && !tcp) {
		out[2] |= 2;
		return n;
	}
	if (strcmp(text, "big") == 0)
		return server_txt(out, n);
	return server_rr(out, n, 6, WEIR_DNS_A, 60, "\300\0\2\1", 4);
}

/* server_lie - not to be believed: another id, then another question */
static void
server_lie(struct server *s, const uint8_t *q, size_t len,
    const struct sockaddr_in *to)
{
	uint8_t out[600];
	size_t n = server_head(out, q, len - 11, 0);

	n = server_rr(out, n, 6, WEIR_DNS_A, 60, "\6\6\6\6", 4);
	out[0] ^= 0x55;
	sendto(s->udp_fd, out, n, 0, (const void *)to, sizeof(*to));
	out[0] ^= 0x55;
	out[13] ^= 1; /* the first letter */
	sendto(s->udp_fd, out, n, 0, (const void *)to, sizeof(*to));
}

/* server_on_udp - a question by UDP */
static void
server_on_udp(struct loop_io *io, int events)
{
	struct server *s = list_of(io, struct server, udp);
	uint8_t q[600], out[65536];
	struct sockaddr_in from;
	socklen_t fromlen = sizeof(from);
	ssize_t len;
	size_t n;

	(void)events;
	len = recvfrom(s->udp_fd, q, sizeof(q), 0, (void *)&from, &fromlen);
	assert_true(len > 12);
	s->udp_seen++;
	if (memcmp(q + 12, "\3lie", 4) == 0)
		server_lie(s, q, (size_t)len, &from);
	if ((n = server_reply(s, false, out, q, (size_t)len)) == 0)
		return;
	if (memcmp(q + 12, "\4late", 5) == 0) {
		memcpy(s->late, out, n);
		s->late_len = n;
		s->late_to = from;
		return;
	}
	sendto(s->udp_fd, out, n, 0, (const void *)&from, sizeof(from));
}

/* server_release - send what "late" held back */
void
server_release(struct server *s)
{
	assert_true(s->late_len > 0);
	sendto(s->udp_fd, s->late, s->late_len, 0, (const void *)&s->late_to,
	    sizeof(s->late_to));
}

/* server_hang_up - drop the TCP client */
static void
server_hang_up(struct server *s)
{
	if (s->conn_fd < 0)
		return;
	loop_io_stop(&s->conn);
	close(s->conn_fd);
	s->conn_fd = -1;
}

/* server_on_conn - a question by TCP */
static void
server_on_conn(struct loop_io *io, int events)
{
	struct server *s = list_of(io, struct server, conn);
	uint8_t q[600], out[65536];
	ssize_t len = recv(s->conn_fd, q, sizeof(q), 0);
	size_t n;

	(void)events;
	if (len <= 0) {
		server_hang_up(s);
		return;
	}
	s->tcp_seen++;
	assert_int_equal(q[0] << 8 | q[1], len - 2);
	n = server_reply(s, true, out + 2, q + 2, (size_t)len - 2);
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	/* in two pieces, as TCP may bring it */
	assert_int_equal(send(s->conn_fd, out, 7, MSG_NOSIGNAL), 7);
	assert_int_equal(send(s->conn_fd, out + 7, n - 5, MSG_NOSIGNAL),
	    n - 5);
}

/* server_on_tcp - a TCP client */
static void
server_on_tcp(struct loop_io *io, int events)
{
	struct server *s = list_of(io, struct server, tcp);

	(void)events;
	server_hang_up(s);
	s->conn_fd = accept4(s->tcp_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(s->conn_fd >= 0);
	loop_io_set(&s->conn, s->conn_fd, LOOP_READ);
}

/* server_bind - UDP on any port, TCP on the same */
static bool
server_bind(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	s->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->udp_fd, (void *)&at, len), 0);
	assert_int_equal(getsockname(s->udp_fd, (void *)&at, &len), 0);
	if (bind(s->tcp_fd, (void *)&at, len) != 0) {
		close(s->udp_fd);
		close(s->tcp_fd);
		return false;
	}
	assert_int_equal(listen(s->tcp_fd, 8), 0);
	snprintf(s->text, sizeof(s->text), "127.0.0.1:%d", ntohs(at.sin_port));
	return true;
}

/* server_open - bind and serve */
void
server_open(struct server *s)
{
	int tries = 0;

	memset(s, 0, sizeof(*s));
	s->conn_fd = -1;
	while (!server_bind(s))
		assert_true(++tries < 100);
	loop_io_init(&s->udp, server_on_udp);
	loop_io_init(&s->tcp, server_on_tcp);
	loop_io_init(&s->conn, server_on_conn);
	loop_io_set(&s->udp, s->udp_fd, LOOP_READ);
	loop_io_set(&s->tcp, s->tcp_fd, LOOP_READ);
}

/* server_close - stop */
void
server_close(struct server *s)
{
	server_hang_up(s);
	loop_io_stop(&s->udp);
	loop_io_stop(&s->tcp);
	close(s->udp_fd);
	close(s->tcp_fd);
}
