/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helper_program.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/text.h"
#include "work/helper_exec.h"
#include "work/helper_sandbox.h"
#include "work/helper_wire.h"

#define PROGRAM_FD 3	/* where the program finds its socket */
#define LINE 900	/* octets of a logged line */
#define LINES 20	/* in a second; more are dropped */
#define LOOK_MS 100	/* how often a waiting request looks for its end */
#define GOODBYE_MS 1000 /* time to end in good order */
#define CORPSE_MS 500	/* until a program that closed its socket has ended */

/* One request that the program works on. */
struct program_ask {
	struct list node;
	uint64_t id;
	pthread_cond_t answered;
	bool done;
	int status;
	struct buf response;
};

static struct {
	const struct helper_spec *spec;
	const struct weir_helper_host *host;
	helper_program_fail_fn fail;
	const char *temp;
	struct helper_exec run;
	pid_t pid;
	int fd, lines_fd; /* packets, its standard output and error */
	uint32_t window;  /* from its HELLO; 0: none yet */
	pthread_mutex_t lock;
	/* under the lock */
	struct list asks;
	uint64_t next_id;
	_Atomic bool ending;
	/* the reader's */
	char line[LINE + 1];
	size_t len;
	bool cut;	     /* the rest of the line is dropped */
	char last[LINE + 1]; /* the newest line, for its obituary */
	int64_t lines_ms;
	unsigned lines;
} program = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* program_child - become the program */
static void __attribute__((noreturn))
program_child(int socket, int lines, pid_t parent)
{
	char *argv[3] = { program.run.program, NULL, NULL };
	char *envp[6] = {xstrdup("PATH=/usr/bin:/bin"), xstrdup("LANG=C.UTF-8"),
	    xasprintf("TMPDIR=%s",
		program.temp[0] != '\0' ? program.temp : "/nonexistent"),
	    xstrdup("HOME=/nonexistent"), NULL, NULL };
	const char *tz = getenv("TZ");
	struct err err = { "" };
	int null = open("/dev/null", O_RDONLY);

	argv[1] = xasprintf("%s.%s", program.spec->module, program.spec->name);
	if (tz != NULL)
		envp[4] = xasprintf("TZ=%s", tz);
	/* it dies with this process, even if that died just now */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	socket = fcntl(socket, F_DUPFD_CLOEXEC, 20);
	lines = fcntl(lines, F_DUPFD_CLOEXEC, 20);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(lines, STDOUT_FILENO) < 0 ||
	    dup2(lines, STDERR_FILENO) < 0 || dup2(socket, PROGRAM_FD) < 0 ||
	    close_range(PROGRAM_FD + 1, ~0u, 0) < 0 || chdir("/") < 0)
		_exit(126);
	umask(077);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (helper_sandbox_program(
		program.spec, program.temp, &program.run, &err) == WEIR_OK) {
		execve(argv[0], argv, envp);
		err_set(&err, 0, "%s: %s", argv[0], strerror(errno));
	}
	dprintf(STDERR_FILENO, "%s\n", err.text);
	_exit(126);
}

/* helper_program_start - fork and exec */
int
helper_program_start(const struct helper_spec *spec, const char *temp,
    const struct weir_helper_host *host, helper_program_fail_fn fail,
    struct err *err)
{
	int pair[2], lines[2], status;
	pid_t self = getpid();

	program.spec = spec;
	program.temp = temp;
	program.host = host;
	program.fail = fail;
	list_init(&program.asks);
	/* once more: it may have been changed since the configuration was
	   checked */
	status = helper_exec_find(spec->program, spec->path, &program.run, err);
	if (status < 0)
		return status;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    pipe2(lines, O_CLOEXEC) < 0 || (program.pid = fork()) < 0)
		return err_set(err, WEIR_E_TEMP, "%s can't be started: %s",
		    spec->program, strerror(errno));
	if (program.pid == 0)
		program_child(pair[1], lines[1], self);
	close(pair[1]);
	close(lines[1]);
	program.fd = pair[0];
	program.lines_fd = lines[0];
	fcntl(program.lines_fd, F_SETFL, O_NONBLOCK);
	return WEIR_OK;
}

/* program_line - one line that it has written */
static void
program_line(void)
{
	int64_t now = clock_mono_ms();
	weir_str line = { program.line, program.len };

	program.line[program.len] = '\0';
	if (program.len > 0 && !program.cut)
		memcpy(program.last, program.line, program.len + 1);
	if (now - program.lines_ms >= 1000) {
		program.lines_ms = now;
		program.lines = 0;
	}
	if (program.len > 0 && !program.cut && program.lines++ < LINES)
		program.host->log(WEIR_LOG_INFO, line);
	program.len = 0;
}

/* program_lines - what it writes; false: nothing is there now, or ever */
static bool
program_lines(void)
{
	char text[4096];
	ssize_t n = read(program.lines_fd, text, sizeof(text));

	if (n == 0) {
		if (program.len > 0)
			program_line();
		close(program.lines_fd);
		program.lines_fd = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			program_line();
			program.cut = false;
		} else if (program.len < LINE) {
			program.line[program.len++] = text[i];
		} else if (!program.cut) {
			/* its beginning is enough */
			program_line();
			program.cut = true;
		}
	}
	return n > 0;
}

/* program_wait - its status when it has ended within that time */
static bool
program_wait(int64_t ms, int *status)
{
	int64_t until = clock_mono_ms() + ms;

	while (waitpid(program.pid, status, WNOHANG) != program.pid) {
		struct pollfd p = { program.lines_fd, POLLIN, 0 };

		if (clock_mono_ms() >= until)
			return false;
		/* in an ordinary end the lines are the other thread's */
		if (!program.ending && poll(&p, 1, 5) > 0 && program_lines())
			continue;
		usleep(1000);
	}
	return true;
}

/* program_ended - the end of this process, too; why: NULL, or what it did */
static void __attribute__((noreturn)) program_ended(const char *why)
{
	char text[1000], how[256], last[301];
	int status, budget = 64;

	if (why != NULL) {
		snprintf(how, sizeof(how), "%s", why);
	} else if (!program_wait(CORPSE_MS, &status)) {
		snprintf(how, sizeof(how), "closed its connection");
	} else if (WIFSIGNALED(status)) {
		snprintf(how, sizeof(how), "died of signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else {
		snprintf(how, sizeof(how), "ended with status %d",
		    WEXITSTATUS(status));
	}
	/* its last words */
	while (program.lines_fd >= 0 && budget-- > 0 && program_lines())
		continue;
	text_escape(last, sizeof(last), text_slice(program.last));
	snprintf(text, sizeof(text), "program %.300s %s%s%s",
	    program.spec->program, how, last[0] != '\0' ? ": " : "", last);
	program.fail(text);
}

/* program_response - to one of the requests; NULL, or what is wrong */
static const char *
program_response(const struct helper_wire *w)
{
	struct program_ask *found = NULL;

	pthread_mutex_lock(&program.lock);
	list_each(n, &program.asks)
	{
		struct program_ask *a = list_of(n, struct program_ask, node);

		if (a->id == w->id && !a->done)
			found = a;
	}
	if (found != NULL) {
		found->status = w->value;
		buf_add(&found->response, w->payload.ptr, w->payload.len);
		found->done = true;
		pthread_cond_signal(&found->answered);
	}
	pthread_mutex_unlock(&program.lock);
	return found != NULL ? NULL : "answered what nobody asked";
}

/* program_packet - one packet; NULL, or what is wrong with it */
static const char *
program_packet(const char *data, size_t len)
{
	static const char broken[] = "broke the protocol";
	struct helper_wire w;

	if (helper_wire_get(data, len, true, &w) < 0)
		return broken;
	if (w.kind == HELPER_WIRE_RESPONSE)
		return program.window == 0 ? broken : program_response(&w);
	if (program.window != 0)
		return broken;
	program.window = (uint32_t)w.value < program.spec->threads
	    ? (uint32_t)w.value
	    : program.spec->threads;
	return NULL;
}

/* program_read - what it says, or its end */
static void
program_read(void)
{
	/* one octet more: too long is seen */
	static char packet[HELPER_WIRE_MAX + 1];
	struct iovec iov = { packet, sizeof(packet) };
	/* no room for descriptors: those that come are closed, and seen */
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(program.fd, &m, MSG_DONTWAIT);
	const char *why = NULL;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		program_ended(NULL);
	if ((m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0)
		why = "broke the protocol";
	else
		why = program_packet(packet, (size_t)n);
	if (why != NULL)
		program_ended(why);
}

/* program_turn - wait for something and deal with it */
static void
program_turn(void)
{
	struct pollfd fds[2] = {
	    {program.fd, POLLIN, 0}, {program.lines_fd, POLLIN, 0}};

	if (poll(fds, 2, -1) < 0)
		return;
	if (fds[1].revents != 0)
		(void)program_lines();
	if (fds[0].revents != 0 && !program.ending)
		program_read();
}

/* program_thread - watch it, until it or this process ends */
static void *
program_thread(void *arg)
{
	(void)arg;
	while (!program.ending)
		program_turn();
	return NULL;
}

/* helper_program_watch - start the thread */
void
helper_program_watch(void)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, program_thread, NULL);

	if (rc != 0)
		fatal("can't start a thread: %s", strerror(rc));
	pthread_detach(thread);
}

/* program_send - one packet, waiting until there is room; who does not read
   meets the end of its time */
static bool
program_send(const struct helper_wire *w, int fd, int flags)
{
	char head[HELPER_WIRE_HEAD];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = {{head, sizeof(head)},
	    {(char *)(uintptr_t)w->payload.ptr, w->payload.len}};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	helper_wire_put(head, w);
	if (fd >= 0) {
		struct cmsghdr *h;

		memset(&control, 0, sizeof(control));
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(program.fd, &m, MSG_NOSIGNAL | flags);
	} while (n < 0 && errno == EINTR);
	return n >= 0;
}

/* program_config - who it is, and its options */
static char *
program_config(void)
{
	json_t *j = json_object(),
	       *options = json_loads(program.spec->plain, 0, NULL);
	char *text;

	json_object_set_new(j, "module", json_string(program.spec->module));
	json_object_set_new(j, "helper", json_string(program.spec->name));
	json_object_set_new(j, "threads", json_integer(program.spec->threads));
	json_object_set_new(j, "temp_dir",
	    program.temp[0] != '\0' ? json_string(program.temp) : json_null());
	json_object_set_new(
	    j, "options", options != NULL ? options : json_object());
	text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (text == NULL)
		fatal("out of memory");
	json_decref(j);
	return text;
}

/* helper_program_greet - CONFIG there, HELLO back */
uint32_t
helper_program_greet(void)
{
	char *text = program_config();
	struct helper_wire w = { .kind = HELPER_WIRE_CONFIG,
	    .id = (uint64_t)getpid(),
	    .payload = text_slice(text) };

	if (w.payload.len > WEIR_REMOTE_OCTETS)
		program.fail("the options are too long for a packet");
	(void)program_send(&w, -1, 0);
	free(text);
	/* the master ends this when it takes too long */
	while (program.window == 0)
		program_turn();
	return program.window;
}

/* helper_program_cpu - it is watched */
void
helper_program_cpu(void)
{
	helper_sandbox_cpu_of(program.spec, program.pid);
}

/* program_await - the answer; under the lock, which it gives up meanwhile */
static void
program_await(struct program_ask *a, weir_request *request)
{
	struct helper_wire cancel = {
	    .kind = HELPER_WIRE_CANCEL, .id = a->id, .payload = {"", 0}};
	bool told = false;

	while (!a->done) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000L;
		}
		pthread_cond_clockwait(
		    &a->answered, &program.lock, CLOCK_MONOTONIC, &until);
		if (a->done || told || program.host->left_ms(request) > 0)
			continue;
		/* if there is no room it is told the next time */
		told = program_send(&cancel, -1, MSG_DONTWAIT);
	}
}

/* program_run - one request; the rest is up to the program */
static int
program_run(void *state, weir_request *request, weir_str text, int message)
{
	struct program_ask a = {
	    .answered = PTHREAD_COND_INITIALIZER, .response = BUF_INIT };
	uint32_t left = program.host->left_ms(request);
	struct helper_wire w = { .kind = HELPER_WIRE_REQUEST,
	    .flags = message >= 0 ? HELPER_WIRE_MESSAGE : 0,
	    .value = (int32_t)(left < HELPER_WIRE_DEADLINE_MAX
		    ? left
		    : HELPER_WIRE_DEADLINE_MAX),
	    .payload = text };
	int status;

	(void)state;
	pthread_mutex_lock(&program.lock);
	a.id = w.id = ++program.next_id;
	list_append(&program.asks, &a.node);
	pthread_mutex_unlock(&program.lock);
	/* if it is gone the other thread says so, and this process ends */
	(void)program_send(&w, message, 0);
	pthread_mutex_lock(&program.lock);
	program_await(&a, request);
	list_remove(&a.node);
	pthread_mutex_unlock(&program.lock);
	status = a.status;
	if (a.response.len > 0)
		status = program.host->respond(
		    request, a.response.ptr, a.response.len);
	buf_fini(&a.response);
	pthread_cond_destroy(&a.answered);
	return status;
}

/* program_fini - it may end in good order */
static void
program_fini(void *state)
{
	int status;

	(void)state;
	program.ending = true;
	shutdown(program.fd, SHUT_WR);
	(void)program_wait(GOODBYE_MS, &status);
}

const struct weir_helper helper_program_table = {
	.size = sizeof(struct weir_helper),
	.name = "program",
	.threads = 1,
	.processes = 1,
	.run = program_run,
	.fini = program_fini };
