/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/mime.h - weir.mime/1: the message as parts, names, text, links.
 *
 * At eom, for modules with WEIR_F_WANT_BODY; parsed when first asked for.  A
 * front-end without content (policy) makes it WEIR_E_UNSUPPORTED.  Limits on
 * header lines, depth, parts and octets hold; what was beyond them is an
 * anomaly, never silence.  Slices are borrowed until the message ends.
 * Elsewhere than at eom, or without that flag, WEIR_E_STATE; WEIR_E_NOTFOUND: not
 * so many parts, names, links, anomalies. [loop]
 */
#ifndef WEIR_EXT_MIME_H
#define WEIR_EXT_MIME_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_MIME "weir.mime/1"

#define WEIR_MIME_LEAF (1u << 0)	/* has content of its own */
#define WEIR_MIME_TEXT (1u << 1)	/* text/plain or text/html to show */
#define WEIR_MIME_HTML (1u << 2)
#define WEIR_MIME_ATTACHMENT (1u << 3)	/* disposition attachment, or a name */
#define WEIR_MIME_MESSAGE (1u << 4)	/* message/rfc822 and its kin */
#define WEIR_MIME_TRUNCATED (1u << 5)	/* a limit cut it */
#define WEIR_MIME_EMBEDDED (1u << 6)	/* inside a message/rfc822 part */
#define WEIR_MIME_ALTERNATE (1u << 7)	/* exists only in another reading of an
					   ambiguous message; listed behind
					   the parts of the usual one */

/* What is known of a part.  Filled in by part(). */
struct weir_mime_part {
	uint32_t size;	   /* set by the caller: sizeof(struct weir_mime_part) */
	uint32_t parent;   /* index, or UINT32_MAX for the root */
	uint32_t depth;	   /* 0: the root */
	uint32_t flags;	   /* WEIR_MIME_* */
	uint32_t names;	   /* how many plausible file names: part_name */
	uint32_t encoding; /* 0 identity, 1 quoted-printable, 2 base64, 3 uu,
			      4 yenc */
	weir_str type;	   /* "text/html", lower case; as declared */
	weir_str charset;  /* as declared, or "" */
	weir_str disposition; /* "attachment", "inline" or "" */
	weir_str content_id; /* without <>, or "" */
	uint64_t raw_offset;  /* where its content begins in the raw message */
	uint64_t raw_length;  /* octets of its content, encoded as it came */
	uint64_t raw_head;    /* where its own header begins */
	uint32_t reading;     /* which of the ways to read a damaged encoding;
				 0: the usual one */
	uint32_t reserved0;   /* 0 */
	/* ---- end of ABI 1.0 ---- */
};

/* What readers may read differently, or what a limit cut (S6-S8). */
enum weir_mime_anomaly {
	WEIR_MIME_A_PARTS = 1,		   /* more parts than the limit */
	WEIR_MIME_A_DEPTH = 2,		   /* nested deeper than the limit */
	WEIR_MIME_A_HEADER = 3,		   /* header lines or octets */
	WEIR_MIME_A_DUP_BOUNDARY = 4,	   /* two boundary parameters */
	WEIR_MIME_A_DUP_CONTENT_TYPE = 5,
	WEIR_MIME_A_DUP_ENCODING = 6,
	WEIR_MIME_A_BAD_BOUNDARY = 7,	   /* missing, empty or too long */
	WEIR_MIME_A_NO_END = 8,		   /* multipart never closed */
	WEIR_MIME_A_NESTED_BOUNDARY = 9,   /* inner equals or begins outer */
	WEIR_MIME_A_BAD_ENCODING = 10,	   /* unknown or impossible encoding */
	WEIR_MIME_A_BARE_CR = 11,	   /* CR or LF alone, or NUL in text */
	WEIR_MIME_A_BAD_HEADER = 12,	   /* a header line that is none */
	WEIR_MIME_A_NAMES_DIFFER = 13,	   /* plausible names disagree */
	WEIR_MIME_A_BAD_BASE64 = 14,	   /* data after padding, junk inside */
	WEIR_MIME_A_MULTI_FROM = 15,	   /* no From, several, or several in it */
	WEIR_MIME_A_PARTIAL = 16	   /* message/partial, external-body */
};

/* Frozen: what comes later is weir.mime/2. */
struct weir_mime {
	/* The whole message as received: header, empty line, body. [loop] */
	int (*raw)(weir_call *, weir_str *out);
	/* Number of parts, the root included, in order of appearance. [loop] */
	int (*part_count)(weir_call *, uint32_t *out);
	/* What is known of a part; the caller sets out->size. [loop] */
	int (*part)(weir_call *, uint32_t part, struct weir_mime_part *out);
	/* The index-th plausible file name, in UTF-8. [loop] */
	int (*part_name)(weir_call *, uint32_t part, uint32_t index,
	    weir_str *out);
	/* Raw value of a field of that part's own header, first occurrence; case
	   of the name is ignored. [loop] */
	int (*part_header)(weir_call *, uint32_t part, const char *name,
	    weir_str *out);
	/* Content after transfer decoding, at most max octets; E_LIMIT when cut
	   (out is still set). [loop] */
	int (*part_data)(weir_call *, uint32_t part, size_t max, weir_str *out);
	/* The same as UTF-8 text; HTML is given as a reader sees it. [loop] */
	int (*part_text)(weir_call *, uint32_t part, size_t max, weir_str *out);
	/* Links of all text and HTML parts, each once: absolute URLs in the
	   order of appearance. [loop] */
	int (*link_count)(weir_call *, uint32_t *out);
	int (*link_at)(weir_call *, uint32_t index, weir_str *out);
	/* Anomalies, each code at most once: code is enum weir_mime_anomaly,
	   detail one sentence. [loop] */
	int (*anomaly_count)(weir_call *, uint32_t *out);
	int (*anomaly_at)(weir_call *, uint32_t index, uint32_t *code,
	    weir_str *detail);
	/* A header value unfolded and decoded to UTF-8 (RFC 2047).  In every
	   stage, lives as long as the message, before MAIL as the session.
	   [loop] */
	int (*header_decode)(weir_call *, weir_str raw, weir_str *out);
};

#ifdef __cplusplus
}
#endif
#endif
