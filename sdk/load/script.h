/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script - a message as milter packets, cut behind each one to be answered.
 *
 * A script depends on what was negotiated; it is made once for each mail and
 * mask, and then only copied, with the id of the message written into it.
 */
#ifndef WEIR_LOAD_SCRIPT_H
#define WEIR_LOAD_SCRIPT_H

#include "load.h"

/* Protocol bits (the names are those of the protocol's own headers). */
#define SMFIP_NOCONNECT 0x00000001u
#define SMFIP_NOHELO 0x00000002u
#define SMFIP_NOMAIL 0x00000004u
#define SMFIP_NORCPT 0x00000008u
#define SMFIP_NOBODY 0x00000010u
#define SMFIP_NOHDRS 0x00000020u
#define SMFIP_NOEOH 0x00000040u
#define SMFIP_NR_HDR 0x00000080u
#define SMFIP_NOUNKNOWN 0x00000100u
#define SMFIP_NODATA 0x00000200u
#define SMFIP_SKIP 0x00000400u
#define SMFIP_RCPT_REJ 0x00000800u
#define SMFIP_NR_CONN 0x00001000u
#define SMFIP_NR_HELO 0x00002000u
#define SMFIP_NR_MAIL 0x00004000u
#define SMFIP_NR_RCPT 0x00008000u
#define SMFIP_NR_DATA 0x00010000u
#define SMFIP_NR_UNKN 0x00020000u
#define SMFIP_NR_EOH 0x00040000u
#define SMFIP_NR_BODY 0x00080000u
#define SMFIP_HDR_LEADSPC 0x00100000u
#define SMFIP_NOSEND_V2 0x0000007fu
#define SMFIP_NOREPLY \
	(SMFIP_NR_HDR | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | \
	    SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_EOH | \
	    SMFIP_NR_BODY)

#define SMFIF_ADDHDRS 0x001u
#define SMFIF_CHGBODY 0x002u
#define SMFIF_ADDRCPT 0x004u
#define SMFIF_DELRCPT 0x008u
#define SMFIF_CHGHDRS 0x010u
#define SMFIF_QUARANTINE 0x020u
#define SMFIF_CHGFROM 0x040u
#define SMFIF_ADDRCPT_PAR 0x080u
#define SMFIF_SETSYMLIST 0x100u

struct seg {
	size_t off, len;
	size_t id_first, id_end; /* its part of script.ids */
	char event;		 /* whose answer ends it; 0: none is due */
};

struct script {
	struct buf data;
	struct seg *segs;
	size_t seg_count;
	size_t *ids; /* offsets in data where the id stands */
	size_t id_count;
	uint32_t protocol; /* what it was made for */
	unsigned version;
	struct script *next; /* the same mail for another mask */
};

/* Append one packet. */
void script_packet(struct buf *b, char command, const void *data, size_t len);
/* The scripts live until the process ends. */
struct script *script_session(struct conn *c);
struct script *script_message(struct conn *c, size_t mail);

#endif
