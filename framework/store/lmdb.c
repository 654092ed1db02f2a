/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "store/entry.h"

#define LMDB_READERS 512
/* The map is larger than the limit by this, so that a full store can still
   delete (LMDB copies pages to change them) and one group can overshoot. */
#define LMDB_HEADROOM ((size_t)32 << 20)
#define LMDB_FREE_DBI 0 /* LMDB's list of free pages */
#define LMDB_ESCAPED INT_MIN /* a commit that ended in an assertion */

struct lmdb {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *reader; /* the loop's, reset between reads */
	size_t limit;	 /* octets */
	char *path;	 /* NULL: in memory */
	dev_t dev;
	ino_t ino;
	int memfd; /* -1: on disk */
};

struct lmdb_txn {
	MDB_txn *txn;
	struct lmdb *db;
	MDB_cursor *cursor; /* open while a walk runs */
};

static const char lmdb_format[] = "weir-store 1";

/* Where an assertion of LMDB in this thread goes to. */
static _Thread_local jmp_buf *lmdb_escape;

/* lmdb_own - the slice of one of the store's own keys */
static weir_str
lmdb_own(const char *name)
{
	/* NUL, then the word */
	return (weir_str){ name, 1 + strlen(name + 1) };
}

/* lmdb_status - what an LMDB or system error means to us */
static int
lmdb_status(int rc)
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
	case MDB_CURSOR_FULL: /* deeper than any tree can be */
	case MDB_PAGE_FULL:
		return WEIR_E_INTERNAL;
	default:
		return WEIR_E_TEMP;
	}
}

/* lmdb_fail - the status, with a text */
static int
lmdb_fail(struct err *err, int rc, const char *doing)
{
	return err_set(err, lmdb_status(rc), "%s: %s", doing, mdb_strerror(rc));
}

/* lmdb_on_assert - LMDB would abort after this returned */
static void
lmdb_on_assert(MDB_env *env, const char *text)
{
	(void)env;
	if (lmdb_escape != NULL)
		longjmp(*lmdb_escape, 1);
	panic("lmdb: %s", text);
}

/* lmdb_guard - run fn; an assertion inside becomes E_INTERNAL */
static int
lmdb_guard(lmdb_fn *fn, struct lmdb_txn *t, void *arg)
{
	jmp_buf *outer = lmdb_escape;
	jmp_buf here;
	int rc = WEIR_E_INTERNAL;

	if (setjmp(here) != 0) {
		lmdb_escape = outer;
		return WEIR_E_INTERNAL;
	}
	lmdb_escape = &here;
	rc = fn(t, arg);
	lmdb_escape = outer;
	return rc;
}

/* lmdb_do_commit, lmdb_do_abort - the ends of a transaction, to be guarded */
static int
lmdb_do_commit(struct lmdb_txn *t, void *arg)
{
	*(int *)arg = mdb_txn_commit(t->txn);
	return lmdb_status(*(int *)arg);
}

static int
lmdb_do_abort(struct lmdb_txn *t, void *arg)
{
	(void)arg;
	if (t->cursor != NULL)
		mdb_cursor_close(t->cursor);
	mdb_txn_abort(t->txn);
	return WEIR_OK;
}

/* lmdb_read - with the loop's snapshot */
int
lmdb_read(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err)
{
	struct lmdb_txn t = { db->reader, db, NULL };
	int rc = mdb_txn_renew(db->reader);

	if (rc != 0)
		return lmdb_fail(err, rc, "read");
	rc = lmdb_guard(fn, &t, arg);
	if (rc == WEIR_E_INTERNAL && err != NULL)
		err_set(err, rc, "the file is damaged");
	if (t.cursor != NULL)
		mdb_cursor_close(t.cursor);
	mdb_txn_reset(db->reader);
	return rc;
}

/* lmdb_begin - a transaction; make room among readers if need be */
static int
lmdb_begin(struct lmdb *db, unsigned flags, MDB_txn **txn_out)
{
	int rc = mdb_txn_begin(db->env, NULL, flags, txn_out);
	int dead;

	if (rc == MDB_READERS_FULL && mdb_reader_check(db->env, &dead) == 0)
		rc = mdb_txn_begin(db->env, NULL, flags, txn_out);
	return rc;
}

/* lmdb_read_job - with a snapshot of its own */
int
lmdb_read_job(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err)
{
	struct lmdb_txn t = { NULL, db, NULL };
	int rc = lmdb_begin(db, MDB_RDONLY, &t.txn);

	if (rc != 0)
		return lmdb_fail(err, rc, "read");
	rc = lmdb_guard(fn, &t, arg);
	if (rc == WEIR_E_INTERNAL)
		err_set(err, rc, "the file is damaged");
	lmdb_guard(lmdb_do_abort, &t, NULL);
	return rc;
}

/* lmdb_write - all or nothing */
int
lmdb_write(struct lmdb *db, lmdb_fn *fn, void *arg, struct err *err)
{
	struct lmdb_txn t = { NULL, db, NULL };
	int status, rc;

	rc = lmdb_begin(db, 0, &t.txn);
	if (rc != 0)
		return lmdb_fail(err, rc, "write");
	status = lmdb_guard(fn, &t, arg);
	if (status < 0) {
		err_set(err, status, status == WEIR_E_INTERNAL ?
			"the file is damaged" : status == WEIR_E_LIMIT ?
			"the file has reached its size limit" :
			"write failed");
		/* also lets go of the writers' lock */
		lmdb_guard(lmdb_do_abort, &t, NULL);
		return status;
	}
	rc = LMDB_ESCAPED;
	status = lmdb_guard(lmdb_do_commit, &t, &rc);
	if (rc == LMDB_ESCAPED) {
		lmdb_guard(lmdb_do_abort, &t, NULL);
		return err_set(err, status, "the file is damaged");
	}
	return status < 0 ? lmdb_fail(err, rc, "commit") : WEIR_OK;
}

/* lmdb_slice - as all others say it */
static weir_str
lmdb_slice(const MDB_val *v)
{
	return (weir_str){ v->mv_data, v->mv_size };
}

/* lmdb_get - a live entry */
int
lmdb_get(struct lmdb_txn *t, weir_str key, int64_t now_ms,
    weir_str *value_out, int64_t *expires_out)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr }, v;
	int rc = mdb_get(t->txn, t->db->dbi, &k, &v);
	weir_str value;
	int64_t expires;

	if (rc != 0)
		return lmdb_status(rc);
	rc = entry_decode(lmdb_slice(&k), lmdb_slice(&v), &value, &expires);
	if (rc < 0)
		return rc;
	if (expires <= now_ms)
		return WEIR_E_NOTFOUND;
	if (value_out != NULL)
		*value_out = value;
	if (expires_out != NULL)
		*expires_out = expires;
	return WEIR_OK;
}

/* lmdb_put - insert or replace */
int
lmdb_put(struct lmdb_txn *t, weir_str key, weir_str value, int64_t expires_ms)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr };
	MDB_val v = { ENTRY_HEADER + value.len, NULL };
	int rc;

	expect(key.len > 0 && key.len <= LMDB_KEY_MAX);
	rc = mdb_put(t->txn, t->db->dbi, &k, &v, MDB_RESERVE);
	if (rc != 0)
		return lmdb_status(rc);
	entry_encode(v.mv_data, key, value, expires_ms);
	return WEIR_OK;
}

/* lmdb_del - remove, expired or not */
int
lmdb_del(struct lmdb_txn *t, weir_str key)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr };

	return lmdb_status(mdb_del(t->txn, t->db->dbi, &k, NULL));
}

/* lmdb_walk - visit entries in order */
int
lmdb_walk(struct lmdb_txn *t, weir_str from, lmdb_row_fn *row, void *arg)
{
	MDB_val k = { from.len, (void *)(uintptr_t)from.ptr }, v;
	weir_str value;
	int64_t expires;
	int rc, status = WEIR_OK;

	rc = mdb_cursor_open(t->txn, t->db->dbi, &t->cursor);
	if (rc != 0)
		return lmdb_status(rc);
	rc = mdb_cursor_get(t->cursor, &k, &v,
	    from.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0) {
		status = entry_decode(lmdb_slice(&k), lmdb_slice(&v), &value,
		    &expires);
		if (status < 0 || !row((weir_str){ k.mv_data, k.mv_size },
					value, expires, arg))
			break;
		rc = mdb_cursor_get(t->cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(t->cursor);
	t->cursor = NULL;
	return rc != 0 && rc != MDB_NOTFOUND ? lmdb_status(rc) : status;
}

/* lmdb_count - entries of others than ourselves */
int
lmdb_count(struct lmdb_txn *t, uint64_t *entries_out)
{
	static const char *const own[] = { LMDB_OWN_FORMAT, LMDB_OWN_SWEEP };
	MDB_stat stat;
	int rc = mdb_stat(t->txn, t->db->dbi, &stat);

	if (rc != 0)
		return lmdb_status(rc);
	*entries_out = stat.ms_entries;
	for (size_t i = 0; i < 2; i++) {
		rc = lmdb_get(t, lmdb_own(own[i]), 0, NULL, NULL);
		if (rc == WEIR_OK && *entries_out > 0)
			--*entries_out;
	}
	return WEIR_OK;
}

struct lmdb_free {
	size_t pages;	/* counted so far */
	size_t last;	/* number of the file's last page */
	bool check;	/* look at each page number */
};

/* lmdb_free_each - read LMDB's own list of free pages: txnid -> n, pages in
   falling order (what mdb_stat -ff shows) */
static int
lmdb_free_each(struct lmdb_txn *t, struct lmdb_free *f)
{
	MDB_val k, v;
	size_t n, page, before;
	int rc, status = WEIR_OK;

	rc = mdb_cursor_open(t->txn, LMDB_FREE_DBI, &t->cursor);
	if (rc != 0)
		return lmdb_status(rc);
	while (status == WEIR_OK &&
	    (rc = mdb_cursor_get(t->cursor, &k, &v, MDB_NEXT)) == 0) {
		const char *p = v.mv_data;

		status = WEIR_E_INTERNAL;
		if (k.mv_size != sizeof(size_t) || v.mv_size < sizeof(n))
			break;
		memcpy(&n, p, sizeof(n));
		if (n > f->last || v.mv_size < (n + 1) * sizeof(n))
			break;
		f->pages += n;
		before = f->last + 1;
		while (f->check && n > 0) {
			p += sizeof(page);
			memcpy(&page, p, sizeof(page));
			if (page < 2 || page >= before)
				break;
			before = page;
			n--;
		}
		if (!f->check || n == 0)
			status = WEIR_OK;
	}
	mdb_cursor_close(t->cursor);
	t->cursor = NULL;
	return rc != 0 && rc != MDB_NOTFOUND ? lmdb_status(rc) : status;
}

/* lmdb_free_count - lmdb_fn; only a reader may look at that list */
static int
lmdb_free_count(struct lmdb_txn *t, void *arg)
{
	return lmdb_free_each(t, arg);
}

/* lmdb_is_full - compare used pages with the limit */
int
lmdb_is_full(struct lmdb *db, bool *full_out, struct err *err)
{
	struct lmdb_free f = { 0, 0, false };
	MDB_envinfo info;
	MDB_stat stat;
	size_t limit;
	int rc;

	mdb_env_info(db->env, &info);
	mdb_env_stat(db->env, &stat);
	limit = db->limit / stat.ms_psize;
	f.last = info.me_last_pgno;
	*full_out = false;
	if (f.last + 1 < limit)
		return WEIR_OK;
	rc = lmdb_read_job(db, lmdb_free_count, &f, err);
	*full_out = rc == WEIR_OK && f.last + 1 - f.pages >= limit;
	return rc;
}

struct lmdb_check {
	char last[LMDB_KEY_MAX + 1];
	size_t last_len;
	size_t seen, entries; /* read; as the tree's root says */
	const char *why;      /* NULL: all is well */
};

/* lmdb_check_row - order and form of one entry */
static bool
lmdb_check_row(weir_str key, weir_str value, int64_t expires_ms, void *arg)
{
	struct lmdb_check *c = arg;
	size_t least = key.len < c->last_len ? key.len : c->last_len;
	int cmp = memcmp(c->last, key.ptr, least);

	(void)value;
	/* a damaged tree may go in circles */
	if (++c->seen > c->entries)
		c->why = "more entries than the root counts";
	else if (key.len == 0 || key.len > LMDB_KEY_MAX)
		c->why = "a key of impossible length";
	else if (c->seen > 1 &&
	    (cmp > 0 || (cmp == 0 && c->last_len >= key.len)))
		c->why = "keys out of order";
	else if (key.ptr[0] == '\0' ? expires_ms != LMDB_NEVER :
			memchr(key.ptr, '\0', key.len) == NULL)
		c->why = "a key without a name space";
	if (c->why != NULL)
		return false;
	memcpy(c->last, key.ptr, key.len);
	c->last_len = key.len;
	return true;
}

/* lmdb_verify - read all of it */
int
lmdb_verify(struct lmdb_txn *t, struct err *err)
{
	struct lmdb_check c = { .why = NULL };
	struct lmdb_free f = { 0, 0, true };
	MDB_envinfo info;
	MDB_stat stat;
	int rc;

	rc = mdb_stat(t->txn, t->db->dbi, &stat);
	if (rc != 0)
		return lmdb_fail(err, rc, "statistics");
	c.entries = stat.ms_entries;
	rc = lmdb_walk(t, (weir_str){ NULL, 0 }, lmdb_check_row, &c);
	if (rc < 0)
		return err_set(err, rc, "a damaged entry");
	if (c.why == NULL && c.seen != c.entries)
		c.why = "fewer entries than the root counts";
	if (c.why != NULL)
		return err_set(err, WEIR_E_INTERNAL, "%s", c.why);
	mdb_env_info(t->db->env, &info);
	f.last = info.me_last_pgno;
	rc = lmdb_free_each(t, &f);
	if (rc < 0)
		return err_set(err, rc, "a damaged list of free pages");
	return WEIR_OK;
}

/* lmdb_check_format - is this file ours? E_NOTFOUND: it is empty */
static int
lmdb_check_format(struct lmdb_txn *t, void *arg)
{
	struct err *err = arg;
	weir_str value;
	unsigned flags;
	MDB_stat stat;
	int rc;

	rc = mdb_dbi_flags(t->txn, t->db->dbi, &flags);
	if (rc == 0)
		rc = mdb_stat(t->txn, t->db->dbi, &stat);
	if (rc != 0)
		return lmdb_fail(err, rc, "format");
	if (flags == 0 && stat.ms_entries == 0)
		return WEIR_E_NOTFOUND;
	rc = flags != 0 ? WEIR_E_NOTFOUND :
			  lmdb_get(t, lmdb_own(LMDB_OWN_FORMAT), 0, &value,
			      NULL);
	if (rc == WEIR_E_NOTFOUND)
		return err_set(err, WEIR_E_INTERNAL,
		    "the file was not written by Weir");
	if (rc < 0)
		return err_set(err, rc, "the format record is damaged");
	if (value.len != sizeof(lmdb_format) - 1 ||
	    memcmp(value.ptr, lmdb_format, value.len) != 0)
		return err_set(err, WEIR_E_INTERNAL,
		    "the file has another format than \"%s\"", lmdb_format);
	return WEIR_OK;
}

/* lmdb_set_format - make an empty file ours, unless another worker did */
static int
lmdb_set_format(struct lmdb_txn *t, void *arg)
{
	int rc = lmdb_check_format(t, arg);

	if (rc != WEIR_E_NOTFOUND)
		return rc;
	return lmdb_put(t, lmdb_own(LMDB_OWN_FORMAT),
	    (weir_str){ lmdb_format, sizeof(lmdb_format) - 1 }, LMDB_NEVER);
}

/* lmdb_sync_dir - make the file's name durable */
static void
lmdb_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? xstrdup(".") :
				    xstrndup(path, (size_t)(slash - path) + 1);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(dir);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* lmdb_open_env - the LMDB side of opening */
static int
lmdb_open_env(struct lmdb *db, const char *path, struct err *err)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
	struct stat st;
	MDB_txn *txn = NULL;
	int rc, fd, dead;

	if (db->memfd >= 0)
		flags |= MDB_NOLOCK | MDB_NOSYNC;
	rc = mdb_env_create(&db->env);
	if (rc != 0)
		return lmdb_fail(err, rc, "environment");
	mdb_env_set_mapsize(db->env, db->limit + LMDB_HEADROOM);
	mdb_env_set_maxreaders(db->env, LMDB_READERS);
	mdb_env_set_assert(db->env, lmdb_on_assert);
	rc = mdb_env_open(db->env, path, flags, 0600);
	if (rc != 0)
		return lmdb_fail(err, rc, path);
	mdb_env_get_fd(db->env, &fd);
	if (fstat(fd, &st) != 0)
		return err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	/* what readers that were killed have left behind */
	if (db->memfd < 0)
		mdb_reader_check(db->env, &dead);
	rc = lmdb_begin(db, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(txn, NULL, 0, &db->dbi);
	if (rc != 0) {
		if (txn != NULL)
			mdb_txn_abort(txn);
		return lmdb_fail(err, rc, path);
	}
	mdb_txn_reset(txn);
	db->reader = txn;
	return WEIR_OK;
}

/* lmdb_open - open or create */
int
lmdb_open(const char *path, size_t map_size, struct lmdb **db_out,
    struct err *err, ino_t *ino_out)
{
	struct stat st = { 0 };
	struct lmdb *db = xcalloc(1, sizeof(*db));
	struct err why = { "" };
	char proc[32];
	int rc;

	entry_init();
	*db_out = NULL;
	db->limit = map_size;
	db->memfd = -1;
	if (path == NULL) {
		/* LMDB wants a name: the descriptor has one in /proc */
		db->memfd = memfd_create("weir-store", MFD_CLOEXEC);
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", db->memfd);
		rc = db->memfd < 0 ? err_set(err, WEIR_E_TEMP, "memfd: %s",
					 strerror(errno)) :
				     lmdb_open_env(db, proc, err);
	} else {
		db->path = xstrdup(path);
		(void)stat(path, &st);
		rc = lmdb_open_env(db, path, err);
	}
	if (rc == WEIR_OK) {
		rc = lmdb_read(db, lmdb_check_format, &why, NULL);
		if (rc == WEIR_E_NOTFOUND) {
			rc = lmdb_write(db, lmdb_set_format, &why, &why);
			if (rc == WEIR_OK && path != NULL)
				lmdb_sync_dir(path);
		}
		if (rc < 0)
			err_set(err, rc, "%s: %s", path != NULL ? path :
				"memory", why.text[0] != '\0' ? why.text :
				"the file is damaged");
	}
	if (ino_out != NULL)
		*ino_out = db->ino != 0 ? db->ino : st.st_ino;
	if (rc < 0)
		lmdb_close(&db);
	*db_out = db;
	return rc;
}

/* lmdb_close - free all; no transaction may run */
void
lmdb_close(struct lmdb **dbp)
{
	struct lmdb *db = *dbp;

	*dbp = NULL;
	if (db == NULL)
		return;
	if (db->reader != NULL)
		mdb_txn_abort(db->reader);
	if (db->env != NULL)
		mdb_env_close(db->env);
	if (db->memfd >= 0)
		close(db->memfd);
	free(db->path);
	free(db);
}

/* lmdb_is_current - has nobody put another file in its place */
bool
lmdb_is_current(const struct lmdb *db)
{
	struct stat st;

	if (db->path == NULL)
		return true;
	if (stat(db->path, &st) != 0)
		return errno != ENOENT;
	return st.st_ino == db->ino && st.st_dev == db->dev;
}

/* lmdb_inode - to tell it from its successor */
ino_t
lmdb_inode(const struct lmdb *db)
{
	return db->ino;
}
