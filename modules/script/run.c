/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 50	 /* how often its end is looked for */
#define LINE 500	 /* octets of a logged line */
#define LINES 50	 /* of one run; the rest is dropped */
#define NOISE (1u << 20) /* octets of standard error until it is ended */

/* What is known of the process while it runs. */
struct watch {
	struct run *r;
	pid_t pid;
	int out, err;
	char line[LINE + 1];
	size_t n;
	unsigned lines;
	size_t noise;
};

/* run_child - between fork and exec: nothing that takes a lock */
static void __attribute__((noreturn)) run_child(
    char *const argv[], char *const envp[], const int fds[3], pid_t parent)
{
	struct rlimit rl;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	setsid();
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0)
			_exit(126);
	}
	close_range(3, ~0u, 0);
	/* the helper's own moves while it works, for it alone */
	if (getrlimit(RLIMIT_CPU, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_CPU, &rl);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(argv[0], argv, envp);
	_exit(127);
}

/* run_start - its pipes and its process */
static int
run_start(struct watch *w)
{
	struct run *r = w->r;
	char script[4096], file[4096], temp[4096 + 8],
	    version[] = "v1",
	    path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		     "/sbin:/bin",
	    lang[] = "LANG=C.UTF-8", home[] = "HOME=/";
	char *argv[] = { script, version, file, NULL };
	char *envp[] = { path, lang, home, temp, NULL };
	int out[2], err[2], null, fds[3];
	pid_t self = getpid();

	snprintf(script, sizeof(script), "%s", r->script);
	snprintf(file, sizeof(file), "%s", r->file);
	snprintf(temp, sizeof(temp), "TMPDIR=%s", r->folder);
	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[0] = null;
	fds[1] = out[1];
	fds[2] = err[1];
	w->pid = fork();
	if (w->pid == 0)
		run_child(argv, envp, fds, self);
	close(out[1]);
	close(err[1]);
	close(null);
	w->out = out[0];
	w->err = err[0];
	fcntl(w->out, F_SETFL, O_NONBLOCK);
	fcntl(w->err, F_SETFL, O_NONBLOCK);
	return w->pid < 0 ? -1 : 0;
}

/* run_line - one line of standard error */
static void
run_line(struct watch *w)
{
	if (w->n > 0 && w->lines++ < LINES)
		w->r->host->log(WEIR_LOG_INFO, (weir_str) { w->line, w->n });
	w->n = 0;
}

/* run_noise - standard error; false: nothing now, or ever */
static bool
run_noise(struct watch *w)
{
	char text[4096];
	ssize_t n = read(w->err, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			run_line(w);
		else if (w->n < LINE)
			w->line[w->n++] = text[i];
	}
	if (n > 0) {
		w->noise += (size_t)n;
		return true;
	}
	if (n == 0) {
		run_line(w);
		close(w->err);
		w->err = -1;
	}
	return false;
}

/* run_output - standard output, as long as there is room for it */
static bool
run_output(struct watch *w)
{
	struct run *r = w->r;
	ssize_t n;

	if (r->len >= sizeof(r->output))
		return false;
	n = read(w->out, r->output + r->len, sizeof(r->output) - r->len);
	if (n > 0) {
		r->len += (size_t)n;
		return true;
	}
	if (n == 0) {
		close(w->out);
		w->out = -1;
	}
	return false;
}

/* run_is_over - has it ended; it stays a zombie, so that its number is its
   group's and nobody else's */
static bool
run_is_over(const struct watch *w)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)w->pid, &si, WEXITED | WNOHANG | WNOWAIT) ==
	    0 &&
	    si.si_pid == w->pid;
}

/* run_watch - until it ends, or must; what it returns is run_script's */
static int
run_watch(struct watch *w, int64_t until)
{
	struct run *r = w->r;

	while (!run_is_over(w)) {
		struct pollfd fds[2] = {
		    {w->out, POLLIN, 0}, {w->err, POLLIN, 0}};

		if (poll(fds, 2, LOOK_MS) > 0) {
			if (w->out >= 0 && fds[0].revents != 0)
				(void)run_output(w);
			if (w->err >= 0 && fds[1].revents != 0)
				(void)run_noise(w);
		}
		if (r->len > ANSWER_OCTETS || w->noise > NOISE) {
			snprintf(
			    r->why, sizeof(r->why), "its output is too long");
			return WEIR_OK;
		}
		if (r->host->mono_ms() >= until) {
			snprintf(r->why, sizeof(r->why),
			    "it did not end "
			    "within %u ms",
			    r->max_ms);
			return WEIR_OK;
		}
		if (r->host->left_ms(r->request) == 0)
			return WEIR_E_TIMEOUT;
	}
	/* what is still in the pipes; others may hold them open */
	while (w->out >= 0 && run_output(w))
		continue;
	while (w->err >= 0 && w->noise <= NOISE && run_noise(w))
		continue;
	return WEIR_OK;
}

/* run_end - all of its group; how it ended, if it did so itself */
static void
run_end(struct watch *w)
{
	struct run *r = w->r;
	int status = 0;

	kill(-w->pid, SIGKILL);
	/* it may not have become a leader yet */
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (w->err >= 0) {
		run_line(w);
		close(w->err);
	}
	if (w->out >= 0)
		close(w->out);
	if (r->why[0] != '\0')
		return;
	if (WIFSIGNALED(status))
		snprintf(r->why, sizeof(r->why), "it died of signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		snprintf(r->why, sizeof(r->why),
		    "it can't be executed, or "
		    "ended with status 127");
	else if (WEXITSTATUS(status) != 0)
		snprintf(r->why, sizeof(r->why), "it ended with status %d",
		    WEXITSTATUS(status));
}

/* run_script - start, watch, end */
int
run_script(struct run *r)
{
	struct watch w = { .r = r, .out = -1, .err = -1 };
	int status;

	r->len = 0;
	r->why[0] = '\0';
	if (run_start(&w) < 0) {
		snprintf(r->why, sizeof(r->why), "it can't be started: %s",
		    strerrordesc_np(errno));
		if (w.out >= 0)
			close(w.out);
		if (w.err >= 0)
			close(w.err);
		return WEIR_OK;
	}
	status = run_watch(&w, r->host->mono_ms() + r->max_ms);
	run_end(&w);
	return status;
}
