/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_disclaimer - put texts into any mail.
 *
 * The first octet says what kind of texts, the rest is the mail.  What comes
 * out must hold all that went in, unless a base64 part was written anew, and
 * its fields must be such that no value ends one.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/pool.h"
#include "base/text.h"
#include "lua/disclaimer.h"
#include "mail/mime.h"

#define FIELDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The mail of this run. */
static struct mime *mime;
static weir_str raw;
static struct field {
	weir_str name, value;
} fields[FIELDS_MAX];
static uint32_t nfields;

static int
get_raw(weir_call *call, weir_str *out)
{
	(void)call;
	*out = raw;
	return WEIR_OK;
}

static int
get_count(weir_call *call, uint32_t *out)
{
	(void)call;
	*out = mime_part_count(mime);
	return WEIR_OK;
}

static int
get_part(weir_call *call, uint32_t part, struct weir_mime_part *out)
{
	(void)call;
	return mime_part(mime, part, out);
}

static int
get_data(weir_call *call, uint32_t part, size_t max, weir_str *out)
{
	(void)call;
	return mime_part_data(mime, part, max, out);
}

static int
get_anomalies(weir_call *call, uint32_t *out)
{
	(void)call;
	*out = mime_anomaly_count(mime);
	return WEIR_OK;
}

static int
get_anomaly(weir_call *call, uint32_t i, uint32_t *code, weir_str *detail)
{
	(void)call;
	return mime_anomaly_at(mime, i, code, detail);
}

static uint32_t
get_fields(weir_call *call, const char *name)
{
	(void)call;
	expect(name == NULL);
	return nfields;
}

static int
get_field(weir_call *call, const char *name, uint32_t i, weir_str *n,
    weir_str *v)
{
	(void)call;
	expect(name == NULL && i < nfields);
	*n = fields[i].name;
	*v = fields[i].value;
	return WEIR_OK;
}

/* read_fields - as the MTA would hand them over: names, and values whose only
   line ends are folds */
static void
read_fields(void)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;

	nfields = 0;
	while (p < end && nfields < FIELDS_MAX && *p != '\r' && *p != '\n') {
		const char *line = p, *colon, *stop;

		do {
			stop = memchr(p, '\n', (size_t)(end - p));
			p = stop != NULL ? stop + 1 : end;
		} while (p < end && (*p == ' ' || *p == '\t'));
		stop = p;
		while (stop > line && (stop[-1] == '\n' || stop[-1] == '\r'))
			stop--;
		colon = memchr(line, ':', (size_t)(stop - line));
		if (colon == NULL || colon == line)
			continue;
		fields[nfields].name = (weir_str){ line,
			(size_t)(colon - line) };
		fields[nfields++].value = (weir_str){ colon + 1,
			(size_t)(stop - colon - 1) };
	}
}

/* check_result - fields are fields, and nothing of the body is lost */
static void
check_result(const struct disclaimer_result *r, const char *plain)
{
	struct weir_mime_part p = { .size = sizeof(p) };
	bool anew = false;

	for (size_t i = 0; i < r->fields.n; i++) {
		const char *v = r->fields.v[i].value;

		expect(r->fields.v[i].name[0] != '\0');
		for (; v != NULL && *v != '\0'; v++)
			expect(*v != '\r' && (*v != '\n' || v[1] == ' '));
	}
	for (uint32_t i = 0; i < mime_part_count(mime); i++) {
		expect(mime_part(mime, i, &p) == WEIR_OK);
		anew |= p.encoding != 0;
	}
	expect(mime_part(mime, 0, &p) == WEIR_OK);
	if (anew)
		return;
	expect(r->body.len > raw.len - (size_t)p.raw_offset);
	expect(memmem(r->body.ptr, r->body.len, plain, strlen(plain)) != NULL);
}

/* LLVMFuzzerTestOneInput - the target */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits limits = { 50, 4096, 40, 6, 65536,
		20 };
	static const struct weir_mime table = { .raw = get_raw,
		.part_count = get_count, .part = get_part,
		.part_data = get_data, .anomaly_count = get_anomalies,
		.anomaly_at = get_anomaly };
	static const struct weir_host host = { .header_count = get_fields,
		.header_at = get_field };
	static bool ready;
	struct disclaimer list[2] = { { .text = WEIR_STR("Notice-7261\nend"),
		.separator = WEIR_STR("--") },
		{ .text = WEIR_STR("Gr\xc3\xbc\xc3\x9f" "e"), .html =
		WEIR_STR("<b>\xc3\xbc</b>") } };
	struct disclaimer_result r = { .body = BUF_INIT };
	struct pool *pool;

	if (size < 2)
		return 0;
	list[0].top = (data[0] & 1) != 0;
	list[1].top = (data[0] & 2) != 0;
	if (!ready)
		mime_init();
	ready = true;
	raw = (weir_str){ (const char *)data + 1, size - 1 };
	pool = pool_create(4096, 0);
	mime = mime_parse(pool, raw, &limits);
	read_fields();
	if (disclaimer_refusal(&table, NULL) == NULL &&
	    disclaimer_build(&host, &table, NULL, list,
		(data[0] & 4) != 0 ? 2 : 1, &r) == WEIR_OK)
		check_result(&r, "Notice-7261");
	disclaimer_result_fini(&r);
	pool_destroy(&pool);
	return 0;
}
