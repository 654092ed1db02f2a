/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_suite - cases in processes of their own.
 *
 * The child plays the case and writes its result as JSON; whatever it does to
 * itself, the parent tells it as that case's failure.
 */
#include "drive_suite.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive_case.h"
#include "drive_diff.h"
#include "drive_play.h"
#include "drive_suite_out.h"

#define ENOUGH ((size_t)64 << 20) /* of a result */

/* suite_take - what is in a memory file */
static void
suite_take(int fd, struct buf *out)
{
	struct stat st;
	ssize_t n = 0;

	buf_reserve(out, 0);
	if (fstat(fd, &st) == 0 && st.st_size > 0 &&
	    (size_t)st.st_size < ENOUGH)
		n = pread(fd, buf_reserve(out, (size_t)st.st_size),
		    (size_t)st.st_size, 0);
	out->len += n > 0 ? (size_t)n : 0;
	out->ptr[out->len] = '\0';
}

/* suite_child - play it; never returns */
static void __attribute__((noreturn))
suite_child(const struct drive_options *o, const char *file,
    const struct drive_case *c, int result_fd, int err_fd)
{
	json_t *result;
	char *text;
	size_t len;

	dup2(err_fd, STDERR_FILENO);
	alarm(o->timeout_s);
	result = drive_play(o, file, c);
	text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(15));
	len = text != NULL ? strlen(text) : 0;
	if (text == NULL || write(result_fd, text, len) != (ssize_t)len)
		_exit(3);
	_exit(0);
}

/* suite_end - how the child ended, if not well */
static void
suite_end(const struct drive_options *o, int status, struct suite_result *r)
{
	struct buf text = BUF_INIT;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && r->json != NULL)
		return;
	buf_printf(&text, "%u: ", r->c->line);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		buf_printf(&text, "it did not end within %u s", o->timeout_s);
	else if (WIFSIGNALED(status))
		buf_printf(&text, "the process died of signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		buf_printf(&text, "the process ended with status %d",
		    WEXITSTATUS(status));
	if (r->json == NULL)
		r->json = json_object();
	if (json_object_get(r->json, "failures") == NULL)
		json_object_set_new(r->json, "failures", json_array());
	json_array_append_new(json_object_get(r->json, "failures"),
	    json_string(text.ptr));
	buf_fini(&text);
}

/* suite_case - one case with one seed */
static void
suite_case(const struct drive_options *o, struct suite_result *r)
{
	int result_fd = memfd_create("result", MFD_CLOEXEC);
	int err_fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t begun = clock_mono_ns();
	struct buf text = BUF_INIT;
	int status = 1 << 8;
	pid_t pid = -1;

	if (result_fd >= 0 && err_fd >= 0)
		pid = fork();
	if (pid == 0)
		suite_child(o, r->file, r->c, result_fd, err_fd);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	r->ns = clock_mono_ns() - begun;
	suite_take(result_fd, &text);
	suite_take(err_fd, &r->said);
	r->json = json_loadb(text.ptr, text.len, 0, NULL);
	suite_end(o, status, r);
	buf_fini(&text);
	close(result_fd);
	close(err_fd);
}

/* suite_rounds - one case with all its seeds; it ends at the first failure */
static void
suite_rounds(const struct drive_options *o, const char *file,
    const struct drive_case *c, struct suite_out *out)
{
	struct drive_options own = *o;
	struct suite_result r;

	for (unsigned i = 0; i < o->rounds; i++) {
		memset(&r, 0, sizeof(r));
		r.file = file;
		r.c = c;
		own.seed = o->seed + i;
		r.seed = o->split || o->shuffle ? own.seed : 0;
		r.rounds = i + 1;
		suite_case(&own, &r);
		if (i + 1 == o->rounds || suite_failures(&r) > 0) {
			suite_out_case(out, &r);
			i = o->rounds - 1;
		}
		json_decref(r.json);
		buf_fini(&r.said);
	}
}

/* suite_read - the cases of one file */
static int
suite_read(const char *path, struct drive_cases *cases)
{
	struct drive_source s;
	struct err err = { "" };
	int status = drive_source_open(&s, path, &err);

	if (status < 0) {
		fprintf(stderr, "weir-drive: %s\n", err.text);
		return status;
	}
	status = drive_cases_parse(cases, s.data.ptr, s.data.len, &err);
	drive_source_close(&s);
	if (status < 0)
		fprintf(stderr, "%s:%s\n", path, err.text);
	return status;
}

/* drive_suite - all of them */
int
drive_suite(const struct drive_options *o, FILE *file)
{
	struct suite_out out;
	bool unread = false;
	int status;

	suite_out_begin(&out, o, file);
	for (size_t i = 0; i < o->cases.n; i++) {
		struct drive_cases cases;

		if (suite_read(o->cases.v[i], &cases) < 0) {
			unread = true;
			continue;
		}
		for (size_t k = 0; k < cases.v.n; k++) {
			weir_str title = cases.v.v[k].title;

			if (o->filter == NULL || drive_glob_in(title,
			    text_slice(o->filter)))
				suite_rounds(o, o->cases.v[i],
				    &cases.v.v[k], &out);
		}
		drive_cases_fini(&cases);
	}
	status = suite_out_end(&out);
	return unread ? 2 : status;
}
