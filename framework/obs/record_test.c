/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record_test - writing from several processes, finding, retention, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "obs/log.h"
#include "obs/record.h"

static char dir[128], path[256];
static int events[LOG_EVENT_COUNT]; /* seen; from the writer, under the log's
				       lock; read when the writer is gone */

static void
note(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	(void)level;
	(void)line;
	(void)len;
	(void)arg;
	events[event]++;
}

static int
begin(void **state)
{
	(void)state;
	text_temporary(dir, sizeof(dir), "weir-record");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/explain.db", dir);
	memset(events, 0, sizeof(events));
	log_set_capture(note, NULL);
	return 0;
}

static int
end(void **state)
{
	char command[160];

	(void)state;
	record_fini();
	log_set_capture(NULL, NULL);
	clock_set_wall(0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* put - a record with these ids */
static bool
put(const char *id, const char *queue_id)
{
	struct record r = { .time_ms = clock_wall_ms(),
		.id = text_slice(id), .session = text_slice("s"),
		.queue_id = text_slice(queue_id),
		.kind = text_slice("message"), .verdict = text_slice("reject"),
		.sender = text_slice("a@b.example"),
		.client = text_slice("192.0.2.1"),
		.recipients = text_slice("c@d.example"),
		.json = text_slice("{\"v\":1}") };

	return record_put(&r);
}

static int seen;
static char seen_ids[256];

static bool
see(const struct record *r, void *arg)
{
	(void)arg;
	assert_string_equal(r->sender.ptr, "a@b.example");
	assert_string_equal(r->json.ptr, "{\"v\":1}");
	assert_int_equal(r->recipients.len, strlen("c@d.example"));
	seen++;
	snprintf(seen_ids + strlen(seen_ids),
	    sizeof(seen_ids) - strlen(seen_ids), "%s ", r->id.ptr);
	return seen < 3;
}

/* found - how many records have this id */
static int
found(const char *key)
{
	struct err err;
	int status;

	seen = 0;
	seen_ids[0] = '\0';
	status = record_find(path, text_slice(key), see, NULL, &err);
	if (status == WEIR_E_NOTFOUND) {
		assert_int_equal(seen, 0);
		return 0;
	}
	if (status != WEIR_OK)
		fail_msg("%s", err.text);
	return seen;
}

/* start - open the database */
static void
start(int64_t retention_ms)
{
	struct err err;

	if (record_init(path, retention_ms, &err) != WEIR_OK)
		fail_msg("%s", err.text);
}

/* rows - how many records there are in all */
static int
rows(void)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY,
		NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM record",
		-1, &st, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* wait_written - until that many are in the database; false after 20 s */
static bool
wait_written(uint64_t n)
{
	struct record_stats s;

	for (int i = 0; i < 20000; i++) {
		record_stats(&s);
		if (s.written >= n && s.queued == 0)
			return true;
		usleep(1000);
	}
	return false;
}

/* wait_rows - until the purge has left that many; false after 20 s */
static bool
wait_rows(int n)
{
	for (int i = 0; i < 2000; i++) {
		if (rows() == n)
			return true;
		usleep(10000);
	}
	return false;
}

static void
records_are_found_soon(void **state)
{
	uint64_t from;
	struct stat st;

	(void)state;
	start(0);
	assert_int_equal(found("A1"), 0);
	from = clock_mono_ns();
	assert_true(put("A1", "Q1"));
	assert_true(put("A2", "Q1"));
	assert_true(put("A3", ""));
	while (found("A1") == 0)
		assert_true(clock_mono_ns() - from < 5000000000u);
	print_message("findable after %.0f ms\n",
	    (double)(clock_mono_ns() - from) / 1e6);
	assert_int_equal(found("Q1"), 2);
	assert_string_equal(seen_ids, "A1 A2 ");
	assert_int_equal(found(""), 0);
	assert_int_equal(found("A3"), 1);
	assert_int_equal(found("Q1' OR 1=1"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	record_fini();
	/* and without any writer */
	assert_int_equal(found("A1"), 1);
	for (int i = 0; i < LOG_EVENT_COUNT; i++)
		assert_int_equal(events[i], 0);
}

static void
four_processes_write_one_file(void **state)
{
	pid_t pid[4];
	char id[32];
	int status;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		start(3600000);
		for (int k = 0; k < 3000; k++) {
			struct record_stats s;

			snprintf(id, sizeof(id), "P%d-%d", i, k);
			if (!put(id, "Q"))
				_exit(1);
			do {
				record_stats(&s);
				if (s.queued > 2000)
					usleep(1000);
			} while (s.queued > 2000);
		}
		record_fini();
		_exit(events[LOG_EXPLAIN_DROPPED] != 0 ||
		    events[LOG_STORE_DEGRADED] != 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(rows(), 12000);
	assert_int_equal(found("P2-2999"), 1);
}

static void
a_killed_writer_leaves_a_good_file(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		start(0);
		for (int i = 0; i < 100; i++)
			put("K", "Q");
		wait_written(100);
		for (;;)
			put("more", "Q");
	}
	for (int i = 0; i < 20000; i++) {
		if (access(path, R_OK) == 0 && access(path, W_OK) == 0) {
			struct err err;

			seen = 0;
			if (record_find(path, text_slice("more"), see, NULL,
				&err) == WEIR_OK)
				break;
		}
		usleep(1000);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	start(0);
	assert_true(put("after", "Q"));
	record_fini();
	assert_int_equal(found("after"), 1);
	assert_int_equal(events[LOG_STORE_CORRUPT], 0);
	assert_true(rows() > 100);
}

static void
a_locked_database_drops_but_never_blocks(void **state)
{
	struct record_stats s;
	uint64_t from, longest = 0;
	sqlite3 *db;
	int dropped = 0;

	(void)state;
	start(0);
	assert_true(put("first", "Q"));
	assert_true(wait_written(1));
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL,
		NULL), SQLITE_OK);
	for (int i = 0; i < RECORD_QUEUE_MAX + 500; i++) {
		from = clock_mono_ns();
		if (!put("x", "Q"))
			dropped++;
		from = clock_mono_ns() - from;
		longest = from > longest ? from : longest;
	}
	assert_int_equal(dropped, 500);
	assert_true(longest < 1000000000u);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_true(wait_written(1 + RECORD_QUEUE_MAX));
	record_stats(&s);
	assert_int_equal(s.dropped, 500);
	record_fini();
	assert_int_equal(rows(), 1 + RECORD_QUEUE_MAX);
	assert_true(events[LOG_EXPLAIN_DROPPED] >= 1);
}

static void
octets_are_bounded_too(void **state)
{
	struct record r = { .id = text_slice("big") };
	struct record_stats s;
	char *big = calloc(1, 8u << 20);
	int taken = 0;

	(void)state;
	start(0);
	memset(big, 'x', 8u << 20);
	r.json.ptr = big;
	r.json.len = (8u << 20) - 1024;
	/* at most four at a time fit, the writer takes them meanwhile */
	for (int i = 0; i < 100; i++) {
		taken += record_put(&r);
		record_stats(&s);
		assert_true(s.queued <= 4);
	}
	assert_true(taken >= 4 && s.dropped + (unsigned)taken == 100);
	r.json.len = RECORD_QUEUE_OCTETS + 1;
	assert_false(record_put(&r));
	free(big);
}

static void
old_records_go_away(void **state)
{
	const int64_t day = 86400000;

	(void)state;
	clock_set_wall(1795422609000);
	start(0);
	for (int i = 0; i < 1700; i++)
		assert_true(put("old", "Q"));
	assert_true(wait_written(1700));
	record_fini();
	clock_advance(20 * day);
	/* at the start */
	start(14 * day);
	assert_true(put("new", "Q"));
	assert_true(wait_written(1));
	assert_true(wait_rows(1));
	assert_int_equal(found("new"), 1);
	/* the writer has noted when it is next due once it takes another */
	assert_true(put("newer", "Q"));
	assert_true(wait_written(2));
	/* and every hour, while the process runs: the writer looks after the
	   next record */
	clock_advance(15 * day);
	assert_true(put("last", "Q"));
	assert_true(wait_written(3));
	assert_true(wait_rows(1));
	assert_int_equal(found("last"), 1);
}

/* set_aside - how many files were set aside */
static int
set_aside(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		const char *p = strstr(e->d_name, ".bad-");

		if (p != NULL && strchr(p + 5, '-') == NULL)
			n++;
	}
	closedir(d);
	return n;
}

static void
garbage_is_set_aside_at_the_start(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, "this is no database at all\n", 27),
		    27);
	close(fd);
	start(0);
	assert_true(put("A", "Q"));
	record_fini();
	assert_int_equal(found("A"), 1);
	assert_int_equal(set_aside(), 1);
	assert_int_equal(events[LOG_STORE_CORRUPT], 1);
	start(0);
	record_fini();
	assert_int_equal(events[LOG_STORE_CORRUPT], 1);
}

static void
damage_while_running_is_set_aside(void **state)
{
	char junk[4096];
	struct stat st;
	int fd;

	(void)state;
	memset(junk, 0xa5, sizeof(junk));
	start(0);
	for (int i = 0; i < 2000; i++)
		assert_true(put("A", "Q"));
	assert_true(wait_written(2000));
	record_fini(); /* everything is in the main file now */
	fd = open(path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	/* the header stays: only use finds this */
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), 4096);
	close(fd);
	start(0);
	for (int i = 0; i < 100; i++)
		assert_true(put("B", "Q"));
	assert_true(wait_written(100));
	record_fini();
	assert_int_equal(rows(), 100);
	assert_int_equal(set_aside(), 1);
	assert_int_equal(events[LOG_STORE_CORRUPT], 1);
	assert_int_equal(events[LOG_EXPLAIN_DROPPED], 0);
}

static void
a_file_taken_away_is_begun_anew(void **state)
{
	char moved[300], side[300];

	(void)state;
	start(0);
	assert_true(put("A", "Q"));
	assert_true(wait_written(1));
	snprintf(moved, sizeof(moved), "%s.moved", path);
	assert_int_equal(rename(path, moved), 0);
	snprintf(side, sizeof(side), "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof(side), "%s-shm", path);
	unlink(side);
	assert_true(put("B", "Q"));
	assert_true(wait_written(2));
	record_fini();
	assert_int_equal(found("B"), 1);
	assert_int_equal(found("A"), 0);
}

static void
other_files_are_refused(void **state)
{
	struct err err;
	sqlite3 *db;

	(void)state;
	assert_true(record_init("/dev/null/x.db", 0, &err) < 0);
	assert_non_null(strstr(err.text, "/dev/null/x.db"));
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL,
		NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(record_init(path, 0, &err), WEIR_E_INVAL);
	assert_non_null(strstr(err.text, "newer"));
	assert_false(put("A", "Q"));
	snprintf(path, sizeof(path), "%s/absent.db", dir);
	assert_true(record_find(path, text_slice("A"), see, NULL, &err) < 0);
}

static void *
producer(void *arg)
{
	for (int i = 0; i < 500; i++)
		put(arg, "Q");
	return NULL;
}

static void
threads_may_put(void **state)
{
	pthread_t t[4];

	(void)state;
	start(0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, producer, (void *)(uintptr_t)"T");
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	record_fini();
	assert_int_equal(rows(), 2000);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(records_are_found_soon),
		ROW(four_processes_write_one_file),
		ROW(a_killed_writer_leaves_a_good_file),
		ROW(a_locked_database_drops_but_never_blocks),
		ROW(octets_are_bounded_too),
		ROW(old_records_go_away),
		ROW(garbage_is_set_aside_at_the_start),
		ROW(damage_while_running_is_set_aside),
		ROW(a_file_taken_away_is_begun_anew),
		ROW(other_files_are_refused),
		ROW(threads_may_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
