/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * act_test - the half that runs on the loop, before a host of its own: what is
 * kept and for whom, commits that come together, calls that are given up,
 * released mail that comes back.
 *
 * Jobs, tasks and ends of holds wait in a queue until pump() lets them happen,
 * so that each order of events can be made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act.h"
#include "file.h"
#include "lib/folder.h"

#define RCPTS 3
#define EVENTS 64

/* One message of the fake host; weir_call * points at one. */
struct message {
	uint32_t nrcpts;
	const char *rcpt[RCPTS];
	int fate[RCPTS];
	char kept[RCPTS][80];
	uint32_t action; /* of the last verdict */
	char enhanced[16];
	const char *token, *frontend, *virus;
	char decision[16];
	const char *text; /* NULL: the message was not kept for reading */
	unsigned deleted, exempt;
	void *slot;
	void (*drop)(void *);
};

struct event {
	enum { JOB, TASK, RELEASE } kind;
	weir_call *call;
	weir_job_run *run;
	void (*done)(weir_call *, int, void *);
	void *arg;
	int status;
};

struct weir_hold {
	weir_call *call;
	weir_task_fn *done;
	void *arg;
};

static char folder[80];
static int64_t clock_ms;
static struct event events[EVENTS];
static unsigned n_events, tasks, errors_logged;
static int refuse_jobs, refuse_tasks;
static struct weir_hold *last_hold;
static struct quarantine q;

static struct message *
of(weir_call *call)
{
	return (struct message *)(void *)call;
}

static weir_call *
call_of(struct message *m)
{
	return (weir_call *)(void *)m;
}

/* --- the host --- */

static void
push(struct event e)
{
	assert_true(n_events < EVENTS);
	events[n_events++] = e;
}

static int
job_start(weir_call *call, weir_job_run *run, weir_job_done *done, void *arg)
{
	if (refuse_jobs > 0) {
		refuse_jobs--;
		return WEIR_E_LIMIT;
	}
	push((struct event){ JOB, call, run, done, arg, WEIR_OK });
	return WEIR_OK;
}

static int
job_message_fd(weir_jobctx *ctx)
{
	const struct message *m = (const struct message *)(const void *)ctx;
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = -1;
	if (m->text == NULL)
		return WEIR_E_NOTFOUND;
	fd = memfd_create("message", MFD_CLOEXEC);
	assert_int_equal(write(fd, m->text, strlen(m->text)),
	    strlen(m->text));
	return fd;
}

/* pump - let everything happen, or only so many events */
static void
pump(unsigned max)
{
	while (n_events > 0 && max-- > 0) {
		struct event e = events[0];
		int status = e.status;

		n_events--;
		memmove(events, events + 1, n_events * sizeof(e));
		if (e.kind == JOB)
			status = e.run((weir_jobctx *)(void *)e.call, e.arg);
		e.done(e.call, status, e.arg);
	}
}

static int
host_task(weir_self *self, weir_task_fn *fn, void *arg, uint32_t ms)
{
	(void)self;
	(void)ms;
	if (refuse_tasks > 0) {
		refuse_tasks--;
		return WEIR_E_LIMIT;
	}
	tasks++;
	push((struct event){ TASK, NULL, NULL, fn, arg, WEIR_OK });
	return WEIR_OK;
}

static weir_hold *
host_hold(weir_call *call, uint32_t ms, weir_task_fn *done, void *arg)
{
	(void)ms;
	last_hold = calloc(1, sizeof(*last_hold));
	*last_hold = (struct weir_hold){ call, done, arg };
	return last_hold;
}

static void
host_release(weir_hold *h, int status)
{
	push((struct event){ RELEASE, h->call, NULL, h->done, h->arg,
	    status });
	free(h);
}

/* give_up - the call's time is over */
static void
give_up(weir_hold *h)
{
	h->done(h->call, WEIR_E_TIMEOUT, h->arg);
	free(h);
}

static void
host_log(weir_self *self, weir_call *call, int level, weir_str line)
{
	(void)self;
	(void)call;
	(void)line;
	errors_logged += level == WEIR_LOG_ERROR;
}

static int64_t
host_ms(weir_self *self)
{
	(void)self;
	return clock_ms;
}

static int
host_data_set(weir_call *call, uint32_t scope, uint32_t rcpt, void *data,
    void (*drop)(void *))
{
	(void)scope;
	(void)rcpt;
	of(call)->slot = data;
	of(call)->drop = drop;
	return WEIR_OK;
}

static void *
host_data_get(weir_call *call, uint32_t scope, uint32_t rcpt)
{
	(void)scope;
	(void)rcpt;
	return of(call)->slot;
}

static int
host_attr_get(weir_call *call, uint32_t attr, uint32_t rcpt, weir_str *out)
{
	const struct message *m = of(call);
	const char *text = attr == WEIR_A_RCPT && rcpt < m->nrcpts ?
	    m->rcpt[rcpt] : attr == WEIR_A_SENDER ? "a@example.org" :
	    attr == WEIR_A_FRONTEND ? m->frontend :
	    attr == WEIR_A_MESSAGE_ID ? m->decision : NULL;

	*out = weir_str_of(text != NULL ? text : "");
	return text != NULL ? WEIR_OK : WEIR_E_NOTFOUND;
}

static uint32_t
host_rcpt_count(weir_call *call)
{
	return of(call)->nrcpts;
}

static uint32_t
host_header_count(weir_call *call, const char *name)
{
	return strcasecmp(name, TOKEN_FIELD) == 0 && of(call)->token != NULL;
}

static int
host_header_at(weir_call *call, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value)
{
	(void)name_out;
	if (index >= host_header_count(call, name))
		return WEIR_E_NOTFOUND;
	*value = weir_str_of(of(call)->token);
	return WEIR_OK;
}

static uint32_t
host_finding_count(weir_call *call)
{
	(void)call;
	return 0;
}

static double
host_score(weir_call *call, uint32_t rcpt)
{
	(void)call;
	(void)rcpt;
	return 11.5;
}

static int
host_verdict(weir_call *call, const struct weir_verdict *v)
{
	of(call)->action = v->action;
	snprintf(of(call)->enhanced, sizeof(of(call)->enhanced), "%s",
	    v->enhanced);
	return WEIR_OK;
}

static int
host_verdict_get(weir_call *call, uint32_t rcpt, struct weir_verdict *v)
{
	(void)call;
	(void)rcpt;
	v->text = "it looks like spam";
	return WEIR_OK;
}

static int
host_fact_set(weir_call *call, uint32_t rcpt, const char *key, weir_str value)
{
	(void)call;
	(void)rcpt;
	(void)key;
	(void)value;
	return WEIR_OK;
}

static int
host_fact_get(weir_call *call, uint32_t rcpt, const char *key, weir_str *out)
{
	(void)rcpt;
	if (strcmp(key, "antivirus.result") != 0 || of(call)->virus == NULL)
		return WEIR_E_NOTFOUND;
	*out = weir_str_of(of(call)->virus);
	return WEIR_OK;
}

static int
host_fate(weir_call *call, uint32_t rcpt)
{
	return of(call)->fate[rcpt];
}

static int
host_kept(weir_call *call, uint32_t rcpt, weir_str id)
{
	struct message *m = of(call);

	if (m->fate[rcpt] != WEIR_ACT_QUARANTINE)
		return WEIR_E_NOTFOUND;
	snprintf(m->kept[rcpt], sizeof(m->kept[rcpt]), "%.*s", (int)id.len,
	    id.ptr);
	return WEIR_OK;
}

static int
host_exempt(weir_call *call, weir_str reason)
{
	(void)reason;
	of(call)->exempt++;
	return WEIR_OK;
}

static int
edit_header_delete(weir_call *call, const char *name, uint32_t index)
{
	(void)name;
	(void)index;
	of(call)->deleted++;
	return WEIR_OK;
}

static void
metric_add(weir_self *self, int id, uint64_t n)
{
	(void)self;
	(void)id;
	(void)n;
}

static void
metric_observe(weir_self *self, int id, double seconds)
{
	(void)self;
	(void)id;
	(void)seconds;
}

static const struct weir_host host = { .size = sizeof(host),
	.log = host_log, .wall_ms = host_ms, .mono_ms = host_ms,
	.data_set = host_data_set, .data_get = host_data_get,
	.attr_get = host_attr_get, .rcpt_count = host_rcpt_count,
	.header_count = host_header_count, .header_at = host_header_at,
	.finding_count = host_finding_count, .score = host_score,
	.verdict = host_verdict, .verdict_get = host_verdict_get,
	.fact_set = host_fact_set, .fact_get = host_fact_get,
	.task = host_task, .hold = host_hold, .release = host_release,
	.fate = host_fate, .kept = host_kept, .exempt = host_exempt };
static const struct weir_job job = { .start = job_start,
	.message_fd = job_message_fd };
static const struct weir_metric metric = { .add = metric_add,
	.observe = metric_observe };
static const struct weir_edit edit = { .header_delete = edit_header_delete };

/* --- the tests' own --- */

static int64_t
store_clock(void *arg)
{
	(void)arg;
	return clock_ms;
}

static int
setup(void **state)
{
	struct store_conf conf = { .folder = folder, .now = store_clock,
		.max_message = 2000 };

	(void)state;
	clock_ms = INT64_C(1700000000000);
	assert_true(folder_make(folder, sizeof(folder), folder_where(),
	    "weir-act"));
	memset(&q, 0, sizeof(q));
	q.host = &host;
	q.job = &job;
	q.metric = &metric;
	q.edit = &edit;
	q.waiting_end = &q.waiting;
	q.notes_end = &q.notes;
	q.store = store_create(&conf);
	n_events = tasks = errors_logged = 0;
	refuse_jobs = refuse_tasks = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pump(EVENTS);
	batch_fini(&q);
	store_destroy(&q.store);
	folder_remove(folder);
	return 0;
}

/* rows - of a table, with a condition */
static int64_t
rows(const char *table)
{
	struct fault f;
	sqlite3 *db = store_begin(q.store, false, &f);
	char sql[300];
	sqlite3_stmt *st;
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	st = store_query(db, &f, sql, "");
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	store_end(q.store);
	return n;
}

static int files_found;

static int
count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	files_found += type == FTW_F && strstr(path, "/mail/") != NULL;
	return 0;
}

/* files - message files on disk */
static int
files(void)
{
	files_found = 0;
	nftw(folder, count_one, 16, FTW_PHYS);
	return files_found;
}

/* message - for b (delivered), c and d (quarantine) */
static struct message
message(const char *text)
{
	static unsigned n;
	struct message m = { .nrcpts = RCPTS, .rcpt = { "B@example.net",
		"C@example.net", "d@example.net" }, .fate = { WEIR_ACT_ACCEPT,
		WEIR_ACT_QUARANTINE, WEIR_ACT_QUARANTINE },
		.frontend = "milter", .text = text };

	snprintf(m.decision, sizeof(m.decision), "m%u", ++n);
	return m;
}

/* ended - the message is over, all is written down */
static void
ended(struct message *m)
{
	act_end(&q, call_of(m));
	if (m->slot != NULL && m->drop != NULL)
		m->drop(m->slot);
	m->slot = NULL;
	batch_tick(NULL, WEIR_OK, &q);
	pump(EVENTS);
}

/* --- act --- */

static void
kept_for_those_who_do_not_get_it(void **state)
{
	struct message m = message("Subject: x\r\n\r\none\r\n");

	(void)state;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	/* nothing is promised before it is safe */
	assert_string_equal(m.kept[1], "");
	pump(EVENTS);
	assert_string_equal(m.kept[0], "");
	assert_int_equal(strlen(m.kept[1]), ID_LEN);
	assert_int_equal(strlen(m.kept[2]), ID_LEN);
	assert_string_not_equal(m.kept[1], m.kept[2]);
	assert_int_equal(m.action, WEIR_ACT_NONE);
	assert_int_equal(files(), 1);
	assert_int_equal(rows("item WHERE class = 1 AND user ="
	    " 'c@example.net' AND rcpt = 'C@example.net'"), 1);
	assert_int_equal(rows("item"), 2);
	ended(&m);
	assert_int_equal(rows("item"), 2);
}

static void
classes_follow_the_checks(void **state)
{
	struct message m = message("Subject: v\r\n\r\nvirus\r\n");

	(void)state;
	m.virus = "infected";
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(rows("item WHERE class = 2"), 2);
	ended(&m);
}

static void
nothing_where_nothing_is_to_be_kept(void **state)
{
	struct message m = message("Subject: x\r\n\r\none\r\n");

	(void)state;
	m.frontend = "policy";
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	m = message("Subject: x\r\n\r\none\r\n");
	m.fate[1] = WEIR_ACT_REJECT;
	m.fate[2] = WEIR_E_UNSUPPORTED;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	m = message("Subject: x\r\n\r\none\r\n");
	m.nrcpts = 0;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(n_events, 0);
	assert_int_equal(files(), 0);
}

/* What can't be kept stays with the sender, and leaves nothing. */
static void
what_can_not_be_kept_is_deferred(void **state)
{
	char large[3000];

	(void)state;
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	for (int how = 0; how < 4; how++) {
		struct message m = message("Subject: x\r\n\r\none\r\n");

		refuse_jobs = how == 0 ? 1 : 0; /* no thread for the file */
		if (how == 1)
			m.text = NULL; /* the host has no message */
		if (how == 2)
			m.text = large; /* a limit */
		if (how == 3)
			refuse_tasks = 1; /* no call for the commit */
		assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
		pump(EVENTS);
		assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
		assert_string_equal(m.enhanced, "4.3.1");
		assert_string_equal(m.kept[1], "");
		ended(&m);
		assert_int_equal(files(), 0);
		if (how > 1)
			assert_int_equal(rows("item"), 0);
	}
	/* said once, not for each mail of a bad hour */
	assert_int_equal(errors_logged, 1);
	clock_ms += 120000;
	act_failed(&q, NULL, "again");
	assert_int_equal(errors_logged, 2);
}

/* An answer that is none of ours takes the copies back; not those that were
   there before. */
static void
other_answers_take_copies_back(void **state)
{
	struct message m = message("Subject: x\r\n\r\nrefused\r\n");
	struct message again;

	(void)state;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	m.fate[1] = m.fate[2] = WEIR_ACT_REJECT;
	ended(&m);
	assert_int_equal(rows("item"), 0);
	assert_int_equal(files(), 0);
	/* kept and answered; the same mail comes again and is refused */
	m = message("Subject: x\r\n\r\nkept\r\n");
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	ended(&m);
	assert_int_equal(rows("item"), 2);
	again = message("Subject: x\r\n\r\nkept\r\n");
	assert_int_equal(act_eom(&q, call_of(&again)), WEIR_OK);
	pump(EVENTS);
	assert_string_equal(again.kept[1], m.kept[1]);
	again.fate[1] = again.fate[2] = WEIR_E_CANCELLED;
	ended(&again);
	assert_int_equal(rows("item"), 2);
	assert_int_equal(files(), 1);
}

/* --- batch --- */

static void
commits_come_together(void **state)
{
	struct message m[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		static char text[5][40];

		snprintf(text[i], sizeof(text[i]), "Subject: %d\r\n\r\nx\r\n",
		    i);
		m[i] = message(text[i]);
		assert_int_equal(act_eom(&q, call_of(&m[i])), WEIR_OK);
	}
	/* five files; the first starts a commit, the others wait for it */
	pump(5);
	assert_int_equal(files(), 5);
	assert_int_equal(tasks, 1);
	pump(EVENTS);
	assert_int_equal(tasks, 2);
	assert_int_equal(rows("item"), 10);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(strlen(m[i].kept[1]), ID_LEN);
		ended(&m[i]);
	}
}

/* A call that is given up while its row waits, or while it is committed.
   Nothing is promised, nothing stays. */
static void
calls_that_are_given_up_leave_nothing(void **state)
{
	for (int when = 0; when < 2; when++) {
		struct message first = message("Subject: 1\r\n\r\n1\r\n");
		struct message m = message("Subject: 2\r\n\r\n2\r\n");
		weir_hold *h;

		(void)state;
		tasks = 0;
		assert_int_equal(act_eom(&q, call_of(&first)), WEIR_OK);
		pump(1); /* its file; a task for the commit */
		assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
		if (when == 0) {
			/* the first commit is under way, this one waits */
			pump(2);
			h = last_hold;
			give_up(h);
		} else {
			/* the first is through, this one's row is in the
			   commit that runs */
			pump(3);
			assert_int_equal(tasks, 2);
			h = last_hold;
			give_up(h);
		}
		pump(EVENTS);
		assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
		assert_string_equal(m.kept[1], "");
		ended(&m);
		ended(&first);
		assert_int_equal(rows("item WHERE m IN (SELECT m FROM mail"
		    " WHERE subject = '2')"), 0);
		assert_int_equal(files(), 1);
		first.fate[1] = first.fate[2] = WEIR_ACT_REJECT;
		ended(&first);
	}
}

/* --- comeback --- */

/* kept_and_released - an item with a token of now; its field's value */
static void
kept_and_released(const char *text, char id[ID_LEN + 1],
    char value[TOKEN_MAX])
{
	struct message m = message(text);
	unsigned char key[TOKEN_KEY_LEN];
	struct token t = { .expires_ms = clock_ms + 60000 };
	struct item i;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	memcpy(id, m.kept[1], ID_LEN + 1);
	ended(&m);
	assert_int_equal(file_id(t.nonce, &f), WEIR_OK);
	db = store_begin(q.store, true, &f);
	assert_int_equal(item_find(db, id, &i, &f), WEIR_OK);
	assert_int_equal(store_run(db, &f, NULL, "UPDATE item SET state = ?,"
	    " token = ?, token_used = 0, lease_ms = ? WHERE id = ?", "isis",
	    (int64_t)ITEM_SENT, t.nonce, clock_ms + 60000, id), WEIR_OK);
	assert_int_equal(store_commit(q.store, &f), WEIR_OK);
	assert_int_equal(token_key(q.store, key, &f), WEIR_OK);
	memcpy(t.id, id, sizeof(t.id));
	memcpy(t.digest, i.digest, DIGEST_LEN);
	token_write(key, &t, "c@example.net", value);
}

/* comes - a mail with that field for that recipient */
static struct message
comes(const char *text, const char *value, const char *rcpt)
{
	struct message m = message(text);

	m.nrcpts = 1;
	m.rcpt[0] = rcpt;
	m.token = value;
	assert_int_equal(comeback_eoh(&q, call_of(&m)), WEIR_OK);
	return m;
}

static void
released_mail_comes_back_once(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nback\r\n";
	char id[ID_LEN + 1], value[TOKEN_MAX], with[2000];
	struct message m;

	(void)state;
	kept_and_released(text, id, value);
	snprintf(with, sizeof(with), "%s: %s\r\n%s", TOKEN_FIELD, value,
	    text);
	/* refused by somebody behind us: it may come again */
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_NONE);
	assert_int_equal(m.deleted, 1);
	assert_int_equal(rows("item WHERE token_used = 1"), 1);
	m.fate[0] = WEIR_ACT_TEMPFAIL;
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 0 AND state = 4"), 1);
	/* let in */
	m = comes(with, value, "C@Example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	m.fate[0] = WEIR_ACT_ACCEPT;
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 2"), 1);
	/* and not again */
	m = comes(with, value, "c@example.net");
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
	assert_string_equal(m.enhanced, "4.7.1");
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 2"), 1);
}

static void
tokens_are_good_for_nothing_else(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nback\r\n";
	char id[ID_LEN + 1], value[TOKEN_MAX], with[2000];
	struct message m;

	(void)state;
	kept_and_released(text, id, value);
	/* other octets */
	snprintf(with, sizeof(with), "%s: %s\r\nSubject: x\r\n\r\nbait\r\n",
	    TOKEN_FIELD, value);
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 0"), 2);
	/* somebody else: a mail as any, without the field */
	m = comes(with, value, "d@example.net");
	assert_int_equal(m.exempt, 0);
	m.fate[0] = WEIR_ACT_ACCEPT;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(m.deleted, 1);
	ended(&m);
	/* several recipients */
	m = message(with);
	m.token = value;
	m.rcpt[0] = "c@example.net";
	assert_int_equal(comeback_eoh(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(m.exempt, 0);
	ended(&m);
	/* too late */
	clock_ms += 120000;
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 0);
	ended(&m);
	/* nonsense */
	m = comes(with, "v=1; nonsense", "c@example.net");
	assert_int_equal(m.exempt, 0);
	ended(&m);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(kept_for_those_who_do_not_get_it),
		T(classes_follow_the_checks),
		T(nothing_where_nothing_is_to_be_kept),
		T(what_can_not_be_kept_is_deferred),
		T(other_answers_take_copies_back), T(commits_come_together),
		T(calls_that_are_given_up_leave_nothing),
		T(released_mail_comes_back_once),
		T(tokens_are_good_for_nothing_else) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
