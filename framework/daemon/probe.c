/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/text.h"
#include "conf/load.h"
#include "daemon/helpers_specs.h"
#include "daemon/privs.h"
#include "daemon/sockets.h"
#include "dns/resolver.h"
#include "host/hold.h"
#include "host/load.h"
#include "host/registry.h"
#include "host/table.h"
#include "obs/board.h"
#include "obs/log.h"

#define PROBE_SECONDS 10
#define PROBE_MEMORY ((rlim_t)4 << 30)
#define PROBE_REPORT_MAX (64 * 1024)
#define PROBE_HELPERS_MAX (64 << 20)

/* The child tells in lines: "M name", "E text", "W text", "I name" (about to
   create), "D" (done). */
struct probe {
	pid_t pid; /* 0: none runs */
	int fd;
	struct loop_io io;
	struct buf text;
	int helpers; /* memory file that the child fills */
	probe_done_fn *done;
	void *arg;
	bool eof, reaped;
	int status;
};

static struct probe probe;
static int child_fd = -1, child_helpers = -1;

/* probe_say - the child writes one line */
static void
probe_say(char tag, const char *text)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "%c ", tag);
	for (; *text != '\0'; text++)
		buf_add_char(&line, *text == '\n' ? ' ' : *text);
	buf_add_char(&line, '\n');
	if (write(child_fd, line.ptr, line.len) < 0)
		_exit(3);
	buf_fini(&line);
}

/* probe_log - what modules complain about belongs to the report */
static void
probe_log(const struct module *m, int level, weir_str line)
{
	char clean[2048], *text;

	if (level > WEIR_LOG_WARN)
		return;
	text_escape(clean, sizeof(clean), line);
	text = xasprintf("%s: %s: module %s: %s", m->origin,
	    level == WEIR_LOG_ERROR ? "error" : "warning", m->name, clean);
	probe_say(level == WEIR_LOG_ERROR ? 'E' : 'W', text);
	free(text);
}

/* probe_report - what the configuration's reader found */
static void
probe_report(const struct conf_report *report)
{
	struct buf all = BUF_INIT;
	char *line, *save;

	conf_report_print(report, &all);
	for (line = strtok_r(all.ptr != NULL ? all.ptr : (char []){ "" }, "\n",
		 &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		probe_say(strstr(line, ": warning: ") != NULL ? 'W' : 'E',
		    line);
	buf_fini(&all);
}

/* probe_last_words - the child dies: whose code ran */
static void
probe_last_words(const char *what)
{
	char text[256];

	if (registry_busy == NULL)
		return;
	snprintf(text, sizeof(text), "module %s %s while it was loaded or "
	    "started", registry_busy, what);
	probe_say('E', text);
}

/* probe_on_signal - a module crashed or hung */
static void
probe_on_signal(int sig)
{
	char what[64];

	if (sig == SIGALRM)
		snprintf(what, sizeof(what), "did not return within %d s",
		    PROBE_SECONDS);
	else
		snprintf(what, sizeof(what), "died of signal %d", sig);
	probe_last_words(what);
	_exit(4);
}

/* probe_on_exit - a module called exit() */
static void
probe_on_exit(void)
{
	probe_last_words("ended the process");
	_exit(4);
}

/* probe_guard - whatever a module does here, it is named */
static void
probe_guard(void)
{
	static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
		SIGABRT, SIGALRM };
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = probe_on_signal;
	for (size_t i = 0;
	     i < sizeof(fatal_signals) / sizeof(*fatal_signals); i++)
		sigaction(fatal_signals[i], &sa, NULL);
	atexit(probe_on_exit);
	alarm(PROBE_SECONDS);
}

/* probe_numbers - what the daemon has no room for, or nothing to do with */
static void
probe_numbers(const struct conf *conf, const char *path)
{
	char text[1100];

	if (conf->n_modules > BOARD_MODULES) {
		const struct conf_module *m = &conf->modules[BOARD_MODULES];

		snprintf(text, sizeof(text), "%.300s:%u: error: module \"%.100s"
		    "\" is one too many: at most %d modules", m->file,
		    m->line, m->name, BOARD_MODULES);
		probe_say('E', text);
	}
	if (conf->n_listeners > 0)
		return;
	snprintf(text, sizeof(text), "%.300s: warning: no listener: no MTA can "
	    "ask; add listener \"mta\" { protocol = milter  address = "
	    "\"unix:/run/weir/milter.sock\" }", path);
	probe_say('W', text);
}

/* probe_surroundings - what the configuration names outside of itself */
static void
probe_surroundings(const struct conf *conf)
{
	char text[1100], dir[4096];
	struct err err = { "" };
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (privs_find(conf, &uid, &gid, &err) < 0 ||
	    privs_may_own(conf->state_dir, uid, gid, &err) < 0)
		probe_say('E', err.text);
	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (sockets_check(l, &err) == WEIR_OK)
			continue;
		snprintf(text, sizeof(text), "%.300s:%u: listener \"%s\": "
		    "%.500s", l->file, l->line, l->name, err.text);
		probe_say('E', text);
	}
	if (conf->dns.zone[0] != '\0') {
		if (dns_init_zone(conf->dns.zone, &err) < 0) {
			snprintf(text, sizeof(text), "dns: zone: %s", err.text);
			probe_say('E', text);
		}
		dns_fini();
	}
	if (conf->log.target != CONF_LOG_FILE)
		return;
	snprintf(dir, sizeof(dir), "%s", conf->log.path);
	if (strrchr(dir, '/') != NULL)
		*strrchr(dir, '/') = '\0';
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(text, sizeof(text), "log: target: there is no "
		    "directory %.900s", dir);
		probe_say('E', text);
	}
}

/* probe_helpers - what processes the modules need */
static void
probe_helpers(const struct conf *conf)
{
	struct buf specs = BUF_INIT;
	struct err err = { "" };

	if (helpers_specs(conf, &specs, &err) < 0)
		probe_say('E', err.text);
	else if (specs.len > 0 && write(child_helpers, specs.ptr, specs.len) !=
	    (ssize_t)specs.len)
		probe_say('E', "no memory for the helpers' descriptions");
	buf_fini(&specs);
}

/* probe_child - load, create, destroy; never returns */
static void
probe_child(struct conf_snapshot *snap)
{
	struct rlimit as = { PROBE_MEMORY, PROBE_MEMORY };
	struct conf_report report = CONF_REPORT_INIT;
	struct conf *plain = NULL, *conf = NULL;
	struct err err = { "" };

	probe_guard();
#ifndef WEIR_POISON /* a sanitizer's shadow needs more address space */
	setrlimit(RLIMIT_AS, &as);
#else
	(void)as;
#endif
	table_log_hook = probe_log;
	loop_init();
	call_init();
	hold_init();
	if (conf_load(snap, NULL, &plain, &report) == WEIR_OK) {
		conf_report_fini(&report);
		report = (struct conf_report)CONF_REPORT_INIT;
		load_init(plain->module_path);
		conf_load(snap, &registry_describe, &conf, &report);
	}
	probe_report(&report);
	if (conf != NULL) {
		for (size_t i = 0; i < conf->n_modules; i++)
			probe_say('M', conf->modules[i].name);
		if (registry_start(conf, &err) < 0)
			probe_say('E', err.text);
		else
			registry_stop();
		probe_numbers(conf, snapshot_path(snap, 0));
		probe_surroundings(conf);
		probe_helpers(conf);
	}
	probe_say('D', "");
	_exit(0);
}

/* probe_fork - start the child; its output comes through fd */
static int
probe_fork(struct conf_snapshot *snap, int *fd, int *helpers)
{
	int pipefd[2];
	pid_t pid;

	*helpers = memfd_create("weir-probe", MFD_CLOEXEC);
	if (*helpers < 0)
		return -1;
	if (pipe2(pipefd, O_CLOEXEC) < 0) {
		close(*helpers);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		close(pipefd[0]);
		child_fd = pipefd[1];
		child_helpers = *helpers;
		loop_fini(true);
		probe_child(snap);
	}
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		close(*helpers);
	}
	*fd = pipefd[0];
	return pid;
}

/* probe_line - one line of the child's */
static void
probe_line(struct probe_result *r, const char *line, const char **last)
{
	switch (line[0]) {
	case 'M':
		*vec_push(&r->modules) = xstrdup(line + 2);
		break;
	case 'E':
		r->errors++;
		buf_printf(&r->report, "%s\n", line + 2);
		break;
	case 'W':
		r->warnings++;
		buf_printf(&r->report, "%s\n", line + 2);
		break;
	default:
		break;
	}
	*last = line;
}

/* probe_parse - from the child's lines and its end to the result */
static void
probe_parse(char *text, int status, struct probe_result *r)
{
	const char *last = "";
	char *line, *save;

	memset(r, 0, sizeof(*r));
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		probe_line(r, line, &last);
	if (last[0] == 'D' && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	/* its last words, if it had any, are in the report */
	if (r->errors++ > 0)
		return;
	if (WIFSIGNALED(status))
		buf_printf(&r->report, "the check died of signal %d (%s)\n",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		buf_printf(&r->report, "the check ended with status %d\n",
		    WEXITSTATUS(status));
}

/* probe_take_helpers - what the child wrote there */
static void
probe_take_helpers(int fd, struct probe_result *r)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > 0 &&
	    st.st_size <= PROBE_HELPERS_MAX) {
		size_t len = (size_t)st.st_size;

		if (pread(fd, buf_reserve(&r->helpers, len), len, 0) ==
		    (ssize_t)len)
			r->helpers.len = len;
	}
	close(fd);
}

/* probe_read - take what is there; false at the end */
static bool
probe_read(int fd, struct buf *text)
{
	ssize_t n = read(fd, buf_reserve(text, 4096), 4096);

	if (n > 0 && text->len + (size_t)n < PROBE_REPORT_MAX) {
		text->len += (size_t)n;
		text->ptr[text->len] = '\0';
		return true;
	}
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

/* probe_run - here and now */
void
probe_run(struct conf_snapshot *snap, struct probe_result *out)
{
	struct buf text = BUF_INIT;
	int fd, helpers, status = 0;
	pid_t pid = probe_fork(snap, &fd, &helpers);

	if (pid < 0) {
		memset(out, 0, sizeof(*out));
		out->errors = 1;
		buf_printf(&out->report, "can't fork: %s\n", strerror(errno));
		return;
	}
	while (probe_read(fd, &text))
		continue;
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	buf_reserve(&text, 0);
	probe_parse(text.ptr, status, out);
	probe_take_helpers(helpers, out);
	buf_fini(&text);
}

/* probe_finish - both its end and its output are here */
static void
probe_finish(void)
{
	struct probe_result r;

	if (!probe.eof || !probe.reaped)
		return;
	probe.pid = 0;
	buf_reserve(&probe.text, 0);
	probe_parse(probe.text.ptr, probe.status, &r);
	if (probe.helpers >= 0)
		probe_take_helpers(probe.helpers, &r);
	buf_fini(&probe.text);
	probe.done(&r, probe.arg);
	probe_result_fini(&r);
}

/* probe_on_output - the child wrote, or is through */
static void
probe_on_output(struct loop_io *io, int events)
{
	(void)events;
	if (probe_read(probe.fd, &probe.text))
		return;
	loop_io_stop(io);
	close(probe.fd);
	probe.eof = true;
	probe_finish();
}

/* probe_start - beside the loop */
void
probe_start(struct conf_snapshot *snap, probe_done_fn *done, void *arg)
{
	expect(probe.pid == 0);
	memset(&probe, 0, sizeof(probe));
	probe.done = done;
	probe.arg = arg;
	probe.pid = probe_fork(snap, &probe.fd, &probe.helpers);
	if (probe.pid < 0) {
		probe.helpers = -1;
		probe.eof = probe.reaped = true;
		probe.status = 1 << 8;
		probe_finish();
		return;
	}
	fcntl(probe.fd, F_SETFL, O_NONBLOCK);
	loop_io_init(&probe.io, probe_on_output);
	loop_io_set(&probe.io, probe.fd, LOOP_READ);
}

/* probe_reaped - a child ended: ours? */
bool
probe_reaped(int pid, int status)
{
	if (probe.pid == 0 || probe.pid != pid)
		return false;
	probe.reaped = true;
	probe.status = status;
	probe_finish();
	return true;
}

/* probe_result_fini - free it */
void
probe_result_fini(struct probe_result *r)
{
	for (size_t i = 0; i < r->modules.n; i++)
		free(r->modules.v[i]);
	vec_fini(&r->modules);
	buf_fini(&r->report);
	buf_fini(&r->helpers);
}
