/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - one line for each event, as key=value text, JSON or journal fields.
 *
 *	log_event(WEIR_LOG_INFO, LOG_WORKER_START, "generation %u", gen);
 *	struct log_field f[] = { log_int("score", 7), log_str("client", ip) };
 *	log_fields(WEIR_LOG_INFO, LOG_MESSAGE_VERDICT, f, 2, "rejected");
 *
 * Events come from obs/events.h; doc/logging.md is the schema.  All values are
 * escaped: no control, bidi or ill-formed octet reaches a reader.
 *
 * A stuck target never blocks: lines wait in a ring of 1 MiB, what does not
 * fit is counted, and the count is logged (log.dropped) when the target moves
 * again.  With a loop attached, lines milder than warn are written together
 * before the loop sleeps; without one every line is written at once if it can
 * be.  Everything is [any] unless said otherwise.  A forked child starts with
 * an empty ring and no loop; nothing has to be called for that.
 */
#ifndef WEIR_OBS_LOG_H
#define WEIR_OBS_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/types.h>

#include "base/err.h"
#include "obs/events.h"

#define LOG_EVENT_ENUM(name, id, level, meaning) LOG_##name,
enum log_event_id { LOG_EVENTS(LOG_EVENT_ENUM) LOG_EVENT_COUNT };
#undef LOG_EVENT_ENUM

enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON = 1 };

struct log_config {
	int level;	    /* WEIR_LOG_*: milder ones are not logged */
	const char *target; /* "stderr", "syslog", "journal", "file:/path";
			       "syslog:/path" and "journal:/path" for another
			       socket than the system's */
	enum log_format format; /* the journal gets fields in any case */
	const char *ident;  /* NULL: "weir" */
};

/* What the loop thread is busy with; NULL members are left off the line. */
struct log_ctx {
	const char *session, *message, *queue_id, *module, *stage;
};

enum log_field_type {
	LOG_F_STR,
	LOG_F_INT,
	LOG_F_REAL,
	LOG_F_BOOL,
	LOG_F_LIST
};

/* Keys: lower case, digits, _; constants of the code; none of the names that
   every line has (a reserved one is a panic). */
struct log_field {
	const char *key;
	enum log_field_type type;
	union {
		weir_str str;
		int64_t num;
		double real;
		bool flag;
		struct {
			const weir_str *items;
			size_t n;
		} list;
	} u;
};

/* Open the target and use it from now on; called again it changes over.  On
   an error nothing changes.  Before the first call: text on stderr, level
   info.  Ignores SIGPIPE. [main] */
int log_init(const struct log_config *config, struct err *err);
/* Write what can be written within 200 ms, close, go back to stderr. [main] */
void log_fini(void);
/* Who gets a file that root makes: other processes open it anew with fewer
   rights. [main] */
void log_owner(uid_t uid, gid_t gid);
/* Open a file anew after it was rotated, or connect anew. [loop] */
void log_reopen(void);
void log_set_level(int level);

/* Let the loop of this process flush the ring; detach before loop_fini.
   [loop] */
void log_loop_attach(void);
void log_loop_detach(void);

/* Set or clear (NULL) what this thread's lines are about; the struct is
   borrowed until the next call.  Returns the one before. [loop] */
const struct log_ctx *log_ctx_set(const struct log_ctx *ctx);
const struct log_ctx *log_ctx_get(void); /* NULL: none */

extern _Atomic int log_level_now;

/* log_enabled - would a line of this level be written */
static inline bool
log_enabled(int level)
{
	return level <=
	    atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

#define log_event(level, event, ...) \
	do { \
		if (log_enabled(level)) \
			log_write((level), (event), NULL, 0, __VA_ARGS__); \
	} while (0)
#define log_fields(level, event, fields, n, ...) \
	do { \
		if (log_enabled(level)) \
			log_write((level), (event), (fields), (n), \
			    __VA_ARGS__); \
	} while (0)
/* Behind the two macros. */
void log_write(int level, enum log_event_id event,
    const struct log_field *fields, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Tests and the harness: every finished line (text or JSON, no newline) goes
   to fn instead of the target; NULL ends that.  fn must not log. */
typedef void log_capture_fn(int level, enum log_event_id event,
    const char *line, size_t len, void *arg);
void log_set_capture(log_capture_fn *fn, void *arg);

const char *log_event_name(enum log_event_id event);    /* "worker.start" */
int log_event_severity(enum log_event_id event);	/* WEIR_LOG_* */
const char *log_event_meaning(enum log_event_id event);
const char *log_level_name(int level); /* "error" ... "debug" */
/* the level of that name, or WEIR_E_NOTFOUND */
int log_level_parse(const char *name);
/* lines lost so far in this process */
uint64_t log_dropped(void);
/* Write what waits, without locks: for handlers of fatal signals only. */
void log_crash_flush(void);

/* log_str - a field with text */
static inline struct log_field
log_str(const char *key, weir_str value)
{
	struct log_field f = { .key = key, .type = LOG_F_STR,
		.u.str = value };

	return f;
}

/* log_text - a field with a C string, NULL is empty */
static inline struct log_field
log_text(const char *key, const char *value)
{
	struct log_field f = { .key = key, .type = LOG_F_STR };

	f.u.str.ptr = value != NULL ? value : "";
	f.u.str.len = __builtin_strlen(f.u.str.ptr);
	return f;
}

/* log_int - a field with a whole number */
static inline struct log_field
log_int(const char *key, int64_t value)
{
	struct log_field f = { .key = key, .type = LOG_F_INT,
		.u.num = value };

	return f;
}

/* log_real - a field with a real number */
static inline struct log_field
log_real(const char *key, double value)
{
	struct log_field f = { .key = key, .type = LOG_F_REAL,
		.u.real = value };

	return f;
}

/* log_bool - a field that is true or false */
static inline struct log_field
log_bool(const char *key, bool value)
{
	struct log_field f = { .key = key, .type = LOG_F_BOOL,
		.u.flag = value };

	return f;
}

/* log_list - a field with several texts; items are borrowed for the call */
static inline struct log_field
log_list(const char *key, const weir_str *items, size_t n)
{
	struct log_field f = { .key = key, .type = LOG_F_LIST };

	f.u.list.items = items;
	f.u.list.n = n;
	return f;
}

#endif
