/* SPDX-License-Identifier: GPL-2.0-or-later */
/* care - retention and orphans. */
#include "care.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "item.h"

#define CARE_SLICE 500
#define DAY_MS ((int64_t)86400000)

/* care_lock - flock goes with its process */
int
care_lock(const struct store *st, struct fault *f)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/care.lock", st->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return fault_set(f, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return fault_set(f, WEIR_E_STATE, "another process is at it");
}

/* care_purge_count - what would go */
static int
care_purge_count(struct store *st, int class_, int64_t before,
    struct care_purged *out, struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	sqlite3_stmt *q;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT count(*), coalesce(sum(size), 0)"
	    " FROM item WHERE class = ? AND time_ms < ?"
	    " AND state IN (1, 5)", "ii", (int64_t)class_, before);
	if (q != NULL && sqlite3_step(q) == SQLITE_ROW) {
		out->items[class_] = (uint64_t)sqlite3_column_int64(q, 0);
		out->octets += (uint64_t)sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
	store_end(st);
	return q != NULL ? WEIR_OK : f->status;
}

/* care_ids - the oldest items of a class, in a list to be freed */
static int
care_ids(sqlite3 *db, int class_, int64_t before,
    char (*ids)[ID_LEN + 1], struct fault *f)
{
	sqlite3_stmt *q = store_query(db, f, "SELECT id FROM item WHERE"
	    " class = ? AND time_ms < ? AND state IN (1, 5)"
	    " ORDER BY time_ms LIMIT ?", "iii", (int64_t)class_, before,
	    (int64_t)CARE_SLICE);
	int n = 0;

	if (q == NULL)
		return f->status;
	while (sqlite3_step(q) == SQLITE_ROW)
		snprintf(ids[n++], ID_LEN + 1, "%s", store_text(q, 0));
	sqlite3_finalize(q);
	return n;
}

/* care_purge_slice - how many went, or a status */
static int
care_purge_slice(struct store *st, int class_, int64_t before,
    struct care_purged *out, struct fault *f)
{
	char (*ids)[ID_LEN + 1] = calloc(CARE_SLICE, ID_LEN + 1);
	struct item_files gone = ITEM_FILES_INIT;
	sqlite3 *db = ids != NULL ? store_begin(st, true, f) : NULL;
	int n, status;

	if (db == NULL) {
		free(ids);
		return f->status;
	}
	n = status = care_ids(db, class_, before, ids, f);
	for (int i = 0; i < n && status >= 0; i++)
		status = item_delete(db, ids[i], false, &gone, f);
	free(ids);
	if (status < 0)
		store_rollback(st);
	else
		status = store_commit(st, f);
	if (status == WEIR_OK) {
		item_files_unlink(st, &gone);
		out->items[class_] += (uint64_t)n;
	}
	item_files_fini(&gone);
	return status < 0 ? status : n;
}

/* care_purge_audit - and an end to old entries */
static int
care_purge_audit(struct store *st, int64_t before,
    const struct care_purged *out, struct fault *f)
{
	sqlite3 *db = store_begin(st, true, f);
	char result[100];
	int status;

	if (db == NULL)
		return f->status;
	snprintf(result, sizeof(result), "spam %llu, virus %llu, attachment "
	    "%llu", (unsigned long long)out->items[1],
	    (unsigned long long)out->items[2],
	    (unsigned long long)out->items[3]);
	status = store_run(db, f, NULL, "DELETE FROM audit WHERE time_ms < ?",
	    "i", before);
	if (status == WEIR_OK &&
	    out->items[1] + out->items[2] + out->items[3] > 0)
		status = store_audit(db, f, store_now(st), "weir", "purge", "",
		    "", result);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* care_days - folders of days gone by that are empty */
static void
care_days(const struct store *st)
{
	char path[4096];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/mail", st->folder);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		struct stat sb;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/mail/%.16s", st->folder,
		    e->d_name);
		/* somebody may be about to write into today's */
		if (stat(path, &sb) == 0 &&
		    store_now(st) / 1000 - sb.st_mtime > 2 * 86400)
			rmdir(path);
	}
	if (d != NULL)
		closedir(d);
}

/* care_before - what came before is past its retention.  Whole days end at
   midnight, so that what a user saw in the morning is there all day. */
static int64_t
care_before(int64_t now, int64_t keep)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	if (keep < DAY_MS || localtime_r(&t, &tm) == NULL)
		return now - keep;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000 - keep;
}

/* care_purge - retention, class by class */
int
care_purge(struct store *st, const struct care_conf *conf, bool check,
    struct care_purged *out, struct fault *f)
{
	int64_t now = store_now(st);
	int n = 0;

	memset(out, 0, sizeof(*out));
	for (int c = 1; c < CLASSES && n >= 0; c++) {
		int64_t before = care_before(now, conf->keep_ms[c]);

		if (check) {
			n = care_purge_count(st, c, before, out, f);
			continue;
		}
		do
			n = care_purge_slice(st, c, before, out, f);
		while (n == CARE_SLICE);
	}
	if (n < 0 || check)
		return n < 0 ? n : WEIR_OK;
	care_days(st);
	return care_purge_audit(st, now - conf->audit_ms, out, f);
}

/* care_has - is there such a row; negative: the index can't be asked */
static int
care_has(struct store *st, const char *sql, const char *name, struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	sqlite3_stmt *q;
	int rc = SQLITE_ERROR;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, sql, "s", name);
	if (q != NULL)
		rc = sqlite3_step(q);
	if (q != NULL && rc != SQLITE_ROW && rc != SQLITE_DONE)
		store_fault(db, f, rc);
	sqlite3_finalize(q);
	store_end(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : WEIR_E_TEMP;
}

/* care_born - when the index was begun, in seconds; 0: not known; negative: a
   fault */
static int64_t
care_born(struct store *st, struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	sqlite3_stmt *q;
	int64_t born = WEIR_E_TEMP;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "PRAGMA application_id", "");
	if (q != NULL && sqlite3_step(q) == SQLITE_ROW)
		born = 60 * sqlite3_column_int64(q, 0);
	else if (q != NULL)
		store_fault(db, f, sqlite3_errcode(db));
	sqlite3_finalize(q);
	store_end(st);
	return born;
}

/* What of orphans counts as one. */
struct care_span {
	int64_t from_s;	  /* older ones are another index's */
	int64_t before_s; /* younger ones may still get their row */
};

/* care_repair_day - files of one day */
static int
care_repair_day(struct store *st, const char *day, struct care_span span,
    struct care_repaired *out, struct fault *f)
{
	char path[4096], file[FILE_LEN];
	struct dirent *e;
	struct stat sb;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/mail/%s", st->folder, day);
	d = opendir(path);
	while (d != NULL && found >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > ID_LEN)
			continue;
		snprintf(file, sizeof(file), "%.8s/%.26s", day, e->d_name);
		found = care_has(st, "SELECT 1 FROM mail WHERE file = ?", file,
		    f);
		if (found != 0 ||
		    fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) !=
			0 || sb.st_mtime >= span.before_s)
			continue;
		if (sb.st_mtime < span.from_s) {
			out->old++;
			continue;
		}
		file_unlink(st, file);
		out->files++;
	}
	if (d != NULL)
		closedir(d);
	return found < 0 ? found : WEIR_OK;
}

/* care_repair_files - files without a row */
static int
care_repair_files(struct store *st, struct care_span span,
    struct care_repaired *out, struct fault *f)
{
	char path[4096];
	struct dirent *e;
	int status = WEIR_OK;
	DIR *d;

	snprintf(path, sizeof(path), "%s/mail", st->folder);
	d = opendir(path);
	while (d != NULL && status == WEIR_OK && (e = readdir(d)) != NULL) {
		if (strlen(e->d_name) == 8 &&
		    strspn(e->d_name, "0123456789") == 8)
			status = care_repair_day(st, e->d_name, span, out, f);
	}
	if (d != NULL)
		closedir(d);
	return status;
}

/* care_lost - ids of items whose file is gone, a page of mails at a time */
static int
care_lost(struct store *st, int64_t *from, char (*ids)[ID_LEN + 1],
    struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	char path[4096];
	sqlite3_stmt *q;
	int n = 0, rows = 0;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT m.m, m.file, i.id FROM (SELECT m, file"
	    " FROM mail WHERE m > ? ORDER BY m LIMIT ?) m"
	    " LEFT JOIN item i ON i.m = m.m ORDER BY m.m", "ii", *from,
	    (int64_t)CARE_SLICE);
	while (q != NULL && n < CARE_SLICE && sqlite3_step(q) == SQLITE_ROW) {
		*from = sqlite3_column_int64(q, 0);
		rows++;
		snprintf(path, sizeof(path), "%s/mail/%s", st->folder,
		    store_text(q, 1));
		if (access(path, F_OK) != 0 && errno == ENOENT &&
		    store_text(q, 2)[0] != '\0')
			snprintf(ids[n++], ID_LEN + 1, "%s",
			    store_text(q, 2));
	}
	sqlite3_finalize(q);
	store_end(st);
	if (q == NULL)
		return f->status;
	if (rows == 0)
		*from = -1;
	return n;
}

/* care_forget - these items are lost */
static int
care_forget(struct store *st, char (*ids)[ID_LEN + 1], int n, struct fault *f)
{
	struct item_files gone = ITEM_FILES_INIT;
	sqlite3 *db = n > 0 ? store_begin(st, true, f) : NULL;
	int status = WEIR_OK;

	if (db == NULL)
		return n > 0 ? f->status : WEIR_OK;
	for (int i = 0; i < n && status == WEIR_OK; i++) {
		status = item_delete(db, ids[i], false, &gone, f);
		if (status == WEIR_OK)
			status = store_audit(db, f, store_now(st), "weir",
			    "lost", ids[i], "", "its file is gone");
	}
	if (status == WEIR_OK)
		status = store_commit(st, f);
	else
		store_rollback(st);
	if (status == WEIR_OK)
		item_files_unlink(st, &gone);
	item_files_fini(&gone);
	return status;
}

/* care_repair_rows - rows without a file */
static int
care_repair_rows(struct store *st, struct care_repaired *out, struct fault *f)
{
	char (*ids)[ID_LEN + 1] = calloc(CARE_SLICE, ID_LEN + 1);
	int64_t from = 0;
	int n = 0;

	if (ids == NULL)
		return fault_set(f, WEIR_E_NOMEM, "no memory");
	while (n >= 0 && from >= 0) {
		n = care_lost(st, &from, ids, f);
		if (n > 0 && care_forget(st, ids, n, f) < 0)
			n = f->status;
		if (n > 0)
			out->rows += (uint64_t)n;
	}
	free(ids);
	return n < 0 ? n : WEIR_OK;
}

/* care_view_id - the item's id in SECONDS.ID.weir[:2,FLAGS]; false: none */
static bool
care_view_id(const char *name, char id[ID_LEN + 1])
{
	size_t n = strspn(name, "0123456789");

	if (n == 0 || name[n] != '.' ||
	    strspn(name + n + 1, "abcdefghijklmnopqrstuvwxyz234567") !=
		ID_LEN || strncmp(name + n + 1 + ID_LEN, ".weir", 5) != 0)
		return false;
	memcpy(id, name + n + 1, ID_LEN);
	id[ID_LEN] = '\0';
	return true;
}

/* care_repair_folder - views of items that there are not */
static int
care_repair_folder(struct store *st, const char *path, struct care_span span,
    struct care_repaired *out, struct fault *f)
{
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat sb;
	int found = 0;

	while (d != NULL && found >= 0 && (e = readdir(d)) != NULL) {
		char id[ID_LEN + 1];

		if (!care_view_id(e->d_name, id) ||
		    fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) !=
			0 || sb.st_ctime >= span.before_s ||
		    sb.st_mtime < span.from_s)
			continue;
		found = care_has(st, "SELECT 1 FROM item WHERE id = ?", id, f);
		if (found == 0 && unlinkat(dirfd(d), e->d_name, 0) == 0)
			out->views++;
	}
	if (d != NULL)
		closedir(d);
	return found < 0 ? found : WEIR_OK;
}

/* care_repair_views - of one recipient, in all folders that there are */
static int
care_repair_views(struct store *st, const char *user, struct care_span span,
    struct care_repaired *out, struct fault *f)
{
	static const char *const parts[] = { "new", "cur" };
	char maildir[4096], path[4096 + 300];
	int status = WEIR_OK;
	struct dirent *e;
	DIR *d;

	snprintf(maildir, sizeof(maildir), "%s/imap/%.255s", st->folder, user);
	d = opendir(maildir);
	/* "." is the inbox, ".NAME" a folder (Maildir++) */
	while (d != NULL && status == WEIR_OK && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, "..") == 0)
			continue;
		for (int i = 0; status == WEIR_OK && i < 2; i++) {
			snprintf(path, sizeof(path), "%s/%s/%s", maildir,
			    e->d_name, parts[i]);
			status = care_repair_folder(st, path, span, out, f);
		}
	}
	if (d != NULL)
		closedir(d);
	return status;
}

/* care_repair - both ways */
int
care_repair(struct store *st, int64_t grace_ms, struct care_repaired *out,
    struct fault *f)
{
	struct care_span span = { 0, (store_now(st) - grace_ms) / 1000 };
	char path[4096];
	struct dirent *e;
	int status;
	DIR *d;

	memset(out, 0, sizeof(*out));
	span.from_s = care_born(st, f);
	status = span.from_s < 0 ? f->status : WEIR_OK;
	if (status == WEIR_OK)
		status = care_repair_files(st, span, out, f);
	if (status == WEIR_OK)
		status = care_repair_rows(st, out, f);
	if (status < 0)
		return status;
	snprintf(path, sizeof(path), "%s/imap", st->folder);
	d = opendir(path);
	while (d != NULL && status == WEIR_OK && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.')
			status = care_repair_views(st, e->d_name, span, out,
			    f);
	}
	if (d != NULL)
		closedir(d);
	return status;
}
