/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define DESCRIPTORS 1024
#define CPU_SECONDS 30
#define MEMORY_DEFAULT ((uint64_t)1 << 30)

/* What programs do all the time and what touches only what they have. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(close),
	SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fcntl), SCMP_SYS(dup),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(futex), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
	SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg),
	SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getppid),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu), SCMP_SYS(getrandom),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(msync)
};

/* Looking at files; what may be opened depends on the flags. */
static const int reading[] = {
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
	SCMP_SYS(getcwd), SCMP_SYS(fadvise64)
};

/* In the private folder only: Landlock sees to that. */
static const int writing[] = {
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(flock)
};

/* Until init is done: libraries are loaded, the rest of this is set up. */
static const int starting[] = {
	SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address),
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(seccomp),
	SCMP_SYS(prctl), SCMP_SYS(getrlimit), SCMP_SYS(prlimit64),
	SCMP_SYS(setrlimit), SCMP_SYS(epoll_create1), SCMP_SYS(ioctl)
};

/* A program in any language, from its loader to its end, besides what is above.
   It may make its rights less. */
static const int program[] = {
	SCMP_SYS(execve), SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address),
	SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(getrlimit),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(dup2),
	SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(mincore), SCMP_SYS(mlock),
	SCMP_SYS(munlock), SCMP_SYS(setitimer), SCMP_SYS(getitimer),
	SCMP_SYS(timer_create), SCMP_SYS(timer_settime),
	SCMP_SYS(timer_delete), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(getpgrp), SCMP_SYS(getpgid),
	SCMP_SYS(getsid), SCMP_SYS(getgroups), SCMP_SYS(getresuid),
	SCMP_SYS(getresgid), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend), SCMP_SYS(pause),
	SCMP_SYS(alarm), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_get_priority_max),
	SCMP_SYS(sched_get_priority_min), SCMP_SYS(getpriority),
	SCMP_SYS(get_robust_list), SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(chdir),
	SCMP_SYS(fchdir), SCMP_SYS(umask), SCMP_SYS(close_range),
	SCMP_SYS(preadv), SCMP_SYS(sendfile), SCMP_SYS(copy_file_range),
	SCMP_SYS(splice), SCMP_SYS(seccomp),
	SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
	SCMP_SYS(landlock_restrict_self)
};

/* What has no business in a program that a helper starts, whoever it is. */
static const int never[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(process_madvise), SCMP_SYS(kcmp), SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount),
	SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsmount),
	SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
	SCMP_SYS(unshare), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(swapon),
	SCMP_SYS(swapoff), SCMP_SYS(syslog), SCMP_SYS(quotactl),
	SCMP_SYS(acct), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(name_to_handle_at)
};

#define WRITE_BITS (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

/* sandbox_add - one action for all calls of a list */
static int
sandbox_add(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = seccomp_rule_add(ctx, action, calls[i], 0);
		/* a call that this architecture does not have */
		if (rc == -EDOM || rc == -EINVAL || rc == -EOPNOTSUPP)
			rc = 0;
	}
	return rc;
}

#define ALLOW(ctx, list) \
	sandbox_add(ctx, SCMP_ACT_ALLOW, list, sizeof(list) / sizeof(*(list)))

/* sandbox_allow_write - any way of opening but one: old Landlock lets a file
   be truncated that is only opened to read */
static int
sandbox_allow_write(scmp_filter_ctx ctx)
{
	static const unsigned masks[3][2] = { { O_TRUNC, 0 },
		{ O_ACCMODE | O_TRUNC, O_WRONLY | O_TRUNC },
		{ O_ACCMODE | O_TRUNC, O_RDWR | O_TRUNC } };
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, masks[i][0], masks[i][1]));
		if (rc == 0)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
			    SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ,
				masks[i][0], masks[i][1]));
		if (rc == -EDOM)
			rc = 0;
	}
	return rc;
}

/* sandbox_allow_open - to read, or at all */
static int
sandbox_allow_open(scmp_filter_ctx ctx, bool write)
{
	int rc;

	if (write)
		return sandbox_allow_write(ctx);
	rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, WRITE_BITS, O_RDONLY));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, WRITE_BITS, O_RDONLY));
	return rc == -EDOM ? 0 : rc;
}

/* sandbox_allow_memory - maps, executable ones or not */
static int
sandbox_allow_memory(scmp_filter_ctx ctx, bool execute)
{
	int rc;

	if (execute)
		return sandbox_add(ctx, SCMP_ACT_ALLOW,
		    (int []){ SCMP_SYS(mmap), SCMP_SYS(mprotect) }, 2);
	rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect),
		    1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

/* sandbox_allow_threads - calls that may be about this process only */
static int
sandbox_allow_threads(scmp_filter_ctx ctx)
{
	scmp_datum_t pid = (scmp_datum_t)getpid();
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_EQ, pid));

	/* a datagram of one's own sockets, to no other address */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
		    SCMP_A4(SCMP_CMP_EQ, 0));
	/* threads yes, processes no */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	/* its flags lie where a filter can't look; libc falls back to clone */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
		    SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
		    SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* fstat, as libc says it */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(newfstatat), 1,
		    SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
	return rc;
}

/* sandbox_allow_self - threads, and its own processor time */
static int
sandbox_allow_self(scmp_filter_ctx ctx)
{
	int rc = sandbox_allow_threads(ctx);

	/* for helper_sandbox_cpu */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
		    SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU));
	return rc;
}

/* sandbox_load - the filter is complete */
static int
sandbox_load(scmp_filter_ctx ctx, int rc, struct err *err)
{
	/* a tree instead of a list: each call is looked up */
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc == 0 ? WEIR_OK : err_set(err, WEIR_E_TEMP, "seccomp: %s",
	    strerror(-rc));
}

/* sandbox_allow_files - look at them, and write them */
static int
sandbox_allow_files(scmp_filter_ctx ctx, bool temp)
{
	int rc = ALLOW(ctx, reading);

	if (rc == 0)
		rc = sandbox_allow_open(ctx, temp);
	return rc == 0 && temp ? ALLOW(ctx, writing) : rc;
}

/* sandbox_filter - build and load one of the two */
static int
sandbox_filter(const struct helper_spec *spec, bool narrow, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool files = !narrow || (spec->flags & WEIR_HELPER_FILES) != 0;
	bool temp = (spec->flags & WEIR_HELPER_TEMP) != 0;
	int rc;

	if (ctx == NULL)
		return err_set(err, WEIR_E_TEMP, "seccomp is not available");
	rc = ALLOW(ctx, always);
	if (rc == 0)
		rc = sandbox_allow_self(ctx);
	if (rc == 0)
		rc = sandbox_allow_memory(ctx,
		    !narrow || (spec->flags & WEIR_HELPER_JIT) != 0);
	if (rc == 0 && (files || temp))
		rc = sandbox_allow_files(ctx, temp);
	if (rc == 0 && !narrow)
		rc = ALLOW(ctx, starting);
	/* who watches over a program learns of its end, and limits its time */
	if (rc == 0 && spec->program[0] != '\0')
		rc = sandbox_add(ctx, SCMP_ACT_ALLOW,
		    (int []){ SCMP_SYS(wait4), SCMP_SYS(prlimit64) }, 2);
	/* for threads that init has started, too */
	if (rc == 0 && narrow)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	return sandbox_load(ctx, rc, err);
}

/* sandbox_allow_some - of calls that do many things, what is harmless */
static int
sandbox_allow_some(scmp_filter_ctx ctx)
{
	static const unsigned long controls[] = { TCGETS, FIONBIO, FIONREAD,
		FIOCLEX, FIONCLEX };
	static const int own[] = { PR_SET_SECCOMP, PR_GET_SECCOMP,
		PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_GET_NAME,
		PR_CAPBSET_READ, PR_GET_DUMPABLE };
	int rc = 0;

	for (size_t i = 0; i < sizeof(controls) / sizeof(*controls) &&
	     rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_EQ, controls[i]));
	for (size_t i = 0; i < sizeof(own) / sizeof(*own) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)own[i]));
	/* ask for limits, set none */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
		    SCMP_A2(SCMP_CMP_EQ, 0));
	return rc;
}

/* sandbox_filter_program - for all of a program's life */
static int
sandbox_filter_program(const struct helper_spec *spec, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (ctx == NULL)
		return err_set(err, WEIR_E_TEMP, "seccomp is not available");
	rc = ALLOW(ctx, always);
	if (rc == 0)
		rc = sandbox_allow_threads(ctx);
	if (rc == 0)
		rc = sandbox_allow_memory(ctx, true);
	if (rc == 0)
		rc = sandbox_allow_files(ctx,
		    (spec->flags & WEIR_HELPER_TEMP) != 0);
	if (rc == 0)
		rc = ALLOW(ctx, program);
	if (rc == 0)
		rc = sandbox_allow_some(ctx);
	return sandbox_load(ctx, rc, err);
}

/* sandbox_filter_never - the lesser one: all but this */
static int
sandbox_filter_never(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (ctx == NULL)
		return err_set(err, WEIR_E_TEMP, "seccomp is not available");
	return sandbox_load(ctx, sandbox_add(ctx, SCMP_ACT_ERRNO(EPERM), never,
	    sizeof(never) / sizeof(*never)), err);
}

#define LANDLOCK_READS \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LANDLOCK_WRITES \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_MAKE_REG)
#define LANDLOCK_OTHERS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* sandbox_rule - rights below a path, if it is there */
static int
sandbox_rule(int ruleset, const char *path, uint64_t rights, struct err *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights,
		.parent_fd = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;
	int rc;

	if (rule.parent_fd < 0)
		return WEIR_OK;
	/* a file has no use for rights of folders */
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
	rc = (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return rc == 0 ? WEIR_OK : err_set(err, WEIR_E_TEMP,
	    "Landlock: %s: %s", path, strerror(errno));
}

/* sandbox_rule_beside - the folder of a file, and the one where it really is */
static int
sandbox_rule_beside(int ruleset, const char *path, struct err *err)
{
	char *copy = xstrdup(path);
	int status = sandbox_rule(ruleset, dirname(copy), LANDLOCK_READS, err);

	free(copy);
	copy = realpath(path, NULL);
	if (copy != NULL && status == WEIR_OK)
		status = sandbox_rule(ruleset, dirname(copy), LANDLOCK_READS,
		    err);
	free(copy);
	return status;
}

/* sandbox_rules_program - what it may execute: its own files */
static int
sandbox_rules_program(int ruleset, const struct helper_exec *run,
    struct err *err)
{
	const char *paths[3] = { run->program, run->interpreter, run->loader };
	int status = sandbox_rule_beside(ruleset, run->program, err);

	for (int i = 0; i < 3 && status == WEIR_OK; i++) {
		if (paths[i][0] != '\0')
			status = sandbox_rule(ruleset, paths[i],
			    LANDLOCK_ACCESS_FS_READ_FILE |
			    LANDLOCK_ACCESS_FS_EXECUTE, err);
	}
	return status;
}

/* sandbox_rules - everything that it may see */
static int
sandbox_rules(int ruleset, const struct helper_spec *spec, const char *temp,
    struct err *err)
{
	/* /proc/self and /sys are for libc and the sanitizers */
	static const char *const system[] = { "/usr", "/lib", "/lib32",
		"/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload",
		"/etc/localtime", "/etc/ssl", "/dev/null", "/dev/zero",
		"/dev/random", "/dev/urandom", "/sys/devices/system/cpu",
		"/proc/meminfo" };
	int status = sandbox_rule_beside(ruleset, spec->path, err);

	for (size_t i = 0; i < sizeof(system) / sizeof(*system) &&
	     status == WEIR_OK; i++)
		status = sandbox_rule(ruleset, system[i], LANDLOCK_READS, err);
	for (uint32_t i = 0; i < spec->n_readable && status == WEIR_OK; i++)
		status = sandbox_rule(ruleset, spec->readable[i],
		    LANDLOCK_READS, err);
	if (status == WEIR_OK)
		status = sandbox_rule(ruleset, "/proc/self", LANDLOCK_READS,
		    err);
	if (status == WEIR_OK && temp[0] != '\0')
		status = sandbox_rule(ruleset, temp,
		    LANDLOCK_READS | LANDLOCK_WRITES, err);
	return status;
}

/* sandbox_rules_lesser - read and execute anything, write in few places */
static int
sandbox_rules_lesser(int ruleset, const struct helper_spec *spec,
    const char *temp, struct err *err)
{
	static const char *const common[] = { "/tmp", "/var/tmp", "/dev" };
	uint64_t writes = LANDLOCK_READS | LANDLOCK_WRITES | LANDLOCK_OTHERS;
	int status = sandbox_rule(ruleset, "/", LANDLOCK_READS |
	    LANDLOCK_ACCESS_FS_EXECUTE, err);

	for (size_t i = 0; i < sizeof(common) / sizeof(*common) &&
	     status == WEIR_OK; i++)
		status = sandbox_rule(ruleset, common[i], writes, err);
	for (uint32_t i = 0; i < spec->n_readable && status == WEIR_OK; i++) {
		struct stat st;

		if (stat(spec->readable[i], &st) == 0 && S_ISDIR(st.st_mode))
			status = sandbox_rule(ruleset, spec->readable[i],
			    writes, err);
	}
	if (status == WEIR_OK && temp[0] != '\0')
		status = sandbox_rule(ruleset, temp, writes, err);
	return status;
}

/* sandbox_landlock - files: nothing but these; run: of a program, or NULL */
static int
sandbox_landlock(const struct helper_spec *spec, const char *temp,
    const struct helper_exec *run, struct err *err)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs =
		LANDLOCK_READS | LANDLOCK_WRITES | LANDLOCK_OTHERS };
	bool lesser = (spec->flags & WEIR_HELPER_PROGRAMS) != 0;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0);
	int status;

	if (fd < 0)
		return err_set(err, WEIR_E_UNSUPPORTED, "no Landlock: %s",
		    strerror(errno));
	status = lesser ? sandbox_rules_lesser(fd, spec, temp, err) :
			  sandbox_rules(fd, spec, temp, err);
	if (status == WEIR_OK && run != NULL)
		status = sandbox_rules_program(fd, run, err);
	if (status == WEIR_OK &&
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		status = err_set(err, WEIR_E_TEMP, "Landlock: %s",
		    strerror(errno));
	close(fd);
	return status;
}

/* sandbox_limit - one resource */
static int
sandbox_limit(__rlimit_resource_t what, uint64_t value, struct err *err)
{
	struct rlimit rl = { value, value }, now;

	if (getrlimit(what, &now) == 0 && now.rlim_max < value)
		rl.rlim_cur = rl.rlim_max = now.rlim_max;
	return setrlimit(what, &rl) == 0 ? WEIR_OK : err_set(err, WEIR_E_TEMP,
	    "resource limit: %s", strerror(errno));
}

/* sandbox_limits - memory, descriptors, core, and no more rights than now */
static int
sandbox_limits(const struct helper_spec *spec, struct err *err)
{
	int status = sandbox_limit(RLIMIT_NOFILE, DESCRIPTORS, err);

#ifdef WEIR_POISON /* a sanitizer's shadow needs more address space */
	(void)spec;
#else
	if (status == WEIR_OK)
		status = sandbox_limit(RLIMIT_AS, spec->memory != 0 ?
		    spec->memory : MEMORY_DEFAULT, err);
#endif
	/* a core would hold mail */
	if (status == WEIR_OK)
		status = sandbox_limit(RLIMIT_CORE, 0, err);
	if (status == WEIR_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		status = err_set(err, WEIR_E_TEMP, "no_new_privs: %s",
		    strerror(errno));
	return status;
}

/* helper_sandbox_enter - before the module's code */
int
helper_sandbox_enter(const struct helper_spec *spec, const char *temp,
    struct err *err)
{
	bool lesser = (spec->flags & WEIR_HELPER_PROGRAMS) != 0;
	int status = sandbox_limits(spec, err);

	if (status < 0)
		return status;
	status = sandbox_landlock(spec, temp, NULL, err);
	/* without Landlock a filter can't tell one file from another: then
	   only those may write who must not write at all */
	if (status == WEIR_E_UNSUPPORTED &&
	    (lesser || (spec->flags & WEIR_HELPER_TEMP) == 0))
		status = WEIR_OK;
	if (status < 0)
		return status;
	return lesser ? sandbox_filter_never(err) :
			sandbox_filter(spec, false, err);
}

/* helper_sandbox_program - the last before execve */
int
helper_sandbox_program(const struct helper_spec *spec, const char *temp,
    const struct helper_exec *run, struct err *err)
{
	int status = sandbox_limits(spec, err);

	if (status == WEIR_OK && (spec->flags & WEIR_HELPER_TEMP) == 0)
		status = sandbox_limit(RLIMIT_FSIZE, 0, err);
	/* a filter can't tell whom it executes: there is no doing without */
	if (status == WEIR_OK)
		status = sandbox_landlock(spec, temp, run, err);
	return status == WEIR_OK ? sandbox_filter_program(spec, err) : status;
}

/* helper_sandbox_narrow - after init */
int
helper_sandbox_narrow(const struct helper_spec *spec, struct err *err)
{
	int status = WEIR_OK;

	if ((spec->flags & WEIR_HELPER_PROGRAMS) != 0)
		return WEIR_OK;
	if ((spec->flags & WEIR_HELPER_TEMP) == 0)
		status = sandbox_limit(RLIMIT_FSIZE, 0, err);
	return status < 0 ? status : sandbox_filter(spec, true, err);
}

/* helper_sandbox_cpu - a moving limit: it ends who spins without the main
   thread */
void
helper_sandbox_cpu(const struct helper_spec *spec)
{
	struct rusage ru;
	struct rlimit rl = { 0, RLIM_INFINITY };

	if (getrusage(RUSAGE_SELF, &ru) < 0)
		return;
	rl.rlim_cur = (rlim_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    CPU_SECONDS * (spec->threads + 1);
	setrlimit(RLIMIT_CPU, &rl);
}

/* helper_sandbox_cpu_of - the same for a program */
void
helper_sandbox_cpu_of(const struct helper_spec *spec, pid_t pid)
{
	struct rlimit rl = { 0, RLIM_INFINITY };
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &used) < 0)
		return;
	rl.rlim_cur = (rlim_t)used.tv_sec + CPU_SECONDS * (spec->threads + 1);
	prlimit(pid, RLIMIT_CPU, &rl, NULL);
}
