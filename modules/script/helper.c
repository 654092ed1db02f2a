/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper - the process that runs the script: a file for it, the run, the
   answer. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define DEPTH 16 /* descriptors while a folder is removed */

struct helper {
	const struct weir_helper_host *host;
	const char *script; /* the configuration's */
	uint32_t max_ms;
	bool unix_lines;
};

/* helper_copy - the mail, its lines ending as wanted; 0 or an errno */
static int
helper_copy(const struct helper *h, int from, int to)
{
	static const size_t size = 65536;
	char *block = malloc(size + 1);
	bool cr = false; /* the last octet was one, and is not written yet */
	ssize_t n;
	int rc = 0;

	if (block == NULL)
		return ENOMEM;
	while (rc == 0 && (n = read(from, block + 1, size)) > 0) {
		char *p = block + 1, *end = p + n;
		size_t len = 0;

		if (cr && *p != '\n')
			block[len++] = '\r';
		cr = false;
		/* in place: it only gets shorter */
		for (; p < end; p++) {
			if (h->unix_lines && *p == '\r' &&
			    (p + 1 == end || p[1] == '\n'))
				cr = p + 1 == end;
			else
				block[len++] = *p;
		}
		for (size_t done = 0; rc == 0 && done < len;) {
			ssize_t put = write(to, block + done, len - done);

			if (put <= 0)
				rc = put < 0 ? errno : EIO;
			else
				done += (size_t)put;
		}
	}
	if (rc == 0 && cr && write(to, "\r", 1) != 1)
		rc = errno;
	free(block);
	return rc;
}

/* helper_file - the mail as a file; 0 or an errno */
static int
helper_file(const struct helper *h, const char *file, int message)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return errno;
	rc = helper_copy(h, message, fd);
	if (close(fd) < 0 && rc == 0)
		rc = errno;
	return rc;
}

/* helper_remove - one thing of a folder */
static int
helper_remove(
    const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	(void)remove(path);
	return 0;
}

/* helper_read - what the run has come to */
static void
helper_read(const struct run *r, struct script_result *out)
{
	struct answer a;

	if (r->why[0] != '\0') {
		snprintf(out->text, sizeof(out->text), "%s", r->why);
		return;
	}
	answer_read(r->output, r->len, &a);
	out->kind = a.kind;
	out->score = a.score;
	snprintf(out->text, sizeof(out->text), "%s",
	    a.kind == ANSWER_NONE ? a.why : a.name);
}

/* helper_run - one mail */
static int
helper_run(void *state, weir_request *request, weir_str text, int message)
{
	struct helper *h = state;
	struct script_result out = { .kind = ANSWER_NONE };
	char folder[2048], file[2100];
	struct run r = { .host = h->host,
	    .request = request,
	    .script = h->script,
	    .folder = folder,
	    .file = file,
	    .max_ms = h->max_ms };
	int64_t begin = h->host->mono_ms();
	int rc, status = WEIR_OK;

	(void)text;
	snprintf(folder, sizeof(folder), "%s/run.XXXXXX", h->host->temp_dir());
	if (mkdtemp(folder) == NULL) {
		snprintf(out.text, sizeof(out.text),
		    "no folder for the mail: "
		    "%s",
		    strerrordesc_np(errno));
		return h->host->respond(request, &out, sizeof(out));
	}
	snprintf(file, sizeof(file), "%s/mail.eml", folder);
	rc = helper_file(h, file, message);
	if (rc == 0) {
		status = run_script(&r);
		helper_read(&r, &out);
	} else {
		snprintf(out.text, sizeof(out.text),
		    "no file for the mail: "
		    "%s",
		    strerrordesc_np(rc));
	}
	nftw(folder, helper_remove, DEPTH, FTW_DEPTH | FTW_PHYS);
	out.ms = (uint32_t)(h->host->mono_ms() - begin);
	return status < 0 ? status
			  : h->host->respond(request, &out, sizeof(out));
}

/* helper_log - why it can't be done */
static int
helper_log(const struct helper *h, const char *what, const char *why)
{
	char text[1000];
	int n = snprintf(text, sizeof(text), "%s %s", what, why);

	h->host->log(WEIR_LOG_ERROR,
	    (weir_str){
		text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1});
	return WEIR_E_INVAL;
}

/* helper_check - may this be executed: nobody else may change it */
static int
helper_check(const struct helper *h)
{
	char copy[4096];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", h->script);
	if (h->script[0] != '/')
		return helper_log(h, h->script, "is not an absolute path");
	if (stat(h->script, &st) < 0)
		return helper_log(h, h->script, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode) || access(h->script, X_OK) < 0)
		return helper_log(h, h->script,
		    "can't be executed by the "
		    "user that the workers run as");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return helper_log(h, h->script,
		    "is writable by others: "
		    "chmod go-w");
	if (stat(dirname(copy), &st) < 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return helper_log(h, h->script,
		    "lies in a folder that is "
		    "writable by others");
	return WEIR_OK;
}

/* helper_init - once */
static int
helper_init(
    const struct weir_helper_host *host, const weir_conf *conf, void **state)
{
	struct helper *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return WEIR_E_NOMEM;
	h->host = host;
	h->script = host->conf_str(conf, OPT_SCRIPT).ptr;
	h->max_ms = (uint32_t)host->conf_int(conf, OPT_MAX_TIME);
	h->unix_lines = host->conf_int(conf, OPT_LINE_ENDS) == 0;
	*state = h;
	return helper_check(h);
}

/* helper_adapt - numbers from the options */
static int
helper_adapt(const struct weir_helper_host *host, const weir_conf *conf,
    struct weir_helper_needs *needs)
{
	needs->threads = (uint32_t)host->conf_int(conf, OPT_CONCURRENT);
	needs->memory = (uint64_t)host->conf_int(conf, OPT_MEMORY_LIMIT);
	return WEIR_OK;
}

const struct weir_helper script_helper = { .size = sizeof(struct weir_helper),
	.flags = WEIR_HELPER_TEMP | WEIR_HELPER_PROGRAMS,
	.name = "run",
	.threads = 4,
	.processes = 1,
	.init = helper_init,
	.run = helper_run,
	.adapt = helper_adapt };
