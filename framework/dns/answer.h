/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer - a strict reader of DNS answers, and the result made of one.
 *
 * A struct dns_result is shared by the cache and by all who asked; it lives
 * in its own pool and dies with the last reference.  Loop thread only.
 *
 * What the reader insists on: an answer to our question and no other; every
 * record well formed; names by strictly backward pointers; at most
 * DNS_ANSWER_RR_MAX records and DNS_ANSWER_POOL octets of result; CNAMEs
 * followed at most DNS_ANSWER_HOPS times.  Records of other owners than the
 * question's name and its CNAMEs are ignored, so are the additional ones.
 */
#ifndef WEIR_DNS_ANSWER_H
#define WEIR_DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include <weir/ext/dns.h>

#include "base/list.h"
#include "base/pool.h"
#include "dns/name.h"

#define DNS_ANSWER_RR_MAX 1000
#define DNS_ANSWER_POOL (256u * 1024)
#define DNS_ANSWER_HOPS 16
#define DNS_TTL_MAX 86400u	  /* seconds that an answer is cached */
#define DNS_TTL_NEGATIVE_MAX 300u /* the same for "no such name or data" */

#define DNS_RCODE_FORMERR 1
#define DNS_RCODE_SERVFAIL 2
#define DNS_RCODE_NXDOMAIN 3
#define DNS_TYPE_OPT 41
#define DNS_TYPE_SPF 99

struct dns_result {
	struct weir_dns_answer answer; /* status: WEIR_OK or E_NOTFOUND */
	struct weir_dns_rr *rr;	 /* answer.rr, for aging */
	struct pool *pool;	 /* holds this struct and all it points at */
	unsigned refs;
	uint32_t ttl;		 /* seconds to cache it; 0: not at all */
	uint32_t age;		 /* seconds already taken off the rr's ttl */
	int64_t born_ms;	 /* clock_mono_ms() of its making */

	/* the cache's own */
	struct list lru;
	weir_str key;
	int64_t expires_ms;
	size_t cost;
};

/* An empty result (status E_NOTFOUND) with one reference. */
struct dns_result *dns_result_create(void);
struct dns_result *dns_result_ref(struct dns_result *r);
void dns_result_unref(struct dns_result **r); /* NULL is fine */
/* Let the records' ttl be the seconds left now. */
void dns_result_age(struct dns_result *r);

/* Read a raw answer to the question (name, type).  WEIR_OK: *out is a result
   with one reference.  WEIR_E_TEMP: the server refuses or fails, *rcode says
   how.  WEIR_E_INVAL: garbage.  *why is a constant text for the log. */
int dns_answer_parse(const uint8_t *msg, size_t len,
    const struct dns_name *name, uint16_t type, uint16_t *rcode,
    struct dns_result **out, const char **why);

#endif
