/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message - one mail transaction: envelope, header, body, what was said of it.
 */
#ifndef WEIR_MAIL_MESSAGE_H
#define WEIR_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/edit.h"
#include "mail/id.h"
#include "mail/notes.h"
#include "mail/session.h"
#include "mail/spool.h"

struct mime;

struct rcpt {
	weir_str address; /* without <> */
	weir_str params;
	bool refused; /* at RCPT: no longer part of the message */
	uint32_t final; /* enum weir_action, set by settle */
	const char *kept; /* id of the durable copy, or NULL */
	struct slot *slots; /* one per module, or NULL: none set yet */
};

struct header {
	weir_str name;
	weir_str value; /* raw: folded, with the blank after the colon */
};

/* How a transaction ended, for record and log. */
enum message_end {
	MESSAGE_DONE,	 /* a verdict was given at eom */
	MESSAGE_REFUSED, /* a verdict at an earlier stage ended it */
	MESSAGE_ABORTED	 /* the client or the MTA gave up */
};

struct message_limits {
	uint32_t recipients;
	uint32_t header_lines;
	uint32_t header_octets;
};

struct message {
	struct pool *pool;
	struct session *session;
	unsigned refs;
	bool ended;
	char id[ID_LEN + 1];
	int64_t started_ms; /* wall */
	uint64_t started_ns; /* mono, for the record */
	int64_t deadline_ms; /* mono; 0: none; set when eom begins */

	weir_str queue_id; /* empty until known */
	weir_str sender;   /* without <> */
	weir_str sender_params;
	uint64_t declared_size;

	size_t taken; /* from the budget, for recipients and fields */
	struct rcpt *rcpts;
	uint32_t nrcpts, rcpts_cap;
	struct header *headers;
	uint32_t nheaders, headers_cap;
	uint64_t header_octets; /* of all fields */
	bool headers_cut; /* over a limit: the rest is in the spool alone */
	bool no_content; /* the front-end brings neither header nor body */

	struct spool spool; /* header and body, if wanted */
	int spool_status;   /* first failure of an add, or WEIR_OK */
	bool spool_header_done;
	uint64_t body_octets;

	uint64_t fingerprint; /* of the content, at eom; 0: not taken */
	bool aborted; /* given up before it was decided */
	bool poison; /* workers died of it: no module is shown it again */
	bool spurned; /* and a keeper, too, gets no more chances */
	const struct module *exempt; /* only this one's word counts; or NULL */
	bool settled; /* the answer is decided, rcpts[].final hold it */
	uint8_t stage; /* the last that was run */
	/* in a replay: the body (its size) is not known; somebody asked */
	bool bodyless, sizeless, body_missed;
	unsigned ndns;
	struct recorder_dns *dns; /* answers to modules, if it is taped */
	struct mime *mime; /* parsed on demand */
	struct notes notes;
	struct edits edits;
	struct slot *slots; /* one per module */

	/* set when it has been settled */
	const char *reply; /* as it was said, or NULL */
	uint32_t explained; /* state of the record that was kept, 0: none */
	bool host_refused;  /* there is a record of a refusal by the host */
};

void message_limits(const struct message_limits *limits); /* process-wide */
/* Begin a transaction; NULL when the memory cap says no new mail. */
struct message *message_begin(struct session *s, weir_str sender,
    weir_str params);
/* WEIR_E_LIMIT: too many; WEIR_E_NOMEM: the process's cap.  index_out is the
   recipient's for good. */
int message_rcpt_add(struct message *m, weir_str address, weir_str params,
    uint32_t *index_out);
/* keep: the field is wanted later; spool: the raw message is wanted. */
void message_header_add(struct message *m, weir_str name, weir_str value,
    bool keep, bool spool);
void message_body_add(struct message *m, weir_str chunk, bool spool);
/* The whole raw message; call at eom. */
int message_raw(struct message *m, weir_str *out);
/* Writes the record and the log line, drops the modules' data. */
void message_finish(struct message **mp, enum message_end how);
void message_ref(struct message *m);
void message_unref(struct message *m);
/* n-th field of that name (NULL: any), or NULL */
const struct header *message_header(const struct message *m, const char *name,
    uint32_t n);
uint32_t message_header_count(const struct message *m, const char *name);

#endif
