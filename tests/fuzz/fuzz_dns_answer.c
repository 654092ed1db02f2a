/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_dns_answer - raw DNS answers.
 *
 * The question is taken from the message itself, so that the reader gets past
 * it; what comes out must keep the promises of dns/answer.h and dns/name.h.
 */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* check_name - text made of a name reads back as the same name */
static void
check_name(weir_str text)
{
	struct dns_name name;
	char again[DNS_NAME_TEXT_MAX];

	if (text.len == 0) /* the root */
		return;
	expect(dns_name_parse(text.ptr, text.len, &name) == WEIR_OK);
	expect(dns_name_print(&name, again) == text.len);
	expect(memcmp(again, text.ptr, text.len) == 0);
	for (size_t i = 0; i < text.len; i++)
		expect(text.ptr[i] > ' ' && text.ptr[i] < 0x7f);
}

/* check_result - what every good answer has */
static void
check_result(struct dns_result *r, uint16_t type)
{
	const struct weir_dns_answer *a = &r->answer;

	expect(a->status == (a->count > 0 ? WEIR_OK : WEIR_E_NOTFOUND));
	expect(a->count <= DNS_ANSWER_RR_MAX);
	expect(pool_used(r->pool) <= DNS_ANSWER_POOL + 4096);
	expect(r->ttl <= (a->count > 0 ? DNS_TTL_MAX : DNS_TTL_NEGATIVE_MAX));
	for (uint32_t i = 0; i < a->count; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);

		expect(rr->type == type && rr->data.ptr[rr->data.len] == '\0');
		if (type == WEIR_DNS_PTR || type == WEIR_DNS_MX ||
		    type == WEIR_DNS_NS || type == WEIR_DNS_CNAME)
			check_name(rr->data);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_result *r;
	struct dns_name name;
	uint16_t type = WEIR_DNS_A, rcode;
	const char *why;
	size_t off = 12;

	if (size > 65535)
		return 0;
	if (dns_name_read(data, size, &off, &name) == WEIR_OK &&
	    size - off >= 2)
		type = (uint16_t)(data[off] << 8 | data[off + 1]);
	else
		expect(dns_name_parse("q.example", 9, &name) == WEIR_OK);
	if (dns_answer_parse(data, size, &name, type, &rcode, &r, &why) ==
	    WEIR_OK)
		check_result(r, type);
	else
		expect(r == NULL && strlen(why) > 0);
	dns_result_unref(&r);
	return 0;
}
