/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quarantine - copies a second with fsync, and lists of 100,000 items.
 *
 * usage: quarantine [--quick] [FOLDER]
 *
 * The store of modules/quarantine without a daemon: four threads write files,
 * as the job pool does, rows are committed for so many at a time.  Beside it
 * the least that keeps a file: write, fsync, fsync of the folder.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../modules/quarantine/command.h"
#include "../lib/folder.h"

#define THREADS 4
#define MAIL 4096
#define ITEMS 100000
#define LIST_MS 100

static char folder[4096];
static int mail_fd;
static unsigned serial;

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* cpu - of the process so far, all threads */
static double
cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int64_t
now(void *arg)
{
	(void)arg;
	return (int64_t)time(NULL) * 1000;
}

/* work - what one thread writes of a batch */
struct work {
	struct store *st;
	struct keep **all;
	unsigned n, *next;
	pthread_mutex_t *lock;
};

static void *
work_run(void *arg)
{
	struct work *w = arg;

	for (;;) {
		unsigned i;

		pthread_mutex_lock(w->lock);
		i = (*w->next)++;
		pthread_mutex_unlock(w->lock);
		if (i >= w->n)
			return NULL;
		keep_write(w->st, mail_fd, w->all[i]);
	}
}

/* mail - no two of the same sender: each is a new item */
static struct keep *
mail(void)
{
	struct keep *k = keep_create(1);
	char sender[40], rcpt[40];

	snprintf(sender, sizeof(sender), "s%u@example.org", serial++);
	snprintf(rcpt, sizeof(rcpt), "r%u@example.net", serial % 100);
	k->time_ms = now(NULL);
	k->verdict = true;
	k->sender = strdup(sender);
	k->params = strdup("");
	k->message_id = strdup("<1@example.org>");
	k->client = strdup("192.0.2.1");
	k->helo = strdup("mx.example.org");
	k->queue_id = strdup("4abc");
	k->decision = strdup("m8hc6t3n0000");
	k->findings = strdup("[]");
	k->from = strdup("A <a@example.org>");
	k->subject = strdup("buy this");
	k->rcpts[0].address = strdup(rcpt);
	k->rcpts[0].user = strdup(rcpt);
	k->rcpts[0].reason = strdup("spam");
	k->rcpts[0].class_ = WEIR_QUARANTINE_SPAM;
	return k;
}

/* batch - n mails, one commit; false: something failed */
static bool
batch(struct store *st, unsigned n)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct keep **all = calloc(n, sizeof(*all));
	pthread_t threads[THREADS];
	unsigned next = 0;
	struct work w = { st, all, n, &next, &lock };
	struct fault f;
	bool ok;

	for (unsigned i = 0; i < n; i++) {
		all[i] = mail();
		if (i > 0)
			all[i - 1]->next = all[i];
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work_run, &w);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ok = keep_commit(st, all[0], NULL, &f) == WEIR_OK;
	for (unsigned i = 0; i < n; i++) {
		ok = ok && all[i]->status == WEIR_OK;
		keep_destroy(all[i]);
	}
	free(all);
	return ok;
}

/* floor_run - write, fsync, fsync: files a second */
static double
floor_run(double limit)
{
	double begin = seconds(), took;
	char path[4200], data[MAIL];
	unsigned n = 0;

	memset(data, 'x', sizeof(data));
	do {
		int fd, dir;

		snprintf(path, sizeof(path), "%s/floor%u", folder, n++);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		dir = open(folder, O_RDONLY | O_DIRECTORY);
		if (fd < 0 || dir < 0 ||
		    write(fd, data, sizeof(data)) != sizeof(data) ||
		    fsync(fd) != 0 || fsync(dir) != 0)
			return 0;
		close(fd);
		close(dir);
		took = seconds() - begin;
	} while (took < limit);
	return n / took;
}

/* keeps - copies a second, so many at a time */
static void
keeps(struct store *st, const char *what, unsigned at_once, double limit)
{
	double begin = seconds(), used = cpu(), took;
	unsigned n = 0;

	do {
		if (!batch(st, at_once)) {
			fprintf(stderr, "a copy was not kept\n");
			exit(1);
		}
		n += at_once;
		took = seconds() - begin;
	} while (took < limit);
	printf("  %-42s %8.0f   CPU %.2f ms each\n", what, n / took,
	    (cpu() - used) * 1e3 / n);
}

/* fill - the index of a large quarantine */
static bool
fill(struct store *st)
{
	struct fault f;
	sqlite3 *db = store_begin(st, true, &f);

	if (db == NULL)
		return false;
	if (store_run(db, &f, NULL, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL"
		" SELECT i + 1 FROM c WHERE i < ?) INSERT INTO mail (file,"
		" digest, size, time_ms, sender, params, message_id, client,"
		" helo, queue_id, decision, findings) SELECT 'f' || i,"
		" zeroblob(32), 5000, 1700000000000 + i, 's' || i ||"
		" '@example.org', '', '', '', '', '', '', '[]' FROM c", "i",
		(int64_t)ITEMS) < 0 ||
	    store_run(db, &f, NULL, "INSERT INTO item (id, m, time_ms, class,"
		" state, score, size, rcpt, user, sender, from_text, subject,"
		" reason, verdict) SELECT printf('%026d', m), m, time_ms,"
		" 1 + m % 3, 1, m % 30, size, 'r' || m % 1000 ||"
		" '@example.net', 'r' || m % 1000 || '@example.net', sender,"
		" sender, 'Offer number ' || m, 'spam', 1 FROM mail WHERE"
		" file LIKE 'f%'", "") < 0) {
		store_rollback(st);
		fprintf(stderr, "%s\n", f.text);
		return false;
	}
	return store_commit(st, &f) == WEIR_OK;
}

/* list - one run of the command, ms; used_out: of these on a CPU */
static double
list(struct store *st, int argc, const char **words, double *used_out)
{
	struct quarantine q = { .store = st };
	struct order o = { .q = &q, .json = true };
	char *argv[12];
	double begin, used;

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	o.out = open_memstream(&o.out_text, &o.out_len);
	begin = seconds();
	used = cpu();
	if (filter_read(&o.filter, "[--limit N] [--offset N] [--rcpt A] "
	    "[--sender T] [--class C] [--subject T] [--min-score N]",
	    (uint32_t)argc, argv, now(NULL), &o.fault) < 0 ||
	    op_list(&o) < 0) {
		fprintf(stderr, "%s\n", o.fault.text);
		return -1;
	}
	fflush(o.out);
	begin = seconds() - begin;
	*used_out = (cpu() - used) * 1e3;
	fclose(o.out);
	free(o.out_text);
	return begin * 1e3;
}

/* lists - the slowest of each kind of question */
static bool
lists(struct store *st)
{
	static const struct {
		const char *what;
		int argc;
		const char *words[8];
	} cases[] = {
		{ "the newest 100", 1, { "list" } },
		{ "1,000 from the middle", 5,
		    { "list", "--limit", "1000", "--offset", "50000" } },
		{ "one recipient's", 3, { "list", "--rcpt",
		      "r77@example.net" } },
		{ "by a word of the subject that none has", 3,
		    { "list", "--subject", "nothing like it" } },
		{ "by a part of the sender and a score", 5,
		    { "list", "--sender", "99@", "--min-score", "20" } },
		{ "one class, the last of all", 5,
		    { "list", "--class", "virus", "--offset", "33300" } },
		{ "all kinds of text, none found", 7,
		    { "list", "--subject", "offer", "--sender", "example",
		      "--rcpt", "r5@example.com" } },
		{ "the last of all", 3, { "list", "--offset", "99900" } },
		{ "2,000, the most there is", 3,
		    { "list", "--limit", "2000" } },
	};
	bool ok = true;

	printf("\nlist --json of %d items\n", ITEMS);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double best = -1, used = 0;

		for (int k = 0; k < 5; k++) {
			double one = 0, ms = list(st, cases[i].argc,
			    (const char **)(uintptr_t)cases[i].words, &one);

			if (ms < 0 || (best >= 0 && ms >= best))
				continue;
			best = ms;
			used = one;
		}
		ok = ok && best >= 0 && best < LIST_MS;
		printf("  %-42s %8.1f ms, CPU %5.1f  (target < %d ms: %s)\n",
		    cases[i].what, best, used, LIST_MS,
		    best >= 0 && best < LIST_MS ? "yes" : "NO");
	}
	return ok;
}

int
main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	const char *where = argc > 1 + quick ? argv[1 + quick] : "/var/tmp";
	struct store_conf conf = { .folder = folder, .maildir = true,
		.now = now };
	char data[MAIL];
	struct store *st;
	double limit = quick ? 1 : 4;
	bool ok;

	if (!folder_make(folder, sizeof(folder), where, "weir-bench")) {
		perror(folder);
		return 1;
	}
	memset(data, 'x', sizeof(data));
	data[MAIL - 1] = '\n';
	mail_fd = memfd_create("mail", MFD_CLOEXEC);
	if (write(mail_fd, data, sizeof(data)) != sizeof(data))
		return 1;
	st = store_create(&conf);
	printf("copies of %d octets a second, all on disk before they count\n",
	    MAIL);
	printf("  %-42s %8.0f\n", "write, fsync, fsync of the folder alone",
	    floor_run(limit));
	keeps(st, "one at a time", 1, limit);
	keeps(st, "8 at a time", 8, limit);
	keeps(st, "64 at a time", 64, limit);
	ok = fill(st) && lists(st);
	store_destroy(&st);
	folder_remove(folder);
	return ok ? 0 : 1;
}
