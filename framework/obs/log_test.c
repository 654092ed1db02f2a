/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_test - lines in all forms, stuck targets, rotation, threads, forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"
#include "obs/log_int.h"

static char dir[80];
static char last[65536];
static int lines, last_level;

/* path_in - a path in the test's folder */
static char *
path_in(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
keep(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	(void)event;
	assert_ptr_equal(arg, last);
	assert_true(len < sizeof(last));
	memcpy(last, line, len);
	last[len] = '\0';
	last_level = level;
	lines++;
}

/* begin - a log of a format, captured or not */
static void
begin(const char *target, enum log_format format, bool capture)
{
	struct log_config config = { .level = WEIR_LOG_INFO,
		.target = target, .format = format };
	struct err err;

	if (log_init(&config, &err) != WEIR_OK)
		fail_msg("%s", err.text);
	if (capture)
		log_set_capture(keep, last);
	lines = 0;
}

static const char evil[] = "a\"b\\c\n\x1b[31m\xe2\x80\xae" "d\xff\xc3\xa9=";

static void
json_is_valid_whatever_comes(void **state)
{
	const struct log_ctx ctx = { "s1", "m1", "Q\xffID", "rbl", "rcpt" };
	weir_str items[] = { { evil, sizeof(evil) - 1 }, { "x,y", 3 } };
	struct log_field f[] = { log_str("value", items[0]),
		log_int("n", -7), log_real("score", 4.5),
		log_real("bad", __builtin_nan("")), log_bool("ok", true),
		log_list("list", items, 2), log_list("none", items, 0) };
	json_t *j;

	(void)state;
	begin("stderr", LOG_FORMAT_JSON, true);
	clock_set_wall(1795422609007);
	log_ctx_set(&ctx);
	log_fields(WEIR_LOG_INFO, LOG_MESSAGE_VERDICT, f, 7, "%s", evil);
	log_ctx_set(NULL);
	clock_set_wall(0);
	j = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "v")), 1);
	assert_string_equal(json_string_value(json_object_get(j, "time")),
	    "2026-11-23T08:30:09.007Z");
	assert_string_equal(json_string_value(json_object_get(j, "event")),
	    "message.verdict");
	assert_string_equal(json_string_value(json_object_get(j, "queue_id")),
	    "Q\\xffID");
	assert_string_equal(json_string_value(json_object_get(j, "stage")),
	    "rcpt");
	assert_int_equal(json_integer_value(json_object_get(j, "pid")),
	    getpid());
	assert_string_equal(json_string_value(json_object_get(j, "value")),
	    "a\"b\\x5cc\\x0a\\x1b[31m\\xe2\\x80\\xaed\\xff\xc3\xa9=");
	assert_string_equal(json_string_value(json_object_get(j, "msg")),
	    json_string_value(json_object_get(j, "value")));
	assert_int_equal(json_integer_value(json_object_get(j, "n")), -7);
	assert_true(json_is_null(json_object_get(j, "bad")));
	assert_true(json_is_true(json_object_get(j, "ok")));
	assert_int_equal(json_array_size(json_object_get(j, "list")), 2);
	assert_int_equal(json_array_size(json_object_get(j, "none")), 0);
	json_decref(j);
	log_fini();
}

static void
json_is_valid_for_random_octets(void **state)
{
	unsigned seed = 1;
	char octets[300];

	(void)state;
	begin("stderr", LOG_FORMAT_JSON, true);
	for (int i = 0; i < 2000; i++) {
		struct log_field f;
		weir_str s = { octets, (size_t)rand_r(&seed) % 300 };
		json_t *j;

		for (size_t k = 0; k < s.len; k++)
			octets[k] = (char)rand_r(&seed);
		f = log_str("value", s);
		log_fields(WEIR_LOG_INFO, LOG_MODULE_LOG, &f, 1, "x");
		j = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(j);
		json_decref(j);
	}
	log_fini();
}

static void
text_is_one_line_of_pairs(void **state)
{
	weir_str items[] = { { "a,b", 3 }, { "c\"d", 3 } };
	struct log_field f[] = { log_text("client", "192.0.2.1"),
		log_text("empty", NULL), log_text("two", "a b\n=\"\\"),
		log_list("list", items, 2) };
	char want[256];

	(void)state;
	begin("stderr", LOG_FORMAT_TEXT, true);
	clock_set_wall(1795422609123);
	log_fields(WEIR_LOG_WARN, LOG_FRONT_LIMIT, f, 4, "too %s", "many");
	clock_set_wall(0);
	snprintf(want, sizeof(want), "time=2026-11-23T08:30:09.123Z level=warn "
	    "event=front.limit pid=%d msg=\"too many\" client=192.0.2.1 "
	    "empty=\"\" two=\"a b\\x0a=\\\"\\x5c\" list=\"a\\x2cb,c\\\"d\"",
	    (int)getpid());
	assert_string_equal(last, want);
	log_fini();
}

static void
long_values_and_lines_are_cut(void **state)
{
	static char big[20000];
	struct log_field f[9];
	json_t *j;

	(void)state;
	memset(big, '\n', sizeof(big));
	for (int i = 0; i < 9; i++) {
		static const char *const keys[] = { "a", "b", "c", "d", "e",
			"f", "g", "h", "i" };
		weir_str s = { big, sizeof(big) };

		f[i] = log_str(keys[i], s);
	}
	begin("stderr", LOG_FORMAT_JSON, true);
	log_fields(WEIR_LOG_INFO, LOG_MODULE_LOG, f, 9, "%.*s",
	    (int)sizeof(big), big);
	j = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_true(json_is_true(json_object_get(j, "truncated")));
	assert_null(json_object_get(j, "i"));
	json_decref(j);
	log_fini();
}

static void
levels_filter_and_severity_is_a_bound(void **state)
{
	(void)state;
	begin("stderr", LOG_FORMAT_TEXT, true);
	log_event(WEIR_LOG_DEBUG, LOG_MODULE_LOG, "no");
	assert_int_equal(lines, 0);
	/* a worker that ends is no error, whoever says so */
	log_event(WEIR_LOG_ERROR, LOG_WORKER_EXIT, "done");
	assert_int_equal(lines, 1);
	assert_int_equal(last_level, WEIR_LOG_INFO);
	log_set_level(WEIR_LOG_ERROR);
	log_event(WEIR_LOG_ERROR, LOG_WORKER_EXIT, "done");
	assert_int_equal(lines, 1);
	log_event(WEIR_LOG_ERROR, LOG_STALL, "bad");
	assert_int_equal(lines, 2);
	assert_int_equal(log_level_parse("debug"), WEIR_LOG_DEBUG);
	assert_int_equal(log_level_parse("loud"), WEIR_E_NOTFOUND);
	log_fini();
}

static void
targets_are_checked(void **state)
{
	static const char *const bad[] = { "", "stdout", "file:", "file",
		"file:rel", "stderr:/x", "file:/dev/null/x", "syslog:rel",
		"journal:/dev/null/socket" };
	struct err err;

	(void)state;
	begin("stderr", LOG_FORMAT_TEXT, true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct log_config config = { .target = bad[i] };

		err.text[0] = '\0';
		assert_true(log_init(&config, &err) < 0);
		assert_string_not_equal(err.text, "");
	}
	log_event(WEIR_LOG_INFO, LOG_DAEMON_READY, "still here");
	assert_int_equal(lines, 1);
	log_fini();
}

/* slurp - what is in a file */
static char *
slurp(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
file_is_appended_and_reopened(void **state)
{
	char target[300], moved[300];

	(void)state;
	snprintf(target, sizeof(target), "file:%s", path_in("log"));
	snprintf(moved, sizeof(moved), "%s", path_in("log.1"));
	begin(target, LOG_FORMAT_TEXT, false);
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "one");
	assert_non_null(strstr(slurp(path_in("log")), "msg=one\n"));
	assert_int_equal(rename(path_in("log"), moved), 0);
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "two");
	log_reopen();
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "three");
	assert_non_null(strstr(slurp(moved), "msg=two\n"));
	assert_null(strstr(slurp(moved), "three"));
	assert_non_null(strstr(slurp(path_in("log")), "msg=three\n"));
	log_fini();
}

static void
file_is_for_the_workers(void **state)
{
	struct log_config lc = { .level = WEIR_LOG_INFO,
		.format = LOG_FORMAT_TEXT };
	char target[300], other[300];
	struct err err = { "" };
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root gives files away\n");
		return;
	}
	snprintf(target, sizeof(target), "file:%s", path_in("log"));
	snprintf(other, sizeof(other), "%s", path_in("other"));
	lc.target = target;
	unlink(path_in("log"));
	log_owner(65534, 65534);
	assert_int_equal(log_init(&lc, &err), WEIR_OK);
	assert_int_equal(stat(path_in("log"), &st), 0);
	assert_int_equal(st.st_uid, 65534);
	/* a link of theirs leads nowhere, one of root's does */
	assert_int_equal(unlink(path_in("log")), 0);
	assert_int_equal(symlink(other, path_in("log")), 0);
	assert_int_equal(lchown(path_in("log"), 65534, 65534), 0);
	log_reopen();
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(lchown(path_in("log"), 0, 0), 0);
	log_reopen();
	assert_int_equal(access(other, F_OK), 0);
	log_fini();
	log_owner(0, 0);
	unlink(other);
	unlink(path_in("log"));
}

/* pipe_read - read everything that is there, count lines, find the report */
static int
pipe_read(int fd, long long *told)
{
	static char text[1 << 16];
	static size_t have;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n = 0;

	while (poll(&pfd, 1, 0) == 1) {
		ssize_t got = read(fd, text + have, sizeof(text) - have - 1);
		char *p = text, *nl;

		if (got <= 0)
			break;
		have += (size_t)got;
		text[have] = '\0';
		for (; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
			char *count;

			*nl = '\0';
			assert_int_equal(strncmp(p, "time=", 5), 0);
			count = strstr(p, "event=log.dropped");
			if (count != NULL)
				*told += atoll(strstr(p, "count=") + 6);
			else
				n++;
		}
		have -= (size_t)(p - text);
		memmove(text, p, have);
	}
	return n;
}

/* stuck - fill a FIFO that nobody reads, then read it */
static void
stuck(bool with_loop)
{
	char target[300];
	uint64_t from, longest = 0, lost, before = log_dropped();
	long long told = 0;
	int fd, n = 30000, got = 0;

	snprintf(target, sizeof(target), "file:%s", path_in("fifo"));
	assert_int_equal(mkfifo(path_in("fifo"), 0600), 0);
	fd = open(path_in("fifo"), O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	begin(target, LOG_FORMAT_TEXT, false);
	if (with_loop) {
		loop_init();
		log_loop_attach();
	}
	for (int i = 0; i < n; i++) {
		from = clock_mono_ns();
		log_event(WEIR_LOG_INFO, LOG_SESSION_OPEN, "line %d", i);
		if (with_loop && i % 10 == 0)
			loop_once(false);
		from = clock_mono_ns() - from;
		longest = from > longest ? from : longest;
	}
	assert_true(longest < 2000000000u);
	lost = log_dropped() - before;
	assert_true(lost > 0 && lost < (uint64_t)n);
	for (int i = 0; i < 2000 && got + told < n; i++) {
		got += pipe_read(fd, &told);
		if (with_loop)
			loop_once(false);
		else
			log_reopen();
	}
	assert_int_equal(told, lost);
	assert_int_equal(got, n - (int)lost);
	if (with_loop) {
		log_loop_detach();
		loop_fini(false);
	}
	log_fini();
	close(fd);
	unlink(path_in("fifo"));
}

static void
a_full_pipe_never_blocks(void **state)
{
	(void)state;
	stuck(false);
}

static void
a_full_pipe_never_blocks_the_loop(void **state)
{
	(void)state;
	stuck(true);
}

/* collector - a datagram socket in the test's folder */
static int
collector(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(strlen(path_in(name)) < sizeof(sun.sun_path));
	memcpy(sun.sun_path, path_in(name), strlen(path_in(name)));
	unlink(sun.sun_path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* datagram - the next one as a string, NULL if there is none */
static char *
datagram(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

static void
syslog_gets_datagrams_and_may_restart(void **state)
{
	char target[300], *text;
	int fd = collector("devlog"), n = 0;
	uint64_t before = log_dropped();

	(void)state;
	snprintf(target, sizeof(target), "syslog:%s", path_in("devlog"));
	begin(target, LOG_FORMAT_JSON, false);
	log_event(WEIR_LOG_ERROR, LOG_STALL, "one");
	text = datagram(fd);
	assert_non_null(text);
	assert_int_equal(strncmp(text, "<19>", 4), 0);
	assert_non_null(strstr(text, " weir["));
	assert_non_null(strstr(text, "]: {\"v\":1,"));
	close(fd);
	fd = collector("devlog");
	log_event(WEIR_LOG_ERROR, LOG_STALL, "two");
	text = datagram(fd);
	assert_non_null(text);
	assert_non_null(strstr(text, "\"msg\":\"two\""));
	/* nobody reads: more than the socket holds, less than the ring */
	for (int i = 0; i < 2000; i++)
		log_event(WEIR_LOG_INFO, LOG_SESSION_OPEN, "line %d", i);
	while (n < 2000) {
		while (n < 2000 && (text = datagram(fd)) != NULL) {
			char want[32];

			snprintf(want, sizeof(want), "\"line %d\"", n++);
			assert_non_null(strstr(text, want));
		}
		log_loop_detach(); /* flushes */
	}
	assert_int_equal(log_dropped(), before);
	log_fini();
	close(fd);
}

static void
journal_gets_fields(void **state)
{
	const struct log_ctx ctx = { "s1", "m1", NULL, NULL, "eom" };
	weir_str items[] = { { "a", 1 }, { "b", 1 } };
	struct log_field f[] = { log_text("reply", "x\nPRIORITY=0"),
		log_list("symbol", items, 2) };
	char target[300], *text;
	int fd = collector("journal");

	(void)state;
	snprintf(target, sizeof(target), "journal:%s", path_in("journal"));
	begin(target, LOG_FORMAT_TEXT, false);
	log_ctx_set(&ctx);
	log_fields(WEIR_LOG_INFO, LOG_MESSAGE_VERDICT, f, 2, "no\nway");
	log_ctx_set(NULL);
	text = datagram(fd);
	assert_non_null(text);
	assert_int_equal(strncmp(text, "PRIORITY=6\n", 11), 0);
	assert_non_null(strstr(text, "\nMESSAGE=no\\x0away\n"));
	assert_non_null(strstr(text, "\nWEIR_EVENT=message.verdict\n"));
	assert_non_null(strstr(text, "\nWEIR_MESSAGE=m1\n"));
	assert_non_null(strstr(text, "\nWEIR_REPLY=x\\x0aPRIORITY=0\n"));
	assert_non_null(strstr(text, "\nWEIR_SYMBOL=a\nWEIR_SYMBOL=b\n"));
	assert_int_equal(text[strlen(text) - 1], '\n');
	log_fini();
	close(fd);
}

static void *
talk(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_event(WEIR_LOG_INFO, LOG_MODULE_LOG, "thread %d",
		    *(int *)arg);
	return NULL;
}

static void
threads_log_without_context(void **state)
{
	const struct log_ctx ctx = { .session = "loop" };
	char target[300], *text, *p;
	pthread_t t[4];
	int ids[4], n = 0;

	(void)state;
	snprintf(target, sizeof(target), "file:%s", path_in("threads"));
	begin(target, LOG_FORMAT_TEXT, false);
	loop_init();
	log_loop_attach();
	log_ctx_set(&ctx);
	for (int i = 0; i < 4; i++) {
		ids[i] = i;
		pthread_create(&t[i], NULL, talk, &ids[i]);
	}
	for (int i = 0; i < 100; i++)
		loop_once(false);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	loop_once(false);
	log_ctx_set(NULL);
	log_loop_detach();
	loop_fini(false);
	log_fini();
	{
		static char all[1 << 20];
		int fd = open(path_in("threads"), O_RDONLY);
		ssize_t got = read(fd, all, sizeof(all) - 1);

		assert_true(got > 0);
		close(fd);
		all[got] = '\0';
		text = all;
	}
	assert_null(strstr(text, "session="));
	for (p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	assert_int_equal(n, 2000);
}

static void
a_child_has_a_log_of_its_own(void **state)
{
	char target[300], want[64], *text;
	int status;
	pid_t pid;

	(void)state;
	snprintf(target, sizeof(target), "file:%s", path_in("forked"));
	begin(target, LOG_FORMAT_TEXT, false);
	loop_init();
	log_loop_attach();
	/* waits in the parent's ring while the child is made */
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "parent");
	pid = fork();
	if (pid == 0) {
		loop_fini(true);
		loop_init();
		log_loop_attach();
		log_event(WEIR_LOG_INFO, LOG_WORKER_START, "child");
		loop_once(false);
		log_loop_detach();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	loop_once(false);
	text = slurp(path_in("forked"));
	snprintf(want, sizeof(want), "pid=%d msg=child\n", (int)pid);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "pid=%d msg=parent\n", (int)getpid());
	assert_non_null(strstr(text, want));
	assert_null(strstr(strstr(text, "msg=parent") + 1, "msg=parent"));
	log_loop_detach();
	loop_fini(false);
	log_fini();
}

static void
panic_reaches_the_log(void **state)
{
	char target[300];
	int status;
	pid_t pid;

	(void)state;
	snprintf(target, sizeof(target), "file:%s", path_in("panic"));
	begin(target, LOG_FORMAT_TEXT, false);
	pid = fork();
	if (pid == 0) {
		close(STDERR_FILENO);
		fatal("no %s today", "mail");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_non_null(strstr(slurp(path_in("panic")),
	    "event=process.fatal"));
	assert_non_null(strstr(slurp(path_in("panic")),
	    "msg=\"fatal: no mail today\"\n"));
	log_fini();
}

static void
crash_flush_writes_what_waits(void **state)
{
	char target[300];

	(void)state;
	snprintf(target, sizeof(target), "file:%s", path_in("crash"));
	begin(target, LOG_FORMAT_TEXT, false);
	loop_init();
	log_loop_attach();
	log_event(WEIR_LOG_INFO, LOG_DAEMON_START, "waits");
	assert_string_equal(slurp(path_in("crash")), "");
	log_crash_flush();
	assert_non_null(strstr(slurp(path_in("crash")), "msg=waits\n"));
	log_fini();
	loop_fini(false);
}

static void
the_manual_has_every_event(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512], row[1024], *text;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/logging.md",
	    srcdir != NULL ? srcdir : ".");
	if (access(path, R_OK) != 0) {
		print_message("%s is not here: skipped\n", path);
		skip();
	}
	text = slurp(path);
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		snprintf(row, sizeof(row), "\n| `%s` | %s | %s |\n",
		    log_event_name(i), log_level_name(log_event_severity(i)),
		    log_event_meaning(i));
		if (strstr(text, row) == NULL)
			fail_msg("%s lacks the row%s", path, row);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_valid_whatever_comes),
		cmocka_unit_test(json_is_valid_for_random_octets),
		cmocka_unit_test(text_is_one_line_of_pairs),
		cmocka_unit_test(long_values_and_lines_are_cut),
		cmocka_unit_test(levels_filter_and_severity_is_a_bound),
		cmocka_unit_test(targets_are_checked),
		cmocka_unit_test(file_is_appended_and_reopened),
		cmocka_unit_test(file_is_for_the_workers),
		cmocka_unit_test(a_full_pipe_never_blocks),
		cmocka_unit_test(a_full_pipe_never_blocks_the_loop),
		cmocka_unit_test(syslog_gets_datagrams_and_may_restart),
		cmocka_unit_test(journal_gets_fields),
		cmocka_unit_test(threads_log_without_context),
		cmocka_unit_test(a_child_has_a_log_of_its_own),
		cmocka_unit_test(panic_reaches_the_log),
		cmocka_unit_test(crash_flush_writes_what_waits),
		cmocka_unit_test(the_manual_has_every_event),
	};
	char command[160];
	int failed;

	text_temporary(dir, sizeof(dir), "weir-log");
	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
