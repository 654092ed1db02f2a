/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * benchmime - a module that reads all there is of a message: every header,
 * every body chunk, every part with its names and content; then the text of
 * text parts; then links and anomalies.  For the benchmark and for tests; it
 * has no opinion.
 */
#include <weir/weir.h>

#define DECODE_MAX (8u << 20)

struct benchmime {
	const struct weir_host *host;
	const struct weir_mime *mime;
	int64_t depth;
};

enum { SYMBOL_UNREAD = 0 };
enum { OPTION_DEPTH = 0 };
enum { DEPTH_DATA = 0, DEPTH_TEXT = 1, DEPTH_ALL = 2 };

static const struct weir_option benchmime_options[] = {
	{ .name = "depth", .type = WEIR_OPT_ENUM, .fallback = "all",
	    .choices = "data|text|all",
	    .help = "How much of each message is asked for." },
	{ .name = NULL },
};

static const struct weir_symbol benchmime_symbols[] = {
	{ "BENCHMIME_UNREAD", "A part could not be read.", 0 },
	{ NULL, NULL, 0 },
};

static const char *const benchmime_needs[] = { WEIR_EXT_MIME, NULL };

/* benchmime_part - ask everything about one part; false: something failed */
static bool
benchmime_part(const struct benchmime *b, weir_call *call, uint32_t index,
    uint64_t *octets)
{
	struct weir_mime_part part = { .size = sizeof(part) };
	weir_str out;
	uint32_t i;
	int status;

	if (b->mime->part(call, index, &part) != WEIR_OK)
		return false;
	for (i = 0; i < part.names; i++) {
		if (b->mime->part_name(call, index, i, &out) != WEIR_OK)
			return false;
	}
	if ((part.flags & WEIR_MIME_LEAF) == 0)
		return true;
	status = b->mime->part_data(call, index, DECODE_MAX, &out);
	if (status != WEIR_OK && status != WEIR_E_LIMIT)
		return false;
	*octets += out.len;
	if ((part.flags & WEIR_MIME_TEXT) == 0 || b->depth < DEPTH_TEXT)
		return true;
	status = b->mime->part_text(call, index, DECODE_MAX, &out);
	if (status != WEIR_OK && status != WEIR_E_LIMIT)
		return false;
	*octets += out.len;
	return true;
}

/* benchmime_number - a decimal number as a slice */
static weir_str
benchmime_number(uint64_t n, char room[21])
{
	char *p = room + 20;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return (weir_str){ p, (size_t)(room + 20 - p) };
}

/* benchmime_rest - links and anomalies; how many could not be read */
static uint32_t
benchmime_rest(const struct benchmime *b, weir_call *call)
{
	uint32_t unread = 0;
	uint32_t code;
	uint32_t n;
	uint32_t i;
	weir_str out;

	if (b->mime->link_count(call, &n) != WEIR_OK)
		return 1;
	for (i = 0; i < n; i++)
		unread += b->mime->link_at(call, i, &out) != WEIR_OK;
	if (b->mime->anomaly_count(call, &n) != WEIR_OK)
		return unread + 1;
	for (i = 0; i < n; i++)
		unread += b->mime->anomaly_at(call, i, &code, &out) != WEIR_OK;
	return unread;
}

/* benchmime_eom - walk over everything and state how much there was */
static int
benchmime_eom(void *state, weir_call *call)
{
	const struct benchmime *b = state;
	uint64_t octets = 0;
	uint32_t unread = 0;
	uint32_t count;
	uint32_t n;
	uint32_t i;
	char room[21];
	weir_str out;
	weir_str value;
	int status;

	status = b->mime->part_count(call, &count);
	if (status != WEIR_OK)
		return status;
	for (i = 0; i < count; i++)
		unread += !benchmime_part(b, call, i, &octets);
	n = b->host->header_count(call, NULL);
	for (i = 0; i < n; i++) {
		if (b->host->header_at(call, NULL, i, &out, &value) != WEIR_OK)
			unread++;
	}
	if (b->depth == DEPTH_ALL)
		unread += benchmime_rest(b, call);
	b->host->fact_set(call, WEIR_RCPT_NONE, "benchmime.parts",
	    benchmime_number(count, room));
	b->host->fact_set(call, WEIR_RCPT_NONE, "benchmime.octets",
	    benchmime_number(octets, room));
	if (unread != 0)
		b->host->finding(call, SYMBOL_UNREAD, WEIR_RCPT_NONE, 1.0,
		    benchmime_number(unread, room));
	return WEIR_OK;
}

/* benchmime_header - be told of each header */
static int
benchmime_header(void *state, weir_call *call, weir_str name, weir_str value)
{
	(void)state;
	(void)call;
	(void)name;
	(void)value;
	return WEIR_OK;
}

/* benchmime_body - be told of each chunk */
static int
benchmime_body(void *state, weir_call *call, weir_str chunk)
{
	(void)state;
	(void)call;
	(void)chunk;
	return WEIR_OK;
}

static struct benchmime benchmime_state;

/* benchmime_create - find the tables */
static int
benchmime_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	benchmime_state.host = host;
	benchmime_state.depth = host->conf_int(conf, OPTION_DEPTH);
	benchmime_state.mime = host->ext(self, WEIR_EXT_MIME);
	*state = &benchmime_state;
	return WEIR_OK;
}

/* benchmime_destroy - nothing is held */
static void
benchmime_destroy(void *state)
{
	(void)state;
}

static const struct weir_stages benchmime_collect = {
	.size = sizeof(struct weir_stages),
	.header = benchmime_header,
	.body = benchmime_body,
	.eom = benchmime_eom,
};

static const struct weir_module benchmime_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "weir.benchmime",
	.name = "benchmime",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "reads every part of every message, for measurement",
	.options = benchmime_options,
	.symbols = benchmime_symbols,
	.needs = benchmime_needs,
	.collect = &benchmime_collect,
	.create = benchmime_create,
	.destroy = benchmime_destroy,
};

WEIR_MODULE_EXPORT(mod_benchmime, benchmime_module)
