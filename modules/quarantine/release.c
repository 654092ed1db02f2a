/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "release.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/service/quarantine.h>

#include "file.h"

#define RELEASE_SLACK_MS 60000 /* a lease outlives its attempt by this */
#define RELEASE_TRIES 40 /* about six days */
#define RELEASE_MINE_MS 60000 /* until others take what a caller asked for */
#define TOKEN_UNUSED 0
#define TOKEN_USED 1	 /* its mail is being looked at */
#define TOKEN_ACCEPTED 2 /* and was let in */

/* release_may - is the wish to be granted */
static int
release_may(const struct item *i, unsigned flags, int64_t now, struct fault *f)
{
	bool again = (flags & RELEASE_AGAIN) != 0;

	if (i->class_ == WEIR_QUARANTINE_VIRUS && (flags & RELEASE_VIRUS) == 0)
		return fault_set(f, WEIR_E_INVAL, "%s holds a virus: it is "
		    "released only with --virus", i->id);
	if (i->state == ITEM_RELEASED && !again)
		return fault_set(f, WEIR_E_EXISTS, "%s was released before",
		    i->id);
	if (i->state != ITEM_RELEASING && i->state != ITEM_SENT)
		return WEIR_OK;
	if (i->lease_ms >= now)
		return fault_set(f, WEIR_E_STATE, "%s is being released just "
		    "now", i->id);
	if (i->state == ITEM_SENT && i->token_used == TOKEN_ACCEPTED)
		return fault_set(f, WEIR_E_EXISTS, "%s was released before",
		    i->id);
	if (i->state == ITEM_SENT && !again)
		return fault_set(f, WEIR_E_INVAL, "%s may have arrived: its "
		    "release was cut off at the last moment; release --again "
		    "sends it again", i->id);
	return WEIR_OK;
}

/* release_ask - queue it */
int
release_ask(struct store *st, const char *id, unsigned flags, const char *who,
    struct item *out, struct fault *f)
{
	int64_t now = store_now(st);
	sqlite3 *db = store_begin(st, true, f);
	int status;

	if (db == NULL)
		return f->status;
	status = item_find(db, id, out, f);
	if (status == WEIR_OK)
		status = release_may(out, flags, now, f);
	if (status == WEIR_OK)
		status = store_run(db, f, NULL, "UPDATE item SET state = ?,"
		    " next_ms = ?, asked_ms = ?, tries = 0, lease_ms = 0,"
		    " by_whom = ?, error = '' WHERE n = ?", "iiisi",
		    (int64_t)ITEM_QUEUED, (flags & RELEASE_MINE) != 0 ?
			now + RELEASE_MINE_MS : now, now, who, out->n);
	if (status == WEIR_OK)
		status = store_audit(db, f, now, who, "release", out->id,
		    out->rcpt, "asked for");
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* release_claim - it is ours for the time of a lease, with a new token */
static int
release_claim(struct store *st, const struct release_conf *conf,
    const char *id, struct item *i, struct fault *f)
{
	int64_t now = store_now(st);
	char nonce[ID_LEN + 1];
	sqlite3 *db;
	int status = file_id(nonce, f);

	db = status == WEIR_OK ? store_begin(st, true, f) : NULL;
	if (db == NULL)
		return f->status;
	status = item_find(db, id, i, f);
	if (status == WEIR_OK && i->state != ITEM_QUEUED &&
	    !(i->state == ITEM_RELEASING && i->lease_ms < now))
		status = fault_set(f, WEIR_E_STATE, "%s is %s", i->id,
		    item_state_name(i->state, i->lease_ms, now));
	if (status == WEIR_OK)
		status = store_run(db, f, NULL, "UPDATE item SET state = ?,"
		    " lease_ms = ?, token = ?, token_used = 0,"
		    " tries = tries + 1 WHERE n = ?", "iisi",
		    (int64_t)ITEM_RELEASING,
		    now + conf->timeout_ms + conf->answer_ms +
			RELEASE_SLACK_MS, nonce, i->n);
	snprintf(i->token, sizeof(i->token), "%s", nonce);
	i->tries++;
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

struct release_dot {
	struct store *st;
	const struct item *item;
	const struct release_conf *conf;
};

/* release_unwanted - for the wait */
static bool
release_unwanted(void *arg)
{
	const struct release_dot *d = arg;

	return d->conf->unwanted != NULL && d->conf->unwanted(d->conf->arg);
}

/* release_before_dot - from here on nobody knows but the next hop */
static int
release_before_dot(void *arg)
{
	struct release_dot *d = arg;
	struct fault f;
	sqlite3 *db = store_begin(d->st, true, &f);
	int changed = 0;

	if (db == NULL)
		return f.status;
	if (store_run(db, &f, &changed, "UPDATE item SET state = ?"
		" WHERE n = ? AND state = ? AND token = ?", "iiis",
		(int64_t)ITEM_SENT, d->item->n, (int64_t)ITEM_RELEASING,
		d->item->token) == WEIR_OK && changed == 1)
		return store_commit(d->st, &f);
	store_rollback(d->st);
	return WEIR_E_STATE;
}

/* release_later - when to try again: 1, 2, 4 ... minutes, at most 4 hours */
static int64_t
release_later(int64_t now, int64_t tries)
{
	int shift = tries < 1 ? 0 : tries > 9 ? 8 : (int)tries - 1;
	int64_t wait = INT64_C(60000) << shift;

	return now + (wait < 14400000 ? wait : 14400000);
}

/* release_state - what an attempt leaves behind */
static int
release_state(const struct release_result *r, bool let_in)
{
	switch (r->smtp) {
	case SMTP_OK:
		return ITEM_RELEASED;
	case SMTP_TEMP:
		return r->item.tries < RELEASE_TRIES ? ITEM_QUEUED : ITEM_NEW;
	case SMTP_PERM:
		return ITEM_NEW;
	case SMTP_UNSURE:
		break;
	}
	return let_in ? ITEM_RELEASED : ITEM_SENT;
}

/* release_let_in - has the token come back, and was its mail let in */
static bool
release_let_in(sqlite3 *db, const struct item *i, struct fault *f)
{
	sqlite3_stmt *q = store_query(db, f, "SELECT 1 FROM item WHERE n = ?"
	    " AND token = ? AND token_used = ?", "isi", i->n, i->token,
	    (int64_t)TOKEN_ACCEPTED);
	bool found = q != NULL && sqlite3_step(q) == SQLITE_ROW;

	sqlite3_finalize(q);
	return found;
}

/* release_end - write down what came of it */
static int
release_end(struct store *st, struct release_result *r, struct fault *f)
{
	static const char *const words[] = { "delivered", "later", "refused",
		"unsure" };
	int64_t now = store_now(st);
	sqlite3 *db = store_begin(st, true, f);
	char result[SMTP_REPLY_MAX + 20];
	int status;

	if (db == NULL)
		return f->status;
	r->state = release_state(r, release_let_in(db, &r->item, f));
	status = store_run(db, f, NULL, "UPDATE item SET state = ?,"
	    " lease_ms = 0, next_ms = ?, released_ms = ?, error = ?"
	    " WHERE n = ? AND token = ?", "iiisis", (int64_t)r->state,
	    r->state == ITEM_QUEUED ? release_later(now, r->item.tries) :
				      (int64_t)0,
	    r->state == ITEM_RELEASED ? now : (int64_t)0,
	    r->smtp == SMTP_OK ? "" : r->text, r->item.n, r->item.token);
	snprintf(result, sizeof(result), "%s: %s", words[r->smtp], r->text);
	if (status == WEIR_OK)
		status = store_audit(db, f, now, "weir", "attempt", r->item.id,
		    r->item.rcpt, result);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* release_field - the token as a header field; NULL: without */
static const char *
release_field(const struct store *st, const struct release_conf *conf,
    const struct item *i, const char *rcpt, int64_t now, char *out,
    size_t size)
{
	unsigned char key[TOKEN_KEY_LEN];
	char value[TOKEN_MAX];
	struct token t;
	struct fault f;

	if (!conf->token || token_key(st, key, &f) < 0)
		return NULL;
	memset(&t, 0, sizeof(t));
	snprintf(t.id, sizeof(t.id), "%s", i->id);
	snprintf(t.nonce, sizeof(t.nonce), "%s", i->token);
	t.expires_ms = now + conf->token_ms;
	memcpy(t.digest, i->digest, DIGEST_LEN);
	token_write(key, &t, rcpt, value);
	snprintf(out, size, TOKEN_FIELD ": %s", value);
	return out;
}

/* release_send - the SMTP part */
static void
release_send(struct store *st, const struct release_conf *conf,
    const char *rcpt, int (*before_dot)(void *), struct release_result *r)
{
	struct release_dot dot = { st, &r->item, conf };
	char field[TOKEN_MAX + 40];
	struct fault f;
	unsigned char digest[DIGEST_LEN];
	struct smtp s = { .next_hop = conf->next_hop, .helo = conf->helo,
		.tls = conf->tls, .timeout_ms = conf->timeout_ms,
		.answer_ms = conf->answer_ms, .sender = r->item.sender,
		.rcpt = rcpt, .params = r->item.params,
		.before_dot = before_dot, .unwanted = release_unwanted,
		.arg = &dot };

	s.fd = file_open(st, r->item.file, &f);
	if (s.fd >= 0 && (file_digest(s.fd, 0, digest, &f) < 0 ||
		memcmp(digest, r->item.digest, DIGEST_LEN) != 0)) {
		fault_set(&f, WEIR_E_INVAL, "the file is not what was kept");
		close(s.fd);
		s.fd = -1;
	}
	if (s.fd < 0) {
		r->smtp = SMTP_PERM;
		snprintf(r->text, sizeof(r->text), "%.280s", f.text);
		return;
	}
	s.field = release_field(st, conf, &r->item, rcpt, store_now(st), field,
	    sizeof(field));
	r->smtp = smtp_send(&s, r->text);
	close(s.fd);
}

/* release_try - one attempt */
int
release_try(struct store *st, const struct release_conf *conf, const char *id,
    struct release_result *out, struct fault *f)
{
	int status;

	memset(out, 0, sizeof(*out));
	status = release_claim(st, conf, id, &out->item, f);
	if (status < 0)
		return status;
	release_send(st, conf, out->item.rcpt, release_before_dot, out);
	return release_end(st, out, f);
}

/* release_forward - a copy for somebody else */
int
release_forward(struct store *st, const struct release_conf *conf,
    const char *id, const char *to, unsigned flags, const char *who,
    struct release_result *out, struct fault *f)
{
	struct release_conf plain = *conf;
	char result[SMTP_REPLY_MAX + USER_MAX];
	sqlite3 *db = store_begin(st, false, f);
	int status = f->status;

	memset(out, 0, sizeof(*out));
	if (db != NULL) {
		status = item_find(db, id, &out->item, f);
		store_end(st);
	}
	if (db == NULL || status < 0)
		return status;
	if (out->item.class_ == WEIR_QUARANTINE_VIRUS &&
	    (flags & RELEASE_VIRUS) == 0)
		return fault_set(f, WEIR_E_INVAL, "%s holds a virus: it is "
		    "forwarded only with --virus", out->item.id);
	/* a token is one attempt's of release: this one has none */
	plain.token = false;
	release_send(st, &plain, to, NULL, out);
	snprintf(result, sizeof(result), "to %s: %s", to, out->text);
	db = store_begin(st, true, f);
	if (db == NULL)
		return f->status;
	status = store_audit(db, f, store_now(st), who, "forward",
	    out->item.id, out->item.rcpt, result);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* release_settle - sent ones whose worker died: did the token come back */
static int
release_settle(struct store *st, int64_t now, struct fault *f)
{
	sqlite3 *db = store_begin(st, true, f);
	int status;

	if (db == NULL)
		return f->status;
	status = store_run(db, f, NULL, "INSERT INTO audit (time_ms, who,"
	    " action, id, rcpt, result) SELECT ?, 'weir', 'attempt', id, rcpt,"
	    " 'delivered: its token came back' FROM item WHERE state = ?"
	    " AND lease_ms < ? AND token_used = ?", "iiii", now,
	    (int64_t)ITEM_SENT, now, (int64_t)TOKEN_ACCEPTED);
	if (status == WEIR_OK)
		status = store_run(db, f, NULL, "UPDATE item SET state = ?,"
		    " released_ms = ?, error = '' WHERE state = ?"
		    " AND lease_ms < ? AND token_used = ?", "iiiii",
		    (int64_t)ITEM_RELEASED, now, (int64_t)ITEM_SENT, now,
		    (int64_t)TOKEN_ACCEPTED);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* release_due - what is to be tried now */
int
release_due(struct store *st, char ids[][ID_LEN + 1], int max,
    struct fault *f)
{
	int64_t now = store_now(st);
	sqlite3_stmt *q;
	sqlite3 *db = store_begin(st, false, f);
	int n = 0, open = 0, rc;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT id, state FROM item WHERE"
	    " state IN (2, 3, 4) AND ((state = 2 AND next_ms <= ?1) OR"
	    " (state = 3 AND lease_ms < ?1) OR (state = 4 AND lease_ms < ?1"
	    " AND token_used = 2)) ORDER BY n LIMIT ?2", "ii", now,
	    (int64_t)max);
	while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		if (sqlite3_column_int(q, 1) == ITEM_SENT)
			open++;
		else
			snprintf(ids[n++], ID_LEN + 1, "%s",
			    store_text(q, 0));
	}
	sqlite3_finalize(q);
	store_end(st);
	if (q == NULL)
		return f->status;
	if (open > 0 && release_settle(st, now, f) < 0)
		return f->status;
	return n;
}

/* release_token_use - once */
int
release_token_use(struct store *st, const struct token *t, struct fault *f)
{
	sqlite3 *db = store_begin(st, true, f);
	sqlite3_stmt *q;
	int status, changed = 0;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT 1 FROM item WHERE id = ? AND token = ?",
	    "ss", t->id, t->nonce);
	if (q == NULL) {
		status = f->status;
	} else if (sqlite3_step(q) != SQLITE_ROW) {
		status = fault_set(f, WEIR_E_NOTFOUND, "no attempt of now has "
		    "it");
	} else {
		status = store_run(db, f, &changed, "UPDATE item SET"
		    " token_used = ? WHERE id = ? AND token = ?"
		    " AND token_used = ?", "issi", (int64_t)TOKEN_USED, t->id,
		    t->nonce, (int64_t)TOKEN_UNUSED);
		if (status == WEIR_OK && changed == 0)
			status = fault_set(f, WEIR_E_EXISTS, "it was used "
			    "before");
	}
	sqlite3_finalize(q);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* release_token_end - its mail was let in, or was not */
int
release_token_end(sqlite3 *db, const char *id, const char *nonce,
    bool accepted, struct fault *f)
{
	return store_run(db, f, NULL, "UPDATE item SET token_used = ?"
	    " WHERE id = ? AND token = ? AND token_used = ?", "issi",
	    (int64_t)(accepted ? TOKEN_ACCEPTED : TOKEN_UNUSED), id, nonce,
	    (int64_t)TOKEN_USED);
}
