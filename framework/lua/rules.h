/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules - the site's rule files: load them, register rules, map them to
 * stages.
 *
 * The text of all files is read once, in create; when the Lua state is worn
 * out (rules that keep data for ever), it is made anew from that same text.
 * Loop thread.
 */
#ifndef WEIR_LUA_RULES_H
#define WEIR_LUA_RULES_H

#include <weir/weir.h>

#include "base/err.h"
#include "base/vec.h"
#include "lua/coro.h"
#include "lua/state.h"

struct declare;
struct lint_known;
struct map_file;
struct notify;

enum rule_content { RULE_NONE = 0, RULE_HEADERS = 1, RULE_BODY = 2 };
enum rule_direction { RULE_BOTH = 0, RULE_IN = 1, RULE_OUT = 2 };

/* What a rule in shadow would have done; see effect.c. */
enum rule_effect {
	EFFECT_ACCEPT,
	EFFECT_QUARANTINE,
	EFFECT_DISCARD,
	EFFECT_TEMPFAIL,
	EFFECT_REJECT,
	EFFECT_SCORE,
	EFFECT_FACT,
	EFFECT_EDIT,
	EFFECT_NOTIFY,
	EFFECT_COUNT
};
extern const char *const rule_effects[EFFECT_COUNT];

#define SHADOW_SAMPLES 5
#define SHADOW_ACTIONS (WEIR_ACT_REJECT + 1)

/* A decision that a rule in shadow would have changed. */
struct shadow_sample {
	char id[24];	    /* decision id; "" : no sample */
	char recipient[100]; /* cut */
	uint32_t was, would;
};

struct rule {
	char *name;
	const char *file; /* of struct rule_file */
	int line;
	size_t index; /* order of registration */
	int stage;
	int priority;
	enum rule_direction direction;
	enum rule_content content;
	bool active; /* else it is checked, and never runs */
	bool shadow;
	int on_failure; /* enum weir_on_failure, or -1: the module's */
	int function;	/* reference, or LUA_NOREF */
	struct declare *declare; /* or NULL */
	/* since the worker began */
	uint64_t runs, matches, failures, time_ns;
	uint64_t effects[EFFECT_COUNT];
	uint64_t overruns; /* failures that were a budget */
	/* in shadow: decisions by what they were and would have been; the
	   newest of them */
	uint64_t changes[SHADOW_ACTIONS][SHADOW_ACTIONS];
	uint64_t nchanges;
	struct shadow_sample samples[SHADOW_SAMPLES];
	int metric_seconds, metric_matches, metric_failures, metric_overruns;
	int metric_changes;
};

/* A number that rule files made: weir.metric. */
struct rule_metric {
	char *name;
	int kind, id;
};

extern const char *const rule_options[]; /* rule_register.c */

struct rule_file {
	char *name; /* "10-lists.lua" */
	char *text;
	size_t len;
};

/* The module's state. */
struct rules {
	const struct weir_host *host;
	weir_self *self;
	const struct weir_dns *dns;
	const struct weir_store *store;
	const struct weir_edit *edit;
	const struct weir_mime *mime;
	const struct weir_metric *metric;
	const struct weir_timer *timer;
	const struct weir_control *control;
	const struct weir_job *job;
	struct limit_max max;
	size_t memory_total;
	size_t map_size; /* octets of the largest file of a map */
	struct notify *notify;
	char *path, *admin;
	struct state *state;
	struct coros *coros;
	VEC(struct rule_file) files;
	VEC(struct rule *) rules;
	VEC(struct rule *) stages[WEIR_STAGE_COUNT];
	VEC(struct map_file *) maps;
	VEC(struct rule_metric) metrics;
	bool loading;  /* rule files run: rules and maps may be made */
	bool again;    /* ... for a new state: they are there already */
	size_t seen;   /* rules registered in this loading */
	const struct rule_file *file; /* that is being read, or NULL */
	size_t problems; /* told to rules_watch */
	bool worn_out; /* make a new state when no call is open */
	int metric_runs, metric_renewed, metric_waiting, metric_memory;
};

/* Read the files and run them.  err names file and line.  All or nothing. */
int rules_load(struct rules *r, struct err *err);
/* Before a round: a new state if the old one is worn out and idle. */
void rules_renew(struct rules *r);
/* Free everything; no call may be open. */
void rules_unload(struct rules *r);

/* A rule of the declared form found its match, or one with a function ran. */
void rules_log(struct rules *r, weir_call *call, int level,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Somebody reads the files to try them: a tool, never a worker.  Process-wide,
   NULL by default.  Each mistake is told (file is a path, line 0: none), and
   loading goes on with the next file, to fail in the end. [main] */
struct rules_watch {
	const char *path; /* read this instead of the option's; or NULL */
	const struct lint_known *known; /* or NULL: do not lint */
	void (*problem)(const char *file, int line, const char *text,
	    bool lint, void *arg);
	void *arg;
	size_t files, rules; /* how many were read */
};
extern struct rules_watch *rules_watch;
/* Tell it: text begins with "NAME:LINE: " of the file that is being read. */
void rules_problem(struct rules *r, const char *text);

/* rule_register.c: the global function `rule` */
int rule_register(lua_State *L);

#endif
