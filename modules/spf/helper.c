/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper - libspf2 behind a strict reader, in a process of its own.
 *
 * The library calls abort() when it meets what it does not expect, and has had
 * its holes: it is loaded here and nowhere else, asks nobody (the answers
 * come with the request), and reads records only after our own reader has
 * understood and rewritten them, without explanations.
 */
#include "cross.h"

#ifdef HAVE_LIBSPF2

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#include "record.h"

#define HELPER_LIBRARY "libspf2.so.2"
#define HELPER_NAME 256

/* What of the library is used: X(name without SPF_) */
#define HELPER_SYMBOLS(X) \
	X(server_new_dns) \
	X(server_free) \
	X(server_set_rec_dom) \
	X(request_new) \
	X(request_free) \
	X(request_set_ipv4) \
	X(request_set_ipv6) \
	X(request_set_helo_dom) \
	X(request_set_env_from) \
	X(request_query_mailfrom) \
	X(response_result) \
	X(response_free) \
	X(strresult) \
	X(dns_rr_new_init) \
	X(dns_rr_buf_realloc) \
	X(dns_rr_free)

#define HELPER_POINTER(name) __typeof__(SPF_##name) *name;
static struct {
	HELPER_SYMBOLS(HELPER_POINTER)
} lib;

/* One lookup of the request; its records are still in the request. */
struct answer {
	unsigned int type, status, count;
	weir_str name, records;
};

/* A request that is being read, and then answered from. */
struct asked {
	const unsigned char *p;
	size_t left;
	bool bad;
	uint8_t ip_len, ip[16];
	char *sender, *helo, *receiver;
	struct answer answers[CROSS_LOOKUPS];
	uint32_t n;
	bool incomplete, unfit;
	char record[SPF_RECORD_MAX + 1];
};

static const struct weir_helper_host *host;

/* asked_octets - the next ones */
static const void *
asked_octets(struct asked *a, size_t n)
{
	const void *p = a->p;

	if (a->bad || n > a->left) {
		a->bad = true;
		return "";
	}
	a->p += n;
	a->left -= n;
	return p;
}

/* asked_number - two octets */
static unsigned int
asked_number(struct asked *a)
{
	const unsigned char *u = asked_octets(a, 2);

	return a->bad ? 0 : (unsigned int)u[0] << 8 | u[1];
}

/* asked_text - a slice of the request */
static weir_str
asked_text(struct asked *a)
{
	size_t n = asked_number(a);
	const char *p = asked_octets(a, n);

	return (weir_str){ p, a->bad ? 0 : n };
}

/* asked_copy - as a string; what holds a NUL is none */
static char *
asked_copy(struct asked *a)
{
	weir_str s = asked_text(a);

	a->bad = a->bad || memchr(s.ptr, '\0', s.len) != NULL;
	return strndup(s.ptr, s.len);
}

/* asked_read - the whole request */
static void
asked_read(struct asked *a)
{
	a->ip_len = *(const uint8_t *)asked_octets(a, 1);
	memcpy(a->ip, asked_octets(a, 16), a->bad ? 0 : 16);
	a->sender = asked_copy(a);
	a->helo = asked_copy(a);
	a->receiver = asked_copy(a);
	a->bad = a->bad || (a->ip_len != 4 && a->ip_len != 16) ||
	    a->sender == NULL || a->helo == NULL || a->receiver == NULL;
	while (!a->bad && a->left > 0) {
		struct answer *one = &a->answers[a->n];

		if (a->n++ == CROSS_LOOKUPS) {
			a->bad = true;
			break;
		}
		one->type = asked_number(a);
		one->status = *(const uint8_t *)asked_octets(a, 1);
		one->name = asked_text(a);
		one->count = asked_number(a);
		one->records.ptr = (const char *)a->p;
		for (unsigned int i = 0; i < one->count && !a->bad; i++) {
			(void)asked_number(a);
			(void)asked_text(a);
		}
		one->records.len = (size_t)((const char *)a->p -
		    one->records.ptr);
	}
}

/* asked_find - the answer to a question, or NULL */
static const struct answer *
asked_find(const struct asked *a, const char *name, unsigned int type)
{
	size_t len = strlen(name);

	while (len > 0 && name[len - 1] == '.')
		len--;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct answer *one = &a->answers[i];
		size_t n = one->name.len;

		n -= n > 0 && one->name.ptr[n - 1] == '.';
		if (one->type == type && n == len &&
		    strncasecmp(one->name.ptr, name, n) == 0)
			return one;
	}
	return NULL;
}

/* helper_record - an SPF record as the library may see it; false: not at all */
static bool
helper_record(struct asked *a, weir_str text)
{
	char problem[SPF_PROBLEM_SIZE];
	struct spf_record *record;
	bool good = spf_record_parse(text, &record, problem) == WEIR_OK;
	char *exp;

	if (good) {
		good = spf_record_print(record, a->record,
		    sizeof(a->record)) >= 0;
		spf_record_free(&record);
	}
	a->unfit = a->unfit || !good;
	if (!good)
		return false;
	/* modifiers come last: at most redirect stands behind it */
	exp = strstr(a->record, " exp=");
	if (exp != NULL) {
		size_t n = strcspn(exp + 1, " ") + 1;

		memmove(exp, exp + n, strlen(exp + n) + 1);
	}
	return true;
}

/* helper_add - one record of an answer */
static void
helper_add(struct asked *a, SPF_dns_rr_t *rr, weir_str data)
{
	const char *text = data.ptr;
	size_t len = data.len, room;
	char address[INET6_ADDRSTRLEN];
	int i = rr->num_rr;

	if (rr->rr_type == ns_t_txt) {
		if (!spf_record_is(data) || !helper_record(a, data))
			return;
		text = a->record;
		len = strlen(text);
	}
	if (memchr(text, '\0', len) != NULL)
		return;
	room = len + 1 > sizeof(SPF_dns_rr_data_t) ? len + 1 :
						     sizeof(SPF_dns_rr_data_t);
	if (lib.dns_rr_buf_realloc(rr, i, room) != SPF_E_SUCCESS)
		return;
	if (rr->rr_type == ns_t_a || rr->rr_type == ns_t_aaaa) {
		if (len >= sizeof(address))
			return;
		memcpy(address, text, len);
		address[len] = '\0';
		if (inet_pton(rr->rr_type == ns_t_a ? AF_INET : AF_INET6,
			address, rr->rr[i]) != 1)
			return;
	} else {
		memcpy(rr->rr[i]->txt, text, len);
		rr->rr[i]->txt[len] = '\0';
	}
	rr->num_rr++;
}

/* helper_lookup - the library's DNS: what came with the request */
static SPF_dns_rr_t *
helper_lookup(SPF_dns_server_t *dns, const char *domain, ns_type type,
    int should_cache)
{
	struct asked *a = dns->hook;
	const struct answer *one = asked_find(a, domain, (unsigned int)type);
	struct asked records = { .p = (const unsigned char *)"" };
	SPF_dns_rr_t *rr;
	int error = NETDB_SUCCESS;

	(void)should_cache;
	if (type == ns_t_spf || (one != NULL &&
	    one->status == CROSS_NOTHING))
		error = NO_DATA; /* type 99 is history */
	else if (one == NULL || one->status != CROSS_ANSWER)
		error = TRY_AGAIN;
	a->incomplete = a->incomplete || (one == NULL && type != ns_t_spf);
	rr = lib.dns_rr_new_init(dns, domain, type, 0, error);
	if (rr == NULL || error != NETDB_SUCCESS)
		return rr;
	records.p = (const unsigned char *)one->records.ptr;
	records.left = one->records.len;
	for (unsigned int i = 0; i < one->count; i++) {
		(void)asked_number(&records);
		helper_add(a, rr, asked_text(&records));
	}
	if (rr->num_rr == 0)
		rr->herrno = NO_DATA;
	return rr;
}

/* helper_ask - what does it say?  A word, or NULL */
static const char *
helper_ask(struct asked *a)
{
	SPF_dns_server_t dns = { .lookup = helper_lookup, .name = "weir",
		.hook = a };
	SPF_response_t *response = NULL;
	const char *word = NULL;
	SPF_request_t *request;
	SPF_server_t *server = lib.server_new_dns(&dns, 0);
	struct in6_addr v6;
	struct in_addr v4;

	if (server == NULL)
		return NULL;
	lib.server_set_rec_dom(server, a->receiver);
	request = lib.request_new(server);
	memcpy(&v4, a->ip, sizeof(v4));
	memcpy(&v6, a->ip, sizeof(v6));
	if (request != NULL &&
	    (a->ip_len == 4 ? lib.request_set_ipv4(request, v4) :
		lib.request_set_ipv6(request, v6)) == SPF_E_SUCCESS &&
	    lib.request_set_helo_dom(request, a->helo) == SPF_E_SUCCESS) {
		if (a->sender[0] != '\0')
			(void)lib.request_set_env_from(request, a->sender);
		SPF_errcode_t error = lib.request_query_mailfrom(request,
		    &response);

		/* without a record because of the DNS there is no result */
		if (error == SPF_E_DNS_ERROR)
			word = "temperror";
		else if (response != NULL)
			word = lib.response_result(response) ==
				SPF_RESULT_INVALID ? "no result" :
			    lib.strresult(lib.response_result(response));
	}
	if (response != NULL)
		lib.response_free(response);
	if (request != NULL)
		lib.request_free(request);
	lib.server_free(server);
	return word;
}

/* helper_run - one request */
static int
helper_run(void *state, weir_request *r, weir_str request, int message)
{
	struct asked *a = calloc(1, sizeof(*a));
	const char *word = NULL;

	(void)state;
	(void)message;
	if (a == NULL)
		return WEIR_E_NOMEM;
	a->p = (const unsigned char *)request.ptr;
	a->left = request.len;
	asked_read(a);
	if (!a->bad)
		word = helper_ask(a);
	if (a->unfit)
		word = CROSS_UNFIT;
	else if (a->incomplete && word != NULL)
		word = CROSS_INCOMPLETE;
	free(a->sender);
	free(a->helo);
	free(a->receiver);
	free(a);
	return word == NULL ? WEIR_E_INVAL :
			      host->respond(r, word, strlen(word));
}

/* helper_init - load the library, here and nowhere else */
static int
helper_init(const struct weir_helper_host *h, const weir_conf *conf,
    void **state)
{
	void *dl = dlopen(HELPER_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	char text[300];

	(void)conf;
	(void)state;
	host = h;
	if (dl != NULL) {
#define HELPER_FIND(name) \
		*(void **)&lib.name = dlsym(dl, "SPF_" #name);
		HELPER_SYMBOLS(HELPER_FIND)
	}
#define HELPER_MISSING(name) || lib.name == NULL
	if (dl == NULL HELPER_SYMBOLS(HELPER_MISSING)) {
		const char *why = dlerror();

		snprintf(text, sizeof(text), "cross_check: %s: %s "
		    "(apt-get install libspf2-2)", HELPER_LIBRARY,
		    why != NULL ? why : "not the library that was expected");
		h->log(WEIR_LOG_ERROR, weir_str_of(text));
		return WEIR_E_UNSUPPORTED;
	}
	return WEIR_OK;
}

const struct weir_helper spf_helper = {
	.size = sizeof(struct weir_helper),
	.name = "libspf2",
	.threads = 1, /* it is not known to be safe with more */
	.processes = 1,
	.memory = UINT64_C(256) << 20,
	.init = helper_init,
	.run = helper_run,
	.adapt = spf_cross_adapt
};
const struct weir_helper *const spf_helpers[] = { &spf_helper, NULL };

#else

const struct weir_helper *const spf_helpers[] = { NULL };

#endif
