/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - one client connection as the MTA reports it.
 *
 * A front-end opens it, fills the attributes as they become known, runs the
 * stages through pipe/run.h and closes it.  The struct outlives close() while
 * a job still uses its memory (refs).  One message at a time.
 */
#ifndef WEIR_MAIL_SESSION_H
#define WEIR_MAIL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/list.h"
#include "mail/edit.h"
#include "mail/id.h"
#include "mail/notes.h"

struct message;
struct recorder_dns;
struct run;

/* What a front-end tells when it opens a session. */
struct session_front {
	const char *protocol; /* "milter", "policy", "drive" */
	const char *listener; /* its name in the configuration */
	const char *direction; /* "in", "out" or "auto" */
};

/* A module's own data for one scope. */
struct slot {
	void *data;
	void (*drop)(void *);
};

#define SESSION_ATTRS 6 /* those that session_set sets */

struct macro {
	struct macro *next;
	int stage; /* enum weir_stage it was sent for */
	weir_str name, value;
	char *room; /* value lies here */
	size_t cap;
};

struct session {
	struct list node;  /* all open sessions of the process */
	struct pool *pool; /* everything below hangs on it */
	unsigned refs;	   /* 1 for the front-end, 1 for each open call */
	bool closed;
	const struct session_front *front;
	void *owner; /* the front-end's own */
	uint32_t edit_caps; /* EDIT_CAP bits: what the front-end can do */
	char id[ID_LEN + 1];
	int64_t started_ms; /* wall */

	/* attributes; NULL: not known */
	struct ip client; /* len 0: not an IP client */
	char client_text[IP_TEXT_MAX];
	const char *client_name, *client_rname, *helo, *tls_version,
	    *auth_user, *server_name;
	char *rooms[SESSION_ATTRS]; /* of attributes set more than once */
	uint32_t nrooms;
	uint16_t client_port;
	bool is_out; /* direction, decided when the client is known */

	struct macro *macros;
	uint32_t nmacros;
	struct notes notes;
	struct slot *slots; /* one per module */
	uint32_t dns_queries; /* since the last message ended */
	uint32_t messages; /* finished so far */
	struct message *message; /* the open one, or NULL */
	struct run *run; /* owned by pipe/ */
	bool explained; /* its refusal has been recorded */
	bool taped;	/* replay/recorder keeps it */
	uint8_t stage;	/* the last that was run */
	unsigned ndns;
	struct recorder_dns *dns; /* answers before a message, if taped */
	const char *reply; /* to a refusal before MAIL, as it was said */
};

/* Who tells own clients from others (networks "internal"); process-wide. */
void session_internal(bool (*fn)(const struct ip *));
struct session *session_open(const struct session_front *front);
/* Cancels what runs, ends the message, lets modules clean up. */
void session_close(struct session **sp);
void session_ref(struct session *s);
void session_unref(struct session *s);
/* Set an attribute from remote octets: copied, cut at 1 KiB, NUL ends it. */
void session_set(struct session *s, const char **attr, weir_str value);
/* Set the client; decides the direction from the listener, networks
   "internal" and, later, authentication. */
void session_set_client(struct session *s, const struct ip *ip,
    uint16_t port);
void session_set_auth(struct session *s, weir_str user);
/* Keep a macro until the next one of that name, or until session_macros_clear
   of its stage; at most SESSION_MACROS. */
#define SESSION_MACROS 256
int session_macro_set(struct session *s, int stage, weir_str name,
    weir_str value);
void session_macros_clear(struct session *s, int from_stage);
/* value.ptr NULL: not known.  "{name}" and "name" are the same. */
weir_str session_macro(const struct session *s, const char *name);

unsigned session_count(void); /* open now */
/* Visit all open ones (drain). */
void session_each(void (*fn)(struct session *s, void *arg), void *arg);

#endif
