/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats - what weir-load counted, as text or JSON. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* verdict_name - the word in the ledger and the summary */
const char *
verdict_name(enum load_verdict v)
{
	static const char *const names[] = { "accept", "reject", "tempfail",
		"discard", "quarantine", "prepend", "broken" };

	return v < LOAD_VERDICTS ? names[v] : "?";
}

/* stats_bucket - logarithmic, linear inside a power of two */
static unsigned
stats_bucket(uint64_t us)
{
	unsigned power;
	unsigned bucket;

	if (us < STATS_STEPS)
		return (unsigned)us;
	power = 63 - (unsigned)__builtin_clzll(us);
	bucket = (power - 4) * STATS_STEPS +
	    (unsigned)((us >> (power - 5)) - STATS_STEPS);
	return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

/* stats_bucket_value - the upper edge of a bucket */
static uint64_t
stats_bucket_value(unsigned bucket)
{
	unsigned power;

	if (bucket < STATS_STEPS)
		return bucket;
	power = bucket / STATS_STEPS + 4;
	return ((uint64_t)(bucket % STATS_STEPS + STATS_STEPS + 1)
		   << (power - 5)) - 1;
}

/* stats_latency - one message took so long */
void
stats_latency(struct stats *s, int64_t us)
{
	if (us < 0)
		us = 0;
	s->buckets[stats_bucket((uint64_t)us)]++;
	if (us > s->latency_max)
		s->latency_max = us;
}

/* stats_reason - count why a session broke */
void
stats_reason(struct stats *s, const char *reason)
{
	unsigned i;

	s->broken++;
	for (i = 0; i < s->reason_used; i++) {
		if (strcmp(s->reasons[i], reason) == 0)
			break;
	}
	if (i == STATS_REASONS)
		i--;
	else if (i == s->reason_used) {
		snprintf(s->reasons[i], sizeof(s->reasons[i]), "%s", reason);
		s->reason_used++;
	}
	s->reason_counts[i]++;
}

/* stats_quantile - the latency below which this share of messages lies */
static uint64_t
stats_quantile(const struct stats *s, double share)
{
	uint64_t total = 0;
	uint64_t seen = 0;
	uint64_t value;
	unsigned i;

	for (i = 0; i < STATS_BUCKETS; i++)
		total += s->buckets[i];
	for (i = 0; i < STATS_BUCKETS; i++) {
		seen += s->buckets[i];
		if (seen > 0 && (double)seen >= share * (double)total) {
			value = stats_bucket_value(i);
			return value < (uint64_t)s->latency_max
			    ? value : (uint64_t)s->latency_max;
		}
	}
	return 0;
}

/* stats_json - a string literal without control characters */
static void
stats_json(FILE *fp, const char *text)
{
	fputc('"', fp);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(fp, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(fp, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, fp);
	}
	fputc('"', fp);
}

/* stats_print_json - one object on one line */
static void
stats_print_json(const struct stats *s, double seconds, FILE *fp)
{
	unsigned i;

	fprintf(fp, "{\"messages\":%" PRIu64 ",\"seconds\":%.6f,\"rate\":%.1f,"
	    "\"sessions\":%" PRIu64 ",\"broken\":%" PRIu64
	    ",\"retried\":%" PRIu64 ",\"edits\":%" PRIu64
	    ",\"refused_recipients\":%" PRIu64 ",\"progress\":%" PRIu64
	    ",\"octets_out\":%" PRIu64 ",\"octets_in\":%" PRIu64,
	    s->messages, seconds,
	    seconds > 0 ? (double)s->messages / seconds : 0.0, s->sessions,
	    s->broken, s->retried, s->edits, s->refused_rcpts, s->progress,
	    s->octets_out, s->octets_in);
	fprintf(fp, ",\"latency_us\":{\"p50\":%" PRIu64 ",\"p95\":%" PRIu64
	    ",\"p99\":%" PRIu64 ",\"max\":%" PRId64 "},\"verdicts\":{",
	    stats_quantile(s, 0.5), stats_quantile(s, 0.95),
	    stats_quantile(s, 0.99), s->latency_max);
	for (i = 0; i < LOAD_VERDICTS; i++)
		fprintf(fp, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		    verdict_name(i), s->verdicts[i]);
	fprintf(fp, "},\"errors\":{");
	for (i = 0; i < s->reason_used; i++) {
		if (i > 0)
			fputc(',', fp);
		stats_json(fp, s->reasons[i]);
		fprintf(fp, ":%" PRIu64, s->reason_counts[i]);
	}
	fprintf(fp, "}}\n");
}

/* stats_print - the summary */
void
stats_print(const struct load *l, FILE *fp)
{
	const struct stats *s = &l->stats;
	double seconds = (double)(l->last_us - l->first_us) / 1e6;
	unsigned i;

	if (seconds < 0)
		seconds = 0;
	if (l->opts.json) {
		stats_print_json(s, seconds, fp);
		return;
	}
	fprintf(fp, "%" PRIu64 " %s in %.3f s, %.1f/s, %" PRIu64
	    " sessions\n", s->messages,
	    l->opts.policy ? "requests" : "messages", seconds,
	    seconds > 0 ? (double)s->messages / seconds : 0.0, s->sessions);
	for (i = 0; i < LOAD_VERDICTS; i++) {
		if (s->verdicts[i] > 0)
			fprintf(fp, "  %-10s %" PRIu64 "\n", verdict_name(i),
			    s->verdicts[i]);
	}
	if (s->refused_rcpts > 0)
		fprintf(fp, "  refused recipients %" PRIu64 "\n",
		    s->refused_rcpts);
	if (s->edits > 0)
		fprintf(fp, "  edits      %" PRIu64 "\n", s->edits);
	fprintf(fp, "latency ms: p50 %.3f  p95 %.3f  p99 %.3f  max %.3f\n",
	    (double)stats_quantile(s, 0.5) / 1e3,
	    (double)stats_quantile(s, 0.95) / 1e3,
	    (double)stats_quantile(s, 0.99) / 1e3,
	    (double)s->latency_max / 1e3);
	if (s->retried > 0)
		fprintf(fp, "retried %" PRIu64 "\n", s->retried);
	if (s->broken > 0)
		fprintf(fp, "broken sessions: %" PRIu64 "\n", s->broken);
	for (i = 0; i < s->reason_used; i++)
		fprintf(fp, "  %" PRIu64 " x %s\n", s->reason_counts[i],
		    s->reasons[i]);
}
