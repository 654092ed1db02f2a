/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/dns.h - weir.dns/1: asynchronous lookups.
 *
 * The host caches by TTL, joins equal questions in flight, and limits the
 * queries of a session.  An answer comes exactly once, on the loop, never
 * before query() has returned; also when the call is cancelled.
 */
#ifndef WEIR_EXT_DNS_H
#define WEIR_EXT_DNS_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_DNS "weir.dns/1"

/* RR types that query() knows (RFC 1035, RFC 3596). */
enum weir_dns_type {
	WEIR_DNS_A = 1,
	WEIR_DNS_NS = 2,
	WEIR_DNS_CNAME = 5,
	WEIR_DNS_SOA = 6,
	WEIR_DNS_PTR = 12,
	WEIR_DNS_MX = 15,
	WEIR_DNS_TXT = 16,
	WEIR_DNS_AAAA = 28
};

/* One record.  May grow: use weir_dns_rr_at. */
struct weir_dns_rr {
	uint16_t type; /* enum weir_dns_type, as asked */
	uint16_t pref; /* MX preference */
	uint32_t ttl;  /* seconds left */
	weir_str data; /* A, AAAA: text; names without the last dot, lower
			  case; TXT: the strings joined, raw octets */
	/* ---- end of ABI 1.0 ---- */
};

/* Frozen.  All of it is borrowed until the callback returns. */
struct weir_dns_answer {
	int32_t status;	  /* WEIR_OK; E_NOTFOUND: no such name or data;
			     E_TEMP: SERVFAIL, REFUSED, garbage; E_TIMEOUT;
			     E_LIMIT: over the session's budget; E_CANCELLED */
	uint16_t rcode;	  /* 0 NOERROR, 3 NXDOMAIN ... (RFC 1035 4.1.1) */
	uint16_t secure;  /* 1: the resolver set AD */
	uint32_t count;	  /* records at rr; 0 unless status is WEIR_OK */
	uint32_t stride;  /* sizeof(struct weir_dns_rr) in the host */
	const struct weir_dns_rr *rr; /* see weir_dns_rr_at */
};

/* The answer, exactly once. [loop] */
typedef void weir_dns_fn(weir_call *, const struct weir_dns_answer *,
    void *arg);

/* Frozen: what comes later is weir.dns/2. */
struct weir_dns {
	/* Ask for name (absolute, last dot optional; at most 253 octets). RRs
	   of the wanted type only; CNAMEs are followed.  timeout_ms: how long
	   this answer may take, 0: as the site says.  In every stage but header
	   and body (WEIR_E_STATE).  A name or a type that can't be asked for is
	   an answer with WEIR_E_INVAL. [loop] */
	int (*query)(weir_call *, const char *name, uint16_t type,
	    uint32_t timeout_ms, weir_dns_fn *fn, void *arg);
};

/* weir_dns_rr_at - the i-th record, whatever stride the host has */
static inline const struct weir_dns_rr *
weir_dns_rr_at(const struct weir_dns_answer *a, uint32_t i)
{
	return (const struct weir_dns_rr *)(const void *)(
	    (const char *)a->rr + (size_t)i * a->stride);
}

#ifdef __cplusplus
}
#endif
#endif
