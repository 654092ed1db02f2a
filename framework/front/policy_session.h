/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_session - one connection of Postfix's policy delegation.
 *
 * Requests with the same `instance` are about the same message: they share a
 * session and a message, so that modules see connect, helo and mail once, and
 * each recipient once; asking again gets the same answer.  That transaction
 * lives as long as requests for it come on this connection (smtpd serves one
 * client at a time): another instance, the connection's end or front_limits'
 * instance_ms end it, and its record is written.
 *
 * A request runs the stages up to its protocol_state that have not run yet, and
 * stops at the first refusal, as SMTP would.  At END-OF-MESSAGE there is an
 * envelope and a size but no content.
 *
 *	nothing to say, or ACCEPT  DUNNO (ACCEPT: OK, if the listener says so)
 *	REJECT		REJECT 5.7.1 text [id]; "5NN 5.x.x text [id]" if a
 *			module chose a code
 *	TEMPFAIL	DEFER_IF_PERMIT 4.7.1 text [id]: later restrictions may
 *			still reject for good; code 421: "421 ...", Postfix
 *			hangs up
 *	trouble here	DEFER 4.3.1 text [id]: no memory, too many recipients
 *	QUARANTINE	HOLD text [id]: it holds the whole message
 *	DISCARD		DISCARD text [id]; about one recipient only: DUNNO,
 *			logged, since Postfix would drop it for all
 *	header to add	PREPEND name: value, each once and only when nothing
 *			else is said; never at END-OF-MESSAGE
 *
 * VRFY, ETRN, unknown states and requests without the mandatory attributes get
 * DUNNO.  What is malformed or too long is logged and closes the connection.
 * [loop]
 */
#ifndef WEIR_FRONT_POLICY_SESSION_H
#define WEIR_FRONT_POLICY_SESSION_H

#include "front/conn.h"

/* Serve fd; -1: no socket, see conn.h. */
struct conn *policy_session_open(int fd, const struct front_listener *l);

#endif
