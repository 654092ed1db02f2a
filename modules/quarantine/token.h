/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token - a signed note that a released message carries back to Weir.
 *
 *   X-Weir-Release: 1 ID NONCE EXPIRES DIGEST SIGNATURE
 *
 * SIGNATURE is HMAC-SHA-256, with the key in the state folder, over all of it
 * and the recipient, in hexadecimal.  ID is the item, NONCE is new for each
 * attempt and counts once, EXPIRES is in seconds since 1970, DIGEST is the
 * SHA-256 of the message's octets behind this field.
 */
#ifndef MODULES_QUARANTINE_TOKEN_H
#define MODULES_QUARANTINE_TOKEN_H

#include "store.h"

#define TOKEN_FIELD "X-Weir-Release"
#define TOKEN_MAX 400
#define TOKEN_KEY_LEN 32

struct token {
	char id[ID_LEN + 1];
	char nonce[ID_LEN + 1];
	int64_t expires_ms;
	unsigned char digest[DIGEST_LEN];
};

/* The key; made by whoever needs it first. */
int token_key(const struct store *st, unsigned char key[TOKEN_KEY_LEN],
    struct fault *f);
/* The field's value. */
void token_write(const unsigned char key[TOKEN_KEY_LEN],
    const struct token *t, const char *rcpt, char out[TOKEN_MAX]);
/* A value from mail: WEIR_OK only if we signed it for this recipient (in
   lower case) and it has not expired; else f says why not. */
int token_read(const unsigned char key[TOKEN_KEY_LEN], weir_str value,
    const char *rcpt, int64_t now_ms, struct token *out, struct fault *f);

#endif
