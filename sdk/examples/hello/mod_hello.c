/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello - reject clients that say a HELO of a list.
 *
 * Shows: the descriptor, an option, a finding in collect, a verdict in decide.
 */
#include <strings.h>

#include <weir/weir.h>

/* One process, one configuration: a module may keep its state like this, or
   make it in create and get it back in each callback as `state`. */
static const struct weir_host *host;
static const weir_conf *conf;

enum { OPTION_NAMES };

static const struct weir_option options[] = {
	[OPTION_NAMES] = { .name = "names", .type = WEIR_OPT_LIST,
	    .fallback = "bad.example", .help = "HELOs that are rejected." },
	{ .name = NULL },
};

enum { SYMBOL_HELO };

static const struct weir_symbol symbols[] = {
	[SYMBOL_HELO] = { "HELLO_HELO", "The HELO is one of the list.", 5.0 },
	{ NULL, NULL, 0 },
};

/* collect_helo - look, and say what was seen */
static int
collect_helo(void *state, weir_call *call)
{
	const weir_str *names;
	uint32_t n = host->conf_list(conf, OPTION_NAMES, &names);
	weir_str helo;

	(void)state;
	if (host->attr_get(call, WEIR_A_HELO, WEIR_RCPT_NONE, &helo) < 0)
		return WEIR_OK;
	for (uint32_t i = 0; i < n; i++) {
		if (helo.len == names[i].len &&
		    strncasecmp(helo.ptr, names[i].ptr, helo.len) == 0) {
			host->fact_set(call, WEIR_RCPT_NONE, "hello.helo",
			    helo);
			return host->finding(call, SYMBOL_HELO,
			    WEIR_RCPT_NONE, 1.0, helo);
		}
	}
	return WEIR_OK;
}

/* decide_helo - state a verdict on what was seen */
static int
decide_helo(void *state, weir_call *call)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_SESSION,
		.rcpt = WEIR_RCPT_NONE, .smtp_code = 550,
		.enhanced = "5.7.1", .text = "We do not take that HELO" };
	weir_str helo;

	(void)state;
	if (host->fact_get(call, WEIR_RCPT_NONE, "hello.helo", &helo) < 0)
		return WEIR_OK;
	return host->verdict(call, &v);
}

/* create - once in each process, before any mail */
static int
create(const struct weir_host *h, weir_self *self, const weir_conf *c,
    void **state)
{
	(void)self;
	(void)state;
	host = h;
	conf = c;
	return WEIR_OK;
}

static const struct weir_stages collect = { .size = sizeof(collect),
	.helo = collect_helo };
static const struct weir_stages decide = { .size = sizeof(decide),
	.helo = decide_helo };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.hello",
	.name = "hello",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Rejects clients by their HELO.",
	.options = options,
	.symbols = symbols,
	.collect = &collect,
	.decide = &decide,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_hello, module)
