/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helpers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/vec.h"
#include "daemon/channel.h"
#include "daemon/helpers_note.h"
#include "daemon/helpers_spawn.h"
#include "daemon/privs.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "work/helper_client.h"
#include "work/helper_poison.h"
#include "work/helper_serve.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define STABLE_MS 10000 /* alive for so long: the back-off begins anew */
#define DEATHS 1000	/* the highest crash limit */
#define STOP_MS 2000	/* time to end in good order */
#define LINES 20	/* log lines of one helper in a second */

struct kind;

/* One process, or its place. */
struct post {
	struct kind *kind;
	unsigned index;
	char *path; /* its socket */
	char *temp; /* its folder, or NULL */
	int listener; /* -1: benched */
	int control;
	pid_t pid; /* 0: waits to be started */
	bool ready, proven; /* now; ever */
	bool late; /* killed, since its init took too long */
	char *why; /* what it said before it ended */
	struct helpers_note *note;
	int64_t started_ms, backoff_ms;
	int64_t *death_ms; /* mono, a ring of the crash limit */
	unsigned deaths;
	int64_t lines_ms;
	unsigned lines;
	struct loop_io io;
	struct loop_timer timer; /* start again, or limit of init */
};

/* One helper of one configuration. */
struct kind {
	struct list node;
	struct helper_spec spec;
	struct buf bytes; /* the spec as it was written */
	struct stat file; /* the module's, when this began */
	char *name;	  /* "spf.check" */
	uid_t uid;
	gid_t gid;
	bool drop; /* the process becomes that user */
	unsigned limit;
	int64_t window_ms, bench_ms;
	struct post *posts;
	VEC(uint32_t) generations;
};

static struct list kinds = LIST_INIT(kinds);
static helpers_ready_fn *on_ready;
static bool reaps;
static uint32_t pending; /* generation that waits, 0: none */
static struct loop_task tell;
static char *failure;	 /* of the pending one */
static uint32_t worker_of; /* in a worker: its generation */
static int counter_deaths = -1;

static void post_launch(struct post *p);
static void post_ended(struct post *p, int status);

/* helpers_on_tell - the pending generation is ready, or not to be */
static void
helpers_on_tell(struct loop_task *task)
{
	uint32_t generation = pending;
	char *text = failure;

	(void)task;
	pending = 0;
	failure = NULL;
	if (generation != 0)
		on_ready(generation, text);
	free(text);
}

/* helpers_init - none yet */
void
helpers_init(helpers_ready_fn *ready, bool alone)
{
	on_ready = ready;
	reaps = alone;
	loop_task_init(&tell, helpers_on_tell);
	helper_poison_create();
	helpers_notes_create();
	counter_deaths = metric_counter("weir_helper_deaths", NULL,
	    "Helper processes that died.");
}

/* kind_is_of - does that generation use it */
static bool
kind_is_of(const struct kind *k, uint32_t generation)
{
	for (size_t i = 0; i < k->generations.n; i++) {
		if (k->generations.v[i] == generation)
			return true;
	}
	return false;
}

/* helpers_check - has everybody been ready whom the pending one needs */
static void
helpers_check(void)
{
	if (pending == 0)
		return;
	list_each(n, &kinds) {
		const struct kind *k = list_of(n, struct kind, node);

		if (!kind_is_of(k, pending))
			continue;
		for (unsigned i = 0; i < k->spec.processes; i++) {
			if (!k->posts[i].proven)
				return;
		}
	}
	loop_defer(&tell);
}

/* post_close - its descriptors of this life */
static void
post_close(struct post *p)
{
	loop_io_stop(&p->io);
	loop_timer_stop(&p->timer);
	if (p->control >= 0)
		close(p->control);
	p->control = -1;
	p->pid = 0;
	p->ready = false;
}

/* post_unlisten - nobody can reach it */
static void
post_unlisten(struct post *p)
{
	if (p->listener < 0)
		return;
	unlink(p->path);
	close(p->listener);
	p->listener = -1;
}

/* post_log - a line of the module's code in the helper */
static void
post_log(struct post *p, const struct channel_msg *m)
{
	struct log_ctx ctx = { .module = p->kind->spec.module };
	const struct log_ctx *before;
	int64_t now = clock_mono_ms();

	if (now - p->lines_ms >= 1000) {
		p->lines_ms = now;
		p->lines = 0;
	}
	if (p->lines++ >= LINES)
		return;
	before = log_ctx_set(&ctx);
	log_event(m->status < WEIR_LOG_ERROR || m->status > WEIR_LOG_DEBUG ?
		WEIR_LOG_INFO : (enum weir_log_level)m->status,
	    LOG_MODULE_LOG, "%s", m->text);
	log_ctx_set(before);
}

/* post_on_control - the process speaks, or has closed its mouth */
static void
post_on_control(struct loop_io *io, int events)
{
	struct post *p = list_of(io, struct post, io);
	struct channel_msg m;
	int got, status = 0;

	(void)events;
	got = channel_receive(p->control, &m);
	if (got > 0 && m.kind == CHANNEL_READY && !p->ready) {
		p->ready = p->proven = true;
		p->note->state = HELPERS_SERVING;
		p->note->failed = 0;
		loop_timer_stop(&p->timer);
		log_event(WEIR_LOG_INFO, LOG_HELPER_START,
		    "helper %s serves, process %d", p->kind->name,
		    (int)p->pid);
		helpers_check();
	} else if (got > 0 && m.kind == CHANNEL_FAILED) {
		free(p->why);
		p->why = xstrdup(m.text);
	} else if (got > 0 && m.kind == CHANNEL_LOG) {
		post_log(p, &m);
	} else if (got != 0) {
		/* it has died; or lives on and must not */
		loop_io_stop(io);
		if (p->pid > 0)
			kill(p->pid, SIGKILL);
		if (reaps && waitpid(p->pid, &status, 0) == p->pid)
			post_ended(p, status);
	}
}

/* post_bench - too many deaths: a pause */
static bool
post_bench(struct post *p)
{
	const struct kind *k = p->kind;
	int64_t now = clock_mono_ms();

	p->death_ms[p->deaths++ % k->limit] = now;
	if (p->deaths < k->limit ||
	    now - p->death_ms[p->deaths % k->limit] > k->window_ms)
		return false;
	log_event(WEIR_LOG_ERROR, LOG_HELPER_BENCHED, "helper %s is not "
	    "started for %lld s after %u deaths; a reload starts it at once",
	    k->name, (long long)k->bench_ms / 1000, k->limit);
	post_unlisten(p);
	p->note->state = HELPERS_RESTING;
	loop_timer_start(&p->timer, k->bench_ms);
	return true;
}

/* post_again - start it sooner or later */
static void
post_again(struct post *p)
{
	p->note->state = HELPERS_WAITING;
	if (clock_mono_ms() - p->started_ms >= STABLE_MS)
		p->backoff_ms = 0;
	loop_timer_start(&p->timer, p->backoff_ms);
	p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_FIRST_MS :
					     p->backoff_ms * 2;
	if (p->backoff_ms > BACKOFF_MAX_MS)
		p->backoff_ms = BACKOFF_MAX_MS;
}

/* post_died - say so, and start it again; ready: it had served */
static void
post_died(struct post *p, bool ready, const char *how)
{
	p->note->deaths++;
	p->note->failed += !ready;
	helpers_note_why(p->note, how);
	metric_add(counter_deaths, 1);
	log_event(WEIR_LOG_ERROR, LOG_HELPER_DEATH, "helper %s: process %s",
	    p->kind->name, how);
	if (!p->proven && pending != 0 && kind_is_of(p->kind, pending) &&
	    failure == NULL) {
		failure = xasprintf("helper %s can't start: process %s",
		    p->kind->name, how);
		loop_defer(&tell);
	}
	/* who never served is not waited for */
	if (!p->proven)
		post_unlisten(p);
	if (!p->proven || !post_bench(p))
		post_again(p);
}

/* post_wished - it has served, and ended for a new one: no death.  One that
   does so all the time is slowed down as others are. */
static bool
post_wished(struct post *p, bool ready, pid_t pid, int status)
{
	if (!ready || p->late || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != HELPER_EXIT_RESTART)
		return false;
	p->note->restarts++;
	free(p->why);
	p->why = NULL;
	log_event(WEIR_LOG_INFO, LOG_HELPER_RESTART, "helper %s: process %d "
	    "ended for a new one", p->kind->name, (int)pid);
	post_again(p);
	return true;
}

/* post_ended - it was reaped */
static void
post_ended(struct post *p, int status)
{
	char how[1200];
	struct channel_msg m;
	pid_t pid = p->pid;
	bool ready = p->ready;

	/* what it said last may still lie there */
	while (p->control >= 0 && channel_receive(p->control, &m) > 0) {
		if (m.kind == CHANNEL_LOG)
			post_log(p, &m);
		else if (m.kind == CHANNEL_FAILED) {
			free(p->why);
			p->why = xstrdup(m.text);
		}
	}
	post_close(p);
	if (post_wished(p, ready, pid, status))
		return;
	if (p->late)
		snprintf(how, sizeof(how), "%d did not finish init within %u "
		    "ms", (int)pid, p->kind->spec.init_ms);
	else if (p->why != NULL)
		snprintf(how, sizeof(how), "%d: %s", (int)pid, p->why);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "%d died of signal %d (%s)",
		    (int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == HELPER_EXIT_HUNG)
		snprintf(how, sizeof(how), "%d was ended: a request did not "
		    "return in its time", (int)pid);
	else
		snprintf(how, sizeof(how), "%d ended with status %d",
		    (int)pid, WEXITSTATUS(status));
	p->late = false;
	free(p->why);
	p->why = NULL;
	post_died(p, ready, how);
}

/* helpers_reaped - was it one of ours */
bool
helpers_reaped(pid_t pid, int status)
{
	list_each(n, &kinds) {
		struct kind *k = list_of(n, struct kind, node);

		for (unsigned i = 0; i < k->spec.processes; i++) {
			if (k->posts[i].pid == pid) {
				post_ended(&k->posts[i], status);
				return true;
			}
		}
	}
	return false;
}

/* post_on_timer - start it; or its init takes too long */
static void
post_on_timer(struct loop_timer *t)
{
	struct post *p = list_of(t, struct post, timer);

	if (p->pid == 0) {
		post_launch(p);
	} else {
		p->late = true;
		kill(p->pid, SIGKILL);
	}
}

/* post_launch - socket, process */
static void
post_launch(struct post *p)
{
	const struct kind *k = p->kind;
	struct helpers_spawn s = { .name = k->name, .spec = &k->bytes,
		.temp = p->temp, .uid = k->uid, .gid = k->gid,
		.drop = k->drop };

	if (p->listener < 0) {
		mode_t before = umask(0111);

		/* the folder keeps strangers out */
		unlink(p->path);
		p->listener = helper_client_socket(p->path, true);
		umask(before);
	}
	s.listener = p->listener;
	p->note->state = HELPERS_STARTING;
	p->started_ms = clock_mono_ms();
	if (p->listener < 0 || (p->pid = helpers_spawn(&s, &p->control)) < 0) {
		char how[256];

		snprintf(how, sizeof(how), "can't be started: %s",
		    strerror(errno));
		p->pid = 0;
		p->backoff_ms = BACKOFF_MAX_MS;
		post_died(p, false, how);
		return;
	}
	loop_io_set(&p->io, p->control, LOOP_READ);
	loop_timer_start(&p->timer, k->spec.init_ms);
}

/* kind_find - one that does the same, or NULL */
static struct kind *
kind_find(const char *bytes, size_t len, const struct stat *file)
{
	list_each(n, &kinds) {
		struct kind *k = list_of(n, struct kind, node);

		if (k->bytes.len == len &&
		    memcmp(k->bytes.ptr, bytes, len) == 0 &&
		    k->file.st_dev == file->st_dev &&
		    k->file.st_ino == file->st_ino &&
		    k->file.st_size == file->st_size &&
		    memcmp(&k->file.st_mtim, &file->st_mtim,
			sizeof(file->st_mtim)) == 0)
			return k;
	}
	return NULL;
}

/* kind_posts - the processes' places */
static void
kind_posts(struct kind *k, const char *dir)
{
	static unsigned serial;

	serial++;
	k->posts = xcalloc(k->spec.processes, sizeof(*k->posts));
	for (unsigned i = 0; i < k->spec.processes; i++) {
		struct post *p = &k->posts[i];

		p->kind = k;
		p->index = i;
		p->listener = p->control = -1;
		p->note = helpers_note_take();
		p->path = xasprintf("%s/%u.%u.sock", dir, serial, i);
		if ((k->spec.flags & WEIR_HELPER_TEMP) != 0)
			p->temp = xasprintf("%s/%u.%u.tmp", dir, serial, i);
		p->death_ms = xcalloc(k->limit, sizeof(*p->death_ms));
		loop_io_init(&p->io, post_on_control);
		loop_timer_init(&p->timer, post_on_timer);
		loop_timer_start(&p->timer, 0);
	}
}

/* kind_create - a new helper; takes over the spec */
static struct kind *
kind_create(struct helper_spec *spec, const char *bytes, size_t len,
    const struct conf *conf, const char *dir)
{
	struct kind *k = xcalloc(1, sizeof(*k));

	k->spec = *spec;
	buf_add(&k->bytes, bytes, len);
	k->name = xasprintf("%s.%s", spec->module, spec->name);
	k->limit = conf->crash.limit < DEATHS ? (unsigned)conf->crash.limit :
						DEATHS;
	k->window_ms = conf->crash.window_ms;
	k->bench_ms = conf->crash.bench_ms;
	list_append(&kinds, &k->node);
	kind_posts(k, dir);
	return k;
}

/* kind_free - its processes are gone */
static void
kind_free(struct kind *k)
{
	for (unsigned i = 0; i < k->spec.processes; i++) {
		struct post *p = &k->posts[i];

		post_unlisten(p);
		post_close(p);
		if (p->temp != NULL)
			helpers_spawn_clean(p->temp, k->uid, k->gid, k->drop);
		free(p->path);
		free(p->temp);
		free(p->why);
		free(p->death_ms);
		helpers_note_give(&p->note);
	}
	list_remove(&k->node);
	helper_spec_fini(&k->spec);
	buf_fini(&k->bytes);
	vec_fini(&k->generations);
	free(k->name);
	free(k->posts);
	free(k);
}

/* kind_end - let its processes end in good order, then make them */
static void
kind_end(struct kind *k)
{
	int64_t until = clock_mono_ns() / 1000000 + STOP_MS;

	for (unsigned i = 0; i < k->spec.processes; i++) {
		loop_io_stop(&k->posts[i].io);
		if (k->posts[i].control >= 0)
			close(k->posts[i].control);
		k->posts[i].control = -1;
	}
	for (unsigned i = 0; i < k->spec.processes; i++) {
		struct post *p = &k->posts[i];

		/* who still starts has nothing to put in order */
		if (p->pid > 0 && !p->ready)
			kill(p->pid, SIGKILL);
		while (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == 0) {
			if ((int64_t)(clock_mono_ns() / 1000000) > until)
				kill(p->pid, SIGKILL);
			usleep(1000);
		}
	}
	kind_free(k);
}

/* kind_wake - who reloads has mended something: no waiting any more */
static void
kind_wake(struct kind *k)
{
	for (unsigned i = 0; i < k->spec.processes; i++) {
		struct post *p = &k->posts[i];

		if (p->pid != 0)
			continue;
		p->deaths = 0;
		p->backoff_ms = 0;
		p->note->deaths = p->note->failed = 0;
		loop_timer_start(&p->timer, 0);
	}
}

/* helpers_start - all helpers of a generation */
int
helpers_start(uint32_t generation, const struct conf *conf,
    const struct buf *specs, const char *dir, struct err *err)
{
	const char *data = specs->ptr;
	size_t len = specs->len;

	pending = generation;
	free(failure);
	failure = NULL;
	while (len > 0) {
		const char *begin = data;
		struct helper_spec spec;
		struct stat file;
		struct kind *k;

		if (helper_spec_get(&data, &len, &spec) < 0)
			return err_set(err, WEIR_E_INTERNAL,
			    "the helpers' descriptions are damaged");
		if (stat(spec.path, &file) < 0)
			memset(&file, 0, sizeof(file));
		k = kind_find(begin, (size_t)(data - begin), &file);
		if (k != NULL) {
			helper_spec_fini(&spec);
			kind_wake(k);
		} else {
			k = kind_create(&spec, begin, (size_t)(data - begin),
			    conf, dir);
			k->file = file;
			k->drop = !reaps;
			if (k->drop && privs_find(conf, &k->uid, &k->gid,
				err) < 0)
				return WEIR_E_NOTFOUND;
		}
		if (!kind_is_of(k, generation))
			*vec_push(&k->generations) = generation;
	}
	helpers_check();
	return WEIR_OK;
}

/* helpers_drop - that generation needs them no longer */
void
helpers_drop(uint32_t generation)
{
	if (pending == generation) {
		pending = 0;
		loop_task_cancel(&tell);
	}
	list_each_safe(n, &kinds) {
		struct kind *k = list_of(n, struct kind, node);

		for (size_t i = k->generations.n; i-- > 0;) {
			if (k->generations.v[i] == generation)
				k->generations.v[i] =
				    k->generations.v[--k->generations.n];
		}
		if (k->generations.n == 0)
			kind_end(k);
	}
}

/* helpers_stop - all of them */
void
helpers_stop(void)
{
	loop_task_cancel(&tell);
	pending = 0;
	free(failure);
	failure = NULL;
	while (!list_empty(&kinds))
		kind_end(list_of(kinds.next, struct kind, node));
	helper_poison_destroy();
	helpers_notes_destroy();
}

/* helpers_worker - this is a worker now */
void
helpers_worker(uint32_t generation)
{
	worker_of = generation;
	list_each(n, &kinds) {
		struct kind *k = list_of(n, struct kind, node);

		for (unsigned i = 0; i < k->spec.processes; i++) {
			struct post *p = &k->posts[i];

			if (p->listener >= 0)
				close(p->listener);
			if (p->control >= 0)
				close(p->control);
			p->listener = p->control = -1;
		}
	}
}

/* kind_of_worker - that helper of this worker's generation, or NULL */
static const struct kind *
kind_of_worker(const char *module, uint32_t helper)
{
	list_each(n, &kinds) {
		const struct kind *k = list_of(n, struct kind, node);

		if (k->spec.index == helper && kind_is_of(k, worker_of) &&
		    strcmp(k->spec.module, module) == 0)
			return k;
	}
	return NULL;
}

/* helpers_find - where that helper listens */
unsigned
helpers_find(const char *module, uint32_t helper,
    const char *paths[WEIR_HELPER_PROCESSES_MAX])
{
	const struct kind *k = kind_of_worker(module, helper);
	unsigned n = k != NULL ? k->spec.processes : 0;

	for (unsigned i = 0; i < n; i++)
		paths[i] = k->posts[i].path;
	return n;
}

/* helpers_notes - how that helper's processes are */
unsigned
helpers_notes(const char *module, uint32_t helper,
    const struct helpers_note *notes[WEIR_HELPER_PROCESSES_MAX])
{
	const struct kind *k = kind_of_worker(module, helper);
	unsigned n = k != NULL ? k->spec.processes : 0;

	for (unsigned i = 0; i < n; i++)
		notes[i] = k->posts[i].note;
	return n;
}
