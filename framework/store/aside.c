/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/aside_jail.h"
#include "store/lmdb.h"
#include "store/store.h"

/* A damaged tree may be an endless one: processor time, in seconds. */
#define ASIDE_CPU 30
/* A slow disk is no reason to throw the store away: real time, in seconds. */
#define ASIDE_WAIT 60

static char alarm_text[600];

/* aside_alarm - the text */
const char *
aside_alarm(void)
{
	return alarm_text;
}

/* aside_alarm_set - as another process says */
void
aside_alarm_set(const char *text)
{
	snprintf(alarm_text, sizeof(alarm_text), "%s", text);
}

/* aside_name - PATH.bad-DATE, one that is free */
static char *
aside_name(const char *path)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct stat st;
	struct tm tm;
	char date[32];
	char *name;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	name = xasprintf("%s.bad-%s", path, date);
	for (int i = 1; i < 1000 && lstat(name, &st) == 0; i++) {
		free(name);
		name = xasprintf("%s.bad-%s-%d", path, date, i);
	}
	return name;
}

/* aside_dir - the folder of a file */
static char *
aside_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? xstrdup(".") :
			       xstrndup(path, (size_t)(slash - path) + 1);
}

/* aside_lock_dir - the folder, locked against other workers that do the same */
static int
aside_lock_dir(const char *path)
{
	char *dir = aside_dir(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(dir);
	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* aside_move - set aside, raise the alarm */
int
aside_move(const char *path, ino_t ino, const char *why, struct err *err)
{
	char *to = NULL, *lock = NULL;
	int dir = aside_lock_dir(path);
	int rc = WEIR_OK;
	struct stat st;

	if (dir < 0)
		return err_set(err, WEIR_E_TEMP, "%s: its folder: %s", path,
		    strerror(errno));
	if (lstat(path, &st) == 0 && st.st_ino == ino) {
		to = aside_name(path);
		lock = xasprintf("%s-lock", path);
		if (rename(path, to) != 0 ||
		    (unlink(lock) != 0 && errno != ENOENT))
			rc = err_set(err, WEIR_E_TEMP,
			    "can't set aside %s (%s): %s", path, why,
			    strerror(errno));
		(void)fsync(dir);
		snprintf(alarm_text, sizeof(alarm_text), rc == WEIR_OK ?
			"store file was set aside as %s: %s" :
			"store file %s can't be set aside: %s",
		    rc == WEIR_OK ? to : path, why);
	}
	close(dir);
	free(to);
	free(lock);
	return rc;
}

/* aside_verify - for lmdb_read_job */
static int
aside_verify(struct lmdb_txn *t, void *arg)
{
	return lmdb_verify(t, arg);
}

/* aside_drop - the rights of the folder's owner: who may write there may lay a
   link to a file of root's, so that file's owner says nothing */
static int
aside_drop(const char *dir)
{
	struct stat st;
	int rc = stat(dir, &st);

	return rc != 0 || setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 ?
	    -1 : setuid(st.st_uid);
}

/* aside_child - look at the file, with nothing to lose; never returns */
static void __attribute__((noreturn))
aside_child(const char *path, const struct stat *st, int out)
{
	static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE,
		SIGILL, SIGXCPU };
	struct rlimit cpu = { ASIDE_CPU, ASIDE_CPU + 5 }, core = { 0, 0 };
	struct err err = { "" }, generic;
	struct lmdb *db = NULL;
	char *dir = aside_dir(path);
	sigset_t none;
	int rc, null;

	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(int); i++)
		signal(fatal_signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	/* who takes this process over through the file gets nothing with it:
	   no channel, no listener, no log */
	if (out != STDERR_FILENO + 1 && dup2(out, STDERR_FILENO + 1) < 0)
		_exit(2);
	out = STDERR_FILENO + 1;
	close_range((unsigned)out + 1, ~0u, 0);
	/* not as root: its lock file would shut the workers out, and the
	   content is not to be trusted */
	if (geteuid() == 0 && aside_drop(dir) != 0)
		_exit(2);
	rc = aside_jail(dir, &err);
	if (rc == WEIR_OK)
		rc = lmdb_open(path, (size_t)st->st_size, &db, &err, NULL);
	if (rc == WEIR_OK)
		rc = lmdb_read_job(db, aside_verify, &err, &generic);
	if (rc == WEIR_OK)
		_exit(0);
	if (write(out, err.text, strlen(err.text)) < 0)
		_exit(3);
	_exit(rc == WEIR_E_INTERNAL ? 1 : 2);
}

/* aside_read - the child's words, until it ends or the time is over */
static bool
aside_read(int fd, struct err *why)
{
	uint64_t end = clock_mono_ns() + ASIDE_WAIT * 1000000000ull, now;
	struct pollfd pfd = { fd, POLLIN, 0 };
	size_t len = 0;
	ssize_t n;

	why->text[0] = '\0';
	while ((now = clock_mono_ns()) < end) {
		if (poll(&pfd, 1, (int)((end - now) / 1000000u) + 1) <= 0)
			continue;
		n = read(fd, why->text + len, sizeof(why->text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		len += (size_t)n;
		why->text[len] = '\0';
	}
	return false;
}

/* store_check - validate in a child, set a bad file aside */
int
store_check(const char *path, struct err *err)
{
	struct err why;
	struct stat st;
	int pipes[2], status;
	bool ended;
	pid_t pid;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? WEIR_OK :
					 err_set(err, WEIR_E_TEMP, "%s: %s",
					     path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, WEIR_E_INVAL, "%s: not a file", path);
	if (st.st_size == 0)
		return WEIR_OK; /* will be filled */
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, WEIR_E_TEMP, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		aside_child(path, &st, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return err_set(err, WEIR_E_TEMP, "fork: %s", strerror(errno));
	}
	ended = aside_read(pipes[0], &why);
	close(pipes[0]);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		return err_set(err, WEIR_E_TIMEOUT,
		    "%s: can't be read within %d s", path, ASIDE_WAIT);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return WEIR_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 1)
		return err_set(err, WEIR_E_TEMP, "%s",
		    why.text[0] != '\0' ? why.text : path);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return err_set(err, WEIR_E_TEMP, "%s: the check was killed",
		    path);
	if (WIFSIGNALED(status))
		err_set(&why, 0, "reading it ends in signal %d",
		    WTERMSIG(status));
	return aside_move(path, st.st_ino, why.text, err);
}
