/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/doctor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/load.h"
#include "ctl/format.h"
#include "host/load.h"

static const char *const level_names[] = { "ok", "warn", "fail" };

/* doctor_add - one more line */
void
doctor_add(struct doctor *d, enum doctor_level level, const char *check,
    const char *remedy, const char *fmt, ...)
{
	struct buf text = BUF_INIT, clean = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	format_clean(buf_str(&text).ptr, &clean);
	d->fails += level == DOCTOR_FAIL;
	d->warns += level == DOCTOR_WARN;
	json_array_append_new(d->results, json_pack("{s:s,s:s,s:s,s:s?}",
	    "check", check, "level", level_names[level], "text",
	    buf_str(&clean).ptr, "remedy", remedy));
	buf_fini(&text);
	buf_fini(&clean);
}

/* doctor_has_module - by the name in the file */
bool
doctor_has_module(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->probe.modules.n; i++) {
		if (strcmp(d->probe.modules.v[i], name) == 0)
			return true;
	}
	return false;
}

/* doctor_read - a file of /proc or /sys */
bool
doctor_read(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return true;
}

/* doctor_config - what weir -t says */
static void
doctor_config(struct doctor *d)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;

	d->snap = conf_snapshot_take(d->config, &report);
	if (d->snap != NULL) {
		probe_run(d->snap, &d->probe);
		buf_add_str(&text, buf_str(&d->probe.report).ptr);
		conf_load(d->snap, NULL, &d->conf, &report);
	} else {
		conf_report_print(&report, &text);
		d->probe.errors = 1;
	}
	conf_report_fini(&report);
	buf_reserve(&text, 1)[0] = '\0';
	text.ptr[strcspn(text.ptr, "\n")] = '\0';
	if (d->probe.errors > 0)
		doctor_add(d, DOCTOR_FAIL, "configuration",
		    "weirctl check tells everything that is wrong",
		    "%s is refused: %s", d->config, text.ptr);
	else if (d->probe.warnings > 0)
		doctor_add(d, DOCTOR_WARN, "configuration",
		    "weirctl check tells all warnings", "%s: %s",
		    d->config, text.ptr);
	else
		doctor_add(d, DOCTOR_OK, "configuration", NULL,
		    "%s, %zu modules", d->config, d->probe.modules.n);
	buf_fini(&text);
}

/* doctor_ask - the daemon's status */
static void
doctor_ask(struct doctor *d)
{
	const char *const argv[] = { "status" };
	struct wire_reply reply;
	struct err err = { "" };

	if (client_ask(d->w->socket, 1, argv, true, &reply, &err) < 0) {
		doctor_add(d, DOCTOR_FAIL, "daemon",
		    "start it (systemctl start weir), and see its log",
		    "%s", err.text);
		return;
	}
	d->status = json_loadb(buf_str(&reply.out).ptr, reply.out.len, 0,
	    NULL);
	wire_reply_fini(&reply);
	if (d->status == NULL) {
		doctor_add(d, DOCTOR_FAIL, "daemon", "see its log",
		    "it answers, but with nothing sensible");
		return;
	}
	d->pid = (pid_t)format_int(d->status, "answered_by");
}

/* doctor_choose - without -c: the file that the daemon runs with, if it is one
   that only root or we can have written */
static void
doctor_choose(struct doctor *d)
{
	const char *path = d->status != NULL ?
	    format_str(d->status, "config") : "";
	struct err err = { "" };

	d->config = d->w->config;
	if (d->w->config_given)
		return;
	if (path[0] == '/')
		d->adopted = load_resolved(path, &err);
	if (d->adopted != NULL)
		d->config = d->adopted;
	else if (path[0] == '/')
		doctor_add(d, DOCTOR_WARN, "configuration",
		    "see to its owner and rights, or name the file with -c",
		    "what the daemon runs with may have been changed by others "
		    "(%s): %s is judged", err.text, d->config);
	else if (d->w->socket_given)
		doctor_add(d, DOCTOR_WARN, "configuration",
		    "name the file with -c", "the daemon at %s does not say "
		    "which file it runs with: %s is judged", d->w->socket,
		    d->config);
}

/* doctor_daemon_trouble - what the daemon itself complains about */
static void
doctor_daemon_trouble(struct doctor *d)
{
	const json_t *store = json_object_get(d->status, "store");
	const json_t *rec = json_object_get(d->status, "records");
	const char *module;
	size_t i;
	json_t *b;

	if (format_bool(store, "degraded"))
		doctor_add(d, DOCTOR_FAIL, "store",
		    "free space on its disk, then see the log",
		    "the store is out of order: %s",
		    format_str(store, "trouble"));
	if (format_str(store, "alarm")[0] != '\0')
		doctor_add(d, DOCTOR_FAIL, "store",
		    "check disk and memory of this host, look at the file that "
		    "was set aside, then restart the daemon", "%s",
		    format_str(store, "alarm"));
	if (!format_bool(store, "degraded") &&
	    format_str(store, "alarm")[0] == '\0')
		doctor_add(d, DOCTOR_OK, "store", NULL, "%lld entries",
		    (long long)format_int(store, "entries"));
	if (format_int(rec, "dropped") > 0)
		doctor_add(d, DOCTOR_WARN, "records",
		    "a faster disk, or a shorter explain.retention",
		    "%lld explain records were lost",
		    (long long)format_int(rec, "dropped"));
	json_array_foreach(json_object_get(d->status, "benched"), i, b)
		doctor_add(d, DOCTOR_FAIL, "modules",
		    "see module.benched in the log, and report the crash",
		    "module %s is benched after %lld crashes: its checks do "
		    "not run", format_str(b, "name"),
		    (long long)format_int(b, "crashes"));
	json_object_foreach(json_object_get(d->status, "gauges"), module, b) {
		if (format_int(b, "alarm") > 0)
			doctor_add(d, DOCTOR_FAIL, "modules",
			    "see module.log in the log, and the module's own "
			    "status command", "module %s is not well", module);
	}
	json_array_foreach(json_object_get(d->status, "helpers"), i, b) {
		if (format_int(b, "resting") + format_int(b, "unable") == 0)
			continue;
		doctor_add(d, DOCTOR_FAIL, "helpers",
		    "see helper.death in the log; mend it, then weirctl reload",
		    "helper %s.%s %s: %s", format_str(b, "module"),
		    format_str(b, "name"), format_int(b, "unable") > 0 ?
		    "can't be started" : "died too often and rests",
		    format_str(b, "last_death"));
	}
}

/* doctor_daemon - reachable, of this version, without trouble */
static void
doctor_daemon(struct doctor *d)
{
	const json_t *workers;

	if (d->status == NULL)
		return;
	workers = json_object_get(d->status, "workers");
	if (strcmp(format_str(d->status, "version"), PACKAGE_VERSION) != 0)
		doctor_add(d, DOCTOR_WARN, "daemon", "systemctl restart weir",
		    "version %s runs, %s is installed",
		    format_str(d->status, "version"), PACKAGE_VERSION);
	else
		doctor_add(d, DOCTOR_OK, "daemon", NULL,
		    "version %s runs, %zu workers", PACKAGE_VERSION,
		    json_array_size(workers));
	doctor_daemon_trouble(d);
}

/* doctor_text - ok, warn and fail in one column */
static void
doctor_text(const struct doctor *d, struct buf *out)
{
	size_t i;
	json_t *r;

	json_array_foreach(d->results, i, r) {
		size_t line = out->len;

		buf_printf(out, "%-4s  %s", format_str(r, "level"),
		    format_str(r, "check"));
		format_pad(out, line, 23);
		format_wrap(format_str(r, "text"), 23, out);
		if (format_str(r, "remedy")[0] == '\0')
			continue;
		buf_printf(out, "%23s-> ", "");
		format_wrap(format_str(r, "remedy"), 26, out);
	}
	if (d->fails + d->warns == 0)
		buf_add_str(out, "\nall is well\n");
	else
		buf_printf(out, "\n%u to mend, %u to look at\n", d->fails,
		    d->warns);
}

/* weirctl_doctor - all checks, in the order in which they depend */
int
weirctl_doctor(struct weirctl *w, int argc, char **argv)
{
	struct doctor d = { .w = w };
	struct buf out = BUF_INIT;

	(void)argv;
	if (argc != 1) {
		fputs("usage: weirctl doctor\n", stderr);
		return EXIT_USAGE;
	}
	d.results = json_array();
	doctor_ask(&d);
	doctor_choose(&d);
	doctor_config(&d);
	doctor_daemon(&d);
	doctor_host(&d);
	doctor_limits(&d);
	if (d.conf != NULL) {
		doctor_state(&d);
		doctor_net(&d);
		doctor_mta(&d);
	}
	if (w->json) {
		json_t *o = json_pack("{s:i,s:i,s:O}", "failed", (int)d.fails,
		    "warned", (int)d.warns, "checks", d.results);

		weirctl_print_json(o);
		json_decref(o);
	} else {
		doctor_text(&d, &out);
		fwrite(out.ptr, 1, out.len, stdout);
	}
	buf_fini(&out);
	json_decref(d.results);
	json_decref(d.status);
	probe_result_fini(&d.probe);
	conf_destroy(&d.conf);
	conf_snapshot_release(&d.snap);
	free(d.adopted);
	return d.fails > 0 ? EXIT_FAILED : EXIT_DONE;
}
