/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/notify_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

#define SPOOL_KEEP_S (7 * 86400) /* .done; and how long a mail is tried */
#define SPOOL_IDLE_MS 60000	 /* look without being woken */
#define SPOOL_PAUSE_MIN_MS 2000
#define SPOOL_PAUSE_MAX_MS 300000
#define SPOOL_BATCH 100
#define SPOOL_MAIL_MAX ((off_t)256 * 1024 * 1024)

/* spool_path - FOLDER/NAME.EXT, to be freed */
static char *
spool_path(const struct notify_spool *s, const char *name, const char *ext)
{
	return xasprintf("%s/%s%s", s->folder, name, ext);
}

/* spool_sync - the folder's entries are on disk */
static int
spool_sync(const struct notify_spool *s)
{
	int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* spool_write_file - a new file, durable under its final name or not at all;
   EEXIST: it was there */
static int
spool_write_file(struct notify_spool *s, const char *name, const char *ext,
    weir_str text)
{
	static _Atomic unsigned serial;
	char *tmp = xasprintf("%s/.%s.%d.%u", s->folder, name, (int)getpid(),
	    atomic_fetch_add(&serial, 1));
	char *path = spool_path(s, name, ext);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : 0;

	while (error == 0 && text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			error = errno;
		if (n > 0) {
			text.ptr += n;
			text.len -= (size_t)n;
		}
	}
	if (error == 0 && fsync(fd) < 0)
		error = errno;
	if (fd >= 0 && close(fd) < 0 && error == 0)
		error = errno;
	/* link, not rename: what is there already stays */
	if (error == 0 && link(tmp, path) < 0)
		error = errno;
	if (fd >= 0)
		unlink(tmp);
	if (error == 0 && spool_sync(s) < 0)
		error = errno;
	free(tmp);
	free(path);
	return error;
}

/* spool_read_key - the secret that another worker has made */
static bool
spool_read_key(struct notify_spool *s)
{
	char *path = spool_path(s, "key", "");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char key[2 * NOTIFY_KEY + 1];
	ssize_t n = fd >= 0 ? read(fd, key, sizeof(key) - 1) : -1;

	free(path);
	if (fd >= 0)
		close(fd);
	if (n != 2 * NOTIFY_KEY) {
		if (n >= 0)
			errno = EINVAL;
		return false;
	}
	key[n] = '\0';
	memcpy(s->key, key, sizeof(key));
	return true;
}

/* notify_spool_open - folder and secret */
bool
notify_spool_open(struct notify_spool *s)
{
	unsigned char octets[NOTIFY_KEY];
	char key[2 * NOTIFY_KEY + 1];
	int error;

	if (s->key[0] != '\0')
		return true;
	if (mkdir(s->folder, 0700) < 0 && errno != EEXIST)
		return false;
	if (spool_read_key(s))
		return true;
	if (errno != ENOENT ||
	    getrandom(octets, sizeof(octets), 0) != sizeof(octets))
		return false;
	for (int i = 0; i < NOTIFY_KEY; i++)
		snprintf(key + 2 * i, 3, "%02x", octets[i]);
	error = spool_write_file(s, "key", "",
	    (weir_str){ key, sizeof(key) - 1 });
	if (error != 0 && error != EEXIST) {
		errno = error;
		return false;
	}
	return spool_read_key(s);
}

/* notify_spool_is_due - was something written, or is it time */
bool
notify_spool_is_due(struct notify_spool *s)
{
	return (atomic_load(&s->woken) && atomic_load(&s->pause_ms) == 0) ||
	    clock_mono_ms() >= atomic_load(&s->next_ms);
}

/* notify_spool_write - make one durable [job] */
int
notify_spool_write(weir_jobctx *ctx, void *arg)
{
	struct notify_item *i = arg;
	char *done = spool_path(i->spool, i->name, ".done");

	(void)ctx;
	if (access(done, F_OK) == 0) {
		i->status = WEIR_E_EXISTS;
	} else {
		i->error = spool_write_file(i->spool, i->name, ".mail",
		    buf_str(&i->text));
		i->status = i->error == 0 ? WEIR_OK :
		    i->error == EEXIST	  ? WEIR_E_EXISTS :
					    WEIR_E_TEMP;
		atomic_store(&i->spool->woken, true);
	}
	free(done);
	return WEIR_OK;
}

/* spool_log - from a thread: without a call */
static void __attribute__((format(printf, 3, 4)))
spool_log(struct notify_spool *s, int level, const char *fmt, ...)
{
	char line[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->rules->host->log(s->rules->self, NULL, level, weir_str_of(line));
}

/* spool_read - the whole file, locked; -1: somebody else's, or gone */
static int
spool_read(const char *path, struct buf *text, time_t *written)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st, now;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	/* it may have been sent between our look and our lock */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
	    stat(path, &now) < 0 || now.st_ino != st.st_ino ||
	    st.st_size > SPOOL_MAIL_MAX) {
		close(fd);
		return -1;
	}
	*written = st.st_mtime;
	buf_reserve(text, (size_t)st.st_size + 1);
	while (text->len < (size_t)st.st_size && (n = read(fd, text->ptr +
	    text->len, (size_t)st.st_size - text->len)) > 0)
		text->len += (size_t)n;
	text->ptr[text->len] = '\0';
	if (text->len != (size_t)st.st_size) {
		close(fd);
		return -1;
	}
	return fd;
}

/* spool_move - KEY.mail becomes KEY.EXT; done ones are emptied */
static void
spool_move(struct notify_spool *s, const char *name, const char *ext)
{
	char *from = spool_path(s, name, ".mail");
	char *to = spool_path(s, name, ext);

	if (rename(from, to) < 0) {
		spool_log(s, WEIR_LOG_ERROR, "%s: %s: it will be sent twice",
		    from, strerror(errno));
	} else {
		spool_sync(s);
		if (strcmp(ext, ".done") == 0 && truncate(to, 0) < 0)
			spool_log(s, WEIR_LOG_WARN, "%s: %s", to,
			    strerror(errno));
	}
	free(from);
	free(to);
}

/* spool_send - one mail that is ours now */
static int
spool_send(struct notify_spool *s, struct notify_smtp *smtp, const char *name,
    struct buf *text, time_t written)
{
	char *end = strstr(text->ptr, "\n\n");
	weir_str mail;
	int status = WEIR_E_INVAL;

	if (end != NULL) {
		end[1] = '\0';
		mail.ptr = end + 2;
		mail.len = text->len - (size_t)(mail.ptr - text->ptr);
		status = notify_smtp_send(smtp, "", text->ptr, mail);
	}
	if (status == WEIR_OK) {
		spool_move(s, name, ".done");
		s->rules->metric->add(s->rules->self, s->metric_sent, 1);
		spool_log(s, WEIR_LOG_INFO, "mail %s sent: %s", name,
		    smtp->text);
		return WEIR_OK;
	}
	if (status == WEIR_E_INVAL || time(NULL) - written > SPOOL_KEEP_S) {
		spool_move(s, name, ".failed");
		s->rules->metric->add(s->rules->self, s->metric_failed, 1);
		spool_log(s, WEIR_LOG_ERROR, "mail %s is given up, it stays in "
		    "%s: %s", name, s->folder,
		    smtp->text != NULL ? smtp->text : "not a mail");
		return WEIR_OK;
	}
	spool_log(s, WEIR_LOG_WARN, "mail %s waits: %s", name,
	    smtp->text != NULL ? smtp->text : "?");
	return WEIR_E_TEMP;
}

/* spool_old - what only kept things from being done twice */
static void
spool_old(struct notify_spool *s, const char *file)
{
	char *path = spool_path(s, file, "");
	struct stat st;

	if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > SPOOL_KEEP_S)
		unlink(path);
	free(path);
}

/* spool_is - has it that end; *name without */
static bool
spool_is(const char *file, const char *ext, char name[64])
{
	size_t n = strlen(file), e = strlen(ext);

	if (n <= e || n - e >= 64 || strcmp(file + n - e, ext) != 0)
		return false;
	memcpy(name, file, n - e);
	name[n - e] = '\0';
	return true;
}

/* spool_names - what waits, at most a batch; *old: files to look at */
static unsigned
spool_names(struct notify_spool *s, char names[SPOOL_BATCH][64])
{
	DIR *dir = opendir(s->folder);
	const struct dirent *e;
	unsigned n = 0;
	char name[64];

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (spool_is(e->d_name, ".mail", name)) {
			if (n < SPOOL_BATCH)
				memcpy(names[n++], name, sizeof(name));
		} else if (spool_is(e->d_name, ".done", name) ||
		    (e->d_name[0] == '.' && strlen(e->d_name) > 2)) {
			spool_old(s, e->d_name);
		}
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* spool_helo - our name */
static void
spool_helo(char out[256])
{
	if (gethostname(out, 255) < 0 || out[0] == '\0')
		snprintf(out, 256, "localhost");
	out[255] = '\0';
}

/* spool_batch - send what waits; WEIR_E_TEMP: some of it still does */
static int
spool_batch(struct notify_spool *s, weir_jobctx *ctx, char names[][64],
    unsigned n)
{
	struct notify_smtp smtp = { .fd = -1 };
	int worst = WEIR_OK;
	char helo[256];

	spool_helo(helo);
	for (unsigned i = 0; i < n && !s->rules->job->unwanted(ctx); i++) {
		struct buf text = BUF_INIT;
		time_t written = 0;
		char *path = spool_path(s, names[i], ".mail");
		int fd = spool_read(path, &text, &written);

		free(path);
		if (fd >= 0 && smtp.fd < 0 &&
		    notify_smtp_open(&smtp, s->server, helo) != WEIR_OK) {
			spool_log(s, WEIR_LOG_WARN, "%u mails wait: %s: %s", n,
			    s->server, smtp.text != NULL ? smtp.text : "?");
			worst = WEIR_E_TEMP;
			n = 0;
		} else if (fd >= 0 && spool_send(s, &smtp, names[i], &text,
		    written) != WEIR_OK) {
			worst = WEIR_E_TEMP;
			notify_smtp_close(&smtp);
		}
		if (fd >= 0)
			close(fd);
		buf_fini(&text);
	}
	notify_smtp_close(&smtp);
	return worst;
}

/* notify_spool_run - look, and send [job] */
int
notify_spool_run(weir_jobctx *ctx, void *arg)
{
	struct notify_spool *s = arg;
	char (*names)[64] = xcalloc(SPOOL_BATCH, sizeof(*names));
	int64_t wait = SPOOL_IDLE_MS, pause = atomic_load(&s->pause_ms);
	unsigned n;

	atomic_store(&s->woken, false);
	n = spool_names(s, names);
	if (n > 0 && spool_batch(s, ctx, names, n) != WEIR_OK) {
		pause = pause == 0 ? SPOOL_PAUSE_MIN_MS : pause * 2;
		if (pause > SPOOL_PAUSE_MAX_MS)
			pause = SPOOL_PAUSE_MAX_MS;
		wait = pause;
	} else {
		pause = 0;
		if (n == SPOOL_BATCH)
			wait = 0;
	}
	free(names);
	atomic_store(&s->pause_ms, pause);
	atomic_store(&s->next_ms, clock_mono_ms() + wait);
	return WEIR_OK;
}
