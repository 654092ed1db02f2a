/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/types.h - slices, handles, status codes, stages, attributes.
 *
 * Thread words used in every public header:
 *   [main]  while the process starts or stops, no traffic flows
 *   [loop]  the worker's event-loop thread, where all callbacks run
 *   [job]   a pool thread that runs a job
 *   [any]   every thread
 * [main] and [loop] are one and the same thread: the tag says when.  A [loop]
 * function called from another thread answers WEIR_E_STATE and the
 * host logs the module's name once.
 */
#ifndef WEIR_TYPES_H
#define WEIR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque handles.  A module never sees inside one and never frees one.  A
   weir_self lives as long as the process, a weir_conf too.  A weir_call and a
   weir_hold are numbers in disguise (slot and generation): one that outlived
   what it stands for answers WEIR_E_STALE, or does nothing; it never points at
   freed memory. */
typedef struct weir_self weir_self; /* this module in this process */
typedef struct weir_call weir_call; /* one callback and what it started */
typedef struct weir_conf weir_conf; /* the options of one section, immutable */
typedef struct weir_hold weir_hold; /* keeps a call open for a foreign thread */

/* Octets with a length.  What the host hands out also has a NUL at ptr[len]
   (not counted); what a module hands in need not.  ptr NULL with len 0 is the
   empty slice, too. */
typedef struct weir_str {
	const char *ptr;
	size_t len;
} weir_str;

/* 0 is success.  Numbers are append-only and never reused: a module must have a
   default branch for those that it does not know, here and in all enums. */
enum weir_status {
	WEIR_OK = 0,
	WEIR_E_NOMEM = -1,	  /* over a budget */
	WEIR_E_INVAL = -2,	  /* an argument makes no sense */
	WEIR_E_STATE = -3,	  /* not in this stage, phase or thread */
	WEIR_E_UNSUPPORTED = -4,  /* this front-end or MTA can't do it */
	WEIR_E_NOTFOUND = -5,	  /* no such thing; for DNS: no such data */
	WEIR_E_TIMEOUT = -6,	  /* a deadline passed */
	WEIR_E_CANCELLED = -7,	  /* the client or the message is gone */
	WEIR_E_STALE = -8,	  /* the handle outlived its owner */
	WEIR_E_LIMIT = -9,	  /* a count or size limit */
	WEIR_E_TEMP = -10,	  /* may work later */
	WEIR_E_INTERNAL = -11,	  /* a bug, logged */
	WEIR_E_EXISTS = -12	  /* store: add() met an existing key */
};

/* The events of a mail session, in the order in which SMTP brings them. */
enum weir_stage {
	WEIR_STAGE_CONNECT = 0, /* a client connected */
	WEIR_STAGE_HELO = 1,	/* HELO or EHLO; may come more than once */
	WEIR_STAGE_MAIL = 2,	/* MAIL FROM: a message begins */
	WEIR_STAGE_RCPT = 3,	/* once per RCPT TO */
	WEIR_STAGE_DATA = 4,	/* DATA */
	WEIR_STAGE_HEADER = 5,	/* once per header field; can't wait */
	WEIR_STAGE_EOH = 6,	/* the header is complete */
	WEIR_STAGE_BODY = 7,	/* once per chunk of body; can't wait */
	WEIR_STAGE_EOM = 8,	/* the message is complete */
	WEIR_STAGE_COUNT = 9	/* of this header; a younger host has more */
};

/* Each stage runs in three phases (see weir/module.h). */
enum weir_phase {
	WEIR_PHASE_COLLECT = 0, /* checks report findings and facts */
	WEIR_PHASE_DECIDE = 1,	/* verdicts are stated */
	WEIR_PHASE_ACT = 2,	/* edits, quarantine, notifications */
	WEIR_PHASE_COUNT = 3	/* never more in this major */
};

/* How long a thing lives; what a verdict is about. */
enum weir_scope {
	WEIR_SCOPE_SESSION = 0, /* until the client is gone */
	WEIR_SCOPE_MESSAGE = 1, /* until the transaction ends */
	WEIR_SCOPE_RCPT = 2	/* one recipient; ends with the message */
};

/* "Not about one recipient" wherever a recipient index is asked for. */
#define WEIR_RCPT_NONE UINT32_MAX

/* Attributes, read with weir_host.attr_get.  Append-only; an unknown or
   unset one answers WEIR_E_NOTFOUND.  All values are text but for
   WEIR_A_CLIENT_ADDR_BIN; numbers are decimal.  Session attributes can be read
   in every stage once they are known, those of the message from mail on, of a
   recipient from rcpt on. */
enum weir_attr {
	/* session */
	WEIR_A_SESSION_ID = 1,	   /* immutable, on every log line */
	WEIR_A_CLIENT_ADDR = 2,	   /* "192.0.2.1", "2001:db8::1"; mapped IPv4
				      is given as IPv4; "" if not IP */
	WEIR_A_CLIENT_ADDR_BIN = 3, /* the same as 4 or 16 octets */
	WEIR_A_CLIENT_NAME = 4,	   /* forward-confirmed reverse name or "" */
	WEIR_A_CLIENT_RNAME = 5,   /* reverse name, not confirmed, or "" */
	WEIR_A_CLIENT_PORT = 6,	   /* decimal */
	WEIR_A_LISTENER = 7,	   /* its name in the configuration */
	WEIR_A_FRONTEND = 8,	   /* "milter", "policy", "drive" */
	WEIR_A_DIRECTION = 9,	   /* "in" or "out" */
	WEIR_A_HELO = 10,	   /* as the client gave it */
	WEIR_A_TLS_VERSION = 11,   /* "TLSv1.3", as the MTA names it */
	WEIR_A_AUTH_USER = 12,	   /* SASL login name */
	WEIR_A_SERVER_NAME = 13,   /* the MTA's own host name, or ours */
	/* message */
	WEIR_A_MESSAGE_ID = 100,   /* Weir's decision id */
	WEIR_A_QUEUE_ID = 101,	   /* the MTA's, once known */
	WEIR_A_SENDER = 102,	   /* envelope sender; "" for the null sender */
	WEIR_A_SENDER_PARAMS = 103, /* ESMTP parameters, space separated */
	WEIR_A_SIZE = 104,	   /* octets: measured at eom, else declared
				      (RFC 1870) */
	/* recipient */
	WEIR_A_RCPT = 200,	   /* envelope recipient, without <> */
	WEIR_A_RCPT_PARAMS = 201,  /* ESMTP parameters, space separated */
	/* command of weirctl (weir/ext/control.h) */
	WEIR_A_PEER_UID = 300 /* who asks, in decimal */
};

/* Log levels. */
enum weir_log_level {
	WEIR_LOG_ERROR = 0,
	WEIR_LOG_WARN = 1,
	WEIR_LOG_INFO = 2,
	WEIR_LOG_DEBUG = 3
};

#ifdef __cplusplus
}
#endif
#endif
