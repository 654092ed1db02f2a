/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mod_remotetest - a module whose helper does what it is told, good and bad.
 *
 * The words come from the mail: each header field "X-Remote: WORD ARGUMENT"
 * asks the helper at eom, "X-Remote: loose:WORD" the one with all flags.
 * The answer is logged and becomes the fact
 * remotetest.result: "answer status octets text".
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

enum { OPT_INIT, OPT_FILE, OPT_SECRET, OPT_LIST };

static const struct weir_option options[] = {
	[OPT_INIT] = { .name = "init", .type = WEIR_OPT_STRING,
		.fallback = "good", .help = "good, fail, crash or hang." },
	[OPT_FILE] = { .name = "file", .type = WEIR_OPT_PATH,
		.help = "A file that the helper may read." },
	[OPT_SECRET] = { .name = "secret", .type = WEIR_OPT_STRING,
		.flags = WEIR_OPT_SECRET, .help = "A secret." },
	[OPT_LIST] = { .name = "list", .type = WEIR_OPT_LIST,
		.help = "Some words." },
	{ .name = NULL }
};

/* --- the helper's half --- */

static const struct weir_helper_host *hh;

struct state {
	const weir_conf *conf;
	bool temp;
};

/* remotetest_say - a formatted answer */
static int __attribute__((format(printf, 2, 3)))
remotetest_say(weir_request *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return hh->respond(r, text, (size_t)n);
}

/* remotetest_sleep - for that many milliseconds */
static void
remotetest_sleep(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* remotetest_errno - what a call that must fail says */
static int
remotetest_errno(weir_request *r, long rc)
{
	int saved = errno;

	return remotetest_say(r, "%s",
	    rc >= 0 ? "ALLOWED" : strerrorname_np(saved));
}

/* remotetest_thread - may be started */
static void *
remotetest_thread(void *arg)
{
	return arg;
}

/* remotetest_garbage - write what nobody may write, to every connection */
static void
remotetest_garbage(const char *how)
{
	char packet[300];

	memset(packet, 'x', sizeof(packet));
	if (strcmp(how, "hello") == 0) {
		/* a second HELLO: 1 is the kind, 4 threads */
		static const uint32_t hello[8] = { 0x31505257u, 1, 1, 0, 0, 4 };

		memcpy(packet, hello, sizeof(hello));
	} else if (strcmp(how, "id") == 0) {
		static const uint32_t answer[8] = { 0x31505257u, 4, 77, 77 };

		memcpy(packet, answer, sizeof(answer));
	}
	/* 4 and 5 are not connections */
	for (int fd = 3; fd < 40; fd += fd == 3 ? 3 : 1)
		(void)!write(fd, packet, strcmp(how, "short") == 0 ? 5 :
			strcmp(how, "long") == 0 ? 300 : 32);
}

/* remotetest_denied - one thing that the sandbox must refuse */
static int
remotetest_denied(weir_request *r, const char *what, const char *arg)
{
	if (strcmp(what, "execve") == 0) {
		char *argv[2] = { (char []){ "/bin/true" }, NULL };

		return remotetest_errno(r, execve("/bin/true", argv, argv + 1));
	}
	if (strcmp(what, "fork") == 0)
		return remotetest_errno(r, fork());
	if (strcmp(what, "socket") == 0)
		return remotetest_errno(r, socket(AF_INET, SOCK_STREAM, 0));
	if (strcmp(what, "unixsocket") == 0)
		return remotetest_errno(r, socket(AF_UNIX, SOCK_STREAM, 0));
	if (strcmp(what, "socketpair") == 0) {
		int p[2];

		return remotetest_errno(r, socketpair(AF_UNIX, SOCK_STREAM, 0,
		    p));
	}
	if (strcmp(what, "connect") == 0) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };

		return remotetest_errno(r, connect(5,
		    (struct sockaddr *)&sa, sizeof(sa)));
	}
	if (strcmp(what, "write") == 0)
		return remotetest_errno(r, open(arg, O_WRONLY | O_CREAT,
		    0600));
	if (strcmp(what, "truncate") == 0)
		return remotetest_errno(r, open(arg, O_RDONLY | O_TRUNC));
	if (strcmp(what, "read") == 0)
		return remotetest_errno(r, open(arg, O_RDONLY));
	if (strcmp(what, "ptrace") == 0)
		return remotetest_errno(r, ptrace(PTRACE_ATTACH, getppid(),
		    NULL, NULL));
	if (strcmp(what, "kill") == 0)
		return remotetest_errno(r, kill(getppid(), 0));
	if (strcmp(what, "setuid") == 0)
		return remotetest_errno(r, setuid(0));
	if (strcmp(what, "unshare") == 0)
		return remotetest_errno(r, syscall(SYS_unshare, 0x10000000));
	if (strcmp(what, "bpf") == 0)
		return remotetest_errno(r, syscall(SYS_bpf, 0, NULL, 0));
	if (strcmp(what, "vmread") == 0)
		return remotetest_errno(r, syscall(SYS_process_vm_readv,
		    getppid(), NULL, 0, NULL, 0, 0));
	if (strcmp(what, "chmod") == 0)
		return remotetest_errno(r, chmod(arg, 0777));
	if (strcmp(what, "unlink") == 0)
		return remotetest_errno(r, unlink(arg));
	if (strcmp(what, "exec-memory") == 0) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		return remotetest_errno(r, p == MAP_FAILED ? -1 : 0);
	}
	if (strcmp(what, "rlimit") == 0) {
		struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };

		return remotetest_errno(r, setrlimit(RLIMIT_NOFILE, &rl));
	}
	if (strcmp(what, "memory") == 0) {
		void *p = mmap(NULL, (size_t)2 << 30, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		return remotetest_errno(r, p == MAP_FAILED ? -1 : 0);
	}
	return WEIR_E_NOTFOUND;
}

/* remotetest_message - length and a sum of the mail, and is it sealed */
static int
remotetest_message(weir_request *r, int message)
{
	struct stat st;
	uint32_t sum = 0;
	unsigned char c[4096];
	ssize_t n, total = 0;

	if (message < 0)
		return remotetest_say(r, "none");
	while ((n = read(message, c, sizeof(c))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + c[i];
		total += n;
	}
	if (fstat(message, &st) < 0 || st.st_size != total)
		return WEIR_E_INTERNAL;
	return remotetest_say(r, "%zd %u %s", total, sum,
	    write(message, "x", 1) < 0 ? "sealed" : "WRITABLE");
}

/* remotetest_temp - write and read in the private folder */
static int
remotetest_temp(weir_request *r)
{
	char path[4096];
	int fd;

	if (hh->temp_dir()[0] == '\0')
		return remotetest_say(r, "none");
	snprintf(path, sizeof(path), "%s/file", hh->temp_dir());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, "word", 4) != 4)
		return remotetest_errno(r, -1);
	close(fd);
	return remotetest_say(r, "%s", path);
}

/* remotetest_bad - what only ends with the process or the connection */
static int
remotetest_bad(weir_request *r, const char *word, const char *arg)
{
	if (strcmp(word, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(word, "abort") == 0)
		abort();
	if (strcmp(word, "exit") == 0)
		exit(0);
	if (strcmp(word, "restart") == 0)
		_exit(75);
	if (strcmp(word, "hang") == 0) {
		for (;;)
			remotetest_sleep(1000);
	}
	if (strcmp(word, "mute") == 0) {
		/* it closes what it talks to the master through */
		close(4);
		remotetest_sleep(60000);
	}
	if (strcmp(word, "garbage") == 0) {
		remotetest_garbage(arg);
		return WEIR_OK;
	}
	if (strcmp(word, "huge") == 0) {
		static char zeros[65536];

		while (hh->respond(r, zeros, sizeof(zeros)) == WEIR_OK)
			continue;
		return WEIR_OK;
	}
	if (strcmp(word, "log") == 0) {
		for (int i = 0; i < 1000; i++)
			hh->log(WEIR_LOG_INFO, (weir_str) { "a\nb", 3 });
		return WEIR_OK;
	}
	return WEIR_E_NOTFOUND;
}

/* remotetest_good - what any helper may do */
static int
remotetest_good(const struct state *s, weir_request *r, const char *word,
    const char *arg, int message)
{
	if (strcmp(word, "echo") == 0)
		return hh->respond(r, arg, strlen(arg));
	if (strcmp(word, "fill") == 0) {
		char block[64];

		memset(block, 'f', sizeof(block));
		for (int i = atoi(arg) / 64; i > 0; i--)
			(void)hh->respond(r, block, sizeof(block));
		return WEIR_OK;
	}
	if (strcmp(word, "pid") == 0)
		return remotetest_say(r, "%d", (int)getpid());
	if (strcmp(word, "status") == 0)
		return atoi(arg);
	if (strcmp(word, "sleep") == 0) {
		for (long ms = atol(arg); ms > 0 && hh->left_ms(r) > 0;
		     ms -= 10)
			remotetest_sleep(10);
		return remotetest_say(r, "slept");
	}
	if (strcmp(word, "message") == 0)
		return remotetest_message(r, message);
	if (strcmp(word, "temp") == 0)
		return remotetest_temp(r);
	if (strcmp(word, "options") == 0) {
		const weir_str *items = NULL;
		uint32_t n = hh->conf_list(s->conf, OPT_LIST, &items);

		return remotetest_say(r, "%s %s %u %s",
		    hh->conf_str(s->conf, OPT_INIT).ptr,
		    hh->conf_str(s->conf, OPT_SECRET).ptr, n,
		    n > 0 ? items[n - 1].ptr : "");
	}
	if (strcmp(word, "thread") == 0) {
		pthread_t t;
		int rc = pthread_create(&t, NULL, remotetest_thread, NULL);

		if (rc == 0)
			pthread_join(t, NULL);
		return remotetest_say(r, "%d", rc);
	}
	return WEIR_E_NOTFOUND;
}

/* remotetest_run - "word argument" */
static int
remotetest_run(void *state, weir_request *r, weir_str request, int message)
{
	char *copy = strndup(request.ptr, request.len), *arg;
	int status;

	arg = strchr(copy, ' ');
	if (arg != NULL)
		*arg++ = '\0';
	else
		arg = copy + strlen(copy);
	status = remotetest_good(state, r, copy, arg, message);
	if (status == WEIR_E_NOTFOUND)
		status = remotetest_denied(r, copy, arg);
	if (status == WEIR_E_NOTFOUND)
		status = remotetest_bad(r, copy, arg);
	free(copy);
	return status;
}

/* remotetest_init - as the options want it */
static int
remotetest_init(const struct weir_helper_host *host, const weir_conf *conf,
    void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	const char *how = host->conf_str(conf, OPT_INIT).ptr;

	hh = host;
	s->conf = conf;
	*state = s;
	if (strcmp(how, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(how, "hang") == 0)
		remotetest_sleep(3600000);
	if (strcmp(how, "fail") == 0) {
		host->log(WEIR_LOG_ERROR, (weir_str) { "no engine", 9 });
		return WEIR_E_TEMP;
	}
	if (strcmp(how, "execve") == 0 &&
	    execve("/bin/true", (char *[]){ NULL }, (char *[]){ NULL }) < 0)
		return errno == EPERM ? WEIR_OK : WEIR_E_INTERNAL;
	return WEIR_OK;
}

static void
remotetest_fini(void *state)
{
	free(state);
}

static const struct weir_helper helper_tight = {
	.size = sizeof(struct weir_helper), .name = "tight", .threads = 4,
	.processes = 1, .init_ms = 5000, .init = remotetest_init,
	.run = remotetest_run, .fini = remotetest_fini };
static const struct weir_helper helper_loose = {
	.size = sizeof(struct weir_helper), .name = "loose", .threads = 1,
	.processes = 2, .init_ms = 5000,
	.flags = WEIR_HELPER_TEMP | WEIR_HELPER_FILES | WEIR_HELPER_JIT,
	.init = remotetest_init, .run = remotetest_run,
	.fini = remotetest_fini };
static const struct weir_helper *const helpers[] = { &helper_tight,
	&helper_loose, NULL };

/* --- the worker's half --- */

static const struct weir_host *h;
static weir_self *self;
static const struct weir_remote *remote;

/* remotetest_done - the answer becomes a fact, and a finding to read */
static void
remotetest_done(weir_call *call, int status, weir_str response, void *arg)
{
	char text[400];
	int n;

	(void)arg;
	if (status == WEIR_E_CANCELLED || status == WEIR_E_TIMEOUT)
		return;
	n = snprintf(text, sizeof(text), "answer %d %zu %.*s", status,
	    response.len,
	    response.len < 300 ? (int)response.len : 300, response.ptr);
	h->log(self, call, WEIR_LOG_INFO, (weir_str) { text, (size_t)n });
	h->fact_set(call, WEIR_RCPT_NONE, "remotetest.result",
	    (weir_str) { text, (size_t)n });
	if (status < 0)
		h->fail(call, status, (weir_str) { text, (size_t)n });
}

/* remotetest_eom - ask for each X-Remote field; "loose:" the other helper */
static int
remotetest_eom(void *state, weir_call *call)
{
	uint32_t n = h->header_count(call, "X-Remote");

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		weir_str name, value;
		uint32_t which = 0;
		int status;

		if (h->header_at(call, "X-Remote", i, &name, &value) < 0)
			continue;
		while (value.len > 0 && value.ptr[0] == ' ') {
			value.ptr++;
			value.len--;
		}
		if (value.len > 6 && memcmp(value.ptr, "loose:", 6) == 0) {
			which = 1;
			value.ptr += 6;
			value.len -= 6;
		}
		status = remote->start(call, which, value,
		    value.len >= 7 && memcmp(value.ptr, "message", 7) == 0 ?
			WEIR_REMOTE_MESSAGE : 0, remotetest_done, NULL);
		if (status < 0)
			return status;
	}
	return WEIR_OK;
}

/* remotetest_create - find the table */
static int
remotetest_create(const struct weir_host *host, weir_self *me,
    const weir_conf *conf, void **state)
{
	(void)conf;
	(void)state;
	h = host;
	self = me;
	remote = host->ext(me, WEIR_EXT_REMOTE);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_REMOTE, NULL };
static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages), .eom = remotetest_eom };

static const struct weir_module descriptor = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY,
	.id = "org.weir.remotetest",
	.name = "remotetest",
	.version = "1",
	.license = "GPL-2.0-or-later",
	.summary = "Tries out helper processes.",
	.options = options,
	.needs = needs,
	.collect = &collect,
	.create = remotetest_create,
	.helpers = helpers,
};

WEIR_MODULE_EXPORT(mod_remotetest, descriptor)
