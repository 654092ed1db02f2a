/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/notify.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "lua/notify_spool.h"
#include "obs/board.h"

#define NOTIFY_RCPTS_MAX 50
#define NOTIFY_TICK_MS 1000
#define NOTIFY_FIELD "X-Weir-Notification"

struct notify {
	struct rules *rules;
	struct notify_spool spool;
	char *from;
	int64_t max_per_hour;
	_Atomic uint64_t alone; /* the hour, where there is no board */
	uint64_t held_back;
	bool sending;
	int metric_queued, metric_limited;
};

/* One that is being written. */
struct notify_write {
	struct notify *n;
	const char *rule;
	struct notify_item item;
};

bool notify_on;

/* notify_create - options checked, nothing made yet */
struct notify *
notify_create(struct rules *r, const struct notify_options *o, struct err *err)
{
	struct notify *n;

	if (!notify_smtp_is_server(o->server)) {
		err_set(err, WEIR_E_INVAL, "notify_server \"%s\" is not "
		    "\"inet:ADDRESS:PORT\" or \"unix:PATH\"", o->server);
		return NULL;
	}
	n = xcalloc(1, sizeof(*n));
	n->rules = r;
	n->spool.rules = r;
	n->spool.folder = o->spool[0] != '\0' ? xstrdup(o->spool) :
	    WEIR_HAS(r->host, folder) && r->host->folder != NULL ?
	    xstrdup(r->host->folder(r->self)) :
	    xstrdup(WEIR_STATEDIR "/notify");
	n->spool.server = xstrdup(o->server);
	n->from = xstrdup(o->from);
	n->max_per_hour = o->max_per_hour;
	n->metric_queued = n->metric_limited = -1;
	return n;
}

/* notify_destroy - the jobs have ended */
void
notify_destroy(struct notify **notify)
{
	struct notify *n = *notify;

	if (n == NULL)
		return;
	*notify = NULL;
	free(n->spool.folder);
	free(n->spool.server);
	free(n->from);
	free(n);
}

/* notify_sent - a look at the spool has ended */
static void
notify_sent(weir_call *call, int status, void *arg)
{
	struct notify *n = arg;

	(void)call;
	(void)status;
	n->sending = false;
}

/* notify_send_run - in a thread */
static int
notify_send_run(weir_jobctx *ctx, void *arg)
{
	struct notify *n = arg;

	return notify_spool_run(ctx, &n->spool);
}

/* notify_tick - is there anything to send */
static void
notify_tick(weir_call *call, int status, void *arg)
{
	struct notify *n = arg;

	if (status != WEIR_OK || n->sending ||
	    !notify_spool_is_due(&n->spool))
		return;
	n->sending = true;
	if (n->rules->job->start(call, notify_send_run, notify_sent, n) < 0)
		n->sending = false;
}

/* notify_start - from now on the spool is emptied: what another start, or a
   worker that died, has left there waits for no session */
void
notify_start(struct notify *n)
{
	struct rules *r = n->rules;

	if (!notify_on)
		return;
	n->metric_queued = r->metric->counter(r->self, "notify_queued", NULL,
	    "Notifications and copies put into the spool.");
	n->metric_limited = r->metric->counter(r->self, "notify_limited",
	    NULL, "Notifications beyond notify_max, not sent.");
	n->spool.metric_sent = r->metric->counter(r->self, "notify_sent",
	    NULL, "Notifications and copies that the MTA took.");
	n->spool.metric_failed = r->metric->counter(r->self, "notify_failed",
	    NULL, "Notifications and copies that the MTA refused.");
	r->timer->every(r->self, NOTIFY_TICK_MS, notify_tick, n);
}

/* notify_hex - SHA-256 of some texts, 32 digits of it */
static void
notify_hex(char out[33], ...)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	va_list ap;
	const char *s;

	va_start(ap, out);
	while ((s = va_arg(ap, const char *)) != NULL)
		g_checksum_update(sum, (const guchar *)s,
		    (gssize)strlen(s) + 1);
	va_end(ap);
	snprintf(out, 33, "%.32s", g_checksum_get_string(sum));
	g_checksum_free(sum);
}

/* notify_token - what only we can say about a mail to that recipient */
static bool
notify_token(struct notify *n, const char *rcpt, const char *id, char out[33])
{
	if (n->spool.key[0] == '\0' && !notify_spool_open(&n->spool))
		return false;
	notify_hex(out, n->spool.key, rcpt, id, NULL);
	return true;
}

/* notify_id - the Message-ID without <> */
static char *
notify_id(const struct rules *r, weir_call *call)
{
	weir_str name, value = WEIR_STR("");

	r->host->header_at(call, "Message-ID", 0, &name, &value);
	value = text_trim(value);
	if (value.len >= 2 && value.ptr[0] == '<' &&
	    value.ptr[value.len - 1] == '>') {
		value.ptr++;
		value.len -= 2;
	}
	return xstrndup(value.len > 0 ? value.ptr : "", value.len);
}

/* notify_is_own - it has our token for one of its recipients */
bool
notify_is_own(struct notify *n, weir_call *call)
{
	const struct rules *r = n->rules;
	uint32_t count = r->host->rcpt_count(call);
	weir_str name, have, sender, rcpt;
	bool own = false;
	char *id;

	if (r->host->header_at(call, NOTIFY_FIELD, 0, &name, &have) !=
	    WEIR_OK || r->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE,
	    &sender) != WEIR_OK || sender.len > 0)
		return false;
	have = text_trim(have);
	id = notify_id(r, call);
	for (uint32_t i = 0; i < count && i < NOTIFY_RCPTS_MAX && !own; i++) {
		char want[33], *to;

		if (r->host->attr_get(call, WEIR_A_RCPT, i, &rcpt) != WEIR_OK)
			continue;
		to = xstrndup(rcpt.ptr, rcpt.len);
		text_lower_in_place(to, rcpt.len);
		own = notify_token(n, to, id, want) && text_equals(have, want);
		free(to);
	}
	free(id);
	return own;
}

/* notify_is_address - nothing that ends a command or a header field */
static bool
notify_is_address(weir_str a)
{
	const char *at = a.len > 0 ? memrchr(a.ptr, '@', a.len) : NULL;

	if (at == NULL || at == a.ptr || at + 1 == a.ptr + a.len ||
	    a.len > 254)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (a.ptr[i] <= ' ' || a.ptr[i] > '~' ||
		    strchr("<>,;\"\\()", a.ptr[i]) != NULL)
			return false;
	}
	return true;
}

/* notify_split - the envelope: one address a line; how many */
static unsigned
notify_split(struct notify *n, weir_call *call, const struct notice *x,
    struct buf *out)
{
	weir_str rest = x->to;
	unsigned count = 0;

	while (rest.len > 0) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		weir_str one = { rest.ptr, comma != NULL ?
		    (size_t)(comma - rest.ptr) : rest.len };

		rest.ptr += one.len + (comma != NULL);
		rest.len -= one.len + (comma != NULL);
		one = text_trim(one);
		if (one.len == 0)
			continue;
		if (!notify_is_address(one) || count == NOTIFY_RCPTS_MAX) {
			rules_log(n->rules, call, WEIR_LOG_WARN, "rule "
			    "\"%s\": nobody is notified at \"%.*s\": %s",
			    x->rule, (int)(one.len < 200 ? one.len : 200),
			    one.ptr, count == NOTIFY_RCPTS_MAX ?
			    "too many addresses" : "not an address");
			continue;
		}
		buf_add(out, one.ptr, one.len);
		buf_add_char(out, '\n');
		count++;
	}
	return count;
}

/* notify_may - storms: so many an hour, of all workers together */
static bool
notify_may(struct notify *n, weir_call *call, const struct notice *x)
{
	struct rules *r = n->rules;
	int64_t now = r->host->mono_ms(r->self);

	if (x->copy)
		return true;
	/* all workers count together, those of other generations, too */
	if (board_hour_take(board != NULL ? &board->notified : &n->alone, now,
	    (uint32_t)n->max_per_hour)) {
		if (n->held_back > 0)
			rules_log(r, call, WEIR_LOG_WARN, "%llu notifications "
			    "of this worker were not sent in the last hour: "
			    "more than notify_max",
			    (unsigned long long)n->held_back);
		n->held_back = 0;
		return true;
	}
	if (n->held_back++ == 0)
		rules_log(r, call, WEIR_LOG_WARN, "rule \"%s\": more than %lld "
		    "notifications an hour (notify_max): no further ones",
		    x->rule, (long long)n->max_per_hour);
	r->metric->add(r->self, n->metric_limited, 1);
	return false;
}

/* notify_cause - a name for what is to be sent and why: the same mail, sent
   again, gives the same */
static void
notify_cause(struct notify *n, weir_call *call, const struct notice *x,
    const char *rcpts, char out[33])
{
	const struct rules *r = n->rules;
	struct buf all = BUF_INIT;
	uint32_t count = r->host->header_count(call, NULL);
	weir_str name, value;

	r->host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &value);
	buf_add(&all, value.ptr, value.len);
	buf_add_char(&all, '\n');
	for (uint32_t i = 0; i < r->host->rcpt_count(call); i++) {
		if (r->host->attr_get(call, WEIR_A_RCPT, i, &value) ==
		    WEIR_OK) {
			buf_add(&all, value.ptr, value.len);
			buf_add_char(&all, '\n');
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		if (r->host->header_at(call, NULL, i, &name, &value) !=
		    WEIR_OK)
			continue;
		buf_add(&all, name.ptr, name.len);
		buf_add_char(&all, ':');
		buf_add(&all, value.ptr, value.len);
		buf_add_char(&all, '\n');
	}
	notify_hex(out, n->spool.key, x->rule, x->copy ? "copy" : "notice",
	    rcpts, all.ptr, NULL);
	buf_fini(&all);
}

/* notify_written - it is durable, or not */
static void
notify_written(weir_call *call, int status, void *arg)
{
	struct notify_write *w = arg;
	struct rules *r = w->n->rules;

	if (status == WEIR_OK && w->item.status == WEIR_OK) {
		r->metric->add(r->self, w->n->metric_queued, 1);
		rules_log(r, call, WEIR_LOG_INFO, "rule \"%s\": mail %s is "
		    "queued", w->rule, w->item.name);
	} else if (status == WEIR_OK && w->item.status == WEIR_E_EXISTS) {
		rules_log(r, call, WEIR_LOG_INFO, "rule \"%s\": mail %s was "
		    "queued before", w->rule, w->item.name);
	} else if (status == WEIR_OK) {
		rules_log(r, call, WEIR_LOG_ERROR, "rule \"%s\": %s: %s",
		    w->rule, r->notify != NULL ? w->n->spool.folder : "",
		    strerror(w->item.error));
		r->host->fail(call, WEIR_E_TEMP,
		    WEIR_STR("a notification can't be queued"));
	}
	buf_fini(&w->item.text);
	free(w);
}

/* notify_write_run - in a thread */
static int
notify_write_run(weir_jobctx *ctx, void *arg)
{
	struct notify_write *w = arg;

	return notify_spool_write(ctx, &w->item);
}

/* notify_write - a job: it becomes durable */
static void
notify_write(struct notify *n, weir_call *call, const struct notice *x,
    struct notify_write *w)
{
	struct rules *r = n->rules;
	int status;

	w->n = n;
	w->rule = x->rule;
	w->item.spool = &n->spool;
	status = r->job->start(call, notify_write_run, notify_written, w);
	if (status == WEIR_OK)
		return;
	r->host->fail(call, status, WEIR_STR("a notification can't be "
	    "queued: too many jobs"));
	buf_fini(&w->item.text);
	free(w);
}

/* notify_make - the file of the spool: envelope, empty line, mail */
static bool
notify_make(struct notify *n, weir_call *call, const struct notice *x,
    const struct buf *rcpts, struct notify_write *w)
{
	struct rules *r = n->rules;
	struct notify_head h = { .to = x->to, .wall_ms =
	    r->host->wall_ms(r->self) };
	weir_str raw = WEIR_STR(""), host = WEIR_STR("localhost");
	char token[33], *own_host, *from, *to, *id;
	bool good;

	r->host->attr_get(call, WEIR_A_SERVER_NAME, WEIR_RCPT_NONE, &host);
	own_host = xstrndup(host.ptr, host.len);
	from = n->from[0] != '\0' ? xstrdup(n->from) :
	    r->admin[0] != '\0'	  ? xstrdup(r->admin) :
				    xasprintf("Weir <postmaster@%s>",
					own_host);
	to = xstrndup(rcpts->ptr, strcspn(rcpts->ptr, "\n"));
	text_lower_in_place(to, strlen(to));
	id = x->copy ? notify_id(r, call) : xasprintf("%s@%s", w->item.name,
	    own_host);
	good = notify_token(n, to, id, token);
	buf_add(&w->item.text, rcpts->ptr, rcpts->len);
	buf_add_str(&w->item.text, "\n");
	if (x->copy) {
		good = good && r->mime->raw(call, &raw) == WEIR_OK;
		buf_printf(&w->item.text, "%s: %s\r\n", NOTIFY_FIELD, token);
		buf_add(&w->item.text, raw.ptr, raw.len);
	} else {
		h.from = from;
		h.host = own_host;
		h.id = w->item.name;
		h.token = token;
		notify_text(r, call, &h, x, &w->item.text);
	}
	free(own_host);
	free(from);
	free(to);
	free(id);
	return good;
}

/* notify_put_one - to these recipients */
static void
notify_put_one(struct notify *n, weir_call *call, const struct notice *x,
    const struct buf *rcpts)
{
	struct notify_write *w = xcalloc(1, sizeof(*w));
	char name[33];

	if (notify_spool_open(&n->spool)) {
		notify_cause(n, call, x, rcpts->ptr, name);
		snprintf(w->item.name, sizeof(w->item.name), "%s", name);
		if (notify_make(n, call, x, rcpts, w)) {
			notify_write(n, call, x, w);
			return;
		}
	}
	rules_log(n->rules, call, WEIR_LOG_ERROR, "rule \"%s\": the spool %s "
	    "can't be used: %s", x->rule, n->spool.folder, strerror(errno));
	n->rules->host->fail(call, WEIR_E_TEMP,
	    WEIR_STR("a notification can't be queued"));
	buf_fini(&w->item.text);
	free(w);
}

/* notify_put - a mail for each recipient: tokens are theirs, and what one
   address refuses must not hold up the others */
void
notify_put(struct notify *n, weir_call *call, const struct notice *x)
{
	struct buf all = BUF_INIT, one = BUF_INIT;

	if (!notify_on) {
		rules_log(n->rules, call, WEIR_LOG_INFO, "rule \"%s\": %s "
		    "%.*s, if this were a real mail", x->rule, x->copy ?
		    "a copy goes to" : "notified is",
		    (int)(x->to.len < 400 ? x->to.len : 400), x->to.ptr);
		return;
	}
	if (notify_split(n, call, x, &all) == 0) {
		/* a bounce has no sender */
		rules_log(n->rules, call, WEIR_LOG_INFO, "rule \"%s\": there is "
		    "nobody to notify", x->rule);
	} else if (notify_may(n, call, x)) {
		char *save = NULL, *a;

		for (a = strtok_r(all.ptr, "\n", &save); a != NULL;
		     a = strtok_r(NULL, "\n", &save)) {
			buf_clear(&one);
			buf_printf(&one, "%s\n", a);
			notify_put_one(n, call, x, &one);
		}
	}
	buf_fini(&all);
	buf_fini(&one);
}
