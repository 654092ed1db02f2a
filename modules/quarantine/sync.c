/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync - what users did to their views by IMAP: moved to Release, deleted. */
#include "care.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "item.h"
#include "release.h"

#define SYNC_SETTLE_S 2 /* a folder this fresh may still be changing */
#define SYNC_DEPTH 64	/* folders of one Maildir */

/* The inodes of all messages in a Maildir. */
struct sync_set {
	ino_t *v;
	size_t n, cap;
	bool failed;
};

/* sync_compare - for qsort and bsearch */
static int
sync_compare(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

/* sync_read - one folder's messages */
static void
sync_read(struct sync_set *s, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL && errno != ENOENT)
		s->failed = true;
	while (d != NULL && !s->failed && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (s->n == s->cap) {
			size_t cap = s->cap > 0 ? s->cap * 2 : 1024;
			ino_t *v = reallocarray(s->v, cap, sizeof(*v));

			s->failed = v == NULL;
			if (v == NULL)
				break;
			s->v = v;
			s->cap = cap;
		}
		s->v[s->n++] = e->d_ino;
	}
	if (d != NULL)
		closedir(d);
}

/* sync_all - of all folders, as Maildir++ names them */
static void
sync_all(struct sync_set *s, const char *maildir)
{
	static const char *const parts[] = { "new", "cur", "tmp" };
	char path[4096 + 300];
	struct dirent *e;
	DIR *d = opendir(maildir);
	int folders = 0;

	s->failed = d == NULL;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", maildir, parts[i]);
		sync_read(s, path);
	}
	while (d != NULL && !s->failed && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		s->failed = ++folders > SYNC_DEPTH;
		for (int i = 0; i < 3; i++) {
			snprintf(path, sizeof(path), "%s/%s/%s", maildir,
			    e->d_name, parts[i]);
			sync_read(s, path);
		}
	}
	if (d != NULL)
		closedir(d);
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), sync_compare);
}

/* sync_item_of - the item of this recipient with exactly these octets */
static int
sync_item_of(struct store *st, const char *folder,
    const unsigned char digest[DIGEST_LEN], struct item *out, struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	char id[ID_LEN + 1] = "", name[256];
	sqlite3_stmt *q;
	int status;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT i.id, i.user FROM mail m JOIN item i"
	    " ON i.m = m.m WHERE m.digest = ? ORDER BY i.state, i.n", "b",
	    digest, (size_t)DIGEST_LEN);
	while (q != NULL && id[0] == '\0' && sqlite3_step(q) == SQLITE_ROW) {
		file_user(store_text(q, 1), name, sizeof(name));
		if (strcmp(name, folder) == 0)
			snprintf(id, sizeof(id), "%s", store_text(q, 0));
	}
	sqlite3_finalize(q);
	status = q == NULL	? f->status :
	    id[0] == '\0'	? WEIR_E_NOTFOUND :
				  item_find(db, id, out, f);
	store_end(st);
	return status;
}

/* sync_moved - a message lies in Release: what is to be done */
static int
sync_moved(struct store *st, const struct care_conf *conf, const char *folder,
    const char *path, struct care_synced *out, struct fault *f)
{
	unsigned char digest[DIGEST_LEN];
	char who[300], to[4096];
	struct item i;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int status = WEIR_E_NOTFOUND;
	struct stat sb;

	if (fd < 0 && errno == ENOENT)
		return WEIR_OK; /* moved on meanwhile */
	/* one thing that is no file must not stop the others' releases */
	if (fd >= 0 && fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode))
		status = file_digest(fd, 0, digest, f);
	if (fd >= 0)
		close(fd);
	if (status == WEIR_OK)
		status = sync_item_of(st, folder, digest, &i, f);
	if (status == WEIR_E_NOTFOUND) {
		out->foreign++;
		return WEIR_OK;
	}
	if (status < 0)
		return status;
	if (i.state == ITEM_RELEASED) {
		snprintf(to, sizeof(to), "%s/imap/%s/.Released/cur/%s:2,S",
		    st->folder, folder, i.view);
		return rename(path, to) == 0 || errno == ENOENT ? WEIR_OK :
		    fault_set(f, WEIR_E_TEMP, "%s: %s", to, strerror(errno));
	}
	if (i.state != ITEM_NEW)
		return WEIR_OK;
	snprintf(who, sizeof(who), "imap:%.255s", i.user);
	status = release_ask(st, i.id, conf->imap_virus ? RELEASE_VIRUS : 0,
	    who, &i, f);
	if (status == WEIR_OK)
		out->released++;
	else if (status == WEIR_E_INVAL)
		out->refused++;
	return status == WEIR_E_INVAL || status == WEIR_E_EXISTS ||
	    status == WEIR_E_STATE ? WEIR_OK : status;
}

/* sync_release - the folder Release of one user */
static int
sync_release(struct store *st, const struct care_conf *conf,
    const char *folder, struct care_synced *out, struct fault *f)
{
	static const char *const parts[] = { "cur", "new" };
	char path[4096], file[4096 + 300];
	int status = WEIR_OK;

	for (int i = 0; i < 2; i++) {
		struct dirent *e;
		DIR *d;

		snprintf(path, sizeof(path), "%s/imap/%s/.Release/%s",
		    st->folder, folder, parts[i]);
		d = opendir(path);
		while (d != NULL && status == WEIR_OK &&
		    (e = readdir(d)) != NULL) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(file, sizeof(file), "%s/%s", path,
			    e->d_name);
			status = sync_moved(st, conf, folder, file, out, f);
		}
		if (d != NULL)
			closedir(d);
	}
	return status;
}

/* sync_users - whose items lie in that folder.  Its name is the recipient, but
   for those that are no good names of folders; the caller frees; NULL: f. */
static char *
sync_users(struct store *st, const char *folder, struct fault *f)
{
	sqlite3 *db;
	char name[256], *all = NULL;
	size_t n = 0;
	sqlite3_stmt *q;

	if (strchr(folder, '%') == NULL) {
		all = calloc(1, strlen(folder) + 2);
		if (all == NULL)
			fault_set(f, WEIR_E_NOMEM, "no memory");
		else
			strcpy(all, folder);
		return all;
	}
	db = store_begin(st, false, f);
	if (db == NULL)
		return NULL;
	q = store_query(db, f, "SELECT DISTINCT user FROM item", "");
	all = q != NULL ? calloc(1, 1) : NULL;
	while (all != NULL && sqlite3_step(q) == SQLITE_ROW) {
		const char *user = store_text(q, 0);
		size_t len = strlen(user) + 1;
		char *more;

		file_user(user, name, sizeof(name));
		if (strcmp(name, folder) != 0)
			continue;
		more = realloc(all, n + len + 1);
		if (more == NULL)
			break;
		all = more;
		memcpy(all + n, user, len);
		n += len;
		all[n] = '\0';
	}
	sqlite3_finalize(q);
	store_end(st);
	if (q != NULL && all == NULL)
		fault_set(f, WEIR_E_NOMEM, "no memory");
	return all;
}

/* sync_gone - which of a page of a user's items have no view any more */
static int
sync_gone(struct store *st, const char *user, const struct sync_set *s,
    int64_t before_ms, int64_t *from, char (*ids)[ID_LEN + 1], int max,
    struct fault *f)
{
	sqlite3 *db = store_begin(st, false, f);
	char path[4096];
	sqlite3_stmt *q;
	struct stat sb;
	int n = 0, rows = 0;

	if (db == NULL)
		return f->status;
	q = store_query(db, f, "SELECT i.n, i.id, m.file FROM item i"
	    " JOIN mail m ON m.m = i.m WHERE i.user = ? AND i.n > ?"
	    " AND i.state = 1 AND i.view <> '' AND i.time_ms < ?"
	    " ORDER BY i.n LIMIT ?", "siii", user, *from, before_ms,
	    (int64_t)max);
	while (q != NULL && sqlite3_step(q) == SQLITE_ROW) {
		*from = sqlite3_column_int64(q, 0);
		rows++;
		snprintf(path, sizeof(path), "%s/mail/%s", st->folder,
		    store_text(q, 2));
		if (stat(path, &sb) == 0 && (s->n == 0 || bsearch(&sb.st_ino,
		    s->v, s->n, sizeof(*s->v), sync_compare) == NULL))
			snprintf(ids[n++], ID_LEN + 1, "%s",
			    store_text(q, 1));
	}
	sqlite3_finalize(q);
	store_end(st);
	if (rows < max)
		*from = -1;
	return q != NULL ? n : f->status;
}

/* sync_delete - the user expunged them */
static int
sync_delete(struct store *st, const char *user, char (*ids)[ID_LEN + 1],
    int n, struct fault *f)
{
	struct item_files gone = ITEM_FILES_INIT;
	sqlite3 *db = store_begin(st, true, f);
	char who[300];
	int status = WEIR_OK;

	if (db == NULL)
		return f->status;
	snprintf(who, sizeof(who), "imap:%.255s", user);
	for (int i = 0; i < n && status == WEIR_OK; i++) {
		status = item_delete(db, ids[i], false, &gone, f);
		if (status == WEIR_OK)
			status = store_audit(db, f, store_now(st), who,
			    "delete", ids[i], user, "by IMAP");
		else if (status == WEIR_E_NOTFOUND)
			status = WEIR_OK;
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

/* sync_deleted_of - those of one user */
static int
sync_deleted_of(struct store *st, const char *user, const struct sync_set *s,
    int64_t before, struct care_synced *out, struct fault *f)
{
	enum { PAGE = 500 };
	char (*ids)[ID_LEN + 1] = calloc(PAGE, ID_LEN + 1);
	int64_t from = 0;
	int n = 0;

	while (ids != NULL && n >= 0 && from >= 0) {
		n = sync_gone(st, user, s, before, &from, ids, PAGE, f);
		if (n > 0 && sync_delete(st, user, ids, n, f) < 0)
			n = f->status;
		if (n > 0)
			out->deleted += (uint64_t)n;
	}
	free(ids);
	return n < 0 ? n : WEIR_OK;
}

/* sync_deleted - items whose views are in no folder of a Maildir */
static int
sync_deleted(struct store *st, const char *folder, struct care_synced *out,
    struct fault *f)
{
	struct sync_set s = { NULL, 0, 0, false };
	/* what came while we looked is not gone */
	int64_t before = store_now(st) - SYNC_SETTLE_S * 1000;
	char path[4096], *users = sync_users(st, folder, f);
	int status = users != NULL ? WEIR_OK : f->status;

	snprintf(path, sizeof(path), "%s/imap/%s", st->folder, folder);
	if (users != NULL)
		sync_all(&s, path);
	for (const char *u = users; u != NULL && *u != '\0' && !s.failed &&
	     status == WEIR_OK; u += strlen(u) + 1)
		status = sync_deleted_of(st, u, &s, before, out, f);
	free(s.v);
	free(users);
	return status;
}

/* sync_is_fresh - has anything been moved into or out of that folder */
static bool
sync_is_fresh(const char *path, time_t since)
{
	static const char *const parts[] = { "new", "cur" };
	char part[4096 + 300];
	struct stat sb;

	for (int i = 0; i < 2; i++) {
		snprintf(part, sizeof(part), "%s/%s", path, parts[i]);
		if (stat(part, &sb) == 0 && sb.st_mtime >= since)
			return true;
	}
	return false;
}

/* sync_is_changed - has anything, in any folder of the user's: they may have
   made some of their own */
static bool
sync_is_changed(const struct store *st, const char *folder, time_t since)
{
	char path[4096], sub[4096 + 300];
	struct dirent *e;
	bool changed;
	DIR *d;

	snprintf(path, sizeof(path), "%s/imap/%s", st->folder, folder);
	changed = sync_is_fresh(path, since);
	d = opendir(path);
	while (d != NULL && !changed && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		changed = sync_is_fresh(sub, since);
	}
	if (d != NULL)
		closedir(d);
	return changed;
}

/* sync_user - one Maildir */
static int
sync_user(struct store *st, const struct care_conf *conf, const char *folder,
    struct care_synced *out, struct fault *f)
{
	int status = sync_release(st, conf, folder, out, f);

	if (status == WEIR_OK && conf->imap_delete)
		status = sync_deleted(st, folder, out, f);
	return status;
}

/* care_sync - all Maildirs that changed */
int
care_sync(struct store *st, const struct care_conf *conf, bool all,
    struct care_synced *out, struct fault *f)
{
	static _Atomic int64_t last_s;
	int64_t now_s = time(NULL), since = all ? 0 : last_s;
	char path[4096];
	struct dirent *e;
	int status = WEIR_OK;
	DIR *d;

	memset(out, 0, sizeof(*out));
	if (!st->conf.maildir)
		return WEIR_OK;
	status = store_open(st, f);
	if (status < 0)
		return status;
	snprintf(path, sizeof(path), "%s/imap", st->folder);
	d = opendir(path);
	while (d != NULL && status == WEIR_OK && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' &&
		    sync_is_changed(st, e->d_name, (time_t)since))
			status = sync_user(st, conf, e->d_name, out, f);
	}
	if (d != NULL)
		closedir(d);
	if (status == WEIR_OK)
		last_s = now_s - SYNC_SETTLE_S - 1;
	return status;
}
