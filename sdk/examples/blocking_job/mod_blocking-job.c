/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocking-job - find mail with lines that are too long (RFC 5322, 2.1.1).
 *
 * Shows: work that takes long, or blocks, in a thread of the host's pool.  run
 * knows its argument only; whatever it finds is stated by done, which is on the
 * loop again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

#define LINE_MAX_OCTETS 998

static const struct weir_host *host;
static const struct weir_job *job;

enum { SYMBOL_LONG_LINE };

static const struct weir_symbol symbols[] = {
	[SYMBOL_LONG_LINE] = { "LONG_LINE",
	    "A line has more than 998 octets.", 1.5 },
	{ NULL, NULL, 0 },
};

/* What the two threads hand each other.  It lives until done has run, whatever
   becomes of the mail, for it is of the message's memory. */
struct work {
	size_t longest;
};

/* measure - the length of the longest line, CRLF not counted [job] */
static int
measure(weir_jobctx *ctx, void *arg)
{
	struct work *w = arg;
	int fd = job->message_fd(ctx); /* closed by the host */
	char chunk[65536];
	size_t line = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return WEIR_E_TEMP;
		for (ssize_t i = 0; i < n; i++) {
			if (chunk[i] == '\n')
				line = 0;
			else if (chunk[i] != '\r' && ++line > w->longest)
				w->longest = line;
		}
		if (job->unwanted(ctx))
			return WEIR_E_CANCELLED;
	}
	return WEIR_OK;
}

/* measured - run has returned, or was never begun [loop] */
static void
measured(weir_call *call, int status, void *arg)
{
	struct work *w = arg;
	char text[64];

	if (status < 0) {
		host->fail(call, status, WEIR_STR("lines were not measured"));
		return;
	}
	if (w->longest <= LINE_MAX_OCTETS)
		return;
	snprintf(text, sizeof(text), "a line of %zu octets", w->longest);
	host->finding(call, SYMBOL_LONG_LINE, WEIR_RCPT_NONE, 1.0,
	    weir_str_of(text));
}

/* collect_eom - the message is complete: have it measured */
static int
collect_eom(void *state, weir_call *call)
{
	struct work *w = host->alloc(call, WEIR_SCOPE_MESSAGE, sizeof(*w));

	(void)state;
	if (w == NULL)
		return WEIR_E_NOMEM;
	return job->start(call, measure, measured, w);
}

static int
create(const struct weir_host *h, weir_self *self, const weir_conf *conf,
    void **state)
{
	(void)conf;
	(void)state;
	host = h;
	job = h->ext(self, WEIR_EXT_JOB);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_JOB, NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.eom = collect_eom };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY,
	.id = "org.weir.example.blocking-job",
	.name = "blocking-job",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Finds mail with lines that are too long.",
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_blocking_job, module)
