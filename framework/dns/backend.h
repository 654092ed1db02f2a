/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend - what the resolver asks when its cache does not know.
 *
 * Private to this folder.  A backend gets questions and ends each one exactly
 * once with dns_question_done, at once or later on the loop.
 */
#ifndef WEIR_DNS_BACKEND_H
#define WEIR_DNS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "dns/answer.h"
#include "dns/name.h"
#include "dns/resolver.h"

/* name and type as one octet string: the key of cache and coalescing */
#define DNS_KEY_MAX (DNS_NAME_WIRE_MAX + 2)

/* One question on its way, with all who wait for it. */
struct dns_question {
	struct dns_name name;
	uint16_t type;
	bool edns;	     /* the backend's: sent with an OPT record */
	struct list waiters; /* struct dns_query */
};

struct dns_backend {
	void (*start)(struct dns_question *q);
	/* end all open questions with WEIR_E_CANCELLED, free everything */
	void (*close)(void);
	/* what is asked, for people; valid until close */
	const char *(*text)(void);
};

extern const struct dns_backend dns_backend_ares;
extern const struct dns_backend dns_backend_zone;
extern const struct dns_backend dns_backend_recorded;

int dns_ares_open(const struct dns_config *config, struct err *err);
int dns_zone_open(const char *file, struct err *err);

/* The question's end: status WEIR_OK with a result (whose reference is taken
   over), or a negative status without.  q is gone afterwards. */
void dns_question_done(struct dns_question *q, int status, uint16_t rcode,
    struct dns_result *result);
/* The same for a raw answer. */
void dns_question_answer(struct dns_question *q, const uint8_t *msg,
    size_t len);

#endif
