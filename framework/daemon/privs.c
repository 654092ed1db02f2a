/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/privs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* privs_find - who we shall be */
int
privs_find(const struct conf *conf, uid_t *uid, gid_t *gid, struct err *err)
{
	const struct passwd *pw;
	const struct group *gr;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return WEIR_OK;
	pw = getpwnam(conf->user);
	if (pw == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "there is no user \"%s\": "
		    "create it (adduser --system --group %s) or set `user`",
		    conf->user, conf->user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (conf->group[0] == '\0')
		return WEIR_OK;
	gr = getgrnam(conf->group);
	if (gr == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "there is no group "
		    "\"%s\": create it or set `group`", conf->group);
	*gid = gr->gr_gid;
	return WEIR_OK;
}

/* privs_directory - make it if it is missing, with its parents */
int
privs_directory(const char *path, uid_t uid, gid_t gid, mode_t mode,
    struct err *err)
{
	char copy[4096];
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ?
		    WEIR_OK :
		    err_set(err, WEIR_E_INVAL, "%s is no directory", path);
	if (strlen(path) >= sizeof(copy))
		return err_set(err, WEIR_E_INVAL, "%s: too long", path);
	memcpy(copy, path, strlen(path) + 1);
	for (char *p = copy + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return err_set(err, WEIR_E_TEMP, "%s: %s", copy,
			    strerror(errno));
		*p = '/';
	}
	if (mkdir(path, mode) < 0)
		return err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	if (geteuid() == 0 && lchown(path, uid, gid) < 0)
		return err_set(err, WEIR_E_TEMP, "%s: chown: %s", path,
		    strerror(errno));
	return WEIR_OK;
}

/* privs_is_empty - is there nothing in a directory; takes the descriptor */
static bool
privs_is_empty(int fd)
{
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	bool empty = dir != NULL;

	while (empty && (e = readdir(dir)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return empty;
}

/* privs_may_own - is it theirs, missing, or an empty one of root's */
int
privs_may_own(const char *path, uid_t uid, gid_t gid, struct err *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(path, &st) < 0 || st.st_uid == uid ||
	    (st.st_uid == 0 &&
		privs_is_empty(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))))
		return WEIR_OK;
	return err_set(err, WEIR_E_INVAL, "%s belongs to user %u, Weir runs as "
	    "user %u: chown -R %u:%u %s", path, st.st_uid, uid, uid, gid,
	    path);
}

/* privs_own - a directory that the user must be able to write */
int
privs_own(const char *path, uid_t uid, gid_t gid, mode_t mode, struct err *err)
{
	struct stat st;
	int status = privs_directory(path, uid, gid, mode, err), fd;

	if (status == WEIR_OK)
		status = privs_may_own(path, uid, gid, err);
	if (status < 0 || geteuid() != 0 || stat(path, &st) < 0 ||
	    st.st_uid == uid)
		return status;
	/* made by root a moment ago, for us.  The folder around it may be the
	   user's own: what is looked at and what is given away must be the
	   same, and no link to something of root's */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 ||
	    !privs_is_empty(dup(fd)))
		status = err_set(err, WEIR_E_INVAL, "%s: is no empty directory "
		    "of root's any more", path);
	else if (fchown(fd, uid, gid) < 0)
		status = err_set(err, WEIR_E_TEMP, "%s: chown: %s", path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return status;
}

/* privs_drop - become the user */
int
privs_drop(uid_t uid, gid_t gid, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, WEIR_E_TEMP, "no_new_privs: %s",
		    strerror(errno));
	if (geteuid() != 0)
		return WEIR_OK;
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return err_set(err, WEIR_E_TEMP, "can't become user %u, group "
		    "%u: %s", uid, gid, strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		return err_set(err, WEIR_E_INTERNAL, "root rights are back "
		    "after they were given up");
	/* dumps are for panics; the change of user has switched them off */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return WEIR_OK;
}

/* The leak checker of a sanitizer's build stops its own threads from a task
   that shares the memory. */
#ifdef WEIR_POISON
#define CLONE_ALLOWED 0x00010100u /* CLONE_THREAD, CLONE_VM */
#else
#define CLONE_ALLOWED 0x00010000u /* CLONE_THREAD */
#endif

/* privs_seccomp - what no worker ever has to do */
int
privs_seccomp(struct err *err)
{
	static const int denied[] = {
		SCMP_SYS(execve), SCMP_SYS(execveat),
#ifndef WEIR_POISON
		SCMP_SYS(ptrace),
#endif
		SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
		SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(mount),
		SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
		SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf),
		SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
		SCMP_SYS(init_module), SCMP_SYS(finit_module),
		SCMP_SYS(delete_module), SCMP_SYS(reboot), SCMP_SYS(swapon),
		SCMP_SYS(swapoff), SCMP_SYS(sethostname),
		SCMP_SYS(setdomainname), SCMP_SYS(settimeofday),
		SCMP_SYS(clock_settime), SCMP_SYS(adjtimex),
		SCMP_SYS(perf_event_open), SCMP_SYS(add_key),
		SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(userfaultfd),
		SCMP_SYS(open_by_handle_at), SCMP_SYS(personality),
		SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setresuid),
		SCMP_SYS(setresgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
		SCMP_SYS(setgroups), SCMP_SYS(io_uring_setup)
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	if (ctx == NULL)
		return err_set(err, WEIR_E_TEMP, "seccomp is not available");
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied) && rc == 0;
	     i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
		/* a call that this architecture does not have */
		if (rc == -EDOM || rc == -EINVAL)
			rc = 0;
	}
	/* threads yes, processes no */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_ALLOWED, 0));
	/* its flags lie in memory where a filter can't look; libc then falls
	   back to clone */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
		    SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc != 0)
		return err_set(err, WEIR_E_TEMP, "seccomp: %s", strerror(-rc));
	return WEIR_OK;
}

/* privs_no_network - whatever a module tries */
int
privs_no_network(struct err *err)
{
	static const int denied[] = { SCMP_SYS(socket), SCMP_SYS(socketpair),
		SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
		SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
		SCMP_SYS(io_uring_setup), SCMP_SYS(execve),
		SCMP_SYS(execveat) };
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	if (ctx == NULL)
		return err_set(err, WEIR_E_TEMP, "seccomp is not available");
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied) && rc == 0;
	     i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i],
		    0);
		if (rc == -EDOM || rc == -EINVAL)
			rc = 0;
	}
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc != 0)
		return err_set(err, WEIR_E_TEMP, "seccomp: %s",
		    strerror(-rc));
	return WEIR_OK;
}

#define LANDLOCK_WRITES \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* privs_landlock_writes - what is handled; links and moves between folders
   can be allowed since the second version only, before that they are denied */
static uint64_t
privs_landlock_writes(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version >= 2 ? LANDLOCK_WRITES | LANDLOCK_ACCESS_FS_REFER :
			      LANDLOCK_WRITES;
}

/* privs_landlock - write below these directories only, execute nothing */
int
privs_landlock(const char *const *writable, struct err *err)
{
	uint64_t writes = privs_landlock_writes();
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = writes | LANDLOCK_ACCESS_FS_EXECUTE
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0);

	if (fd < 0)
		return err_set(err, WEIR_E_UNSUPPORTED, "no Landlock: %s",
		    strerror(errno));
	for (; *writable != NULL; writable++) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = writes,
			.parent_fd = open(*writable, O_PATH | O_CLOEXEC)
		};
		int rc;

		if (rule.parent_fd < 0)
			continue; /* not there: nothing to write below it */
		rc = (int)syscall(SYS_landlock_add_rule, fd,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
		close(rule.parent_fd);
		if (rc < 0) {
			close(fd);
			return err_set(err, WEIR_E_TEMP, "Landlock: %s: %s",
			    *writable, strerror(errno));
		}
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
		close(fd);
		return err_set(err, WEIR_E_TEMP, "Landlock: %s",
		    strerror(errno));
	}
	close(fd);
	return WEIR_OK;
}
