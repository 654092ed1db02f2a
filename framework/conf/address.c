/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/address.h"

#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "conf/value.h"

/* address_host_parse - "1.2.3.4:25", "[::1]:25"; without port if *port says
   so by being -1 afterwards */
static int
address_host_parse(const char *text, struct ip *ip, int64_t *port)
{
	const char *colon = strrchr(text, ':');
	char host[IP_TEXT_MAX];
	size_t len;

	*port = -1;
	if (*text == '[') {
		colon = strchr(text, ']');
		if (colon == NULL)
			return WEIR_E_INVAL;
		len = (size_t)(colon - text - 1);
		text++;
		colon++;
		if (*colon != ':' && *colon != '\0')
			return WEIR_E_INVAL;
	} else if (colon != NULL && strchr(text, ':') == colon) {
		len = (size_t)(colon - text);
	} else { /* no colon, or so many that it is IPv6 alone */
		len = strlen(text);
		colon = text + len;
	}
	if (len >= sizeof(host))
		return WEIR_E_INVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!ip_parse(host, ip))
		return WEIR_E_INVAL;
	if (*colon == '\0')
		return WEIR_OK;
	if (value_int_parse(colon + 1, port, NULL) != WEIR_OK || *port < 0 ||
	    *port > 65535)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* conf_address_parse - a listener's address */
int
conf_address_parse(const char *text, struct conf_address *out, struct err *err)
{
	const char *rest = strchr(text, ':');
	size_t len = rest != NULL ? (size_t)(rest - text) : 0;
	weir_str kind = { text, len };
	int64_t port;

	memset(out, 0, sizeof(*out));
	out->text = text;
	if (rest == NULL)
		return err_set(err, WEIR_E_INVAL, "is no address: it begins "
		    "with unix:, inet:, inet6: or systemd:");
	rest++;
	out->name = rest;
	if (text_equals(kind, "unix")) {
		out->kind = CONF_ADDRESS_UNIX;
		if (*rest != '/')
			return err_set(err, WEIR_E_INVAL,
			    "needs an absolute path behind unix:");
		if (strlen(rest) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return err_set(err, WEIR_E_INVAL,
			    "is longer than a socket's path may be (%zu)",
			    sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
		return WEIR_OK;
	}
	if (text_equals(kind, "systemd")) {
		out->kind = CONF_ADDRESS_SYSTEMD;
		if (*rest == '\0')
			return err_set(err, WEIR_E_INVAL,
			    "needs a name behind systemd:");
		return WEIR_OK;
	}
	if (!text_equals(kind, "inet") && !text_equals(kind, "inet6"))
		return err_set(err, WEIR_E_INVAL, "is no address: it begins "
		    "with unix:, inet:, inet6: or systemd:");
	out->kind = CONF_ADDRESS_INET;
	if (address_host_parse(rest, &out->ip, &port) != WEIR_OK || port < 0 ||
	    out->ip.len != (len == 4 ? 4 : 16))
		return err_set(err, WEIR_E_INVAL, "is no address such as %s",
		    len == 4 ? "inet:127.0.0.1:10022" : "inet6:[::1]:10022");
	out->port = (uint16_t)port;
	return WEIR_OK;
}

/* conf_address_server - an address to ask, with a usual port */
int
conf_address_server(const char *text, uint16_t port, struct conf_address *out,
    struct err *err)
{
	int64_t given;

	memset(out, 0, sizeof(*out));
	out->kind = CONF_ADDRESS_INET;
	out->text = text;
	if (address_host_parse(text, &out->ip, &given) != WEIR_OK ||
	    given == 0)
		return err_set(err, WEIR_E_INVAL, "is no server such as "
		    "127.0.0.1, 127.0.0.1:53 or [::1]:53");
	out->port = given > 0 ? (uint16_t)given : port;
	return WEIR_OK;
}

/* conf_address_equal - the same socket; port 0 is a new one each time */
bool
conf_address_equal(const struct conf_address *a, const struct conf_address *b)
{
	if (a->kind != b->kind || a->kind == CONF_ADDRESS_NONE)
		return false;
	if (a->kind == CONF_ADDRESS_INET)
		return a->port == b->port && a->port != 0 &&
		    ip_equal(&a->ip, &b->ip);
	return strcmp(a->name, b->name) == 0;
}
