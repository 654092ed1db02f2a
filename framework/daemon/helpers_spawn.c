/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helpers_spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/channel.h"
#include "daemon/helpers.h"
#include "daemon/privs.h"

#define DEPTH_MAX 32 /* folders in each other that are cleaned */

/* spawn_program - where weir-helper is: named, beside us, or installed */
static char *
spawn_program(void)
{
	const char *named = getenv("WEIR_HELPER");
	char self[4096], *slash;
	ssize_t n;

	if (named != NULL && named[0] == '/')
		return xstrdup(named);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL) {
			char *path = xasprintf("%.*s/weir-helper",
			    (int)(slash - self), self);

			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
	}
	return xstrdup(WEIR_HELPERDIR "/weir-helper");
}

/* spawn_empty - remove what is in a folder */
static void
spawn_empty(int dirfd, int depth)
{
	DIR *dir = fdopendir(dirfd);
	const struct dirent *e;

	if (dir == NULL) {
		close(dirfd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		int sub;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd, e->d_name, 0) == 0 || depth >= DEPTH_MAX)
			continue;
		sub = openat(dirfd, e->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			spawn_empty(sub, depth + 1);
		unlinkat(dirfd, e->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

/* spawn_temp - an empty folder; what an earlier life left there goes */
static void
spawn_temp(const char *path)
{
	int fd;

	if (mkdir(path, 0700) == 0)
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		spawn_empty(fd, 0);
}

/* helpers_spawn_clean - in a child, with no more rights than it had */
void
helpers_spawn_clean(const char *temp, uid_t uid, gid_t gid, bool drop)
{
	struct err err;
	pid_t pid = fork();

	if (pid == 0) {
		if (!drop || privs_drop(uid, gid, &err) == 0) {
			spawn_temp(temp);
			rmdir(temp);
		}
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* spawn_spec - the description as a descriptor, or -1 */
static int
spawn_spec(const struct buf *spec)
{
	int fd = memfd_create("weir-helper", MFD_CLOEXEC);

	if (fd >= 0 && (write(fd, spec->ptr, spec->len) !=
		(ssize_t)spec->len || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* spawn_move - descriptors to their places */
static void
spawn_move(int spec, int control, int listener)
{
	int from[3] = { spec, control, listener };
	static const int to[3] = { HELPERS_FD_SPEC, HELPERS_FD_CONTROL,
		HELPERS_FD_LISTENER };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	for (int i = 0; i < 3; i++) {
		if (dup2(from[i], to[i]) < 0)
			_exit(126);
	}
	/* whatever a library has left open */
	close_range(HELPERS_FD_LISTENER + 1, ~0u, 0);
}

/* spawn_say - the child can't even start */
static void __attribute__((noreturn))
spawn_say(const char *what, const char *why)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	channel_send(HELPERS_FD_CONTROL, CHANNEL_FAILED, 0, WEIR_E_TEMP, text);
	_exit(126);
}

/* spawn_child - become the program */
static void __attribute__((noreturn))
spawn_child(const struct helpers_spawn *s, int spec, int control)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS",
		"TZ" };
	char *program = spawn_program();
	char *argv[4] = { xstrdup("weir-helper"), xstrdup(s->name),
		xstrdup(s->temp != NULL ? s->temp : ""), NULL };
	char *envp[4] = { NULL };
	struct err err = { "" };
	sigset_t none;
	int n = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		const char *v = getenv(kept[i]);

		if (v != NULL)
			envp[n++] = xasprintf("%s=%s", kept[i], v);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* the terminal's signals are for the master */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	spawn_move(spec, control, s->listener);
	if (s->drop && privs_drop(s->uid, s->gid, &err) < 0)
		spawn_say("rights", err.text);
	if (s->temp != NULL)
		spawn_temp(s->temp);
	execve(program, argv, envp);
	spawn_say(program, strerror(errno));
}

/* helpers_spawn - fork and exec */
pid_t
helpers_spawn(const struct helpers_spawn *s, int *control)
{
	int pair[2], spec = spawn_spec(s->spec), saved;
	pid_t pid;

	if (spec < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) < 0) {
		saved = errno;
		close(spec);
		errno = saved;
		return -1;
	}
	pid = fork();
	if (pid == 0)
		spawn_child(s, spec, pair[1]);
	saved = errno;
	close(spec);
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	else
		*control = pair[0];
	errno = saved;
	return pid;
}
