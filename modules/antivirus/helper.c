/* SPDX-License-Identifier: GPL-2.0-only */
#include "helper.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define INODES_MIN 1000u /* free ones in the temporary folder */
#define MAIL_DEPTH 3u	 /* the mail, its part, what is in the innermost */
#define LINES_MAX 20	 /* of libclamav's in a minute */

static const char mail_mark[] = AV_MAIL_MARK;

static struct helper *helper; /* there is one in a process */

/* helper_log - one line */
void
helper_log(const struct helper *h, int level, const char *format, ...)
{
	char line[1000];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0)
		return;
	h->host->log(level, (weir_str) { line,
		n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1 });
}

/* helper_on_line - libclamav complains; of what is in mails not without end */
static void
helper_on_line(bool error, const char *line)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t minute;
	static unsigned lines;
	int64_t now;
	bool quiet;

	if (helper == NULL)
		return;
	now = helper->host->mono_ms() / 60000;
	pthread_mutex_lock(&lock);
	if (now != minute)
		lines = 0;
	minute = now;
	quiet = lines++ >= LINES_MAX;
	pthread_mutex_unlock(&lock);
	if (!quiet)
		helper_log(helper, error ? WEIR_LOG_WARN : WEIR_LOG_DEBUG,
		    "libclamav: %s", line);
}

/* helper_take - a reference to the engine of now */
struct engine *
helper_take(struct helper *h, weir_request *request)
{
	struct engine *e;

	pthread_mutex_lock(&h->lock);
	while (h->engine == NULL && h->draining) {
		struct timespec until;

		if (h->host->left_ms(request) == 0)
			break;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&h->ready, &h->lock, &until);
	}
	e = h->engine;
	if (e != NULL)
		e->refs++;
	pthread_mutex_unlock(&h->lock);
	return e;
}

/* helper_give - the scan is over */
void
helper_give(struct helper *h, struct engine *e)
{
	bool last;

	pthread_mutex_lock(&h->lock);
	last = --e->refs == 0;
	pthread_cond_broadcast(&h->ready);
	pthread_mutex_unlock(&h->lock);
	if (last)
		engine_free(&e);
}

/* helper_room - is there room for what libclamav unpacks?  Without it parts of
   a mail are skipped in silence. */
static bool
helper_room(const struct helper *h)
{
	struct statvfs st;

	if (statvfs(h->limits.temp_dir, &st) < 0)
		return false;
	return (uint64_t)st.f_bavail * st.f_frsize >= h->temp_reserve &&
	    (st.f_files == 0 || st.f_favail >= INODES_MIN);
}

/* helper_map - len octets of the descriptor, behind the mark that makes them a
   mail; base and size are for munmap */
static const char *
helper_map(int fd, size_t len, char **base, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*size = (len + page - 1) / page * page + page;
	*base = mmap(NULL, *size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*base == MAP_FAILED)
		return NULL;
	memcpy(*base + page - (sizeof(mail_mark) - 1), mail_mark,
	    sizeof(mail_mark) - 1);
	if (len > 0 && mmap(*base + page, len, PROT_READ,
	    MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED) {
		munmap(*base, *size);
		return NULL;
	}
	return *base + page;
}

/* helper_scan_ranges - each range is a file */
static void
helper_scan_ranges(struct helper *h, struct engine *e, weir_request *request,
    const struct av_request *ask, const char *data, size_t len,
    struct av_result *out)
{
	for (uint32_t i = 0; i < ask->n && !out->failed; i++) {
		const struct av_range *r = &ask->range[i];

		if (r->offset > len || r->len > len - r->offset)
			av_result_fail(out, "a range beyond the data");
		else if (h->host->left_ms(request) == 0)
			av_result_fail(out, "no time left");
		else
			engine_scan(e, &h->limits, data + r->offset,
			    (size_t)r->len, out);
	}
}

/* helper_scan_data - what is mapped, or what is known of it */
static void
helper_scan_data(struct helper *h, struct engine *e, weir_request *request,
    const struct av_request *ask, const char *data, size_t len,
    struct av_result *out)
{
	uint8_t key[CACHE_KEY];
	bool whole = ask->n == 0;
	bool keyed = whole && h->cache != NULL && cache_key(data, len, key);

	if (keyed && (ask->flags & AV_FLAG_FRESH) == 0 &&
	    cache_has(h->cache, key, e->generation)) {
		out->cached = true;
		return;
	}
	if (!helper_room(h)) {
		av_result_fail(out, "the temporary folder is full");
		return;
	}
	if (whole)
		engine_scan(e, &h->limits, data - (sizeof(mail_mark) - 1),
		    len + sizeof(mail_mark) - 1, out);
	else
		helper_scan_ranges(h, e, request, ask, data, len, out);
	/* room that was gone in between was gone for this scan, too */
	if (out->n == 0 && !helper_room(h))
		av_result_fail(out, "the temporary folder is full");
	if (keyed && out->n == 0 && !out->failed)
		cache_add(h->cache, key, e->generation);
}

/* helper_count - the result goes into numbers, and through the breaker */
static void
helper_count(struct helper *h, struct av_result *r)
{
	char name[AV_NAME_MAX + 1] = "";
	const char *tripped;

	pthread_mutex_lock(&h->lock);
	h->scans++;
	h->cached += r->cached;
	h->failures += r->failed;
	tripped = breaker_apply(&h->breaker, r, h->host->mono_ms());
	if (tripped != NULL) {
		h->trips++;
		snprintf(name, sizeof(name), "%s", tripped);
	}
	pthread_mutex_unlock(&h->lock);
	if (name[0] != '\0')
		helper_log(h, WEIR_LOG_ERROR, "signature %s is not believed "
		    "until the database changes: new, and hits too much", name);
}

/* helper_scan - AV_ASK_SCAN */
static int
helper_scan(struct helper *h, weir_request *request,
    const struct av_request *ask, int fd)
{
	struct av_result r = { .n = 0 };
	char octets[AV_RESPONSE_SIZE];
	struct timespec begin, end;
	struct engine *e;
	struct stat st;
	const char *data;
	char *base;
	size_t size;

	if (fd < 0 || fstat(fd, &st) < 0)
		return WEIR_E_INVAL;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	e = helper_take(h, request);
	if (e == NULL) {
		av_result_fail(&r, "no virus database is loaded");
	} else if ((data = helper_map(fd, (size_t)st.st_size, &base, &size)) ==
	    NULL) {
		av_result_fail(&r, "no memory for the mail");
	} else {
		r.generation = e->generation;
		helper_scan_data(h, e, request, ask, data, (size_t)st.st_size,
		    &r);
		munmap(base, size);
	}
	if (e != NULL)
		helper_give(h, e);
	clock_gettime(CLOCK_MONOTONIC, &end);
	r.elapsed_us = (uint32_t)((end.tv_sec - begin.tv_sec) * 1000000 +
	    (end.tv_nsec - begin.tv_nsec) / 1000);
	helper_count(h, &r);
	return h->host->respond(request, octets, av_result_put(octets, &r));
}

/* helper_status - AV_ASK_STATUS and AV_ASK_RELOAD */
static int
helper_status(struct helper *h, weir_request *request,
    const struct av_request *ask)
{
	int64_t now = h->host->mono_ms();
	bool reporter = false;
	char *text;
	int status;

	pthread_mutex_lock(&h->lock);
	if (ask->ask == AV_ASK_RELOAD) {
		h->forced = true;
		pthread_cond_broadcast(&h->wake);
	} else if (ask->asker != 0) {
		/* gauges of workers are added up: only one may have them */
		if (h->reporter == 0 || h->reporter == ask->asker ||
		    now - h->reporter_ms > HELPER_LEASE_MS) {
			h->reporter = ask->asker;
			h->reporter_ms = now;
			reporter = true;
		}
	}
	pthread_mutex_unlock(&h->lock);
	text = state_json(h, reporter);
	if (text == NULL)
		return WEIR_E_NOMEM;
	status = h->host->respond(request, text, strlen(text));
	free(text);
	return status;
}

/* helper_run - one request */
static int
helper_run(void *state, weir_request *request, weir_str octets, int message)
{
	struct helper *h = state;
	struct av_request *ask = malloc(sizeof(*ask));
	int status = WEIR_E_NOMEM;

	if (ask != NULL)
		status = av_request_get(octets, ask);
	if (status == WEIR_OK)
		status = ask->ask == AV_ASK_SCAN ?
		    helper_scan(h, request, ask, message) :
		    helper_status(h, request, ask);
	free(ask);
	return status;
}

/* helper_options - from the section */
static void
helper_options(struct helper *h, const weir_conf *conf)
{
	const struct weir_helper_host *host = h->host;
	struct engine_limits *l = &h->limits;
	struct breaker_options b = {
		.hits = (uint32_t)host->conf_int(conf, OPT_BREAKER_HITS),
		.share = host->conf_real(conf, OPT_BREAKER_SHARE) / 100,
		.window_ms = host->conf_int(conf, OPT_BREAKER_WINDOW),
		.age_ms = host->conf_int(conf, OPT_BREAKER_AGE) };

	l->max_scan_size = (uint64_t)host->conf_int(conf, OPT_MAX_SCAN_SIZE);
	l->max_file_size = (uint64_t)host->conf_int(conf, OPT_MAX_FILE_SIZE);
	l->max_files = (uint32_t)host->conf_int(conf, OPT_MAX_FILES);
	l->max_recursion = (uint32_t)host->conf_int(conf,
	    OPT_MAX_RECURSION) + MAIL_DEPTH;
	l->max_scan_ms = (uint32_t)host->conf_int(conf, OPT_MAX_SCAN_TIME);
	l->structured_count =
	    (uint32_t)host->conf_int(conf, OPT_STRUCTURED_COUNT);
	l->encrypted = host->conf_int(conf, OPT_ENCRYPTED) != AV_POLICY_PASS;
	l->macros = host->conf_bool(conf, OPT_MACROS);
	l->broken = host->conf_bool(conf, OPT_BROKEN);
	l->phishing = host->conf_bool(conf, OPT_PHISHING);
	l->pua = host->conf_bool(conf, OPT_PUA);
	l->bytecode = host->conf_bool(conf, OPT_BYTECODE);
	l->cache = host->conf_bool(conf, OPT_ENGINE_CACHE);
	l->temp_dir = host->temp_dir();
	h->dir = host->conf_str(conf, OPT_DATABASE).ptr;
	h->reload = (enum av_reload)host->conf_int(conf, OPT_RELOAD);
	h->interval_ms = host->conf_int(conf, OPT_CHECK_INTERVAL);
	h->max_age_ms = host->conf_int(conf, OPT_MAX_AGE);
	h->temp_reserve = (uint64_t)host->conf_int(conf, OPT_TEMP_RESERVE);
	h->memory_limit = (uint64_t)host->conf_int(conf, OPT_MEMORY_LIMIT);
	h->cache = cache_create((uint32_t)host->conf_int(conf, OPT_CACHE));
	breaker_init(&h->breaker, &b);
}

/* helper_init - library, database, watcher */
static int
helper_init(const struct weir_helper_host *host, const weir_conf *conf,
    void **state)
{
	struct helper *h = calloc(1, sizeof(*h));
	char problem[ENGINE_PROBLEM_MAX + 1];
	struct stat st;

	if (h == NULL)
		return WEIR_E_NOMEM;
	h->host = host;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->ready, NULL);
	pthread_cond_init(&h->wake, NULL);
	helper_options(h, conf);
	helper = h;
	if (stat(h->dir, &st) == 0) {
		h->dir_dev = st.st_dev;
		h->dir_ino = st.st_ino;
	}
	if (engine_init(helper_on_line, problem) < 0) {
		helper_log(h, WEIR_LOG_ERROR, "%s", problem);
		return WEIR_E_TEMP;
	}
	*state = h;
	return watch_start(h);
}

/* helper_adapt - numbers from the options */
static int
helper_adapt(const struct weir_helper_host *host, const weir_conf *conf,
    struct weir_helper_needs *needs)
{
	int64_t threads = host->conf_int(conf, OPT_THREADS);
	uint64_t memory = (uint64_t)host->conf_int(conf, OPT_MEMORY_LIMIT);

	if (host->conf_int(conf, OPT_BACKEND) == AV_BACKEND_CLAMD)
		needs->processes = 0;
	if (threads == 0)
		threads = sysconf(_SC_NPROCESSORS_ONLN);
	needs->threads = threads < 1 ? 1 : threads > WEIR_HELPER_THREADS_MAX ?
	    WEIR_HELPER_THREADS_MAX : (uint32_t)threads;
	needs->memory = memory;
	return WEIR_OK;
}

const struct weir_helper av_helper = { .size = sizeof(struct weir_helper),
	.flags = WEIR_HELPER_TEMP | WEIR_HELPER_FILES, .name = "scan",
	.threads = 2, .processes = 1, .init_ms = 600000, .init = helper_init,
	.run = helper_run, .adapt = helper_adapt };
