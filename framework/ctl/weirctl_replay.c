/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/weirctl_replay.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "conf/value.h"
#include "ctl/format.h"
#include "ctl/weirctl.h"
#include "daemon/engine.h"
#include "daemon/privs.h"
#include "drive_options.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "replay/play.h"
#include "replay/ring.h"

#define PROGRESS_NS 200000000u
#define PAIRS 100

struct replay_options {
	const char *config, *dir;
	int64_t since_ms;
	size_t limit; /* 0: none */
	bool verbose;
};

/* One kind of change. */
struct replay_pair {
	const char *was, *now;
	size_t count;
};

/* What it comes to. */
struct replay_sum {
	size_t sessions, recipients, same, changed; /* that are certain */
	size_t uncertain, uncertain_changed;
	size_t unreadable;
	uint64_t time_ns; /* that it took */
	size_t reasons[PLAY_REASONS]; /* sessions */
	struct replay_pair pairs[PAIRS];
	size_t npairs;
	json_t *decisions; /* for JSON */
};

/* replay_since - a moment, or how long ago */
static int
replay_since(const char *text, int64_t *out)
{
	struct err err = { "" };
	int64_t ms;

	if (value_duration_parse(text, &ms, &err) == WEIR_OK)
		*out = clock_wall_ms() - ms;
	else if (drive_options_time(text, out) != WEIR_OK)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* replay_parse - the words behind `replay` */
static int
replay_parse(struct weirctl *w, struct replay_options *o, int argc,
    char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "since", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "limit", required_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	bool ok = true;
	char *end;
	int id;

	memset(o, 0, sizeof(*o));
	o->config = w->config;
	o->since_ms = clock_wall_ms() - INT64_C(86400000);
	optind = 0;
	while (ok && (id = getopt_long(argc, argv, "v", options, NULL)) !=
	    -1) {
		if (id == 'c')
			o->config = optarg;
		else if (id == 's')
			ok = replay_since(optarg, &o->since_ms) == WEIR_OK;
		else if (id == 'f')
			o->dir = optarg;
		else if (id == 'l')
			ok = (o->limit = strtoul(optarg, &end, 10)) > 0 &&
			    *end == '\0';
		else if (id == 'v')
			o->verbose = true;
		else
			ok = false;
	}
	if (ok && optind == argc)
		return WEIR_OK;
	fprintf(stderr, "usage: weirctl %s\n"
	    "  --config NEW  the configuration to try (that of -c)\n"
	    "  --since TIME  how long ago (1d), or a moment in RFC 3339\n"
	    "  --from DIR    recordings (those of the configuration of -c)\n"
	    "  --limit N     the newest N sessions only\n"
	    "  -v            also what would not change\n", REPLAY_USAGE);
	return WEIR_E_INVAL;
}

/* replay_dir - where recordings are; the caller frees it */
static char *
replay_dir(const struct weirctl *w, const struct replay_options *o)
{
	struct conf_snapshot *snap = NULL;
	struct conf *conf;
	char *dir = NULL;

	if (o->dir != NULL)
		return xstrdup(o->dir);
	conf = weirctl_conf(w, &snap, false);
	if (conf != NULL)
		dir = xasprintf("%s/recordings", conf->state_dir);
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return dir;
}

/* replay_load - the new configuration, as the daemon would read it */
static struct conf *
replay_load(const char *path, struct conf_snapshot **snap)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	struct conf *conf = NULL;

	*snap = conf_snapshot_take(path, &report);
	if (*snap != NULL)
		engine_load(*snap, &conf, &report);
	conf_report_print(&report, &text);
	fputs(buf_str(&text).ptr, stderr);
	buf_fini(&text);
	conf_report_fini(&report);
	if (conf == NULL)
		conf_snapshot_release(snap);
	return conf;
}

/* replay_confine - recorded mail is no friend: no rights, no network */
static int
replay_confine(const struct conf *conf, struct err *err)
{
	uid_t uid;
	gid_t gid;
	int status = privs_find(conf, &uid, &gid, err);

	if (status == WEIR_OK)
		status = privs_drop(uid, gid, err);
	return status;
}

/* replay_count - one more change of that kind */
static void
replay_count(struct replay_sum *sum, const struct replay_fate *f)
{
	size_t i = 0;

	while (i < sum->npairs && (strcmp(sum->pairs[i].was,
	    f->old_verdict) != 0 || strcmp(sum->pairs[i].now,
	    f->new_verdict) != 0))
		i++;
	if (i == PAIRS)
		return;
	if (i == sum->npairs) {
		sum->npairs++;
		sum->pairs[i].was = f->old_verdict;
		sum->pairs[i].now = f->new_verdict;
	}
	sum->pairs[i].count++;
}

/* replay_tell - print or keep one decision */
static void
replay_tell(struct replay_sum *sum, const struct replay *r,
    const struct replay_fate *f)
{
	json_t *d = replay_json(r, f);
	struct buf text = BUF_INIT;

	if (sum->decisions != NULL) {
		json_array_append_new(sum->decisions, d);
		return;
	}
	replay_text(d, &text);
	fwrite(text.ptr, 1, text.len, stdout);
	fflush(stdout);
	buf_fini(&text);
	json_decref(d);
}

/* replay_session - play and compare */
static void
replay_session(struct replay_sum *sum, struct tape *was,
    const struct conf *conf, bool verbose)
{
	struct replay r;
	bool certain = true;
	const char *about;

	replay_play(&r, was, conf);
	for (int i = 0; i < PLAY_REASONS; i++) {
		if (!play_is_uncertain((enum play_reason)i, &about))
			continue;
		sum->reasons[i]++;
		certain = false;
	}
	sum->sessions++;
	for (size_t i = 0; r.now != NULL && i < replay_fates(&r); i++) {
		struct replay_fate f;

		replay_fate(&r, i, &f);
		sum->recipients++;
		if (!certain) {
			sum->uncertain++;
			sum->uncertain_changed += f.differs;
		} else if (f.differs) {
			sum->changed++;
			replay_count(sum, &f);
		} else {
			sum->same++;
		}
		if (f.differs || verbose)
			replay_tell(sum, &r, &f);
	}
	replay_fini(&r);
}

/* replay_progress - on a terminal, a few times a second */
static void
replay_progress(size_t done, size_t all)
{
	static uint64_t last;
	uint64_t now = clock_mono_ns();

	if (!isatty(STDERR_FILENO) || isatty(STDOUT_FILENO) ||
	    (done < all && now - last < PROGRESS_NS))
		return;
	last = now;
	fprintf(stderr, done < all ? "\r%zu/%zu sessions " : "\r\033[K", done,
	    all);
}

/* replay_all - the newest ones of the list, in the order of time */
static void
replay_all(struct replay_sum *sum, const struct ring_list *list,
    const struct replay_options *o, const struct conf *conf)
{
	size_t first = o->limit > 0 && o->limit < list->refs.n ?
	    list->refs.n - o->limit : 0;
	struct buf octets = BUF_INIT;

	for (size_t i = first; i < list->refs.n && !ferror(stdout); i++) {
		struct err err = { "" };
		struct tape *was;

		replay_progress(i - first, list->refs.n - first);
		if (ring_get(list, &list->refs.v[i], &octets, &err) < 0 ||
		    tape_read(octets.ptr, octets.len, &was, &err) < 0) {
			sum->unreadable++;
			continue;
		}
		replay_session(sum, was, conf, o->verbose);
		tape_destroy(&was);
	}
	replay_progress(1, 1);
	buf_fini(&octets);
}

/* replay_sum_text - in a few lines */
static void
replay_sum_text(const struct replay_sum *sum, uint64_t damaged)
{
	double s = (double)sum->time_ns / 1e9;

	printf("%zu sessions, %zu recipients, in %.1f s (%.0f sessions/s)\n"
	    "%8zu as before\n%8zu would change\n", sum->sessions,
	    sum->recipients, s, s > 0 ? (double)sum->sessions / s : 0,
	    sum->same, sum->changed);
	for (size_t i = 0; i < sum->npairs; i++)
		printf("%12zu  %s -> %s\n", sum->pairs[i].count,
		    sum->pairs[i].was, sum->pairs[i].now);
	printf("%8zu uncertain", sum->uncertain);
	if (sum->uncertain > 0)
		printf(", of which %zu would change as far as can be told",
		    sum->uncertain_changed);
	putchar('\n');
	for (int i = 0; i < PLAY_REASONS; i++) {
		if (sum->reasons[i] > 0)
			printf("%12zu  sessions: %s\n", sum->reasons[i],
			    play_reasons[i]);
	}
	if (sum->unreadable > 0)
		printf("%8zu recordings could not be read\n", sum->unreadable);
	if (damaged > 0)
		printf("%8llu octets of the recordings are damaged\n",
		    (unsigned long long)damaged);
}

/* replay_sum_json - the same for programs */
static void
replay_sum_json(const struct replay_sum *sum, uint64_t damaged)
{
	json_t *pairs = json_array(), *reasons = json_array(), *o;

	for (size_t i = 0; i < sum->npairs; i++)
		json_array_append_new(pairs, json_pack("{s:s,s:s,s:I}", "old",
		    sum->pairs[i].was, "new", sum->pairs[i].now, "count",
		    (json_int_t)sum->pairs[i].count));
	for (int i = 0; i < PLAY_REASONS; i++) {
		if (sum->reasons[i] > 0)
			json_array_append_new(reasons, json_pack("{s:s,s:I}",
			    "reason", play_reasons[i], "sessions",
			    (json_int_t)sum->reasons[i]));
	}
	o = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:o,s:o,s:O}",
	    "sessions", (json_int_t)sum->sessions, "recipients",
	    (json_int_t)sum->recipients, "same", (json_int_t)sum->same,
	    "changed", (json_int_t)sum->changed, "uncertain",
	    (json_int_t)sum->uncertain, "uncertain_changed",
	    (json_int_t)sum->uncertain_changed, "unreadable",
	    (json_int_t)sum->unreadable, "damaged_octets",
	    (json_int_t)damaged, "seconds", (double)sum->time_ns / 1e9,
	    "changes", pairs, "reasons", reasons,
	    "decisions", sum->decisions);
	weirctl_print_json(o);
	json_decref(o);
}

/* replay_run - the engine up, all sessions, the engine down */
static int
replay_run(const struct weirctl *w, const struct replay_options *o,
    const struct ring_list *list, struct conf *conf)
{
	struct log_config lc = { .level = WEIR_LOG_ERROR, .target = "stderr",
		.ident = "weirctl" };
	struct replay_sum sum;
	struct err err = { "" };

	memset(&sum, 0, sizeof(sum));
	if (log_init(&lc, &err) < 0)
		return EXIT_FAILED;
	metric_create();
	loop_init();
	if (replay_confine(conf, &err) < 0 || play_open(conf, &err) < 0) {
		fprintf(stderr, "weirctl: %s\n", err.text);
		fflush(NULL);
		/* what was begun ends with the process */
		_exit(EXIT_USAGE);
	}
	if (w->json)
		sum.decisions = json_array();
	sum.time_ns = clock_mono_ns();
	replay_all(&sum, list, o, conf);
	sum.time_ns = clock_mono_ns() - sum.time_ns;
	if (w->json)
		replay_sum_json(&sum, list->damaged);
	else
		replay_sum_text(&sum, list->damaged);
	json_decref(sum.decisions);
	play_close();
	log_fini();
	loop_fini(false);
	metric_destroy();
	return EXIT_DONE;
}

/* weirctl_replay - recorded sessions with another configuration */
int
weirctl_replay(struct weirctl *w, int argc, char **argv)
{
	struct conf_snapshot *snap = NULL;
	struct replay_options o;
	struct ring_list list;
	struct err err = { "" };
	struct conf *conf;
	char *dir;
	int status;

	if (replay_parse(w, &o, argc, argv) < 0)
		return EXIT_USAGE;
	dir = replay_dir(w, &o);
	conf = dir != NULL ? replay_load(o.config, &snap) : NULL;
	if (conf == NULL) {
		free(dir);
		return EXIT_USAGE;
	}
	status = ring_list(dir, o.since_ms, &list, &err);
	if (status < 0)
		fprintf(stderr, "weirctl: %s%s\n", err.text,
		    status == WEIR_E_NOTFOUND ? ": nothing was recorded; "
		    "record { enabled = yes } switches it on" : "");
	status = status < 0 ? EXIT_FAILED : replay_run(w, &o, &list, conf);
	ring_list_fini(&list);
	free(dir);
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return status;
}
