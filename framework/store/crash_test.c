/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash_test - several processes, kill -9, and damaged files. */
#include "store/test_util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/aside_jail.h"
#include "store/lmdb.h"

#define ROUNDS 20
#define FILL 2000

static int
setup(void **state)
{
	(void)state;
	make_dir();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir();
	return 0;
}

/* adder - a process that adds 50 keys when told, and says how many it won */
static void
adder(int go, int out)
{
	struct seen s[50];
	char key[16], value[16];
	char c;
	unsigned char won = 0;

	alarm(60);
	start_process();
	open_store(0, false);
	if (read(go, &c, 1) != 0)
		_exit(1);
	memset(s, 0, sizeof(s));
	snprintf(value, sizeof(value), "%d", (int)getpid());
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		store_add("test", (weir_str){ key, strlen(key) },
		    (weir_str){ value, strlen(value) }, HOUR, note, &s[i],
		    NULL);
		if (i % 5 == 0)
			wait_for(&s[i]);
	}
	for (int i = 0; i < 50; i++) {
		wait_for(&s[i]);
		if (s[i].status == WEIR_OK)
			won++;
		else if (s[i].status != WEIR_E_EXISTS ||
		    strcmp(s[i].value, value) == 0)
			_exit(2);
	}
	stop_process();
	if (write(out, &won, 1) != 1)
		_exit(3);
	_exit(0);
}

static void
store_adds_once_among_processes(void **state)
{
	int go[2], out[2], status, sum = 0;
	unsigned char won;

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			close(go[1]);
			adder(go[0], out[1]);
		}
	close(go[0]);
	close(go[1]); /* all at once */
	for (int i = 0; i < 4; i++) {
		assert_int_not_equal(wait(&status), -1);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(read(out[0], &won, 1), 1);
		sum += won;
	}
	close(out[0]);
	close(out[1]);
	assert_int_equal(sum, 50);
}

struct slot {
	struct seen seen;
	unsigned number;
};

static int writer_out;
static unsigned writer_next;

static void writer_put(struct slot *slot);

static void
writer_done(int status, weir_str value, void *arg)
{
	struct slot *slot = arg;

	(void)value;
	/* acknowledged: from here on it must survive */
	if (status != WEIR_OK || write(writer_out, &slot->number,
		sizeof(slot->number)) != sizeof(slot->number))
		_exit(1);
	writer_put(slot);
}

static void
writer_put(struct slot *slot)
{
	char key[32];

	slot->number = writer_next++;
	snprintf(key, sizeof(key), "%u", slot->number);
	if (store_put("test", (weir_str){ key, strlen(key) },
		(weir_str){ key, strlen(key) }, HOUR, writer_done, slot,
		NULL) != WEIR_OK)
		_exit(1);
}

/* writer - a process that writes until it is killed */
static void
writer(int out, unsigned first)
{
	static struct slot slots[8];

	alarm(60);
	writer_out = out;
	writer_next = first;
	start_process();
	open_store(0, false);
	for (int i = 0; i < 8; i++)
		writer_put(&slots[i]);
	for (;;)
		loop_once(true);
}

static void
store_survives_kill(void **state)
{
	unsigned number, seen = 0, kept = 0, first = 0, last;
	struct store_status st;
	unsigned *acked = calloc(1000000, sizeof(*acked));
	char key[32];
	int out[2];
	pid_t pid;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		assert_int_equal(pipe(out), 0);
		pid = fork();
		if (pid == 0)
			writer(out[1], first);
		close(out[1]);
		/* a different point each time, most of them inside a commit */
		last = seen + 8 + (unsigned)round * 3;
		while (seen < last && read(out[0], &number, sizeof(number)) ==
		    sizeof(number))
			acked[seen++] = number;
		kill(pid, SIGKILL);
		while (read(out[0], &number, sizeof(number)) ==
		    sizeof(number))
			acked[seen++] = number;
		close(out[0]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		first += 100000;
		/* opens, is whole, and the writers' lock is free */
		assert_int_equal(store_check(path, NULL), WEIR_OK);
		start_process();
		open_store(0, false);
		assert_int_equal(put("lock", "free"), WEIR_OK);
		for (; kept < seen; kept++) {
			snprintf(key, sizeof(key), "%u", acked[kept]);
			assert_string_equal(get(key), key);
		}
		store_status(&st);
		assert_string_equal(st.alarm, "");
		stop_process();
	}
	assert_true(seen >= ROUNDS * 8);
	free(acked);
}

/* the same, while another process is at work with the file */
static void
store_goes_on_beside_a_killed_one(void **state)
{
	char key[16];
	pid_t pid;

	(void)state;
	start_process();
	open_store(0, false);
	for (int round = 0; round < ROUNDS; round++) {
		pid = fork();
		if (pid == 0) {
			execl("/proc/self/exe", "crash_test", "writer", path,
			    NULL);
			_exit(1);
		}
		snprintf(key, sizeof(key), "r%d", round);
		for (int i = 0; i < 5 + round; i++)
			assert_int_equal(put(key, "v"), WEIR_OK);
		/* a check beside writers must not take them for damage */
		assert_int_equal(store_check(path, NULL), WEIR_OK);
		assert_int_equal(files(".bad-"), 0);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(put(key, "after"), WEIR_OK);
		assert_string_equal(get(key), "after");
	}
	stop_process();
}

/* die_inside - lmdb_fn: killed while it holds the writers' lock */
static int
die_inside(struct lmdb_txn *t, void *arg)
{
	(void)arg;
	lmdb_put(t, (weir_str){ "test\0half", 9 }, S("v"), LMDB_NEVER);
	kill(getpid(), SIGKILL);
	return WEIR_OK;
}

static void
store_takes_the_lock_of_the_dead(void **state)
{
	struct lmdb *db;
	struct err err;
	int status;
	pid_t pid;

	(void)state;
	start_process();
	open_store(0, false);
	assert_int_equal(put("k", "1"), WEIR_OK);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "crash_test", "dier", path, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(put("k", "2"), WEIR_OK);
	assert_string_equal(get("half"), "E_NOTFOUND");
	stop_process();
	/* and for one that opens it later */
	assert_int_equal(lmdb_open(path, 1 << 20, &db, &err, NULL), WEIR_OK);
	lmdb_close(&db);
}

/* fill - a store of some pages, closed */
static void
fill(void)
{
	struct seen s = { 0 };
	char key[32], value[120];

	start_process();
	open_store(0, false);
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < FILL; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		store_put("test", (weir_str){ key, strlen(key) },
		    (weir_str){ value, sizeof(value) }, HOUR,
		    i == FILL - 1 ? note : NULL, &s, NULL);
	}
	wait_for(&s);
	stop_process();
}

/* damage - write random octets over a part of the file */
static void
damage(off_t at, size_t len, unsigned seed)
{
	int fd = open(path, O_WRONLY);
	unsigned char c;

	assert_true(fd >= 0);
	while (len-- > 0) {
		seed = seed * 1103515245 + 12345;
		c = (unsigned char)(seed >> 16);
		assert_int_equal(pwrite(fd, &c, 1, at++), 1);
	}
	close(fd);
}

static off_t
size_of_file(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* expect_aside - as the daemon starts: check, then open */
static void
expect_aside(const char *what)
{
	struct store_status st;
	struct err err = { "" };
	int rc = store_check(path, &err);

	if (rc != WEIR_OK)
		fail_msg("%s: %s %s", what, status_name(rc), err.text);
	start_process();
	open_store(0, false);
	store_status(&st);
	if (st.alarm[0] == '\0' || st.entries != 0 || files(".bad-") != 1)
		fail_msg("%s: alarm \"%s\", %d entries", what, st.alarm,
		    (int)st.entries);
	assert_int_equal(put("k", "v"), WEIR_OK);
	stop_process();
	assert_int_equal(store_check(path, &err), WEIR_OK);
	assert_int_equal(files(".bad-"), 1);
}

static void
store_sets_damaged_files_aside(void **state)
{
	enum { CUT, SHORT, META, PAGES, SCATTER, VALUE, TEXT, KINDS };
	static const char *const names[KINDS] = { "cut to half",
		"cut to 100 octets", "meta pages", "data pages",
		"64 octets in each page", "one octet", "a text file" };
	off_t size;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (unsigned seed = 1; seed <= 3; seed++) {
			remove_dir();
			make_dir();
			fill();
			assert_int_equal(store_check(path, NULL), WEIR_OK);
			size = size_of_file();
			assert_true(size > 40 * 4096);
			switch (kind) {
			case CUT:
				assert_int_equal(truncate(path,
				    size / 2 + seed), 0);
				break;
			case SHORT:
				assert_int_equal(truncate(path, 100), 0);
				break;
			case META:
				damage(0, 8192, seed);
				break;
			case PAGES:
				damage(8192, (size_t)size - 8192, seed);
				break;
			case SCATTER:
				for (off_t p = 8192; p + 4096 <= size;
				     p += 4096)
					damage(p + 16 + seed * 100, 64, seed);
				break;
			case VALUE:
				/* where the values lie, in all leaf pages */
				for (off_t p = 8192; p + 4096 <= size;
				     p += 4096)
					damage(p + 3000, 1, seed);
				break;
			case TEXT:
				assert_int_equal(truncate(path, 0), 0);
				for (int i = 0; i < 4096; i++)
					damage(i, 1, seed);
				break;
			}
			expect_aside(names[kind]);
		}
}

static void
store_sets_damage_aside_while_it_runs(void **state)
{
	struct store_status st;
	off_t size;
	char key[32];

	(void)state;
	fill();
	start_process();
	open_store(0, false);
	assert_string_not_equal(get("key-7"), "E_NOTFOUND");
	/* the values only: LMDB itself could crash on worse */
	size = size_of_file();
	for (off_t p = 8192; p + 4096 <= size; p += 4096)
		damage(p + 3000, 1, 5);
	for (int i = 0; i < FILL; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		get(key);
		store_status(&st);
		if (st.entries == 0)
			break;
	}
	assert_int_equal(st.entries, 0);
	assert_non_null(strstr(st.alarm, path));
	assert_int_equal(files(".bad-"), 1);
	assert_int_equal(put("k", "v"), WEIR_OK);
	assert_string_equal(get("k"), "v");
	store_status(&st);
	assert_false(st.degraded);
	stop_process();
}

/* A link that the folder's owner laid is not followed with root's rights. */
static void
store_check_is_not_root(void **state)
{
	char secret[128], lock[192];
	struct err err = { "" };
	struct stat st;
	int fd;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root has rights to lose\n");
		return;
	}
	text_temporary(secret, sizeof(secret), "weir-secret");
	fd = mkstemp(secret);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret", 6), 6);
	close(fd);
	assert_int_equal(symlink(secret, path), 0);
	assert_int_equal(chown(dir, 65534, 65534), 0);
	assert_int_equal(store_check(path, &err), WEIR_E_TEMP);
	assert_int_equal(lstat(path, &st), 0);
	snprintf(lock, sizeof(lock), "%s-lock", path);
	assert_true(lstat(lock, &st) != 0 || st.st_uid == 65534);
	assert_int_equal(unlink(secret), 0);
}

/* jailed - what each of these gets there; 0: they are refused as they should be,
   else which one is not */
static int
jailed(const char *inside, const char *program)
{
	char *args[] = { (char *)(uintptr_t)program, NULL };
	struct err err;
	int fd;

	alarm(60);
	if (aside_jail(dir, &err) != WEIR_OK)
		return 1;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 2;
	if (fork() >= 0 || errno != EPERM)
		return 3;
	if (execv(program, args) == 0 || errno != EPERM)
		return 4;
	if (kill(getppid(), 0) == 0 || errno != EPERM)
		return 5;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE |
		MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
		return 6;
	if (unlink(inside) == 0 || errno != EPERM)
		return 7;
	if ((fd = open(inside, O_RDWR)) < 0 || ftruncate(fd, 1) != 0)
		return 8;
	/* this one only where there is Landlock */
	fd = open("/etc/passwd", O_RDONLY);
	return fd >= 0 ? 9 : errno == EACCES ? 0 : 10;
}

static void
store_check_reads_in_a_jail(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	fill();
	pid = fork();
	if (pid == 0)
		_exit(jailed(path, "/bin/true"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 9 &&
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1) < 0)
		print_message("this kernel has no Landlock\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

/* status_of - the number behind a word in /proc/PID/status, -1: none */
static int
status_of(const char *pid, const char *word)
{
	char name[64], line[256];
	int value = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%.20s/status", pid);
	f = fopen(name, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, word, strlen(word)) == 0)
			value = atoi(line + strlen(word));
	}
	if (f != NULL)
		fclose(f);
	return value;
}

/* child_is_filtered - does a child of that process have a seccomp filter */
static bool
child_is_filtered(pid_t parent)
{
	DIR *d = opendir("/proc");
	bool yes = false;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		yes = yes || (status_of(e->d_name, "PPid:") == parent &&
			status_of(e->d_name, "Seccomp:") == 2);
	if (d != NULL)
		closedir(d);
	return yes;
}

/* The reader is in it before it has LMDB open the file. */
static void
store_check_enters_the_jail_first(void **state)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char lock[sizeof(path) + 8];
	pid_t pid;
	int fd, status;
	bool filtered = false;

	(void)state;
	fill();
	snprintf(lock, sizeof(lock), "%s-lock", path);
	fd = open(lock, O_RDWR);
	assert_int_equal(fcntl(fd, F_SETLK, &all), 0); /* LMDB waits for it */
	pid = fork();
	if (pid == 0) {
		close(fd);
		_exit(store_check(path, NULL) == WEIR_OK ? 0 : 1);
	}
	for (int i = 0; i < 3000 && !filtered; i++) {
		filtered = child_is_filtered(pid);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		usleep(10000);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(filtered);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    store_adds_once_among_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(store_survives_kill, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    store_goes_on_beside_a_killed_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    store_takes_the_lock_of_the_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    store_sets_damaged_files_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    store_sets_damage_aside_while_it_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(store_check_is_not_root, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(store_check_reads_in_a_jail,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    store_check_enters_the_jail_first, setup, teardown),
	};

	struct lmdb *db;
	struct err err;

	if (argc == 3) {
		/* the parent's store must not be inherited by a mere fork */
		snprintf(path, sizeof(path), "%s", argv[2]);
		if (strcmp(argv[1], "writer") == 0)
			writer(open("/dev/null", O_WRONLY), 0);
		if (lmdb_open(path, 1 << 20, &db, &err, NULL) == WEIR_OK)
			lmdb_write(db, die_inside, NULL, &err);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
