/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/version.h>

#include "base/err.h"
#include "base/text.h"
#include "conf/value.h"
#include "host/oldest.h"
#include "obs/log.h"

enum option_id {
	OPT_EML = 256, OPT_CLIENT, OPT_CLIENT_NAME, OPT_HELO, OPT_FROM,
	OPT_RCPT, OPT_AUTH, OPT_LISTENER, OPT_DIRECTION, OPT_ZONE,
	OPT_LIVE_DNS, OPT_NOW, OPT_MACRO, OPT_ADVANCE, OPT_AGAIN, OPT_SPLIT,
	OPT_QUIET, OPT_JSON, OPT_TIMING, OPT_LOG, OPT_VERSION, OPT_HELP,
	OPT_MODULE, OPT_CASE, OPT_ONLY, OPT_SHUFFLE, OPT_ROUNDS,
	OPT_CANCEL_EACH, OPT_REPEAT, OPT_LEAKS, OPT_ABI, OPT_STRICT, OPT_TAP,
	OPT_JUNIT, OPT_TIMEOUT, OPT_DISCONNECT
};

static const struct option options[] = {
	{ "eml", required_argument, NULL, OPT_EML },
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "client-name", required_argument, NULL, OPT_CLIENT_NAME },
	{ "helo", required_argument, NULL, OPT_HELO },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "rcpt", required_argument, NULL, OPT_RCPT },
	{ "auth", required_argument, NULL, OPT_AUTH },
	{ "macro", required_argument, NULL, OPT_MACRO },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "direction", required_argument, NULL, OPT_DIRECTION },
	{ "zone", required_argument, NULL, OPT_ZONE },
	{ "live-dns", no_argument, NULL, OPT_LIVE_DNS },
	{ "now", required_argument, NULL, OPT_NOW },
	{ "advance", required_argument, NULL, OPT_ADVANCE },
	{ "again", no_argument, NULL, OPT_AGAIN },
	{ "split", optional_argument, NULL, OPT_SPLIT },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "case", required_argument, NULL, OPT_CASE },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "shuffle", optional_argument, NULL, OPT_SHUFFLE },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "cancel-each", no_argument, NULL, OPT_CANCEL_EACH },
	{ "repeat", required_argument, NULL, OPT_REPEAT },
	{ "leaks", no_argument, NULL, OPT_LEAKS },
	{ "abi", required_argument, NULL, OPT_ABI },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "tap", no_argument, NULL, OPT_TAP },
	{ "junit", no_argument, NULL, OPT_JUNIT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "disconnect", required_argument, NULL, OPT_DISCONNECT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "timing", no_argument, NULL, OPT_TIMING },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 }
};

/* options_usage - what there is to say */
static void
options_usage(FILE *out)
{
	fputs("usage: weir-drive -c FILE|--module FILE --eml FILE|DIR "
	      "[OPTION ...]\n"
	      "       weir-drive [-c FILE] [--module FILE] [OPTION ...] "
	      "CASES ...\n"
	      "  -c FILE             configuration\n"
	      "  --module FILE       a module, may be repeated\n"
	      "  --case CASES        a case file, as without --case\n"
	      "  --only TEXT         cases whose title holds it\n"
	      "  --eml FILE|DIR      message, mailbox, or a folder of them\n"
	      "  --client IP         address of the client (192.0.2.1)\n"
	      "  --client-name NAME  its host name\n"
	      "  --helo NAME         its HELO (from the newest Received)\n"
	      "  --from ADDRESS      envelope sender (from Return-Path or "
	      "From)\n"
	      "  --rcpt ADDRESS      recipient, may be repeated (from "
	      "X-Original-To,\n"
	      "                      Delivered-To or To)\n"
	      "  --auth USER         the client has logged in\n"
	      "  --macro NAME=VALUE  macro of the MTA, may be repeated\n"
	      "  --listener NAME     a listener of the configuration\n"
	      "  --direction in|out  direction of the mail\n"
	      "  --zone FILE         DNS answers, in master file format\n"
	      "  --live-dns          ask the network as the configuration "
	      "says\n"
	      "  --now TIME          stop the clock: RFC 3339 or seconds\n"
	      "  --advance DURATION  turn the clock on between two messages\n"
	      "  --again             run each message twice\n"
	      "  --split[=SEED]      body in chunks of random sizes\n"
	      "  --shuffle[=SEED]    completions in a random order\n"
	      "  --rounds N          with so many seeds (1)\n"
	      "  --cancel-each       then again, with the client gone at each "
	      "step\n"
	      "  --repeat N          then again, N times\n"
	      "  --leaks             these must leave nothing behind\n"
	      "  --disconnect STAGE  the client goes after this stage\n"
	      "  --abi " OLDEST_ABI "|next      the host's table as of that version\n"
	      "  --strict            misuse of the host ends the process\n"
	      "  --timeout SECONDS   time of one case (60)\n"
	      "  --tap, --junit      results of cases for machines\n"
	      "  --json              a JSON object a line for each message\n"
	      "  --quiet             one line a message, no progress\n"
	      "  --timing            time for each stage\n"
	      "  --log LEVEL         error, warn (default), info or debug\n"
	      "  --version, --help\n", out);
}

/* options_bad - a value that makes no sense */
static int
options_bad(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "weir-drive: --%s %s: %s\n", option, value, why);
	return WEIR_E_INVAL;
}

/* options_digits - two or more digits as a number; NULL: there are none */
static const char *
options_digits(const char *p, unsigned n, int *out)
{
	*out = 0;
	for (; n > 0; n--, p++) {
		if (!text_is_digit(*p))
			return NULL;
		*out = *out * 10 + (*p - '0');
	}
	return p;
}

/* options_fraction - milliseconds behind a dot, if there is one */
static const char *
options_fraction(const char *p, int64_t *ms)
{
	int64_t unit = 100;

	*ms = 0;
	if (*p != '.')
		return p;
	for (p++; text_is_digit(*p); p++, unit /= 10)
		*ms += (*p - '0') * unit;
	return p;
}

/* options_offset - minutes east of Greenwich */
static const char *
options_offset(const char *p, int64_t *ms)
{
	int sign = *p == '-' ? -1 : 1, hour, minute;

	*ms = 0;
	if (*p == 'Z' || *p == 'z')
		return p + 1;
	if (*p != '+' && *p != '-')
		return NULL;
	p = options_digits(p + 1, 2, &hour);
	if (p == NULL || *p != ':')
		return NULL;
	p = options_digits(p + 1, 2, &minute);
	*ms = sign * (hour * INT64_C(60) + minute) * 60000;
	return p;
}

/* drive_options_time - a moment */
int
drive_options_time(const char *text, int64_t *ms_out)
{
	int64_t fraction, offset;
	struct tm tm;
	const char *p;
	char *end;

	if (strchr(text, '-') == NULL) {
		long long s = strtoll(text, &end, 10);

		p = options_fraction(end, &fraction);
		if (end == text || *p != '\0' || s < 0 ||
		    s > INT64_C(253402300799))
			return WEIR_E_INVAL;
		*ms_out = s * 1000 + fraction;
		return WEIR_OK;
	}
	memset(&tm, 0, sizeof(tm));
	p = strptime(text, "%Y-%m-%d", &tm);
	if (p == NULL || (*p != 'T' && *p != 't' && *p != ' '))
		return WEIR_E_INVAL;
	p = strptime(p + 1, "%H:%M:%S", &tm);
	if (p == NULL)
		return WEIR_E_INVAL;
	p = options_fraction(p, &fraction);
	p = options_offset(p, &offset);
	if (p == NULL || *p != '\0')
		return WEIR_E_INVAL;
	*ms_out = (int64_t)timegm(&tm) * 1000 + fraction - offset;
	return *ms_out >= 0 ? WEIR_OK : WEIR_E_INVAL;
}

/* options_macro - NAME=VALUE */
static int
options_macro(struct drive_options *o, const char *arg)
{
	const char *equals = strchr(arg, '=');
	struct drive_macro *m;

	if (equals == NULL || equals == arg)
		return options_bad("macro", arg, "is not NAME=VALUE");
	m = vec_push(&o->macros);
	m->name.ptr = arg;
	m->name.len = (size_t)(equals - arg);
	m->value = text_slice(equals + 1);
	return WEIR_OK;
}

/* options_direction - in or out */
static int
options_direction(struct drive_options *o, const char *arg)
{
	if (strcmp(arg, "in") != 0 && strcmp(arg, "out") != 0)
		return options_bad("direction", arg, "is neither in nor out");
	o->front.direction = arg;
	return WEIR_OK;
}

/* options_seed - of random chunks */
static int
options_seed(struct drive_options *o, const char *name, const char *arg)
{
	struct timespec ts;
	char *end;

	if (arg == NULL && o->seed != 0)
		return WEIR_OK;
	if (arg == NULL) {
		clock_gettime(CLOCK_REALTIME, &ts);
		o->seed = (uint64_t)ts.tv_nsec + 1;
		return WEIR_OK;
	}
	o->seed = strtoull(arg, &end, 10);
	if (end == arg || *end != '\0' || o->seed == 0)
		return options_bad(name, arg, "is no positive number");
	return WEIR_OK;
}

/* options_number - a small positive one */
static int
options_number(const char *name, const char *arg, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (end == arg || *end != '\0' || n == 0 || n > 1000000)
		return options_bad(name, arg, "is no number from 1 to "
		    "1000000");
	*out = (unsigned)n;
	return WEIR_OK;
}

/* options_stage - after which the client goes */
static int
options_stage(struct drive_options *o, const char *arg)
{
	for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
		if (strcmp(arg, stage_name(i)) == 0) {
			o->disconnect = i;
			return WEIR_OK;
		}
	}
	return options_bad("disconnect", arg, "is no stage");
}

/* options_value - those that are more than text */
static int
options_value(struct drive_options *o, int id, const char *arg)
{
	struct err err = { "" };

	switch (id) {
	case OPT_CLIENT:
		return ip_parse(arg, &o->client) ? WEIR_OK :
		    options_bad("client", arg, "is no IP address");
	case OPT_MACRO:
		return options_macro(o, arg);
	case OPT_DIRECTION:
		return options_direction(o, arg);
	case OPT_NOW:
		return drive_options_time(arg, &o->now_ms) == WEIR_OK ?
		    WEIR_OK :
		    options_bad("now", arg, "is no time");
	case OPT_ADVANCE:
		return value_duration_parse(arg, &o->advance_ms, &err) ==
			WEIR_OK ? WEIR_OK :
		    options_bad("advance", arg, err.text);
	case OPT_SPLIT:
		o->split = true;
		return options_seed(o, "split", arg);
	case OPT_SHUFFLE:
		o->shuffle = true;
		return options_seed(o, "shuffle", arg);
	case OPT_ROUNDS:
		return options_number("rounds", arg, &o->rounds);
	case OPT_REPEAT:
		return options_number("repeat", arg, &o->repeat);
	case OPT_TIMEOUT:
		return options_number("timeout", arg, &o->timeout_s);
	case OPT_DISCONNECT:
		return options_stage(o, arg);
	case OPT_LOG:
		o->log_level = log_level_parse(arg);
		return o->log_level >= 0 ? WEIR_OK :
		    options_bad("log", arg, "is no level");
	default:
		return WEIR_E_NOTFOUND;
	}
}

/* options_address - an envelope address with or without <> */
static const char *
options_address(char *arg)
{
	size_t n = strlen(arg);

	if (n >= 2 && arg[0] == '<' && arg[n - 1] == '>') {
		arg[n - 1] = '\0';
		arg++;
	}
	return arg;
}

/* options_switch - the modes of tests; false: none of them */
static bool
options_switch(struct drive_options *o, int id)
{
	switch (id) {
	case OPT_CANCEL_EACH:
		return o->cancel_each = true;
	case OPT_LEAKS:
		return o->leaks = true;
	case OPT_STRICT:
		return o->strict = true;
	case OPT_TAP:
		return o->tap = true;
	case OPT_JUNIT:
		return o->junit = true;
	default:
		return false;
	}
}

/* options_plain - those that are taken as they are; false: none of them */
static bool
options_plain(struct drive_options *o, struct drive_paths *eml, int id,
    char *arg)
{
	switch (id) {
	case 'c':
		o->conf = arg;
		return true;
	case OPT_EML:
		*vec_push(&eml->v) = arg;
		return true;
	case OPT_MODULE:
		*vec_push(&o->modules) = arg;
		return true;
	case OPT_CASE:
		*vec_push(&o->cases) = arg;
		return true;
	case OPT_ONLY:
		o->filter = arg;
		return true;
	case OPT_ABI:
		o->abi = arg;
		return true;
	case OPT_CLIENT_NAME:
		o->client_name = arg;
		return true;
	case OPT_HELO:
		o->helo = arg;
		return true;
	case OPT_FROM:
		o->from = options_address(arg);
		return true;
	case OPT_RCPT:
		*vec_push(&o->rcpts) = options_address(arg);
		return true;
	case OPT_AUTH:
		o->auth = arg;
		return true;
	case OPT_LISTENER:
		o->front.listener = arg;
		return true;
	case OPT_ZONE:
		o->zone = arg;
		return true;
	case OPT_LIVE_DNS:
		return o->live_dns = true;
	case OPT_AGAIN:
		return o->again = true;
	case OPT_JSON:
		return o->json = true;
	case OPT_QUIET:
		return o->quiet = true;
	case OPT_TIMING:
		return o->timing = true;
	default:
		return options_switch(o, id);
	}
}

/* drive_options_parse - the command line */
int
drive_options_parse(struct drive_options *o, struct drive_paths *eml,
    int argc, char **argv)
{
	int id;

	memset(o, 0, sizeof(*o));
	ip_parse("192.0.2.1", &o->client);
	o->log_level = WEIR_LOG_WARN;
	o->rounds = 1;
	o->timeout_s = 60;
	o->disconnect = -1;
	o->front.protocol = "drive";
	while ((id = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (id == OPT_HELP || id == 'h') {
			options_usage(stdout);
			return 1;
		}
		if (id == OPT_VERSION) {
			printf("weir-drive %s, module ABI %d.%d\n",
			    PACKAGE_VERSION, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
			return 1;
		}
		if (id == '?') {
			options_usage(stderr);
			return WEIR_E_INVAL;
		}
		if (!options_plain(o, eml, id, optarg) &&
		    options_value(o, id, optarg) < 0)
			return WEIR_E_INVAL;
	}
	for (; eml->v.n == 0 && optind < argc; optind++)
		*vec_push(&o->cases) = argv[optind];
	if ((o->conf == NULL && o->modules.n == 0 && o->cases.n == 0) ||
	    (eml->v.n == 0) == (o->cases.n == 0) || optind != argc) {
		options_usage(stderr);
		return WEIR_E_INVAL;
	}
	if (o->zone != NULL && o->live_dns) {
		fputs("weir-drive: --zone and --live-dns exclude each other\n",
		    stderr);
		return WEIR_E_INVAL;
	}
	return WEIR_OK;
}

/* drive_options_fini - free it */
void
drive_options_fini(struct drive_options *o)
{
	drive_files_fini(&o->files);
	vec_fini(&o->rcpts);
	vec_fini(&o->macros);
	vec_fini(&o->facts);
	vec_fini(&o->modules);
	vec_fini(&o->cases);
}
