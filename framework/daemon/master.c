/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/master.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "conf/load.h"
#include "ctl/server.h"
#include "daemon/fleet.h"
#include "daemon/helpers.h"
#include "daemon/privs.h"
#include "daemon/probe.h"
#include "daemon/sdnotify.h"
#include "daemon/sockets.h"
#include "daemon/verify.h"
#include "loop/loop.h"
#include "mail/late.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "store/aside.h"
#include "store/store.h"

#define START_MS 30000 /* a new generation serves by then, or never */
#define TAKEN_MS 2000	/* sockets in use at the start: wait so long */

/* A configuration lives as long as a process of its generation. */
struct generation {
	uint32_t number;
	struct conf_snapshot *snapshot;
	struct conf *conf;
};

/* Who asked for the reload that runs. */
struct asker {
	int channel;
	uint64_t id;
};

static struct {
	const char *path;
	bool foreground;
	int ready_fd;
	struct generation current; /* serves */
	struct generation next;	   /* number 0: no reload runs */
	VEC(struct generation) old; /* draining */
	VEC(struct asker) askers;
	bool again; /* another reload was asked for meanwhile */
	bool stopping;
	bool started; /* the first generation has served */
	int exit_status;
	struct loop_io signals;
	int signal_fd;
	struct loop_timer watch, start_limit, stop_limit, watchdog;
} master;

/* generation_fini - nobody uses it any more */
static void
generation_fini(struct generation *g)
{
	helpers_drop(g->number);
	conf_destroy(&g->conf);
	conf_snapshot_release(&g->snapshot);
	g->number = 0;
}

/* master_sweep - forget configurations whose last process is gone */
static void
master_sweep(void)
{
	for (size_t i = master.old.n; i-- > 0;) {
		if (fleet_has(master.old.v[i].number))
			continue;
		generation_fini(&master.old.v[i]);
		master.old.v[i] = master.old.v[--master.old.n];
	}
}

/* master_log - point the log where the configuration says */
static int
master_log(const struct conf *conf, struct err *err)
{
	char target[4200];
	struct log_config lc = { .level = conf->log.level, .target = target,
		.format = conf->log.json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT };
	/* in the background nobody reads standard error */
	static const char *const names[] = { "syslog", "syslog", "journal" };
	struct err ignored;
	uid_t uid;
	gid_t gid;

	if (privs_find(conf, &uid, &gid, &ignored) == WEIR_OK)
		log_owner(uid, gid); /* workers open it anew, too */
	if (conf->log.target == CONF_LOG_FILE)
		snprintf(target, sizeof(target), "file:%s", conf->log.path);
	else
		snprintf(target, sizeof(target), "%s",
		    master.foreground ? "stderr" : names[conf->log.target]);
	return log_init(&lc, err);
}

/* master_prepare - what root must do before workers of this conf start */
static int
master_prepare(const struct conf *conf, const struct probe_result *probe,
    struct err *err)
{
	uid_t uid;
	gid_t gid;
	int status = privs_find(conf, &uid, &gid, err);

	if (status == WEIR_OK)
		status = privs_own(conf->state_dir, uid, gid, 0750, err);
	if (status == WEIR_OK) {
		char *run = xstrdup(conf->control);
		char *slash = strrchr(run, '/');

		if (slash != NULL && slash != run) {
			*slash = '\0';
			status = privs_directory(run, uid, gid, 0755, err);
		}
		free(run);
	}
	if (status == WEIR_OK)
		status = sockets_open(conf, err);
	if (status < 0)
		return status;
	for (size_t i = 0; i < probe->modules.n; i++) {
		if (board_module(probe->modules.v[i]) < 0)
			return err_set(err, WEIR_E_LIMIT,
			    "more than %d different modules since the start: "
			    "restart the daemon", BOARD_MODULES);
	}
	return WEIR_OK;
}

/* master_store - a damaged store is set aside before anybody opens it; what
   can't be read now is the workers' trouble, mail goes on without it */
static void
master_store(const struct conf *conf)
{
	char *path = xasprintf("%s/store.lmdb", conf->state_dir);
	struct err err = { "" };

	if (store_check(path, &err) < 0)
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED, "%s", err.text);
	else if (aside_alarm()[0] != '\0')
		log_event(WEIR_LOG_ERROR, LOG_STORE_CORRUPT, "%s",
		    aside_alarm());
	free(path);
}

/* master_helpers - the processes that its modules need; the workers follow
   when these are ready */
static int
master_helpers(const struct generation *g, const struct buf *specs,
    struct err *err)
{
	char *dir = xasprintf("%s/helpers", g->conf->state_dir);
	uid_t uid;
	gid_t gid;
	int status = WEIR_OK;

	if (specs->len > 0)
		status = privs_find(g->conf, &uid, &gid, err);
	if (specs->len > 0 && status == WEIR_OK)
		status = privs_own(dir, uid, gid, 0700, err);
	if (status == WEIR_OK)
		status = helpers_start(g->number, g->conf, specs, dir, err);
	free(dir);
	return status;
}

/* master_answer - tell everybody who asked for the reload */
static void
master_answer(int status, const char *text)
{
	for (size_t i = 0; i < master.askers.n; i++)
		channel_send(master.askers.v[i].channel, CHANNEL_RELOADED,
		    master.askers.v[i].id, status, text);
	master.askers.n = 0;
}

static void master_reload(void);

/* master_reload_over - done, or refused */
static void
master_reload_over(int status, const char *text)
{
	loop_timer_stop(&master.start_limit);
	master_answer(status, text);
	sdnotify("READY=1");
	if (master.again) {
		master.again = false;
		master_reload();
	}
}

/* master_refuse - the old configuration stays in force */
static void
master_refuse(const char *text)
{
	struct err err = { "" };
	char line[1024];

	(void)master_log(master.current.conf, &err);
	log_event(WEIR_LOG_ERROR, LOG_CONFIG_REFUSED,
	    "the old configuration stays in force: %s", text);
	snprintf(line, sizeof(line), "%s", text);
	if (fleet_has(master.next.number))
		fleet_kill(master.next.number);
	if (master.next.snapshot != NULL) {
		if (fleet_has(master.next.number))
			*vec_push(&master.old) = master.next;
		else
			generation_fini(&master.next);
		memset(&master.next, 0, sizeof(master.next));
	}
	/* gives sockets that stay their old owners and modes, too; but who
	   stops has closed his doors for good */
	if (!master.stopping) {
		(void)sockets_open(master.current.conf, &err);
		sockets_keep(master.current.conf, true);
	}
	master_reload_over(WEIR_E_INVAL, line);
}

static void master_on_failed(uint32_t generation, const char *text);

/* master_on_start_limit - the new generation takes too long */
static void
master_on_start_limit(struct loop_timer *t)
{
	(void)t;
	if (!master.started)
		master_on_failed(master.current.number,
		    "the workers did not start in time");
	else
		master_refuse("the new workers did not start in time");
}

/* master_probed - the check of a new configuration is through */
static void
master_probed(struct probe_result *r, void *arg)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct generation *g = &master.next;
	struct err err = { "" };

	(void)arg;
	if (master.stopping) {
		generation_fini(&master.next);
		return;
	}
	if (r->errors > 0) {
		master_refuse(buf_str(&r->report).ptr);
		return;
	}
	if (conf_load(g->snapshot, NULL, &g->conf, &report) < 0) {
		conf_report_fini(&report);
		master_refuse("it changed between check and use");
		return;
	}
	conf_report_fini(&report);
	if (master_prepare(g->conf, r, &err) < 0 ||
	    master_helpers(g, &r->helpers, &err) < 0) {
		master_refuse(err.text);
		return;
	}
	if (r->warnings > 0)
		log_event(WEIR_LOG_WARN, LOG_CONFIG_LOADED, "%s",
		    buf_str(&r->report).ptr);
}

/* master_on_helpers - they are ready: now the workers */
static void
master_on_helpers(uint32_t generation, const char *error)
{
	const struct generation *g = generation == master.next.number ?
	    &master.next : &master.current;
	struct err err = { "" };

	if (master.stopping || generation != g->number)
		return;
	/* workers inherit the log as it is when they are forked */
	if (error == NULL && g == &master.next &&
	    master_log(g->conf, &err) < 0)
		error = err.text;
	if (error != NULL) {
		master_on_failed(generation, error);
		return;
	}
	loop_timer_start(&master.start_limit, START_MS);
	fleet_start(g->number, g->snapshot, g->conf);
}

/* master_reload - read, check, start the next generation */
static void
master_reload(void)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	static uint32_t numbers = 1;
	char state[80];

	if (master.stopping)
		return;
	if (master.next.number != 0 || !master.started) {
		master.again = true;
		return;
	}
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)clock_mono_ns() / 1000u);
	sdnotify(state);
	master.next.number = ++numbers;
	master.next.snapshot = conf_snapshot_take(master.path, &report);
	if (master.next.snapshot == NULL) {
		conf_report_print(&report, &text);
		master.next.number = 0;
		master_refuse(buf_str(&text).ptr);
		buf_fini(&text);
	} else {
		probe_start(master.next.snapshot, master_probed, NULL);
	}
	conf_report_fini(&report);
}

/* master_detach - nobody reads what is written to the terminal from now on;
   whoever waits for its end must not wait for ours */
static void
master_detach(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
		dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* master_child - a new process does not get what is the master's alone */
static void
master_child(void)
{
	close(master.signal_fd);
	if (master.ready_fd >= 0)
		close(master.ready_fd);
	if (!master.foreground)
		master_detach();
}

/* master_on_ready - all workers of a generation serve */
static void
master_on_ready(uint32_t generation)
{

	if (generation == master.current.number) {
		if (master.started)
			return; /* one was restarted */
		master.started = true;
		loop_timer_stop(&master.start_limit);
		log_event(WEIR_LOG_INFO, LOG_DAEMON_READY,
		    "%d workers, %zu listeners", master.current.conf->workers,
		    master.current.conf->n_listeners);
		if (master.ready_fd >= 0) {
			master_detach();
			(void)!write(master.ready_fd, "R", 1);
			close(master.ready_fd);
			master.ready_fd = -1;
		}
		sdnotify("READY=1");
		if (master.again) {
			master.again = false;
			master_reload();
		}
		return;
	}
	if (generation != master.next.number)
		return;
	*vec_push(&master.old) = master.current;
	fleet_drain(master.current.number);
	master.current = master.next;
	memset(&master.next, 0, sizeof(master.next));
	sockets_keep(master.current.conf, true);
	log_event(WEIR_LOG_INFO, LOG_CONFIG_LOADED, "generation %u serves",
	    generation);
	master_reload_over(WEIR_OK, "");
}

/* master_on_failed - a worker can't start */
static void
master_on_failed(uint32_t generation, const char *text)
{
	if (generation == master.next.number) {
		master_refuse(text);
		return;
	}
	log_event(WEIR_LOG_ERROR, LOG_PROCESS_FATAL, "%s", text);
	if (!master.started) {
		/* at start-up there is nothing to fall back to */
		if (!master.foreground && !master.stopping)
			fprintf(stderr, "weir: %s\n", text);
		master.exit_status = 1;
		master.stopping = true;
		fleet_kill_all();
		/* it may not have begun to start */
		if (fleet_is_empty())
			loop_stop();
	} else {
		log_event(WEIR_LOG_ERROR, LOG_PROCESS_FATAL,
		    "a worker can't start again: %s", text);
	}
}

/* master_on_message - an operator's wish, passed on by a worker */
static void
master_stop(const char *why);

static void
master_on_message(int channel, const struct channel_msg *m)
{
	struct asker *a;

	if (m->kind == CHANNEL_STOP) {
		master_stop("stopping: a worker was asked to, through the "
			    "control socket");
	} else if (m->kind == CHANNEL_RELOAD) {
		if (master.askers.n >= 1000)
			return;
		a = vec_push(&master.askers);
		a->channel = channel;
		a->id = m->id;
		master_reload();
	}
}

/* master_on_gone - a worker's channel is closed: its number may soon be
   another's */
static void
master_on_gone(int channel)
{
	size_t n = 0;

	for (size_t i = 0; i < master.askers.n; i++) {
		if (master.askers.v[i].channel != channel)
			master.askers.v[n++] = master.askers.v[i];
	}
	master.askers.n = n;
}

/* master_on_empty - no process is left */
static void
master_on_empty(void)
{
	if (master.stopping)
		loop_stop();
}

/* master_on_stop_limit - they had their time */
static void
master_on_stop_limit(struct loop_timer *t)
{
	(void)t;
	fleet_kill_all();
}

/* master_stop - finish what is begun, then go; the second time: go.  That a
   worker asks for it is no failure, but nothing that the service manager wanted
   either: it is told to start us again (Restart=always). */
static void
master_stop(const char *why)
{
	if (master.stopping) {
		fleet_kill_all();
		return;
	}
	master.stopping = true;
	sdnotify("STOPPING=1");
	log_event(WEIR_LOG_INFO, LOG_DAEMON_STOP, "%s", why);
	/* nobody shall wait in the queue of a door that stays closed */
	sockets_close(true);
	if (fleet_is_empty()) {
		loop_stop();
		return;
	}
	loop_timer_start(&master.stop_limit,
	    master.current.conf->drain_timeout_ms + 10000);
	if (master.next.number != 0)
		fleet_kill(master.next.number);
	fleet_drain(master.current.number);
}

/* master_reap - children that ended */
static void
master_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!probe_reaped(pid, status) &&
		    !helpers_reaped(pid, status) &&
		    !verify_reaped(pid, status))
			fleet_reaped(pid, status);
	}
	master_sweep();
}

/* master_on_signal - from the signal descriptor */
static void
master_on_signal(struct loop_io *io, int events)
{
	struct signalfd_siginfo si;

	(void)io;
	(void)events;
	while (read(master.signal_fd, &si, sizeof(si)) ==
	    (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			master_reap();
			break;
		case SIGHUP:
			master_reload();
			break;
		case SIGUSR1:
			log_reopen();
			fleet_send(CHANNEL_REOPEN);
			break;
		default:
			master_stop("stopping");
			break;
		}
	}
}

/* master_on_watch - once a second */
static void
master_on_watch(struct loop_timer *t)
{
	fleet_watch();
	loop_timer_start(t, 1000);
}

/* master_on_watchdog - a sign of life for the service manager */
static void
master_on_watchdog(struct loop_timer *t)
{
	sdnotify("WATCHDOG=1");
	loop_timer_start(t, sdnotify_watchdog_ms());
}

/* master_signals - all through one descriptor */
static void
master_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	master.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (master.signal_fd < 0)
		fatal("signalfd failed");
	loop_io_init(&master.signals, master_on_signal);
	loop_io_set(&master.signals, master.signal_fd, LOOP_READ);
}

/* master_sockets - the workers of a master that was killed need a moment to
   notice and to let its sockets go */
static int
master_sockets(const struct conf *conf, const struct probe_result *probe,
    struct err *err)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int64_t end = clock_mono_ms() + TAKEN_MS;
	int status;

	while ((status = master_prepare(conf, probe, err)) < 0 &&
	    status == WEIR_E_EXISTS && clock_mono_ms() < end)
		nanosleep(&pause, NULL);
	return status;
}

/* master_first - check the configuration and prepare; 0 or exit status */
static int
master_first(struct conf_snapshot *snapshot)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct probe_result probe;
	struct err err = { "" };

	probe_run(snapshot, &probe);
	if (probe.report.len > 0)
		(void)!write(STDERR_FILENO, probe.report.ptr, probe.report.len);
	if (probe.errors > 0) {
		probe_result_fini(&probe);
		return 1;
	}
	master.current.number = 1;
	master.current.snapshot = snapshot;
	if (conf_load(snapshot, NULL, &master.current.conf, &report) < 0)
		fatal("the configuration can't be loaded twice");
	conf_report_fini(&report);
	board_create();
	metric_create();
	/* all workers must tell a mail by the same fingerprint */
	map_hash("", 0);
	metric_attach(METRIC_MASTER);
	helpers_init(master_on_helpers, false);
	/* what goes wrong here is said on standard error: the log may lead
	   elsewhere */
	if (master_sockets(master.current.conf, &probe, &err) < 0 ||
	    master_log(master.current.conf, &err) < 0 ||
	    master_helpers(&master.current, &probe.helpers, &err) < 0) {
		probe_result_fini(&probe);
		fatal("%s", err.text);
	}
	probe_result_fini(&probe);
	master_store(master.current.conf);
	return 0;
}

/* master_main - serve until told to stop */
int
master_main(const char *path, struct conf_snapshot *snapshot, bool foreground,
    int ready_fd)
{
	static const struct fleet_events events = { .ready = master_on_ready,
		.failed = master_on_failed, .message = master_on_message,
		.gone = master_on_gone,
		.empty = master_on_empty, .child = master_child };
	int status;

	ctl_daemon_started_ms = clock_wall_ms();
	master.path = path;
	master.foreground = foreground;
	master.ready_fd = ready_fd;
	/* workers could not open them in their sandbox */
	late_gmime();
	late_xml();
	loop_init();
	status = master_first(snapshot);
	if (status != 0) {
		conf_snapshot_release(&snapshot);
		return status;
	}
	master_signals();
	log_loop_attach();
	loop_timer_init(&master.watch, master_on_watch);
	loop_timer_init(&master.start_limit, master_on_start_limit);
	loop_timer_init(&master.stop_limit, master_on_stop_limit);
	loop_timer_init(&master.watchdog, master_on_watchdog);
	fleet_init(&events);
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "Weir %s",
	    PACKAGE_VERSION);
	master_on_watch(&master.watch);
	if (sdnotify_watchdog_ms() > 0)
		master_on_watchdog(&master.watchdog);
	loop_run();
	verify_stop();
	helpers_stop();
	master_sweep();
	sockets_close(true);
	log_event(WEIR_LOG_INFO, LOG_DAEMON_STOP, "stopped");
	log_loop_detach();
	log_fini();
	generation_fini(&master.current);
	vec_fini(&master.old);
	vec_fini(&master.askers);
	return master.exit_status;
}
