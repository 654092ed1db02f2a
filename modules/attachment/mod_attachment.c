/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_attachment - what may be attached: options, descriptor and start. */
#include "attachment.h"

#include <stdio.h>
#include <stdlib.h>

static const struct weir_option attachment_options[] = {
	[OPT_RULE] = { "rule", WEIR_OPT_SECTION, 0, NULL, NULL, NULL, NULL,
	    "What to do with which attachments, in this order: the first rule "
	    "that an object meets decides about it. Lists that are given must "
	    "all be met.", rule_options },
	[OPT_DEFAULTS] = { "defaults", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "Built-in rules behind those of the file: programs, "
	    "scripts, shortcuts, pieces of messages are refused; active "
	    "documents, disk images, what is encrypted or beyond a limit goes "
	    "to quarantine; the rest is marked. Without them only what could "
	    "not be looked into (limit-crash, -memory, -time, -type) goes to "
	    "quarantine, unless a rule says something else.", NULL },
	[OPT_KEEP_ORIGINAL] = { "keep_original", WEIR_OPT_BOOL, 0, "yes",
	    NULL, NULL, NULL,
	    "Before an attachment is removed, replaced or renamed the mail "
	    "goes into the quarantine; if it can't, the sender is told to try "
	    "again. no: it is gone.", NULL },
	[OPT_RENAME_SUFFIX] = { "rename_suffix", WEIR_OPT_STRING, 0,
	    ".blocked", NULL, NULL, NULL,
	    "What action rename adds to a name.", NULL },
	[OPT_NOTICE] = { "notice", WEIR_OPT_STRING, 0, "", NULL, NULL, NULL,
	    "The text in place of an attachment where the rule has none; %n "
	    "%p %c %r as in text.", NULL },
	[OPT_MAX_DEPTH] = { "max_depth", WEIR_OPT_INT, 0, "5", "1", "20",
	    NULL, "Archives inside of archives that are opened; deeper ones "
	    "are limit-depth.", NULL },
	[OPT_MAX_FILES] = { "max_files", WEIR_OPT_INT, 0, "1000", "1",
	    "1000000", NULL, "Files of one archive that are looked at.",
	    NULL },
	[OPT_MAX_TOTAL_FILES] = { "max_total_files", WEIR_OPT_INT, 0, "5000",
	    "1", "1000000", NULL, "Files inside of all attachments of a mail.",
	    NULL },
	[OPT_MAX_SIZE] = { "max_size", WEIR_OPT_SIZE, 0, "25M", "1k", "100M",
	    NULL, "Larger files are judged by name and beginning only: "
	    "limit-size.", NULL },
	[OPT_MAX_TOTAL_SIZE] = { "max_total_size", WEIR_OPT_SIZE, 0, "250M",
	    "1k", "16G", NULL,
	    "Octets that are unpacked for one mail.", NULL },
	[OPT_MAX_RATIO] = { "max_ratio", WEIR_OPT_INT, 0, "250", "2",
	    "100000", NULL, "How many times its size an archive may unpack "
	    "to, from 8M on.", NULL },
	[OPT_TIME_LIMIT] = { "time_limit", WEIR_OPT_DURATION, 0, "5s", "10ms",
	    "10m", NULL, "Time for all attachments of a mail; the rest is "
	    "limit-time.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol attachment_symbols[] = {
	[SYMBOL_RULE] = { "ATTACHMENT_RULE",
	    "An attachment meets a rule; times the rule's score.", 1.0 },
	[SYMBOL_LIMIT] = { "ATTACHMENT_LIMIT",
	    "An attachment was not looked at to its end.", 0.0 },
	[SYMBOL_ENCRYPTED] = { "ATTACHMENT_ENCRYPTED",
	    "An attachment that only its reader can open.", 0.0 },
	[SYMBOL_MACRO] = { "ATTACHMENT_MACRO",
	    "An office document with active content.", 0.0 },
	[SYMBOL_UNREADABLE] = { "ATTACHMENT_UNREADABLE",
	    "A damaged or unknown archive, or a piece of one.", 0.0 },
	{ NULL, NULL, 0 }
};

static const char *const attachment_needs[] = { WEIR_EXT_MIME, WEIR_EXT_EDIT,
	WEIR_EXT_REMOTE, WEIR_EXT_METRIC, WEIR_EXT_CONTROL, WEIR_EXT_SERVICE,
	NULL };
/* it provides the place for originals */
static const char *const attachment_after[] = { "quarantine", NULL };

/* attachment_destroy - the end of the process */
static void
attachment_destroy(void *state)
{
	struct attachment *m = state;

	rules_free(&m->rules);
	free(m);
}

/* attachment_complain - a mistake in the options */
static void
attachment_complain(void *arg, const char *text)
{
	const struct attachment *m = arg;

	m->host->log(m->self, NULL, WEIR_LOG_ERROR, weir_str_of(text));
}

/* attachment_warn - without the built-in rules, is a limit without any? */
static void
attachment_warn(const struct attachment *m)
{
	uint64_t open = rules_forget(&m->rules, CATEGORIES_LIMIT);
	char text[500] = "defaults = no, and no rule names", *end;

	if (open == 0)
		return;
	end = text + strlen(text);
	for (unsigned i = 0; i < CATEGORIES; i++) {
		if ((open & (UINT64_C(1) << i)) != 0)
			end += snprintf(end, (size_t)(text + sizeof(text) -
			    end), " %s", category_name(i));
	}
	snprintf(end, (size_t)(text + sizeof(text) - end), ": what is beyond "
	    "that limit passes without being looked at; a last rule \"limits\" "
	    "{ categories = {\"limit-*\", \"xml-bomb\"} action = quarantine } "
	    "holds it");
	m->host->log(m->self, NULL, WEIR_LOG_WARN, weir_str_of(text));
}

/* attachment_load - rules, and whether they can be kept */
static int
attachment_load(struct attachment *m)
{
	const struct weir_host *h = m->host;
	const struct rule_conf rc = { h->conf_int, h->conf_real, h->conf_str,
		h->conf_list, h->conf_sections, h->conf_section,
		attachment_complain, m };

	if (!rules_load(&m->rules, &rc, m->conf, OPT_RULE,
	    h->conf_bool(m->conf, OPT_DEFAULTS)))
		return WEIR_E_INVAL;
	attachment_warn(m);
	m->keep_original = h->conf_bool(m->conf, OPT_KEEP_ORIGINAL);
	if (m->rules.edits && m->keep_original && m->quarantine == NULL) {
		attachment_complain(m, "a rule removes, replaces or renames, "
		    "and nobody keeps the original: load the module "
		    "quarantine, or set keep_original = no");
		return WEIR_E_INVAL;
	}
	return WEIR_OK;
}

/* attachment_count - register the metrics */
static void
attachment_count(struct attachment *m)
{
	char label[60];

	for (int i = 0; i < RESULTS; i++) {
		snprintf(label, sizeof(label), "result=\"%s\"",
		    attachment_result_name((enum attachment_result)i));
		m->metric_result[i] = m->metric->counter(m->self, "mails",
		    label, "Mails by result.");
	}
	m->metric_files = m->metric->counter(m->self, "files", NULL,
	    "Files looked at, at all depths.");
	m->metric_octets = m->metric->counter(m->self, "octets", NULL,
	    "Octets of the parts that were looked at.");
	m->metric_kept = m->metric->counter(m->self, "originals_kept", NULL,
	    "Mails kept before they were changed.");
	m->metric_seconds = m->metric->histogram(m->self, "scan_seconds",
	    NULL, "From the end of the mail to the last attachment.");
}

/* attachment_create - read the options */
static int
attachment_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct attachment *m = calloc(1, sizeof(*m));
	const struct weir_service *service;
	int status;

	if (m == NULL)
		return WEIR_E_NOMEM;
	m->host = host;
	m->self = self;
	m->conf = conf;
	m->mime = host->ext(self, WEIR_EXT_MIME);
	m->edit = host->ext(self, WEIR_EXT_EDIT);
	m->remote = host->ext(self, WEIR_EXT_REMOTE);
	m->metric = host->ext(self, WEIR_EXT_METRIC);
	m->control = host->ext(self, WEIR_EXT_CONTROL);
	service = host->ext(self, WEIR_EXT_SERVICE);
	m->quarantine = service->find(self, WEIR_SERVICE_QUARANTINE,
	    &m->quarantine_state);
	status = attachment_load(m);
	if (status == WEIR_OK)
		status = attachment_command_register(m);
	if (status != WEIR_OK) {
		attachment_destroy(m);
		return status;
	}
	attachment_count(m);
	if (!m->rules.edits)
		host->skip(self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
	*state = m;
	return WEIR_OK;
}

static const struct weir_stages attachment_collect = {
	.size = sizeof(struct weir_stages), .eom = attachment_check };
static const struct weir_stages attachment_decides = {
	.size = sizeof(struct weir_stages), .eom = attachment_decide };
static const struct weir_stages attachment_acts = {
	.size = sizeof(struct weir_stages), .eom = attachment_act };
static const struct weir_helper *const attachment_helpers[] = {
	&attachment_helper, NULL };

static const struct weir_module attachment_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.attachment",
	.name = "attachment",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "looks into attachments and applies the site's rules",
	.options = attachment_options,
	.symbols = attachment_symbols,
	.needs = attachment_needs,
	.after = attachment_after,
	.collect = &attachment_collect,
	.decide = &attachment_decides,
	.act = &attachment_acts,
	.create = attachment_create,
	.destroy = attachment_destroy,
	.helpers = attachment_helpers
};

WEIR_MODULE_EXPORT(mod_attachment, attachment_module)
