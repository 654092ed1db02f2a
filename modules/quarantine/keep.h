/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep - mails come into the store: files first, rows in grouped commits.
 *
 * ONCE: a mail may come again because the sender never heard our answer (the
 * worker was killed, the MTA gave up).  Octets, sender and recipient tell it:
 * if such an item is still there in state new, or was released although its
 * answer was never given, the mail is that item, and no second one is made.
 */
#ifndef MODULES_QUARANTINE_KEEP_H
#define MODULES_QUARANTINE_KEEP_H

#include "store.h"

struct keep_rcpt {
	uint32_t index; /* the message's own */
	char *address; /* as in the envelope */
	char *user;    /* in lower case */
	char *reason;
	double score;
	int class_;	     /* enum weir_quarantine_class */
	char id[ID_LEN + 1]; /* set by keep_commit */
	bool adopted;	     /* the item was there before */
	char view[VIEW_LEN];
};

/* One mail on its way; strings are owned and never NULL. */
struct keep {
	struct keep *next;
	int64_t time_ms;
	bool verdict; /* false: an original, kept for another module */
	char *sender, *params, *message_id, *client, *helo, *queue_id,
	    *decision, *findings, *from, *subject;
	struct keep_rcpt *rcpts;
	uint32_t nrcpts;
	/* set by keep_write */
	char file[FILE_LEN];
	uint64_t size;
	unsigned char digest[DIGEST_LEN];
	/* set by keep_commit */
	int status;
	bool adopted_all; /* no new item came of it */
	struct fault fault;
	void *owner; /* the caller's */
};

struct keep *keep_create(uint32_t nrcpts);
void keep_destroy(struct keep *k);

/* Write and fsync the file; from then on keep_commit or keep_drop. */
int keep_write(struct store *st, int fd, struct keep *k);
/* It is not wanted any more: the file goes. */
void keep_drop(const struct store *st, struct keep *k);

/* What is to be written down of ends of messages, with the next commit. */
enum keep_end {
	KEEP_ANSWERED,	/* the sender has heard that it is ours */
	KEEP_WITHDRAWN, /* something else was answered: the item is taken
			   back, unless somebody touched it */
	KEEP_TOKEN_IN,	/* a released mail was let in (release.h) */
	KEEP_TOKEN_BACK /* or not: its token may come again */
};
struct keep_note {
	struct keep_note *next;
	enum keep_end end;
	char id[ID_LEN + 1];
	char nonce[ID_LEN + 1]; /* of the token */
};

/* Make a chain of written mails and notes durable in one transaction; either
   may be NULL.  Status of each mail tells; what was not kept has left no file
   and no row.  A negative status: the notes have to come again. */
int keep_commit(struct store *st, struct keep *first,
    const struct keep_note *notes, struct fault *f);

#endif
