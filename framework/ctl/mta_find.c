/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta_find - ask the installed Postfix, without a shell. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "ctl/mta.h"

#define RUN_MS 10000
#define RUN_OUTPUT_MAX (1u << 20)

/* mta_program - where administrators' programs are */
const char *
mta_program(const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/local/sbin",
		"/usr/bin", "/usr/local/bin", "/sbin", "/opt/postfix/sbin" };
	static char path[128];

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* mta_child - become the program */
static void
mta_child(const char *const *argv, int out)
{
	char path[] = "PATH=/usr/sbin:/usr/bin", locale[] = "LC_ALL=C";
	char *env[] = { path, locale, NULL, NULL };
	const char *instance = getenv("MAIL_CONFIG");
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* which of several instances of Postfix is meant */
	if (instance != NULL)
		env[2] = xasprintf("MAIL_CONFIG=%s", instance);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execve(argv[0], (char *const *)(uintptr_t)argv, env);
	_exit(127);
}

/* mta_collect - its output, until it ends or time is up */
static bool
mta_collect(int fd, struct buf *out)
{
	int64_t end = clock_mono_ms() + RUN_MS;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || out->len > RUN_OUTPUT_MAX)
			return false;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (p.revents == 0)
			continue;
		n = read(fd, buf_reserve(out, 4096), 4096);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			out->len += (size_t)n;
		out->ptr[out->len] = '\0';
	}
}

/* mta_run - run and wait */
int
mta_run(const char *const *argv, struct buf *out, struct err *err)
{
	int pipefd[2], status = 0;
	bool whole;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_set(err, WEIR_E_TEMP, "%s: %s", argv[0],
		    strerror(errno));
	pid = fork();
	if (pid == 0)
		mta_child(argv, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return err_set(err, WEIR_E_TEMP, "can't fork: %s",
		    strerror(errno));
	}
	whole = mta_collect(pipefd[0], out);
	close(pipefd[0]);
	if (!whole)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, WEIR_E_TEMP, "%s failed", argv[0]);
	return WEIR_OK;
}

/* mta_postconf - run postconf with up to two words */
static int
mta_postconf(const struct mta_env *env, const char *a, const char *b,
    struct buf *out, struct err *err)
{
	const char *argv[8];
	size_t n = 0;

	argv[n++] = mta_program("postconf");
	if (argv[0] == NULL)
		return err_set(err, WEIR_E_NOTFOUND,
		    "postconf is not installed");
	if (env->config_dir[0] != '\0') {
		argv[n++] = "-c";
		argv[n++] = env->config_dir;
	}
	argv[n++] = a;
	argv[n++] = b;
	argv[n] = NULL;
	return mta_run(argv, out, err);
}

/* mta_trim - without the newline at the end */
static void
mta_trim(struct buf *b)
{
	while (b->len > 0 && text_is_space(b->ptr[b->len - 1]))
		b->ptr[--b->len] = '\0';
}

/* mta_chroot - the fifth column of smtpd's line in master.cf */
static int
mta_chroot(const struct mta_env *env)
{
	struct buf line = BUF_INIT;
	struct err ignored;
	char *word, *save = NULL;
	int result = -1;

	if (mta_postconf(env, "-M", "smtp/inet", &line, &ignored) == WEIR_OK &&
	    line.len > 0) {
		word = strtok_r(line.ptr, " \t", &save);
		for (int i = 0; i < 4 && word != NULL; i++)
			word = strtok_r(NULL, " \t", &save);
		if (word != NULL && word[0] == 'y')
			result = 1;
		else if (word != NULL && word[0] == 'n')
			result = 0;
		else if (word != NULL) /* the default changed in 3.0 */
			result = mta_is_at_least(env, 3, 0) ? 0 : 1;
	}
	buf_fini(&line);
	return result;
}

/* mta_postfix_get - one setting */
int
mta_postfix_get(const struct mta_env *env, const char *name, struct buf *out,
    struct err *err)
{
	int status = mta_postconf(env, "-hx", name, out, err);

	mta_trim(out);
	return status;
}

/* mta_postfix_env - version, queue directory, chroot */
int
mta_postfix_env(const char *config_dir, struct mta_env *env, struct err *err)
{
	struct buf text = BUF_INIT;
	int status;

	memset(env, 0, sizeof(*env));
	env->chroot = -1;
	snprintf(env->config_dir, sizeof(env->config_dir), "%s", config_dir);
	status = mta_postconf(env, "-dh", "mail_version", &text, err);
	mta_trim(&text);
	if (status == WEIR_OK && !mta_version_parse(buf_str(&text).ptr, env))
		status = err_set(err, WEIR_E_TEMP,
		    "postconf says \"%s\" for its version",
		    buf_str(&text).ptr);
	buf_clear(&text);
	/* -d above needs no main.cf, this does: Debian installs Postfix without
	   one when nobody answers its question */
	if (status == WEIR_OK)
		status = mta_postfix_get(env, "queue_directory", &text, err);
	if (status == WEIR_E_TEMP && config_dir[0] == '\0' &&
	    env->major > 0) {
		buf_clear(&text);
		status = mta_postconf(env, "-dh", "queue_directory", &text,
		    err);
		mta_trim(&text);
	}
	if (status == WEIR_OK)
		snprintf(env->queue_directory, sizeof(env->queue_directory),
		    "%s", buf_str(&text).ptr);
	else if (config_dir[0] != '\0' && mta_program("postconf") != NULL)
		err_set(err, status, "postconf can't read the configuration "
		    "in %s", config_dir);
	buf_fini(&text);
	if (status == WEIR_OK)
		env->chroot = mta_chroot(env);
	return status;
}
