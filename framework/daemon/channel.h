/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel - what master and worker say to each other.
 *
 * One SOCK_SEQPACKET pair a worker; messages of one fixed size, so the root
 * master parses nothing that a worker could make up.  EOF means the other side
 * is gone.
 */
#ifndef WEIR_DAEMON_CHANNEL_H
#define WEIR_DAEMON_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

enum channel_kind {
	/* worker to master */
	CHANNEL_READY = 1,  /* it serves */
	CHANNEL_FAILED = 2, /* it can't start: text says why */
	CHANNEL_RELOAD = 3, /* somebody asks for a reload; id comes back */
	CHANNEL_STOP = 4,   /* somebody asks the daemon to stop */
	/* helper to master; also READY and FAILED */
	CHANNEL_LOG = 5, /* one line: status is its level */
	/* master to worker */
	CHANNEL_DRAIN = 10,    /* accept no more, end when all is done */
	CHANNEL_RELOADED = 11, /* the answer: status and text */
	CHANNEL_REOPEN = 12    /* log files were rotated */
};

struct channel_msg {
	uint32_t kind;
	int32_t status; /* 0 or a negative enum weir_status */
	uint64_t id;
	char text[1024]; /* always ends with NUL */
};

/* Both return false when the other side is gone or nothing was moved. */
bool channel_send(int fd, uint32_t kind, uint64_t id, int status,
    const char *text);
/* 1: got one, 0: none now, -1: the other side is gone. */
int channel_receive(int fd, struct channel_msg *out);

#endif
