/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "loop/listen.h"

static char dir[80], path[sizeof(dir) + 16];

static int
setup(void **state)
{
	(void)state;
	text_temporary(dir, sizeof(dir), "weir-listen");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static struct listen_address
address_of_path(void)
{
	struct listen_address a;
	char text[128];
	struct err err;

	snprintf(text, sizeof(text), "unix:%s", path);
	assert_int_equal(listen_parse(text, &a, &err), 0);
	return a;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int status;
		enum listen_kind kind;
	} rows[] = {
		{ "unix:/run/weir/milter.sock", 0, LISTEN_UNIX },
		{ "unix:relative", WEIR_E_INVAL, 0 },
		{ "unix:", WEIR_E_INVAL, 0 },
		{ "inet:127.0.0.1:10022", 0, LISTEN_INET },
		{ "inet:0.0.0.0:0", 0, LISTEN_INET },
		{ "inet:127.0.0.1", WEIR_E_INVAL, 0 },
		{ "inet:127.0.0.1:", WEIR_E_INVAL, 0 },
		{ "inet:127.0.0.1:65536", WEIR_E_INVAL, 0 },
		{ "inet:127.0.0.1:+1", WEIR_E_INVAL, 0 },
		{ "inet:127.0.0.1:99999999999999999999", WEIR_E_INVAL, 0 },
		{ "inet:localhost:25", WEIR_E_INVAL, 0 },
		{ "inet:1000.1000.1000.1000:25", WEIR_E_INVAL, 0 },
		{ "inet::25", WEIR_E_INVAL, 0 },
		{ "inet6:[::1]:25", 0, LISTEN_INET6 },
		{ "inet6:::1:25", WEIR_E_INVAL, 0 },
		{ "inet6:[::1]", WEIR_E_INVAL, 0 },
		{ "inet6:[127.0.0.1]:25", WEIR_E_INVAL, 0 },
		{ "inet6:[]:25", WEIR_E_INVAL, 0 },
		{ "systemd:milter", 0, LISTEN_SYSTEMD },
		{ "systemd:", WEIR_E_INVAL, 0 },
		{ "systemd:a:b", WEIR_E_INVAL, 0 },
		{ "tcp:127.0.0.1:25", WEIR_E_INVAL, 0 },
		{ "", WEIR_E_INVAL, 0 }
	};
	char text[256];
	struct listen_address a;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		err.text[0] = '\0';
		print_message("%s\n", rows[i].text);
		assert_int_equal(listen_parse(rows[i].text, &a, &err),
		    rows[i].status);
		if (rows[i].status == 0)
			assert_int_equal(a.kind, rows[i].kind);
		else
			assert_true(err.text[0] != '\0');
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[5 + LISTEN_PATH_MAX] = '\0';
	assert_int_equal(listen_parse(text, &a, &err), 0);
	text[5 + LISTEN_PATH_MAX] = 'x';
	text[6 + LISTEN_PATH_MAX] = '\0';
	assert_int_equal(listen_parse(text, &a, &err), WEIR_E_INVAL);
}

static void
test_unix_mode(void **state)
{
	struct listen_address a = address_of_path();
	char uid[16];
	struct listen_perm perm = { .mode = 0660, .owner = uid };
	struct listen_perm bad = { .mode = 0660,
		.group = "no such group here" };
	struct stat st;
	struct err err;
	int fd;

	(void)state;
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	fd = listen_open(&a, &perm, &err);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	close(fd);
	listen_remove(&a);
	assert_int_equal(access(path, F_OK), -1);
	fd = listen_open(&a, NULL, &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	unlink(path);
	assert_int_equal(listen_open(&a, &bad, &err), WEIR_E_NOTFOUND);
	assert_int_equal(access(path, F_OK), -1);
}

/* Who may write to the folder can't turn our rights on another file. */
static void
test_unix_link(void **state)
{
	struct listen_address a = address_of_path();
	struct listen_perm perm = { .mode = 0666 };
	char file[sizeof(path) + 8];
	struct stat st;
	struct err err;
	int fd;

	(void)state;
	snprintf(file, sizeof(file), "%s.file", path);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	fd = listen_open(&a, &perm, &err);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(symlink(file, path), 0);
	assert_int_equal(listen_perms(path, &perm, &err), WEIR_E_TEMP);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
	assert_int_equal(rename(file, path), 0);
	assert_int_equal(listen_perms(path, &perm, &err), WEIR_E_TEMP);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

static void
test_unix_in_the_way(void **state)
{
	struct listen_address a = address_of_path();
	struct err err;
	int fd, other;

	(void)state;
	/* a file */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(listen_open(&a, NULL, &err), WEIR_E_INVAL);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	/* a link to a socket is not a socket */
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_int_equal(listen_open(&a, NULL, &err), WEIR_E_INVAL);
	unlink(path);
	/* somebody answers */
	fd = listen_open(&a, NULL, &err);
	assert_true(fd >= 0);
	assert_int_equal(listen_open(&a, NULL, &err), WEIR_E_EXISTS);
	/* left behind */
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	other = listen_open(&a, NULL, &err);
	assert_true(other >= 0);
	close(other);
	/* no such directory */
	snprintf(a.u.path, sizeof(a.u.path), "%s/none/s", dir);
	assert_int_equal(listen_open(&a, NULL, &err), WEIR_E_TEMP);
}

struct taker {
	struct listen listen;
	unsigned taken;
	int fds[100];
};

static void
take(struct listen *l, int fd)
{
	struct taker *t = list_of(l, struct taker, listen);

	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true(t->taken < 100);
	t->fds[t->taken++] = fd;
}

static void
drop(struct taker *t)
{
	while (t->taken > 0)
		close(t->fds[--t->taken]);
}

static int
reach(const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, sa, len), 0);
	return fd;
}

static void
test_inet(void **state)
{
	static const char *const texts[] = { "inet:127.0.0.1:0",
		"inet6:[::1]:0" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		struct listen_address a;
		struct taker t = { .taken = 0 };
		struct err err;
		int fd, one, two, segment = 0;
		socklen_t segment_len = sizeof(segment);

		assert_int_equal(listen_parse(texts[i], &a, &err), 0);
		fd = listen_open(&a, NULL, &err);
		if (fd < 0 && i == 1) {
			print_message("no IPv6 here: %s\n", err.text);
			continue;
		}
		assert_true(fd >= 0);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG,
		    &segment, &segment_len), 0);
		assert_in_range(segment, 500, 16384);
		getsockname(fd, (struct sockaddr *)&sa, &len);
		loop_init();
		listen_start(&t.listen, fd, take);
		one = reach((struct sockaddr *)&sa, len);
		two = reach((struct sockaddr *)&sa, len);
		while (t.taken < 2)
			loop_once(true);
		listen_stop(&t.listen);
		listen_stop(&t.listen);
		close(one);
		close(two);
		drop(&t);
		/* the port is taken */
		a.u.in.sin_port = i == 0 ?
		    ((struct sockaddr_in *)&sa)->sin_port : 0;
		if (i == 0)
			assert_int_equal(listen_open(&a, NULL, &err),
			    WEIR_E_EXISTS);
		close(fd);
		loop_fini(false);
	}
}

static void
test_batches(void **state)
{
	struct listen_address a = address_of_path();
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct taker t = { .taken = 0 };
	struct err err;
	int fd = listen_open(&a, NULL, &err), peers[80];

	(void)state;
	memcpy(sun.sun_path, path, strlen(path));
	loop_init();
	listen_start(&t.listen, fd, take);
	for (int i = 0; i < 80; i++)
		peers[i] = reach((struct sockaddr *)&sun, sizeof(sun));
	loop_once(true);
	/* others have their turn in between */
	assert_true(t.taken > 0 && t.taken < 80);
	while (t.taken < 80)
		loop_once(true);
	listen_stop(&t.listen);
	drop(&t);
	for (int i = 0; i < 80; i++)
		close(peers[i]);
	close(fd);
	loop_fini(false);
}

/* Without descriptors it pauses, and goes on when there are some again. */
static void
test_no_descriptors(void **state)
{
	struct listen_address a = address_of_path();
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct taker t = { .taken = 0 };
	struct rlimit old, low;
	struct err err;
	int fd = listen_open(&a, NULL, &err), peer, spare[64];
	unsigned rounds = 0, n = 0;

	(void)state;
	memcpy(sun.sun_path, path, strlen(path));
	loop_init();
	listen_start(&t.listen, fd, take);
	peer = reach((struct sockaddr *)&sun, sizeof(sun));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (spare[n] = dup(peer)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	while (!loop_timer_is_active(&t.listen.pause))
		loop_once(true);
	assert_int_equal(t.taken, 0);
	close(spare[--n]);
	while (t.taken == 0 && rounds++ < 100)
		loop_once(true);
	assert_int_equal(t.taken, 1);
	assert_true(rounds < 5); /* it slept */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	while (n > 0)
		close(spare[--n]);
	listen_stop(&t.listen);
	drop(&t);
	close(peer);
	close(fd);
	loop_fini(false);
}

/* systemd_child - in a process of its own: descriptors 3 and 4 are passed */
static int
systemd_child(void)
{
	struct listen_address a, b;
	char pid[16];
	struct err err;
	int fd = listen_open(&(struct listen_address){ .kind = LISTEN_INET,
				 .u.in.sin_family = AF_INET }, NULL, &err);

	if (dup2(fd, 10) < 0 || dup2(0, 3) < 0 || dup2(10, 4) < 0)
		return 1;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	listen_parse("systemd:milter", &a, &err);
	if (listen_open(&a, NULL, &err) != WEIR_E_NOTFOUND)
		return 2;
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "tty:milter", 1);
	fd = listen_open(&a, NULL, &err);
	if (fd != 4 || fcntl(4, F_GETFD) != FD_CLOEXEC)
		return 3;
	listen_parse("systemd:mil", &b, &err);
	if (listen_open(&b, NULL, &err) != WEIR_E_NOTFOUND)
		return 4;
	listen_parse("systemd:tty", &b, &err);
	if (listen_open(&b, NULL, &err) != WEIR_E_INVAL)
		return 5;
	setenv("LISTEN_PID", "1", 1);
	if (listen_open(&a, NULL, &err) != WEIR_E_NOTFOUND)
		return 6;
	return 0;
}

static void
test_systemd(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(systemd_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_parse),
		TEST(test_unix_mode), TEST(test_unix_link),
		TEST(test_unix_in_the_way), TEST(test_inet), TEST(test_batches),
		TEST(test_no_descriptors), TEST(test_systemd) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
