/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_offline - a module's command in this process: the DNS may be a zone
   file, the store is empty.  No other module of the configuration runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/weirctl.h"
#include "daemon/engine.h"
#include "host/control.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "obs/metric.h"

#define OFFLINE_TIMEOUT_MS 60000

/* What is to be done in the engine. */
struct offline_task {
	int argc;
	char **argv;
	bool only_local;
	json_t *list; /* not NULL: only write down what commands there are */
};

/* What came of the command. */
struct offline_answer {
	bool done;
	int status;
	bool misused;
};

/* offline_done - print the answer */
static void
offline_done(const struct control_reply *reply, void *arg)
{
	struct offline_answer *a = arg;
	weir_str err = buf_str(&reply->err);

	fwrite(buf_str(&reply->out).ptr, 1, reply->out.len, stdout);
	fwrite(err.ptr, 1, err.len, stderr);
	if (err.len > 0 && err.ptr[err.len - 1] != '\n')
		fputc('\n', stderr);
	a->status = reply->status;
	a->misused = reply->misused;
	a->done = true;
}

/* offline_conf - the file, else one with just this module */
static struct conf_snapshot *
offline_conf(const struct weirctl *w, const char *module, bool file,
    struct conf_report *report)
{
	struct buf text = BUF_INIT;
	struct conf_snapshot *snap;

	if (file)
		return conf_snapshot_take(w->config, report);
	buf_printf(&text, "module \"%s\" { }\n", module);
	snap = conf_snapshot_of("weirctl", text.ptr, text.len, report);
	buf_fini(&text);
	return snap;
}

/* offline_only - leave out the modules that are not asked; false: the one that
   is asked is not there */
static bool
offline_only(struct conf *conf, const char *module)
{
	for (size_t i = 0; i < conf->n_modules; i++) {
		if (strcmp(conf->modules[i].name, module) != 0)
			continue;
		conf->modules[0] = conf->modules[i];
		conf->n_modules = 1;
		return true;
	}
	return false;
}

/* offline_load - read it as the daemon would */
static struct conf *
offline_load(const struct weirctl *w, const char *module, bool file,
    bool quiet, struct conf_snapshot **snap)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	struct conf *conf = NULL;

	*snap = offline_conf(w, module, file, &report);
	if (*snap != NULL && engine_load(*snap, &conf, &report) == WEIR_OK) {
		if (offline_only(conf, module)) {
			conf_report_fini(&report);
			return conf;
		}
		if (!quiet)
			fprintf(stderr, "weirctl: %s has no module \"%s\"\n",
			    w->config, module);
		conf_destroy(&conf);
		conf_snapshot_release(snap);
	} else if (quiet) {
		conf_destroy(&conf);
		conf_snapshot_release(snap);
	} else {
		conf_report_print(&report, &text);
		fputs(buf_str(&text).ptr, stderr);
		buf_fini(&text);
		conf_destroy(&conf);
		conf_snapshot_release(snap);
	}
	conf_report_fini(&report);
	return conf;
}

/* offline_is_word - may it be a module's name? */
static bool
offline_is_word(const char *s)
{
	return *s != '\0' &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* offline_is_local - is this command weirctl's to run? */
static bool
offline_is_local(int argc, char **argv)
{
	const struct control_command *c = control_commands();

	while (c != NULL && (argc < 2 || strcmp(c->module->name, argv[0]) != 0 ||
				strcmp(c->name, argv[1]) != 0))
		c = c->next;
	return c != NULL && c->local;
}

/* offline_no_command - say so */
static int
offline_no_command(char **argv)
{
	fprintf(stderr, "weirctl: there is no command \"%s %s\"; weirctl "
	    "help %s lists those that there are\n", argv[0],
	    argv[1] != NULL ? argv[1] : "", argv[0]);
	return EXIT_USAGE;
}

/* offline_run - the engine is up: run the command to its end */
static int
offline_run(const struct weirctl *w, int argc, char **argv)
{
	struct offline_answer a = { .done = false };
	int status = control_run(argv[0], (uint32_t)argc - 1,
	    (const char *const *)argv + 1, w->json, (int64_t)getuid(),
	    offline_is_local(argc, argv) ? INT32_MAX : OFFLINE_TIMEOUT_MS,
	    offline_done, &a);

	if (status < 0)
		return offline_no_command(argv);
	while (!a.done)
		loop_once(true);
	return a.misused ? EXIT_USAGE : a.status < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* offline_list - what commands the module has; in the order of registration */
static int
offline_list(json_t *list)
{
	for (const struct control_command *c = control_commands(); c != NULL;
	     c = c->next)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}",
		    "module", c->module->name, "name", c->name, "usage",
		    c->usage, "help", c->help));
	return EXIT_DONE;
}

/* offline_misses - has the module commands, but not this one? */
static bool
offline_misses(const struct offline_task *t)
{
	const struct control_command *c = control_commands();
	bool any = c != NULL;

	while (c != NULL && (t->argc < 2 || strcmp(c->name, t->argv[1]) != 0))
		c = c->next;
	return any && c == NULL;
}

/* offline_do - the engine is up */
static int
offline_do(const struct weirctl *w, const struct offline_task *t)
{
	if (t->list != NULL)
		return offline_list(t->list);
	if (offline_misses(t))
		return offline_no_command(t->argv);
	return !t->only_local || offline_is_local(t->argc, t->argv) ?
	    offline_run(w, t->argc, t->argv) : WEIRCTL_NOT_LOCAL;
}

/* offline_engine - start, do it, stop */
static int
offline_engine(const struct weirctl *w, const struct conf *conf,
    enum engine_kind kind, const struct offline_task *t)
{
	struct err err = { "" };
	int status;

	metric_create();
	loop_init();
	control_be_local();
	if (engine_start(conf, kind, &err) < 0) {
		fprintf(stderr, "weirctl: %s\n", err.text);
		fflush(NULL);
		/* what was begun ends with the process */
		_exit(EXIT_USAGE);
	}
	status = offline_do(w, t);
	fflush(stdout);
	engine_stop();
	return status;
}

/* offline_open - read the module's configuration, do it */
static int
offline_open(struct weirctl *w, const struct offline_task *t)
{
	struct log_config lc = { .level = WEIR_LOG_WARN, .target = "stderr",
		.ident = "weirctl" };
	/* a local command works with what the daemon has; a folder or a zone
	   given by hand needs no configuration */
	bool file = w->config_given || (w->zone == NULL && !w->offline);
	struct conf_snapshot *snap;
	struct err err = { "" };
	struct conf *conf;
	int status;

	if (!offline_is_word(t->argv[0])) {
		if (t->only_local)
			return WEIRCTL_NOT_LOCAL;
		fprintf(stderr, "weirctl: \"%s\" is no module\n",
		    t->argv[0]);
		return EXIT_USAGE;
	}
	if (log_init(&lc, &err) < 0)
		return EXIT_USAGE;
	conf = offline_load(w, t->argv[0], file, t->only_local, &snap);
	if (conf == NULL)
		return t->only_local ? WEIRCTL_NOT_LOCAL : EXIT_USAGE;
	if (w->zone != NULL)
		conf->dns.zone = w->zone;
	status = offline_engine(w, conf, file ? ENGINE_LOCAL : ENGINE_DRIVE, t);
	log_fini();
	loop_fini(false);
	metric_destroy();
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return status;
}

/* weirctl_offline - MODULE COMMAND ... in this process */
int
weirctl_offline(struct weirctl *w, int argc, char **argv, bool only_local)
{
	struct offline_task t = { argc, argv, only_local, NULL };

	return offline_open(w, &t);
}

/* weirctl_offline_list - of a module, whether it is configured or not */
void
weirctl_offline_list(struct weirctl *w, char *module, json_t *list)
{
	char *argv[] = { module, NULL };
	struct offline_task t = { 1, argv, true, list };
	struct weirctl alone = *w;

	if (offline_open(w, &t) == EXIT_DONE)
		return;
	alone.config_given = false;
	alone.offline = true;
	alone.zone = NULL;
	offline_open(&alone, &t);
}
