/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver - the worker's asynchronous DNS client.
 *
 * One per process, loop thread only.  dns_start asks; the callback comes
 * exactly once, on the loop, never inside dns_start, whatever happens: answer,
 * cache hit, bad name, limit, deadline.  Only dns_cancel silences it.
 *
 * Equal questions in flight are joined; each waiter has its own deadline, and
 * the question goes on upstream without it, for the others and for the cache.
 * Answers are cached for their TTL, one second to one day; "no such name or
 * data" for what its SOA says, one second to five minutes, and not at all
 * without a SOA.  Failures are not cached.
 *
 * Statuses are those of weir/ext/dns.h, and WEIR_E_INVAL for what is no name
 * or no type to ask for.
 */
#ifndef WEIR_DNS_RESOLVER_H
#define WEIR_DNS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <weir/ext/dns.h>

#include "base/err.h"

struct dns_config {
	const char *const *servers; /* "ip", "ip:port", "[v6]:port" */
	size_t nservers;	    /* 0: those of /etc/resolv.conf */
	int64_t timeout_ms;	    /* a query with its retries; 0: 3000 */
	unsigned tries;		    /* rounds through the servers; 0: 2 */
	size_t cache_entries;	    /* 0: 10000 */
	unsigned max_in_flight;	    /* questions upstream; 0: 2000 */
};

struct dns_stats {
	uint64_t queries;	/* dns_start calls */
	uint64_t cache_hits;
	uint64_t coalesced;	/* joined a question in flight */
	uint64_t upstream;	/* questions that went to the backend */
	uint64_t timeouts;	/* answered WEIR_E_TIMEOUT */
	uint64_t servfail;	/* questions that the servers failed to answer:
				   SERVFAIL, REFUSED, nobody listens */
	uint64_t bad_answers;	/* answers that were garbage */
	uint64_t in_flight;	/* questions upstream now */
};

struct dns_query;

/* answer: borrowed until the callback returns. */
typedef void dns_fn(const struct weir_dns_answer *answer, void *arg);

/* Start with real servers.  [main], after loop_init and fork.  WEIR_E_INVAL: a
   server that is none; WEIR_E_TEMP: the library refuses. */
int dns_init(const struct dns_config *config, struct err *err);

/*
 * Start with a zone file instead, for tests and the harness.  Lines are those
 * of RFC 1035 5.1: name [ttl] [IN] type data, ; comments, quoted strings, ( )
 * over several lines, $ORIGIN, $TTL (in seconds), wildcards.  Types: A AAAA MX
 * TXT SPF PTR CNAME NS SOA, and TYPEnnn with strings as data.  Besides:
 *	$TIMEOUT name	what the name has no records for is never answered:
 *			WEIR_E_TIMEOUT, on the next round, no time passes
 *	$SERVFAIL name	the same with WEIR_E_TEMP
 * A name that is not there is NXDOMAIN; one without the type has no data.
 * WEIR_E_NOTFOUND, WEIR_E_INVAL: err holds file, line and mistake.
 */
int dns_init_zone(const char *file, struct err *err);

/* Start with recorded answers, for a replay: what was not recorded is answered
   with WEIR_E_TEMP and told to missed.  Nothing is cached. */
typedef void dns_missed_fn(const char *name, uint16_t type);
int dns_init_recorded(void);
/* Forget all answers, tell misses to fn (NULL: nobody). */
void dns_recorded_clear(dns_missed_fn *missed);
/* One more; of two for the same question the first counts.  WEIR_E_INVAL: no
   name, or not what an answer may be. */
int dns_recorded_add(const char *name, uint16_t type,
    const struct weir_dns_answer *answer);

/* Stop.  Open queries get WEIR_E_CANCELLED, from inside this call; what their
   callbacks start gets the same from the loop later.  Harmless when stopped. */
void dns_fini(void);

/* Ask for name (absolute, last dot optional, \DDD understood).  timeout_ms 0:
   the configured one; the servers are given up after that one in any case.
   The handle is valid until the callback is called or dns_cancel. */
struct dns_query *dns_start(const char *name, uint16_t type,
    int64_t timeout_ms, dns_fn *fn, void *arg);

/* Forget the query: no callback.  *q becomes NULL; NULL is fine. */
void dns_cancel(struct dns_query **q);

const struct dns_stats *dns_stats(void);

/* Who is asked: "192.0.2.1:53, [2001:db8::1]:53", "zone file x", or "none".
   Valid until dns_fini. */
const char *dns_server_text(void);

#endif
