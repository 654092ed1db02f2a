/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify - mail that rules cause: notifications, and copies of the mail as it
 * came.
 *
 * In act each becomes a file in the spool, durable before the mail that
 * caused it is answered; a job sends what is in the spool to the site's own
 * MTA and moves the file to "done" when the MTA has taken it.  The file's name
 * is a hash of what caused it, so a mail that is sent again (because it was
 * tempfailed, or the answer got lost) causes it once.  To the MTA it goes at
 * least once: a worker that dies between the MTA's answer and the move has it
 * sent again, with the same Message-ID.
 *
 * LOOPS.  What is sent carries a token that nobody else can make for that
 * recipient; a rule that meets it does not notify again.  Notifications of all
 * workers together are limited by the hour.
 *
 * Options and spool [main], put [loop], the rest in a job.
 */
#ifndef WEIR_LUA_NOTIFY_H
#define WEIR_LUA_NOTIFY_H

#include "base/buf.h"
#include "lua/round.h"

struct notify;

enum notice_attach { NOTICE_NONE, NOTICE_HEADER, NOTICE_MAIL };

/* One that waits for act.  Texts have no macros any more. */
struct notice {
	const char *rule;
	weir_str to; /* addresses, commas between them */
	weir_str subject, body;
	enum notice_attach attach;
	bool copy; /* the mail as it came, nothing else counts */
};

struct notify_options {
	const char *spool, *server, *from;
	int64_t max_per_hour;
};

/* NULL: err names the option that is wrong. */
struct notify *notify_create(struct rules *r, const struct notify_options *o,
    struct err *err);
void notify_destroy(struct notify **n);
/* Set by workers.  Where mail is only tried (weir-drive, replay, rules test)
   nothing is queued and nothing sent. */
extern bool notify_on;
/* At the end of create: from now on the spool is emptied. */
void notify_start(struct notify *n);

/* Is the mail one that we caused: a notification or copy to this recipient? */
bool notify_is_own(struct notify *n, weir_call *call);
/* In act at eom: queue it; the call stays open until it is durable.  If it
   can't be, the call has failed. */
void notify_put(struct notify *n, weir_call *call, const struct notice *x);

/* notify_text.c: the text of a notification, CRLF lines.  id: of its
   Message-ID; rcpts: addresses as in the envelope. */
struct notify_head {
	const char *from, *host, *id, *token;
	weir_str to;
	int64_t wall_ms;
};
void notify_text(struct rules *r, weir_call *call, const struct notify_head *h,
    const struct notice *x, struct buf *out);

/* notify_smtp.c [job] */
struct notify_smtp {
	int fd;
	char *text; /* of the last answer */
	char in[4096];
	size_t have;
	int code; /* of the last answer; 0: none came */
};
/* server: "inet:ADDRESS:PORT" or "unix:PATH"; a status, WEIR_E_TEMP: later. */
int notify_smtp_open(struct notify_smtp *s, const char *server,
    const char *helo);
/* The same once fd (not blocking) is connected. */
int notify_smtp_greet(struct notify_smtp *s, const char *helo);
/* envelope: lines of addresses; WEIR_OK: taken; WEIR_E_INVAL: refused for
   good; WEIR_E_TEMP. */
int notify_smtp_send(struct notify_smtp *s, const char *sender,
    const char *rcpts, weir_str mail);
void notify_smtp_close(struct notify_smtp *s);
bool notify_smtp_is_server(const char *server);

#endif
