/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check - collect: the whole mail first, then parts of it.
 *
 * libclamav takes mails apart itself, and what it reaches is not scanned
 * twice.  It was measured with one signature in 70 shapes of mail what it does
 * not reach: base64 that goes on behind its padding, lines that end in CR
 * alone, message/partial and message/external-body, a multipart with an
 * encoding, parts of another reading of an ambiguous structure; and nothing of
 * a mail that is larger than a file may be.  The first ones are anomalies of
 * the MIME view: for mails with one of them, and for large ones, the decoded
 * parts are scanned too.
 */
#include "antivirus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define HEAD_MAX (256u * 1024) /* of a mail that is too large as a whole */

/* av_outcome_word - the value of antivirus.result */
const char *
av_outcome_word(enum av_outcome outcome)
{
	switch (outcome) {
	case AV_OUT_CLEAN:
		return "clean";
	case AV_OUT_UNSCANNED:
		return "unscanned";
	case AV_OUT_POISON:
		return "poison";
	default:
		return av_class_word((enum av_class)outcome);
	}
}

/* av_check_get - what is known of this message */
struct av_check *
av_check_get(const struct antivirus *m, weir_call *call)
{
	return m->host->data_get(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE);
}

/* check_outcome - in one word: what counts most */
static enum av_outcome
check_outcome(const struct av_result *r)
{
	if (av_result_find(r, AV_VIRUS) != NULL)
		return (enum av_outcome)AV_VIRUS;
	if (r->failed)
		return AV_OUT_UNSCANNED;
	for (int c = 0; c < AV_CLASSES; c++) {
		if (av_result_find(r, (enum av_class)c) != NULL)
			return (enum av_outcome)c;
	}
	return AV_OUT_CLEAN;
}

/* check_facts - for rules, other modules, the log */
static void
check_facts(const struct av_check *c, weir_call *call)
{
	const struct weir_host *host = c->m->host;
	char names[AV_HITS_MAX * (AV_NAME_MAX + 2)];
	const char *name = NULL;
	size_t n = 0;

	host->fact_set(call, WEIR_RCPT_NONE, "antivirus.result",
	    weir_str_of(av_outcome_word(c->outcome)));
	for (int k = 0; k < AV_CLASSES && name == NULL; k++)
		name = av_result_find(&c->r, (enum av_class)k);
	if (name != NULL)
		host->fact_set(call, WEIR_RCPT_NONE, "antivirus.name",
		    weir_str_of(name));
	for (uint32_t i = 0; i < c->r.n; i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
		    i > 0 ? " " : "", c->r.hit[i].name);
	if (n > 0)
		host->fact_set(call, WEIR_RCPT_NONE, "antivirus.names",
		    (weir_str) { names, n });
	if (c->r.failed)
		host->fact_set(call, WEIR_RCPT_NONE, "antivirus.problem",
		    weir_str_of(c->r.why));
}

/* check_findings - a finding for each hit whose class counts */
static void
check_findings(const struct av_check *c, weir_call *call)
{
	bool stated[AV_CLASSES] = { false };

	for (uint32_t i = 0; i < c->r.n; i++) {
		const struct av_hit *h = &c->r.hit[i];

		if (c->m->policy[h->class] == AV_POLICY_PASS)
			continue;
		/* a second name is evidence, not a second score */
		c->m->host->finding(call, (uint32_t)h->class, WEIR_RCPT_NONE,
		    stated[h->class] ? 0.0 : 1.0, weir_str_of(h->name));
		stated[h->class] = true;
	}
}

/* check_end - the result is complete */
static void
check_end(struct av_check *c, weir_call *call)
{
	struct antivirus *m = c->m;

	c->outcome = check_outcome(&c->r);
	c->done = true;
	check_facts(c, call);
	check_findings(c, call);
	m->metric->add(m->self, m->metric_result[c->outcome], 1);
	m->metric->add(m->self, m->metric_cached, c->r.cached);
	m->metric->observe(m->self, m->metric_seconds,
	    (double)c->r.elapsed_us / 1e6);
	if (c->outcome == AV_OUT_UNSCANNED)
		m->host->fail(call, WEIR_E_TEMP, weir_str_of(c->r.why));
}

/* check_poison - it is not tried again */
static void
check_poison(struct av_check *c, weir_call *call)
{
	static const char why[] = "this mail has ended the scanner twice";

	c->outcome = AV_OUT_POISON;
	c->done = true;
	c->m->metric->add(c->m->self, c->m->metric_result[AV_OUT_POISON], 1);
	check_facts(c, call);
	c->m->host->finding(call, SYMBOL_POISON, WEIR_RCPT_NONE, 1.0,
	    weir_str_of(why));
	c->m->host->log(c->m->self, call, WEIR_LOG_ERROR, weir_str_of(why));
}

/* check_failed - no result at all; true: that was it */
static bool
check_failed(struct av_check *c, weir_call *call, int status)
{
	if (status == WEIR_OK)
		return false;
	if (status == WEIR_E_INTERNAL) {
		check_poison(c, call);
		return true;
	}
	av_result_fail(&c->r, status == WEIR_E_TIMEOUT ?
		"the scanner did not answer in time" :
	    status == WEIR_E_CANCELLED ? "the scan was given up" :
					 "the scanner is not there");
	/* the host knows already that the call was given up */
	check_end(c, call);
	return true;
}

static void check_parts_done(weir_call *call, int status,
    const struct av_result *result, void *arg);

/* check_collect - the decoded parts; their number */
static uint32_t
check_collect(struct av_check *c, weir_call *call, struct av_piece *out)
{
	const struct antivirus *m = c->m;
	uint64_t total = 0;
	uint32_t parts = 0, n = 0;

	if (c->outer && m->mime->raw(call, &out[0].data) == WEIR_OK) {
		if (out[0].data.len > HEAD_MAX)
			out[0].data.len = HEAD_MAX;
		total = out[n++].data.len;
	}
	if (m->mime->part_count(call, &parts) != WEIR_OK)
		av_result_fail(&c->r, "the parts can't be read");
	for (uint32_t i = 0; i < parts; i++) {
		struct weir_mime_part p = { .size = sizeof(p) };
		weir_str data;
		int status;

		if (m->mime->part(call, i, &p) != WEIR_OK ||
		    (p.flags & WEIR_MIME_LEAF) == 0)
			continue;
		if (n == AV_RANGES_MAX) {
			av_result_add(&c->r, AV_LIMIT,
			    WEIR_STR("Weir.Limits.Parts"));
			break;
		}
		status = m->mime->part_data(call, i, m->max_file_size, &data);
		if (status == WEIR_E_LIMIT ||
		    (status == WEIR_OK && data.len + total > m->max_scan_size))
			av_result_add(&c->r, AV_LIMIT,
			    WEIR_STR("Weir.Limits.PartSize"));
		else if (status < 0)
			av_result_fail(&c->r, "a part can't be decoded");
		else if (data.len > 0) {
			total += data.len;
			out[n].mail = strncmp(p.type.ptr, "message/", 8) == 0;
			out[n++].data = data;
		}
	}
	return n;
}

/* check_parts - scan them; false: there are none */
static bool
check_parts(struct av_check *c, weir_call *call)
{
	struct av_piece *piece = c->m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    AV_RANGES_MAX * sizeof(*piece));
	uint32_t n;
	int status;

	if (piece == NULL) {
		av_result_fail(&c->r, "no memory for the parts");
		return false;
	}
	n = check_collect(c, call, piece);
	if (n == 0)
		return false;
	c->scans_parts = true;
	status = av_backend_data(c->m, call, piece, n, check_parts_done, c);
	if (status == WEIR_OK)
		return true;
	av_result_fail(&c->r, "the parts can't be given to the scanner");
	return false;
}

/* check_parts_done - what is in them */
static void
check_parts_done(weir_call *call, int status, const struct av_result *result,
    void *arg)
{
	struct av_check *c = arg;

	if (check_failed(c, call, status))
		return;
	/* its parts were looked at one by one: it was not too large for that */
	if (c->outer && av_result_find(result, AV_LIMIT) == NULL &&
	    av_result_find(&c->r, AV_LIMIT) != NULL) {
		av_result_drop(&c->r, "Heuristics.Limits.Exceeded.MaxFileSize");
		av_result_drop(&c->r, "Heuristics.Limits.Exceeded.MaxScanSize");
	}
	av_result_merge(&c->r, result);
	c->m->metric->add(c->m->self, c->m->metric_parts, 1);
	check_end(c, call);
}

/* check_done - what is in the mail as a whole */
static void
check_done(weir_call *call, int status, const struct av_result *result,
    void *arg)
{
	struct av_check *c = arg;

	if (check_failed(c, call, status))
		return;
	c->r = *result;
	/* who is found out needs no second look */
	if (c->wants_parts && !c->r.failed &&
	    av_result_find(&c->r, AV_VIRUS) == NULL && check_parts(c, call))
		return;
	check_end(c, call);
}

/* check_wants_parts - is there something that libclamav may not reach?  While
   it is at work already. */
static bool
check_wants_parts(struct av_check *c, weir_call *call)
{
	const struct antivirus *m = c->m;
	uint32_t n = 0, code;
	weir_str raw, detail;

	if (m->mime->raw(call, &raw) == WEIR_OK)
		c->outer = raw.len > m->max_file_size ||
		    raw.len > m->max_scan_size;
	if (c->outer || m->mime->anomaly_count(call, &n) != WEIR_OK)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		if (m->mime->anomaly_at(call, i, &code, &detail) == WEIR_OK &&
		    code != WEIR_MIME_A_NAMES_DIFFER &&
		    code != WEIR_MIME_A_MULTI_FROM &&
		    code != WEIR_MIME_A_BAD_HEADER)
			return true;
	}
	return false;
}

/* av_check_eom - collect.eom: scan */
int
av_check_eom(void *state, weir_call *call)
{
	struct antivirus *m = state;
	struct av_check *c = m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    sizeof(*c));
	int status;

	if (c == NULL || m->host->data_set(call, WEIR_SCOPE_MESSAGE,
	    WEIR_RCPT_NONE, c, NULL) != WEIR_OK)
		return WEIR_E_NOMEM;
	c->m = m;
	status = av_backend_message(m, call, check_done, c);
	if (status == WEIR_OK) {
		c->wants_parts = check_wants_parts(c, call);
		return WEIR_OK;
	}
	av_result_fail(&c->r, status == WEIR_E_LIMIT ?
		"too many mails wait for the scanner" :
		"the scanner is not there");
	check_end(c, call);
	return WEIR_OK;
}
