/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_quarantine - keep what is not to be delivered: options and start. */
#include "quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUARANTINE_FLUSH_MS 1000

static const struct weir_option quarantine_options[] = {
	[OPT_RETENTION_SPAM] = { "retention_spam", WEIR_OPT_DURATION, 0, "7d",
	    "1m", "3650d", NULL, "How long spam is kept.", NULL },
	[OPT_RETENTION_VIRUS] = { "retention_virus", WEIR_OPT_DURATION, 0,
	    "7d", "1m", "3650d", NULL, "How long mail with viruses is kept.",
	    NULL },
	[OPT_RETENTION_ATTACHMENT] = { "retention_attachment",
	    WEIR_OPT_DURATION, 0, "7d", "1m", "3650d", NULL,
	    "How long mail with unwanted attachments, and originals of mail "
	    "that was changed, are kept.", NULL },
	[OPT_RETENTION_AUDIT] = { "retention_audit", WEIR_OPT_DURATION, 0,
	    "90d", "1h", "3650d", NULL,
	    "How long the audit log is kept: who released or deleted what.",
	    NULL },
	[OPT_MAX_TOTAL] = { "max_total", WEIR_OPT_SIZE, 0, "10G", NULL, NULL,
	    NULL, "Octets of all message files together; 0: no limit. Beyond "
	    "it mail is deferred, not lost.", NULL },
	[OPT_MAX_RECIPIENT] = { "max_recipient", WEIR_OPT_SIZE, 0, "1G", NULL,
	    NULL, NULL, "The same for one recipient.", NULL },
	[OPT_MAX_MESSAGE] = { "max_message", WEIR_OPT_SIZE, 0, "0", NULL,
	    NULL, NULL, "The largest message that is kept; 0: any.", NULL },
	[OPT_MAILDIR] = { "maildir", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "Show each recipient's items in a Maildir below imap/, for "
	    "an IMAP server.", NULL },
	[OPT_IMAP_DELETE] = { "imap_delete", WEIR_OPT_BOOL, 0, "yes", NULL,
	    NULL, NULL, "An item whose message is deleted by IMAP is "
	    "deleted.", NULL },
	[OPT_IMAP_VIRUS] = { "imap_virus", WEIR_OPT_BOOL, 0, "no", NULL, NULL,
	    NULL, "Items of class virus, too, are released by moving them to "
	    "Release.", NULL },
	[OPT_NEXT_HOP] = { "next_hop", WEIR_OPT_STRING, 0, "127.0.0.1:25",
	    NULL, NULL, NULL, "Where released mail goes, by SMTP: HOST:PORT, "
	    "[ADDRESS6]:PORT or unix:PATH.", NULL },
	[OPT_HELO] = { "helo", WEIR_OPT_STRING, 0, "", NULL, NULL, NULL,
	    "The name to greet it with; empty: the host's.", NULL },
	[OPT_TLS] = { "tls", WEIR_OPT_ENUM, 0, "may", NULL, NULL,
	    "none|may|encrypt|verify", "STARTTLS towards next_hop, as Postfix "
	    "names the levels: none; may: where it is offered, whoever it is; "
	    "encrypt: always; verify: always, and only with a certificate of "
	    "tls_ca for tls_name.", NULL },
	[OPT_TLS_CA] = { "tls_ca", WEIR_OPT_PATH, 0, "", NULL, NULL, NULL,
	    "A file or folder of the certificates to trust; empty: those of "
	    "the system.", NULL },
	[OPT_TLS_NAME] = { "tls_name", WEIR_OPT_STRING, 0, "", NULL, NULL,
	    NULL, "The name or address that the certificate must have; empty: "
	    "that of next_hop.", NULL },
	[OPT_RELEASE_TIMEOUT] = { "release_timeout", WEIR_OPT_DURATION, 0,
	    "25s", "1s", "10m", NULL, "How long one delivery may take, up to "
	    "the end of the mail.", NULL },
	[OPT_ANSWER_TIMEOUT] = { "answer_timeout", WEIR_OPT_DURATION, 0, "5m",
	    "1s", "1h", NULL, "How long to wait then for the next hop to say "
	    "whether it has taken it. If nothing comes the item is unsure and "
	    "is not sent again by itself.", NULL },
	[OPT_TOKEN] = { "token", WEIR_OPT_BOOL, 0, "yes", NULL, NULL, NULL,
	    "Sign released mail, so that Weir lets it in unseen when it comes "
	    "back through the MTA.", NULL },
	[OPT_TOKEN_LIFETIME] = { "token_lifetime", WEIR_OPT_DURATION, 0, "10m",
	    "10s", "1d", NULL, "How long such a signature is good for.",
	    NULL },
	[OPT_LEARN] = { "learn", WEIR_OPT_BOOL, 0, "yes", NULL, NULL, NULL,
	    "Tell a classifier module that released spam was none.", NULL },
	[OPT_LISTS] = { "lists", WEIR_OPT_BOOL, 0, "yes", NULL, NULL, NULL,
	    "Look senders up in the allow and block lists.", NULL },
	[OPT_INTERVAL] = { "interval", WEIR_OPT_DURATION, 0, "1m", "100ms",
	    "1d", NULL, "How often retention, retries of releases and moves "
	    "made by IMAP are looked after.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol quarantine_symbols[] = {
	[SYMBOL_ALLOW] = { "LIST_ALLOW",
	    "The sender stands in an allow list for this recipient.", -20.0 },
	[SYMBOL_BLOCK] = { "LIST_BLOCK",
	    "The sender stands in a block list for this recipient.", 12.0 },
	{ NULL, NULL, 0 }
};

static const char *const quarantine_needs[] = { WEIR_EXT_JOB, WEIR_EXT_TIMER,
	WEIR_EXT_METRIC, WEIR_EXT_CONTROL, WEIR_EXT_EDIT, WEIR_EXT_MIME,
	WEIR_EXT_SERVICE, NULL };
static const char *const quarantine_after[] = { "bayes", NULL };

/* quarantine_now - for the store, in any thread */
static int64_t
quarantine_now(void *arg)
{
	struct quarantine *q = arg;

	return q->host->wall_ms(q->self);
}

/* quarantine_tls - what it takes to talk through TLS */
static bool
quarantine_tls(struct quarantine *q)
{
	const struct weir_host *h = q->host;
	weir_str level = h->conf_str(q->conf, OPT_TLS);
	const char *ca = h->conf_str(q->conf, OPT_TLS_CA).ptr;
	const char *name = h->conf_str(q->conf, OPT_TLS_NAME).ptr;
	enum smtp_tls_level l = weir_str_eq(level, "verify") ?
	    SMTP_TLS_VERIFY : weir_str_eq(level, "encrypt") ?
	    SMTP_TLS_ENCRYPT : weir_str_eq(level, "may") ? SMTP_TLS_MAY :
							   SMTP_TLS_NONE;
	char why[SMTP_REPLY_MAX];

	if (l != SMTP_TLS_VERIFY && (ca[0] != '\0' || name[0] != '\0')) {
		quarantine_log(q, NULL, WEIR_LOG_ERROR, "%s is given, but "
		    "certificates are checked only with tls = verify",
		    ca[0] != '\0' ? "tls_ca" : "tls_name");
		return false;
	}
	if (l == SMTP_TLS_VERIFY && name[0] == '\0' &&
	    strncmp(q->release.next_hop, "unix:", 5) == 0) {
		quarantine_log(q, NULL, WEIR_LOG_ERROR, "tls = verify with a "
		    "socket as next_hop: tls_name must say whose certificate "
		    "it is to be");
		return false;
	}
	if (l == SMTP_TLS_NONE)
		return true;
	q->tls = smtp_tls_create(l, ca, name, why);
	if (q->tls == NULL)
		quarantine_log(q, NULL, WEIR_LOG_ERROR, "tls: %s", why);
	q->release.tls = q->tls;
	return q->tls != NULL;
}

/* quarantine_read - the options */
static int
quarantine_read(struct quarantine *q)
{
	const struct weir_host *h = q->host;
	struct store_conf sc = { .folder = h->folder(q->self),
		.now = quarantine_now, .now_arg = q };

	q->care.keep_ms[WEIR_QUARANTINE_SPAM] = h->conf_int(q->conf,
	    OPT_RETENTION_SPAM);
	q->care.keep_ms[WEIR_QUARANTINE_VIRUS] = h->conf_int(q->conf,
	    OPT_RETENTION_VIRUS);
	q->care.keep_ms[WEIR_QUARANTINE_ATTACHMENT] = h->conf_int(q->conf,
	    OPT_RETENTION_ATTACHMENT);
	q->care.audit_ms = h->conf_int(q->conf, OPT_RETENTION_AUDIT);
	q->care.imap_delete = h->conf_bool(q->conf, OPT_IMAP_DELETE);
	q->care.imap_virus = h->conf_bool(q->conf, OPT_IMAP_VIRUS);
	q->release.next_hop = h->conf_str(q->conf, OPT_NEXT_HOP).ptr;
	q->release.helo = h->conf_str(q->conf, OPT_HELO).ptr;
	q->release.timeout_ms = h->conf_int(q->conf, OPT_RELEASE_TIMEOUT);
	q->release.token = h->conf_bool(q->conf, OPT_TOKEN);
	q->release.token_ms = h->conf_int(q->conf, OPT_TOKEN_LIFETIME);
	q->lists = h->conf_bool(q->conf, OPT_LISTS);
	q->want_learn = h->conf_bool(q->conf, OPT_LEARN);
	if (q->release.helo[0] == '\0') {
		static char name[256];

		if (gethostname(name, sizeof(name) - 1) != 0)
			snprintf(name, sizeof(name), "localhost");
		q->release.helo = name;
	}
	q->release.answer_ms = h->conf_int(q->conf, OPT_ANSWER_TIMEOUT);
	if (!smtp_is_next_hop(q->release.next_hop)) {
		quarantine_log(q, NULL, WEIR_LOG_ERROR, "next_hop: \"%s\" is "
		    "no HOST:PORT, [ADDRESS6]:PORT or unix:PATH",
		    q->release.next_hop);
		return WEIR_E_INVAL;
	}
	if (!quarantine_tls(q))
		return WEIR_E_INVAL;
	sc.max_total = (uint64_t)h->conf_int(q->conf, OPT_MAX_TOTAL);
	sc.max_user = (uint64_t)h->conf_int(q->conf, OPT_MAX_RECIPIENT);
	sc.max_message = (uint64_t)h->conf_int(q->conf, OPT_MAX_MESSAGE);
	sc.maildir = h->conf_bool(q->conf, OPT_MAILDIR);
	q->store = store_create(&sc);
	return q->store != NULL ? WEIR_OK : WEIR_E_NOMEM;
}

/* quarantine_metrics - counters */
static void
quarantine_metrics(struct quarantine *q)
{
	char labels[40];

	for (int i = 1; i < CLASSES; i++) {
		snprintf(labels, sizeof(labels), "class=\"%s\"",
		    item_class_name(i));
		q->metric_kept[i] = q->metric->counter(q->self, "kept", labels,
		    "Items that were kept.");
	}
	q->metric_adopted = q->metric->counter(q->self, "adopted", NULL,
	    "Copies that were there already: the sender had tried before.");
	q->metric_failed = q->metric->counter(q->self, "failed", NULL,
	    "Mails that could not be kept and were deferred.");
	q->metric_released = q->metric->counter(q->self, "released", NULL,
	    "Items that were released.");
	q->metric_time = q->metric->histogram(q->self, "keep_seconds", NULL,
	    "From the verdict to the durable copy.");
}

/* quarantine_start - services, commands, periodic work */
static int
quarantine_start(struct quarantine *q)
{
	const struct weir_host *h = q->host;
	int64_t interval = h->conf_int(q->conf, OPT_INTERVAL);
	int status;

	status = q->service->provide(q->self, WEIR_SERVICE_QUARANTINE,
	    &service_table, q);
	if (status == WEIR_OK)
		status = command_register(q);
	if (status == WEIR_OK)
		status = q->timer->every(q->self, QUARANTINE_FLUSH_MS,
		    batch_tick, q);
	if (status == WEIR_OK)
		status = q->timer->every(q->self, (uint32_t)interval,
		    tick_care, q);
	if (status == WEIR_OK)
		status = h->task(q->self, tick_care, q, 600000);
	if (!q->lists) {
		h->skip(q->self, WEIR_PHASE_COLLECT, WEIR_STAGE_RCPT);
		h->skip(q->self, WEIR_PHASE_COLLECT, WEIR_STAGE_EOM);
	}
	return status;
}

/* quarantine_destroy - the end of the process */
static void
quarantine_destroy(void *state)
{
	struct quarantine *q = state;

	batch_fini(q);
	smtp_tls_destroy(&q->tls);
	store_destroy(&q->store);
	free(q);
}

/* quarantine_create - nothing is written before the first mail or command */
static int
quarantine_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct quarantine *q = calloc(1, sizeof(*q));
	int status;

	if (q == NULL)
		return WEIR_E_NOMEM;
	q->host = host;
	q->self = self;
	q->conf = conf;
	q->waiting_end = &q->waiting;
	q->notes_end = &q->notes;
	q->talking_end = &q->talking_first;
	q->job = host->ext(self, WEIR_EXT_JOB);
	q->timer = host->ext(self, WEIR_EXT_TIMER);
	q->metric = host->ext(self, WEIR_EXT_METRIC);
	q->control = host->ext(self, WEIR_EXT_CONTROL);
	q->edit = host->ext(self, WEIR_EXT_EDIT);
	q->mime = host->ext(self, WEIR_EXT_MIME);
	q->service = host->ext(self, WEIR_EXT_SERVICE);
	status = quarantine_read(q);
	if (status == WEIR_OK) {
		quarantine_metrics(q);
		status = quarantine_start(q);
	}
	if (status < 0) {
		smtp_tls_destroy(&q->tls);
		store_destroy(&q->store);
		free(q);
		return status;
	}
	*state = q;
	return WEIR_OK;
}

static const struct weir_stages quarantine_collect = {
	.size = sizeof(struct weir_stages), .rcpt = score_rcpt,
	.eom = score_eom
};
static const struct weir_stages quarantine_decide = {
	.size = sizeof(struct weir_stages), .eoh = comeback_eoh
};
static const struct weir_stages quarantine_act = {
	.size = sizeof(struct weir_stages), .eom = act_eom
};

static const struct weir_module quarantine_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY | WEIR_F_WANT_HEADERS | WEIR_F_KEEPER,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.quarantine",
	.name = "quarantine",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "Keeps mail that is not to be delivered, and releases it.",
	.options = quarantine_options,
	.symbols = quarantine_symbols,
	.needs = quarantine_needs,
	.after = quarantine_after,
	.collect = &quarantine_collect,
	.decide = &quarantine_decide,
	.act = &quarantine_act,
	.create = quarantine_create,
	.destroy = quarantine_destroy,
	.message_end = act_end,
};

WEIR_MODULE_EXPORT(mod_quarantine, quarantine_module)
