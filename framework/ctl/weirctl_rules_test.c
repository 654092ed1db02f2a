/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_rules_test - mails through rules: a trace of each rule. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "ctl/format.h"
#include "ctl/weirctl_rules.h"
#include "drive.h"
#include "drive_options.h"
#include "lua/trace.h"

static const struct option test_options[] = {
	{ "client", required_argument, NULL, 'i' },
	{ "client-name", required_argument, NULL, 'n' },
	{ "helo", required_argument, NULL, 'h' },
	{ "from", required_argument, NULL, 'f' },
	{ "rcpt", required_argument, NULL, 'r' },
	{ "auth", required_argument, NULL, 'a' },
	{ "direction", required_argument, NULL, 'd' },
	{ "now", required_argument, NULL, 't' },
	{ NULL, 0, NULL, 0 }
};

/* What is printed, and what it comes to. */
struct test_run {
	struct drive_options o;
	bool json;
	size_t mails, failed; /* failed: mails in which a rule did */
};

/* test_bad - a value that makes no sense */
static int
test_bad(const char *value, const char *why)
{
	fprintf(stderr, "weirctl: %s %s\n", value, why);
	return WEIR_E_INVAL;
}

/* test_option - one of them */
static int
test_option(struct drive_options *o, int id, const char *arg)
{
	switch (id) {
	case 'c':
		o->conf = arg;
		return WEIR_OK;
	case 'i':
		return ip_parse(arg, &o->client) ? WEIR_OK :
		    test_bad(arg, "is no IP address");
	case 'n':
		o->client_name = arg;
		return WEIR_OK;
	case 'h':
		o->helo = arg;
		return WEIR_OK;
	case 'f':
		o->from = arg;
		return WEIR_OK;
	case 'r':
		*vec_push(&o->rcpts) = arg;
		return WEIR_OK;
	case 'a':
		o->auth = arg;
		return WEIR_OK;
	case 'd':
		o->front.direction = arg;
		return strcmp(arg, "in") == 0 || strcmp(arg, "out") == 0 ?
		    WEIR_OK : test_bad(arg, "is neither in nor out");
	case 't':
		return drive_options_time(arg, &o->now_ms) == WEIR_OK ?
		    WEIR_OK : test_bad(arg, "is no time");
	default:
		return WEIR_E_INVAL;
	}
}

/* test_parse - the words behind `rules test` */
static int
test_parse(struct weirctl *w, struct drive_options *o, int argc, char **argv)
{
	int id, status = WEIR_OK;

	memset(o, 0, sizeof(*o));
	o->conf = w->config_given ? w->config : NULL;
	o->front.protocol = o->front.listener = "test";
	o->front.direction = "auto";
	o->disconnect = -1;
	ip_parse("192.0.2.1", &o->client);
	optind = 0;
	while (status == WEIR_OK && (id = getopt_long(argc, argv, "c:",
	    test_options, NULL)) != -1)
		status = test_option(o, id, optarg);
	if (status == WEIR_OK && argc - optind >= 2)
		return WEIR_OK;
	fprintf(stderr, "usage: weirctl %s\n"
	    "  -c FILE            the configuration around the rules\n"
	    "  --client IP, --client-name NAME, --helo NAME, --from ADDRESS,\n"
	    "  --rcpt ADDRESS (may be repeated), --auth USER\n"
	    "                     the session; what is not given is guessed "
	    "from the mail\n"
	    "  --direction in|out direction of the mail\n"
	    "  --now TIME         stop the clock: RFC 3339 or seconds\n"
	    "  --zone FILE        DNS answers; without it nothing is found\n",
	    RULES_TEST_USAGE);
	return WEIR_E_INVAL;
}

/* test_clean - a member that is text, safe for a terminal */
static void
test_clean(struct buf *out, const json_t *o, const char *key)
{
	format_clean(format_str(o, key), out);
}

/* test_whom - " for ADDRESS", if it is about one */
static void
test_whom(struct buf *out, const json_t *o)
{
	if (json_object_get(o, "recipient") == NULL)
		return;
	buf_add_str(out, " for ");
	test_clean(out, o, "recipient");
}

/* test_why - slots that did not match */
static void
test_why(struct buf *out, const json_t *rule)
{
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(rule, "why"), i, o) {
		buf_add_str(out, "        ");
		test_clean(out, o, "slot");
		test_whom(out, o);
		buf_add_str(out, ": ");
		test_clean(out, o, "value");
		buf_add_char(out, '\n');
	}
	json_array_foreach(json_object_get(rule, "did"), i, o) {
		buf_add_str(out, json_is_true(json_object_get(rule,
		    "shadow")) ? "        would " : "        ");
		test_clean(out, o, "effect");
		test_whom(out, o);
		if (format_str(o, "text")[0] != '\0') {
			buf_add_str(out, ": ");
			test_clean(out, o, "text");
		}
		buf_add_char(out, '\n');
	}
	if (json_object_get(rule, "error") != NULL) {
		buf_add_str(out, "        ");
		test_clean(out, rule, "error");
		buf_add_char(out, '\n');
	}
}

/* test_rule - one rule */
static void
test_rule(struct buf *out, const json_t *rule)
{
	size_t line = out->len;

	buf_printf(out, "    %s", format_str(rule, "stage"));
	format_pad(out, line, 13);
	buf_printf(out, "%s", format_str(rule, "result"));
	format_pad(out, line, 23);
	test_clean(out, rule, "name");
	buf_add_str(out, " (");
	test_clean(out, rule, "file");
	buf_printf(out, ":%lld)", (long long)format_int(rule, "line"));
	test_whom(out, rule);
	if (json_object_get(rule, "shadow") != NULL)
		buf_add_str(out, " [shadow]");
	if (json_object_get(rule, "reason") != NULL)
		buf_printf(out, ": %s", format_str(rule, "reason"));
	else
		buf_printf(out, ", %.1f us", format_real(rule, "us"));
	if (json_object_get(rule, "instructions") != NULL)
		buf_printf(out, " of %.0f ms, %lld of %lld instructions, "
		    "%.1f of %.0f KiB", format_real(rule, "us_max") / 1e3,
		    (long long)format_int(rule, "instructions"),
		    (long long)format_int(rule, "instructions_max"),
		    (double)format_int(rule, "memory") / 1024,
		    (double)format_int(rule, "memory_max") / 1024);
	buf_add_char(out, '\n');
	test_why(out, rule);
}

/* test_text - one mail for people */
static void
test_text(const json_t *mail)
{
	struct buf out = BUF_INIT;
	json_t *o;
	size_t i;

	test_clean(&out, mail, "file");
	buf_add_str(&out, "\n  verdict    ");
	test_clean(&out, mail, "verdict");
	buf_printf(&out, ", score %.2f\n", format_real(mail, "score"));
	if (format_str(mail, "reply")[0] != '\0') {
		buf_add_str(&out, "  reply      ");
		test_clean(&out, mail, "reply");
		buf_add_char(&out, '\n');
	}
	json_array_foreach(json_object_get(mail, "recipients"), i, o) {
		buf_add_str(&out, "  recipient  ");
		test_clean(&out, o, "verdict");
		buf_add_char(&out, ' ');
		test_clean(&out, o, "address");
		buf_add_char(&out, '\n');
	}
	buf_add_str(&out, "  rules\n");
	json_array_foreach(json_object_get(mail, "rules"), i, o)
		test_rule(&out, o);
	fwrite(out.ptr, 1, out.len, stdout);
	fflush(stdout);
	buf_fini(&out);
}

/* test_failed - did a rule not end well */
static bool
test_failed(const json_t *rules)
{
	json_t *o;
	size_t i;

	json_array_foreach(rules, i, o) {
		if (json_object_get(o, "error") != NULL)
			return true;
	}
	return false;
}

/* test_mail - one mail through all stages */
static void
test_mail(struct test_run *t, weir_str raw, bool from_quoted,
    const char *name)
{
	struct drive_mail mail;
	struct drive_run run;
	json_t *record, *rules;

	drive_mail_init(&mail, raw, from_quoted);
	trace_begin();
	drive_run_begin(&run, &t->o, &mail);
	rules = trace_end();
	record = drive_record(&run, name, 0);
	json_object_set_new(record, "rules", rules);
	drive_run_end(&run);
	drive_mail_fini(&mail);
	t->failed += test_failed(rules);
	if (t->json) {
		fputs(t->mails > 0 ? ",\n" : "[\n", stdout);
		json_dumpf(record, stdout, JSON_INDENT(2) |
		    JSON_REAL_PRECISION(15));
	} else {
		test_text(record);
	}
	t->mails++;
	json_decref(record);
}

/* test_file - all mails of a file */
static int
test_file(struct test_run *t, const char *path)
{
	struct buf name = BUF_INIT;
	struct drive_source source;
	struct err err = { "" };
	weir_str raw;

	if (drive_source_open(&source, path, &err) < 0) {
		fprintf(stderr, "weirctl: %s\n", err.text);
		return EXIT_FAILED;
	}
	while (!ferror(stdout) && drive_source_next(&source, &raw)) {
		buf_clear(&name);
		buf_add_str(&name, path);
		if (drive_source_has_more(&source))
			buf_printf(&name, "#%u", source.count);
		test_mail(t, raw, source.is_mbox, name.ptr);
	}
	buf_fini(&name);
	drive_source_close(&source);
	return EXIT_DONE;
}

/* test_all - all that the words name */
static int
test_all(struct test_run *t, int argc, char **argv)
{
	int status = EXIT_DONE;

	for (int i = 0; i < argc; i++) {
		struct err err = { "" };

		if (drive_files_add(&t->o.files, argv[i], &err) < 0) {
			fprintf(stderr, "weirctl: %s\n", err.text);
			status = EXIT_FAILED;
		}
	}
	for (size_t i = 0; i < t->o.files.paths.n; i++) {
		if (test_file(t, t->o.files.paths.v[i]) != EXIT_DONE)
			status = EXIT_FAILED;
	}
	if (t->json)
		puts(t->mails > 0 ? "\n]" : "[]");
	else
		printf("%zu mails%s\n", t->mails, t->failed > 0 ?
		    ", a rule failed" : "");
	return t->failed > 0 ? EXIT_FAILED : status;
}

/* weirctl_rules_test - rules test [OPTION ...] FILE|DIR MAIL|DIR ... */
int
weirctl_rules_test(struct weirctl *w, int argc, char **argv)
{
	struct test_run t = { .json = w->json };
	int status = EXIT_USAGE;
	struct rules_try try;

	if (test_parse(w, &t.o, argc, argv) < 0) {
		drive_options_fini(&t.o);
		return EXIT_USAGE;
	}
	if (access(argv[optind], R_OK) != 0) {
		fprintf(stderr, "weirctl: %s: can't be read\n", argv[optind]);
	} else if (rules_try_begin(&try, t.o.conf, argv[optind], w->zone,
	    false) == WEIR_OK) {
		t.o.hostname = try.conf->hostname;
		if (t.o.now_ms != 0)
			clock_set_wall(t.o.now_ms);
		rules_try_print(&try);
		if (try.problems.n == 0)
			status = test_all(&t, argc - optind - 1,
			    argv + optind + 1);
		rules_try_end(&try);
	}
	drive_options_fini(&t.o);
	return status;
}
