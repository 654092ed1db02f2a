/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weir-drive - run messages through a configuration, without MTA or network. */
#include "drive.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "daemon/crash.h"
#include "daemon/engine.h"
#include "drive_options.h"
#include "loop/loop.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "pipe/guard.h"

#define EXIT_UNREADABLE 1
#define EXIT_REFUSED 2
#define PROGRESS_NS 200000000u

static struct conf_snapshot *snapshot;
static struct conf *conf;

/* How far it has come. */
struct drive_progress {
	bool shown;
	size_t total, done; /* files */
	size_t messages;
	uint64_t last_ns;
};

/* drive_print_report - what is wrong with the configuration */
static void
drive_print_report(const struct conf_report *report)
{
	struct buf text = BUF_INIT;

	conf_report_print(report, &text);
	fputs(buf_str(&text).ptr, stderr);
	buf_fini(&text);
}

/* drive_load - the configuration as the daemon would read it */
static int
drive_load(const struct drive_options *o)
{
	struct conf_report report = CONF_REPORT_INIT;
	int status = WEIR_E_INVAL;

	snapshot = conf_snapshot_take(o->conf, &report);
	if (snapshot != NULL)
		status = engine_load(snapshot, &conf, &report);
	if (status < 0 || !o->quiet)
		drive_print_report(&report);
	conf_report_fini(&report);
	return status;
}

/* drive_listener - as which listener the messages come */
static int
drive_listener(struct drive_options *o)
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
		    o->conf, o->front.listener);
		return WEIR_E_NOTFOUND;
	}
	if (o->front.listener == NULL)
		o->front.listener = "drive";
	if (o->front.direction == NULL)
		o->front.direction = direction;
	return WEIR_OK;
}

/* drive_mark - a module that crashes here is named, as in the daemon */
static void
drive_mark(void)
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

/* drive_start - everything up to running modules */
static int
drive_start(struct drive_options *o)
{
	struct log_config lc = { .level = o->log_level, .target = "stderr",
		.ident = "weir-drive" };
	struct err err = { "" };

	if (log_init(&lc, &err) < 0 || drive_load(o) < 0 ||
	    drive_listener(o) < 0)
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
	drive_mark();
	loop_init();
	if (engine_start(conf, ENGINE_DRIVE, &err) < 0) {
		fprintf(stderr, "weir-drive: %s\n", err.text);
		return WEIR_E_INVAL;
	}
	return WEIR_OK;
}

/* drive_show_progress - on a terminal, a few times a second */
static void
drive_show_progress(struct drive_progress *p, bool end)
{
	uint64_t now;

	if (!p->shown)
		return;
	now = clock_mono_ns();
	if (end) {
		fputs("\r\033[K", stderr);
	} else if (now - p->last_ns > PROGRESS_NS) {
		fprintf(stderr, "\r%zu/%zu files, %zu messages ", p->done,
		    p->total, p->messages);
		p->last_ns = now;
	}
	fflush(stderr);
}

/* drive_one - one attempt at one message */
static void
drive_one(const struct drive_options *o, weir_str raw, bool from_quoted,
    const char *name, int attempt)
{
	struct drive_mail mail;
	struct drive_run run;

	drive_mail_init(&mail, raw, from_quoted);
	drive_run_begin(&run, o, &mail);
	drive_report(&run, name, attempt, stdout);
	drive_run_end(&run);
	drive_mail_fini(&mail);
}

/* drive_message - one message, as often as asked */
static void
drive_message(const struct drive_options *o, weir_str raw, bool from_quoted,
    const char *name, struct drive_progress *p)
{
	if (!o->again) {
		if (p->messages > 0)
			clock_advance(o->advance_ms);
		drive_one(o, raw, from_quoted, name, 0);
	} else {
		drive_one(o, raw, from_quoted, name, 1);
		clock_advance(o->advance_ms);
		drive_one(o, raw, from_quoted, name, 2);
	}
	p->messages++;
	drive_show_progress(p, false);
}

/* drive_file - all messages of one file */
static int
drive_file(const struct drive_options *o, const char *path,
    struct drive_progress *p)
{
	struct buf name = BUF_INIT;
	struct drive_source source;
	struct err err = { "" };
	weir_str raw;

	if (drive_source_open(&source, path, &err) < 0) {
		fprintf(stderr, "weir-drive: %s\n", err.text);
		return WEIR_E_NOTFOUND;
	}
	while (!ferror(stdout) && drive_source_next(&source, &raw)) {
		buf_clear(&name);
		buf_add_str(&name, path);
		if (drive_source_has_more(&source))
			buf_printf(&name, "#%u", source.count);
		drive_message(o, raw, source.is_mbox, name.ptr, p);
	}
	buf_fini(&name);
	drive_source_close(&source);
	return WEIR_OK;
}

/* drive_all - every message; the exit status */
static int
drive_all(struct drive_options *o, const struct drive_paths *eml)
{
	struct drive_progress p = { .shown = !o->quiet &&
		isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) };
	int status = 0;

	for (size_t i = 0; i < eml->v.n; i++) {
		struct err err = { "" };

		if (drive_files_add(&o->files, eml->v.v[i], &err) < 0) {
			fprintf(stderr, "weir-drive: %s\n", err.text);
			status = EXIT_UNREADABLE;
		}
	}
	if (o->split)
		fprintf(stderr, "weir-drive: --split=%llu\n",
		    (unsigned long long)o->seed);
	p.total = o->files.paths.n;
	for (; p.done < p.total && !ferror(stdout); p.done++) {
		if (drive_file(o, o->files.paths.v[p.done], &p) < 0)
			status = EXIT_UNREADABLE;
	}
	drive_show_progress(&p, true);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("weir-drive: can't write the results\n", stderr);
		status = EXIT_UNREADABLE;
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct drive_paths eml = { VEC_INIT };
	struct drive_options o;
	int status = drive_options_parse(&o, &eml, argc, argv);

	if (status == WEIR_OK)
		status = drive_start(&o);
	if (status < 0) {
		/* what was begun ends with the process */
		fflush(stdout);
		_exit(EXIT_REFUSED);
	}
	if (status == WEIR_OK) {
		status = drive_all(&o, &eml);
		engine_stop();
		log_fini();
		loop_fini(false);
		metric_destroy();
	} else {
		status = 0;
	}
	conf_destroy(&conf);
	conf_snapshot_release(&snapshot);
	drive_options_fini(&o);
	vec_fini(&eml.v);
	return status;
}
