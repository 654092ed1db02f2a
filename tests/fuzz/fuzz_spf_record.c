/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_spf_record - a record is read and printed, and evaluated in a DNS that
   says whatever the input holds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include "../../modules/spf/eval.h"

#define RECORDS 24
/* one TXT, ten terms, each MX with ten hosts; PTR with ten; explanation */
#define QUESTIONS_MAX 130

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_cut - the next piece of the input, up to a separator */
static weir_str
fuzz_cut(weir_str *in, char separator)
{
	const char *p = memchr(in->ptr, separator, in->len);
	weir_str piece = { in->ptr, p != NULL ? (size_t)(p - in->ptr)
					      : in->len };
	size_t used = piece.len + (p != NULL);

	in->ptr += used;
	in->len -= used;
	return piece;
}

/* fuzz_print - what is read prints as what reads the same */
static void
fuzz_print(weir_str text)
{
	static char first[8 * SPF_RECORD_MAX], second[8 * SPF_RECORD_MAX];
	char problem[SPF_PROBLEM_SIZE];
	struct spf_record *r;
	int n, m;

	if (spf_record_parse(text, &r, problem) != WEIR_OK) {
		expect(r == NULL && strlen(problem) < SPF_PROBLEM_SIZE);
		return;
	}
	n = spf_record_print(r, first, sizeof(first));
	spf_record_free(&r);
	/* addresses and numbers of parts may grow */
	expect(n > 0);
	if (n > SPF_RECORD_MAX)
		return;
	expect(spf_record_parse((weir_str){ first, (size_t)n }, &r,
	    problem) == WEIR_OK);
	m = spf_record_print(r, second, sizeof(second));
	spf_record_free(&r);
	expect(m == n && memcmp(first, second, (size_t)n) == 0);
}

/* fuzz_answer - one line: its first octet may be a status, "|" separates
   records */
static void
fuzz_answer(struct spf_eval *e, const struct spf_question *q, weir_str *in)
{
	struct weir_dns_rr rr[RECORDS];
	struct weir_dns_answer a = { .stride = sizeof(rr[0]), .rr = rr };
	weir_str line = fuzz_cut(in, '\n');

	memset(rr, 0, sizeof(rr));
	if (line.len == 0)
		a.status = WEIR_E_NOTFOUND;
	else if (line.ptr[0] == '!')
		a.status = WEIR_E_TIMEOUT;
	else if (line.ptr[0] == '~')
		a.status = WEIR_E_LIMIT;
	while (a.status == WEIR_OK && a.count < RECORDS && line.len > 0) {
		rr[a.count].type = q->type;
		rr[a.count++].data = fuzz_cut(&line, '|');
	}
	spf_eval_answer(e, &a);
}

/* fuzz_eval - to the end, within the limits */
static void
fuzz_eval(weir_str in, bool six)
{
	struct spf_input input = { .ip = { 192, 0, 2, 1 },
		.ip_len = six ? 16 : 4, .helo = WEIR_STR("helo.example"),
		.sender = WEIR_STR("strong-bad+x@mail.example.com"),
		.receiver = WEIR_STR("mx.example"), .now_ms = 1700000000000 };
	struct spf_eval *e = spf_eval_create(&input);
	const struct spf_outcome *o = spf_eval_outcome(e);
	struct spf_question q;
	uint32_t n = 0;

	for (; spf_eval_next(e, &q); n++) {
		expect(n < QUESTIONS_MAX);
		expect(strlen(q.name) < SPF_ESCAPED_SIZE && *q.name != '\0');
		fuzz_answer(e, &q, &in);
	}
	expect(o->lookup_count == n && o->terms <= SPF_TERMS_LIMIT);
	expect(strlen(o->explanation) < SPF_EXPLANATION_SIZE);
	for (const char *p = o->explanation; *p != '\0'; p++)
		expect(*p >= ' ' && *p < 0x7f);
	for (const char *p = o->problem; *p != '\0'; p++)
		expect(*p >= ' ' && *p < 0x7f);
	for (const struct spf_lookup *l = o->lookups; l != NULL; l = l->next)
		for (const char *p = l->data; *p != '\0'; p++)
			expect(*p == '\n' || (*p >= ' ' && *p < 0x7f));
	expect(o->result == SPF_RESULT_FAIL || o->explanation[0] == '\0');
	spf_eval_destroy(&e);
}

/* LLVMFuzzerTestOneInput - the first line is the record of the sender */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	weir_str in = { size > 0 ? (const char *)data : "", size };
	weir_str rest = in;

	fuzz_print(fuzz_cut(&rest, '\n'));
	fuzz_eval(in, false);
	fuzz_eval(in, true);
	return 0;
}
