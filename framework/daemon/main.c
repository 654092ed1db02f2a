/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main - the program weir: options, check, background, master. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/version.h>

#include "conf/report.h"
#include "conf/snapshot.h"
#include "daemon/master.h"
#include "daemon/probe.h"
#include "loop/loop.h"

/* main_usage - what there is to say */
static void
main_usage(FILE *out)
{
	fputs("usage: weir [-c FILE] [-f] [-t] [-V] [-h]\n"
	      "  -c FILE  configuration (" WEIR_SYSCONFDIR "/weir.conf)\n"
	      "  -f       stay in the foreground, log to standard error\n"
	      "  -t       check the configuration: exit status 0 clean,\n"
	      "           1 warnings, 2 refused\n"
	      "  -V       print the version\n"
	      "  -h       print this help\n", out);
}

/* main_snapshot - the file, or the reasons on standard error */
static struct conf_snapshot *
main_snapshot(const char *path)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap = conf_snapshot_take(path, &report);
	struct buf text = BUF_INIT;

	if (snap == NULL) {
		conf_report_print(&report, &text);
		fputs(buf_str(&text).ptr, stderr);
		buf_fini(&text);
	}
	conf_report_fini(&report);
	return snap;
}

/* main_check - weir -t */
static int
main_check(const char *path)
{
	struct conf_snapshot *snap = main_snapshot(path);
	struct probe_result r;
	int status;

	if (snap == NULL) {
		printf("%s: refused\n", path);
		return 2;
	}
	probe_run(snap, &r);
	fputs(buf_str(&r.report).ptr, stderr);
	status = r.errors > 0 ? 2 : r.warnings > 0 ? 1 : 0;
	printf("%s: %s\n", path,
	    status == 2	    ? "refused" :
		status == 1 ? "usable, with warnings" :
			      "clean");
	probe_result_fini(&r);
	conf_snapshot_release(&snap);
	return status;
}

/* main_background - leave the terminal; the parent waits until mail is served
   and passes on what went wrong.  Returns the descriptor to report to. */
static int
main_background(void)
{
	int pipefd[2], status;
	char octet;
	pid_t pid;

	if (pipe(pipefd) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "weir: can't go to the background: %s\n",
		    strerror(errno));
		exit(1);
	}
	if (pid == 0) {
		close(pipefd[0]);
		setsid();
		/* keep no file system busy */
		(void)!chdir("/");
		return pipefd[1];
	}
	close(pipefd[1]);
	if (read(pipefd[0], &octet, 1) == 1)
		_exit(0);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		_exit(WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
	_exit(1);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *path = WEIR_SYSCONFDIR "/weir.conf";
	struct conf_snapshot *snap;
	bool foreground = false, check = false;
	const char *absolute;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:ftVh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		case 't':
			check = true;
			break;
		case 'V':
			printf("weir %s, module ABI %d.%d\n", PACKAGE_VERSION,
			    WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
			return 0;
		case 'h':
			main_usage(stdout);
			return 0;
		default:
			main_usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		main_usage(stderr);
		return 2;
	}
	if (check)
		return main_check(path);
	snap = main_snapshot(path);
	if (snap == NULL)
		return 1;
	if (foreground)
		return master_main(path, snap, true, -1);
	/* a reload must find it from anywhere */
	absolute = realpath(path, NULL);
	return master_main(absolute != NULL ? absolute : path, snap, false,
	    main_background());
}
