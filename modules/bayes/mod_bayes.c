/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mod_bayes - how likely is it spam, by what was learned before.
 *
 * Runs in collect at eom, in a job; learns by itself in act, when all others
 * have said what they found.  This file holds options, descriptor and start.
 */
#include "bayes.h"

#include <stdlib.h>

static const struct weir_option bayes_options[] = {
	[OPT_DATABASE] = { "database", WEIR_OPT_PATH, 0, NULL, NULL,
	    NULL, NULL, "Folder of the database; empty: \"bayes\" below "
	    "state_dir.", NULL },
	[OPT_SIZE] = { "size", WEIR_OPT_SIZE, 0, "1G", "16M", "1T", NULL,
	    "How large the database may become.", NULL },
	[OPT_SPAM] = { "spam", WEIR_OPT_REAL, 0, "0.99", "0.5", "1", NULL,
	    "Probability from which a mail is called spam; 0.99 is where one "
	    "of a thousand hams would be, by what was learned.", NULL },
	[OPT_HAM] = { "ham", WEIR_OPT_REAL, 0, "0.01", "0", "0.5", NULL,
	    "Probability up to which a mail is called ham; between both it is "
	    "unsure.", NULL },
	[OPT_MIN_SPAM] = { "min_spam", WEIR_OPT_INT, 0, "50", "1", "1000000",
	    NULL, "Nothing is said before so many spams were learned.",
	    NULL },
	[OPT_MIN_HAM] = { "min_ham", WEIR_OPT_INT, 0, "50", "1", "1000000",
	    NULL, "Nothing is said before so many hams were learned.", NULL },
	[OPT_SCOPE] = { "scope", WEIR_OPT_ENUM, 0, "site", NULL, NULL,
	    "site|domain|user",
	    "Whose database is asked: that of the site, of the recipient's "
	    "domain or of the recipient; the latter two once they hold "
	    "min_spam and min_ham.", NULL },
	[OPT_AUTOLEARN] = { "autolearn", WEIR_OPT_BOOL, 0, "no", NULL, NULL,
	    NULL, "Learn from mail on which the other modules are clear.",
	    NULL },
	[OPT_AUTOLEARN_SPAM] = { "autolearn_spam", WEIR_OPT_REAL, 0, "12",
	    "0", NULL, NULL,
	    "Score of the other modules from which a mail is learned as spam, "
	    "unless bayes calls it ham.", NULL },
	[OPT_AUTOLEARN_HAM] = { "autolearn_ham", WEIR_OPT_REAL, 0, "-0.5",
	    NULL, "5", NULL,
	    "Score of the other modules up to which a mail is learned as ham, "
	    "unless bayes calls it spam.", NULL },
	[OPT_EXPIRE] = { "expire", WEIR_OPT_DURATION, 0, "180d", "1d",
	    "3650d", NULL,
	    "Tokens that were not learned for so long are forgotten.", NULL },
	[OPT_SKIP] = { "skip", WEIR_OPT_LIST, 0, NULL, NULL, NULL, NULL,
	    "Groups of tokens to leave out, for measurements: subject, "
	    "address, header, mime, url, html, hidden, word, gram, "
	    "subject_gram, list, route, list_route.",
	    NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol bayes_symbols[] = {
	[SYM_SPAM_SURE] = { "BAYES_SPAM_SURE",
	    "What was learned says spam, without doubt.", 5.5 },
	[SYM_SPAM] = { "BAYES_SPAM", "What was learned says spam.", 5.0 },
	[SYM_UNSURE] = { "BAYES_UNSURE",
	    "What was learned does not decide.", 0.0 },
	[SYM_HAM] = { "BAYES_HAM", "What was learned says ham.", -2.0 },
	[SYM_HAM_SURE] = { "BAYES_HAM_SURE",
	    "What was learned says ham, without doubt.", -2.0 },
	[SYM_GTUBE] = { "GTUBE",
	    "The text by which everybody can test filters of spam.", 1000.0 },
	{ NULL, NULL, 0 }
};

static const char *const bayes_needs[] = { WEIR_EXT_JOB, WEIR_EXT_MIME,
	WEIR_EXT_METRIC, WEIR_EXT_CONTROL, WEIR_EXT_SERVICE, WEIR_EXT_TIMER,
	NULL };

/* bayes_metrics - register them */
static void
bayes_metrics(struct bayes *b)
{
	static const char *const labels[] = { "class=\"spam\"",
		"class=\"ham\"", "class=\"unsure\"" };

	for (int i = 0; i < 3; i++)
		b->metric_class[i] = b->metric->counter(b->self, "classified",
		    labels[i], "Messages by class.");
	b->metric_untrained = b->metric->counter(b->self, "untrained", NULL,
	    "Messages seen before enough was learned.");
	b->metric_learned = b->metric->counter(b->self, "learned", NULL,
	    "Messages learned.");
	b->metric_failed = b->metric->counter(b->self, "failed", NULL,
	    "Messages that could not be classified or learned.");
	b->metric_alarm = b->metric->gauge(b->self, "alarm", NULL,
	    "1: a damaged database was set aside since the start.");
	b->metric_time = b->metric->histogram(b->self, "seconds", NULL,
	    "From the end of a mail to its class.");
}

/* bayes_groups - the option "skip" as bits; false: an unknown word */
static bool
bayes_groups(struct bayes *b, const weir_conf *conf)
{
	const weir_str *items;
	uint32_t n = b->host->conf_list(conf, OPT_SKIP, &items);
	char text[200];
	int g;

	for (uint32_t i = 0; i < n; i++) {
		for (g = 0; g < TOKEN_GROUPS; g++) {
			if (text_equals(items[i], token_group_name(g)))
				break;
		}
		if (g == TOKEN_GROUPS) {
			snprintf(text, sizeof(text), "skip: there is no group "
			    "of tokens \"%.*s\"", (int)items[i].len,
			    items[i].ptr);
			b->host->log(b->self, NULL, WEIR_LOG_ERROR,
			    weir_str_of(text));
			return false;
		}
		b->skip |= 1u << g;
	}
	return true;
}

/* bayes_read_options - into numbers */
static void
bayes_read_options(struct bayes *b, const weir_conf *conf)
{
	const struct weir_host *h = b->host;

	b->size = (size_t)h->conf_int(conf, OPT_SIZE);
	b->spam = h->conf_real(conf, OPT_SPAM);
	b->ham = h->conf_real(conf, OPT_HAM);
	b->min_spam = (uint64_t)h->conf_int(conf, OPT_MIN_SPAM);
	b->min_ham = (uint64_t)h->conf_int(conf, OPT_MIN_HAM);
	b->scope = (enum bayes_scope)h->conf_int(conf, OPT_SCOPE);
	b->autolearn = h->conf_bool(conf, OPT_AUTOLEARN);
	b->autolearn_spam = h->conf_real(conf, OPT_AUTOLEARN_SPAM);
	b->autolearn_ham = h->conf_real(conf, OPT_AUTOLEARN_HAM);
	b->expire_days = (unsigned)(h->conf_int(conf, OPT_EXPIRE) / 86400000);
	if (!b->autolearn)
		h->skip(b->self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
}

/* bayes_destroy - the end of the process; jobs have ended */
static void
bayes_destroy(void *state)
{
	struct bayes *b = state;

	learn_fini(b);
	for (int i = 0; i < BAYES_SPARES; i++)
		tokens_destroy(&b->spare[i]);
	db_close(&b->db);
	pthread_rwlock_destroy(&b->db_lock);
	pthread_mutex_destroy(&b->lock);
	free(b->dir);
	free(b);
}

/* bayes_create - read the options; the database is opened with the first
   mail */
static int
bayes_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct bayes *b = calloc(1, sizeof(*b));
	int status = WEIR_OK;

	if (b == NULL)
		return WEIR_E_NOMEM;
	b->host = host;
	b->self = self;
	b->job = host->ext(self, WEIR_EXT_JOB);
	b->mime = host->ext(self, WEIR_EXT_MIME);
	b->metric = host->ext(self, WEIR_EXT_METRIC);
	b->control = host->ext(self, WEIR_EXT_CONTROL);
	b->service = host->ext(self, WEIR_EXT_SERVICE);
	b->timer = host->ext(self, WEIR_EXT_TIMER);
	pthread_mutex_init(&b->lock, NULL);
	pthread_rwlock_init(&b->db_lock, NULL);
	b->dir = host->conf_str(conf, OPT_DATABASE).len > 0 ?
	    strdup(host->conf_str(conf, OPT_DATABASE).ptr) :
	    strdup(host->folder(self));
	bayes_read_options(b, conf);
	bayes_metrics(b);
	if (b->dir == NULL || !bayes_groups(b, conf))
		status = WEIR_E_INVAL;
	if (status == WEIR_OK)
		status = b->service->provide(self, WEIR_SERVICE_LEARN,
		    &learn_table, b);
	if (status == WEIR_OK)
		status = command_register(b);
	if (status == WEIR_OK)
		status = b->timer->every(self, 6 * 3600000, learn_expire, b);
	if (status != WEIR_OK) {
		bayes_destroy(b);
		return status;
	}
	*state = b;
	return WEIR_OK;
}

static const struct weir_stages bayes_collect = {
	.size = sizeof(struct weir_stages), .eom = check_eom
};
static const struct weir_stages bayes_act = {
	.size = sizeof(struct weir_stages), .eom = check_act
};

static const struct weir_module bayes_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY | WEIR_F_WANT_HEADERS,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.bayes",
	.name = "bayes",
	.version = "1.0",
	.license = "GPL-2.0-or-later",
	.summary = "Statistical classifier that learns from spam and ham",
	.options = bayes_options,
	.symbols = bayes_symbols,
	.needs = bayes_needs,
	.collect = &bayes_collect,
	.act = &bayes_act,
	.create = bayes_create,
	.destroy = bayes_destroy
};

WEIR_MODULE_EXPORT(mod_bayes, bayes_module)
