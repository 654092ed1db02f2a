/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_engine - from options to running modules, and down again. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "daemon/crash.h"
#include "daemon/engine.h"
#include "drive.h"
#include "host/trial.h"
#include "loop/loop.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "pipe/guard.h"

static struct conf_snapshot *snapshot;
static struct conf *conf;
static bool started;

/* engine_print_report - what is wrong with the configuration */
static void
engine_print_report(const struct conf_report *report)
{
	struct buf text = BUF_INIT;

	conf_report_print(report, &text);
	fputs(buf_str(&text).ptr, stderr);
	buf_fini(&text);
}

/* engine_quote - as a string of the configuration */
static void
engine_quote(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

/* engine_file - the configuration that everything else is added to */
static int
engine_file(const char *path, struct buf *out)
{
	struct drive_source s;
	struct err err = { "" };

	if (drive_source_open(&s, path, &err) < 0) {
		fprintf(stderr, "weir-drive: %s\n", err.text);
		return WEIR_E_NOTFOUND;
	}
	buf_add(out, s.data.ptr, s.data.len);
	buf_add_char(out, '\n');
	drive_source_close(&s);
	return WEIR_OK;
}

/* engine_module - a section for a module's file; options are its rows */
static int
engine_module(struct buf *out, const char *file, const char *rows)
{
	char *path = realpath(file, NULL), *copy, *base;
	size_t len;

	if (path == NULL) {
		fprintf(stderr, "weir-drive: --module %s: %s\n", file,
		    strerror(errno));
		return WEIR_E_NOTFOUND;
	}
	copy = xstrdup(path);
	base = basename(copy);
	len = strlen(base);
	if (len < 8 || strncmp(base, "mod_", 4) != 0 ||
	    strcmp(base + len - 3, ".so") != 0) {
		fprintf(stderr, "weir-drive: --module %s: a module's file is "
		    "called mod_NAME.so\n", file);
		free(copy);
		free(path);
		return WEIR_E_INVAL;
	}
	base[len - 3] = '\0';
	buf_add_str(out, "module ");
	engine_quote(out, base + 4);
	buf_add_str(out, " { path = ");
	engine_quote(out, path);
	buf_printf(out, " %s }\n", rows);
	free(copy);
	free(path);
	return WEIR_OK;
}

/* engine_text - the file, then modules, then what is added; rows: options of
   the first module */
static int
engine_text(const struct drive_options *o, const char *added,
    const char *rows, struct buf *out)
{
	int status = o->conf != NULL ? engine_file(o->conf, out) : WEIR_OK;

	for (size_t i = 0; i < o->modules.n && status == WEIR_OK; i++)
		status = engine_module(out, o->modules.v[i],
		    i == 0 ? rows : "");
	buf_add_str(out, added);
	return status;
}

/* engine_snapshot - from the file, so that it may include others, or from
   all that there is */
static struct conf_snapshot *
engine_snapshot(const struct drive_options *o, const char *name,
    const char *added, const char *rows, struct conf_report *report)
{
	struct conf_snapshot *snap = NULL;
	struct buf text = BUF_INIT;

	if (o->modules.n == 0 && o->conf != NULL &&
	    (added == NULL || added[0] == '\0'))
		return conf_snapshot_take(o->conf, report);
	if (engine_text(o, added != NULL ? added : "",
		rows != NULL ? rows : "", &text) == WEIR_OK)
		snap = conf_snapshot_of(o->conf != NULL ? o->conf : name,
		    text.ptr, text.len, report);
	buf_fini(&text);
	return snap;
}

/* engine_read - the configuration as the daemon would read it */
static int
engine_read(const struct drive_options *o, const char *name,
    const char *added, const char *rows)
{
	struct conf_report report = CONF_REPORT_INIT;
	int status = WEIR_E_INVAL;

	snapshot = engine_snapshot(o, name, added, rows, &report);
	if (snapshot != NULL)
		status = engine_load(snapshot, &conf, &report);
	if (status < 0 || !o->quiet)
		engine_print_report(&report);
	conf_report_fini(&report);
	return status;
}

/* engine_listener - as which listener the messages come */
static int
engine_listener(struct drive_options *o)
{
	static const char *const directions[] = { "auto", "in", "out" };
	const char *direction = "auto";
	bool found = o->front.listener == NULL;

	for (size_t i = 0; i < conf->n_listeners && !found; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		found = strcmp(l->name, o->front.listener) == 0;
		direction = found ? directions[l->direction] : "auto";
	}
	if (!found) {
		fprintf(stderr, "weir-drive: %s has no listener \"%s\"\n",
		    o->conf != NULL ? o->conf : "the configuration",
		    o->front.listener);
		return WEIR_E_NOTFOUND;
	}
	if (o->front.listener == NULL)
		o->front.listener = "drive";
	if (o->front.direction == NULL)
		o->front.direction = direction;
	return WEIR_OK;
}

/* engine_mark - a module that crashes here is named, as in the daemon */
static void
engine_mark(void)
{
	int slot;

	board_create();
	metric_create();
	for (size_t i = 0; i < conf->n_modules; i++)
		board_module(conf->modules[i].name);
	slot = board_slot_take(0);
	guard_slot(slot);
	crash_init(slot);
}

/* engine_host - which host modules see */
static int
engine_host(const struct drive_options *o)
{
	struct err err = { "" };

	if (o->abi != NULL && trial_abi(o->abi, &err) < 0) {
		fprintf(stderr, "weir-drive: --abi: %s\n", err.text);
		return WEIR_E_INVAL;
	}
	if (o->strict)
		trial_strict();
	return WEIR_OK;
}

/* drive_engine_start - everything up to running modules */
int
drive_engine_start(struct drive_options *o, const char *name,
    const char *added, const char *rows)
{
	struct log_config lc = { .level = o->log_level, .target = "stderr",
		.ident = "weir-drive" };
	struct err err = { "" };

	if (log_init(&lc, &err) < 0 || engine_host(o) < 0 ||
	    engine_read(o, name, added, rows) < 0 || engine_listener(o) < 0)
		return WEIR_E_INVAL;
	o->hostname = conf->hostname;
	/* without a zone nothing is found, and nobody is asked */
	if (o->zone != NULL)
		conf->dns.zone = o->zone;
	else if (o->live_dns)
		conf->dns.zone = "";
	else if (conf->dns.zone[0] == '\0')
		conf->dns.zone = "/dev/null";
	if (o->now_ms != 0)
		clock_set_wall(o->now_ms);
	engine_mark();
	loop_init();
	if (o->shuffle || o->cancel_each)
		loop_single(true, o->shuffle ? o->seed : 0);
	if (engine_start(conf, ENGINE_DRIVE, &err) < 0) {
		fprintf(stderr, "weir-drive: %s\n", err.text);
		return WEIR_E_INVAL;
	}
	started = true;
	return WEIR_OK;
}

/* drive_engine_stop - down again */
void
drive_engine_stop(void)
{
	if (started) {
		loop_single(false, 0);
		engine_stop();
		log_fini();
		loop_fini(false);
		metric_destroy();
	}
	started = false;
	conf_destroy(&conf);
	conf_snapshot_release(&snapshot);
}
