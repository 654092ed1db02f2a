/* SPDX-License-Identifier: GPL-2.0-only */
/* mod_antivirus - ClamAV: options, descriptor and start. */
#include "antivirus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "engine.h"
#include "helper.h"

/* What follows from a class of hits. */
#define POLICY_ROW(name, fallback, help) \
	{ name, WEIR_OPT_ENUM, 0, fallback, NULL, NULL, AV_POLICY_CHOICES, \
	    help, NULL }
#define BOOL_ROW(name, fallback, help) \
	{ name, WEIR_OPT_BOOL, 0, fallback, NULL, NULL, NULL, help, NULL }
#define ROW(name, type, fallback, lo, hi, help) \
	{ name, WEIR_OPT_##type, 0, fallback, lo, hi, NULL, help, NULL }

const struct weir_option av_options[] = {
	[OPT_BACKEND] = { "backend", WEIR_OPT_ENUM, 0, "libclamav", NULL, NULL,
	    "libclamav|clamd",
	    "Who scans: a helper process with an engine of its own, or a "
	    "clamd that runs already.", NULL },
	[OPT_ACTION] = { "action", WEIR_OPT_ENUM, 0, "reject", NULL, NULL,
	    AV_ACTION_CHOICES,
	    "What becomes of infected mail; mark: only the finding, the fact "
	    "and the header.", NULL },
	[OPT_HEURISTIC] = POLICY_ROW("heuristic", "score",
	    "What follows from results that are only likely (Heuristics.*, "
	    "PUA.*): nothing, a finding with its score, a verdict, or what "
	    "follows from a virus."),
	[OPT_ENCRYPTED] = POLICY_ROW("encrypted", "score",
	    "The same for encrypted archives and documents; pass: they are "
	    "not even looked for."),
	[OPT_LIMIT] = POLICY_ROW("limit", "quarantine",
	    "The same for mail that was not scanned as a whole, since it is "
	    "beyond one of the limits."),
	[OPT_STRUCTURED] = POLICY_ROW("structured", "score",
	    "The same for structured_count card or social security numbers."),
	[OPT_DEMOTED] = POLICY_ROW("demoted", "quarantine",
	    "The same for a signature that the breaker does not believe."),
	[OPT_HEADER] = ROW("header", STRING, NULL, NULL, NULL,
	    "A header field for the result, such as X-Virus-Status; those "
	    "that come with the mail are removed."),
	[OPT_MAX_SCAN_SIZE] = ROW("max_scan_size", SIZE, "100000000",
	    "1000000", NULL,
	    "Octets that are looked at in one mail, unpacked ones included."),
	[OPT_MAX_FILE_SIZE] = ROW("max_file_size", SIZE, "25000000",
	    "1000000", "2147483647",
	    "A larger file is not scanned, which is a limit."),
	[OPT_MAX_FILES] = ROW("max_files", INT, "1000", "0", "1000000",
	    "Files in one container; 0: any number."),
	[OPT_MAX_RECURSION] = ROW("max_recursion", INT, "5", "1", "100",
	    "Containers in each other, from an attachment inwards."),
	[OPT_MAX_SCAN_TIME] = ROW("max_scan_time", DURATION, "30s", "100ms",
	    "10m",
	    "How long a scan may take before it is a limit; shorter than the "
	    "module's timeout, after which it is no scan at all."),
	[OPT_STRUCTURED_COUNT] = ROW("structured_count", INT, "0", "0",
	    "1000000",
	    "How many card or social security numbers are a finding; 0: they "
	    "are not looked for."),
	[OPT_MACROS] = BOOL_ROW("macros", "no",
	    "Are office documents with macros a heuristic result?"),
	[OPT_BROKEN] = BOOL_ROW("broken", "no",
	    "Are broken programs and media files a heuristic result?"),
	[OPT_PHISHING] = BOOL_ROW("phishing", "yes",
	    "Use signatures and heuristics against phishing."),
	[OPT_PUA] = BOOL_ROW("pua", "no",
	    "Load signatures of possibly unwanted programs; a heuristic "
	    "result."),
	[OPT_BYTECODE] = BOOL_ROW("bytecode", "yes",
	    "Load signed bytecode; it is interpreted."),
	[OPT_DATABASE] = ROW("database", PATH, "/var/lib/clamav", NULL, NULL,
	    "The folder with the virus database, which another program "
	    "(freshclam) keeps up to date."),
	[OPT_MIRROR] = ROW("mirror", LIST, "database.clamav.net", NULL, NULL,
	    "Where updates come from; only written by `weirctl antivirus "
	    "freshclam`."),
	[OPT_RELOAD] = { "reload", WEIR_OPT_ENUM, 0, "auto", NULL, NULL,
	    "auto|parallel|drain",
	    "Load a changed database beside the one in use, or after scans "
	    "have stopped, or what the free memory allows.", NULL },
	[OPT_CHECK_INTERVAL] = ROW("check_interval", DURATION, "10s", "100ms",
	    "1d", "How often the database is looked at for changes."),
	[OPT_MAX_AGE] = ROW("max_age", DURATION, "3d", "0", NULL,
	    "Warn when the newest signatures are older; 0: never."),
	[OPT_THREADS] = ROW("threads", INT, "0", "0", "64",
	    "Scans at the same time; 0: as many as there are processors."),
	[OPT_MEMORY_LIMIT] = ROW("memory_limit", SIZE, "4G", "128M", NULL,
	    "Address space of the helper process."),
	[OPT_TEMP_RESERVE] = ROW("temp_reserve", SIZE, "256M", "0", NULL,
	    "With less room than this for temporary files nothing is "
	    "scanned, as libclamav would skip parts in silence."),
	[OPT_CACHE] = ROW("cache", INT, "10000", "0", "10000000",
	    "Clean mails that are remembered by their SHA-256 until the "
	    "database changes; 0: none."),
	[OPT_ENGINE_CACHE] = BOOL_ROW("engine_cache", "yes",
	    "Use libclamav's own cache of clean files, which goes by MD5."),
	[OPT_BREAKER_HITS] = ROW("breaker_hits", INT, "50", "0", "1000000000",
	    "A new signature that hits so many mails in breaker_window is not "
	    "believed; 0: all are."),
	[OPT_BREAKER_SHARE] = ROW("breaker_share", REAL, "5", "0", "100",
	    "... if this is also such a share of all mails, in percent."),
	[OPT_BREAKER_WINDOW] = ROW("breaker_window", DURATION, "10m", "1s",
	    "1d", "The time in which hits are counted."),
	[OPT_BREAKER_AGE] = ROW("breaker_age", DURATION, "1d", "0", "30d",
	    "How long signatures count as new after the database has "
	    "changed."),
	[OPT_CLAMD_SOCKET] = ROW("clamd_socket", STRING,
	    "unix:/run/clamav/clamd.ctl", NULL, NULL,
	    "Where clamd listens: unix:PATH or inet:ADDRESS:PORT."),
	[OPT_CLAMD_METHOD] = { "clamd_method", WEIR_OPT_ENUM, 0, "auto", NULL,
	    NULL, "auto|instream|fildes",
	    "How clamd gets the mail: as octets, or as a descriptor, which is "
	    "what auto does at a unix socket.", NULL },
	[OPT_CLAMD_CONNECTIONS] = ROW("clamd_connections", INT, "3", "1", "4",
	    "Connections to clamd at the same time, for each worker."),
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol av_symbols[] = {
	[SYMBOL_VIRUS] = { "AV_VIRUS", "The mail is infected.", 15.0 },
	[SYMBOL_DEMOTED] = { "AV_DEMOTED",
	    "A signature hit that the breaker does not believe.", 5.0 },
	[SYMBOL_LIMIT] = { "AV_LIMIT",
	    "The mail was not scanned as a whole.", 2.0 },
	[SYMBOL_ENCRYPTED] = { "AV_ENCRYPTED",
	    "The mail holds an encrypted archive or document.", 3.0 },
	[SYMBOL_STRUCTURED] = { "AV_STRUCTURED",
	    "The mail holds card or social security numbers.", 0.0 },
	[SYMBOL_HEURISTIC] = { "AV_HEURISTIC",
	    "The mail is likely to be unwanted.", 3.0 },
	[SYMBOL_POISON] = { "AV_POISON",
	    "The mail has ended the scanner twice and is not tried again.",
	    0.0 },
	{ NULL, NULL, 0 }
};

static const char *const av_needs[] = { WEIR_EXT_REMOTE, WEIR_EXT_MIME,
	WEIR_EXT_JOB, WEIR_EXT_TIMER, WEIR_EXT_METRIC, WEIR_EXT_CONTROL,
	WEIR_EXT_EDIT, NULL };

/* av_free - the end of the process */
static void
av_free(void *state)
{
	struct antivirus *m = state;

	free(m->breaker);
	free(m);
}

/* av_policies - what follows from what */
static void
av_policies(struct antivirus *m)
{
	static const uint32_t rows[AV_CLASSES] = { [AV_DEMOTED] = OPT_DEMOTED,
		[AV_LIMIT] = OPT_LIMIT, [AV_ENCRYPTED] = OPT_ENCRYPTED,
		[AV_STRUCTURED] = OPT_STRUCTURED,
		[AV_HEURISTIC] = OPT_HEURISTIC };

	for (int k = 0; k < AV_CLASSES; k++)
		m->policy[k] = k == AV_VIRUS ? AV_POLICY_VIRUS :
		    (enum av_policy)m->host->conf_int(m->conf, rows[k]);
}

/* av_log_error - why the options are refused */
static int
av_log_error(const struct antivirus *m, const char *text)
{
	m->host->log(m->self, NULL, WEIR_LOG_ERROR, weir_str_of(text));
	return WEIR_E_INVAL;
}

/* av_warn - a folder that is not there may be a mistake, or come later */
static void
av_warn(const struct antivirus *m)
{
	weir_str dir = m->host->conf_str(m->conf, OPT_DATABASE);
	char text[600];
	struct stat st;

	/* other errors: this process may not look, the helper does */
	if (stat(dir.ptr, &st) == 0 ? S_ISDIR(st.st_mode) :
				      errno != ENOENT && errno != ENOTDIR)
		return;
	snprintf(text, sizeof(text), "database: there is no folder %.400s: mail "
	    "is unscanned until freshclam has filled one", dir.ptr);
	m->host->log(m->self, NULL, WEIR_LOG_WARN, weir_str_of(text));
}

/* av_load - the options */
static int
av_load(struct antivirus *m)
{
	const struct weir_host *host = m->host;
	weir_str socket = host->conf_str(m->conf, OPT_CLAMD_SOCKET);
	struct breaker_options b = {
		.hits = (uint32_t)host->conf_int(m->conf, OPT_BREAKER_HITS),
		.share = host->conf_real(m->conf, OPT_BREAKER_SHARE) / 100,
		.window_ms = host->conf_int(m->conf, OPT_BREAKER_WINDOW),
		.age_ms = host->conf_int(m->conf, OPT_BREAKER_AGE) };

	m->backend = (enum av_backend)host->conf_int(m->conf, OPT_BACKEND);
	m->action = (enum av_action)host->conf_int(m->conf, OPT_ACTION);
	m->max_scan_size =
	    (uint64_t)host->conf_int(m->conf, OPT_MAX_SCAN_SIZE);
	m->max_file_size =
	    (uint64_t)host->conf_int(m->conf, OPT_MAX_FILE_SIZE);
	m->max_scan_ms = host->conf_int(m->conf, OPT_MAX_SCAN_TIME);
	av_policies(m);
	if (getrandom(&m->nonce, sizeof(m->nonce), 0) !=
	    (ssize_t)sizeof(m->nonce))
		return WEIR_E_TEMP;
	m->nonce |= 1;
	if (strncmp(socket.ptr, "unix:/", 6) != 0 &&
	    (strncmp(socket.ptr, "inet:", 5) != 0 ||
		strchr(socket.ptr + 5, ':') == NULL))
		return av_log_error(m, "clamd_socket: write unix:/PATH or "
		    "inet:ADDRESS:PORT");
	if (m->backend != AV_BACKEND_CLAMD) {
		av_warn(m);
		return WEIR_OK;
	}
	m->breaker = malloc(sizeof(*m->breaker));
	if (m->breaker == NULL)
		return WEIR_E_NOMEM;
	breaker_init(m->breaker, &b);
	return WEIR_OK;
}

/* av_count - register the metrics */
static void
av_count(struct antivirus *m)
{
	const struct weir_metric *t = m->metric;
	char label[60];

	for (int k = 0; k < AV_OUTCOMES; k++) {
		snprintf(label, sizeof(label), "result=\"%s\"",
		    av_outcome_word((enum av_outcome)k));
		m->metric_result[k] = t->counter(m->self, "mails", label,
		    "Mails by result.");
	}
	m->metric_cached = t->counter(m->self, "cached", NULL,
	    "Mails that were known to be clean.");
	m->metric_parts = t->counter(m->self, "parts_scans", NULL,
	    "Mails whose decoded parts were scanned, too.");
	m->metric_trips = t->counter(m->self, "breaker_trips", NULL,
	    "Signatures that are no longer believed (clamd).");
	m->metric_seconds = t->histogram(m->self, "scan_seconds", NULL,
	    "How long scans took.");
	m->gauge_loaded = t->gauge(m->self, "loaded", NULL,
	    "1 while there is an engine with a database.");
	m->gauge_signatures = t->gauge(m->self, "signatures", NULL,
	    "Signatures of the engine in use.");
	m->gauge_age = t->gauge(m->self, "database_age_seconds", NULL,
	    "Age of the newest signatures.");
	m->gauge_memory = t->gauge(m->self, "engine_bytes", NULL,
	    "Memory that the engine takes.");
	m->gauge_generation = t->gauge(m->self, "generation", NULL,
	    "Databases that the helper has loaded.");
	m->gauge_failures = t->gauge(m->self, "reload_failures", NULL,
	    "Databases that could not be loaded.");
	snprintf(label, sizeof(label), "version=\"%.40s\"", engine_version());
	m->gauge_engine = m->backend == AV_BACKEND_CLAMD ? -1 :
	    t->gauge(m->self, "engine", label,
		"1 while this version of libclamav is loaded.");
	m->gauge_alarm = t->gauge(m->self, "alarm", NULL,
	    "Not 0 while the database is missing, broken or old, or no "
	    "scanner is there.");
}

/* av_create - read the options */
static int
av_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct antivirus *m = calloc(1, sizeof(*m));
	int status;

	if (m == NULL)
		return WEIR_E_NOMEM;
	m->host = host;
	m->self = self;
	m->conf = conf;
	m->remote = host->ext(self, WEIR_EXT_REMOTE);
	m->mime = host->ext(self, WEIR_EXT_MIME);
	m->job = host->ext(self, WEIR_EXT_JOB);
	m->timer = host->ext(self, WEIR_EXT_TIMER);
	m->metric = host->ext(self, WEIR_EXT_METRIC);
	m->control = host->ext(self, WEIR_EXT_CONTROL);
	m->edit = host->ext(self, WEIR_EXT_EDIT);
	status = av_load(m);
	if (status == WEIR_OK)
		status = av_command_register(m);
	if (status == WEIR_OK)
		status = av_report_start(m);
	if (status != WEIR_OK) {
		av_free(m);
		return status;
	}
	av_count(m);
	if (host->conf_str(conf, OPT_HEADER).len == 0)
		host->skip(self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
	else
		host->want(self, WEIR_F_WANT_HEADERS);
	*state = m;
	return WEIR_OK;
}

static const struct weir_stages av_collect = {
	.size = sizeof(struct weir_stages), .eom = av_check_eom };
static const struct weir_stages av_decide = {
	.size = sizeof(struct weir_stages), .eom = av_decide_eom };
static const struct weir_stages av_act = {
	.size = sizeof(struct weir_stages), .eom = av_act_eom };
static const struct weir_helper *const av_helpers[] = { &av_helper, NULL };

static const struct weir_module av_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.antivirus",
	.name = "antivirus",
	.version = "0.1.0",
	/* libclamav's */
	.license = "GPL-2.0-only",
	.summary = "scans mail for malware with ClamAV",
	.options = av_options,
	.symbols = av_symbols,
	.needs = av_needs,
	.collect = &av_collect,
	.decide = &av_decide,
	.act = &av_act,
	.create = av_create,
	.destroy = av_free,
	.helpers = av_helpers,
	.timeout_ms = 40000
};

WEIR_MODULE_EXPORT(mod_antivirus, av_module)
