/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weir-drive - run messages through a configuration, without MTA or network. */
#include "drive.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive_options.h"
#include "drive_suite.h"

#define EXIT_UNREADABLE 1
#define EXIT_REFUSED 2
#define PROGRESS_NS 200000000u

/* How far it has come. */
struct drive_progress {
	bool shown;
	size_t total, done; /* files */
	size_t messages;
	bool failed; /* an odd pass did not hold */
	uint64_t last_ns;
};

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

/* What drive_pass_fn gets. */
struct drive_pass {
	const struct drive_options *o;
	weir_str raw;
	bool from_quoted;
};

/* drive_pass - the message once more, unseen */
static bool
drive_pass(void *arg, uint64_t cancel_at)
{
	const struct drive_pass *p = arg;
	struct drive_mail mail;
	struct drive_run run;
	bool gone;

	memset(&run, 0, sizeof(run));
	run.cancel_at = cancel_at;
	drive_mail_init(&mail, p->raw, p->from_quoted);
	drive_run_again(&run, p->o, &mail);
	gone = run.cancelled;
	drive_run_end(&run);
	drive_mail_fini(&mail);
	return cancel_at != 0 && gone;
}

/* drive_odd - --cancel-each, --repeat, --leaks; false: something did not
   hold */
static bool
drive_odd(const struct drive_options *o, weir_str raw, bool from_quoted,
    const char *name)
{
	struct drive_pass pass = { o, raw, from_quoted };
	struct drive_tally t = { .heap_growth = -1 };
	struct err why = { "" };
	int status = WEIR_OK;

	if (o->cancel_each)
		status = drive_cancel_each(drive_pass, &pass, &t, &why);
	if (status == WEIR_OK && (o->repeat > 0 || o->leaks))
		status = drive_repeat(drive_pass, &pass,
		    o->repeat > 0 ? o->repeat : 200, o->leaks, &t, &why);
	if (status < 0)
		fprintf(stderr, "weir-drive: %s: %s\n", name, why.text);
	else if (t.passes > 0 && !o->quiet)
		fprintf(stderr, "weir-drive: %s: %llu passes more, "
		    "disconnected at %llu steps\n", name,
		    (unsigned long long)t.passes, (unsigned long long)t.steps);
	return status == WEIR_OK;
}

/* drive_message - one message, as often as asked */
static void
drive_message(const struct drive_options *o, weir_str raw, bool from_quoted,
    const char *name, struct drive_progress *p)
{
	if (!o->again) {
		if (p->messages > 0)
			drive_run_advance(o->advance_ms);
		drive_one(o, raw, from_quoted, name, 0);
	} else {
		drive_one(o, raw, from_quoted, name, 1);
		drive_run_advance(o->advance_ms);
		drive_one(o, raw, from_quoted, name, 2);
	}
	if (!drive_odd(o, raw, from_quoted, name))
		p->failed = true;
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
	return status == 0 && p.failed ? EXIT_UNREADABLE : status;
}

int
main(int argc, char **argv)
{
	struct drive_paths eml = { VEC_INIT };
	struct drive_options o;
	int status = drive_options_parse(&o, &eml, argc, argv);

	if (status == WEIR_OK && (o.split || o.shuffle))
		fprintf(stderr, "weir-drive: --%s=%llu\n",
		    o.split ? "split" : "shuffle",
		    (unsigned long long)o.seed);
	if (status == WEIR_OK && o.cases.n > 0) {
		status = drive_suite(&o, stdout);
		drive_options_fini(&o);
		vec_fini(&eml.v);
		return status;
	}
	if (status == WEIR_OK)
		status = drive_engine_start(&o, "--module", NULL, NULL);
	if (status < 0) {
		/* what was begun ends with the process */
		fflush(stdout);
		_exit(EXIT_REFUSED);
	}
	status = status == WEIR_OK ? drive_all(&o, &eml) : 0;
	drive_engine_stop();
	drive_options_fini(&o);
	vec_fini(&eml.v);
	return status;
}
