/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - the open database of this process, and what happens to a bad one.
 *
 * A database that is damaged is set aside as bayes.lmdb.bad-TIME, with an
 * alarm in the log and the metrics; the module goes on with an empty one.
 * Reading a damaged file can kill the process: so the file "opening" counts
 * attempts to check it that did not come to an end, and after three of them
 * the database is set aside unread.
 */
#include "bayes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_LOOK_MS 5000 /* between looks whether the file was replaced */
#define STORE_TRIES 3

/* store_say - a line in the log */
static void
store_say(struct bayes *b, int level, const char *text)
{
	b->host->log(b->self, NULL, level, weir_str_of(text));
}

/* store_aside - move the file away */
static void
store_aside(struct bayes *b, const char *why)
{
	char from[4200], to[4300], lock[4220], line[4700];

	snprintf(from, sizeof(from), "%s/" DB_FILE, b->dir);
	snprintf(lock, sizeof(lock), "%s-lock", from);
	snprintf(to, sizeof(to), "%s.bad-%lld", from,
	    (long long)(b->host->wall_ms(b->self) / 1000));
	if (rename(from, to) < 0) {
		snprintf(line, sizeof(line), "%s can't be moved away: %s",
		    from, strerror(errno));
	} else {
		unlink(lock);
		b->metric->set(b->self, b->metric_alarm, 1);
		snprintf(line, sizeof(line), "the database was set aside as "
		    "%s (%s): what was learned is gone, restore a dump with "
		    "\"weirctl bayes restore\"", to, why);
	}
	store_say(b, WEIR_LOG_ERROR, line);
}

/* store_attempt - count this attempt; the descriptor holds a lock that dies
   with the process.  -1: there is no folder yet, or another one checks */
static int
store_attempt(struct bayes *b, unsigned *tries_out)
{
	char path[4200], text[16] = "";
	int fd;

	*tries_out = 0;
	snprintf(path, sizeof(path), "%s/opening", b->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX) < 0) {
		close(fd);
		return -1;
	}
	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		*tries_out = (unsigned)atoi(text);
	snprintf(text, sizeof(text), "%u\n", *tries_out + 1);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		*tries_out = 0;
	return fd;
}

/* store_attempt_end - it came to an end */
static void
store_attempt_end(int fd)
{
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) < 0)
		(void)lseek(fd, 0, SEEK_SET);
	close(fd);
}

/* store_open - open and check; db_lock is held for writing */
static int
store_open(struct bayes *b, bool create, char err[DB_ERR])
{
	unsigned tries = 0;
	int fd = b->offline ? -1 : store_attempt(b, &tries), status;

	if (tries >= STORE_TRIES)
		store_aside(b, "checking it killed the process");
	status = db_open(b->dir, create, b->size, &b->db, err);
	if (status == WEIR_OK && !b->offline)
		status = db_verify(b->db, err);
	if (status == WEIR_E_INTERNAL && !b->offline) {
		db_close(&b->db);
		store_aside(b, err);
		status = create ? db_open(b->dir, true, b->size, &b->db, err) :
				  WEIR_E_NOTFOUND;
	}
	if (status < 0)
		db_close(&b->db);
	store_attempt_end(fd);
	return status;
}

/* store_fresh - is what is open still the file at the path? */
static bool
store_fresh(struct bayes *b)
{
	int64_t now = b->host->mono_ms(b->self);

	if (b->db == NULL)
		return false;
	if (now - __atomic_load_n(&b->db_looked_ms, __ATOMIC_RELAXED) <
	    STORE_LOOK_MS)
		return true;
	__atomic_store_n(&b->db_looked_ms, now, __ATOMIC_RELAXED);
	return db_is_current(b->db);
}

/* store_use - the database, to be given back */
int
store_use(struct bayes *b, bool create, struct db **out, char err[DB_ERR])
{
	int status = WEIR_OK;

	err[0] = '\0';
	pthread_rwlock_rdlock(&b->db_lock);
	if (!store_fresh(b)) {
		pthread_rwlock_unlock(&b->db_lock);
		pthread_rwlock_wrlock(&b->db_lock);
		if (b->db != NULL && !db_is_current(b->db))
			db_close(&b->db);
		if (b->db == NULL)
			status = store_open(b, create, err);
		pthread_rwlock_unlock(&b->db_lock);
		if (status < 0)
			return status;
		pthread_rwlock_rdlock(&b->db_lock);
		if (b->db == NULL) {
			/* somebody set it aside in between */
			pthread_rwlock_unlock(&b->db_lock);
			return WEIR_E_TEMP;
		}
	}
	*out = b->db;
	return WEIR_OK;
}

/* store_done - not used any more; status: what came of it */
void
store_done(struct bayes *b, int status, const char *why)
{
	struct db *db = b->db;

	pthread_rwlock_unlock(&b->db_lock);
	if (status != WEIR_E_INTERNAL && status != WEIR_E_STALE)
		return;
	pthread_rwlock_wrlock(&b->db_lock);
	if (b->db == db) {
		bool ours = status == WEIR_E_INTERNAL && !b->offline &&
		    db != NULL && db_is_current(db);

		db_close(&b->db);
		if (ours)
			store_aside(b, why);
	}
	pthread_rwlock_unlock(&b->db_lock);
}
