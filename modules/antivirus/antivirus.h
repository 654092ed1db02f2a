/* SPDX-License-Identifier: GPL-2.0-only */
/* antivirus - the half of the module that runs in the workers. */
#ifndef MODULE_ANTIVIRUS_ANTIVIRUS_H
#define MODULE_ANTIVIRUS_ANTIVIRUS_H

#include <weir/weir.h>

#include "breaker.h"
#include "options.h"
#include "result.h"

enum {
	SYMBOL_VIRUS,
	SYMBOL_DEMOTED,
	SYMBOL_LIMIT,
	SYMBOL_ENCRYPTED,
	SYMBOL_STRUCTURED,
	SYMBOL_HEURISTIC, /* these in the order of enum av_class */
	SYMBOL_POISON
};

/* What became of a mail; the fact antivirus.result, and a metric. */
enum av_outcome {
	AV_OUT_CLASS = 0, /* + enum av_class */
	AV_OUT_CLEAN = AV_CLASSES,
	AV_OUT_UNSCANNED,
	AV_OUT_POISON,
	AV_OUTCOMES
};

struct antivirus {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
	const struct weir_remote *remote;
	const struct weir_mime *mime;
	const struct weir_job *job;
	const struct weir_timer *timer;
	const struct weir_metric *metric;
	const struct weir_control *control;
	const struct weir_edit *edit;
	enum av_backend backend;
	enum av_action action;
	enum av_policy policy[AV_CLASSES];
	uint64_t max_scan_size, max_file_size;
	int64_t max_scan_ms;
	uint64_t nonce; /* tells this worker from the others */
	/* clamd */
	unsigned clamd_open; /* conversations under way */
	struct clamd *clamd_queue; /* those that wait for one to end */
	uint64_t clamd_print; /* of its version line */
	char clamd_version[200];
	struct breaker *breaker;
	/* metrics */
	int metric_result[AV_OUTCOMES];
	int metric_cached, metric_parts, metric_seconds, metric_trips;
	int gauge_loaded, gauge_signatures, gauge_age, gauge_alarm;
	int gauge_memory, gauge_generation, gauge_failures;
	int gauge_engine; /* its version is a label; clamd: -1 */
};

/* One mail, in the message's memory. */
struct av_check {
	struct antivirus *m;
	struct av_result r;
	bool done; /* r and outcome are valid */
	enum av_outcome outcome;
	bool wants_parts, scans_parts;
	bool outer; /* the mail as such is beyond a limit, its parts may not be */
};

/* Octets to be scanned as one file, or as a mail. */
struct av_piece {
	weir_str data;
	bool mail;
};

/* What a back-end found.  status: WEIR_OK and a result, WEIR_E_INTERNAL:
   poison, else why there is none. [loop] */
typedef void av_backend_fn(weir_call *, int status,
    const struct av_result *result, void *arg);

/* backend.c: the mail of this call; or pieces whose octets must live until fn
   runs.  fn runs once, unless this fails. */
int av_backend_message(struct antivirus *m, weir_call *call,
    av_backend_fn *fn, void *arg);
int av_backend_data(struct antivirus *m, weir_call *call,
    const struct av_piece *piece, uint32_t n, av_backend_fn *fn, void *arg);

/* check.c */
int av_check_eom(void *state, weir_call *call);
struct av_check *av_check_get(const struct antivirus *m, weir_call *call);
const char *av_outcome_word(enum av_outcome outcome);

/* decide.c */
int av_decide_eom(void *state, weir_call *call);
int av_act_eom(void *state, weir_call *call);

/* clamd.c: see av_backend_data. */
int av_clamd_scan(struct antivirus *m, weir_call *call,
    const struct av_piece *piece, uint32_t n, av_backend_fn *fn, void *arg);
/* Its version line to m->clamd_version; fn's result says failed or not. */
int av_clamd_version(struct antivirus *m, weir_call *call, av_backend_fn *fn,
    void *arg);

/* report.c: ask now and then how the engine is, for the gauges. */
int av_report_start(struct antivirus *m);
/* Ask once; ask: enum av_ask.  text: JSON, NULL with a negative status. */
typedef void av_report_fn(weir_call *, int status, const char *text,
    void *arg);
int av_report_ask(struct antivirus *m, weir_call *call, uint32_t ask,
    av_report_fn *fn, void *arg);

/* command.c */
int av_command_register(struct antivirus *m);

#endif
