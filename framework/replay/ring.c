/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "obs/log.h"
#include "replay/ring_int.h"

#define RING_QUEUE_MAX 1000
#define RING_QUEUE_OCTETS (16u << 20)
#define RING_FILES 16 /* a worker's, of these it fills one after another */
#define RING_PRUNE_S 60
#define RING_STOP_S 5

struct ring_item {
	struct ring_item *next;
	size_t len;
	char frame[];
};

static struct {
	pthread_mutex_t lock; /* guards the queue and the counters */
	pthread_cond_t cond;
	pthread_t thread;
	bool running, stop;
	struct ring_item *head, **tail;
	unsigned queued;
	size_t octets;
	uint64_t written, dropped, untold;
	/* from here on the thread's own */
	struct ring_config config;
	char *dir;
	int64_t files_max, file_size, file_count, file_ms;
	int fd; /* -1: none is open */
	off_t size;
	int64_t frames;
	int64_t begun_ms; /* wall, of the file */
	unsigned serial;
	bool degraded;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static void
ring_put_u32(char *p, uint32_t v)
{
	p[0] = (char)(v >> 24);
	p[1] = (char)(v >> 16);
	p[2] = (char)(v >> 8);
	p[3] = (char)v;
}

/* ring_frame_max - a frame must fit into one file */
size_t
ring_frame_max(void)
{
	return (size_t)ring.file_size < RING_HEAD ? 0 :
	    (size_t)ring.file_size - RING_HEAD < RING_FRAME_LIMIT ?
	    (size_t)ring.file_size - RING_HEAD : RING_FRAME_LIMIT;
}

/* ring_put - queue a copy */
bool
ring_put(int64_t time_ms, weir_str octets)
{
	struct ring_item *item = NULL;
	bool taken = false;

	if (octets.len <= ring_frame_max()) {
		item = xmalloc(sizeof(*item) + RING_HEAD + octets.len);
		item->next = NULL;
		item->len = RING_HEAD + octets.len;
		memcpy(item->frame, RING_MAGIC, 4);
		ring_put_u32(item->frame + 4, (uint32_t)octets.len);
		ring_put_u32(item->frame + 12,
		    (uint32_t)((uint64_t)time_ms >> 32));
		ring_put_u32(item->frame + 16, (uint32_t)time_ms);
		memcpy(item->frame + RING_HEAD, octets.ptr, octets.len);
	}
	pthread_mutex_lock(&ring.lock);
	if (item != NULL && ring.running && !ring.stop &&
	    ring.queued < RING_QUEUE_MAX &&
	    ring.octets + item->len <= RING_QUEUE_OCTETS) {
		*ring.tail = item;
		ring.tail = &item->next;
		ring.queued++;
		ring.octets += item->len;
		taken = true;
		pthread_cond_signal(&ring.cond);
	} else {
		ring.dropped++;
		ring.untold++;
	}
	pthread_mutex_unlock(&ring.lock);
	if (!taken)
		free(item);
	return taken;
}

/* ring_stats - numbers */
void
ring_stats(struct ring_stats *out)
{
	pthread_mutex_lock(&ring.lock);
	out->written = ring.written;
	out->dropped = ring.dropped;
	pthread_mutex_unlock(&ring.lock);
}

/* ring_tell - log what was lost since the last time */
static void
ring_tell(void)
{
	struct log_field f;
	uint64_t n;

	pthread_mutex_lock(&ring.lock);
	n = ring.untold;
	ring.untold = 0;
	pthread_mutex_unlock(&ring.lock);
	if (n == 0)
		return;
	f = log_int("count", (int64_t)n);
	log_fields(WEIR_LOG_WARN, LOG_RECORD_DROPPED, &f, 1,
	    "%llu recordings for replay were lost", (unsigned long long)n);
}

/* ring_trouble - log once that it fails, once that it works */
static void
ring_trouble(const char *why)
{
	if (why != NULL && !ring.degraded)
		log_event(WEIR_LOG_ERROR, LOG_STORE_DEGRADED,
		    "recordings can't be written to %s: %s", ring.dir, why);
	else if (why == NULL && ring.degraded)
		log_event(WEIR_LOG_INFO, LOG_STORE_RECOVERED,
		    "recordings are written to %s again", ring.dir);
	ring.degraded = why != NULL;
}

/* ring_compare - by name, which is by time */
static int
ring_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ring_prune - delete the oldest files beyond the bounds, and old ones; the
   file that is about to be made has its place, too */
static void
ring_prune(bool room)
{
	int64_t limit = clock_wall_ms() - ring.config.retention_ms;
	VEC(char *) names = VEC_INIT;
	DIR *d = opendir(ring.dir);
	struct dirent *e;
	size_t keep = (size_t)ring.files_max - room;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (ring_is_file(e->d_name))
			*vec_push(&names) = xstrdup(e->d_name);
	}
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(names.v[0]), ring_compare);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		if (names.n - i > keep ||
		    (fstatat(dirfd(d), names.v[i], &st, AT_SYMLINK_NOFOLLOW) ==
			0 && (int64_t)st.st_mtime * 1000 < limit))
			unlinkat(dirfd(d), names.v[i], 0);
		free(names.v[i]);
	}
	vec_fini(&names);
	if (d != NULL)
		closedir(d);
}

/* ring_shut - the file is full, or gone */
static void
ring_shut(void)
{
	if (ring.fd >= 0)
		close(ring.fd);
	ring.fd = -1;
}

/* ring_next - a new file */
static bool
ring_next(void)
{
	char *path;

	ring_prune(true);
	ring.begun_ms = clock_wall_ms();
	path = xasprintf("%s/%014lld-%03u-%06u.rec", ring.dir,
	    (long long)ring.begun_ms, ring.config.worker, ring.serial++);
	ring.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	ring.size = 0;
	ring.frames = 0;
	return ring.fd >= 0;
}

/* ring_ready - is there a file with room for this many octets */
static bool
ring_ready(size_t more)
{
	struct stat st;

	/* another worker, or a person, may have deleted it */
	if (ring.fd >= 0 && (fstat(ring.fd, &st) != 0 || st.st_nlink == 0 ||
	    ring.size + (off_t)more > ring.file_size ||
	    ring.frames >= ring.file_count ||
	    clock_wall_ms() - ring.begun_ms > ring.file_ms))
		ring_shut();
	return ring.fd >= 0 || ring_next();
}

/* ring_write - one frame; a part of one is taken back */
static void
ring_write(const struct ring_item *item)
{
	bool done = false;
	ssize_t n;

	if (ring_ready(item->len)) {
		n = write(ring.fd, item->frame, item->len);
		done = n == (ssize_t)item->len;
		if (!done && n > 0) {
			errno = ENOSPC;
			/* what stays is damage that a reader passes over */
			if (ftruncate(ring.fd, ring.size) != 0)
				ring_shut();
		}
	}
	ring_trouble(done ? NULL : strerror(errno));
	if (done) {
		ring.size += (off_t)item->len;
		ring.frames++;
	}
	pthread_mutex_lock(&ring.lock);
	ring.written += done;
	ring.dropped += !done;
	ring.untold += !done;
	pthread_mutex_unlock(&ring.lock);
}

/* ring_wait - for something to do; real time, whatever clock says */
static struct ring_item *
ring_wait(void)
{
	struct ring_item *all;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += RING_PRUNE_S;
	pthread_mutex_lock(&ring.lock);
	if (ring.head == NULL && !ring.stop)
		pthread_cond_timedwait(&ring.cond, &ring.lock, &ts);
	all = ring.head;
	ring.head = NULL;
	ring.tail = &ring.head;
	pthread_mutex_unlock(&ring.lock);
	return all;
}

/* ring_batch - write all, or lose it when there is no time left */
static void
ring_batch(struct ring_item *item, uint64_t *stop_ns)
{
	while (item != NULL) {
		struct ring_item *next = item->next;
		size_t len = item->len;

		item->frame[8] = 0;
		ring_put_u32(item->frame + 8,
		    ring_crc(item->frame + 12, len - 12));
		if (*stop_ns == 0 || clock_mono_ns() < *stop_ns)
			ring_write(item);
		free(item);
		pthread_mutex_lock(&ring.lock);
		ring.queued--;
		ring.octets -= len;
		if (ring.stop && *stop_ns == 0)
			*stop_ns = clock_mono_ns() +
			    RING_STOP_S * UINT64_C(1000000000);
		pthread_mutex_unlock(&ring.lock);
		item = next;
	}
}

/* ring_main - the writer */
static void *
ring_main(void *arg)
{
	uint64_t stop_ns = 0, pruned_ns = clock_mono_ns();
	bool stop = false;

	while (!stop) {
		ring_batch(ring_wait(), &stop_ns);
		ring_tell();
		if (clock_mono_ns() - pruned_ns >
		    RING_PRUNE_S * UINT64_C(1000000000)) {
			ring_prune(false);
			pruned_ns = clock_mono_ns();
		}
		pthread_mutex_lock(&ring.lock);
		stop = ring.stop && ring.head == NULL;
		pthread_mutex_unlock(&ring.lock);
	}
	ring_shut();
	return arg;
}

/* ring_shares - what a file may take so that all together stay in bounds */
static void
ring_shares(const struct ring_config *c)
{
	ring.config = *c;
	ring.files_max = RING_FILES + 2 * (int64_t)c->workers;
	if (ring.files_max > c->count)
		ring.files_max = c->count;
	ring.file_size = c->size / ring.files_max;
	ring.file_count = c->count / ring.files_max;
	ring.file_ms = c->retention_ms / RING_FILES;
}

/* ring_open - the folder, the writer */
int
ring_open(const struct ring_config *config, struct err *err)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int rc;

	expect(!ring.running);
	if (mkdir(config->dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, WEIR_E_TEMP, "%s: %s", config->dir,
		    strerror(errno));
	ring_shares(config);
	ring.dir = xstrdup(config->dir);
	ring.head = NULL;
	ring.tail = &ring.head;
	ring.queued = 0;
	ring.octets = 0;
	ring.written = ring.dropped = ring.untold = 0;
	ring.stop = ring.degraded = false;
	ring_prune(false);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ring.cond, &attr);
	pthread_condattr_destroy(&attr);
	/* signals are the loop thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&ring.thread, NULL, ring_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	ring.running = rc == 0;
	if (rc == 0)
		return WEIR_OK;
	free(ring.dir);
	ring.dir = NULL;
	return err_set(err, WEIR_E_TEMP, "no thread for recordings: %s",
	    strerror(rc));
}

/* ring_close - write what is left */
void
ring_close(void)
{
	if (!ring.running)
		return;
	pthread_mutex_lock(&ring.lock);
	ring.stop = true;
	pthread_mutex_unlock(&ring.lock);
	pthread_cond_signal(&ring.cond);
	pthread_join(ring.thread, NULL);
	ring.running = false;
	pthread_cond_destroy(&ring.cond);
	free(ring.dir);
	ring.dir = NULL;
}
