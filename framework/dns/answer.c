/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/answer.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"

#define HEADER_LEN 12
#define CLASS_IN 1

/* One record of the answer section, by offsets into the message. */
struct answer_rec {
	uint64_t hash; /* of the owner's wire form */
	uint32_t ttl;
	uint16_t type, class;
	size_t owner, rdata, rdlen;
};

/* What is known while a message is read. */
struct answer {
	const uint8_t *msg;
	size_t len, off;
	uint16_t type;	      /* wanted */
	struct dns_name name; /* owner that counts: follows the CNAMEs */
	uint32_t ttl;	      /* smallest so far */
	struct dns_result *result;
	const char *why;
	size_t recs;
	struct answer_rec rec[DNS_ANSWER_RR_MAX];
};

/* dns_result_create - in a pool of its own */
struct dns_result *
dns_result_create(void)
{
	struct pool *pool = pool_create(1024, DNS_ANSWER_POOL);
	struct dns_result *r = pool_new(pool, struct dns_result);

	r->pool = pool;
	r->refs = 1;
	r->born_ms = clock_mono_ms();
	r->answer.status = WEIR_E_NOTFOUND;
	r->answer.stride = sizeof(struct weir_dns_rr);
	list_init(&r->lru);
	return r;
}

/* dns_result_ref - one more user */
struct dns_result *
dns_result_ref(struct dns_result *r)
{
	r->refs++;
	return r;
}

/* dns_result_unref - one less */
void
dns_result_unref(struct dns_result **rp)
{
	struct dns_result *r = *rp;
	struct pool *pool;

	*rp = NULL;
	if (r == NULL)
		return;
	expect(r->refs > 0);
	if (--r->refs > 0)
		return;
	expect(list_empty(&r->lru));
	pool = r->pool;
	pool_destroy(&pool);
}

/* dns_result_age - take off what has passed since the last time */
void
dns_result_age(struct dns_result *r)
{
	int64_t age = (clock_mono_ms() - r->born_ms) / 1000;
	uint32_t step;

	if (age <= r->age)
		return;
	if (age > UINT32_MAX)
		age = UINT32_MAX;
	step = (uint32_t)age - r->age;
	r->age = (uint32_t)age;
	for (uint32_t i = 0; i < r->answer.count; i++)
		r->rr[i].ttl -= r->rr[i].ttl < step ? r->rr[i].ttl : step;
}

/* answer_bad - garbage, and why */
static int
answer_bad(struct answer *a, const char *why)
{
	a->why = why;
	return WEIR_E_INVAL;
}

/* answer_u16 - two octets in network order */
static uint16_t
answer_u16(const struct answer *a, size_t off)
{
	return (uint16_t)(a->msg[off] << 8 | a->msg[off + 1]);
}

/* answer_u32 - four octets in network order */
static uint32_t
answer_u32(const struct answer *a, size_t off)
{
	return (uint32_t)answer_u16(a, off) << 16 | answer_u16(a, off + 2);
}

/* answer_next - the next record's place; a->off ends behind it */
static int
answer_next(struct answer *a, struct answer_rec *r)
{
	r->owner = a->off;
	if (dns_name_skip(a->msg, a->len, &a->off) < 0 || a->len - a->off < 10)
		return answer_bad(a, "a record is cut short");
	r->type = answer_u16(a, a->off);
	r->class = answer_u16(a, a->off + 2);
	r->ttl = answer_u32(a, a->off + 4);
	if (r->type != DNS_TYPE_OPT && r->ttl > INT32_MAX)
		r->ttl = 0; /* RFC 2181 8 */
	r->rdlen = answer_u16(a, a->off + 8);
	r->rdata = a->off + 10;
	if (a->len - r->rdata < r->rdlen)
		return answer_bad(a, "a record's data is cut short");
	a->off = r->rdata + r->rdlen;
	return WEIR_OK;
}

/* answer_question - exactly our question, answered */
static int
answer_question(struct answer *a)
{
	struct dns_name name;
	size_t off = HEADER_LEN;

	if (a->len < HEADER_LEN)
		return answer_bad(a, "shorter than a header");
	/* QR set, opcode QUERY */
	if ((a->msg[2] & 0xf8) != 0x80)
		return answer_bad(a, "not an answer");
	if (answer_u16(a, 4) != 1)
		return answer_bad(a, "not one question");
	if (dns_name_read(a->msg, a->len, &off, &name) < 0 ||
	    a->len - off < 4)
		return answer_bad(a, "a malformed question");
	if (!dns_name_equal(&name, &a->name) ||
	    answer_u16(a, off) != a->type || answer_u16(a, off + 2) != CLASS_IN)
		return answer_bad(a, "an answer to another question");
	a->off = off + 4;
	return WEIR_OK;
}

/* answer_records - index the answer section */
static int
answer_records(struct answer *a)
{
	size_t count = answer_u16(a, 6), off;
	struct dns_name name;
	int status;

	if (count > DNS_ANSWER_RR_MAX)
		return answer_bad(a, "too many records");
	for (; a->recs < count; a->recs++) {
		struct answer_rec *r = &a->rec[a->recs];

		if ((status = answer_next(a, r)) < 0)
			return status;
		off = r->owner;
		if (dns_name_read(a->msg, a->len, &off, &name) < 0)
			return answer_bad(a, "a malformed owner name");
		r->hash = map_hash(name.octets, name.len);
	}
	return WEIR_OK;
}

/* answer_is_owner - does the record belong to the name that counts */
static bool
answer_is_owner(const struct answer *a, const struct answer_rec *r,
    uint64_t hash)
{
	struct dns_name name;
	size_t off = r->owner;

	return r->class == CLASS_IN && r->hash == hash &&
	    dns_name_read(a->msg, a->len, &off, &name) == WEIR_OK &&
	    dns_name_equal(&name, &a->name);
}

/* answer_rdata_name - a name within a record's data; *off ends behind it */
static int
answer_rdata_name(const struct answer *a, const struct answer_rec *r,
    size_t *off, struct dns_name *out)
{
	return dns_name_read(a->msg, r->rdata + r->rdlen, off, out);
}

/* answer_text - copy into the result; the pool's limit holds */
static int
answer_text(struct answer *a, const void *data, size_t len, weir_str *out)
{
	char *p = pool_try_alloc(a->result->pool, len + 1);

	if (p == NULL)
		return answer_bad(a, "too large");
	if (len != 0)
		memcpy(p, data, len);
	out->ptr = p;
	out->len = len;
	return WEIR_OK;
}

/* answer_addr - A and AAAA as text */
static int
answer_addr(struct answer *a, const struct answer_rec *r, weir_str *out)
{
	char text[INET6_ADDRSTRLEN];
	int family = r->type == WEIR_DNS_A ? AF_INET : AF_INET6;

	if (r->rdlen != (family == AF_INET ? 4u : 16u))
		return answer_bad(a, "an address of odd length");
	inet_ntop(family, a->msg + r->rdata, text, sizeof(text));
	return answer_text(a, text, strlen(text), out);
}

/* answer_host - NS, CNAME, PTR and, behind its preference, MX */
static int
answer_host(struct answer *a, const struct answer_rec *r,
    struct weir_dns_rr *rr)
{
	size_t off = r->rdata;
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX];

	if (r->type == WEIR_DNS_MX) {
		if (r->rdlen < 3)
			return answer_bad(a, "a malformed MX");
		rr->pref = answer_u16(a, off);
		off += 2;
	}
	if (answer_rdata_name(a, r, &off, &name) < 0 ||
	    off != r->rdata + r->rdlen)
		return answer_bad(a, "a malformed name in a record");
	return answer_text(a, text, dns_name_print(&name, text), &rr->data);
}

/* answer_strings - TXT: the strings joined */
static int
answer_strings(struct answer *a, const struct answer_rec *r, weir_str *out)
{
	const uint8_t *p = a->msg + r->rdata, *end = p + r->rdlen;
	char *q = pool_try_alloc(a->result->pool, r->rdlen + 1);

	if (r->rdlen == 0)
		return answer_bad(a, "a TXT without a string");
	if (q == NULL)
		return answer_bad(a, "too large");
	out->ptr = q;
	while (p < end) {
		size_t n = *p++;

		if ((size_t)(end - p) < n)
			return answer_bad(a, "a malformed TXT");
		memcpy(q, p, n);
		p += n;
		q += n;
	}
	out->len = (size_t)(q - out->ptr);
	return WEIR_OK;
}

/* answer_soa_read - its names, and where its five numbers stand */
static int
answer_soa_read(struct answer *a, const struct answer_rec *r,
    struct dns_name *mname, struct dns_name *rname, size_t *numbers)
{
	size_t off = r->rdata;

	if (answer_rdata_name(a, r, &off, mname) < 0 ||
	    answer_rdata_name(a, r, &off, rname) < 0 ||
	    off + 20 != r->rdata + r->rdlen)
		return answer_bad(a, "a malformed SOA");
	*numbers = off;
	return WEIR_OK;
}

/* answer_soa - as a zone file has it, on one line */
static int
answer_soa(struct answer *a, const struct answer_rec *r, weir_str *out)
{
	struct dns_name mname, rname;
	char mtext[DNS_NAME_TEXT_MAX], rtext[DNS_NAME_TEXT_MAX];
	size_t n;
	int status;

	if ((status = answer_soa_read(a, r, &mname, &rname, &n)) < 0)
		return status;
	dns_name_print(&mname, mtext);
	dns_name_print(&rname, rtext);
	out->ptr = pool_printf(a->result->pool, "%s %s %u %u %u %u %u", mtext,
	    rtext, answer_u32(a, n), answer_u32(a, n + 4),
	    answer_u32(a, n + 8), answer_u32(a, n + 12),
	    answer_u32(a, n + 16));
	out->len = strlen(out->ptr);
	if (pool_used(a->result->pool) > DNS_ANSWER_POOL)
		return answer_bad(a, "too large");
	return WEIR_OK;
}

/* answer_rr - one record for the result */
static int
answer_rr(struct answer *a, const struct answer_rec *r, struct weir_dns_rr *rr)
{
	rr->type = r->type;
	switch (r->type) {
	case WEIR_DNS_A:
	case WEIR_DNS_AAAA:
		return answer_addr(a, r, &rr->data);
	case WEIR_DNS_NS:
	case WEIR_DNS_CNAME:
	case WEIR_DNS_PTR:
	case WEIR_DNS_MX:
		return answer_host(a, r, rr);
	case WEIR_DNS_TXT:
	case DNS_TYPE_SPF:
		return answer_strings(a, r, &rr->data);
	case WEIR_DNS_SOA:
		return answer_soa(a, r, &rr->data);
	default:
		return answer_text(a, a->msg + r->rdata, r->rdlen, &rr->data);
	}
}

/* answer_collect - all wanted records of the name that counts */
static int
answer_collect(struct answer *a, uint64_t hash, size_t count)
{
	struct dns_result *res = a->result;
	int status;

	res->rr = pool_try_alloc(res->pool, count * sizeof(*res->rr));
	if (res->rr == NULL)
		return answer_bad(a, "too large");
	for (size_t i = 0; i < a->recs; i++) {
		const struct answer_rec *r = &a->rec[i];

		if (r->type != a->type || !answer_is_owner(a, r, hash))
			continue;
		if ((status = answer_rr(a, r, &res->rr[res->answer.count])) < 0)
			return status;
		/* what led here may not outlive the CNAMEs on the way */
		res->rr[res->answer.count++].ttl =
		    r->ttl < a->ttl ? r->ttl : a->ttl;
	}
	for (size_t i = 0; i < count; i++) {
		if (res->rr[i].ttl < a->ttl)
			a->ttl = res->rr[i].ttl;
	}
	res->answer.rr = res->rr;
	res->answer.status = WEIR_OK;
	return WEIR_OK;
}

/* answer_follow - find the wanted records, by way of CNAMEs */
static int
answer_follow(struct answer *a)
{
	for (int hop = 0; hop <= DNS_ANSWER_HOPS; hop++) {
		uint64_t hash = map_hash(a->name.octets, a->name.len);
		const struct answer_rec *cname = NULL;
		size_t count = 0, off;

		for (size_t i = 0; i < a->recs; i++) {
			const struct answer_rec *r = &a->rec[i];

			if ((r->type != a->type && r->type != WEIR_DNS_CNAME) ||
			    !answer_is_owner(a, r, hash))
				continue;
			if (r->type == a->type)
				count++;
			else
				cname = r;
		}
		if (count != 0)
			return answer_collect(a, hash, count);
		if (cname == NULL)
			return WEIR_OK;
		off = cname->rdata;
		if (answer_rdata_name(a, cname, &off, &a->name) < 0 ||
		    off != cname->rdata + cname->rdlen)
			return answer_bad(a, "a malformed CNAME");
		if (cname->ttl < a->ttl)
			a->ttl = cname->ttl;
	}
	return answer_bad(a, "a CNAME chain without end");
}

/* answer_authority - how long "there is none" holds (RFC 2308 5); name servers
   without a SOA are a referral, which answers nothing (RFC 2308 2.2) */
static int
answer_authority(struct answer *a, bool negative, bool exists)
{
	bool referral = false, soa = false;
	uint32_t ttl = DNS_TTL_NEGATIVE_MAX, minimum;
	int status;

	for (unsigned n = answer_u16(a, 8); n > 0; n--) {
		struct dns_name owner, name;
		struct answer_rec r;
		size_t off;

		if ((status = answer_next(a, &r)) < 0)
			return status;
		if (!negative || r.class != CLASS_IN)
			continue;
		if (r.type == WEIR_DNS_NS)
			referral = true;
		off = r.owner;
		if (r.type != WEIR_DNS_SOA || soa ||
		    dns_name_read(a->msg, a->len, &off, &owner) < 0 ||
		    !dns_name_under(&a->name, &owner))
			continue;
		if ((status = answer_soa_read(a, &r, &name, &name, &off)) < 0)
			return status;
		soa = true;
		minimum = answer_u32(a, off + 16);
		if (r.ttl < ttl)
			ttl = r.ttl;
		if (minimum < ttl)
			ttl = minimum;
	}
	if (!negative)
		return WEIR_OK;
	if (referral && !soa && exists)
		return answer_bad(a, "a referral");
	if (ttl < a->ttl)
		a->ttl = ttl;
	if (!soa)
		return WEIR_OK;
	a->result->ttl = a->ttl != 0 ? a->ttl : 1;
	return WEIR_OK;
}

/* answer_rcode - with the upper bits of an OPT record (RFC 6891 6.1.3); the
   records before the additional section are stepped over without a look */
static int
answer_rcode(struct answer *a, uint16_t *rcode)
{
	unsigned before = (unsigned)answer_u16(a, 6) + answer_u16(a, 8);
	unsigned all = before + answer_u16(a, 10);
	size_t start = a->off;
	struct answer_rec r;
	int status;

	*rcode = a->msg[3] & 0x0f;
	for (unsigned i = 0; i < all; i++) {
		if ((status = answer_next(a, &r)) < 0)
			return status;
		if (i >= before && r.type == DNS_TYPE_OPT)
			*rcode |= (uint16_t)(r.ttl >> 24 << 4);
	}
	a->off = start;
	return WEIR_OK;
}

/* answer_read - the whole message */
static int
answer_read(struct answer *a, uint16_t *rcode)
{
	struct weir_dns_answer *out = &a->result->answer;
	int status;

	*rcode = 0;
	if ((status = answer_question(a)) < 0)
		return status;
	if ((a->msg[2] & 0x02) != 0)
		return answer_bad(a, "truncated");
	if ((status = answer_rcode(a, rcode)) < 0)
		return status;
	if (*rcode != 0 && *rcode != DNS_RCODE_NXDOMAIN) {
		a->why = "the server fails or refuses";
		return WEIR_E_TEMP;
	}
	if ((status = answer_records(a)) < 0 || (status = answer_follow(a)) < 0)
		return status;
	if (*rcode != 0 && out->count != 0)
		return answer_bad(a, "records of a name that does not exist");
	if ((status = answer_authority(a, out->count == 0, *rcode == 0)) < 0)
		return status;
	if (out->count != 0)
		a->result->ttl = a->ttl != 0 ? a->ttl : 1;
	out->rcode = *rcode;
	out->secure = (a->msg[3] & 0x20) != 0;
	return WEIR_OK;
}

/* dns_answer_parse - raw message to result */
int
dns_answer_parse(const uint8_t *msg, size_t len, const struct dns_name *name,
    uint16_t type, uint16_t *rcode, struct dns_result **out, const char **why)
{
	struct answer a;
	int status;

	a.msg = msg;
	a.len = len;
	a.off = a.recs = 0;
	a.type = type;
	a.name = *name;
	a.ttl = DNS_TTL_MAX;
	a.why = "";
	a.result = dns_result_create();
	status = answer_read(&a, rcode);
	*why = a.why;
	if (status < 0)
		dns_result_unref(&a.result);
	*out = a.result;
	return status;
}
