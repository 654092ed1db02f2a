/* SPDX-License-Identifier: GPL-2.0-only */
/* options - the rows of the module's section, for the module and its helper. */
#ifndef MODULE_ANTIVIRUS_OPTIONS_H
#define MODULE_ANTIVIRUS_OPTIONS_H

#include <weir/option.h>

enum {
	OPT_BACKEND,
	OPT_ACTION,
	OPT_HEURISTIC,
	OPT_ENCRYPTED,
	OPT_LIMIT,
	OPT_STRUCTURED,
	OPT_DEMOTED,
	OPT_HEADER,
	/* what is looked at */
	OPT_MAX_SCAN_SIZE,
	OPT_MAX_FILE_SIZE,
	OPT_MAX_FILES,
	OPT_MAX_RECURSION,
	OPT_MAX_SCAN_TIME,
	OPT_STRUCTURED_COUNT,
	OPT_MACROS,
	OPT_BROKEN,
	OPT_PHISHING,
	OPT_PUA,
	OPT_BYTECODE,
	/* the engine */
	OPT_DATABASE,
	OPT_MIRROR,
	OPT_RELOAD,
	OPT_CHECK_INTERVAL,
	OPT_MAX_AGE,
	OPT_THREADS,
	OPT_MEMORY_LIMIT,
	OPT_TEMP_RESERVE,
	OPT_CACHE,
	OPT_ENGINE_CACHE,
	/* the breaker */
	OPT_BREAKER_HITS,
	OPT_BREAKER_SHARE,
	OPT_BREAKER_WINDOW,
	OPT_BREAKER_AGE,
	/* another daemon */
	OPT_CLAMD_SOCKET,
	OPT_CLAMD_METHOD,
	OPT_CLAMD_CONNECTIONS
};

enum av_backend { AV_BACKEND_LIBCLAMAV, AV_BACKEND_CLAMD };
enum av_reload { AV_RELOAD_AUTO, AV_RELOAD_PARALLEL, AV_RELOAD_DRAIN };
enum av_method { AV_METHOD_AUTO, AV_METHOD_INSTREAM, AV_METHOD_FILDES };

/* What follows from a class of hits. */
enum av_policy {
	AV_POLICY_PASS,	 /* nothing but the fact */
	AV_POLICY_SCORE, /* a finding */
	AV_POLICY_QUARANTINE,
	AV_POLICY_TEMPFAIL,
	AV_POLICY_REJECT,
	AV_POLICY_VIRUS /* as `action` says */
};
#define AV_POLICY_CHOICES "pass|score|quarantine|tempfail|reject|virus"

/* `action`, in the same order as its choices */
enum av_action {
	AV_ACTION_REJECT,
	AV_ACTION_QUARANTINE,
	AV_ACTION_DISCARD,
	AV_ACTION_TEMPFAIL,
	AV_ACTION_MARK
};
#define AV_ACTION_CHOICES "reject|quarantine|discard|tempfail|mark"

extern const struct weir_option av_options[];

#endif
