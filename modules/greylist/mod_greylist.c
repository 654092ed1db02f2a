/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mod_greylist - defer the first attempt of strangers.
 *
 * Runs in decide at rcpt: what the checks found at connect, helo and mail is
 * known by then.  This file holds options, descriptor and start.
 */
#include "greylist.h"

#include <stdlib.h>

static const struct weir_option greylist_options[] = {
	[OPT_ENABLED] = { "enabled", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "no: nobody is deferred, what is stored is kept.", NULL },
	[OPT_DELAY] = { "delay", WEIR_OPT_DURATION, 0, "3m", "1s", "1d", NULL,
	    "How long a first attempt is deferred.", NULL },
	[OPT_RETRY_WINDOW] = { "retry_window", WEIR_OPT_DURATION, 0, "2d",
	    "1m", "30d", NULL,
	    "How long after its first attempt a sender may come back.", NULL },
	[OPT_LIFETIME] = { "lifetime", WEIR_OPT_DURATION, 0, "36d", "1h",
	    "1000d", NULL,
	    "How long a tuple that passed is remembered; each pass renews it.",
	    NULL },
	[OPT_MASK4] = { "mask4", WEIR_OPT_INT, 0, "24", "8", "32", NULL,
	    "Bits of an IPv4 address that make the netblock.", NULL },
	[OPT_MASK6] = { "mask6", WEIR_OPT_INT, 0, "64", "16", "128", NULL,
	    "Bits of an IPv6 address that make the netblock.", NULL },
	[OPT_GREYLIST6] = { "greylist6", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "Greylist clients with IPv6 addresses.", NULL },
	[OPT_SPF_PASS] = { "spf_pass", WEIR_OPT_ENUM, 0, "skip", NULL, NULL,
	    "skip|key",
	    "A sender that SPF authenticated is not greylisted (skip), or is "
	    "remembered by its domain instead of its netblock (key).", NULL },
	[OPT_LEARN_AFTER] = { "learn_after", WEIR_OPT_INT, 0, "5", "0", "1000",
	    NULL,
	    "A client is not delayed any more after this many of its tuples "
	    "have passed; 0: never.", NULL },
	[OPT_LEARN_GAP] = { "learn_gap", WEIR_OPT_DURATION, 0, "1h", "0s",
	    "30d", NULL,
	    "Tuples that pass within this time of each other count as one for "
	    "learn_after.", NULL },
	[OPT_ONLY_SUSPICIOUS] = { "only_suspicious", WEIR_OPT_BOOL, 0, "no",
	    NULL, NULL, NULL,
	    "Greylist only clients without forward-confirmed name or with a "
	    "score of at least min_score.", NULL },
	[OPT_MIN_SCORE] = { "min_score", WEIR_OPT_REAL, 0, "1.0", NULL, NULL,
	    NULL, "See only_suspicious.", NULL },
	[OPT_EXEMPT_MX] = { "exempt_mx", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "Do not greylist MX hosts of the recipient's domain.",
	    NULL },
	[OPT_EXCLUDE_CLIENTS] = { "exclude_clients", WEIR_OPT_NETLIST, 0, NULL,
	    NULL, NULL, NULL, "Clients that are never greylisted.", NULL },
	[OPT_EXCLUDE_NAMES] = { "exclude_names", WEIR_OPT_LIST, 0, NULL, NULL,
	    NULL, NULL,
	    "The same by name: a host or a domain with everything below it. "
	    "Only forward-confirmed names count.", NULL },
	[OPT_EXCLUDE_SENDERS] = { "exclude_senders", WEIR_OPT_LIST, 0, NULL,
	    NULL, NULL, NULL,
	    "Senders that are never greylisted: user@domain, user@, @domain, "
	    "or domain with everything below it. Easily forged.", NULL },
	[OPT_EXCLUDE_RECIPIENTS] = { "exclude_recipients", WEIR_OPT_LIST, 0,
	    NULL, NULL, NULL, NULL,
	    "Recipients whose mail is never greylisted, written like senders.",
	    NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol greylist_symbols[] = {
	{ "GREYLIST_DEFERRED",
	    "The first attempt of this client, sender and recipient.", 0.0 },
	{ NULL, NULL, 0 }
};

static const char *const greylist_needs[] = { WEIR_EXT_DNS, WEIR_EXT_STORE,
	WEIR_EXT_METRIC, WEIR_EXT_CONTROL, NULL };
static const char *const greylist_after[] = { "spf", "rbl", NULL };

/* How states are counted: several share a metric. */
static const char *const greylist_metrics[GREYLIST_STATES] = {
	[GREYLIST_EXCLUDED] = "excluded", [GREYLIST_SPF] = "excluded",
	[GREYLIST_TRUSTED] = "excluded", [GREYLIST_MX] = "excluded",
	[GREYLIST_KNOWN] = "known", [GREYLIST_PASSED] = "passed",
	[GREYLIST_NEW] = "deferred", [GREYLIST_EARLY] = "deferred",
	[GREYLIST_FAILED] = "failed"
};
static const struct {
	enum greylist_state state;
	const char *label;
} greylist_labels[] = {
	{ GREYLIST_EXCLUDED, "by=\"list\"" },
	{ GREYLIST_SPF, "by=\"spf\"" },
	{ GREYLIST_TRUSTED, "by=\"trust\"" },
	{ GREYLIST_MX, "by=\"mx\"" },
	{ GREYLIST_NEW, "attempt=\"new\"" },
	{ GREYLIST_EARLY, "attempt=\"early\"" }
};

/* greylist_count - register one counter per state that has one */
static void
greylist_count(struct greylist *g)
{
	const char *label;

	for (int i = 0; i < GREYLIST_STATES; i++) {
		g->metric_state[i] = -1;
		if (greylist_metrics[i] == NULL)
			continue;
		label = NULL;
		for (size_t k = 0; k < sizeof(greylist_labels) /
		     sizeof(greylist_labels[0]); k++)
			if ((int)greylist_labels[k].state == i)
				label = greylist_labels[k].label;
		g->metric_state[i] = g->metric->counter(g->self,
		    greylist_metrics[i], label, "Recipients by outcome.");
	}
	g->metric_delay = g->metric->histogram(g->self, "delay_seconds", NULL,
	    "From the first attempt of a tuple to the first that passed.");
}

/* greylist_create - read the options; refuse what contradicts itself */
static int
greylist_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct greylist *g = calloc(1, sizeof(*g));
	int status;

	if (g == NULL)
		return WEIR_E_NOMEM;
	g->host = host;
	g->self = self;
	g->conf = conf;
	g->dns = host->ext(self, WEIR_EXT_DNS);
	g->store = host->ext(self, WEIR_EXT_STORE);
	g->metric = host->ext(self, WEIR_EXT_METRIC);
	g->control = host->ext(self, WEIR_EXT_CONTROL);
	g->times.delay = host->conf_int(conf, OPT_DELAY);
	g->times.window = host->conf_int(conf, OPT_RETRY_WINDOW);
	g->times.lifetime = host->conf_int(conf, OPT_LIFETIME);
	g->learn.after = (uint32_t)host->conf_int(conf, OPT_LEARN_AFTER);
	g->learn.gap = host->conf_int(conf, OPT_LEARN_GAP);
	g->learn.lifetime = g->times.lifetime;
	g->mask4 = (int)host->conf_int(conf, OPT_MASK4);
	g->mask6 = (int)host->conf_int(conf, OPT_MASK6);
	if (g->times.window <= g->times.delay) {
		host->log(self, NULL, WEIR_LOG_ERROR,
		    WEIR_STR("retry_window must be longer than delay"));
		free(g);
		return WEIR_E_INVAL;
	}
	if (!host->conf_bool(conf, OPT_ENABLED))
		host->skip(self, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT);
	greylist_count(g);
	status = command_register(g);
	if (status != WEIR_OK) {
		free(g);
		return status;
	}
	*state = g;
	return WEIR_OK;
}

/* greylist_destroy - the end of the process */
static void
greylist_destroy(void *state)
{
	free(state);
}

/* greylist_attr - an attribute, or the empty slice */
weir_str
greylist_attr(const struct greylist *g, weir_call *call, uint32_t attr,
    uint32_t rcpt)
{
	weir_str value;

	if (g->host->attr_get(call, attr, rcpt, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* greylist_identity - by SPF, by confirmed name, by netblock */
void
greylist_identity(const struct greylist *g, weir_call *call, uint32_t rcpt,
    char *out, size_t size)
{
	weir_str addr = greylist_attr(g, call, WEIR_A_CLIENT_ADDR_BIN,
	    WEIR_RCPT_NONE);
	const unsigned char *bin = (const unsigned char *)addr.ptr;
	weir_str spf;

	*out = '\0';
	if (addr.len != 4 && addr.len != 16)
		return;
	if (g->host->fact_get(call, rcpt, "spf.result", &spf) == WEIR_OK &&
	    weir_str_eq(spf, "pass") &&
	    g->host->fact_get(call, rcpt, "spf.domain", &spf) == WEIR_OK &&
	    spf.len > 0) {
		tuple_spf(out, size, spf);
		return;
	}
	if (tuple_domain(out, size, greylist_attr(g, call, WEIR_A_CLIENT_NAME,
	    WEIR_RCPT_NONE), bin, addr.len))
		return;
	tuple_netblock(out, size, bin, addr.len, g->mask4, g->mask6);
}

static const struct weir_stages greylist_decide = {
	.size = sizeof(struct weir_stages),
	.rcpt = check_rcpt
};

static const struct weir_module greylist_module = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.greylist",
	.name = "greylist",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "defers the first attempt of strangers",
	.options = greylist_options,
	.symbols = greylist_symbols,
	.needs = greylist_needs,
	.after = greylist_after,
	.decide = &greylist_decide,
	.create = greylist_create,
	.destroy = greylist_destroy
};

WEIR_MODULE_EXPORT(mod_greylist, greylist_module)
