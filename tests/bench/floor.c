/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floor - the least that a milter can do: walk over the packets, say CONTINUE
 * where an answer is due.  One thread, one epoll loop, no allocation a packet.
 * What a filter costs above this is its own doing.
 *
 * usage: floor [-n | -s] unix:/path | inet:port
 *
 * -n: use the no-reply flags; -s: want no event but the end of the message
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FLOOR_READ 65536
#define FLOOR_EVENTS 64
#define FLOOR_REPLIES 16384

/* A packet is read into this only if it is a negotiation. */
struct peer {
	int fd;
	bool tcp;
	unsigned have;	    /* octets of head so far */
	unsigned char head[5 + 12];
	uint32_t left;	    /* octets of the packet still to come */
	uint32_t protocol;  /* as negotiated */
};

#define FLOOR_NO_SEND 0x37f /* every SMFIP_NO* bit */

static bool no_reply;
static bool no_send;
static char replies[FLOOR_REPLIES];
static size_t replies_len;

static const struct {
	unsigned char command;
	uint32_t flag;
} floor_flags[] = { { 'C', 0x1000 }, { 'H', 0x2000 }, { 'M', 0x4000 },
	{ 'R', 0x8000 }, { 'T', 0x10000 }, { 'U', 0x20000 }, { 'N', 0x40000 },
	{ 'B', 0x80000 }, { 'L', 0x80 } };

/* floor_say - append one packet to what will be written */
static void
floor_say(unsigned char code, const void *data, uint32_t len)
{
	uint32_t n = htonl(len + 1);

	if (replies_len + len + 5 > sizeof(replies))
		return;
	memcpy(replies + replies_len, &n, 4);
	replies[replies_len + 4] = (char)code;
	if (len != 0)
		memcpy(replies + replies_len + 5, data, len);
	replies_len += len + 5;
}

/* floor_negotiate - version 6, no edits, no-reply bits if wanted */
static void
floor_negotiate(struct peer *p)
{
	uint32_t words[3];
	size_t i;

	memcpy(words, p->head + 5, sizeof(words));
	p->protocol = 0;
	if (no_send)
		p->protocol = FLOOR_NO_SEND & ntohl(words[2]);
	if (no_reply) {
		for (i = 0; i < sizeof(floor_flags) / sizeof(floor_flags[0]);
		    i++)
			p->protocol |= floor_flags[i].flag;
		p->protocol &= ntohl(words[2]);
	}
	if (ntohl(words[0]) > 6)
		words[0] = htonl(6);
	words[1] = 0;
	words[2] = htonl(p->protocol);
	floor_say('O', words, sizeof(words));
}

/* floor_packet - a packet is complete; false: the peer says goodbye */
static bool
floor_packet(struct peer *p)
{
	unsigned char command = p->head[4];
	size_t i;

	switch (command) {
	case 'O':
		floor_negotiate(p);
		return true;
	case 'Q':
		return false;
	case 'D':
	case 'A':
	case 'K':
		return true;
	}
	for (i = 0; i < sizeof(floor_flags) / sizeof(floor_flags[0]); i++) {
		if (floor_flags[i].command == command &&
		    (p->protocol & floor_flags[i].flag) != 0)
			return true;
	}
	floor_say('c', NULL, 0);
	return true;
}

/* floor_walk - go over the octets; false: close */
static bool
floor_walk(struct peer *p, const unsigned char *data, size_t len)
{
	while (len > 0) {
		if (p->have < 5) {
			p->head[p->have++] = *data++;
			len--;
			if (p->have < 5)
				continue;
			memcpy(&p->left, p->head, 4);
			p->left = ntohl(p->left);
			if (p->left == 0 || p->left > 1u << 20)
				return false;
			p->left--;
		} else {
			size_t n = p->left < len ? p->left : len;

			if (p->head[4] == 'O') {
				if (p->left > 17u - p->have)
					return false;
				memcpy(p->head + p->have, data, n);
				p->have += (unsigned)n;
			}
			data += n;
			len -= n;
			p->left -= (uint32_t)n;
		}
		if (p->left == 0) {
			if (!floor_packet(p))
				return false;
			p->have = 0;
		}
	}
	return true;
}

/* floor_serve - one read, one write */
static bool
floor_serve(struct peer *p)
{
	static unsigned char data[FLOOR_READ];
	ssize_t n = recv(p->fd, data, sizeof(data), 0);
	int one = 1;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (p->tcp)
		setsockopt(p->fd, IPPROTO_TCP, TCP_QUICKACK, &one,
		    sizeof(one));
	replies_len = 0;
	if (!floor_walk(p, data, (size_t)n))
		return false;
	return replies_len == 0 ||
	    send(p->fd, replies, replies_len, MSG_NOSIGNAL) ==
	    (ssize_t)replies_len;
}

/* floor_listen - the socket that the address names */
static int
floor_listen(const char *address)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool tcp = strncmp(address, "inet:", 5) == 0;
	int one = 1;
	int fd;

	if (!tcp && (strncmp(address, "unix:", 5) != 0 ||
	    strlen(address + 5) >= sizeof(un.sun_path)))
		return -1;
	fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (tcp) {
		in.sin_port = htons((uint16_t)atoi(address + 5));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0)
			return -1;
	} else {
		memcpy(un.sun_path, address + 5, strlen(address + 5) + 1);
		unlink(un.sun_path);
		if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0)
			return -1;
	}
	return listen(fd, 1024) != 0 ? -1 : fd;
}

/* main - accept and serve for ever */
int
main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	const char *address;
	int lfd;

	no_reply = argc > 2 && strcmp(argv[1], "-n") == 0;
	no_send = argc > 2 && strcmp(argv[1], "-s") == 0;
	address = argv[argc - 1];
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || (lfd = floor_listen(address)) < 0 || ep < 0) {
		fprintf(stderr, "usage: floor [-n | -s] unix:/path | inet:port\n");
		return 2;
	}
	epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
	for (;;) {
		struct epoll_event got[FLOOR_EVENTS];
		int n = epoll_wait(ep, got, FLOOR_EVENTS, -1);
		int i;

		for (i = 0; i < n; i++) {
			struct peer *p = got[i].data.ptr;

			if (p == NULL) {
				int fd = accept4(lfd, NULL, NULL,
				    SOCK_NONBLOCK);

				if (fd < 0 || (p = calloc(1, sizeof(*p))) ==
				    NULL)
					continue;
				p->fd = fd;
				p->tcp = strncmp(address, "inet", 4) == 0;
				ev.data.ptr = p;
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			} else if (!floor_serve(p)) {
				close(p->fd);
				free(p);
			}
		}
	}
}
