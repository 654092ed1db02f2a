/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_wire - requests of Postfix's policy delegation.
 *
 * A request is lines "name=value" and an empty line; lines end with LF, a CR
 * before it is taken away.  Unknown names are skipped, of two equal ones the
 * first counts.  Pure: no socket, no allocation.
 */
#ifndef WEIR_FRONT_POLICY_WIRE_H
#define WEIR_FRONT_POLICY_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#define POLICY_MAX_REQUEST (64 * 1024)
#define POLICY_MAX_NAME 255
#define POLICY_MAX_VALUE 2048 /* Postfix reads no longer SMTP lines */
#define POLICY_MAX_ATTRS 100

/* X(NAME, "name on the wire", "macro"): all attributes up to Postfix 3.8.
   Modules see them as the macro of the same meaning that a milter would get;
   where there is none, under the name on the wire.  NULL: not as a macro. */
#define POLICY_ATTRS(X) \
	X(REQUEST, "request", NULL) \
	X(PROTOCOL_STATE, "protocol_state", NULL) \
	X(PROTOCOL_NAME, "protocol_name", "protocol_name") \
	X(HELO_NAME, "helo_name", NULL) \
	X(QUEUE_ID, "queue_id", "i") \
	X(SENDER, "sender", NULL) \
	X(RECIPIENT, "recipient", NULL) \
	X(RECIPIENT_COUNT, "recipient_count", "recipient_count") \
	X(CLIENT_ADDRESS, "client_address", "client_addr") \
	X(CLIENT_NAME, "client_name", "client_name") \
	X(REVERSE_CLIENT_NAME, "reverse_client_name", "client_ptr") \
	X(INSTANCE, "instance", "instance") \
	X(SASL_METHOD, "sasl_method", "auth_type") \
	X(SASL_USERNAME, "sasl_username", "auth_authen") \
	X(SASL_SENDER, "sasl_sender", "auth_author") \
	X(SIZE, "size", "size") \
	X(CCERT_SUBJECT, "ccert_subject", "cert_subject") \
	X(CCERT_ISSUER, "ccert_issuer", "cert_issuer") \
	X(CCERT_FINGERPRINT, "ccert_fingerprint", "ccert_fingerprint") \
	X(CCERT_PUBKEY, "ccert_pubkey_fingerprint", \
	    "ccert_pubkey_fingerprint") \
	X(ENCRYPTION_PROTOCOL, "encryption_protocol", "tls_version") \
	X(ENCRYPTION_CIPHER, "encryption_cipher", "cipher") \
	X(ENCRYPTION_KEYSIZE, "encryption_keysize", "cipher_bits") \
	X(ETRN_DOMAIN, "etrn_domain", "etrn_domain") \
	X(STRESS, "stress", "stress") \
	X(CLIENT_PORT, "client_port", "client_port") \
	X(POLICY_CONTEXT, "policy_context", "policy_context") \
	X(SERVER_ADDRESS, "server_address", "server_addr") \
	X(SERVER_PORT, "server_port", "server_port") \
	X(COMPATIBILITY_LEVEL, "compatibility_level", "compatibility_level") \
	X(MAIL_VERSION, "mail_version", "mail_version")

enum policy_attr {
#define POLICY_ENUM(id, name, macro) POLICY_##id,
	POLICY_ATTRS(POLICY_ENUM)
#undef POLICY_ENUM
	POLICY_ATTR_COUNT
};

struct policy_request {
	unsigned attrs; /* lines, known or not; 0: nothing but an empty line */
	weir_str v[POLICY_ATTR_COUNT]; /* ptr NULL: absent */
};

/* Take the request at the start of data.  > 0: it is complete, that many
   octets; 0: more is needed; WEIR_E_LIMIT: something is too long or too much;
   WEIR_E_INVAL: a line without "=", or NUL.  The strings lie in data, with a
   NUL behind each (data is changed).  *scan remembers how far an incomplete
   request was looked at: 0 before the first call. */
int64_t policy_request_find(char *data, size_t len, size_t *scan,
    struct policy_request *out);
const char *policy_attr_macro(enum policy_attr attr); /* or NULL */

#endif
