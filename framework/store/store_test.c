/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_test - what the store promises, on disk and in memory. */
#include "store/test_util.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static bool in_memory;

static int
setup(void **state)
{
	(void)state;
	in_memory = false;
	make_dir();
	start_process();
	open_store(0, false);
	return 0;
}

static int
setup_memory(void **state)
{
	(void)state;
	in_memory = true;
	make_dir();
	loop_init();
	turns = 0;
	open_store(0, true);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	stop_process();
	remove_dir();
	return 0;
}

/* One line: an operation at a wall time, and what must come of it. */
static const struct {
	const char *op, *key, *value; /* value: to write, or expected */
	int64_t at, ttl;
	int status;
} rows[] = {
	{ "get", "a", "", 1000, 0, WEIR_E_NOTFOUND },
	{ "put", "a", "", 1000, 50, WEIR_OK },
	{ "put", "a", "1", 1000, 50, WEIR_OK },
	{ "get", "a", "1", 1049, 0, WEIR_OK },
	{ "get", "a", "", 1050, 0, WEIR_E_NOTFOUND },
	{ "del", "a", "", 1050, 0, WEIR_E_NOTFOUND },
	{ "add", "a", "2", 1050, 50, WEIR_OK },
	{ "add", "a", "3", 1060, 50, WEIR_E_EXISTS },
	{ "get", "a", "2", 1060, 0, WEIR_OK },
	{ "put", "a", "4", 1060, 100, WEIR_OK },
	{ "get", "a", "4", 1159, 0, WEIR_OK },
	{ "del", "a", "", 1159, 0, WEIR_OK },
	{ "get", "a", "", 1159, 0, WEIR_E_NOTFOUND },
	{ "del", "a", "", 1159, 0, WEIR_E_NOTFOUND },
	{ "add", "a", "5", 1159, INT64_MAX, WEIR_OK },
	{ "get", "a", "5", INT64_MAX / 2, 0, WEIR_OK },
};

static void
store_follows_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		weir_str key = { rows[i].key, strlen(rows[i].key) };
		weir_str value = { rows[i].value, strlen(rows[i].value) };
		struct seen s = { 0 };
		int rc;

		clock_set_wall(rows[i].at);
		rc = rows[i].op[0] == 'g' ?
		    store_get("test", key, note, &s, NULL) :
		    rows[i].op[0] == 'd' ?
		    store_del("test", key, note, &s, NULL) :
		    (rows[i].op[0] == 'p' ? store_put : store_add)("test", key,
			value, rows[i].ttl, note, &s, NULL);
		assert_int_equal(rc, WEIR_OK);
		assert_int_equal(s.calls, 0);
		wait_for(&s);
		if (s.status != rows[i].status)
			fail_msg("row %zu: %s", i, status_name(s.status));
		if (rows[i].op[0] == 'g')
			assert_string_equal(s.value, rows[i].value);
		else if (s.status == WEIR_E_EXISTS)
			assert_string_equal(s.value, "2");
	}
}

static void
store_checks_arguments(void **state)
{
	static char big[WEIR_STORE_VALUE_MAX + 1], ns[STORE_NS_MAX + 2];
	struct store_op *op = (struct store_op *)big;
	struct seen s = { 0 };

	(void)state;
	memset(ns, 'n', sizeof(ns) - 1);
	assert_int_equal(store_get("", S("k"), note, &s, &op), WEIR_E_INVAL);
	assert_null(op);
	assert_int_equal(store_get(ns, S("k"), note, &s, NULL), WEIR_E_INVAL);
	assert_int_equal(store_get("n", S(""), note, &s, NULL), WEIR_E_INVAL);
	assert_int_equal(store_get("n", S("k"), NULL, &s, NULL), WEIR_E_INVAL);
	assert_int_equal(store_get("n", (weir_str){ big,
	    WEIR_STORE_KEY_MAX + 1 }, note, &s, NULL), WEIR_E_INVAL);
	assert_int_equal(store_put("n", S("k"), S("v"), 0, note, &s, NULL),
	    WEIR_E_INVAL);
	assert_int_equal(store_put("n", S("k"), (weir_str){ big, sizeof(big) },
	    1, note, &s, NULL), WEIR_E_INVAL);
	assert_int_equal(store_walk("n", S(""), S(""), 0, NULL, note, &s,
	    NULL), WEIR_E_INVAL);
	loop_once(false);
	assert_int_equal(s.calls, 0);
	/* the largest ones fit */
	ns[STORE_NS_MAX] = '\0';
	assert_int_equal(store_put(ns, (weir_str){ big, WEIR_STORE_KEY_MAX },
	    (weir_str){ big, WEIR_STORE_VALUE_MAX }, HOUR, note, &s, NULL), 0);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_OK);
	memset(&s, 0, sizeof(s));
	assert_int_equal(store_get(ns, (weir_str){ big, WEIR_STORE_KEY_MAX },
	    note, &s, NULL), 0);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_OK);
}

static void
store_reads_own_writes_before_commit(void **state)
{
	struct store_status st;
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(put("k", "old"), WEIR_OK);
	store_put("test", S("k"), S("new"), HOUR, NULL, NULL, NULL);
	store_put("test", S("gone"), S("x"), HOUR, NULL, NULL, NULL);
	store_del("test", S("gone"), NULL, NULL, NULL);
	store_get("test", S("k"), note, &s, NULL);
	store_status(&st);
	assert_int_equal(st.pending, 3);
	assert_string_equal(get("gone"), "E_NOTFOUND");
	wait_for(&s);
	assert_string_equal(s.value, "new");
}

static void
store_keeps_the_order_of_a_key(void **state)
{
	struct seen s[7] = { { 0 } };

	(void)state;
	store_get("test", S("k"), note, &s[0], NULL);
	store_add("test", S("k"), S("1"), HOUR, note, &s[1], NULL);
	store_add("test", S("k"), S("2"), HOUR, note, &s[2], NULL);
	store_get("test", S("k"), note, &s[3], NULL);
	store_put("test", S("k"), S("3"), HOUR, note, &s[4], NULL);
	store_del("test", S("k"), note, &s[5], NULL);
	store_get("test", S("k"), note, &s[6], NULL);
	wait_for(&s[6]);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(s[i].calls, 1);
		assert_int_equal(s[i].turn, i + 1);
	}
	assert_int_equal(s[0].status, WEIR_E_NOTFOUND);
	assert_int_equal(s[1].status, WEIR_OK);
	assert_int_equal(s[2].status, WEIR_E_EXISTS);
	assert_string_equal(s[2].value, "1");
	assert_string_equal(s[3].value, "1");
	assert_int_equal(s[5].status, WEIR_OK);
	assert_int_equal(s[6].status, WEIR_E_NOTFOUND);
}

static void
store_name_spaces_are_apart(void **state)
{
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(put("k", "v"), WEIR_OK);
	store_get("tes", S("t"), note, &s, NULL);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_E_NOTFOUND);
	memset(&s, 0, sizeof(s));
	store_get("other", S("k"), note, &s, NULL);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_E_NOTFOUND);
}

static void
store_cancel_still_writes(void **state)
{
	struct store_op *op[3];
	struct seen s = { 0 };

	(void)state;
	store_put("test", S("k"), S("v"), HOUR, note, &s, &op[0]);
	store_get("test", S("k"), note, &s, &op[1]);
	store_get("test", S("other"), note, &s, &op[2]);
	for (int i = 0; i < 3; i++) {
		store_cancel(&op[i]);
		assert_null(op[i]);
		store_cancel(&op[i]);
	}
	assert_string_equal(get("k"), "v");
	assert_int_equal(s.calls, 0);
}

struct walked {
	struct seen done;
	char keys[4096];
	int rows, stop_after;
	struct store_op *op;
};

static bool
walk_row(weir_str key, weir_str value, int64_t expires_ms, void *arg)
{
	struct walked *w = arg;
	size_t n = strlen(w->keys);

	assert_true(expires_ms > clock_wall_ms());
	if (n < sizeof(w->keys) - 100)
		snprintf(w->keys + n, sizeof(w->keys) - n, "%.*s=%.*s ",
		    (int)key.len, key.ptr, (int)value.len, value.ptr);
	w->rows++;
	if (w->rows == w->stop_after && w->op != NULL) {
		store_cancel(&w->op);
		return true;
	}
	return w->rows != w->stop_after;
}

static void
store_walks_in_order(void **state)
{
	static const struct {
		const char *prefix, *from;
		uint32_t limit;
		const char *want;
		int status;
	} walks[] = {
		{ "", "", 100, "a=0 b1=over b2=2 b3=3 b5=new c=4 ", 0 },
		{ "b", "", 100, "b1=over b2=2 b3=3 b5=new ", 0 },
		{ "b", "b2", 100, "b3=3 b5=new ", 0 },
		{ "b", "a", 100, "b1=over b2=2 b3=3 b5=new ", 0 },
		{ "b", "c", 100, "", 0 },
		{ "b", "", 2, "b1=over b2=2 ", WEIR_E_LIMIT },
		{ "b", "b3", 1, "b5=new ", 0 },
		{ "b", "", 4, "b1=over b2=2 b3=3 b5=new ", 0 },
		{ "", "b5", 100, "c=4 ", 0 },
		{ "zz", "", 100, "", 0 },
	};
	struct seen s = { 0 };

	(void)state;
	clock_set_wall(1000000);
	put("a", "0");
	put("b1", "1");
	put("b2", "2");
	put("b3", "3");
	put("b4", "gone");
	put("c", "4");
	store_put("test", S("b0"), S("old"), 5, note, &s, NULL);
	wait_for(&s);
	store_put("tesu", S("b"), S("else"), HOUR, NULL, NULL, NULL);
	clock_set_wall(1000010);
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		struct walked w = { 0 };

		/* these wait while the first walk runs */
		store_put("test", S("b1"), S("over"), HOUR, NULL, NULL, NULL);
		store_put("test", S("b5"), S("new"), HOUR, NULL, NULL, NULL);
		store_del("test", S("b4"), NULL, NULL, NULL);
		store_walk("test", (weir_str){ walks[i].prefix,
		    strlen(walks[i].prefix) }, (weir_str){ walks[i].from,
		    strlen(walks[i].from) }, walks[i].limit, walk_row, note,
		    &w, NULL);
		wait_for(&w.done);
		assert_string_equal(w.keys, walks[i].want);
		assert_int_equal(w.done.status, walks[i].status);
	}
}

static void
store_walks_far(void **state)
{
	struct walked w = { 0 };
	struct seen s = { 0 };
	char key[16];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%05d", i);
		store_put("test", (weir_str){ key, 5 }, S("v"),
		    i % 5 == 0 ? 1 : HOUR, i == 4999 ? note : NULL, &s, NULL);
		/* half of them in the file, half in the overlay */
		if (i == 2500)
			put("x", "y");
	}
	clock_set_wall(clock_wall_ms() + 10);
	store_walk("test", S(""), S(""), 100000, walk_row, note, &w, NULL);
	wait_for(&w.done);
	assert_int_equal(w.rows, 4001);
	wait_for(&s);
	memset(&w, 0, sizeof(w));
	w.stop_after = 10;
	store_walk("test", S(""), S(""), 100000, walk_row, note, &w, NULL);
	wait_for(&w.done);
	assert_int_equal(w.done.status, WEIR_OK);
	assert_int_equal(w.rows, 10);
	memset(&w, 0, sizeof(w));
	w.stop_after = 10;
	store_walk("test", S(""), S(""), 100000, walk_row, note, &w, &w.op);
	get("x");
	get("x");
	assert_int_equal(w.rows, 10);
	assert_int_equal(w.done.calls, 0);
}

static void
store_fini_commits_and_completes(void **state)
{
	struct store_status st;
	struct seen s[3] = { { 0 } };
	struct walked w = { 0 };

	(void)state;
	put("k", "v");
	store_put("test", S("a"), S("1"), HOUR, NULL, NULL, NULL);
	store_put("test", S("b"), S("2"), HOUR, note, &s[0], NULL);
	loop_once(false); /* the commit may be running */
	store_put("test", S("c"), S("3"), HOUR, note, &s[1], NULL);
	store_get("test", S("k"), note, &s[2], NULL);
	store_walk("test", S(""), S(""), 9, walk_row, note, &w, NULL);
	store_fini();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(s[i].calls, 1);
		assert_int_equal(s[i].status, WEIR_OK);
	}
	assert_int_equal(w.done.calls, 1);
	assert_int_equal(w.done.status, WEIR_E_CANCELLED);
	assert_int_equal(store_del("test", S("k"), NULL, NULL, NULL),
	    WEIR_E_STATE);
	open_store(0, in_memory);
	store_status(&st);
	assert_int_equal(st.entries, in_memory ? 0 : 4);
	if (!in_memory)
		assert_string_equal(get("c"), "3");
	assert_string_equal(st.alarm, "");
}

static void
store_sweeps_what_expired(void **state)
{
	struct store_status st;
	struct seen s = { 0 };
	char key[16];

	(void)state;
	clock_set_wall(1000000);
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		store_put("test", (weir_str){ key, strlen(key) }, S("v"),
		    i % 3 == 0 ? HOUR : 5, i == 2999 ? note : NULL, &s, NULL);
	}
	wait_for(&s);
	store_status(&st);
	assert_int_equal(st.entries, 3000);
	clock_set_wall(1000005);
	store_sweep();
	do {
		loop_once(true);
		store_status(&st);
	} while (st.sweeping);
	assert_int_equal(st.entries, 1000);
	assert_int_equal(st.swept, 2000);
	assert_string_equal(get("0"), "v");
	assert_string_equal(get("1"), "E_NOTFOUND");
}

static void
store_full_recovers(void **state)
{
	static char big[60000];
	struct store_status st;
	struct seen s;
	char key[16];
	int i, n, status = WEIR_OK;
	int64_t end;

	(void)state;
	store_fini();
	open_store(4 << 20, in_memory);
	clock_set_wall(1000000);
	for (n = 0; n < 1000 && status == WEIR_OK; n++) {
		memset(&s, 0, sizeof(s));
		snprintf(key, sizeof(key), "%d", n);
		store_put("test", (weir_str){ key, strlen(key) },
		    (weir_str){ big, sizeof(big) }, n < 40 ? 1000 : HOUR, note,
		    &s, NULL);
		wait_for(&s);
		status = s.status;
	}
	assert_int_equal(status, WEIR_E_TEMP);
	assert_in_range(n, 60, 75); /* 4 MiB of 60 KB each */
	store_status(&st);
	assert_true(st.degraded);
	assert_true(strlen(st.trouble) > 0);
	/* reads and deletes still work, and make room */
	assert_string_equal(get("none"), "E_NOTFOUND");
	for (i = 50; i < 54; i++) {
		memset(&s, 0, sizeof(s));
		snprintf(key, sizeof(key), "%d", i);
		store_del("test", (weir_str){ key, 2 }, note, &s, NULL);
		wait_for(&s);
		assert_int_equal(s.status, WEIR_OK);
	}
	assert_int_equal(put("small", "1"), WEIR_OK);
	store_status(&st);
	assert_false(st.degraded);
	assert_string_equal(st.trouble, "");
	/* what expired is swept when the room is needed; it may take a second
	   until a full store looks again */
	clock_set_wall(1002000);
	end = clock_mono_ms() + 10000;
	for (i = 0; i < 45 && clock_mono_ms() < end;) {
		memset(&s, 0, sizeof(s));
		snprintf(key, sizeof(key), "n%d", i);
		store_put("test", (weir_str){ key, strlen(key) },
		    (weir_str){ big, sizeof(big) }, HOUR, note, &s, NULL);
		wait_for(&s);
		if (s.status == WEIR_OK)
			i++;
		else if (i > 35)
			break;
	}
	assert_in_range(i, 36, 44);
}

static void
store_survives_a_full_disk(void **state)
{
	struct rlimit old, small;
	struct store_status st;
	static char big[60000];
	struct seen s = { 0 };
	struct stat file;

	(void)state;
	assert_int_equal(put("before", "1"), WEIR_OK);
	signal(SIGXFSZ, SIG_IGN);
	stat(path, &file);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = (rlim_t)file.st_size + 4096;
	setrlimit(RLIMIT_FSIZE, &small);
	store_put("test", S("big"), (weir_str){ big, sizeof(big) }, HOUR, note,
	    &s, NULL);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_E_TEMP);
	store_status(&st);
	assert_true(st.degraded);
	assert_string_equal(get("before"), "1");
	assert_string_equal(get("big"), "E_NOTFOUND");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(put("after", "2"), WEIR_OK);
	assert_string_equal(get("after"), "2");
	store_status(&st);
	assert_false(st.degraded);
	assert_string_equal(st.alarm, "");
}

static void
store_notices_a_replaced_file(void **state)
{
	struct seen s = { 0 };
	char to[192];

	(void)state;
	assert_int_equal(put("k", "1"), WEIR_OK);
	snprintf(to, sizeof(to), "%s.moved", path);
	assert_int_equal(rename(path, to), 0);
	/* a write meets the new file, not the old one */
	store_add("test", S("k"), S("2"), HOUR, note, &s, NULL);
	wait_for(&s);
	assert_int_equal(s.status, WEIR_OK);
	assert_string_equal(get("k"), "2");
	assert_int_equal(access(path, F_OK), 0);
}

static void
store_says_why_it_can_not_start(void **state)
{
	struct store_config config = { .path = path };
	struct err err = { "" };

	(void)state;
	store_fini();
	remove_dir();
	assert_int_equal(store_init(&config, &err), WEIR_E_TEMP);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "No such file"));
	make_dir();
	config.path = "/proc/weir-store"; /* where not even root can write */
	assert_true(store_init(&config, &err) < 0);
	assert_non_null(strstr(err.text, "/proc/weir-store"));
	if (geteuid() != 0) {
		config.path = path;
		chmod(dir, 0500);
		assert_int_equal(store_init(&config, &err), WEIR_E_TEMP);
		assert_non_null(strstr(err.text, "ermission"));
		chmod(dir, 0700);
	}
	config.path = NULL;
	assert_int_equal(store_init(&config, &err), WEIR_E_INVAL);
	open_store(0, false);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BOTH(f) \
	ON_DISK(f), { #f " (memory)", f, setup_memory, teardown, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(store_follows_the_table),
		BOTH(store_checks_arguments),
		BOTH(store_reads_own_writes_before_commit),
		BOTH(store_keeps_the_order_of_a_key),
		BOTH(store_name_spaces_are_apart),
		BOTH(store_cancel_still_writes),
		BOTH(store_walks_in_order),
		BOTH(store_walks_far),
		BOTH(store_fini_commits_and_completes),
		BOTH(store_sweeps_what_expired),
		BOTH(store_full_recovers),
		ON_DISK(store_survives_a_full_disk),
		ON_DISK(store_notices_a_replaced_file),
		ON_DISK(store_says_why_it_can_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
