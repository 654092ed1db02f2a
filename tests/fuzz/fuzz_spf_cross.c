/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_spf_cross - the request that the cross_check helper reads, and the
   answers that libspf2 gets from it.  In place of the library: one that asks
   for everything there is, and for more. */
#include "../../modules/spf/helper.c"

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef HAVE_LIBSPF2

static SPF_dns_server_t *dns_of;
static char said[64];

static SPF_dns_rr_t *
fake_rr_new_init(SPF_dns_server_t *dns, const char *domain, ns_type type,
    int ttl, SPF_dns_stat_t error)
{
	SPF_dns_rr_t *rr = calloc(1, sizeof(*rr));

	(void)dns;
	(void)ttl;
	rr->domain = strdup(domain);
	rr->rr_type = type;
	rr->herrno = error;
	return rr;
}

static SPF_errcode_t
fake_rr_buf_realloc(SPF_dns_rr_t *rr, int i, size_t room)
{
	expect(i == rr->num_rr && room >= sizeof(SPF_dns_rr_data_t));
	rr->rr = realloc(rr->rr, sizeof(*rr->rr) * (size_t)(i + 1));
	if (i >= rr->rr_buf_num) {
		rr->rr_buf_num = i + 1;
		rr->rr[i] = NULL;
	}
	rr->rr[i] = realloc(rr->rr[i], room);
	return SPF_E_SUCCESS;
}

static void
fake_rr_free(SPF_dns_rr_t *rr)
{
	for (int i = 0; i < rr->rr_buf_num; i++)
		free(rr->rr[i]);
	free(rr->rr);
	free(rr->domain);
	free(rr);
}

static SPF_server_t *
fake_server_new_dns(SPF_dns_server_t *dns, int debug)
{
	(void)debug;
	dns_of = dns;
	return (SPF_server_t *)said;
}

static void
fake_server_free(SPF_server_t *s)
{
	(void)s;
}

static SPF_errcode_t
fake_server_set_rec_dom(SPF_server_t *s, const char *name)
{
	(void)s;
	expect(strlen(name) <= UINT16_MAX);
	return SPF_E_SUCCESS;
}

static SPF_request_t *
fake_request_new(SPF_server_t *s)
{
	return (SPF_request_t *)s;
}

static void
fake_request_free(SPF_request_t *r)
{
	(void)r;
}

static SPF_errcode_t
fake_request_set_ipv4(SPF_request_t *r, struct in_addr a)
{
	(void)r;
	(void)a;
	return SPF_E_SUCCESS;
}

static SPF_errcode_t
fake_request_set_ipv6(SPF_request_t *r, struct in6_addr a)
{
	(void)r;
	(void)a;
	return SPF_E_SUCCESS;
}

static SPF_errcode_t
fake_request_set_helo_dom(SPF_request_t *r, const char *name)
{
	(void)r;
	expect(strlen(name) <= UINT16_MAX);
	return SPF_E_SUCCESS;
}

static int
fake_request_set_env_from(SPF_request_t *r, const char *sender)
{
	(void)r;
	return strlen(sender) > 0 ? 0 : 1;
}

/* fake_look - what it may be handed: records that our reader has understood,
   addresses, names without NUL */
static void
fake_look(const char *name, ns_type type)
{
	SPF_dns_rr_t *rr = helper_lookup(dns_of, name, type, 0);

	for (int i = 0; i < rr->num_rr; i++) {
		if (type != ns_t_txt)
			continue;
		expect(strncmp(rr->rr[i]->txt, "v=spf1", 6) == 0);
		expect(strstr(rr->rr[i]->txt, " exp=") == NULL);
	}
	fake_rr_free(rr);
}

static SPF_errcode_t
fake_request_query_mailfrom(SPF_request_t *r, SPF_response_t **response)
{
	static const ns_type types[] = { ns_t_txt, ns_t_a, ns_t_aaaa, ns_t_mx,
		ns_t_ptr, ns_t_spf };
	const struct asked *a = dns_of->hook;

	(void)r;
	for (uint32_t i = 0; i < a->n && i < 20; i++) {
		char *name = strndup(a->answers[i].name.ptr,
		    a->answers[i].name.len);

		for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++)
			fake_look(name, types[k]);
		free(name);
	}
	fake_look("nobody.has.asked.example", ns_t_txt);
	fake_look("", ns_t_a);
	*response = NULL;
	return a->n % 2 == 0 ? SPF_E_DNS_ERROR : SPF_E_SUCCESS;
}

static SPF_result_t
fake_response_result(SPF_response_t *r)
{
	(void)r;
	return SPF_RESULT_PASS;
}

static void
fake_response_free(SPF_response_t *r)
{
	(void)r;
}

static const char *
fake_strresult(SPF_result_t r)
{
	(void)r;
	return "pass";
}

/* fake_respond - a word and nothing else */
static int
fake_respond(weir_request *r, const void *p, size_t n)
{
	(void)r;
	expect(n > 0 && n < sizeof(said));
	memcpy(said, p, n);
	return WEIR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct weir_helper_host fake = { .size = sizeof(fake),
		.respond = fake_respond };
	char *copy = malloc(size + 1);

	host = &fake;
#define FAKE(name) lib.name = fake_##name;
#define fake_dns_rr_new_init fake_rr_new_init
#define fake_dns_rr_buf_realloc fake_rr_buf_realloc
#define fake_dns_rr_free fake_rr_free
	HELPER_SYMBOLS(FAKE)
	/* exactly as many octets: an overrun is seen */
	memcpy(copy, data, size);
	(void)helper_run(NULL, NULL, (weir_str){ copy, size }, -1);
	free(copy);
	return 0;
}

#else

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return 0;
}

#endif
