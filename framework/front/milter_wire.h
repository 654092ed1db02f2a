/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter_wire - packets of the milter protocol, in both directions.
 *
 * A packet is a length (4 octets, big endian, counts what follows), one octet
 * that names it, and data.  Pure: no socket, no state, no allocation but in
 * the output buffer.  Decoders are strict: all strings end with NUL and
 * nothing follows them; WEIR_E_INVAL otherwise.  What they return points into
 * the packet.
 */
#ifndef WEIR_FRONT_MILTER_WIRE_H
#define WEIR_FRONT_MILTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#include "base/buf.h"

/* Limits of what a peer may send. */
#define MILTER_MAX_PACKET (1024 * 1024) /* any command: data octets */
#define MILTER_MAX_BODY (64 * 1024)	/* a body chunk */
#define MILTER_MAX_MACROS 256		/* in one packet */
#define MILTER_MAX_ARGS 100		/* ESMTP parameters of one address */
#define MILTER_CHUNK 65535		/* what we send of a body at once */
#define MILTER_HEAD 5			/* length and command */

/* Commands, MTA to filter: X(NAME, octet) */
#define MILTER_COMMANDS(X) \
	X(ABORT, 'A') \
	X(BODY, 'B') \
	X(CONNECT, 'C') \
	X(MACRO, 'D') \
	X(EOM, 'E') \
	X(HELO, 'H') \
	X(QUIT_NC, 'K') \
	X(HEADER, 'L') \
	X(MAIL, 'M') \
	X(EOH, 'N') \
	X(OPTNEG, 'O') \
	X(QUIT, 'Q') \
	X(RCPT, 'R') \
	X(DATA, 'T') \
	X(UNKNOWN, 'U')

/* Small numbers for tables; the octet is on the wire only. */
enum milter_command {
#define MILTER_ENUM(name, octet) MILTER_CMD_##name,
	MILTER_COMMANDS(MILTER_ENUM)
#undef MILTER_ENUM
	MILTER_CMD_COUNT
};

/* Replies, filter to MTA. */
enum milter_answer {
	MILTER_R_ADDRCPT = '+',
	MILTER_R_DELRCPT = '-',
	MILTER_R_ADDRCPT_PAR = '2',
	MILTER_R_SHUTDOWN = '4',
	MILTER_R_ACCEPT = 'a',
	MILTER_R_REPLBODY = 'b',
	MILTER_R_CONTINUE = 'c',
	MILTER_R_DISCARD = 'd',
	MILTER_R_CHGFROM = 'e',
	MILTER_R_CONN_FAIL = 'f',
	MILTER_R_ADDHEADER = 'h',
	MILTER_R_INSHEADER = 'i',
	MILTER_R_SETSYMLIST = 'l',
	MILTER_R_CHGHEADER = 'm',
	MILTER_R_OPTNEG = 'O',
	MILTER_R_PROGRESS = 'p',
	MILTER_R_QUARANTINE = 'q',
	MILTER_R_REJECT = 'r',
	MILTER_R_SKIP = 's',
	MILTER_R_TEMPFAIL = 't',
	MILTER_R_REPLYCODE = 'y'
};

/* What the filter may do (actions). */
#define MILTER_F_ADDHDRS 0x001u
#define MILTER_F_CHGBODY 0x002u
#define MILTER_F_ADDRCPT 0x004u
#define MILTER_F_DELRCPT 0x008u
#define MILTER_F_CHGHDRS 0x010u
#define MILTER_F_QUARANTINE 0x020u
#define MILTER_F_CHGFROM 0x040u
#define MILTER_F_ADDRCPT_PAR 0x080u
#define MILTER_F_SETSYMLIST 0x100u

/* What the MTA need not send, need not wait for, and what else it can. */
#define MILTER_P_NOCONNECT 0x000001u
#define MILTER_P_NOHELO 0x000002u
#define MILTER_P_NOMAIL 0x000004u
#define MILTER_P_NORCPT 0x000008u
#define MILTER_P_NOBODY 0x000010u
#define MILTER_P_NOHDRS 0x000020u
#define MILTER_P_NOEOH 0x000040u
#define MILTER_P_NR_HDR 0x000080u
#define MILTER_P_NOUNKNOWN 0x000100u
#define MILTER_P_NODATA 0x000200u
#define MILTER_P_SKIP 0x000400u
#define MILTER_P_RCPT_REJ 0x000800u
#define MILTER_P_NR_CONN 0x001000u
#define MILTER_P_NR_HELO 0x002000u
#define MILTER_P_NR_MAIL 0x004000u
#define MILTER_P_NR_RCPT 0x008000u
#define MILTER_P_NR_DATA 0x010000u
#define MILTER_P_NR_UNKN 0x020000u
#define MILTER_P_NR_EOH 0x040000u
#define MILTER_P_NR_BODY 0x080000u
#define MILTER_P_HDR_LEADSPC 0x100000u

struct milter_packet {
	enum milter_command cmd;
	char *data; /* decoders may change NUL to blank in it */
	size_t len;
};

struct milter_options {
	uint32_t version, actions, protocol;
};

struct milter_connect {
	weir_str name;
	char family; /* '4', '6', 'L' or 'U' */
	uint16_t port;
	weir_str address; /* empty for 'U' */
};

struct milter_pair {
	weir_str name, value;
};

/* Find the packet at the start of data.  > 0: it is complete, that many octets
   in all; 0: more is needed, at least *need_out octets in all; WEIR_E_LIMIT: it
   is too long; WEIR_E_INVAL: no such command. */
int64_t milter_packet_find(char *data, size_t len, struct milter_packet *out,
    size_t *need_out);
char milter_command_octet(enum milter_command cmd);
/* MILTER_CMD_COUNT: no such command */
enum milter_command milter_command_of(char octet);
const char *milter_command_name(enum milter_command cmd);

int milter_get_options(const struct milter_packet *p,
    struct milter_options *out);
int milter_get_connect(const struct milter_packet *p,
    struct milter_connect *out);
/* One string: HELO. */
int milter_get_string(const struct milter_packet *p, weir_str *out);
/* Address and parameters (joined by blanks): MAIL, RCPT.  As on the wire, with
   <>. */
int milter_get_address(const struct milter_packet *p, weir_str *address_out,
    weir_str *params_out);
int milter_get_header(const struct milter_packet *p, weir_str *name_out,
    weir_str *value_out);
/* *stage_out: the command that the macros belong to (octet); pairs holds
   MILTER_MAX_MACROS.  Number of pairs, or a negative status. */
int milter_get_macros(const struct milter_packet *p, char *stage_out,
    struct milter_pair *pairs);
/* ABORT, QUIT, QUIT_NC, DATA, EOH: nothing may follow. */
int milter_get_nothing(const struct milter_packet *p);

/* Any packet at once. */
void milter_put(struct buf *out, int octet, const void *data, size_t len);
/* The numbers of an OPTNEG answer, between begin and end: macro lists may
   follow. */
void milter_put_options(struct buf *out, const struct milter_options *o);
/* A packet in pieces: begin, buf_add..., end (which fills in the length). */
size_t milter_put_begin(struct buf *out, int octet);
void milter_put_end(struct buf *out, size_t begun);
/* A whole SMTP reply; lines split by CRLF. */
void milter_put_reply(struct buf *out, weir_str text);
/* These answer WEIR_E_INVAL, and write nothing, if a string contains NUL. */
int milter_put_header_add(struct buf *out, weir_str name, weir_str value);
int milter_put_header_insert(struct buf *out, uint32_t index, weir_str name,
    weir_str value);
/* An empty value deletes. */
int milter_put_header_change(struct buf *out, uint32_t occurrence,
    weir_str name, weir_str value);
int milter_put_quarantine(struct buf *out, weir_str reason);
/* octet: ADDRCPT, ADDRCPT_PAR, DELRCPT, CHGFROM; address without <>; params
   empty: none */
int milter_put_address(struct buf *out, int octet, weir_str address,
    weir_str params);
/* The whole new body in chunks. */
void milter_put_body(struct buf *out, weir_str body);

#endif
