/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

#include <weir/verdict.h>

/* err_set - fill the text, return the status */
int
err_set(struct err *err, int status, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return status;
}

/* status_name - printable status */
const char *
status_name(int status)
{
	static const char *const names[] = {
		"OK", "E_NOMEM", "E_INVAL", "E_STATE", "E_UNSUPPORTED",
		"E_NOTFOUND", "E_TIMEOUT", "E_CANCELLED", "E_STALE", "E_LIMIT",
		"E_TEMP", "E_INTERNAL", "E_EXISTS"
	};

	if (status > 0 || status < WEIR_E_EXISTS)
		return "E_UNKNOWN";
	return names[-status];
}

/* stage_name - printable stage */
const char *
stage_name(int stage)
{
	static const char *const names[WEIR_STAGE_COUNT] = {
		"connect", "helo", "mail", "rcpt", "data", "header", "eoh",
		"body", "eom"
	};

	return stage >= 0 && stage < WEIR_STAGE_COUNT ? names[stage] : "none";
}

/* phase_name - printable phase */
const char *
phase_name(int phase)
{
	static const char *const names[WEIR_PHASE_COUNT] = { "collect",
		"decide", "act" };

	return phase >= 0 && phase < WEIR_PHASE_COUNT ? names[phase] : "none";
}

/* action_name - printable verdict */
const char *
action_name(int action)
{
	static const char *const names[] = { "none", "accept", "quarantine",
		"discard", "tempfail", "reject" };

	return action >= 0 && action <= WEIR_ACT_REJECT ? names[action] :
							  "unknown";
}
