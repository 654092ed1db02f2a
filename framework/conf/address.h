/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address - where to listen, whom to ask.
 *
 *	unix:/run/weir/milter.sock   inet:127.0.0.1:10022   inet6:[::1]:10022
 *	systemd:NAME                 a socket that systemd passes by this name
 * [any]
 */
#ifndef WEIR_CONF_ADDRESS_H
#define WEIR_CONF_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

enum conf_address_kind {
	CONF_ADDRESS_NONE,
	CONF_ADDRESS_UNIX,
	CONF_ADDRESS_INET, /* ip.len says which family */
	CONF_ADDRESS_SYSTEMD
};

struct conf_address {
	enum conf_address_kind kind;
	uint16_t port;	  /* 0: the kernel's choice */
	struct ip ip;
	const char *name; /* path, or systemd's name; lives as long as text */
	const char *text; /* as written */
};

/* text must outlive *out; err gets the end of a sentence that begins with the
   value */
int conf_address_parse(const char *text, struct conf_address *out,
    struct err *err);
/* A server: "192.0.2.1", "192.0.2.1:5353", "2001:db8::1",
   "[2001:db8::1]:5353"; kind becomes CONF_ADDRESS_INET. */
int conf_address_server(const char *text, uint16_t port,
    struct conf_address *out, struct err *err);
/* Would both bind the same socket? */
bool conf_address_equal(const struct conf_address *a,
    const struct conf_address *b);

#endif
