/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "obs/log.h"
#include "store/aside.h"
#include "store/store.h"

/* How the child ends; its text is in the pipe. */
enum verify_end {
	VERIFY_SOUND,
	VERIFY_SET_ASIDE,
	VERIFY_UNABLE
};

static pid_t running; /* 0: none */
static int result = -1;

/* verify_child - look, and say what was found; never returns */
static void __attribute__((noreturn))
verify_child(const char *path, int out)
{
	struct err err = { "" };
	const char *text = "";
	int end = VERIFY_SOUND;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (store_check(path, &err) < 0) {
		end = VERIFY_UNABLE;
		text = err.text;
	} else if (strcmp(aside_alarm(), "") != 0) {
		end = VERIFY_SET_ASIDE;
		text = aside_alarm();
	}
	if (write(out, text, strlen(text)) < 0)
		_exit(VERIFY_UNABLE);
	_exit(end);
}

/* verify_start - in a child, one at a time */
void
verify_start(const char *state_dir)
{
	int pipes[2];
	char *path;

	if (running != 0)
		return;
	if (pipe2(pipes, O_CLOEXEC) != 0) {
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "can't verify the store: %s", strerror(errno));
		return;
	}
	path = xasprintf("%s/store.lmdb", state_dir);
	running = fork();
	if (running == 0) {
		aside_alarm_set("");
		verify_child(path, pipes[1]);
	}
	close(pipes[1]);
	if (running < 0) {
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "can't verify the store: %s", strerror(errno));
		close(pipes[0]);
		running = 0;
	} else {
		result = pipes[0];
	}
	free(path);
}

/* verify_reaped - what it found */
bool
verify_reaped(pid_t pid, int status)
{
	char text[600];
	ssize_t n;

	if (running == 0 || pid != running)
		return false;
	running = 0;
	/* far less than a pipe holds, and it has ended: all is there */
	n = read(result, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(result);
	result = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == VERIFY_SOUND) {
		log_event(WEIR_LOG_INFO, LOG_STORE_VERIFIED,
		    "the store is sound: the crash was not its fault");
	} else if (WIFEXITED(status) &&
	    WEXITSTATUS(status) == VERIFY_SET_ASIDE) {
		aside_alarm_set(text); /* for workers that start from now on */
		log_event(WEIR_LOG_ERROR, LOG_STORE_CORRUPT, "%s", text);
	} else {
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED, "%s",
		    text[0] != '\0' ? text : "the check of the store died");
	}
	return true;
}

/* verify_stop - its own child has limits of its own */
void
verify_stop(void)
{
	if (running == 0)
		return;
	kill(running, SIGKILL);
	while (waitpid(running, NULL, 0) < 0 && errno == EINTR)
		;
	running = 0;
	close(result);
	result = -1;
}
