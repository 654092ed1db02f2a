/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_limits - what cgroup and rlimits allow the daemon; this process's own
   where no daemon runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/format.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define SPARE_FDS 256
#define WORKER_OVERHEAD (32 << 20) /* code, caches: an estimate */

/* limits_cgroup - the daemon's group in the unified tree, "" if there is none */
static void
limits_cgroup(const struct doctor *d, char *out, size_t cap)
{
	char path[64], line[1024] = "";

	snprintf(path, sizeof(path), "/proc/%d/cgroup",
	    (int)(d->pid != 0 ? d->pid : getpid()));
	out[0] = '\0';
	/* the unified tree alone has one line, which begins so */
	if (doctor_read(path, line, sizeof(line)) &&
	    strncmp(line, "0::/", 4) == 0)
		snprintf(out, cap, "%s%s", CGROUP_ROOT, line + 3);
}

/* limits_tightest - the least value of a file from the group up to the root;
   -1: no limit.  cpu.max gives thousandths of a processor. */
static int64_t
limits_tightest(const char *group, const char *file)
{
	char dir[1100], path[1200], text[128];
	int64_t least = -1;

	snprintf(dir, sizeof(dir), "%s", group);
	while (strlen(dir) >= strlen(CGROUP_ROOT)) {
		long long value, period = 0;
		int n;

		snprintf(path, sizeof(path), "%s/%s", dir, file);
		n = doctor_read(path, text, sizeof(text)) ?
		    sscanf(text, "%lld %lld", &value, &period) : 0;
		if (n == 2 && period > 0)
			value = value * 1000 / period;
		if (n > 0 && (least < 0 || value < least))
			least = value;
		if (strrchr(dir, '/') == NULL)
			break;
		*strrchr(dir, '/') = '\0';
	}
	return least;
}

/* limits_event - a counter in a file of "name value" lines */
static int64_t
limits_event(const char *group, const char *file, const char *name)
{
	char path[1200], key[64];
	long long value, found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fscanf(f, "%63s %lld", key, &value) == 2) {
		if (strcmp(key, name) == 0)
			found = value;
	}
	fclose(f);
	return found;
}

/* limits_memory - is there room for what the configuration allows */
static void
limits_memory(struct doctor *d, const char *group)
{
	int64_t most = limits_tightest(group, "memory.max");
	int64_t kills = limits_event(group, "memory.events", "oom_kill");
	struct buf have = BUF_INIT, want = BUF_INIT;
	int64_t need = 0;

	if (d->conf != NULL)
		need = d->conf->memory.total +
		    (int64_t)d->conf->workers * WORKER_OVERHEAD;
	format_octets(most > 0 ? most : 0, &have);
	format_octets(need, &want);
	if (kills > 0)
		doctor_add(d, DOCTOR_FAIL, "memory",
		    "raise MemoryMax of the unit, or lower memory.total",
		    "the kernel has killed %lld processes for want of memory",
		    (long long)kills);
	if (most >= 0 && most < need)
		doctor_add(d, DOCTOR_WARN, "memory",
		    "raise MemoryMax of the unit, or lower memory.total or "
		    "workers",
		    "the cgroup's limit of %s is less than the %s that mail "
		    "and workers may take", have.ptr, want.ptr);
	else
		doctor_add(d, DOCTOR_OK, "memory", NULL,
		    most < 0 ? "no cgroup limit%s" : "cgroup limit %s",
		    most < 0 ? "" : have.ptr);
	buf_fini(&have);
	buf_fini(&want);
}

/* limits_cpu - a quota below the number of processors slows mail in bursts */
static void
limits_cpu(struct doctor *d, const char *group)
{
	int64_t quota = limits_tightest(group, "cpu.max");
	int64_t throttled = limits_event(group, "cpu.stat", "nr_throttled");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (quota >= 0 && quota < cpus * 1000)
		doctor_add(d, DOCTOR_WARN, "cpu",
		    "raise CPUQuota to 100% for each processor, or set "
		    "workers to what it allows",
		    "the quota is %.1f of %ld processors, used up %lld times "
		    "so far", (double)quota / 1000, cpus,
		    (long long)throttled);
	else
		doctor_add(d, DOCTOR_OK, "cpu", NULL, "%ld processors", cpus);
}

/* limits_pids - processes and threads */
static void
limits_pids(struct doctor *d, const char *group)
{
	int64_t most = limits_tightest(group, "pids.max");
	int64_t hits = limits_event(group, "pids.events", "max");
	/* two generations of workers with their threads, while one drains */
	int64_t need = 2 * (d->conf != NULL ? d->conf->workers : 1) * 8 + 8;

	if (hits > 0 || (most >= 0 && most < need))
		doctor_add(d, DOCTOR_WARN, "processes",
		    "raise TasksMax of the unit",
		    "the cgroup allows %lld processes and threads, %lld may "
		    "be needed; the limit was hit %lld times",
		    (long long)most, (long long)need, (long long)hits);
}

/* limits_soft - the daemon's soft limit of open files */
static int64_t
limits_soft(const struct doctor *d)
{
	char path[64], line[256];
	long long soft = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits",
	    (int)(d->pid != 0 ? d->pid : getpid()));
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "Max open files %lld", &soft) == 1)
			break;
	}
	fclose(f);
	return soft;
}

/* limits_files - one for each session, and some more */
static void
limits_files(struct doctor *d)
{
	int64_t soft = limits_soft(d);
	int64_t need = SPARE_FDS +
	    (d->conf != NULL ? d->conf->limits.sessions : 0);

	if (soft >= 0 && soft < need)
		doctor_add(d, DOCTOR_WARN, "open files",
		    "LimitNOFILE= in the unit, or a lower limits.sessions",
		    "the limit is %lld, a full worker needs %lld",
		    (long long)soft, (long long)need);
	else
		doctor_add(d, DOCTOR_OK, "open files", NULL, "limit %lld%s",
		    (long long)soft,
		    d->pid == 0 ? " (of this shell: no daemon runs)" : "");
}

/* doctor_limits - all of them */
void
doctor_limits(struct doctor *d)
{
	char group[1100];

	limits_cgroup(d, group, sizeof(group));
	if (group[0] == '\0') {
		doctor_add(d, DOCTOR_OK, "cgroup", NULL,
		    "no unified cgroup tree, limits are not known");
	} else {
		limits_memory(d, group);
		limits_cpu(d, group);
		limits_pids(d, group);
	}
	limits_files(d);
}
