/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smtp_tls - STARTTLS with OpenSSL: contexts, handshake, octets. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "smtp.h"
#include "smtp_conn.h"

struct smtp_tls {
	enum smtp_tls_level level;
	SSL_CTX *ctx;
	char *name; /* that its certificate must have; NULL: of the next hop */
};

/* tls_why - the library's reason in words */
static const char *
tls_why(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return why != NULL ? why : "it broke off";
}

/* tls_load - whom to trust; false: why */
static bool
tls_load(SSL_CTX *ctx, const char *ca, char why[SMTP_REPLY_MAX])
{
	struct stat st;
	int ok;

	if (ca[0] == '\0') {
		ok = SSL_CTX_set_default_verify_paths(ctx);
	} else if (stat(ca, &st) != 0) {
		snprintf(why, SMTP_REPLY_MAX, "%.200s: %s", ca,
		    strerror(errno));
		return false;
	} else {
		ok = S_ISDIR(st.st_mode) ?
		    SSL_CTX_load_verify_dir(ctx, ca) :
		    SSL_CTX_load_verify_file(ctx, ca);
	}
	if (ok != 1)
		snprintf(why, SMTP_REPLY_MAX, "%.200s: no certificates: %s",
		    ca, tls_why());
	return ok == 1;
}

/* smtp_tls_create - one context for all connections */
struct smtp_tls *
smtp_tls_create(enum smtp_tls_level level, const char *ca, const char *name,
    char why[SMTP_REPLY_MAX])
{
	struct smtp_tls *t = calloc(1, sizeof(*t));
	bool ok = false;

	snprintf(why, SMTP_REPLY_MAX, "no memory");
	if (t == NULL)
		return NULL;
	t->level = level;
	t->name = name[0] != '\0' ? strdup(name) : NULL;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx != NULL) {
		SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
		SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
		    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		ok = level != SMTP_TLS_VERIFY || tls_load(t->ctx, ca, why);
		if (level == SMTP_TLS_VERIFY)
			SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	}
	if (!ok)
		smtp_tls_destroy(&t);
	return t;
}

/* smtp_tls_destroy - no connection uses it any more */
void
smtp_tls_destroy(struct smtp_tls **tls)
{
	struct smtp_tls *t = *tls;

	*tls = NULL;
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t->name);
	free(t);
}

/* smtp_tls_level - what the options want */
enum smtp_tls_level
smtp_tls_level(const struct smtp_tls *tls)
{
	return tls != NULL ? tls->level : SMTP_TLS_NONE;
}

/* tls_again - wait for what the library waits for; false: it is an end */
static bool
tls_again(struct smtp_conn *c, int rc)
{
	switch (SSL_get_error(c->tls, rc)) {
	case SSL_ERROR_WANT_READ:
		return smtp_wait(c, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return smtp_wait(c, POLLOUT);
	case SSL_ERROR_ZERO_RETURN:
		smtp_break(c, c->s->next_hop, "closed the connection");
		return false;
	default:
		smtp_break(c, c->s->next_hop, tls_why());
		return false;
	}
}

/* tls_expect - the name that the certificate must have */
static bool
tls_expect(struct smtp_conn *c, SSL *ssl)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	const char *name = c->s->tls->name, *port;
	char host[256] = "";

	if (name == NULL && strncmp(c->s->next_hop, "unix:", 5) != 0 &&
	    smtp_split(c->s->next_hop, host, sizeof(host), &port))
		name = host;
	if (name == NULL)
		return c->s->tls->level != SMTP_TLS_VERIFY;
	if (X509_VERIFY_PARAM_set1_ip_asc(p, name) == 1)
		return true;
	/* an address is no name for the server to choose by */
	ERR_clear_error();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 &&
	    SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* tls_refused - why the handshake failed */
static void
tls_refused(struct smtp_conn *c)
{
	char text[SMTP_REPLY_MAX];
	long verify = SSL_get_verify_result(c->tls);

	if (c->broken) /* no time, or gone */
		return;
	if (c->s->tls->level == SMTP_TLS_VERIFY && verify != X509_V_OK)
		snprintf(text, sizeof(text), "its certificate is not "
		    "accepted: %s", X509_verify_cert_error_string(verify));
	else
		snprintf(text, sizeof(text), "no TLS: %s", tls_why());
	ERR_clear_error();
	smtp_break(c, c->s->next_hop, text);
}

/* smtp_tls_begin - the handshake */
bool
smtp_tls_begin(struct smtp_conn *c)
{
	SSL *ssl = SSL_new(c->s->tls->ctx);
	int rc = -1, error;

	c->tls = ssl;
	ERR_clear_error();
	if (ssl == NULL || SSL_set_fd(ssl, c->fd) != 1 ||
	    !tls_expect(c, ssl)) {
		smtp_break(c, "TLS", "it can't be set up");
		c->tls_failed = true;
		return false;
	}
	while (!c->broken && (rc = SSL_connect(ssl)) != 1) {
		error = SSL_get_error(ssl, rc);
		if (error == SSL_ERROR_WANT_READ)
			smtp_wait(c, POLLIN);
		else if (error == SSL_ERROR_WANT_WRITE)
			smtp_wait(c, POLLOUT);
		else
			tls_refused(c);
	}
	c->tls_failed = rc != 1;
	return rc == 1;
}

/* smtp_tls_end - say so, if it still works */
void
smtp_tls_end(struct smtp_conn *c)
{
	if (c->tls == NULL)
		return;
	if (!c->broken && !c->tls_failed)
		(void)SSL_shutdown(c->tls);
	SSL_free(c->tls);
	ERR_clear_error();
	c->tls = NULL;
}

/* smtp_tls_write - some of it, or wait */
size_t
smtp_tls_write(struct smtp_conn *c, const char *data, size_t len)
{
	ERR_clear_error();
	for (;;) {
		size_t n = 0;
		int rc = SSL_write_ex(c->tls, data, len, &n);

		if (rc == 1)
			return n;
		if (!tls_again(c, rc))
			return 0;
	}
}

/* smtp_tls_read - what there is, or wait */
size_t
smtp_tls_read(struct smtp_conn *c, char *data, size_t len)
{
	ERR_clear_error();
	for (;;) {
		size_t n = 0;
		int rc = SSL_read_ex(c->tls, data, len, &n);

		if (rc == 1)
			return n;
		if (!tls_again(c, rc))
			return 0;
	}
}

/* smtp_tls_version - for the audit log */
const char *
smtp_tls_version(const struct smtp_conn *c)
{
	return c->tls != NULL ? SSL_get_version(c->tls) : NULL;
}
