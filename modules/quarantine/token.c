/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "file.h"

#define HEX_LEN (2 * DIGEST_LEN)

/* token_hex - octets in hexadecimal */
static void
token_hex(const unsigned char in[DIGEST_LEN], char out[HEX_LEN + 1])
{
	for (int i = 0; i < DIGEST_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* token_unhex - the other way; false: none */
static bool
token_unhex(const char *in, unsigned char out[DIGEST_LEN])
{
	for (int i = 0; i < DIGEST_LEN; i++) {
		char two[3] = { in[2 * i], in[2 * i + 1], '\0' };

		if (strspn(two, "0123456789abcdef") != 2)
			return false;
		out[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	return true;
}

/* token_key_read - the file, if it is whole */
static bool
token_key_read(const char *path, unsigned char key[TOKEN_KEY_LEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = fd >= 0 && read(fd, key, TOKEN_KEY_LEN) == TOKEN_KEY_LEN;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* token_key_make - a new one; one process wins */
static int
token_key_make(const struct store *st, const char *path, struct fault *f)
{
	unsigned char key[TOKEN_KEY_LEN];
	char fresh[4096];
	int fd, status = WEIR_OK;

	snprintf(fresh, sizeof(fresh), "%s.%ld", path, (long)getpid());
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || getrandom(key, sizeof(key), 0) != sizeof(key) ||
	    write(fd, key, sizeof(key)) != sizeof(key) || fsync(fd) != 0 ||
	    (link(fresh, path) != 0 && errno != EEXIST))
		status = fault_set(f, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(fresh);
	OPENSSL_cleanse(key, sizeof(key));
	return status < 0 ? status : file_sync_dir(st->folder, f);
}

/* token_key - read it, or make it */
int
token_key(const struct store *st, unsigned char key[TOKEN_KEY_LEN],
    struct fault *f)
{
	char path[4000];
	int status;

	snprintf(path, sizeof(path), "%s/key", st->folder);
	if (token_key_read(path, key))
		return WEIR_OK;
	if (access(path, F_OK) == 0)
		return fault_set(f, WEIR_E_TEMP, "%s: can't be read, or is too "
		    "short: remove it", path);
	status = token_key_make(st, path, f);
	if (status == WEIR_OK && !token_key_read(path, key))
		status = fault_set(f, WEIR_E_TEMP, "%s: can't be read", path);
	return status;
}

/* token_sign - over the text so far and the recipient; false: longer than any
   that we have written */
static bool
token_sign(const unsigned char key[TOKEN_KEY_LEN], const char *text,
    const char *rcpt, char hex[HEX_LEN + 1])
{
	char all[TOKEN_MAX + USER_MAX + 2];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int len = snprintf(all, sizeof(all), "%s\n%s", text, rcpt);

	if (len < 0 || (size_t)len >= sizeof(all))
		return false;
	HMAC(EVP_sha256(), key, TOKEN_KEY_LEN, (unsigned char *)all,
	    (size_t)len, mac, &n);
	token_hex(mac, hex);
	return true;
}

/* token_write - the field's value */
void
token_write(const unsigned char key[TOKEN_KEY_LEN], const struct token *t,
    const char *rcpt, char out[TOKEN_MAX])
{
	char digest[HEX_LEN + 1], sig[HEX_LEN + 1];
	size_t n;

	token_hex(t->digest, digest);
	snprintf(out, TOKEN_MAX, "1 %s %s %" PRId64 " %s", t->id, t->nonce,
	    t->expires_ms / 1000, digest);
	/* of no use then, as nobody can read it */
	if (!token_sign(key, out, rcpt, sig))
		sig[0] = '\0';
	n = strlen(out);
	snprintf(out + n, TOKEN_MAX - n, " %s", sig);
}

/* token_read - is it one of ours */
int
token_read(const unsigned char key[TOKEN_KEY_LEN], weir_str value,
    const char *rcpt, int64_t now_ms, struct token *out, struct fault *f)
{
	char text[TOKEN_MAX], id[ID_LEN + 1], nonce[ID_LEN + 1],
	    digest[HEX_LEN + 1], sig[HEX_LEN + 1], ours[HEX_LEN + 1];
	int64_t expires = 0;
	int end = 0, body = 0;

	while (value.len > 0 && strchr(" \t\r\n", value.ptr[0]) != NULL) {
		value.ptr++;
		value.len--;
	}
	while (value.len > 0 && strchr(" \t\r\n", value.ptr[value.len - 1]))
		value.len--;
	memset(out, 0, sizeof(*out));
	if (value.len >= sizeof(text) ||
	    memchr(value.ptr, '\0', value.len) != NULL)
		return fault_set(f, WEIR_E_INVAL, "no token at all");
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	if (sscanf(text, "1 %26[a-z2-7] %26[a-z2-7] %12" SCNd64
		" %64[0-9a-f]%n %64[0-9a-f]%n", id, nonce, &expires, digest,
		&body, sig, &end) != 5 || text[end] != '\0' ||
	    strlen(sig) != HEX_LEN || strlen(digest) != HEX_LEN ||
	    !token_unhex(digest, out->digest))
		return fault_set(f, WEIR_E_INVAL, "no token at all");
	text[body] = '\0';
	if (!token_sign(key, text, rcpt, ours) ||
	    CRYPTO_memcmp(ours, sig, HEX_LEN) != 0)
		return fault_set(f, WEIR_E_INVAL, "not signed by this site for "
		    "this recipient");
	memcpy(out->id, id, sizeof(id));
	memcpy(out->nonce, nonce, sizeof(nonce));
	out->expires_ms = expires * 1000;
	if (out->expires_ms < now_ms)
		return fault_set(f, WEIR_E_TIMEOUT, "it has expired");
	return WEIR_OK;
}
