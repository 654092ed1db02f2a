/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_status - how the daemon does: everything that the board, the stores and
   this worker's own counters tell. */
#include <string.h>
#include <unistd.h>

#include <weir/version.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/commands.h"
#include "ctl/format.h"
#include "ctl/server.h"
#include "ctl/status_gauges.h"
#include "daemon/helpers.h"
#include "daemon/worker.h"
#include "dns/resolver.h"
#include "lua/bind_map.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/record.h"
#include "store/store.h"
#include "work/pool.h"

static const char *const state_names[] = { "free", "starting", "serving",
	"draining", "dead" };
static const char *const direction_names[] = { "auto", "in", "out" };

/* status_busy - the callback that a worker is in, or NULL */
static json_t *
status_busy(int slot)
{
	struct board_mark mark;
	char name[BOARD_NAME_MAX];

	if (!board_mark_read(slot, &mark) || mark.module == BOARD_NO_MODULE)
		return NULL;
	board_module_name(mark.module, name);
	return json_pack("{s:s,s:s,s:s,s:I,s:s}", "module",
	    name, "stage", stage_name(mark.stage),
	    "phase", phase_name(mark.phase), "ms",
	    (json_int_t)((clock_mono_ns() - mark.since_ns) / 1000000), "id",
	    mark.id);
}

/* status_workers - all generations' */
static json_t *
status_workers(void)
{
	json_t *all = json_array();

	for (int i = 0; board != NULL && i < BOARD_SLOTS; i++) {
		const struct board_slot *s = &board->slot[i];
		uint32_t state = atomic_load(&s->state);
		json_t *w, *busy;

		if (state == BOARD_FREE || state > BOARD_DEAD)
			continue;
		w = json_pack("{s:i,s:s,s:I,s:I,s:I,s:I}", "pid",
		    atomic_load(&s->pid), "state", state_names[state],
		    "generation", (json_int_t)atomic_load(&s->generation),
		    "started_ms", (json_int_t)atomic_load(&s->started_ms),
		    "sessions", (json_int_t)atomic_load(&s->sessions),
		    "messages", (json_int_t)atomic_load(&s->messages));
		busy = status_busy(i);
		if (busy != NULL)
			json_object_set_new(w, "busy", busy);
		json_array_append_new(all, w);
	}
	return all;
}

/* status_listeners - where the MTA is awaited */
static json_t *
status_listeners(const struct conf *conf)
{
	json_t *all = json_array();

	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s}",
		    "name", l->name, "protocol",
		    l->protocol == CONF_PROTOCOL_MILTER ? "milter" : "policy",
		    "address", l->address.text, "direction",
		    direction_names[l->direction]));
	}
	return all;
}

/* status_store - the alarm first of all */
static json_t *
status_store(void)
{
	struct store_status s;

	memset(&s, 0, sizeof(s));
	store_status(&s);
	return json_pack("{s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "degraded",
	    s.degraded, "trouble", s.trouble != NULL ? s.trouble : "",
	    "alarm", s.alarm != NULL ? s.alarm : "", "entries",
	    (json_int_t)s.entries, "pending", (json_int_t)s.pending,
	    "commits", (json_int_t)s.commits, "failures",
	    (json_int_t)s.failures, "commit_us", (json_int_t)s.commit_us,
	    "sweeping", s.sweeping);
}

/* status_records - explain's database */
static json_t *
status_records(const struct conf *conf)
{
	struct record_stats s;

	memset(&s, 0, sizeof(s));
	record_stats(&s);
	return json_pack("{s:b,s:s,s:I,s:I,s:I}", "enabled",
	    conf->explain.enabled, "path", conf->explain.path, "written",
	    (json_int_t)s.written, "dropped", (json_int_t)s.dropped, "queued",
	    (json_int_t)s.queued);
}

/* status_dns - this worker's resolver */
static json_t *
status_dns(void)
{
	const struct dns_stats *d = dns_stats();

	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "servers",
	    dns_server_text(), "queries", (json_int_t)d->queries,
	    "cache_hits", (json_int_t)d->cache_hits, "coalesced",
	    (json_int_t)d->coalesced, "upstream", (json_int_t)d->upstream,
	    "timeouts", (json_int_t)d->timeouts, "servfail",
	    (json_int_t)d->servfail, "bad_answers",
	    (json_int_t)d->bad_answers, "in_flight",
	    (json_int_t)d->in_flight);
}

/* status_add - count on */
static void
status_add(json_t *o, const char *key, json_int_t n)
{
	json_object_set_new(o, key, json_integer(n +
	    json_integer_value(json_object_get(o, key))));
}

/* status_benched - modules left out after crashes */
static json_t *
status_benched(void)
{
	uint32_t n = board != NULL ? atomic_load(&board->modules) : 0;
	int64_t now = clock_mono_ms();
	json_t *all = json_array();

	for (uint32_t i = 0; i < n; i++) {
		const struct board_module *m = &board->module[i];

		if (board_is_benched((int)i, now))
			json_array_append_new(all, json_pack("{s:s,s:I,s:I}",
			    "name", m->name, "crashes",
			    (json_int_t)atomic_load(&m->crashes), "left_ms",
			    (json_int_t)(atomic_load(&m->benched_until) -
				now)));
	}
	return all;
}

/* status_text_of - octets of somebody else's as valid UTF-8 */
static json_t *
status_text_of(const char *s)
{
	struct buf clean = BUF_INIT;
	json_t *v;

	format_clean(s, &clean);
	v = json_string(buf_str(&clean).ptr);
	buf_fini(&clean);
	return v != NULL ? v : json_string("");
}

/* status_helper_note - one process into the sums of its kind */
static void
status_helper_note(json_t *o, const struct helpers_note *note)
{
	static const char *const keys[] = { "starting", "serving", "waiting",
		"resting" };
	char why[HELPERS_NOTE_WHY];
	uint32_t state = note->state;

	if (state <= HELPERS_RESTING)
		status_add(o, keys[state], 1);
	status_add(o, "deaths", note->deaths);
	status_add(o, "restarts", note->restarts);
	/* its last life did not get as far as to serve */
	status_add(o, "unable", state != HELPERS_SERVING && note->failed > 0);
	helpers_note_read(note, why);
	if (state != HELPERS_SERVING && note->deaths > 0 && why[0] != '\0')
		json_object_set_new(o, "last_death", status_text_of(why));
}

/* status_helpers - of each kind the processes, and how they are */
static json_t *
status_helpers(const struct conf *conf)
{
	json_t *all = json_array();

	for (size_t i = 0; i < conf->n_modules; i++) {
		const struct conf_module *m = &conf->modules[i];
		const struct weir_helper *const *h = m->desc->helpers;

		for (uint32_t k = 0; h != NULL && h[k] != NULL; k++) {
			const struct helpers_note
			    *notes[WEIR_HELPER_PROCESSES_MAX];
			unsigned n = helpers_notes(m->name, k, notes);
			json_t *o;

			if (n == 0)
				continue;
			o = json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:i}", "module",
			    m->name, "name", h[k]->name, "processes", (int)n,
			    "starting", 0, "serving", 0, "waiting", 0,
			    "resting", 0);
			for (unsigned j = 0; j < n; j++)
				status_helper_note(o, notes[j]);
			json_array_append_new(all, o);
		}
	}
	return all;
}

/* status_workers_text - one line a worker */
static void
status_workers_text(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *w;

	buf_add_str(out, "\nworkers\n  pid       state     generation  sessions"
	    "  messages  since\n");
	json_array_foreach(all, i, w) {
		const json_t *busy = json_object_get(w, "busy");

		buf_printf(out, "  %-8lld  %-8s  %10lld  %8lld  %8lld  ",
		    (long long)format_int(w, "pid"), format_str(w, "state"),
		    (long long)format_int(w, "generation"),
		    (long long)format_int(w, "sessions"),
		    (long long)format_int(w, "messages"));
		format_time(format_int(w, "started_ms"), out);
		buf_add_char(out, '\n');
		if (busy != NULL && format_int(busy, "ms") > 0)
			buf_printf(out, "            in %s at %s for %lld ms\n",
			    format_str(busy, "module"),
			    format_str(busy, "stage"),
			    (long long)format_int(busy, "ms"));
	}
}

/* status_listeners_text - one line a listener */
static void
status_listeners_text(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *l;

	buf_add_str(out, "\nlisteners\n");
	json_array_foreach(all, i, l)
		buf_printf(out, "  %-12s  %-6s  %-4s  %s\n",
		    format_str(l, "name"), format_str(l, "protocol"),
		    format_str(l, "direction"), format_str(l, "address"));
}

/* status_store_text - ok, or what is not */
static void
status_store_text(const json_t *s, struct buf *out)
{
	const char *alarm = format_str(s, "alarm");

	buf_add_str(out, "store      ");
	if (format_bool(s, "degraded")) {
		buf_add_str(out, "DEGRADED: ");
		format_clean(format_str(s, "trouble"), out);
	} else {
		buf_printf(out, "ok, %lld entries",
		    (long long)format_int(s, "entries"));
		if (format_int(s, "commits") > 0)
			buf_printf(out, ", last commit took %.1f ms",
			    (double)format_int(s, "commit_us") / 1000);
	}
	buf_add_char(out, '\n');
	if (alarm[0] != '\0') {
		buf_add_str(out, "           ALARM: ");
		format_wrap(alarm, 18, out);
	}
}

/* status_helper_text - of one kind only what is wrong */
static void
status_helper_text(const json_t *h, struct buf *out)
{
	long long resting = format_int(h, "resting");
	long long unable = format_int(h, "unable");

	if (resting == 0 && unable == 0)
		return;
	buf_printf(out, "\n           %s: helper %s.%s, %lld of %lld processes "
	    "%s", resting > 0 ? "RESTING" : "NOT STARTED",
	    format_str(h, "module"), format_str(h, "name"),
	    resting > 0 ? resting : unable,
	    (long long)format_int(h, "processes"),
	    unable == 0 ? "died too often" :
	    resting > 0 ? "could not be started too often" :
			  "can't be started");
	if (format_str(h, "last_death")[0] != '\0') {
		buf_add_str(out, ", the last: ");
		format_clean(format_str(h, "last_death"), out);
	}
	buf_add_str(out, resting > 0 ? "; weirctl reload starts them" :
				       "; it is tried again and again");
}

/* status_modules_text - only what is wrong */
static void
status_modules_text(const json_t *root, struct buf *out)
{
	size_t i;
	json_t *b;

	buf_printf(out, "modules    %lld loaded",
	    (long long)format_int(root, "modules"));
	json_array_foreach(json_object_get(root, "benched"), i, b) {
		buf_printf(out, "%s\n           BENCHED: %s after %lld crashes,"
		    " for another ", i == 0 ? "" : "", format_str(b, "name"),
		    (long long)format_int(b, "crashes"));
		format_duration(format_int(b, "left_ms"), out);
	}
	json_array_foreach(json_object_get(root, "helpers"), i, b) {
		status_helper_text(b, out);
	}
	buf_add_char(out, '\n');
}

/* status_maps_text - maps of rules, if there are any */
static void
status_maps_text(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *m;

	json_array_foreach(all, i, m) {
		buf_printf(out, "%s  ", i == 0 ? "maps     " : "         ");
		format_clean(format_str(m, "path"), out);
		buf_printf(out, " (%s), %lld entries, read ",
		    format_str(m, "kind"),
		    (long long)format_int(m, "entries"));
		format_time(format_int(m, "read_ms"), out);
		buf_add_str(out, " *\n");
		if (format_str(m, "trouble")[0] == '\0')
			continue;
		buf_add_str(out, "           NOT READ AGAIN: ");
		format_clean(format_str(m, "trouble"), out);
		buf_add_char(out, '\n');
	}
}

/* status_text - the whole page */
static void
status_text(const json_t *root, struct buf *out)
{
	const json_t *mem = json_object_get(root, "memory");
	const json_t *rec = json_object_get(root, "records");
	const json_t *dns = json_object_get(root, "dns");

	buf_printf(out, "weir %s, module ABI %s, up ",
	    format_str(root, "version"), format_str(root, "abi"));
	format_duration(format_int(root, "uptime_ms"), out);
	buf_printf(out, ", configuration generation %lld\n",
	    (long long)format_int(root, "generation"));
	buf_add_str(out, "from ");
	format_clean(format_str(root, "config"), out);
	buf_add_char(out, '\n');
	status_workers_text(json_object_get(root, "workers"), out);
	status_listeners_text(json_object_get(root, "listeners"), out);
	buf_add_char(out, '\n');
	status_modules_text(root, out);
	status_gauges_text(json_object_get(root, "gauges"), out);
	status_store_text(json_object_get(root, "store"), out);
	if (!format_bool(rec, "enabled"))
		buf_add_str(out, "records    not kept (explain.enabled)\n");
	else
		buf_printf(out, "records    %lld written, %lld waiting%s *\n",
		    (long long)format_int(rec, "written"),
		    (long long)format_int(rec, "queued"),
		    format_int(rec, "dropped") > 0 ? ", SOME LOST" : "");
	if (format_int(rec, "dropped") > 0)
		buf_printf(out, "           %lld records were lost\n",
		    (long long)format_int(rec, "dropped"));
	buf_printf(out, "dns        %s\n           %lld questions, %lld from "
	    "the cache, %lld without answer, %lld failed *\n",
	    format_str(dns, "servers"), (long long)format_int(dns, "queries"),
	    (long long)format_int(dns, "cache_hits"),
	    (long long)format_int(dns, "timeouts"),
	    (long long)format_int(dns, "servfail"));
	status_maps_text(json_object_get(root, "maps"), out);
	buf_add_str(out, "memory     ");
	format_octets(format_int(mem, "used"), out);
	buf_add_str(out, " of ");
	format_octets(format_int(mem, "limit"), out);
	buf_add_str(out, " for mail *\n");
	if (format_int(root, "log_dropped") > 0)
		buf_printf(out, "log        %lld lines lost *\n",
		    (long long)format_int(root, "log_dropped"));
	buf_printf(out, "* of the worker that answers (pid %lld)\n",
	    (long long)format_int(root, "answered_by"));
}

/* cmd_status - weirctl status */
void
cmd_status(struct ctl_request *r)
{
	const struct conf *conf = worker_conf();
	int64_t now = clock_wall_ms();
	char abi[24];
	json_t *root;

	snprintf(abi, sizeof(abi), "%d.%d", WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	root = json_pack("{s:s,s:s,s:o,s:i,s:i,s:I,s:I,s:I}", "version",
	    PACKAGE_VERSION, "abi", abi, "config",
	    status_text_of(worker_conf_path()), "master", (int)getppid(),
	    "answered_by", (int)getpid(), "started_ms",
	    (json_int_t)ctl_daemon_started_ms, "uptime_ms",
	    (json_int_t)(now - ctl_daemon_started_ms), "generation",
	    (json_int_t)worker_generation());
	json_object_set_new(root, "workers", status_workers());
	json_object_set_new(root, "listeners", status_listeners(conf));
	json_object_set_new(root, "modules",
	    json_integer((json_int_t)conf->n_modules));
	json_object_set_new(root, "benched", status_benched());
	json_object_set_new(root, "helpers", status_helpers(conf));
	json_object_set_new(root, "gauges", status_gauges(conf));
	json_object_set_new(root, "memory", json_pack("{s:I,s:I}", "used",
	    (json_int_t)budget_used(), "limit",
	    (json_int_t)(conf->memory.total / conf->workers)));
	json_object_set_new(root, "store", status_store());
	json_object_set_new(root, "records", status_records(conf));
	json_object_set_new(root, "dns", status_dns());
	json_object_set_new(root, "maps", bind_map_status());
	json_object_set_new(root, "jobs_waiting",
	    json_integer((json_int_t)work_queued()));
	json_object_set_new(root, "log_dropped",
	    json_integer((json_int_t)log_dropped()));
	ctl_answer(r, root, status_text);
}
