/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_server - a DNS server on the test's own loop, for resolver_test.
 *
 * It hears UDP and TCP on one loopback port that the kernel chooses.  The
 * first label of the question says what it does: nx, nodata, fail (SERVFAIL),
 * refuse, garbage (a malformed record), drop, second (drop the first one),
 * big (truncated by UDP, a large TXT by TCP), lie (wrong id, wrong question,
 * then the truth), late (until server_release), old (FORMERR to EDNS).
 * Everything else is A 192.0.2.1.  What a question must look like is asserted.
 */
#ifndef WEIR_DNS_TEST_SERVER_H
#define WEIR_DNS_TEST_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

#define SERVER_BIG 19900 /* octets of the TXT that needs TCP */

struct server {
	struct loop_io udp, tcp, conn; /* conn: one TCP client at a time */
	int udp_fd, tcp_fd, conn_fd;
	unsigned udp_seen, tcp_seen;
	bool failing; /* SERVFAIL to everything */
	char text[32]; /* "127.0.0.1:port" */
	/* "late": the answer that server_release sends */
	uint8_t late[600];
	size_t late_len;
	struct sockaddr_in late_to;
};

void server_open(struct server *s);
void server_close(struct server *s);
void server_release(struct server *s); /* send what "late" held back */

#endif
