/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_host - name, clock and kernel. */
#include <linux/landlock.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/doctor.h"

#define CLOCK_SLACK_S 86400

/* host_resolves - the name's canonical form; false: unknown to the resolver */
static bool
host_resolves(const char *name, char *canonical, size_t cap)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME,
		.ai_socktype = SOCK_STREAM }, *found = NULL;

	if (getaddrinfo(name, NULL, &hints, &found) != 0 || found == NULL)
		return false;
	snprintf(canonical, cap, "%s",
	    found->ai_canonname != NULL ? found->ai_canonname : name);
	freeaddrinfo(found);
	return true;
}

/* host_name - a full name that resolves */
static void
host_name(struct doctor *d)
{
	static const char remedy[] = "set the host's full name (hostnamectl "
	    "set-hostname mx.example.org, and /etc/hosts), or `hostname` in "
	    "the configuration";
	char name[256] = "", full[1025] = "";
	bool known;

	if (d->conf != NULL && d->conf->hostname[0] != '\0')
		snprintf(name, sizeof(name), "%s", d->conf->hostname);
	else if (gethostname(name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	known = host_resolves(name, full, sizeof(full));
	if (strchr(name, '.') == NULL && strchr(full, '.') == NULL)
		doctor_add(d, DOCTOR_WARN, "hostname", remedy,
		    "\"%s\" is no fully qualified name", name);
	else if (!known)
		doctor_add(d, DOCTOR_WARN, "hostname",
		    "add an address record for it",
		    "\"%s\" does not resolve to an address", name);
	else if (strchr(name, '.') == NULL)
		doctor_add(d, DOCTOR_WARN, "hostname", remedy,
		    "\"%s\" is short for %s; headers and records show the "
		    "short one", name, full);
	else
		doctor_add(d, DOCTOR_OK, "hostname", NULL, "%s", name);
}

/* host_oldest - the clock can't be right if it is before this (s) */
static int64_t
host_oldest(const struct doctor *d)
{
	const char *const files[] = { "/proc/self/exe", d->config };
	int64_t newest = 0;
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		if (stat(files[i], &st) == 0 && st.st_mtime > newest)
			newest = st.st_mtime;
	}
	return newest;
}

/* host_clock - after our own files' dates, and kept by somebody */
static void
host_clock(struct doctor *d)
{
	struct timex t = { .modes = 0 };
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char text[64] = "";
	struct tm tm;
	int state = adjtimex(&t);

	localtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z (UTC%z)", &tm);
	if (now + CLOCK_SLACK_S < host_oldest(d))
		doctor_add(d, DOCTOR_FAIL, "clock",
		    "set the clock and run a time service (chrony)",
		    "%s is before the date of Weir's own files", text);
	else if (state < 0 || state == TIME_ERROR ||
	    (t.status & STA_UNSYNC) != 0)
		doctor_add(d, DOCTOR_WARN, "clock",
		    "run a time service (chrony or systemd-timesyncd); in a "
		    "container: on the host",
		    "%s; the kernel says that nobody keeps it right", text);
	else
		doctor_add(d, DOCTOR_OK, "clock", NULL, "%s", text);
}

/* host_kernel - its release, and what it offers to lock workers in */
static void
host_kernel(struct doctor *d)
{
	struct utsname u;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	char seccomp[64];

	if (uname(&u) == 0)
		doctor_add(d, DOCTOR_OK, "kernel", NULL, "%s %s, %s",
		    u.sysname, u.release, u.machine);
	if (abi < 1)
		doctor_add(d, DOCTOR_WARN, "landlock",
		    "Linux 5.13 or later with landlock among the lsm= boot "
		    "parameters; workers are still held by user and seccomp",
		    "this kernel can't keep workers out of the file system");
	else
		doctor_add(d, DOCTOR_OK, "landlock", NULL, "ABI %ld", abi);
	if (!doctor_read("/proc/sys/kernel/seccomp/actions_avail", seccomp,
		sizeof(seccomp)))
		doctor_add(d, DOCTOR_FAIL, "seccomp",
		    "a kernel with CONFIG_SECCOMP_FILTER",
		    "this kernel has no seccomp filters: workers will not "
		    "start");
}

/* doctor_host - all of it */
void
doctor_host(struct doctor *d)
{
	host_name(d);
	host_clock(d);
	host_kernel(d);
}
