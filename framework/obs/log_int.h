/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_int - between log.c, log_line.c and log_sink.c; the log's lock is held
   in all of it. */
#ifndef WEIR_OBS_LOG_INT_H
#define WEIR_OBS_LOG_INT_H

#include <sys/types.h>

#include "base/buf.h"
#include "obs/log.h"

#define LOG_MSG_MAX 4096   /* text of a line */
#define LOG_VALUE_MAX 8192 /* one value, before it is escaped */
#define LOG_LINE_MAX 32768 /* no further fields once a line is that long */
#define LOG_RING_MAX (1u << 20)

enum log_style { LOG_STYLE_TEXT, LOG_STYLE_JSON, LOG_STYLE_JOURNAL };

struct log_line {
	int level;
	enum log_event_id event;
	int64_t time_ms;
	pid_t pid;
	const char *ident;
	const struct log_ctx *ctx; /* or NULL */
	weir_str msg;
	const struct log_field *fields;
	size_t n;
};

/* Append the line; no newline behind it. */
void log_line_add(struct buf *out, enum log_style style,
    const struct log_line *line);

enum log_sink_type {
	LOG_SINK_STDERR,
	LOG_SINK_FILE,
	LOG_SINK_SYSLOG,
	LOG_SINK_JOURNAL
};

/* Open a target beside the one in use, then change over or give it up. */
struct log_sink_open {
	enum log_sink_type type;
	int fd;
	char path[256];
};
int log_sink_open(struct log_sink_open *out, const char *target,
    struct err *err);
void log_sink_use(const struct log_sink_open *sink);
void log_sink_close(void);
int log_sink_reopen(struct err *err);
void log_sink_owner(uid_t uid, gid_t gid);
enum log_sink_type log_sink_type_now(void);

/* Queue a finished line. */
void log_sink_put(const char *line, size_t len);
/* Write what can be written now. */
void log_sink_flush(void);
/* The same, but wait for the target up to that many ms. */
void log_sink_drain(int ms);
/* Lines lost and not yet told, if the target moves again; else 0.  Asking
   clears it. */
uint64_t log_sink_recovered(void);
uint64_t log_sink_dropped(void);
void log_sink_forked(void);
/* fn: called on the loop, without the lock, when the sink wants a flush */
void log_sink_attach(void (*fn)(void));
void log_sink_detach(void);
bool log_sink_is_attached(void);
void log_sink_want_flush(void); /* soon, on the loop */
void log_sink_crash(void);

#endif
