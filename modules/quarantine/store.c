/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - folders, the index and its connections. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"

#define STORE_VERSION 1
#define STORE_BUSY_MS 10000
#define STORE_REMEDY "; see \"A damaged index\" in the quarantine's README"

static const char store_schema[] =
	"CREATE TABLE mail ("
	" m INTEGER PRIMARY KEY,"
	" file TEXT NOT NULL,"
	" digest BLOB NOT NULL,"
	" size INTEGER NOT NULL,"
	" time_ms INTEGER NOT NULL,"
	" sender TEXT NOT NULL,"
	" params TEXT NOT NULL,"
	" message_id TEXT NOT NULL,"
	" client TEXT NOT NULL,"
	" helo TEXT NOT NULL,"
	" queue_id TEXT NOT NULL,"
	" decision TEXT NOT NULL,"
	" findings TEXT NOT NULL);"
	"CREATE UNIQUE INDEX mail_file ON mail (file);"
	"CREATE INDEX mail_digest ON mail (digest);"
	"CREATE TABLE item ("
	" n INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id TEXT NOT NULL,"
	" m INTEGER NOT NULL,"
	" time_ms INTEGER NOT NULL,"
	" class INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" score REAL NOT NULL,"
	" size INTEGER NOT NULL,"
	" rcpt TEXT NOT NULL,"
	" user TEXT NOT NULL,"
	" sender TEXT NOT NULL,"
	" from_text TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" verdict INTEGER NOT NULL,"	/* 0: an original kept by a service */
	" answered INTEGER NOT NULL DEFAULT 0,"
	" copies INTEGER NOT NULL DEFAULT 1,"
	" view TEXT NOT NULL DEFAULT '',"
	" token TEXT NOT NULL DEFAULT '',"
	" token_used INTEGER NOT NULL DEFAULT 0,"
	" lease_ms INTEGER NOT NULL DEFAULT 0,"
	" tries INTEGER NOT NULL DEFAULT 0,"
	" next_ms INTEGER NOT NULL DEFAULT 0,"
	" asked_ms INTEGER NOT NULL DEFAULT 0,"
	" released_ms INTEGER NOT NULL DEFAULT 0,"
	" by_whom TEXT NOT NULL DEFAULT '',"
	" error TEXT NOT NULL DEFAULT '');"
	"CREATE UNIQUE INDEX item_id ON item (id);"
	"CREATE INDEX item_m ON item (m);"
	"CREATE INDEX item_user ON item (user, n);"
	"CREATE INDEX item_class ON item (class, time_ms);"
	"CREATE INDEX item_time ON item (time_ms);"
	"CREATE INDEX item_open ON item (state) WHERE state IN (2, 3, 4);"
	"CREATE TABLE used ("	/* user '': all mails together */
	" user TEXT PRIMARY KEY,"
	" items INTEGER NOT NULL,"
	" octets INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO used VALUES ('', 0, 0);"
	"CREATE TRIGGER item_in AFTER INSERT ON item BEGIN"
	" INSERT INTO used VALUES (new.user, 1, new.size) ON CONFLICT (user)"
	" DO UPDATE SET items = items + 1, octets = octets + new.size; END;"
	"CREATE TRIGGER item_out AFTER DELETE ON item BEGIN"
	" UPDATE used SET items = items - 1, octets = octets - old.size"
	" WHERE user = old.user;"
	" DELETE FROM used WHERE user = old.user AND items = 0; END;"
	"CREATE TRIGGER mail_in AFTER INSERT ON mail BEGIN"
	" UPDATE used SET items = items + 1, octets = octets + new.size"
	" WHERE user = ''; END;"
	"CREATE TRIGGER mail_out AFTER DELETE ON mail BEGIN"
	" UPDATE used SET items = items - 1, octets = octets - old.size"
	" WHERE user = ''; END;"
	"CREATE TABLE list ("
	" user TEXT NOT NULL,"
	" entry TEXT NOT NULL,"
	" kind INTEGER NOT NULL,"	/* 1 allow, 2 block */
	" time_ms INTEGER NOT NULL,"
	" PRIMARY KEY (user, entry)) WITHOUT ROWID;"
	"CREATE TABLE audit ("
	" n INTEGER PRIMARY KEY AUTOINCREMENT,"
	" time_ms INTEGER NOT NULL,"
	" who TEXT NOT NULL,"
	" action TEXT NOT NULL,"
	" id TEXT NOT NULL,"
	" rcpt TEXT NOT NULL,"
	" result TEXT NOT NULL);"
	"CREATE INDEX audit_time ON audit (time_ms);"
	"CREATE INDEX audit_id ON audit (id);"
	"PRAGMA user_version = 1;";

/* fault_set - say what is wrong */
int
fault_set(struct fault *f, int status, const char *fmt, ...)
{
	va_list args;

	f->status = status;
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
	return status;
}

/* store_fault - a result code of SQLite */
int
store_fault(sqlite3 *db, struct fault *f, int rc)
{
	/* the primary code: what was damaged is known by others as well */
	bool damaged = (rc & 0xff) == SQLITE_CORRUPT ||
	    (rc & 0xff) == SQLITE_NOTADB;

	return fault_set(f, WEIR_E_TEMP, "index.db: %s%s",
	    db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc),
	    damaged ? STORE_REMEDY : "");
}

/* store_create - nothing on disk yet */
struct store *
store_create(const struct store_conf *conf)
{
	struct store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->conf = *conf;
	st->folder = strdup(conf->folder);
	st->conf.folder = st->folder;
	pthread_mutex_init(&st->write_lock, NULL);
	pthread_mutex_init(&st->read_lock, NULL);
	pthread_mutex_init(&st->made_lock, NULL);
	return st;
}

/* store_destroy - close it */
void
store_destroy(struct store **sp)
{
	struct store *st = *sp;

	*sp = NULL;
	if (st == NULL)
		return;
	sqlite3_close(st->write);
	sqlite3_close(st->read);
	pthread_mutex_destroy(&st->write_lock);
	pthread_mutex_destroy(&st->read_lock);
	pthread_mutex_destroy(&st->made_lock);
	free(st->folder);
	free(st);
}

/* store_schema_new - with the minute in which the index was begun: files that
   are older are no orphans of it (care_repair) */
static int
store_schema_new(sqlite3 *db)
{
	char born[60];
	int rc = sqlite3_exec(db, store_schema, NULL, NULL, NULL);

	snprintf(born, sizeof(born), "PRAGMA application_id = %ld",
	    (long)(time(NULL) / 60));
	return rc == SQLITE_OK ? sqlite3_exec(db, born, NULL, NULL, NULL) : rc;
}

/* store_schema_make - in one transaction: several processes may start at once */
static int
store_schema_make(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int rc, version = -1;

	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (rc == SQLITE_OK && version == 0)
		rc = store_schema_new(db);
	else if (rc == SQLITE_OK && version != STORE_VERSION)
		rc = SQLITE_MISMATCH;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* store_connect - one connection */
static int
store_connect(const struct store *st, sqlite3 **out, struct fault *f)
{
	char path[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/index.db", st->folder);
	rc = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE |
		SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(*out, STORE_BUSY_MS);
		/* FULL: a commit is on disk when it returns */
		rc = sqlite3_exec(*out, "PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = 2000;"
		    "PRAGMA journal_size_limit = 33554432;"
		    "PRAGMA cache_size = -8000;"
		    /* a sandbox lets us write nowhere else */
		    "PRAGMA temp_store = MEMORY;", NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = store_schema_make(*out);
	if (rc == SQLITE_OK)
		return WEIR_OK;
	fault_set(f, WEIR_E_TEMP, "%s: %s%s", path, rc == SQLITE_MISMATCH ?
		"written by another version of Weir" :
		*out != NULL ? sqlite3_errmsg(*out) : sqlite3_errstr(rc),
	    (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ?
		STORE_REMEDY : "");
	sqlite3_close(*out);
	*out = NULL;
	return f->status;
}

/* store_open - folders, then both connections */
int
store_open(struct store *st, struct fault *f)
{
	static const char *const folders[] = { "", "/mail", "/imap" };
	char path[4096];
	int status = WEIR_OK;

	pthread_mutex_lock(&st->write_lock);
	pthread_mutex_lock(&st->read_lock);
	for (size_t i = 0; !st->ready && status == WEIR_OK &&
	     i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s%s", st->folder, folders[i]);
		status = file_mkdir(path, f);
	}
	if (!st->ready && status == WEIR_OK && st->write == NULL)
		status = store_connect(st, &st->write, f);
	if (!st->ready && status == WEIR_OK && st->read == NULL)
		status = store_connect(st, &st->read, f);
	st->ready = st->ready || status == WEIR_OK;
	pthread_mutex_unlock(&st->read_lock);
	pthread_mutex_unlock(&st->write_lock);
	return status;
}

/* store_begin - a transaction to write, or just the reader's connection */
sqlite3 *
store_begin(struct store *st, bool write, struct fault *f)
{
	int rc;

	if (store_open(st, f) < 0)
		return NULL;
	if (!write) {
		pthread_mutex_lock(&st->read_lock);
		return st->read;
	}
	pthread_mutex_lock(&st->write_lock);
	rc = sqlite3_exec(st->write, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return st->write;
	store_fault(st->write, f, rc);
	pthread_mutex_unlock(&st->write_lock);
	return NULL;
}

/* store_commit - it is on disk when this returns */
int
store_commit(struct store *st, struct fault *f)
{
	int rc = sqlite3_exec(st->write, "COMMIT", NULL, NULL, NULL);

	if (rc != SQLITE_OK) {
		store_fault(st->write, f, rc);
		store_rollback(st);
		return f->status;
	}
	pthread_mutex_unlock(&st->write_lock);
	return WEIR_OK;
}

/* store_rollback - as if nothing had been */
void
store_rollback(struct store *st)
{
	sqlite3_exec(st->write, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&st->write_lock);
}

/* store_end - a reader is done */
void
store_end(struct store *st)
{
	pthread_mutex_unlock(&st->read_lock);
}

/* store_bind - one value after the other */
static int
store_bind(sqlite3_stmt *st, const char *types, va_list args)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types != '\0' && rc == SQLITE_OK; types++, i++) {
		const void *blob;

		switch (*types) {
		case 's':
			rc = sqlite3_bind_text(st, i, va_arg(args,
			    const char *), -1, SQLITE_TRANSIENT);
			break;
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(args, int64_t));
			break;
		case 'd':
			rc = sqlite3_bind_double(st, i, va_arg(args, double));
			break;
		default:
			blob = va_arg(args, const void *);
			rc = sqlite3_bind_blob(st, i, blob,
			    (int)va_arg(args, size_t), SQLITE_TRANSIENT);
			break;
		}
	}
	return rc;
}

/* store_prepare - and bind */
static sqlite3_stmt *
store_prepare(sqlite3 *db, struct fault *f, const char *sql, const char *types,
    va_list args)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = store_bind(st, types, args);
	if (rc == SQLITE_OK)
		return st;
	store_fault(db, f, rc);
	sqlite3_finalize(st);
	return NULL;
}

/* store_query - rows to be stepped through */
sqlite3_stmt *
store_query(sqlite3 *db, struct fault *f, const char *sql, const char *types,
    ...)
{
	sqlite3_stmt *st;
	va_list args;

	va_start(args, types);
	st = store_prepare(db, f, sql, types, args);
	va_end(args);
	return st;
}

/* store_run - a statement without rows */
int
store_run(sqlite3 *db, struct fault *f, int *changes_out, const char *sql,
    const char *types, ...)
{
	sqlite3_stmt *st;
	va_list args;
	int rc;

	va_start(args, types);
	st = store_prepare(db, f, sql, types, args);
	va_end(args);
	if (st == NULL)
		return f->status;
	do
		rc = sqlite3_step(st);
	while (rc == SQLITE_ROW);
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return store_fault(db, f, rc);
	if (changes_out != NULL)
		*changes_out = sqlite3_changes(db);
	return WEIR_OK;
}

/* store_text - a column */
const char *
store_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text != NULL ? (const char *)text : "";
}

/* store_now - the wall clock */
int64_t
store_now(const struct store *st)
{
	return st->conf.now(st->conf.now_arg);
}

/* store_audit - who did what */
int
store_audit(sqlite3 *db, struct fault *f, int64_t now_ms, const char *who,
    const char *action, const char *id, const char *rcpt, const char *result)
{
	return store_run(db, f, NULL, "INSERT INTO audit (time_ms, who, action,"
	    " id, rcpt, result) VALUES (?,?,?,?,?,?)", "isssss", now_ms, who,
	    action, id, rcpt, result);
}
