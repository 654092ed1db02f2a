/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "obs/log_int.h"

_Atomic int log_level_now = WEIR_LOG_INFO;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local const struct log_ctx *log_ctx_here;
static enum log_format log_format_now = LOG_FORMAT_TEXT;
static char log_ident[64] = "weir";
static pid_t log_pid; /* 0: ask */
static struct buf log_buf;
static log_capture_fn *log_capture;
static void *log_capture_arg;

#define LOG_EVENT_ROW(name, id, level, meaning) \
	{ id, WEIR_LOG_##level, meaning },
static const struct {
	const char *id;
	int level;
	const char *meaning;
} log_events[] = { LOG_EVENTS(LOG_EVENT_ROW) };

static const char *const log_levels[] = { "error", "warn", "info", "debug" };

/* log_event_name - the stable id */
const char *
log_event_name(enum log_event_id event)
{
	expect((unsigned)event < LOG_EVENT_COUNT);
	return log_events[event].id;
}

/* log_event_severity - the most severe level of the event */
int
log_event_severity(enum log_event_id event)
{
	expect((unsigned)event < LOG_EVENT_COUNT);
	return log_events[event].level;
}

/* log_event_meaning - one sentence */
const char *
log_event_meaning(enum log_event_id event)
{
	expect((unsigned)event < LOG_EVENT_COUNT);
	return log_events[event].meaning;
}

/* log_level_name - printable level */
const char *
log_level_name(int level)
{
	return level >= WEIR_LOG_ERROR && level <= WEIR_LOG_DEBUG ?
		log_levels[level] : "unknown";
}

/* log_level_parse - the level of that name */
int
log_level_parse(const char *name)
{
	for (int i = WEIR_LOG_ERROR; i <= WEIR_LOG_DEBUG; i++) {
		if (strcmp(name, log_levels[i]) == 0)
			return i;
	}
	return WEIR_E_NOTFOUND;
}

/* log_ctx_set - what this thread is busy with */
const struct log_ctx *
log_ctx_set(const struct log_ctx *ctx)
{
	const struct log_ctx *before = log_ctx_here;

	log_ctx_here = ctx;
	return before;
}

/* log_ctx_get - what this thread is busy with */
const struct log_ctx *
log_ctx_get(void)
{
	return log_ctx_here;
}

/* log_head_syslog - what /dev/log expects before the line */
static void
log_head_syslog(const struct log_line *line)
{
	/* facility mail; err, warning, info, debug */
	static const int priority[] = { 19, 20, 22, 23 };
	time_t t = (time_t)(line->time_ms / 1000);
	char when[32];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	buf_printf(&log_buf, "<%d>%s %s[%d]: ", priority[line->level], when,
	    line->ident, (int)line->pid);
}

/* log_line_put - form one line and queue it; the lock is held */
static void
log_line_put(int level, enum log_event_id event, const struct log_ctx *ctx,
    const struct log_field *fields, size_t n, weir_str msg)
{
	struct log_line line = { .level = level, .event = event,
		.time_ms = clock_wall_ms(), .pid = log_pid, .ctx = ctx,
		.ident = log_ident, .msg = msg, .fields = fields, .n = n };
	enum log_style style = log_format_now == LOG_FORMAT_JSON ?
		LOG_STYLE_JSON : LOG_STYLE_TEXT;

	if (line.pid == 0)
		line.pid = getpid();
	buf_clear(&log_buf);
	if (log_capture != NULL) {
		log_line_add(&log_buf, style, &line);
		log_capture(level, event, log_buf.ptr, log_buf.len,
		    log_capture_arg);
		return;
	}
	if (log_sink_type_now() == LOG_SINK_JOURNAL)
		style = LOG_STYLE_JOURNAL;
	else if (log_sink_type_now() == LOG_SINK_SYSLOG)
		log_head_syslog(&line);
	log_line_add(&log_buf, style, &line);
	log_sink_put(log_buf.ptr, log_buf.len);
}

/* log_flush - write what can be written; the lock is held */
static void
log_flush(void)
{
	struct log_field f;
	char msg[64];
	uint64_t lost;
	weir_str s = { msg, 0 };

	log_sink_flush();
	lost = log_sink_recovered();
	if (lost == 0)
		return;
	s.len = (size_t)snprintf(msg, sizeof(msg), "%llu lines were lost",
	    (unsigned long long)lost);
	f = log_int("count", (int64_t)lost);
	log_line_put(WEIR_LOG_WARN, LOG_LOG_DROPPED, NULL, &f, 1, s);
	log_sink_flush();
}

/* log_on_loop - the sink can write, or should */
static void
log_on_loop(void)
{
	pthread_mutex_lock(&log_lock);
	log_flush();
	pthread_mutex_unlock(&log_lock);
}

/* log_push - see that what was queued gets out; the lock is held */
static void
log_push(int level)
{
	if (!log_sink_is_attached() ||
	    (level <= WEIR_LOG_WARN && loop_is_thread()))
		log_flush();
	else
		log_sink_want_flush();
}

/* log_write - behind log_event and log_fields */
void
log_write(int level, enum log_event_id event, const struct log_field *fields,
    size_t n, const char *fmt, ...)
{
	char text[LOG_MSG_MAX];
	weir_str msg = { text, 0 };
	va_list ap;
	int len;

	expect(level >= WEIR_LOG_ERROR && level <= WEIR_LOG_DEBUG);
	if (level < log_event_severity(event))
		level = log_event_severity(event);
	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len > 0)
		msg.len = (size_t)len < sizeof(text) ? (size_t)len :
						       sizeof(text) - 1;
	pthread_mutex_lock(&log_lock);
	log_line_put(level, event, log_ctx_here, fields, n, msg);
	if (log_capture == NULL)
		log_push(level);
	pthread_mutex_unlock(&log_lock);
}

/* log_to_stderr - a line past all buffers; false: nobody reads it */
static bool
log_to_stderr(const char *line)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)line, strlen(line) },
		{ (void *)(uintptr_t)"\n", 1 } };

	return writev(STDERR_FILENO, iov, 2) > 0;
}

/* log_on_check - panic or fatal: the last line, so it may wait a little */
static void
log_on_check(const char *line)
{
	bool is_panic = strncmp(line, "weir: panic: ", 13) == 0;
	weir_str msg;
	bool locked;

	/* whoever fails inside the log holds the lock */
	locked = pthread_mutex_trylock(&log_lock) == 0;
	if (!locked || log_sink_type_now() != LOG_SINK_STDERR ||
	    log_capture != NULL)
		log_to_stderr(line);
	if (!locked)
		return;
	msg.ptr = line + (strncmp(line, "weir: ", 6) == 0 ? 6 : 0);
	msg.len = strlen(msg.ptr);
	log_line_put(WEIR_LOG_ERROR,
	    is_panic ? LOG_PROCESS_PANIC : LOG_PROCESS_FATAL,
	    loop_is_thread() ? log_ctx_here : NULL, NULL, 0, msg);
	log_sink_drain(200);
	pthread_mutex_unlock(&log_lock);
}

/* log_fork_prepare - no other thread may be half-way when the copy is made */
static void
log_fork_prepare(void)
{
	pthread_mutex_lock(&log_lock);
}

/* log_fork_parent - go on */
static void
log_fork_parent(void)
{
	pthread_mutex_unlock(&log_lock);
}

/* log_fork_child - a log of its own on the same target */
static void
log_fork_child(void)
{
	log_pid = getpid();
	log_ctx_here = NULL;
	log_sink_forked();
	pthread_mutex_unlock(&log_lock);
}

/* log_init - open the target and use it */
int
log_init(const struct log_config *config, struct err *err)
{
	static bool once;
	struct log_sink_open sink;
	struct sigaction sa;
	int status;

	status = log_sink_open(&sink, config->target, err);
	if (status != WEIR_OK)
		return status;
	if (!once) {
		pthread_atfork(log_fork_prepare, log_fork_parent,
		    log_fork_child);
		once = true;
	}
	if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL) {
		sa.sa_handler = SIG_IGN;
		sigaction(SIGPIPE, &sa, NULL);
	}
	pthread_mutex_lock(&log_lock);
	log_sink_drain(200);
	log_sink_use(&sink);
	log_pid = getpid();
	log_format_now = config->format;
	snprintf(log_ident, sizeof(log_ident), "%s",
	    config->ident != NULL ? config->ident : "weir");
	pthread_mutex_unlock(&log_lock);
	log_set_level(config->level);
	check_sink = log_on_check;
	return WEIR_OK;
}

/* log_fini - flush and close */
void
log_fini(void)
{
	pthread_mutex_lock(&log_lock);
	log_sink_detach();
	log_sink_drain(200);
	log_sink_close();
	buf_fini(&log_buf);
	log_pid = 0;
	log_format_now = LOG_FORMAT_TEXT;
	log_capture = NULL;
	check_sink = NULL;
	pthread_mutex_unlock(&log_lock);
	log_set_level(WEIR_LOG_INFO);
}

/* log_owner - whose a new file is to be */
void
log_owner(uid_t uid, gid_t gid)
{
	pthread_mutex_lock(&log_lock);
	log_sink_owner(uid, gid);
	pthread_mutex_unlock(&log_lock);
}

/* log_reopen - after the file was rotated */
void
log_reopen(void)
{
	struct err err;
	int status;

	pthread_mutex_lock(&log_lock);
	log_flush();
	status = log_sink_reopen(&err);
	if (status == WEIR_OK)
		log_flush();
	pthread_mutex_unlock(&log_lock);
	if (status != WEIR_OK)
		log_event(WEIR_LOG_ERROR, LOG_LOG_TROUBLE, "%s", err.text);
}

/* log_set_level - from now on */
void
log_set_level(int level)
{
	atomic_store_explicit(&log_level_now, level, memory_order_relaxed);
}

/* log_loop_attach - the loop flushes */
void
log_loop_attach(void)
{
	pthread_mutex_lock(&log_lock);
	log_sink_attach(log_on_loop);
	pthread_mutex_unlock(&log_lock);
}

/* log_loop_detach - it does no more */
void
log_loop_detach(void)
{
	pthread_mutex_lock(&log_lock);
	log_sink_detach();
	log_flush();
	pthread_mutex_unlock(&log_lock);
}

/* log_set_capture - lines go to fn */
void
log_set_capture(log_capture_fn *fn, void *arg)
{
	pthread_mutex_lock(&log_lock);
	log_capture = fn;
	log_capture_arg = arg;
	pthread_mutex_unlock(&log_lock);
}

/* log_dropped - lines lost in this process */
uint64_t
log_dropped(void)
{
	uint64_t n;

	pthread_mutex_lock(&log_lock);
	n = log_sink_dropped();
	pthread_mutex_unlock(&log_lock);
	return n;
}

/* log_crash_flush - the last chance of what waits */
void
log_crash_flush(void)
{
	log_sink_crash();
}
