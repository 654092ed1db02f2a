/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/weirctl_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "conf/value.h"
#include "ctl/format.h"
#include "daemon/engine.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "obs/metric.h"

/* rules_on_problem - keep one; a name that lint has found is not told again
   when the file runs into it */
static void
rules_on_problem(const char *file, int line, const char *text, bool lint,
    void *arg)
{
	struct rules_try *t = arg;
	struct rules_problem *p;
	char word[100];

	for (size_t i = 0; !lint && i < t->problems.n; i++) {
		const struct rules_problem *other = &t->problems.v[i];
		const char *quote = strchr(other->text, '"');
		size_t n = quote != NULL ? strcspn(quote + 1, "\"") : 0;

		if (!other->lint || n == 0 || n >= sizeof(word) ||
		    strcmp(other->file, file) != 0)
			continue;
		memcpy(word, quote + 1, n);
		word[n] = '\0';
		if (strstr(text, word) != NULL)
			return;
	}
	p = vec_push(&t->problems);
	p->file = xstrdup(file);
	p->text = xstrdup(text);
	p->line = line;
	p->lint = lint;
}

/* rules_print_report - what is wrong with the configuration */
static void
rules_print_report(const struct conf_report *report)
{
	struct buf text = BUF_INIT;

	conf_report_print(report, &text);
	fputs(buf_str(&text).ptr, stderr);
	buf_fini(&text);
}

/* rules_wrapped - the configuration's file and a section for rules, which it
   does not have */
static struct conf_snapshot *
rules_wrapped(const char *conf, struct conf_report *report)
{
	char name[256];
	struct conf_snapshot *snap = NULL;
	char *full = realpath(conf, NULL);
	struct buf text = BUF_INIT;
	int fd;

	text_temporary(name, sizeof(name), "weirctl");
	fd = full != NULL ? mkstemp(name) : -1;
	if (fd >= 0) {
		buf_add_str(&text, "include(");
		value_string_print(full, &text);
		buf_add_str(&text, ")\nrules { }\n");
		if (write(fd, text.ptr, text.len) == (ssize_t)text.len)
			snap = conf_snapshot_take(name, report);
		close(fd);
		unlink(name);
	}
	buf_fini(&text);
	free(full);
	return snap;
}

/* rules_conf - with modules and a section rules */
static int
rules_conf(struct rules_try *t, const char *conf, struct conf_report *report)
{
	static const char alone[] = "rules { }\n";
	int status = WEIR_E_INVAL;

	t->snap = conf != NULL ? conf_snapshot_take(conf, report) :
	    conf_snapshot_of("weirctl", alone, sizeof(alone) - 1, report);
	if (t->snap != NULL)
		status = engine_load(t->snap, &t->conf, report);
	if (status < 0 || conf_module_find(t->conf, "rules") != NULL)
		return status;
	conf_destroy(&t->conf);
	conf_snapshot_release(&t->snap);
	t->snap = rules_wrapped(conf, report);
	return t->snap != NULL ? engine_load(t->snap, &t->conf, report) :
				 WEIR_E_INVAL;
}

/* rules_names - lists for lint; they live until rules_try_end */
static const struct lint_known *
rules_names(struct rules_try *t, bool conf)
{
	struct lint_known *k = xcalloc(1, sizeof(*k));
	const char **modules, **networks;
	VEC(const char *) symbols = VEC_INIT;

	if (!conf)
		return k;
	modules = xcalloc(t->conf->n_modules + 1, sizeof(*modules));
	networks = xcalloc(t->conf->n_networks + 1, sizeof(*networks));
	for (size_t i = 0; i < t->conf->n_networks; i++)
		networks[i] = t->conf->networks[i].name;
	for (size_t i = 0; i < t->conf->n_modules; i++) {
		const struct weir_module *d = t->conf->modules[i].desc;

		modules[i] = t->conf->modules[i].name;
		for (const struct weir_symbol *s = d->symbols;
		     s != NULL && s->name != NULL;
		     s = (const void *)((const char *)s + d->stride_symbol))
			*vec_push(&symbols) = s->name;
	}
	*vec_push(&symbols) = NULL;
	k->symbols = symbols.v;
	k->modules = modules;
	k->networks = networks;
	return k;
}

/* rules_only - of all modules leave rules: no other one is started */
static void
rules_only(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_modules; i++) {
		if (strcmp(conf->modules[i].name, "rules") == 0) {
			conf->modules += i;
			conf->n_modules = 1;
		}
	}
}

/* rules_try_begin - read them */
int
rules_try_begin(struct rules_try *t, const char *conf, const char *path,
    const char *zone, bool lint)
{
	struct log_config lc = { .level = WEIR_LOG_WARN, .target = "stderr",
		.ident = "weirctl" };
	struct conf_report report = CONF_REPORT_INIT;
	struct err err = { "" };
	int status;

	memset(t, 0, sizeof(*t));
	t->watch.path = path;
	t->watch.problem = rules_on_problem;
	t->watch.arg = t;
	status = log_init(&lc, &err);
	if (status == WEIR_OK)
		status = rules_conf(t, conf, &report);
	rules_print_report(&report);
	conf_report_fini(&report);
	if (status < 0) {
		rules_try_end(t);
		return status;
	}
	t->conf->dns.zone = zone != NULL ? zone : "/dev/null";
	if (lint) {
		t->watch.known = rules_names(t, conf != NULL);
		rules_only(t->conf);
	}
	rules_watch = &t->watch;
	metric_create();
	loop_init();
	status = engine_start(t->conf, ENGINE_DRIVE, &err);
	if (status < 0) {
		fprintf(stderr, "weirctl: %s\n", err.text);
		fflush(NULL);
		/* what was begun ends with the process */
		_exit(EXIT_USAGE);
	}
	t->started = true;
	return WEIR_OK;
}

/* rules_try_end - free it */
void
rules_try_end(struct rules_try *t)
{
	struct lint_known *k = (struct lint_known *)(uintptr_t)t->watch.known;

	if (t->started) {
		engine_stop();
		loop_fini(false);
		metric_destroy();
	}
	log_fini();
	rules_watch = NULL;
	if (k != NULL) {
		free((void *)(uintptr_t)k->symbols);
		free((void *)(uintptr_t)k->modules);
		free((void *)(uintptr_t)k->networks);
		free(k);
	}
	for (size_t i = 0; i < t->problems.n; i++) {
		free(t->problems.v[i].file);
		free(t->problems.v[i].text);
	}
	vec_fini(&t->problems);
	conf_destroy(&t->conf);
	conf_snapshot_release(&t->snap);
}

/* rules_try_print - as compilers do */
void
rules_try_print(const struct rules_try *t)
{
	for (size_t i = 0; i < t->problems.n; i++) {
		const struct rules_problem *p = &t->problems.v[i];
		struct buf text = BUF_INIT;

		format_clean(p->file, &text);
		if (p->line > 0)
			buf_printf(&text, ":%d", p->line);
		buf_add_str(&text, ": ");
		format_clean(p->text, &text);
		fprintf(stderr, "%s\n", text.ptr);
		buf_fini(&text);
	}
}

/* check_json - the same for programs */
static void
check_json(const struct rules_try *t, json_t *all)
{
	for (size_t i = 0; i < t->problems.n; i++) {
		const struct rules_problem *p = &t->problems.v[i];

		json_array_append_new(all, json_pack("{s:s,s:i,s:s}", "file",
		    p->file, "line", p->line, "text", p->text));
	}
}

/* rules_check - rules check [-c FILE] FILE|DIR ... */
static int
rules_check(struct weirctl *w, int argc, char **argv)
{
	const char *conf = w->config_given ? w->config : NULL;
	size_t files = 0, rules = 0, problems = 0;
	json_t *all = json_array();
	int i = 0, status = EXIT_DONE;

	if (argc > 2 && strcmp(argv[0], "-c") == 0) {
		conf = argv[1];
		i = 2;
	}
	if (i == argc) {
		fprintf(stderr, "usage: weirctl %s\n", RULES_CHECK_USAGE);
		status = EXIT_USAGE;
	}
	for (; i < argc; i++) {
		struct rules_try t;

		if (access(argv[i], R_OK) != 0) {
			fprintf(stderr, "weirctl: %s: can't be read\n",
			    argv[i]);
			status = EXIT_USAGE;
			continue;
		}
		if (rules_try_begin(&t, conf, argv[i], NULL, true) < 0) {
			status = EXIT_USAGE;
			break;
		}
		files += t.watch.files;
		rules += t.watch.rules;
		problems += t.problems.n;
		if (w->json)
			check_json(&t, all);
		else
			rules_try_print(&t);
		rules_try_end(&t);
	}
	if (status == EXIT_DONE && problems > 0)
		status = EXIT_FAILED;
	if (w->json && status != EXIT_USAGE) {
		json_t *o = json_pack("{s:i,s:I,s:I,s:O}", "status", status,
		    "files", (json_int_t)files, "rules", (json_int_t)rules,
		    "problems", all);

		weirctl_print_json(o);
		json_decref(o);
	} else if (status != EXIT_USAGE) {
		printf("%zu files, %zu rules, %zu mistakes\n", files, rules,
		    problems);
	}
	json_decref(all);
	return status;
}

/* weirctl_rules - check and test here, the rest the daemon knows */
int
weirctl_rules(struct weirctl *w, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return rules_check(w, argc - 2, argv + 2);
	if (argc > 1 && strcmp(argv[1], "test") == 0)
		return weirctl_rules_test(w, argc - 1, argv + 1);
	if (w->zone != NULL || w->offline)
		return weirctl_offline(w, argc, argv, false);
	return weirctl_ask(w, argc, argv);
}
