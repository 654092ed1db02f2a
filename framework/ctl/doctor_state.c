/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_state - the directory for what must survive: rights, room, speed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/doctor.h"
#include "ctl/format.h"

#define SYNC_ROUNDS 16
#define SYNC_SLOW_NS 50000000ull
#define SPACE_LEAST (64ll << 20)
#define SPACE_SPARE (256ll << 20)

/* state_rights - there, the daemon's, nobody else's */
static bool
state_rights(struct doctor *d)
{
	const char *dir = d->conf->state_dir;
	const struct passwd *pw = getpwnam(d->conf->user);
	struct stat st;

	if (stat(dir, &st) < 0) {
		doctor_add(d, d->status != NULL ? DOCTOR_FAIL : DOCTOR_WARN,
		    "state directory",
		    "the daemon makes it when it starts as root", "%s: %s",
		    dir, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_add(d, DOCTOR_FAIL, "state directory",
		    "remove it or set state_dir", "%s is no directory", dir);
		return false;
	}
	if ((st.st_mode & S_IWOTH) != 0)
		doctor_add(d, DOCTOR_FAIL, "state directory",
		    "chmod o-w it", "%s may be written by everybody", dir);
	else if (pw == NULL)
		doctor_add(d, DOCTOR_FAIL, "state directory",
		    "adduser --system --group NAME, or set `user`",
		    "there is no user \"%s\"", d->conf->user);
	else if (st.st_uid != pw->pw_uid && pw->pw_uid != 0)
		doctor_add(d, DOCTOR_FAIL, "state directory",
		    "chown -R it to the user that workers run as",
		    "%s does not belong to user \"%s\"", dir, d->conf->user);
	else
		doctor_add(d, DOCTOR_OK, "state directory", NULL, "%s", dir);
	return true;
}

/* state_space - for the store and the records */
static void
state_space(struct doctor *d)
{
	const char *dir = d->conf->state_dir;
	struct buf have = BUF_INIT;
	struct statvfs v;
	struct statfs f;
	int64_t space;

	if (statvfs(dir, &v) < 0)
		return;
	space = (int64_t)(v.f_bavail * v.f_frsize);
	format_octets(space, &have);
	if (space < SPACE_LEAST || (v.f_files > 0 && v.f_favail < 100))
		doctor_add(d, DOCTOR_FAIL, "disk space", "free some",
		    "%s has %s and %llu files left", dir, have.ptr,
		    (unsigned long long)v.f_favail);
	else if (space < d->conf->store_size + SPACE_SPARE)
		doctor_add(d, DOCTOR_WARN, "disk space",
		    "free some, or lower store.size",
		    "%s has %s left, the store alone may take more", dir,
		    have.ptr);
	else
		doctor_add(d, DOCTOR_OK, "disk space", NULL, "%s free",
		    have.ptr);
	if (statfs(dir, &f) == 0 &&
	    ((unsigned long)f.f_type == TMPFS_MAGIC ||
		(unsigned long)f.f_type == RAMFS_MAGIC))
		doctor_add(d, DOCTOR_WARN, "state directory",
		    "put state_dir on a disk",
		    "%s lies in memory: what was learned is lost with a "
		    "restart of the host", dir);
	buf_fini(&have);
}

/* state_temp - a file without a name in the directory, or -1 */
static int
state_temp(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(path, sizeof(path), "%s/doctor.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* state_compare - for qsort */
static int
state_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* state_sync - how long a durable write of one page takes */
static void
state_sync(struct doctor *d)
{
	static const char page[4096];
	uint64_t ns[SYNC_ROUNDS];
	int fd = state_temp(d->conf->state_dir);
	bool good = fd >= 0;

	if (fd < 0) {
		doctor_add(d, DOCTOR_WARN, "sync",
		    "run weirctl doctor as root or as the daemon's user",
		    "can't measure in %s: %s", d->conf->state_dir,
		    strerror(errno));
		return;
	}
	for (int i = 0; i < SYNC_ROUNDS && good; i++) {
		uint64_t start = clock_mono_ns();

		good = pwrite(fd, page, sizeof(page),
			   (off_t)i * (off_t)sizeof(page)) ==
			(ssize_t)sizeof(page) &&
		    fdatasync(fd) == 0;
		ns[i] = clock_mono_ns() - start;
	}
	if (good)
		qsort(ns, SYNC_ROUNDS, sizeof(*ns), state_compare);
	if (!good)
		doctor_add(d, DOCTOR_FAIL, "sync", "check the disk",
		    "writing to %s fails: %s", d->conf->state_dir,
		    strerror(errno));
	else if (ns[SYNC_ROUNDS / 2] > SYNC_SLOW_NS)
		doctor_add(d, DOCTOR_WARN, "sync",
		    "put state_dir on a faster disk; each first contact of a "
		    "greylisted client waits for a durable write",
		    "a durable write takes %.1f ms (longest %.1f ms)",
		    (double)ns[SYNC_ROUNDS / 2] / 1e6,
		    (double)ns[SYNC_ROUNDS - 1] / 1e6);
	else
		doctor_add(d, DOCTOR_OK, "sync", NULL,
		    "a durable write takes %.2f ms (longest %.2f ms)",
		    (double)ns[SYNC_ROUNDS / 2] / 1e6,
		    (double)ns[SYNC_ROUNDS - 1] / 1e6);
	close(fd);
}

/* doctor_state - all of it */
void
doctor_state(struct doctor *d)
{
	if (!state_rights(d))
		return;
	state_space(d);
	state_sync(d);
}
