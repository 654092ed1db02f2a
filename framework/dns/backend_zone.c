/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend_zone - questions answered from a zone file; see resolver.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/vec.h"
#include "dns/backend.h"

#define TTL_DEFAULT 3600
#define STRINGS_MAX 65535 /* octets of one record's data */

struct zone_rec {
	struct zone_rec *next;
	uint16_t type, pref;
	uint32_t ttl;
	weir_str data; /* as struct weir_dns_rr has it */
};

/* One owner name. */
struct zone_node {
	struct zone_rec *first, **last;
	int failure; /* of what it has no records for; 0: none */
};

/* A word of an entry, not yet unescaped. */
struct zone_word {
	weir_str text;
	bool quoted;
};

struct zone_parser {
	const char *file, *p, *end;
	unsigned line;	    /* being read */
	unsigned at;	    /* first line of the entry */
	bool same_owner;    /* the entry starts with a blank */
	bool have_owner;
	struct dns_name origin, owner;
	uint32_t ttl;
	VEC(struct zone_word) words;
	struct err *err;
};

static struct pool *zone_pool;
static struct map nodes = MAP_INIT;
static char *zone_text;

/* zone_bad - a mistake in the file */
#define zone_bad(z, ...) zone_mistake((z), xasprintf(__VA_ARGS__))
static int
zone_mistake(struct zone_parser *z, char *what)
{
	err_set(z->err, WEIR_E_INVAL, "%s:%u: %s", z->file, z->at, what);
	free(what);
	return WEIR_E_INVAL;
}

/* zone_word - take one word at z->p */
static int
zone_word(struct zone_parser *z)
{
	struct zone_word *w = vec_push(&z->words);
	bool quoted = *z->p == '"';
	const char *start = quoted ? ++z->p : z->p;

	while (z->p < z->end) {
		char c = *z->p;

		if (quoted ? c == '"' || c == '\n' :
			     text_is_space((unsigned char)c) || c == '"' ||
				 c == '(' || c == ')' || c == ';')
			break;
		z->p += c == '\\' && z->end - z->p > 1 && z->p[1] != '\n' ?
		    2 : 1;
	}
	w->quoted = quoted;
	w->text.ptr = start;
	w->text.len = (size_t)(z->p - start);
	if (!quoted)
		return WEIR_OK;
	if (z->p >= z->end || *z->p != '"')
		return zone_bad(z, "a string without its closing quote");
	z->p++;
	return WEIR_OK;
}

/* zone_split - the words of the next entry, over lines within ( ) */
static int
zone_split(struct zone_parser *z)
{
	bool open = false;
	int status;

	z->words.n = 0;
	z->at = z->line;
	z->same_owner = *z->p == ' ' || *z->p == '\t';
	while (z->p < z->end) {
		char c = *z->p;

		if (c == '\n') {
			z->line++;
			z->p++;
			if (!open)
				return WEIR_OK;
		} else if (c == ';') {
			while (z->p < z->end && *z->p != '\n')
				z->p++;
		} else if (text_is_space((unsigned char)c)) {
			z->p++;
		} else if (c == '(' || c == ')') {
			if (open == (c == '('))
				return zone_bad(z, "\"%c\" out of place", c);
			open = c == '(';
			z->p++;
		} else if ((status = zone_word(z)) < 0) {
			return status;
		}
	}
	return open ? zone_bad(z, "\"(\" without \")\"") : WEIR_OK;
}

/* zone_name - a name, relative ones below the origin */
static int
zone_name(struct zone_parser *z, const struct zone_word *w,
    struct dns_name *out)
{
	weir_str s = w->text;
	bool absolute = s.len > 0 && s.ptr[s.len - 1] == '.' &&
	    (s.len == 1 || s.ptr[s.len - 2] != '\\');

	if (!w->quoted && text_equals(s, "@")) {
		*out = z->origin;
		return WEIR_OK;
	}
	if (w->quoted || dns_name_parse(s.ptr, s.len, out) < 0)
		return zone_bad(z, "\"%.*s\" is no name", (int)s.len, s.ptr);
	if (absolute)
		return WEIR_OK;
	if (out->len - 1 + z->origin.len > DNS_NAME_WIRE_MAX)
		return zone_bad(z, "\"%.*s\" is too long below the origin",
		    (int)s.len, s.ptr);
	memcpy(out->octets + out->len - 1, z->origin.octets, z->origin.len);
	out->len += z->origin.len - 1;
	return WEIR_OK;
}

/* zone_number - decimal digits only */
static bool
zone_number(const struct zone_word *w, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (w->quoted || w->text.len == 0 || w->text.len > 10)
		return false;
	for (size_t i = 0; i < w->text.len; i++) {
		if (!text_is_digit((unsigned char)w->text.ptr[i]))
			return false;
		v = v * 10 + (uint64_t)(w->text.ptr[i] - '0');
	}
	*out = (uint32_t)v;
	return v <= max;
}

/* zone_type - a type's number, 0 if unknown */
static uint16_t
zone_type(const struct zone_word *w)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = {
		{ "A", WEIR_DNS_A }, { "AAAA", WEIR_DNS_AAAA },
		{ "CNAME", WEIR_DNS_CNAME }, { "MX", WEIR_DNS_MX },
		{ "NS", WEIR_DNS_NS }, { "PTR", WEIR_DNS_PTR },
		{ "SOA", WEIR_DNS_SOA }, { "SPF", DNS_TYPE_SPF },
		{ "TXT", WEIR_DNS_TXT }
	};
	struct zone_word digits = *w;
	uint32_t v;

	if (w->quoted)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (text_case_equals(w->text, types[i].name))
			return types[i].type;
	}
	if (w->text.len <= 4)
		return 0;
	digits.text.len = 4;
	if (!text_case_equals(digits.text, "TYPE"))
		return 0;
	digits.text.ptr += 4;
	digits.text.len = w->text.len - 4;
	return zone_number(&digits, UINT16_MAX, &v) ? (uint16_t)v : 0;
}

/* zone_strings - words joined, with \DDD and \X resolved */
static int
zone_strings(struct zone_parser *z, const struct zone_word *w, size_t n,
    weir_str *out)
{
	struct buf b = BUF_INIT;
	int c = 0, status = WEIR_OK;

	for (size_t k = 0; k < n && c >= 0; k++) {
		for (size_t i = 0; i < w[k].text.len && c >= 0;) {
			c = dns_unescape(w[k].text.ptr, w[k].text.len, &i);
			buf_add_char(&b, (char)c);
		}
	}
	if (c < 0)
		status = zone_bad(z, "a malformed \\ in a string");
	else if (b.len > STRINGS_MAX)
		status = zone_bad(z, "more than %d octets of data",
		    STRINGS_MAX);
	else
		*out = pool_str(zone_pool, buf_str(&b));
	buf_fini(&b);
	return status;
}

/* zone_host - a name as data */
static int
zone_host(struct zone_parser *z, const struct zone_word *w, weir_str *out)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	int status;

	if ((status = zone_name(z, w, &name)) < 0)
		return status;
	out->len = dns_name_print(&name, text);
	out->ptr = pool_strndup(zone_pool, text, out->len);
	return WEIR_OK;
}

/* zone_addr - an address as data, in its usual spelling */
static int
zone_addr(struct zone_parser *z, const struct zone_word *w, int family,
    weir_str *out)
{
	char text[INET6_ADDRSTRLEN], *s;
	uint8_t addr[16];

	s = pool_strndup(zone_pool, w->text.ptr, w->text.len);
	if (w->quoted || inet_pton(family, s, addr) != 1)
		return zone_bad(z, "\"%s\" is no %s address", s,
		    family == AF_INET ? "IPv4" : "IPv6");
	inet_ntop(family, addr, text, sizeof(text));
	*out = text_slice(pool_strdup(zone_pool, text));
	return WEIR_OK;
}

/* zone_soa - two names and five numbers, on one line */
static int
zone_soa(struct zone_parser *z, const struct zone_word *w, weir_str *out)
{
	weir_str mname, rname;
	uint32_t n[5];
	int status;

	if ((status = zone_host(z, &w[0], &mname)) < 0 ||
	    (status = zone_host(z, &w[1], &rname)) < 0)
		return status;
	for (int i = 0; i < 5; i++) {
		if (!zone_number(&w[2 + i], UINT32_MAX, &n[i]))
			return zone_bad(z, "\"%.*s\" is no number of a SOA",
			    (int)w[2 + i].text.len, w[2 + i].text.ptr);
	}
	*out = text_slice(pool_printf(zone_pool, "%s %s %u %u %u %u %u",
	    mname.ptr, rname.ptr, n[0], n[1], n[2], n[3], n[4]));
	return WEIR_OK;
}

/* zone_data - the n words of a record's data */
static int
zone_data(struct zone_parser *z, struct zone_rec *rec,
    const struct zone_word *w, size_t n)
{
	size_t want = rec->type == WEIR_DNS_SOA ? 7 :
	    rec->type == WEIR_DNS_MX ? 2 : 1;
	bool strings = false;
	uint32_t pref;

	switch (rec->type) {
	case WEIR_DNS_A:
	case WEIR_DNS_AAAA:
	case WEIR_DNS_CNAME:
	case WEIR_DNS_MX:
	case WEIR_DNS_NS:
	case WEIR_DNS_PTR:
	case WEIR_DNS_SOA:
		break;
	default:
		strings = true;
	}
	if (n < want || (n > want && !strings))
		return zone_bad(z, "%zu words of data instead of %zu", n,
		    want);
	if (strings)
		return zone_strings(z, w, n, &rec->data);
	if (rec->type == WEIR_DNS_SOA)
		return zone_soa(z, w, &rec->data);
	if (rec->type == WEIR_DNS_A || rec->type == WEIR_DNS_AAAA)
		return zone_addr(z, w,
		    rec->type == WEIR_DNS_A ? AF_INET : AF_INET6, &rec->data);
	if (rec->type == WEIR_DNS_MX) {
		if (!zone_number(&w[0], UINT16_MAX, &pref))
			return zone_bad(z, "\"%.*s\" is no MX preference",
			    (int)w[0].text.len, w[0].text.ptr);
		rec->pref = (uint16_t)pref;
		w++;
	}
	return zone_host(z, w, &rec->data);
}

/* node_key - a name as the map wants it */
static weir_str
node_key(const struct dns_name *name)
{
	return (weir_str){ (const char *)name->octets, name->len };
}

/* node_make - the node of a name, new if need be */
static struct zone_node *
node_make(const struct dns_name *name)
{
	struct zone_node *node = map_get(&nodes, node_key(name));

	if (node == NULL) {
		node = pool_new(zone_pool, struct zone_node);
		node->last = &node->first;
		map_set(&nodes, node_key(name), node);
	}
	return node;
}

/* zone_record - one record's entry */
static int
zone_record(struct zone_parser *z)
{
	struct zone_rec *rec = pool_new(zone_pool, struct zone_rec);
	const struct zone_word *w = z->words.v, *end = w + z->words.n;
	struct zone_node *node;
	int status;

	if (z->same_owner) {
		if (!z->have_owner)
			return zone_bad(z, "a record without a name");
	} else if ((status = zone_name(z, w++, &z->owner)) < 0) {
		return status;
	}
	z->have_owner = true;
	rec->ttl = z->ttl;
	for (; w < end; w++) {
		if (!zone_number(w, INT32_MAX, &rec->ttl) &&
		    !(text_case_equals(w->text, "IN") && !w->quoted))
			break;
	}
	if (w == end)
		return zone_bad(z, "a record without a type");
	if ((rec->type = zone_type(w)) == 0)
		return zone_bad(z, "\"%.*s\" is no record type",
		    (int)w->text.len, w->text.ptr);
	w++;
	if ((status = zone_data(z, rec, w, (size_t)(end - w))) < 0)
		return status;
	node = node_make(&z->owner);
	*node->last = rec;
	node->last = &rec->next;
	return WEIR_OK;
}

/* zone_directive - $WORD argument */
static int
zone_directive(struct zone_parser *z)
{
	static const char *const known[] = { "$ORIGIN", "$TTL", "$TIMEOUT",
		"$SERVFAIL", NULL };
	const struct zone_word *w = z->words.v;
	struct dns_name name;
	int status, i = 0;

	while (known[i] != NULL && !text_case_equals(w[0].text, known[i]))
		i++;
	if (known[i] == NULL)
		return zone_bad(z, "\"%.*s\" is no directive",
		    (int)w[0].text.len, w[0].text.ptr);
	if (z->words.n != 2)
		return zone_bad(z, "%s wants one word", known[i]);
	if (i == 1)
		return zone_number(&w[1], INT32_MAX, &z->ttl) ? WEIR_OK :
		    zone_bad(z, "\"%.*s\" is no TTL in seconds",
			(int)w[1].text.len, w[1].text.ptr);
	if ((status = zone_name(z, &w[1], &name)) < 0)
		return status;
	if (i == 0)
		z->origin = name;
	else
		node_make(&name)->failure = i == 2 ? WEIR_E_TIMEOUT :
						     WEIR_E_TEMP;
	return WEIR_OK;
}

/* zone_load - all entries of the file's text */
static int
zone_load(const char *file, weir_str text, struct err *err)
{
	struct zone_parser z = { .file = file, .p = text.ptr,
		.end = text.ptr + text.len, .line = 1, .ttl = TTL_DEFAULT,
		.origin.len = 1, .words = VEC_INIT, .err = err };
	int status = WEIR_OK;

	while (z.p < z.end && status == WEIR_OK) {
		if ((status = zone_split(&z)) < 0 || z.words.n == 0)
			continue;
		if (!z.same_owner && !z.words.v[0].quoted &&
		    text_has_prefix(z.words.v[0].text, "$"))
			status = zone_directive(&z);
		else
			status = zone_record(&z);
	}
	vec_fini(&z.words);
	return status;
}

/* backend_close - nothing is ever open here */
static void
backend_close(void)
{
	map_fini(&nodes);
	pool_destroy(&zone_pool);
	free(zone_text);
	zone_text = NULL;
}

/* backend_text - which file */
static const char *
backend_text(void)
{
	return zone_text;
}

/* dns_zone_open - read the file */
int
dns_zone_open(const char *file, struct err *err)
{
	struct buf text = BUF_INIT;
	FILE *f = fopen(file, "re");
	size_t n;
	int status;

	if (f == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", file,
		    strerror(errno));
	while ((n = fread(buf_reserve(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	if (ferror(f))
		status = err_set(err, WEIR_E_NOTFOUND, "%s: can't be read",
		    file);
	else
		status = WEIR_OK;
	fclose(f);
	zone_pool = pool_create(16384, 0);
	zone_text = xasprintf("zone file %s", file);
	if (status == WEIR_OK)
		status = zone_load(file, buf_str(&text), err);
	buf_fini(&text);
	if (status < 0)
		backend_close();
	return status;
}

/* node_find - the name's node, or that of the wildcard that covers it: the
   one below the nearest name that is there (RFC 4592 3.3) */
static const struct zone_node *
node_find(const struct dns_name *name)
{
	const struct zone_node *node = map_get(&nodes, node_key(name));
	struct dns_name star;
	size_t at = 0;

	while (node == NULL && at < name->len - 1) {
		at += name->octets[at] + 1u;
		star.octets[0] = 1;
		star.octets[1] = '*';
		star.len = 2 + name->len - at;
		memcpy(star.octets + 2, name->octets + at, name->len - at);
		node = map_get(&nodes, node_key(&star));
		if (map_get(&nodes, (weir_str){
			(const char *)star.octets + 2, star.len - 2 }) != NULL)
			break;
	}
	return node;
}

/* zone_answer - the result of one node's records; ttl: of the way here */
static struct dns_result *
zone_answer(const struct zone_node *node, uint16_t type, size_t count,
    uint32_t ttl)
{
	struct dns_result *r = dns_result_create();
	struct weir_dns_rr *rr = pool_array(r->pool, struct weir_dns_rr, count);

	r->answer.rr = r->rr = rr;
	r->answer.status = WEIR_OK;
	r->ttl = ttl;
	for (const struct zone_rec *rec = node->first; rec != NULL;
	     rec = rec->next) {
		if (rec->type != type)
			continue;
		rr->type = type;
		rr->pref = rec->pref;
		rr->ttl = rec->ttl < ttl ? rec->ttl : ttl;
		rr->data = pool_str(r->pool, rec->data);
		if (rr->ttl < r->ttl)
			r->ttl = rr->ttl;
		rr++;
		r->answer.count++;
	}
	if (r->ttl == 0)
		r->ttl = 1;
	return r;
}

/* backend_start - answer at once; who asked hears of it from the loop */
static void
backend_start(struct dns_question *q)
{
	struct dns_name name = q->name;
	const struct zone_node *node = node_find(&name);
	uint32_t ttl = DNS_TTL_MAX;
	struct dns_result *none;

	for (int hop = 0; node != NULL; hop++) {
		const struct zone_rec *cname = NULL;
		size_t count = 0;

		for (const struct zone_rec *r = node->first; r != NULL;
		     r = r->next) {
			count += r->type == q->type;
			if (r->type == WEIR_DNS_CNAME)
				cname = r;
		}
		if (count > 0) {
			dns_question_done(q, WEIR_OK, 0,
			    zone_answer(node, q->type, count, ttl));
			return;
		}
		if (node->failure != 0 || hop >= DNS_ANSWER_HOPS) {
			dns_question_done(q, node->failure != 0 ?
				node->failure : WEIR_E_TEMP,
			    node->failure == WEIR_E_TIMEOUT ? 0 :
			    DNS_RCODE_SERVFAIL, NULL);
			return;
		}
		if (cname == NULL)
			break;
		ttl = cname->ttl < ttl ? cname->ttl : ttl;
		node = dns_name_parse(cname->data.ptr, cname->data.len,
		    &name) == WEIR_OK ? node_find(&name) : NULL;
	}
	none = dns_result_create();
	none->answer.rcode = node == NULL ? DNS_RCODE_NXDOMAIN : 0;
	dns_question_done(q, WEIR_OK, none->answer.rcode, none);
}

const struct dns_backend dns_backend_zone = {
	.start = backend_start,
	.close = backend_close,
	.text = backend_text
};
