/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kill_test - the process is killed, or the disk fills up, at each single
 * system call of keeping, releasing and deleting.
 *
 * The calls of the store and of SQLite come through here: the program defines
 * them itself.  A child does the work and kills itself at the n-th call, for
 * every n until it gets to its end; the parent looks at what is left, as the
 * next worker would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/service/quarantine.h>

#include "care.h"
#include "file.h"
#include "item.h"
#include "keep.h"
#include "lib/folder.h"
#include "release.h"

#define MAIL "From: a@example.org\r\nSubject: one\r\n\r\n.dot\r\nbody\r\n"
#define POINTS_MAX 2000

static int kill_at;  /* 0: never */
static int full_at;  /* from this call on the disk is full; 0: never */
static int full_for; /* for so many calls */
static int calls;

/* point - one call that changes something; true: it fails, the disk is full */
static bool
point(void)
{
	calls++;
	if (calls == kill_at)
		kill(getpid(), SIGKILL);
	if (full_at == 0 || calls < full_at || calls >= full_at + full_for)
		return false;
	errno = ENOSPC;
	return true;
}

#define EXPORTED __attribute__((visibility("default")))
#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

EXPORTED ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(write);
	return point() ? -1 : real(fd, p, n);
}

EXPORTED ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	REAL(pwrite64);
	return point() ? -1 : real(fd, p, n, at);
}

EXPORTED int
fsync(int fd)
{
	REAL(fsync);
	return point() ? -1 : real(fd);
}

EXPORTED int
fdatasync(int fd)
{
	REAL(fdatasync);
	return point() ? -1 : real(fd);
}

EXPORTED int
ftruncate64(int fd, off64_t n)
{
	REAL(ftruncate64);
	return point() ? -1 : real(fd, n);
}

EXPORTED int
link(const char *from, const char *to)
{
	REAL(link);
	return point() ? -1 : real(from, to);
}

EXPORTED int
mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	return point() ? -1 : real(path, mode);
}

EXPORTED int
unlink(const char *path)
{
	REAL(unlink);
	calls++;
	if (calls == kill_at)
		kill(getpid(), SIGKILL);
	return real(path);
}

EXPORTED int
rename(const char *from, const char *to)
{
	REAL(rename);
	return point() ? -1 : real(from, to);
}

EXPORTED ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	REAL(send);
	calls++;
	if (calls == kill_at)
		kill(getpid(), SIGKILL);
	return real(fd, p, n, flags);
}

EXPORTED ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	REAL(recv);
	calls++;
	if (calls == kill_at)
		kill(getpid(), SIGKILL);
	return real(fd, p, n, flags);
}

static char folder[80];
static int64_t later_ms; /* added to the clock */

static int64_t
now(void *arg)
{
	(void)arg;
	return (int64_t)time(NULL) * 1000 + later_ms;
}

/* fresh - an empty folder */
static void
fresh(void)
{
	if (folder[0] != '\0')
		folder_remove(folder);
	/* what is on disk is not the question here: memory is quicker */
	assert_true(folder_make(folder, sizeof(folder),
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : folder_where(),
	    "weir-kill"));
	later_ms = 0;
}

static struct store *
store_of(void)
{
	struct store_conf conf = { .folder = folder, .maildir = true,
		.now = now };

	return store_create(&conf);
}

static const char *const rcpts[] = { "One@example.net", "two@example.net" };
static const char *const users[] = { "one@example.net", "two@example.net" };

/* mail - what a worker would ask for */
static struct keep *
mail(void)
{
	struct keep *k = keep_create(2);

	k->time_ms = now(NULL);
	k->verdict = true;
	k->sender = strdup("a@example.org");
	k->params = strdup("");
	k->message_id = strdup("");
	k->client = strdup("192.0.2.1");
	k->helo = strdup("c.example");
	k->queue_id = strdup("Q");
	k->decision = strdup("d");
	k->findings = strdup("[]");
	k->from = strdup("a@example.org");
	k->subject = strdup("one");
	for (int i = 0; i < 2; i++) {
		k->rcpts[i].address = strdup(rcpts[i]);
		k->rcpts[i].user = strdup(users[i]);
		k->rcpts[i].reason = strdup("spam");
		k->rcpts[i].class_ = WEIR_QUARANTINE_SPAM;
	}
	return k;
}

/* keep_it - file and row; the status */
static int
keep_it(struct store *st, char id[ID_LEN + 1])
{
	FILE *f = tmpfile();
	struct keep *k = mail();
	struct fault fault;
	int status;

	fwrite(MAIL, 1, strlen(MAIL), f);
	fflush(f);
	status = keep_write(st, fileno(f), k);
	if (status == WEIR_OK) {
		keep_commit(st, k, NULL, &fault);
		status = k->status;
	}
	if (id != NULL)
		memcpy(id, k->rcpts[0].id, ID_LEN + 1);
	keep_destroy(k);
	fclose(f);
	return status;
}

/* child - run work in a child that dies at its n-th call; true: it came to its
   end.  said: what it told before it died. */
static bool
child(int n, void (*work)(int say), char *said)
{
	int p[2], status = 0;
	pid_t pid;
	ssize_t got;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		calls = 0;
		kill_at = n;
		work(p[1]);
		kill_at = 0;
		_exit(0);
	}
	close(p[1]);
	got = read(p[0], said, 1);
	if (got != 1)
		*said = '\0';
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status);
}

/* say - tell the parent; not a call that counts */
static void
say(int fd)
{
	kill_at = 0;
	assert_int_equal(write(fd, "k", 1), 1);
}

static void
work_keep(int fd)
{
	struct store *st = store_of();

	if (keep_it(st, NULL) == WEIR_OK)
		say(fd);
}

/* count - rows of a query */
static int64_t
count(struct store *st, const char *sql, const char *arg)
{
	struct fault f;
	sqlite3 *db = store_begin(st, false, &f);
	sqlite3_stmt *q = store_query(db, &f, sql, "s", arg);
	int64_t n;

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	store_end(st);
	return n;
}

static int nfiles;

static int
count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	nfiles += type == FTW_F;
	return 0;
}

/* files - how many lie below a part of the folder */
static int
files(const char *part)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, part);
	nfiles = 0;
	nftw(path, count_file, 16, FTW_PHYS);
	return nfiles;
}

/* whole - the one item of each recipient, and its octets */
static void
whole(struct store *st, const char *when)
{
	for (int i = 0; i < 2; i++) {
		char sql[] = "SELECT count(*) FROM item WHERE user = ?";

		if (count(st, sql, users[i]) != 1)
			fail_msg("%s: %d items of %s", when,
			    (int)count(st, sql, users[i]), users[i]);
	}
	if (files("mail") != 1 || files("imap") != 2)
		fail_msg("%s: %d files, %d views", when, files("mail"),
		    files("imap"));
}

/* same - the file of an item holds the mail */
static void
same(struct store *st, const char *id)
{
	char got[sizeof(MAIL) + 10];
	struct fault f;
	struct item i;
	sqlite3 *db = store_begin(st, false, &f);
	int fd;

	assert_int_equal(item_find(db, id, &i, &f), WEIR_OK);
	store_end(st);
	fd = file_open(st, i.file, &f);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), strlen(MAIL));
	assert_memory_equal(got, MAIL, strlen(MAIL));
	close(fd);
}

/* tidy - what the next worker does first */
static void
tidy(struct store *st)
{
	struct care_repaired r;
	struct fault f = { 0, "" };

	later_ms += 3000;
	if (care_repair(st, 1000, &r, &f) != WEIR_OK)
		fail_msg("repair: %s", f.text);
	assert_int_equal(r.rows, 0); /* never a row without its file */
}

/* Killed anywhere while it keeps: what was answered is there, and the sender
   who tries again makes no second one. */
static void
test_keep(void **state)
{
	bool ended = false;
	int n;

	(void)state;
	for (n = 1; !ended && n < POINTS_MAX; n++) {
		char id[ID_LEN + 1], when[32], told;
		struct store *st;

		fresh();
		snprintf(when, sizeof(when), "killed at %d", n);
		ended = child(n, work_keep, &told);
		st = store_of();
		tidy(st);
		if (told == 'k')
			whole(st, when);
		else if (files("mail") !=
		    count(st, "SELECT count(*) FROM mail WHERE 'x' = ?", "x"))
			fail_msg("%s: file and row differ", when);
		/* it comes again; also when our answer was lost on its way */
		if (keep_it(st, id) != WEIR_OK)
			fail_msg("%s: the next try fails", when);
		whole(st, when);
		same(st, id);
		store_destroy(&st);
	}
	assert_true(ended);
	print_message("killed at each of %d calls\n", n - 1);
	assert_in_range(n, 20, POINTS_MAX - 1);
}

static char victim[ID_LEN + 1];

static void
work_delete(int fd)
{
	struct store *st = store_of();
	struct item_files gone = ITEM_FILES_INIT;
	struct fault f;
	sqlite3 *db = store_begin(st, true, &f);

	if (item_delete(db, victim, false, &gone, &f) == WEIR_OK &&
	    store_commit(st, &f) == WEIR_OK)
		item_files_unlink(st, &gone);
	(void)fd;
}

/* Killed while it deletes: the item is there as a whole, or gone. */
static void
test_delete(void **state)
{
	bool ended = false;
	int n;

	(void)state;
	for (n = 1; !ended && n < POINTS_MAX; n++) {
		struct store *st;
		char told;
		int64_t items;

		fresh();
		st = store_of();
		assert_int_equal(keep_it(st, victim), WEIR_OK);
		store_destroy(&st);
		ended = child(n, work_delete, &told);
		st = store_of();
		tidy(st);
		items = count(st, "SELECT count(*) FROM item WHERE 'x' = ?",
		    "x");
		assert_in_range(items, ended ? 1 : 1, 2);
		assert_int_equal(files("mail"), 1); /* the other one's */
		if (items == 2)
			same(st, victim);
		store_destroy(&st);
	}
	assert_true(ended);
	print_message("killed at each of %d calls\n", n - 1);
}

/* A next hop of the test's own, which counts what it takes. */

/* sink_line - read up to a line end; false: the client is gone */
static bool
sink_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n > 0 && line[n - 1] == '\n';
}

/* sink_talk - one client */
static void
sink_talk(int fd, int out)
{
	char line[2000];
	bool data = false;

	dprintf(fd, "220 sink\r\n");
	while (sink_line(fd, line, sizeof(line))) {
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		if (data) {
			/* it is ours from here on, whoever hears of it */
			if (write(out, "m", 1) != 1)
				_exit(1);
			data = false;
			dprintf(fd, "250 taken\r\n");
		} else if (strncmp(line, "DATA", 4) == 0) {
			data = true;
			dprintf(fd, "354 go on\r\n");
		} else {
			dprintf(fd, "250 ok\r\n");
		}
	}
	close(fd);
}

static char sink_path[100];
static int sink_out[2];
static pid_t sink_pid;

/* sink_start - in a process of its own */
static void
sink_start(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sink_path, sizeof(sink_path), "unix:%s/sink", folder);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/sink", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 10), 0);
	assert_int_equal(pipe2(sink_out, O_NONBLOCK), 0);
	sink_pid = fork();
	if (sink_pid == 0) {
		for (;;) {
			int c = accept(fd, NULL, NULL);

			if (c < 0)
				_exit(0);
			sink_talk(c, sink_out[1]);
		}
	}
	close(fd);
}

/* sink_stop - how many mails it has taken */
static int
sink_stop(void)
{
	char all[100];
	ssize_t n;

	kill(sink_pid, SIGKILL);
	waitpid(sink_pid, NULL, 0);
	n = read(sink_out[0], all, sizeof(all));
	close(sink_out[0]);
	close(sink_out[1]);
	return n > 0 ? (int)n : 0;
}

static struct release_conf
release_conf(void)
{
	return (struct release_conf){ .next_hop = sink_path, .helo = "test",
		.timeout_ms = 5000, .token = true, .token_ms = 60000 };
}

static void
work_release(int fd)
{
	struct release_conf conf = release_conf();
	struct store *st = store_of();
	struct release_result r;
	struct fault f;
	struct item i;

	if (release_ask(st, victim, 0, "test", &i, &f) == WEIR_OK &&
	    release_try(st, &conf, victim, &r, &f) == WEIR_OK &&
	    r.state == ITEM_RELEASED)
		say(fd);
}

/* state_of - the item's */
static int
state_of(struct store *st, const char *id)
{
	struct fault f;
	struct item i;
	sqlite3 *db = store_begin(st, false, &f);

	assert_int_equal(item_find(db, id, &i, &f), WEIR_OK);
	store_end(st);
	return i.state;
}

/* Killed anywhere while it releases: the next worker finishes it; nothing is
   sent twice, and where nobody can know, nothing is sent and that is said. */
static void
test_release(void **state)
{
	bool ended = false;
	int n, unsure = 0;

	(void)state;
	for (n = 1; !ended && n < POINTS_MAX; n++) {
		struct release_conf conf;
		char ids[4][ID_LEN + 1], told;
		struct release_result r;
		struct store *st;
		struct fault f;
		int due, taken, last;

		fresh();
		st = store_of();
		assert_int_equal(keep_it(st, victim), WEIR_OK);
		store_destroy(&st);
		sink_start();
		conf = release_conf();
		ended = child(n, work_release, &told);
		st = store_of();
		if (state_of(st, victim) == ITEM_NEW) {
			/* the wish was not committed: it comes again */
			struct item i;

			assert_int_equal(release_ask(st, victim, 0, "test", &i,
			    &f), WEIR_OK);
		}
		later_ms += 200000; /* leases run out */
		due = release_due(st, ids, 4, &f);
		assert_in_range(due, 0, 1);
		for (int i = 0; i < due; i++)
			assert_int_equal(release_try(st, &conf, ids[i], &r,
			    &f), WEIR_OK);
		last = state_of(st, victim);
		/* asked for once more: it is known that it was released */
		if (last == ITEM_RELEASED) {
			struct item i;

			assert_int_equal(release_ask(st, victim, 0, "test", &i,
			    &f), WEIR_E_EXISTS);
		}
		taken = sink_stop();
		if (taken > 1)
			fail_msg("killed at %d: sent %d times", n, taken);
		if (told == 'k' && taken != 1)
			fail_msg("killed at %d: told, not sent", n);
		if (last == ITEM_SENT)
			unsure++;
		else if (last != ITEM_RELEASED || taken != 1)
			fail_msg("killed at %d: state %d, sent %d times", n,
			    last, taken);
		same(st, victim);
		store_destroy(&st);
	}
	assert_true(ended);
	print_message("killed at each of %d calls, %d of them between the dot "
	    "and the note of its answer\n", n - 1, unsure);
	assert_in_range(unsure, 1, 40);
	assert_in_range(n, 30, POINTS_MAX - 1);
}

/* The disk is full at the n-th call, and at those that follow: nothing is
   kept, nothing is left, and the next mail comes in. */
static void
test_full(void **state)
{
	static const int lengths[] = { 1, 10000 };
	int n = 1, failed = 0;

	(void)state;
	for (size_t l = 0; l < 2; l++) {
		bool ended = false;

		for (n = 1; !ended && n < POINTS_MAX; n++) {
			struct store *st;
			int status;

			fresh();
			st = store_of();
			calls = 0;
			full_at = n;
			full_for = lengths[l];
			status = keep_it(st, NULL);
			ended = calls < n;
			full_at = 0;
			failed += status < 0;
			if (status < 0 && files("mail") != 0)
				fail_msg("full at %d: %d files left", n,
				    files("mail"));
			if (status < 0 && files("imap") != 0)
				fail_msg("full at %d: %d views left", n,
				    files("imap"));
			if (keep_it(st, NULL) != WEIR_OK)
				fail_msg("full at %d: does not resume", n);
			whole(st, "full");
			store_destroy(&st);
		}
		assert_true(ended);
	}
	print_message("full at each of %d calls, refused %d times\n", n - 1,
	    failed);
	assert_in_range(failed, 20, POINTS_MAX);
}

static int
teardown(void **state)
{
	(void)state;
	if (folder[0] != '\0')
		folder_remove(folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_full),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, teardown);
}
