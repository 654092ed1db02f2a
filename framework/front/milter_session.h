/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter_session - one milter connection: from packets to sessions, messages
 * and stages, and back.
 *
 * A connection carries one SMTP session after another (QUIT_NC), each any
 * number of messages.  Commands are legal or not by the table in the .c file;
 * an event that the MTA was told not to send counts as seen.  What is not
 * legal, or not well-formed, is logged and closes the connection; the MTA then
 * acts as it does when a filter is gone.  Two things are taken as the end of a
 * message that is still open, since MTAs do that: HELO and MAIL.  [loop]
 *
 *	NEGOTIATE   nothing but OPTNEG may come
 *	START	    before CONNECT
 *	CONNECTED   before HELO
 *	READY	    between messages
 *	MAIL RCPT   envelope
 *	DATA	    the content is being received by the MTA
 *	HEADER EOH BODY	  content
 *	EOM	    the verdict is being found
 */
#ifndef WEIR_FRONT_MILTER_SESSION_H
#define WEIR_FRONT_MILTER_SESSION_H

#include "front/conn.h"

/* X(NAME, the peer waits for a person or a slow network) */
#define MILTER_STATES(X) \
	X(NEGOTIATE, false) \
	X(START, true) \
	X(CONNECTED, true) \
	X(READY, true) \
	X(MAIL, true) \
	X(RCPT, true) \
	X(DATA, true) \
	X(HEADER, false) \
	X(EOH, false) \
	X(BODY, false) \
	X(EOM, false)

enum milter_state {
#define MILTER_STATE_ENUM(name, slow) MILTER_##name,
	MILTER_STATES(MILTER_STATE_ENUM)
#undef MILTER_STATE_ENUM
	MILTER_STATE_COUNT
};

/* Serve fd; -1: no socket, see conn.h. */
struct conn *milter_session_open(int fd, const struct front_listener *l);
enum milter_state milter_session_state(const struct conn *c);
const char *milter_state_name(enum milter_state state);

#endif
