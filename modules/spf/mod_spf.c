/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_spf - Sender Policy Framework: options, descriptor and start. */
#include "spf.h"

#include <stdlib.h>

static const struct weir_option spf_forwarder_options[] = {
	[FORWARDER_OPT_CLIENTS] = { "clients", WEIR_OPT_NETLIST, 0, NULL,
	    NULL, NULL, NULL, "Addresses of the forwarder.", NULL },
	[FORWARDER_OPT_NAMES] = { "names", WEIR_OPT_LIST, 0, NULL, NULL, NULL,
	    NULL,
	    "The same by name: hosts or domains with everything below them. "
	    "Only forward-confirmed names count.", NULL },
	[FORWARDER_OPT_SENDERS] = { "senders", WEIR_OPT_LIST, 0, NULL, NULL,
	    NULL, NULL,
	    "It is trusted for these senders only: user@domain, user@, "
	    "@domain, or domain with everything below it.", NULL },
	[FORWARDER_OPT_RECIPIENTS] = { "recipients", WEIR_OPT_LIST, 0, NULL,
	    NULL, NULL, NULL,
	    "It is trusted for mail to these recipients only, written like "
	    "senders.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* One option that says what a result entails. */
#define ACTION_ROW(name, fallback, help) \
	{ name, WEIR_OPT_ENUM, 0, fallback, NULL, NULL, SPF_ACTION_CHOICES, \
	    help, NULL }

static const struct weir_option spf_options[] = {
	[OPT_ENABLED] = { "enabled", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "no: nothing is looked up.", NULL },
	[OPT_FAIL] = ACTION_ROW("fail", "reject",
	    "What follows when the sender's domain forbids the client: "
	    "nothing, a finding with its score, or refusal at RCPT, too."),
	[OPT_SOFTFAIL] = ACTION_ROW("softfail", "finding",
	    "The same when the domain would rather not allow the client."),
	[OPT_NEUTRAL] = ACTION_ROW("neutral", "finding",
	    "The same when the domain says nothing about the client."),
	[OPT_NONE] = ACTION_ROW("none", "none",
	    "The same when the domain has no record."),
	[OPT_PERMERROR] = ACTION_ROW("permerror", "finding",
	    "The same when the record is in error."),
	[OPT_TEMPERROR] = ACTION_ROW("temperror", "finding",
	    "The same when the DNS does not answer."),
	[OPT_CHECK_HELO] = { "check_helo", WEIR_OPT_BOOL, 0, "no", NULL, NULL,
	    NULL,
	    "Check the HELO name as well, when there is a sender; without "
	    "one it is checked anyway.", NULL },
	[OPT_HELO_FAIL] = ACTION_ROW("helo_fail", "finding",
	    "What follows when check_helo says fail."),
	[OPT_RECEIVED_SPF] = { "received_spf", WEIR_OPT_BOOL, 0, "yes", NULL,
	    NULL, NULL, "Add the header field Received-SPF.", NULL },
	[OPT_EXEMPT_MX] = { "exempt_mx", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "Do not refuse MX hosts of the recipient's domain.", NULL },
	[OPT_TIME_LIMIT] = { "time_limit", WEIR_OPT_DURATION, 0, "8s",
	    "100ms", "2m", NULL,
	    "How long an evaluation may take before it is a temperror; "
	    "shorter than the module's timeout.", NULL },
	[OPT_CROSS_CHECK] = { "cross_check", WEIR_OPT_BOOL, 0, "no", NULL,
	    NULL, NULL,
	    "Ask libspf2 as well, in a process of its own.  What it says is "
	    "recorded (fact spf.cross, metric cross_checks) and has no "
	    "consequence.", NULL },
	[OPT_EXCLUDE_CLIENTS] = { "exclude_clients", WEIR_OPT_NETLIST, 0, NULL,
	    NULL, NULL, NULL, "Clients that are not checked.", NULL },
	[OPT_EXCLUDE_NAMES] = { "exclude_names", WEIR_OPT_LIST, 0, NULL, NULL,
	    NULL, NULL,
	    "The same by name: a host or a domain with everything below it. "
	    "Only forward-confirmed names count.", NULL },
	[OPT_EXCLUDE_SENDERS] = { "exclude_senders", WEIR_OPT_LIST, 0, NULL,
	    NULL, NULL, NULL,
	    "Senders that are not checked: user@domain, user@, @domain, or "
	    "domain with everything below it. Easily forged.", NULL },
	[OPT_EXCLUDE_RECIPIENTS] = { "exclude_recipients", WEIR_OPT_LIST, 0,
	    NULL, NULL, NULL, NULL,
	    "Recipients whose mail is not refused, written like senders.",
	    NULL },
	[OPT_FORWARDER] = { "forwarder", WEIR_OPT_SECTION, 0, NULL, NULL,
	    NULL, NULL,
	    "Hosts that forward mail of others to us: results other than "
	    "pass are recorded, but do not count.", spf_forwarder_options },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol spf_symbols[] = {
	[SPF_RESULT_NONE] = { "SPF_NONE",
	    "The sender's domain has no SPF record.", 0.0 },
	[SPF_RESULT_NEUTRAL] = { "SPF_NEUTRAL",
	    "The sender's domain says nothing about the client.", 0.0 },
	[SPF_RESULT_PASS] = { "SPF_PASS",
	    "The sender's domain permits the client.", 0.0 },
	[SPF_RESULT_FAIL] = { "SPF_FAIL",
	    "The sender's domain forbids the client.", 4.0 },
	[SPF_RESULT_SOFTFAIL] = { "SPF_SOFTFAIL",
	    "The sender's domain would rather not allow the client.", 1.0 },
	[SPF_RESULT_TEMPERROR] = { "SPF_TEMPERROR",
	    "The DNS did not answer.", 0.0 },
	[SPF_RESULT_PERMERROR] = { "SPF_PERMERROR",
	    "The SPF record of the sender's domain is in error.", 0.5 },
	[SYMBOL_HELO_FAIL] = { "SPF_HELO_FAIL",
	    "The HELO name's domain forbids the client.", 1.0 },
	[SYMBOL_OVERRIDE] = { "SPF_OVERRIDE",
	    "A result that does not count, and why.", 0.0 },
	{ NULL, NULL, 0 }
};

static const char *const spf_needs[] = { WEIR_EXT_DNS, WEIR_EXT_EDIT,
	WEIR_EXT_METRIC, WEIR_EXT_CONTROL, NULL };

/* spf_attr - an attribute, or the empty slice */
weir_str
spf_attr(const struct spf *m, weir_call *call, uint32_t attr, uint32_t rcpt)
{
	weir_str value;

	if (m->host->attr_get(call, attr, rcpt, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* spf_free - the end of the process */
static void
spf_free(void *state)
{
	struct spf *m = state;

	free(m->forwarders);
	free(m);
}

/* spf_load_forwarders - the sections */
static int
spf_load_forwarders(struct spf *m)
{
	const struct weir_host *host = m->host;
	const weir_str *items;

	m->nforwarders = host->conf_sections(m->conf, OPT_FORWARDER);
	m->forwarders = calloc(m->nforwarders + 1, sizeof(*m->forwarders));
	if (m->forwarders == NULL)
		return WEIR_E_NOMEM;
	for (uint32_t i = 0; i < m->nforwarders; i++) {
		struct spf_forwarder *f = &m->forwarders[i];

		f->conf = host->conf_section(m->conf, OPT_FORWARDER, i,
		    &f->title);
		f->by_recipient = host->conf_list(f->conf,
		    FORWARDER_OPT_RECIPIENTS, &items) > 0;
	}
	return WEIR_OK;
}

/* spf_load - all options */
static int
spf_load(struct spf *m)
{
	static const uint32_t rows[SPF_RESULTS] = {
		[SPF_RESULT_NONE] = OPT_NONE,
		[SPF_RESULT_NEUTRAL] = OPT_NEUTRAL,
		[SPF_RESULT_FAIL] = OPT_FAIL,
		[SPF_RESULT_SOFTFAIL] = OPT_SOFTFAIL,
		[SPF_RESULT_TEMPERROR] = OPT_TEMPERROR,
		[SPF_RESULT_PERMERROR] = OPT_PERMERROR
	};
	const struct weir_host *host = m->host;

	for (int i = 0; i < SPF_RESULTS; i++)
		m->actions[i] = i == SPF_RESULT_PASS ? SPF_ACTION_FINDING
		    : (enum spf_action)host->conf_int(m->conf, rows[i]);
	m->helo_fail = (enum spf_action)host->conf_int(m->conf,
	    OPT_HELO_FAIL);
	m->check_helo = host->conf_bool(m->conf, OPT_CHECK_HELO);
	m->exempt_mx = host->conf_bool(m->conf, OPT_EXEMPT_MX);
	m->timeout_ms = host->conf_int(m->conf, OPT_TIME_LIMIT);
	return spf_load_forwarders(m);
}

/* spf_count - register the metrics */
static void
spf_count(struct spf *m)
{
	static const char *const labels[SPF_RESULTS] = {
		[SPF_RESULT_NONE] = "result=\"none\"",
		[SPF_RESULT_NEUTRAL] = "result=\"neutral\"",
		[SPF_RESULT_PASS] = "result=\"pass\"",
		[SPF_RESULT_FAIL] = "result=\"fail\"",
		[SPF_RESULT_SOFTFAIL] = "result=\"softfail\"",
		[SPF_RESULT_TEMPERROR] = "result=\"temperror\"",
		[SPF_RESULT_PERMERROR] = "result=\"permerror\""
	};
	static const char *const ends[SPF_CROSS_ENDS] = {
		[SPF_CROSS_AGREES] = "end=\"agrees\"",
		[SPF_CROSS_DIFFERS] = "end=\"differs\"",
		[SPF_CROSS_NOT_ASKED] = "end=\"not-asked\"",
		[SPF_CROSS_FAILED] = "end=\"failed\""
	};

	for (int i = 0; i < SPF_RESULTS; i++)
		m->metric_result[i] = m->metric->counter(m->self, "checks",
		    labels[i], "Evaluations by result.");
	m->metric_override = m->metric->counter(m->self, "overrides", NULL,
	    "Results that did not count.");
	m->metric_lookups = m->metric->counter(m->self, "lookups", NULL,
	    "DNS questions of all evaluations.");
	for (int i = 0; i < SPF_CROSS_ENDS; i++)
		m->metric_cross[i] = m->metric->counter(m->self,
		    "cross_checks", ends[i], "Answers of libspf2.");
	m->metric_seconds = m->metric->histogram(m->self, "check_seconds",
	    NULL, "How long evaluations took.");
}

/* spf_skip - stages that these options have no use for */
static void
spf_skip(const struct spf *m)
{
	const struct weir_host *host = m->host;
	bool off = !host->conf_bool(m->conf, OPT_ENABLED), by_recipient = false;

	for (uint32_t i = 0; i < m->nforwarders; i++)
		by_recipient = by_recipient || m->forwarders[i].by_recipient;
	if (off) {
		host->skip(m->self, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL);
		host->skip(m->self, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT);
	}
	if (off || !by_recipient)
		host->skip(m->self, WEIR_PHASE_COLLECT, WEIR_STAGE_RCPT);
	if (off || !host->conf_bool(m->conf, OPT_RECEIVED_SPF)) {
		host->skip(m->self, WEIR_PHASE_ACT, WEIR_STAGE_RCPT);
		host->skip(m->self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
	}
}

/* spf_cross_create - is libspf2 to be asked, and can it be? */
static int
spf_cross_create(struct spf *m)
{
	if (!m->host->conf_bool(m->conf, OPT_CROSS_CHECK))
		return WEIR_OK;
	m->remote = m->host->ext(m->self, WEIR_EXT_REMOTE);
	if (m->remote != NULL && spf_helpers[0] != NULL)
		return WEIR_OK;
	m->host->log(m->self, NULL, WEIR_LOG_ERROR,
	    WEIR_STR("cross_check: this Weir was built without libspf2"));
	return WEIR_E_UNSUPPORTED;
}

/* spf_create - read the options */
static int
spf_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct spf *m = calloc(1, sizeof(*m));
	int status;

	if (m == NULL)
		return WEIR_E_NOMEM;
	m->host = host;
	m->self = self;
	m->conf = conf;
	m->dns = host->ext(self, WEIR_EXT_DNS);
	m->edit = host->ext(self, WEIR_EXT_EDIT);
	m->metric = host->ext(self, WEIR_EXT_METRIC);
	m->control = host->ext(self, WEIR_EXT_CONTROL);
	status = spf_load(m);
	if (status == WEIR_OK)
		status = spf_cross_create(m);
	if (status == WEIR_OK)
		status = spf_command_register(m);
	if (status == WEIR_OK)
		status = spf_rule_register(m);
	if (status != WEIR_OK) {
		spf_free(m);
		return status;
	}
	spf_count(m);
	spf_skip(m);
	*state = m;
	return WEIR_OK;
}

static const struct weir_stages spf_collect = {
	.size = sizeof(struct weir_stages),
	.mail = spf_check_mail,
	.rcpt = spf_check_rcpt
};
static const struct weir_stages spf_decide = {
	.size = sizeof(struct weir_stages),
	.rcpt = spf_decide_rcpt
};
static const struct weir_stages spf_act = {
	.size = sizeof(struct weir_stages),
	.rcpt = spf_header_rcpt,
	.eom = spf_header_eom
};

static const struct weir_module spf_module = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.spf",
	.name = "spf",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "checks whether the sender's domain permits the client",
	.options = spf_options,
	.symbols = spf_symbols,
	.needs = spf_needs,
	.collect = &spf_collect,
	.decide = &spf_decide,
	.act = &spf_act,
	.create = spf_create,
	.destroy = spf_free,
	.helpers = spf_helpers
};

WEIR_MODULE_EXPORT(mod_spf, spf_module)
