/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_local - commands that need no daemon: check, config, mta-config, and
   explain when it does not run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "ctl/explain_text.h"
#include "ctl/find.h"
#include "ctl/format.h"
#include "ctl/mta.h"
#include "ctl/weirctl.h"
#include "daemon/engine.h"
#include "daemon/probe.h"

/* local_usage - it was used wrongly */
static int
local_usage(const char *usage)
{
	fprintf(stderr, "usage: weirctl %s\n", usage);
	return EXIT_USAGE;
}

/* local_lines - a report as a JSON list */
static json_t *
local_lines(const char *text)
{
	json_t *all = json_array();

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			json_array_append_new(all, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return all;
}

/* weirctl_check - weir -t */
int
weirctl_check(struct weirctl *w, int argc, char **argv)
{
	static const char *const words[] = { "clean", "usable, with warnings",
		"refused" };
	const char *path = argc > 1 ? argv[1] : w->config;
	struct conf_report report = CONF_REPORT_INIT;
	struct probe_result r;
	struct conf_snapshot *snap;
	int status;

	if (argc > 2)
		return local_usage("check [FILE]");
	memset(&r, 0, sizeof(r));
	snap = conf_snapshot_take(path, &report);
	if (snap != NULL) {
		probe_run(snap, &r);
	} else {
		conf_report_print(&report, &r.report);
		r.errors = 1;
	}
	status = r.errors > 0 ? 2 : r.warnings > 0 ? 1 : 0;
	if (w->json) {
		json_t *o = json_pack("{s:s,s:s,s:i,s:o}", "file", path,
		    "result", words[status], "status", status, "report",
		    local_lines(buf_str(&r.report).ptr));

		weirctl_print_json(o);
		json_decref(o);
	} else {
		fputs(buf_str(&r.report).ptr, stderr);
		printf("%s: %s\n", path, words[status]);
	}
	probe_result_fini(&r);
	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return status;
}

/* weirctl_config - config show [--origin] */
int
weirctl_config(struct weirctl *w, int argc, char **argv)
{
	struct conf_report report = CONF_REPORT_INIT;
	bool origin = argc == 3 && strcmp(argv[2], "--origin") == 0;
	struct conf_snapshot *snap;
	struct buf out = BUF_INIT;
	struct conf *conf = NULL;

	if (argc < 2 || strcmp(argv[1], "show") != 0 ||
	    (argc > 2 && !origin))
		return local_usage("config show [--origin]");
	snap = conf_snapshot_take(w->config, &report);
	if (snap != NULL)
		engine_load(snap, &conf, &report);
	conf_report_print(&report, &out);
	fputs(buf_str(&out).ptr, stderr);
	conf_report_fini(&report);
	buf_clear(&out);
	if (conf != NULL) {
		conf_dump(conf, origin, w->json, &out);
		fwrite(buf_str(&out).ptr, 1, out.len, stdout);
	}
	buf_fini(&out);
	argc = conf != NULL ? EXIT_DONE : EXIT_FAILED;
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return argc;
}

/* local_explain - read the records ourselves */
static int
local_explain(const struct weirctl *w, const struct conf *conf,
    const char *key)
{
	struct err err = { "" };
	struct buf out = BUF_INIT;
	json_t *found = NULL;

	if (find_records(conf->explain.path, key, &found, &err) < 0) {
		fprintf(stderr, "weirctl: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (w->json) {
		weirctl_print_json(found);
	} else {
		explain_text_all(found, &out);
		fwrite(buf_str(&out).ptr, 1, out.len, stdout);
	}
	buf_fini(&out);
	json_decref(found);
	return EXIT_DONE;
}

/* weirctl_explain - the daemon knows best; without it the database does */
int
weirctl_explain(struct weirctl *w, int argc, char **argv)
{
	struct conf_snapshot *snap = NULL;
	struct conf *conf = NULL;
	struct wire_reply reply;
	struct err err = { "" };
	int status;

	if (argc != 2)
		return local_usage("explain ID|QUEUE-ID");
	status = client_ask(w->socket, 2, (const char *const *)argv, w->json,
	    &reply, &err);
	if (status == WEIR_E_NOTFOUND)
		conf = weirctl_conf(w, &snap, true);
	if (conf == NULL)
		return weirctl_say(w, status, &reply, &err, argv[0]);
	fprintf(stderr, "weirctl: no daemon answers, reading %s\n",
	    conf->explain.path);
	status = local_explain(w, conf, argv[1]);
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return status;
}

/* What mta-config was asked for. */
struct mta_options {
	bool sendmail;
	const char *version, *config_dir;
};

/* mta_options_parse - false: not understood */
static bool
mta_options_parse(int argc, char **argv, struct mta_options *o)
{
	memset(o, 0, sizeof(*o));
	o->config_dir = "";
	if (argc < 2 || (strcmp(argv[1], "postfix") != 0 &&
			    strcmp(argv[1], "sendmail") != 0))
		return false;
	o->sendmail = strcmp(argv[1], "sendmail") == 0;
	for (int i = 2; i < argc; i += 2) {
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--version") == 0)
			o->version = argv[i + 1];
		else if (strcmp(argv[i], "--config-dir") == 0)
			o->config_dir = argv[i + 1];
		else
			return false;
	}
	return true;
}

/* mta_options_env - ask the MTA; a version alone stands for another host,
   about which ours says nothing */
static int
mta_options_env(const struct mta_options *o, struct mta_env *env)
{
	struct err err = { "" };
	int status = WEIR_OK;

	memset(env, 0, sizeof(*env));
	env->chroot = -1;
	if (!o->sendmail && (o->version == NULL || o->config_dir[0] != '\0'))
		status = mta_postfix_env(o->config_dir, env, &err);
	else if (!o->sendmail)
		snprintf(env->queue_directory, sizeof(env->queue_directory),
		    "/var/spool/postfix");
	if (status == WEIR_OK && o->version != NULL &&
	    !mta_version_parse(o->version, env))
		status = err_set(&err, WEIR_E_INVAL, "\"%s\" is no version",
		    o->version);
	else if (status < 0 && o->config_dir[0] == '\0')
		fprintf(stderr, "weirctl: what version of Postfix? (--version "
		    "X.Y)\n");
	if (status < 0)
		fprintf(stderr, "weirctl: %s\n", err.text);
	return status;
}

/* local_conf - with the modules, whose timeouts count, if they can be loaded */
static struct conf *
local_conf(const struct weirctl *w, struct conf_snapshot **snap)
{
	struct conf_report ignored = CONF_REPORT_INIT;
	struct conf *plain = weirctl_conf(w, snap, false), *conf = NULL;

	if (plain != NULL && engine_load(*snap, &conf, &ignored) == WEIR_OK)
		conf_destroy(&plain);
	conf_report_fini(&ignored);
	return conf != NULL ? conf : plain;
}

/* weirctl_mta_config - mta-config postfix|sendmail */
int
weirctl_mta_config(struct weirctl *w, int argc, char **argv)
{
	struct conf_snapshot *snap = NULL;
	struct buf out = BUF_INIT;
	struct mta_options options;
	struct mta_plan plan;
	struct mta_env env;
	struct conf *conf;

	if (!mta_options_parse(argc, argv, &options))
		return local_usage("mta-config postfix|sendmail "
		    "[--version X.Y] [--config-dir DIR]");
	conf = local_conf(w, &snap);
	if (conf == NULL)
		return EXIT_FAILED;
	if (mta_options_env(&options, &env) < 0) {
		conf_destroy(&conf);
		conf_snapshot_release(&snap);
		return EXIT_FAILED;
	}
	if (options.sendmail)
		mta_sendmail(conf, &env, &plan);
	else
		mta_postfix(conf, &env, &plan);
	if (w->json) {
		json_t *o = mta_plan_json(&plan, &env);

		weirctl_print_json(o);
		json_decref(o);
	} else {
		mta_plan_text(&plan, &env, &out);
		fwrite(out.ptr, 1, out.len, stdout);
	}
	buf_fini(&out);
	mta_plan_fini(&plan);
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return EXIT_DONE;
}
