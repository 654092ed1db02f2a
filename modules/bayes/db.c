/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "db_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DB_READERS 512
#define DB_ESCAPED INT_MIN

static const char db_format[] = "weir-bayes 3";

/* Where an assertion of LMDB in this thread goes to. */
static _Thread_local jmp_buf *db_escape;

/* db_fail - say why */
int
db_fail(char err[DB_ERR], int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err, DB_ERR, format, ap);
	va_end(ap);
	return status;
}

/* db_status - what an error of LMDB means */
int
db_status(int rc)
{
	switch (rc) {
	case 0:
		return WEIR_OK;
	case MDB_NOTFOUND:
		return WEIR_E_NOTFOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
		return WEIR_E_LIMIT;
	case MDB_MAP_RESIZED:
	case MDB_PANIC:
	case MDB_BAD_TXN:
		return WEIR_E_STALE;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_BAD_VALSIZE:
		return WEIR_E_INTERNAL;
	default:
		return WEIR_E_TEMP;
	}
}

/* db_on_assert - LMDB would abort after this returned */
static void
db_on_assert(MDB_env *env, const char *text)
{
	(void)env, (void)text;
	if (db_escape != NULL)
		longjmp(*db_escape, 1);
}

/* db_guard - an assertion inside becomes E_INTERNAL */
static int
db_guard(db_fn *fn, struct db *db, MDB_txn *txn, void *arg)
{
	jmp_buf *outer = db_escape;
	jmp_buf here;
	int status;

	if (setjmp(here) != 0) {
		db_escape = outer;
		return WEIR_E_INTERNAL;
	}
	db_escape = &here;
	status = fn(db, txn, arg);
	db_escape = outer;
	return status;
}

/* db_do_commit, db_do_abort - the ends of a transaction, to be guarded */
static int
db_do_commit(struct db *db, MDB_txn *txn, void *arg)
{
	(void)db;
	*(int *)arg = mdb_txn_commit(txn);
	return db_status(*(int *)arg);
}

static int
db_do_abort(struct db *db, MDB_txn *txn, void *arg)
{
	(void)db, (void)arg;
	mdb_txn_abort(txn);
	return WEIR_OK;
}

/* db_begin - a transaction; make room among readers if need be */
static int
db_begin(struct db *db, unsigned flags, MDB_txn **txn_out)
{
	int rc = mdb_txn_begin(db->env, NULL, flags, txn_out), dead;

	if (rc == MDB_READERS_FULL && mdb_reader_check(db->env, &dead) == 0)
		rc = mdb_txn_begin(db->env, NULL, flags, txn_out);
	return rc;
}

/* db_why - a status as text */
static int
db_why(const struct db *db, int status, char err[DB_ERR])
{
	if (err == NULL)
		return status;
	return db_fail(err, status, "%s: %s", db->path,
	    status == WEIR_E_INTERNAL	? "the database is damaged" :
	    status == WEIR_E_LIMIT	? "the database has reached its size "
					  "limit" :
	    status == WEIR_E_STALE	? "the database changed its size" :
	    status == WEIR_E_NOTFOUND	? "not found" :
					  "the system refused");
}

/* db_read - with a snapshot of its own */
int
db_read(struct db *db, db_fn *fn, void *arg, char err[DB_ERR])
{
	MDB_txn *txn;
	int status, rc = db_begin(db, MDB_RDONLY, &txn);

	if (rc != 0)
		return db_why(db, db_status(rc), err);
	status = db_guard(fn, db, txn, arg);
	db_guard(db_do_abort, db, txn, NULL);
	return status < 0 ? db_why(db, status, err) : status;
}

/* db_write - all or nothing; durable when it returns WEIR_OK */
int
db_write(struct db *db, db_fn *fn, void *arg, char err[DB_ERR])
{
	MDB_txn *txn;
	int status, rc = db_begin(db, 0, &txn);

	if (rc != 0)
		return db_why(db, db_status(rc), err);
	status = db_guard(fn, db, txn, arg);
	if (status < 0) {
		db_guard(db_do_abort, db, txn, NULL);
		return err[0] != '\0' ? status : db_why(db, status, err);
	}
	rc = DB_ESCAPED;
	status = db_guard(db_do_commit, db, txn, &rc);
	if (rc == DB_ESCAPED)
		db_guard(db_do_abort, db, txn, NULL);
	return status < 0 ? db_why(db, status, err) : WEIR_OK;
}

/* db_check_format - is it ours? */
static int
db_check_format(struct db *db, MDB_txn *txn)
{
	MDB_val k = { 6, (void *)(uintptr_t)"format" }, v;
	int rc = mdb_get(txn, db->meta, &k, &v);

	if (rc != 0)
		return db_status(rc);
	if (v.mv_size != sizeof(db_format) ||
	    memcmp(v.mv_data, db_format, sizeof(db_format) - 2) != 0)
		return WEIR_E_INTERNAL;
	return memcmp(v.mv_data, db_format, sizeof(db_format)) == 0 ?
	    WEIR_OK : WEIR_E_INVAL;
}

/* db_tables - open the tables, or make them */
static int
db_tables(struct db *db, MDB_txn *txn, void *arg)
{
	unsigned create = *(bool *)arg ? MDB_CREATE : 0;
	MDB_val k = { 6, (void *)(uintptr_t)"format" };
	MDB_val v = { sizeof(db_format), (void *)(uintptr_t)db_format };
	int rc = mdb_dbi_open(txn, "token", create | MDB_INTEGERKEY,
	    &db->token), status;

	if (rc == 0)
		rc = mdb_dbi_open(txn, "message", create, &db->message);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", create, &db->meta);
	if (rc != 0)
		return db_status(rc);
	status = db_check_format(db, txn);
	if (status == WEIR_E_NOTFOUND && create != 0)
		status = db_status(mdb_put(txn, db->meta, &k, &v, 0));
	return status != WEIR_OK ? status :
	    db_status(mdb_dbi_open(txn, "kept", create, &db->kept));
}

/* db_give - what root made belongs to the owner of the folder around it: the
   daemon has to write there */
static void
db_give(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st, around;
	char *folder;

	if (geteuid() != 0)
		return;
	folder = slash == NULL || slash == path ? strdup(slash == NULL ? "." :
		"/") : strndup(path, (size_t)(slash - path));
	if (folder != NULL && stat(folder, &around) == 0 &&
	    around.st_uid != 0 && lstat(path, &st) == 0 && st.st_uid == 0 &&
	    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) &&
		st.st_nlink == 1)) &&
	    lchown(path, around.st_uid, around.st_gid) < 0)
		fprintf(stderr, "%s stays root's: %s\n", path,
		    strerror(errno));
	free(folder);
}

/* db_give_files - both of LMDB's */
static void
db_give_files(const struct db *db)
{
	char *lock;

	db_give(db->path);
	if (asprintf(&lock, "%s-lock", db->path) < 0)
		return;
	db_give(lock);
	free(lock);
}

/* db_open_env - the LMDB side */
static int
db_open_env(struct db *db, size_t size, bool create, char err[DB_ERR])
{
	MDB_txn *txn;
	struct stat st;
	int rc = mdb_env_create(&db->env), status;

	if (rc == 0)
		rc = mdb_env_set_mapsize(db->env, size);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(db->env, DB_READERS);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(db->env, 8);
	if (rc == 0)
		rc = mdb_env_set_assert(db->env, db_on_assert);
	if (rc == 0)
		rc = mdb_env_open(db->env, db->path,
		    MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD, 0640);
	if (rc != 0)
		return db_fail(err, db_status(rc), "%s: %s", db->path,
		    db_status(rc) == WEIR_E_INTERNAL ?
			"this is no database of Weir's bayes" :
			mdb_strerror(rc));
	if (stat(db->path, &st) < 0)
		return db_fail(err, WEIR_E_TEMP, "%s: %s", db->path,
		    strerror(errno));
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	rc = db_begin(db, create ? 0 : MDB_RDONLY, &txn);
	if (rc != 0)
		return db_fail(err, db_status(rc), "%s: %s", db->path,
		    mdb_strerror(rc));
	status = db_guard(db_tables, db, txn, &create);
	if (status < 0) {
		db_guard(db_do_abort, db, txn, NULL);
		if (status == WEIR_E_INVAL)
			return db_fail(err, status, "%s: made by another "
			    "version of bayes, which read mail in another "
			    "way: move the file away and learn the mail again",
			    db->path);
		return db_fail(err, status == WEIR_E_TEMP ? status :
			WEIR_E_INTERNAL, "%s: this is no database of Weir's "
		    "bayes", db->path);
	}
	/* handles stay open only if the transaction is committed */
	status = db_guard(db_do_commit, db, txn, &rc);
	return status < 0 ? db_why(db, status, err) : WEIR_OK;
}

/* db_open - the file in its folder */
int
db_open(const char *dir, bool create, size_t size, struct db **db_out,
    char err[DB_ERR])
{
	struct db *db = calloc(1, sizeof(*db));
	int status = WEIR_OK;

	err[0] = '\0';
	if (db != NULL)
		db->cache = cache_create();
	if (db == NULL || db->cache == NULL ||
	    asprintf(&db->path, "%s/" DB_FILE, dir) < 0) {
		if (db != NULL)
			cache_destroy(db->cache);
		free(db);
		return db_fail(err, WEIR_E_NOMEM, "no memory");
	}
	if (create && mkdir(dir, 0750) == 0)
		db_give(dir);
	else if (create && errno != EEXIST)
		status = db_fail(err, WEIR_E_TEMP, "%s: %s", dir,
		    strerror(errno));
	if (status < 0)
		;
	else if (!create && access(db->path, F_OK) < 0)
		status = db_fail(err, WEIR_E_NOTFOUND,
		    "%s: there is no database yet: learn some mail first",
		    db->path);
	else
		status = db_open_env(db, size, create, err);
	if (status == WEIR_OK)
		db_give_files(db);
	if (status < 0)
		db_close(&db);
	*db_out = db;
	return status;
}

/* db_close - and free */
void
db_close(struct db **dbp)
{
	struct db *db = *dbp;

	if (db == NULL)
		return;
	if (db->env != NULL)
		mdb_env_close(db->env);
	cache_destroy(db->cache);
	free(db->path);
	free(db);
	*dbp = NULL;
}

/* db_is_current - has nobody moved it away? */
bool
db_is_current(const struct db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 && st.st_dev == db->dev &&
	    st.st_ino == db->ino;
}

/* db_scope_hash - 0 for the site */
uint64_t
db_scope_hash(const char *scope)
{
	return scope[0] == '\0' ? 0 :
				  text_hash(7, scope, strlen(scope)) | 1;
}

/* db_scope_key - "scope NAME" */
static size_t
db_scope_key(char key[DB_SCOPE_MAX + 8], const char *scope)
{
	int n = snprintf(key, DB_SCOPE_MAX + 8, "scope %s", scope);

	return n < DB_SCOPE_MAX + 8 ? (size_t)n : DB_SCOPE_MAX + 7;
}

/* db_get_totals - zeros if there are none */
int
db_get_totals(struct db *db, MDB_txn *txn, const char *scope,
    struct db_totals *out)
{
	char key[DB_SCOPE_MAX + 8];
	MDB_val k = { db_scope_key(key, scope), key }, v;
	int rc = mdb_get(txn, db->meta, &k, &v);

	memset(out, 0, sizeof(*out));
	if (rc == MDB_NOTFOUND)
		return WEIR_OK;
	if (rc != 0)
		return db_status(rc);
	if (v.mv_size != sizeof(*out))
		return WEIR_E_INTERNAL;
	memcpy(out, v.mv_data, sizeof(*out));
	return WEIR_OK;
}

/* db_put_totals - a scope without messages goes */
int
db_put_totals(struct db *db, MDB_txn *txn, const char *scope,
    const struct db_totals *totals)
{
	char key[DB_SCOPE_MAX + 8];
	MDB_val k = { db_scope_key(key, scope), key };
	MDB_val v = { sizeof(*totals), (void *)(uintptr_t)totals };
	int rc;

	if (totals->spam != 0 || totals->ham != 0)
		return db_status(mdb_put(txn, db->meta, &k, &v, 0));
	rc = mdb_del(txn, db->meta, &k, NULL);
	return rc == MDB_NOTFOUND ? WEIR_OK : db_status(rc);
}

struct db_asked {
	const char *scope;
	const struct token *tokens;
	unsigned n;
	struct db_count *out;
	struct db_totals *totals;
	const uint64_t *id;
	enum db_class *class_;
};

/* db_do_totals - db_fn */
static int
db_do_totals(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_asked *a = arg;

	return db_get_totals(db, txn, a->scope, a->totals);
}

/* db_totals - how much was learned */
int
db_totals(struct db *db, const char *scope, struct db_totals *out)
{
	struct db_asked a = { .scope = scope, .totals = out };

	return db_read(db, db_do_totals, &a, NULL);
}

/* A key that is looked up, and whose it is. */
struct db_wanted {
	uint64_t key;
	uint32_t index;
};

/* db_sort - by key: first by eight bits, then by insertion; keys are hashes, so
   that there are few of each */
static void
db_sort(struct db_wanted *v, struct db_wanted *spare, unsigned n)
{
	unsigned start[257] = { 0 }, j;

	for (unsigned i = 0; i < n; i++)
		start[(v[i].key >> 56) + 1]++;
	for (unsigned i = 0; i < 256; i++)
		start[i + 1] += start[i];
	for (unsigned i = 0; i < n; i++)
		spare[start[v[i].key >> 56]++] = v[i];
	for (unsigned i = 0; i < n; i++) {
		for (j = i; j > 0 && v[j - 1].key > spare[i].key; j--)
			v[j] = v[j - 1];
		v[j] = spare[i];
	}
}

/* db_do_counts - db_fn: in the order of the keys, so that pages are met once */
static int
db_do_counts(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_asked *a = arg;
	uint64_t scope = db_scope_hash(a->scope);
	struct db_wanted *w;
	MDB_cursor *c = NULL;
	MDB_val k, v;
	int status = db_get_totals(db, txn, a->scope, a->totals), rc = 0;

	if (status < 0 || cache_counts(db->cache, mdb_txn_id(txn), scope,
			a->tokens, a->n, a->out))
		return status;
	w = malloc(2 * (a->n + 1) * sizeof(*w));
	if (w == NULL)
		return WEIR_E_NOMEM;
	for (unsigned i = 0; i < a->n; i++)
		w[i] = (struct db_wanted){ db_key(scope, a->tokens[i].hash),
			i };
	db_sort(w, w + a->n, a->n);
	status = db_status(mdb_cursor_open(txn, db->token, &c));
	for (unsigned i = 0; i < a->n && status == WEIR_OK; i++) {
		struct db_count *out = &a->out[w[i].index];

		k = (MDB_val){ sizeof(w[i].key), &w[i].key };
		rc = mdb_cursor_get(c, &k, &v, MDB_SET);
		if (rc == MDB_NOTFOUND)
			memset(out, 0, sizeof(*out));
		else if (rc != 0)
			status = db_status(rc);
		else if (v.mv_size != sizeof(*out))
			status = WEIR_E_INTERNAL;
		else
			memcpy(out, v.mv_data, sizeof(*out));
	}
	if (c != NULL)
		mdb_cursor_close(c);
	free(w);
	return status == WEIR_OK ? cache_asked(db, txn, a->n) : status;
}

/* db_counts - of the tokens of a message */
int
db_counts(struct db *db, const char *scope, const struct token *tokens,
    unsigned n, struct db_count *out, struct db_totals *totals_out)
{
	struct db_asked a = { .scope = scope, .tokens = tokens, .n = n,
		.out = out, .totals = totals_out };

	return db_read(db, db_do_counts, &a, NULL);
}

/* db_do_known - db_fn */
static int
db_do_known(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_asked *a = arg;
	uint64_t id[2] = { a->id[0],
		db_key(db_scope_hash(a->scope), a->id[1]) };
	MDB_val k = { sizeof(id), id }, v;
	int rc = mdb_get(txn, db->message, &k, &v);

	*a->class_ = DB_NONE;
	if (rc == MDB_NOTFOUND)
		return WEIR_OK;
	if (rc != 0)
		return db_status(rc);
	if (v.mv_size < sizeof(struct db_message))
		return WEIR_E_INTERNAL;
	*a->class_ = ((const struct db_message *)v.mv_data)->class_;
	return WEIR_OK;
}

/* db_known - the class it was learned as */
int
db_known(struct db *db, const char *scope, const uint64_t id[2],
    enum db_class *out)
{
	struct db_asked a = { .scope = scope, .id = id, .class_ = out };

	return db_read(db, db_do_known, &a, NULL);
}

/* db_do_stats - db_fn */
static int
db_do_stats(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_stats *s = arg;
	MDB_stat stat;
	MDB_envinfo info;
	int rc = mdb_stat(txn, db->token, &stat);

	s->tokens = stat.ms_entries;
	if (rc == 0)
		rc = mdb_stat(txn, db->message, &stat);
	s->messages = stat.ms_entries;
	if (rc == 0)
		rc = mdb_stat(txn, db->meta, &stat);
	s->scopes = stat.ms_entries - 1;
	if (rc == 0)
		rc = mdb_env_info(db->env, &info);
	s->octets = (info.me_last_pgno + 1) * stat.ms_psize;
	return db_status(rc);
}

/* db_stats - sizes */
int
db_stats(struct db *db, struct db_stats *out)
{
	memset(out, 0, sizeof(*out));
	return db_read(db, db_do_stats, out, NULL);
}

struct db_visit {
	bool (*fn)(const char *scope, const struct db_totals *totals,
	    void *arg);
	void *arg;
};

/* db_do_scopes - db_fn */
static int
db_do_scopes(struct db *db, MDB_txn *txn, void *arg)
{
	struct db_visit *visit = arg;
	char name[DB_SCOPE_MAX + 1];
	struct db_totals totals;
	MDB_cursor *c;
	MDB_val k = { 6, (void *)(uintptr_t)"scope " }, v;
	int rc = mdb_cursor_open(txn, db->meta, &c), status = WEIR_OK;

	if (rc != 0)
		return db_status(rc);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	for (; rc == 0 && status == WEIR_OK;
	     rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (k.mv_size < 6 || memcmp(k.mv_data, "scope ", 6) != 0)
			break;
		if (k.mv_size - 6 > DB_SCOPE_MAX ||
		    v.mv_size != sizeof(totals)) {
			status = WEIR_E_INTERNAL;
			break;
		}
		memcpy(name, (const char *)k.mv_data + 6, k.mv_size - 6);
		name[k.mv_size - 6] = '\0';
		memcpy(&totals, v.mv_data, sizeof(totals));
		if (!visit->fn(name, &totals, visit->arg))
			break;
	}
	mdb_cursor_close(c);
	return status != WEIR_OK ? status :
	    rc != 0 && rc != MDB_NOTFOUND ? db_status(rc) : WEIR_OK;
}

/* db_scopes - every scope with its totals */
int
db_scopes(struct db *db, bool (*fn)(const char *, const struct db_totals *,
    void *), void *arg)
{
	struct db_visit visit = { fn, arg };

	return db_read(db, db_do_scopes, &visit, NULL);
}

/* db_do_verify - db_fn: order, sizes and number of all entries */
static int
db_do_verify(struct db *db, MDB_txn *txn, void *arg)
{
	const MDB_dbi tables[] = { db->token, db->message, db->kept,
		db->meta };
	MDB_stat stat;
	MDB_cursor *c;
	MDB_val k, v;
	uint64_t key, last = 0;
	size_t seen;
	int rc = 0, status = WEIR_OK;

	(void)arg;
	for (int i = 0; i < 4 && rc == 0 && status == WEIR_OK; i++) {
		rc = mdb_stat(txn, tables[i], &stat);
		if (rc == 0)
			rc = mdb_cursor_open(txn, tables[i], &c);
		if (rc != 0)
			break;
		for (seen = 0; (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) ==
		     0 && status == WEIR_OK; seen++) {
			if (seen >= stat.ms_entries || (i == 1 &&
				(k.mv_size != 16 ||
				    v.mv_size < sizeof(struct db_message))) ||
			    (i == 2 && !kept_is_whole(&k, &v)))
				status = WEIR_E_INTERNAL;
			if (i != 0 || status != WEIR_OK)
				continue;
			if (k.mv_size != sizeof(key) ||
			    v.mv_size != sizeof(struct db_count)) {
				status = WEIR_E_INTERNAL;
				continue;
			}
			memcpy(&key, k.mv_data, sizeof(key));
			if (seen > 0 && key <= last)
				status = WEIR_E_INTERNAL;
			last = key;
		}
		mdb_cursor_close(c);
		if (rc == MDB_NOTFOUND)
			rc = 0;
		if (rc == 0 && seen != stat.ms_entries)
			status = WEIR_E_INTERNAL;
	}
	return status != WEIR_OK ? status : db_status(rc);
}

/* db_verify - read everything */
int
db_verify(struct db *db, char err[DB_ERR])
{
	err[0] = '\0';
	return db_read(db, db_do_verify, NULL, err);
}
