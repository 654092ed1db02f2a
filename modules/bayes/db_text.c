/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * db_text - the database as text, and back.
 *
 *	weir-bayes dump 2
 *	scope SPAM HAM BITS BITS NAME	(NAME empty: the site)
 *	token KEY SPAM HAM BORN USED	(KEY: 16 hexadecimal digits)
 *	message ID CLASS VERSION DAY [KEY ...]
 *	kept SCOPE ID CLASS DAY N ... [PART ...]	(SCOPE: its hash; a number N
 *			of tokens for each group; PART: half of a token's key)
 *	end TOKENS MESSAGES
 *
 * BITS: zeros that ids of kept spam, and of kept ham, begin with.  Days are
 * counted from 1970.  A text without its end is refused.  Where the mails stand
 * (db_fit) follows from what is here, so it is found out anew.
 */
#include "db_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const char text_head[] = "weir-bayes dump 2";

struct text_dump {
	FILE *f;
	uint64_t tokens, messages;
};

/* dump_scope - a line of one scope */
static bool
dump_scope(const char *scope, const struct db_totals *t, void *arg)
{
	struct text_dump *d = arg;

	fprintf(d->f, "scope %" PRIu64 " %" PRIu64 " %u %u %s\n", t->spam,
	    t->ham, t->bits_spam, t->bits_ham, scope);
	return true;
}

/* dump_token - a line of one token */
static int
dump_token(struct text_dump *d, const MDB_val *k, const MDB_val *v)
{
	struct db_count c;
	uint64_t key;

	if (k->mv_size != sizeof(key) || v->mv_size != sizeof(c))
		return WEIR_E_INTERNAL;
	memcpy(&key, k->mv_data, sizeof(key));
	memcpy(&c, v->mv_data, sizeof(c));
	fprintf(d->f, "token %016" PRIx64 " %" PRIu32 " %" PRIu32 " %u %u\n",
	    key, c.spam, c.ham, c.born, c.used);
	d->tokens++;
	return WEIR_OK;
}

/* dump_message - a line of one learned message */
static int
dump_message(struct text_dump *d, const MDB_val *k, const MDB_val *v)
{
	const char *p = v->mv_data;
	struct db_message m;
	uint64_t id[2], key;

	if (k->mv_size != sizeof(id) || v->mv_size < sizeof(m))
		return WEIR_E_INTERNAL;
	memcpy(id, k->mv_data, sizeof(id));
	memcpy(&m, p, sizeof(m));
	if (v->mv_size != sizeof(m) + m.route * sizeof(key))
		return WEIR_E_INTERNAL;
	fprintf(d->f, "message %016" PRIx64 "%016" PRIx64 " %s %u %u", id[0],
	    id[1], m.class_ == DB_SPAM ? "spam" : "ham", m.version, m.day);
	for (uint32_t i = 0; i < m.route; i++) {
		memcpy(&key, p + sizeof(m) + i * sizeof(key), sizeof(key));
		fprintf(d->f, " %016" PRIx64, key);
	}
	fputc('\n', d->f);
	d->messages++;
	return WEIR_OK;
}

/* dump_kept - a line of one kept message */
static int
dump_kept(struct text_dump *d, const MDB_val *k, const MDB_val *v)
{
	const char *p = v->mv_data;
	struct db_kept_key id;
	struct db_kept kept;
	uint32_t part;

	if (!kept_is_whole(k, v))
		return WEIR_E_INTERNAL;
	memcpy(&id, k->mv_data, sizeof(id));
	memcpy(&kept, p, sizeof(kept));
	fprintf(d->f, "kept %016" PRIx64 " %016" PRIx64 "%016" PRIx64
	    " %s %u", id.scope, id.id[0], id.id[1], kept.class_ == DB_SPAM ?
		"spam" : "ham", kept.day);
	for (int g = 0; g < TOKEN_GROUPS; g++)
		fprintf(d->f, " %u", kept.groups[g]);
	for (size_t at = sizeof(kept); at < v->mv_size; at += sizeof(part)) {
		memcpy(&part, p + at, sizeof(part));
		fprintf(d->f, " %08" PRIx32, part);
	}
	fputc('\n', d->f);
	return WEIR_OK;
}

/* dump_table - all lines of one table */
static int
dump_table(struct text_dump *d, MDB_txn *txn, MDB_dbi dbi,
    int (*line)(struct text_dump *, const MDB_val *, const MDB_val *))
{
	MDB_cursor *c;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, dbi, &c), status = WEIR_OK;

	if (rc != 0)
		return db_status(rc);
	while (status == WEIR_OK &&
	    (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0)
		status = line(d, &k, &v);
	mdb_cursor_close(c);
	return status != WEIR_OK ? status :
	    rc == MDB_NOTFOUND	 ? WEIR_OK :
				   db_status(rc);
}

/* db_do_dump - db_fn */
static int
db_do_dump(struct db *db, MDB_txn *txn, void *arg)
{
	struct text_dump *d = arg;
	int status = dump_table(d, txn, db->token, dump_token);

	if (status == WEIR_OK)
		status = dump_table(d, txn, db->message, dump_message);
	return status != WEIR_OK ? status :
	    dump_table(d, txn, db->kept, dump_kept);
}

/* db_dump - one snapshot of tokens and messages */
int
db_dump(struct db *db, FILE *out, char err[DB_ERR])
{
	struct text_dump d = { out, 0, 0 };
	int status;

	err[0] = '\0';
	fprintf(out, "%s\n", text_head);
	status = db_scopes(db, dump_scope, &d);
	if (status == WEIR_OK)
		status = db_read(db, db_do_dump, &d, err);
	if (status < 0)
		return status;
	fprintf(out, "end %" PRIu64 " %" PRIu64 "\n", d.tokens, d.messages);
	if (fflush(out) != 0 || ferror(out))
		return db_fail(err, WEIR_E_TEMP, "the dump can't be written: "
		    "%s", strerror(errno));
	return WEIR_OK;
}

struct text_restore {
	FILE *f;
	char *line;
	size_t room, len;
	unsigned long number;
	uint64_t tokens, messages;
	bool ended;
	char *err;
};

/* restore_bad - the line is not understood */
static int
restore_bad(struct text_restore *r, const char *what)
{
	return db_fail(r->err, WEIR_E_INVAL, "line %lu: %s", r->number, what);
}

/* restore_digits - n of them, hexadecimal; false: something else */
static bool
restore_digits(const char *p, int n, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++) {
		char c = text_lower(p[i]);

		if (!text_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		v = v << 4 | (uint64_t)(text_is_digit(c) ? c - '0' :
							  c - 'a' + 10);
	}
	*out = v;
	return true;
}

/* restore_hex - 16 digits */
static bool
restore_hex(const char *p, uint64_t *out)
{
	return restore_digits(p, 16, out);
}

/* restore_number - digits and a blank or the end behind them */
static bool
restore_number(const char **p, uint64_t max, uint64_t *out)
{
	char *end;

	if (!text_is_digit(**p))
		return false;
	errno = 0;
	*out = strtoull(*p, &end, 10);
	if (errno != 0 || *out > max || (*end != ' ' && *end != '\0'))
		return false;
	*p = end + (*end == ' ');
	return true;
}

/* restore_scope - scope SPAM HAM BITS BITS NAME */
static int
restore_scope(struct text_restore *r, struct db *db, MDB_txn *txn,
    const char *p)
{
	struct db_totals t = { .changed = 1 };
	uint64_t spam, ham;

	if (!restore_number(&p, UINT64_MAX, &t.spam) ||
	    !restore_number(&p, UINT64_MAX, &t.ham) ||
	    !restore_number(&p, 63, &spam) || !restore_number(&p, 63, &ham) ||
	    strlen(p) > DB_SCOPE_MAX)
		return restore_bad(r,
		    "not \"scope SPAM HAM BITS BITS NAME\"");
	t.bits_spam = (uint8_t)spam;
	t.bits_ham = (uint8_t)ham;
	return db_put_totals(db, txn, p, &t);
}

/* restore_token - token KEY SPAM HAM BORN USED */
static int
restore_token(struct text_restore *r, struct db *db, MDB_txn *txn,
    const char *p)
{
	uint64_t key, spam, ham, born, used;
	struct db_count c;
	MDB_val k = { sizeof(key), &key }, v = { sizeof(c), &c };

	if (strlen(p) < 18 || !restore_hex(p, &key) || p[16] != ' ')
		return restore_bad(r, "not a token");
	p += 17;
	if (!restore_number(&p, UINT32_MAX, &spam) ||
	    !restore_number(&p, UINT32_MAX, &ham) ||
	    !restore_number(&p, UINT16_MAX, &born) ||
	    !restore_number(&p, UINT16_MAX, &used) || *p != '\0' ||
	    spam + ham == 0)
		return restore_bad(r,
		    "not \"token KEY SPAM HAM BORN USED\"");
	c = (struct db_count){ (uint32_t)spam, (uint32_t)ham, (uint16_t)born,
		(uint16_t)used };
	r->tokens++;
	return db_status(mdb_put(txn, db->token, &k, &v, 0));
}

/* restore_class - "spam " or "ham "; DB_NONE: neither */
static enum db_class
restore_class(const char **p)
{
	enum db_class class_ = strncmp(*p, "spam ", 5) == 0 ? DB_SPAM :
	    strncmp(*p, "ham ", 4) == 0			    ? DB_HAM :
							      DB_NONE;

	if (class_ != DB_NONE)
		*p += class_ == DB_SPAM ? 5 : 4;
	return class_;
}

/* restore_message - message ID CLASS VERSION DAY [KEY ...] */
static int
restore_message(struct text_restore *r, struct db *db, MDB_txn *txn,
    const char *p)
{
	uint64_t id[2], version, day, key;
	struct db_message m = { .class_ = DB_NONE };
	size_t keys;
	MDB_val k = { sizeof(id), id }, v;
	int rc;

	if (strlen(p) < 38 || !restore_hex(p, &id[0]) ||
	    !restore_hex(p + 16, &id[1]) || p[32] != ' ')
		return restore_bad(r, "not a message");
	p += 33;
	m.class_ = (uint8_t)restore_class(&p);
	if (m.class_ == DB_NONE || !restore_number(&p, 255, &version) ||
	    !restore_number(&p, UINT16_MAX, &day))
		return restore_bad(r,
		    "not \"message ID CLASS VERSION DAY [KEY ...]\"");
	m.version = (uint8_t)version;
	m.day = (uint16_t)day;
	keys = (strlen(p) + 1) / 17;
	if (keys > TOKEN_MAX || (strlen(p) + 1) % 17 > (keys == 0))
		return restore_bad(r, "not the keys of a message");
	m.route = (uint32_t)keys;
	v = (MDB_val){ sizeof(m) + keys * sizeof(uint64_t), NULL };
	rc = mdb_put(txn, db->message, &k, &v, MDB_RESERVE);
	if (rc != 0)
		return db_status(rc);
	memcpy(v.mv_data, &m, sizeof(m));
	for (size_t i = 0; i < keys; i++, p += 17) {
		if (!restore_hex(p, &key) || (p[16] != ' ' && p[16] != '\0'))
			return restore_bad(r, "not the key of a message");
		memcpy((char *)v.mv_data + sizeof(m) + i * sizeof(key), &key,
		    sizeof(key));
	}
	r->messages++;
	return WEIR_OK;
}

/* restore_kept - kept SCOPE ID CLASS DAY N ... [PART ...] */
static int
restore_kept(struct text_restore *r, struct db *db, MDB_txn *txn,
    const char *p)
{
	struct db_kept kept = { .class_ = DB_NONE };
	struct db_kept_key key;
	MDB_val k = { sizeof(key), &key }, v;
	uint64_t number;
	uint32_t part;
	size_t keys = 0;
	bool good = strlen(p) > 50 && restore_hex(p, &key.scope) &&
	    p[16] == ' ' && restore_hex(p + 17, &key.id[0]) &&
	    restore_hex(p + 33, &key.id[1]) && p[49] == ' ';
	int rc;

	if (good) {
		p += 50;
		kept.class_ = (uint8_t)restore_class(&p);
		good = kept.class_ != DB_NONE &&
		    restore_number(&p, UINT16_MAX, &number);
	}
	if (good)
		kept.day = (uint16_t)number;
	for (int g = 0; g < TOKEN_GROUPS && good; g++) {
		good = restore_number(&p, TOKEN_MAX, &number);
		kept.groups[g] = good ? (uint16_t)number : 0;
		keys += kept.groups[g];
	}
	if (!good || keys > TOKEN_MAX ||
	    strlen(p) != (keys > 0 ? keys * 9 - 1 : 0))
		return restore_bad(r, "not \"kept SCOPE ID CLASS DAY N ... "
		    "[PART ...]\"");
	v = (MDB_val){ sizeof(kept) + keys * sizeof(part), NULL };
	rc = mdb_put(txn, db->kept, &k, &v, MDB_RESERVE);
	if (rc != 0)
		return db_status(rc);
	memcpy(v.mv_data, &kept, sizeof(kept));
	for (size_t i = 0; i < keys; i++, p += 9) {
		if (!restore_digits(p, 8, &number) ||
		    (p[8] != ' ' && p[8] != '\0'))
			return restore_bad(r, "not a token of a message");
		part = (uint32_t)number;
		memcpy((char *)v.mv_data + sizeof(kept) + i * sizeof(part),
		    &part, sizeof(part));
	}
	return WEIR_OK;
}

/* restore_end - end TOKENS MESSAGES */
static int
restore_end(struct text_restore *r, const char *p)
{
	uint64_t tokens, messages;

	if (!restore_number(&p, UINT64_MAX, &tokens) ||
	    !restore_number(&p, UINT64_MAX, &messages) || *p != '\0')
		return restore_bad(r, "not \"end TOKENS MESSAGES\"");
	if (tokens != r->tokens || messages != r->messages)
		return restore_bad(r, "lines are missing, or there are more "
		    "than there were");
	r->ended = true;
	return WEIR_OK;
}

/* restore_line - one of them */
static int
restore_line(struct text_restore *r, struct db *db, MDB_txn *txn)
{
	const char *p = r->line;

	if (strlen(p) != r->len)
		return restore_bad(r, "NUL");
	if (r->ended)
		return restore_bad(r, "text behind the end");
	if (r->number == 1)
		return strcmp(p, text_head) == 0 ? WEIR_OK :
		    restore_bad(r, strncmp(p, text_head,
			sizeof(text_head) - 2) == 0 ?
			    "the dump is of another version of bayes, which "
			    "read mail in another way: learn the mail again" :
			    "this is no dump of bayes");
	if (strncmp(p, "token ", 6) == 0)
		return restore_token(r, db, txn, p + 6);
	if (strncmp(p, "message ", 8) == 0)
		return restore_message(r, db, txn, p + 8);
	if (strncmp(p, "kept ", 5) == 0)
		return restore_kept(r, db, txn, p + 5);
	if (strncmp(p, "scope ", 6) == 0)
		return restore_scope(r, db, txn, p + 6);
	if (strncmp(p, "end ", 4) == 0)
		return restore_end(r, p + 4);
	return restore_bad(r, "not understood");
}

/* db_do_restore - db_fn */
static int
db_do_restore(struct db *db, MDB_txn *txn, void *arg)
{
	struct text_restore *r = arg;
	MDB_stat stat;
	ssize_t n;
	int status, rc = mdb_stat(txn, db->token, &stat);

	if (rc != 0)
		return db_status(rc);
	if (stat.ms_entries > 0)
		return db_fail(r->err, WEIR_E_EXISTS, "the database is not "
		    "empty: restore into a new folder, or move it away");
	while ((n = getline(&r->line, &r->room, r->f)) > 0) {
		r->number++;
		if (r->line[n - 1] == '\n')
			r->line[--n] = '\0';
		r->len = (size_t)n;
		status = restore_line(r, db, txn);
		if (status < 0)
			return status;
	}
	return r->ended ? fit_all(db, txn, true) :
	    db_fail(r->err, WEIR_E_INVAL, "the dump ends after line %lu "
		"without its end: it was cut off", r->number);
}

/* db_restore - all or nothing */
int
db_restore(struct db *db, FILE *in, char err[DB_ERR])
{
	struct text_restore r = { .f = in, .err = err };
	int status;

	err[0] = '\0';
	status = db_write(db, db_do_restore, &r, err);
	free(r.line);
	return status;
}
