/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_play.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/value.h"
#include "drive.h"
#include "drive_expect.h"
#include "drive_options.h"
#include "host/trial.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "store/store.h"

#define LOG_KEPT ((size_t)4 << 20)
#define STORE_TTL_MS INT64_C(86400000)

static const char default_mail[] = "From: sender@example.org\r\n"
				   "To: recipient@example.com\r\n"
				   "Subject: test\r\n\r\nhello\r\n";

struct play {
	struct drive_options o;
	const char *file;
	const struct drive_case *c;
	struct buf config, rows, zone, mail, log;
	bool mbox_quoted, have_mail;
	bool dirty;	   /* something was said since the last mail */
	bool expecting;	   /* check what is expected, keep records */
	bool started;
	bool gone;	   /* a mail of this pass was cancelled */
	uint64_t cancel_at;
	unsigned line;	   /* of the statement that runs */
	unsigned sent;	   /* mails of this pass */
	json_t *failures, *mails, *record;
	char zone_path[64];
	const char *listener, *direction;
	struct pool *pool;
};

/* play_fail - one failure, with its line */
static void __attribute__((format(printf, 2, 3)))
play_fail(struct play *p, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	buf_printf(&text, "%u: ", p->line);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (json_array_append_new(p->failures,
		json_stringn(text.ptr, text.len)) < 0)
		json_array_append_new(p->failures,
		    json_string("a failure that is no UTF-8"));
	buf_fini(&text);
}

/* play_on_log - keep what is logged */
static void
play_on_log(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	struct play *p = arg;

	(void)level;
	(void)event;
	if (!p->expecting || p->log.len > LOG_KEPT)
		return;
	buf_add(&p->log, line, len);
	buf_add_char(&p->log, '\n');
}

/* play_path - relative to the case file */
static char *
play_path(const struct play *p, const char *path)
{
	char *copy, *out;

	if (path[0] == '/')
		return xstrdup(path);
	copy = xstrdup(p->file);
	out = xasprintf("%s/%s", dirname(copy), path);
	free(copy);
	return out;
}

/* play_set_up - statements that say what is loaded */
static void
play_set_up(struct play *p, const struct case_step *s)
{
	switch (s->verb) {
	case CASE_ZONE:
		buf_add_str(&p->zone, s->rest.ptr);
		buf_add_char(&p->zone, '\n');
		if (s->block.ptr != NULL)
			buf_add(&p->zone, s->block.ptr, s->block.len);
		break;
	case CASE_OPTION:
		buf_printf(&p->rows, "%s\n", s->rest.ptr);
		break;
	case CASE_CONFIG:
		buf_printf(&p->config, "%s\n", s->rest.ptr);
		if (s->block.ptr != NULL)
			buf_add(&p->config, s->block.ptr, s->block.len);
		break;
	case CASE_LISTENER:
		p->listener = s->words[0].ptr;
		break;
	case CASE_FAIL:
		/* "fail dns NAME", "timeout dns NAME" are the zone's */
		if (s->n == 2 && text_equals(s->words[0], "dns"))
			buf_printf(&p->zone, "$SERVFAIL %s\n",
			    s->words[1].ptr);
		else if (s->n == 2 && text_equals(s->words[0], "timeout"))
			buf_printf(&p->zone, "$TIMEOUT %s\n",
			    s->words[1].ptr);
		break;
	default:
		break;
	}
}

/* play_zone - lookups are answered from what the case says */
static int
play_zone(struct play *p)
{
	int fd;

	if (p->zone.len == 0)
		return WEIR_OK;
	fd = memfd_create("zone", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p->zone.ptr, p->zone.len) !=
	    (ssize_t)p->zone.len) {
		play_fail(p, "no memory for the zone");
		return WEIR_E_NOMEM;
	}
	snprintf(p->zone_path, sizeof(p->zone_path), "/proc/self/fd/%d", fd);
	p->o.zone = p->zone_path;
	return WEIR_OK;
}

/* play_refused - the reason that was printed is the one expected */
static void
play_refused(struct play *p, const struct case_step *s, int status)
{
	struct buf text = BUF_INIT;
	char *p_text;
	ssize_t n;

	p->line = s->line;
	if (status == WEIR_OK) {
		play_fail(p, "the configuration is accepted");
		return;
	}
	/* drive_suite has made it a file */
	n = pread(STDERR_FILENO, buf_reserve(&text, 65536), 65536, 0);
	text.len = n > 0 ? (size_t)n : 0;
	p_text = strstr(s->rest.ptr, "refused") + strlen("refused");
	if (s->n < 2 || !drive_glob_in(buf_str(&text),
			    text_trim(text_slice(p_text))))
		play_fail(p, "it is refused for another reason, see below");
	buf_fini(&text);
}

/* play_start - load, or take the refusal as what the case is about */
static int
play_start(struct play *p)
{
	struct drive_options *o = &p->o;
	const struct case_step *refused = NULL;
	int status;

	for (size_t i = 0; i < p->c->steps.n; i++) {
		const struct case_step *s = &p->c->steps.v[i];

		play_set_up(p, s);
		if (s->verb == CASE_EXPECT && drive_expect_is(s, "refused"))
			refused = s;
		if (s->verb == CASE_NOW && p->o.now_ms == 0)
			drive_options_time(s->words[0].ptr, &o->now_ms);
	}
	if (play_zone(p) < 0)
		return WEIR_E_NOMEM;
	o->front.listener = p->listener;
	o->front.direction = p->direction;
	log_set_capture(play_on_log, p);
	status = drive_engine_start(o, p->file, buf_str(&p->config).ptr,
	    buf_str(&p->rows).ptr);
	p->started = status == WEIR_OK;
	if (refused != NULL)
		play_refused(p, refused, status);
	else if (status < 0)
		play_fail(p, "the configuration is refused, see below");
	return refused != NULL ? WEIR_E_CANCELLED : status;
}

/* What a store operation brought. */
struct play_stored {
	bool done;
	int status;
	struct buf value;
};

/* play_on_stored - it completed */
static void
play_on_stored(int status, weir_str value, void *arg)
{
	struct play_stored *r = arg;

	r->done = true;
	r->status = status;
	buf_add(&r->value, value.ptr, value.len);
}

/* play_store - store MODULE KEY VALUE [TTL] */
static void
play_store(struct play *p, const struct case_step *s)
{
	struct play_stored r = { .value = BUF_INIT };
	struct err err = { "" };
	int64_t ttl = STORE_TTL_MS;

	if (s->n > 3 && value_duration_parse(s->words[3].ptr, &ttl, &err) < 0) {
		play_fail(p, "store: %s", err.text);
		return;
	}
	r.status = store_put(s->words[0].ptr, s->words[1], s->words[2], ttl,
	    play_on_stored, &r, NULL);
	while (r.status == WEIR_OK && !r.done)
		loop_once(true);
	if (r.status < 0)
		play_fail(p, "store: %s", status_name(r.status));
	buf_fini(&r.value);
}

/* play_expect_store - expect [no] store MODULE KEY [VALUE] */
static void
play_expect_store(struct play *p, const struct case_step *s)
{
	size_t at = text_equals(s->words[0], "no") ? 2 : 1;
	struct play_stored r = { .value = BUF_INIT };
	bool is;

	r.status = store_get(s->words[at].ptr, s->words[at + 1],
	    play_on_stored, &r, NULL);
	while (r.status == WEIR_OK && !r.done)
		loop_once(true);
	is = r.status == WEIR_OK && (s->n <= at + 2 ||
	    drive_glob(buf_str(&r.value), s->words[at + 2]));
	if (is != (at == 1))
		play_fail(p, "expected %s: %s \"%s\"", s->rest.ptr,
		    r.status == WEIR_OK ? "the store has" :
					  status_name(r.status),
		    buf_str(&r.value).ptr);
	buf_fini(&r.value);
}

/* play_fact - fact KEY VALUE: what another module would have found */
static void
play_fact(struct play *p, const struct case_step *s)
{
	const weir_str *key = &s->words[0];
	const char *dot = strchr(key->ptr, '.');
	struct drive_macro *f;

	if (key->len > 64 || dot == NULL || dot == key->ptr || dot[1] == '\0') {
		play_fail(p, "fact %s: keys are MODULE.WORD, at most 64 octets",
		    key->ptr);
		return;
	}
	f = vec_push(&p->o.facts);
	f->name = *key;
	f->value = s->words[1];
}

/* play_fault - fail WHAT */
static void
play_fault(struct play *p, const struct case_step *s)
{
	if (s->n == 1 && text_equals(s->words[0], "stores"))
		trial_faults.stores = true;
	else if (s->n == 1 && text_equals(s->words[0], "jobs"))
		trial_faults.jobs = true;
	else if (s->n == 1 && text_equals(s->words[0], "remotes"))
		trial_faults.remotes = true;
	else if (s->n != 2 || (!text_equals(s->words[0], "dns") &&
				  !text_equals(s->words[0], "timeout")))
		play_fail(p, "what can fail: stores, jobs, remotes, dns NAME, "
		    "timeout NAME");
}

/* play_mail - which message is sent from now on */
static void
play_mail(struct play *p, const struct case_step *s)
{
	struct drive_source source;
	struct err err = { "" };
	char *path;

	buf_clear(&p->mail);
	p->have_mail = true;
	p->mbox_quoted = false;
	if (s->block.ptr != NULL) {
		buf_add(&p->mail, s->block.ptr, s->block.len);
		return;
	}
	path = play_path(p, s->words[0].ptr);
	if (drive_source_open(&source, path, &err) < 0) {
		play_fail(p, "%s", err.text);
	} else {
		weir_str raw;

		if (drive_source_next(&source, &raw))
			buf_add(&p->mail, raw.ptr, raw.len);
		p->mbox_quoted = source.is_mbox;
		drive_source_close(&source);
	}
	free(path);
}

/* play_send - one session with one mail */
static void
play_send(struct play *p)
{
	struct drive_mail mail;
	struct drive_run run;
	weir_str raw = p->have_mail ? buf_str(&p->mail) :
				      text_slice(default_mail);

	p->dirty = false;
	p->sent++;
	memset(&run, 0, sizeof(run));
	run.cancel_at = p->cancel_at;
	drive_mail_init(&mail, raw, p->mbox_quoted);
	drive_run_again(&run, &p->o, &mail);
	if (p->cancel_at != 0 && run.cancelled)
		p->gone = true;
	if (p->expecting) {
		p->record = drive_record(&run, p->file, 0);
		json_array_append_new(p->mails, p->record);
	}
	if (drive_run_end(&run) < 0)
		play_fail(p, "a call of this mail did not close");
	drive_mail_fini(&mail);
}

/* play_expect - send what waits, then look */
static void
play_expect(struct play *p, const struct case_step *s)
{
	struct buf why = BUF_INIT;
	const char *bad = drive_expect_bad(s);

	if (p->dirty)
		play_send(p);
	if (!p->expecting)
		return;
	if (bad != NULL)
		play_fail(p, "%s", bad);
	else if (drive_expect_is(s, "store"))
		play_expect_store(p, s);
	else if (!drive_expect(s, p->record, buf_str(&p->log), &why))
		play_fail(p, "expected %s: %s", s->rest.ptr,
		    buf_str(&why).ptr);
	buf_fini(&why);
}

/* play_clear - what was said more than once */
static void
play_clear(struct play *p, const struct case_step *s)
{
	if (text_equals(s->words[0], "rcpt"))
		p->o.rcpts.n = 0;
	else if (text_equals(s->words[0], "macro"))
		p->o.macros.n = 0;
	else if (text_equals(s->words[0], "fact"))
		p->o.facts.n = 0;
	else if (text_equals(s->words[0], "auth"))
		p->o.auth = NULL;
	else if (text_equals(s->words[0], "disconnect"))
		p->o.disconnect = -1;
	else
		play_fail(p, "what can be cleared: rcpt, macro, fact, "
		    "auth, disconnect");
}

/* play_time - now TIME, advance DURATION */
static void
play_time(struct play *p, const struct case_step *s)
{
	struct err err = { "" };
	int64_t ms;

	if (s->verb == CASE_NOW) {
		if (drive_options_time(s->words[0].ptr, &ms) < 0)
			play_fail(p, "now %s: no time", s->words[0].ptr);
		else
			clock_set_wall(ms);
	} else if (value_duration_parse(s->words[0].ptr, &ms, &err) < 0) {
		play_fail(p, "advance: %s", err.text);
	} else {
		drive_run_advance(ms);
	}
}

/* play_disconnect - the client goes after a stage */
static void
play_disconnect(struct play *p, const struct case_step *s)
{
	for (int i = 0; i < WEIR_STAGE_COUNT; i++) {
		if (text_equals(s->words[0], stage_name(i))) {
			p->o.disconnect = i;
			return;
		}
	}
	play_fail(p, "disconnect %s: there is no such stage", s->words[0].ptr);
}

/* play_address - without <> */
static const char *
play_address(struct play *p, weir_str w)
{
	if (w.len >= 2 && w.ptr[0] == '<' && w.ptr[w.len - 1] == '>') {
		w.ptr++;
		w.len -= 2;
	}
	return pool_str(p->pool, w).ptr;
}

/* play_client - who it is that sends; false: it is another statement */
static bool
play_client(struct play *p, const struct case_step *s)
{
	struct drive_options *o = &p->o;
	struct drive_macro *m;

	switch (s->verb) {
	case CASE_CLIENT:
		if (!ip_parse(s->words[0].ptr, &o->client))
			play_fail(p, "client %s: no address",
			    s->words[0].ptr);
		o->client_name = s->n > 1 ? s->words[1].ptr : NULL;
		return true;
	case CASE_HELO:
		o->helo = s->words[0].ptr;
		return true;
	case CASE_AUTH:
		o->auth = s->words[0].ptr;
		return true;
	case CASE_FROM:
		o->from = play_address(p, s->words[0]);
		return true;
	case CASE_RCPT:
		*vec_push(&o->rcpts) = play_address(p, s->words[0]);
		return true;
	case CASE_MACRO:
		m = vec_push(&o->macros);
		m->name = s->words[0];
		m->value = s->words[1];
		return true;
	case CASE_DIRECTION:
		p->direction = o->front.direction = s->words[0].ptr;
		return true;
	default:
		return false;
	}
}

/* play_step - one statement */
static void
play_step(struct play *p, const struct case_step *s)
{
	p->line = s->line;
	if (s->verb == CASE_SEND) {
		play_send(p);
		return;
	}
	if (s->verb == CASE_EXPECT) {
		play_expect(p, s);
		return;
	}
	p->dirty = true;
	if (play_client(p, s))
		return;
	switch (s->verb) {
	case CASE_CLEAR:
		play_clear(p, s);
		break;
	case CASE_NOW:
	case CASE_ADVANCE:
		play_time(p, s);
		break;
	case CASE_STORE:
		play_store(p, s);
		break;
	case CASE_FACT:
		play_fact(p, s);
		break;
	case CASE_FAIL:
		play_fault(p, s);
		break;
	case CASE_REPAIR:
		memset(&trial_faults, 0, sizeof(trial_faults));
		break;
	case CASE_MAIL:
		play_mail(p, s);
		break;
	case CASE_DISCONNECT:
		play_disconnect(p, s);
		break;
	default:
		break; /* set up already */
	}
}

/* play_reset - as at the beginning, but for what modules keep */
static void
play_reset(struct play *p, const struct drive_options *o)
{
	p->o.client = o->client;
	p->o.client_name = o->client_name;
	p->o.helo = o->helo;
	p->o.from = o->from;
	p->o.auth = o->auth;
	p->o.rcpts.n = p->o.macros.n = p->o.facts.n = 0;
	p->o.disconnect = -1;
	p->have_mail = false;
	p->dirty = true;
	p->sent = 0;
	p->gone = false;
	memset(&trial_faults, 0, sizeof(trial_faults));
}

/* What drive_pass_fn gets. */
struct play_pass {
	struct play *play;
	const struct drive_options *o;
};

/* play_pass - all statements once */
static bool
play_pass(void *arg, uint64_t cancel_at)
{
	struct play_pass *pass = arg;
	struct play *p = pass->play;

	play_reset(p, pass->o);
	p->cancel_at = cancel_at;
	for (size_t i = 0; i < p->c->steps.n; i++)
		play_step(p, &p->c->steps.v[i]);
	if (p->sent == 0)
		play_send(p);
	return p->gone;
}

/* play_odd - the passes after the first, in which nothing is expected */
static void
play_odd(struct play *p, struct play_pass *pass, json_t *result)
{
	const struct drive_options *o = pass->o;
	struct drive_tally t = { .heap_growth = -1 };
	struct err why = { "" };
	int status = WEIR_OK;

	p->expecting = false;
	if (o->cancel_each)
		status = drive_cancel_each(play_pass, pass, &t, &why);
	if (status == WEIR_OK && (o->repeat > 0 || o->leaks))
		status = drive_repeat(play_pass, pass,
		    o->repeat > 0 ? o->repeat : 200, o->leaks, &t, &why);
	p->line = p->c->line;
	if (status < 0)
		play_fail(p, "%s", why.text);
	json_object_set_new(result, "passes",
	    json_integer((json_int_t)t.passes + 1));
	json_object_set_new(result, "steps", json_integer((json_int_t)t.steps));
	if (t.heap_growth >= 0)
		json_object_set_new(result, "heap_growth",
		    json_real(t.heap_growth));
}

/* play_fini - free it */
static void
play_fini(struct play *p)
{
	log_set_capture(NULL, NULL);
	drive_engine_stop();
	buf_fini(&p->config);
	buf_fini(&p->rows);
	buf_fini(&p->zone);
	buf_fini(&p->mail);
	buf_fini(&p->log);
	vec_fini(&p->o.rcpts);
	vec_fini(&p->o.macros);
	vec_fini(&p->o.facts);
	pool_destroy(&p->pool);
}

/* drive_play - one case */
json_t *
drive_play(const struct drive_options *o, const char *file,
    const struct drive_case *c)
{
	json_t *result = json_object();
	struct play p = { .o = *o, .file = file, .c = c, .expecting = true,
		.line = c->line, .failures = json_array(),
		.mails = json_array(), .listener = o->front.listener,
		.direction = o->front.direction };
	struct play_pass pass = { &p, o };

	memset(&p.o.rcpts, 0, sizeof(p.o.rcpts));
	memset(&p.o.macros, 0, sizeof(p.o.macros));
	memset(&p.o.facts, 0, sizeof(p.o.facts));
	p.o.quiet = true;
	p.o.timing = true;
	p.pool = pool_create(1024, 0);
	drive_run_seed(o->seed);
	if (play_start(&p) == WEIR_OK) {
		play_pass(&pass, 0);
		if (o->cancel_each || o->repeat > 0 || o->leaks)
			play_odd(&p, &pass, result);
	}
	json_object_set_new(result, "failures", p.failures);
	json_object_set_new(result, "mails", p.mails);
	json_object_set_new(result, "log",
	    text_is_utf8(buf_str(&p.log)) ? json_string(buf_str(&p.log).ptr) :
					    json_string(""));
	play_fini(&p);
	return result;
}
