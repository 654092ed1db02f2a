/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "obs/record_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "obs/log.h"

#define RECORD_DB_VERSION 1
#define RECORD_DB_BUSY_MS 2000
#define RECORD_DB_SLICE 1000 /* records deleted in one transaction */
#define RECORD_COLUMNS "id, time_ms, session, queue_id, kind, verdict, " \
	"sender, client, recipients, json"

static const char record_db_schema[] =
	"CREATE TABLE IF NOT EXISTS record ("
	" n INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL,"
	" time_ms INTEGER NOT NULL,"
	" session TEXT NOT NULL,"
	" queue_id TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" verdict TEXT NOT NULL,"
	" sender TEXT NOT NULL,"
	" client TEXT NOT NULL,"
	" recipients TEXT NOT NULL,"
	" json TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS record_id ON record (id);"
	"CREATE INDEX IF NOT EXISTS record_queue_id ON record (queue_id)"
	" WHERE queue_id <> '';"
	"CREATE INDEX IF NOT EXISTS record_time ON record (time_ms);"
	"PRAGMA user_version = 1;";

/* record_db_is_damage - does the result mean that the file is no good */
static bool
record_db_is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* record_db_close - forget the connection */
void
record_db_close(struct record_db *db)
{
	sqlite3_finalize(db->insert);
	sqlite3_finalize(db->purge);
	sqlite3_finalize(db->forget);
	sqlite3_close(db->db);
	db->db = NULL;
	db->insert = db->purge = db->forget = NULL;
}

/* record_db_lock - one process at a time sets aside or begins a file */
static int
record_db_lock(const char *path)
{
	char name[4096];
	int fd;

	if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >=
	    sizeof(name))
		return -1;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* record_db_version - the schema's number, negated result code if unreadable */
static int
record_db_version(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int rc, version = 0;

	/* reading the schema, too, finds a file that is no database */
	rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL,
	    NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st,
		    NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			version = sqlite3_column_int(st, 0);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? version : -(rc & 0xff);
}

/* record_db_try - open, check, create: SQLite's result code */
static int
record_db_try(struct record_db *db, struct err *err)
{
	struct stat st;
	int fd, rc, version;

	/* The database's other files inherit this mode.  A file that exists
	   is not opened here: closing it would end the locks of a reader in
	   this process. */
	fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if ((fd < 0 && errno != EEXIST) || stat(db->path, &st) != 0) {
		err_set(err, WEIR_E_TEMP, "%s: %s", db->path,
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return SQLITE_CANTOPEN;
	}
	if (fd >= 0)
		close(fd);
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	rc = sqlite3_open_v2(db->path, &db->db, SQLITE_OPEN_READWRITE |
		SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db->db, RECORD_DB_BUSY_MS);
		version = record_db_version(db->db);
		if (version > RECORD_DB_VERSION) {
			err_set(err, WEIR_E_INVAL, "%s: written by a newer "
			    "Weir (schema %d)", db->path, version);
			return SQLITE_MISMATCH;
		}
		rc = version < 0 ? -version : SQLITE_OK;
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db->db, "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = NORMAL;"
			    "PRAGMA wal_autocheckpoint = 4000;"
			    "PRAGMA journal_size_limit = 33554432;", NULL,
			    NULL, NULL);
		if (rc == SQLITE_OK && version == 0)
			rc = sqlite3_exec(db->db, record_db_schema, NULL,
			    NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db->db, "INSERT INTO record ("
		    RECORD_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)", -1,
		    &db->insert, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db->db, "DELETE FROM record"
		    " WHERE id = ?1", -1, &db->forget, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db->db, "DELETE FROM record WHERE n IN"
		    " (SELECT n FROM record WHERE time_ms < ?1"
		    " ORDER BY time_ms LIMIT ?2)", -1, &db->purge, NULL);
	if (rc != SQLITE_OK)
		err_set(err, WEIR_E_TEMP, "%s: %s", db->path,
		    db->db != NULL ? sqlite3_errmsg(db->db) :
				     sqlite3_errstr(rc));
	return rc;
}

/* record_db_set_aside - rename the file and its companions; the lock is held */
static void
record_db_set_aside(const char *path, const char *why)
{
	static const char *const tails[] = { "-wal", "-shm", "" };
	char from[4096], to[4200], stamp[64];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, tails[i]);
		snprintf(to, sizeof(to), "%s.bad-%s%s", path, stamp,
		    tails[i]);
		if (rename(from, to) != 0 && errno != ENOENT)
			log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
			    "%s can't be set aside: %s", from,
			    strerror(errno));
	}
	log_event(WEIR_LOG_ERROR, LOG_STORE_CORRUPT,
	    "%s: set aside as %s.bad-%s", why, path, stamp);
}

/* record_db_open - open or create; a damaged file makes room */
int
record_db_open(struct record_db *db, const char *path, struct err *err)
{
	int lock, rc;

	memset(db, 0, sizeof(*db));
	db->path = path;
	lock = record_db_lock(path);
	if (lock < 0)
		return err_set(err, WEIR_E_TEMP, "%s.lock: %s", path,
		    strerror(errno));
	rc = record_db_try(db, err);
	if (record_db_is_damage(rc)) {
		record_db_close(db);
		record_db_set_aside(path, err->text);
		rc = record_db_try(db, err);
	}
	close(lock);
	if (rc == SQLITE_OK)
		return WEIR_OK;
	record_db_close(db);
	return rc == SQLITE_MISMATCH ? WEIR_E_INVAL : WEIR_E_TEMP;
}

/* record_db_damaged - set the file aside unless another process already has */
static int
record_db_damaged(struct record_db *db, struct err *err)
{
	const char *path = db->path;
	struct stat st;
	int lock = record_db_lock(path);

	record_db_close(db);
	if (lock >= 0 && stat(path, &st) == 0 && st.st_dev == db->dev &&
	    st.st_ino == db->ino)
		record_db_set_aside(path, err->text);
	if (lock >= 0)
		close(lock);
	return record_db_open(db, path, err);
}

/* record_db_ready - open it if it is not, or if the file at the path changed */
static int
record_db_ready(struct record_db *db, struct err *err)
{
	struct stat st;

	if (db->db != NULL && stat(db->path, &st) == 0 &&
	    st.st_dev == db->dev && st.st_ino == db->ino)
		return WEIR_OK;
	record_db_close(db);
	return record_db_open(db, db->path, err);
}

/* record_db_bind - one record into the insert statement */
static void
record_db_bind(sqlite3_stmt *st, const struct record *r)
{
	const weir_str *text[] = { &r->id, NULL, &r->session, &r->queue_id,
		&r->kind, &r->verdict, &r->sender, &r->client,
		&r->recipients, &r->json };

	for (int i = 0; i < 10; i++) {
		if (text[i] == NULL)
			sqlite3_bind_int64(st, i + 1, r->time_ms);
		else
			sqlite3_bind_text(st, i + 1, text[i]->ptr,
			    (int)text[i]->len, SQLITE_STATIC);
	}
}

/* record_db_forget - a newer record takes the place of this one */
static void
record_db_forget(struct record_db *db, weir_str id)
{
	sqlite3_bind_text(db->forget, 1, id.ptr, (int)id.len, SQLITE_STATIC);
	sqlite3_step(db->forget);
	sqlite3_reset(db->forget);
	sqlite3_clear_bindings(db->forget);
}

/* record_db_batch - the transaction itself: SQLite's result code */
static int
record_db_batch(struct record_db *db, const struct record_item *items,
    struct err *err)
{
	int rc;

	rc = sqlite3_exec(db->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (; rc == SQLITE_OK && items != NULL; items = items->next) {
		if (items->r.replaces)
			record_db_forget(db, items->r.id);
		record_db_bind(db->insert, &items->r);
		rc = sqlite3_step(db->insert);
		if (rc == SQLITE_DONE)
			rc = SQLITE_OK;
		sqlite3_reset(db->insert);
	}
	sqlite3_clear_bindings(db->insert);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		err_set(err, WEIR_E_TEMP, "%s: %s", db->path,
		    sqlite3_errmsg(db->db));
		if (!sqlite3_get_autocommit(db->db))
			sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return rc;
}

/* record_db_insert - a batch, all or none */
int
record_db_insert(struct record_db *db, const struct record_item *items,
    struct err *err)
{
	int rc, status = record_db_ready(db, err);

	if (status != WEIR_OK)
		return status;
	rc = record_db_batch(db, items, err);
	if (record_db_is_damage(rc)) {
		status = record_db_damaged(db, err);
		if (status != WEIR_OK)
			return status;
		rc = record_db_batch(db, items, err);
	}
	return rc == SQLITE_OK ? WEIR_OK : WEIR_E_TEMP;
}

/* record_db_purge - one slice of what is too old */
int
record_db_purge(struct record_db *db, int64_t before_ms, struct err *err)
{
	int rc, status = record_db_ready(db, err);

	if (status != WEIR_OK)
		return status;
	sqlite3_bind_int64(db->purge, 1, before_ms);
	sqlite3_bind_int(db->purge, 2, RECORD_DB_SLICE);
	rc = sqlite3_step(db->purge);
	if (rc != SQLITE_DONE)
		err_set(err, WEIR_E_TEMP, "%s: %s", db->path,
		    sqlite3_errmsg(db->db));
	sqlite3_reset(db->purge);
	if (record_db_is_damage(rc)) {
		status = record_db_damaged(db, err);
		return status == WEIR_OK ? 0 : status;
	}
	return rc == SQLITE_DONE ? sqlite3_changes(db->db) : WEIR_E_TEMP;
}

/* record_db_column - one text of the row; borrowed until the next step */
static weir_str
record_db_column(sqlite3_stmt *st, int i)
{
	weir_str s;

	s.ptr = (const char *)sqlite3_column_text(st, i);
	s.len = (size_t)sqlite3_column_bytes(st, i);
	if (s.ptr == NULL)
		s.ptr = "";
	return s;
}

/* record_db_row - the row as a record */
static void
record_db_row(sqlite3_stmt *st, struct record *r)
{
	r->id = record_db_column(st, 0);
	r->time_ms = sqlite3_column_int64(st, 1);
	r->session = record_db_column(st, 2);
	r->queue_id = record_db_column(st, 3);
	r->kind = record_db_column(st, 4);
	r->verdict = record_db_column(st, 5);
	r->sender = record_db_column(st, 6);
	r->client = record_db_column(st, 7);
	r->recipients = record_db_column(st, 8);
	r->json = record_db_column(st, 9);
}

/* record_find - for weirctl explain */
int
record_find(const char *path, weir_str key,
    bool (*fn)(const struct record *, void *), void *arg, struct err *err)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	struct record r;
	bool more = true;
	int rc, found = 0;

	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY |
		SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db, RECORD_DB_BUSY_MS);
		/* queue_id <> '' lets SQLite use the partial index */
		rc = sqlite3_prepare_v2(db, "SELECT " RECORD_COLUMNS
		    " FROM record WHERE n IN (SELECT n FROM record"
		    " WHERE id = ?1 UNION SELECT n FROM record"
		    " WHERE queue_id = ?1 AND queue_id <> '')"
		    " ORDER BY time_ms, n LIMIT ?2", -1, &st, NULL);
	}
	if (rc == SQLITE_OK) {
		sqlite3_bind_text(st, 1, key.ptr, (int)key.len,
		    SQLITE_STATIC);
		sqlite3_bind_int(st, 2, RECORD_FIND_MAX);
		while (more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
			record_db_row(st, &r);
			found++;
			more = fn(&r, arg);
		}
		if (!more || rc == SQLITE_DONE)
			rc = SQLITE_OK;
	}
	if (rc != SQLITE_OK)
		err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	sqlite3_finalize(st);
	sqlite3_close(db);
	if (rc != SQLITE_OK)
		return WEIR_E_TEMP;
	if (found == 0)
		return err_set(err, WEIR_E_NOTFOUND, "no such record");
	return WEIR_OK;
}
