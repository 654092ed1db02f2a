/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric_test - registration, sums over processes, retirement, the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "obs/metric.h"

static int
begin(void **state)
{
	(void)state;
	metric_create();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	metric_destroy();
	return 0;
}

static void
names_and_labels_are_checked(void **state)
{
	static const struct {
		const char *name, *labels;
		bool good;
	} rows[] = {
		{ "weir_a", NULL, true }, { "weir_b", "", true },
		{ "weir_c_total", "x=\"1\"", true },
		{ "weir_c", "x=\"a\\\\b\\\"c\\nd\",y=\"\"", true },
		{ "weir_c", "x=\"\xc3\xa9\"", true },
		{ "", NULL, false }, { "9a", NULL, false },
		{ "a-b", NULL, false }, { "a b", NULL, false },
		{ "_total", NULL, true }, { "a\n", NULL, false },
		{ "a", "x", false }, { "a", "x=", false },
		{ "a", "x=1", false }, { "a", "x=\"1", false },
		{ "a", "x=\"1\",", false }, { "a", "x=\"1\"y=\"2\"", false },
		{ "a", "=\"1\"", false }, { "a", "x=\"1\n\"", false },
		{ "a", "x=\"\\x\"", false }, { "a", "x=\"\\", false },
		{ "a", "x=\"\xff\"", false }, { "a", "9x=\"1\"", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int id = metric_counter(rows[i].name, rows[i].labels, "h");

		if ((id >= 0) != rows[i].good)
			fail_msg("row %zu: %d", i, id);
	}
	assert_int_equal(metric_counter("weir_c", "x=\"1\"", NULL),
	    metric_counter("weir_c_total", "x=\"1\"", "other"));
	assert_int_equal(metric_gauge("weir_c", NULL, NULL), WEIR_E_INVAL);
}

static void
the_directory_has_an_end(void **state)
{
	char name[32];
	int n, last = 0;

	(void)state;
	for (n = 0; n < METRIC_SERIES + 1; n++) {
		snprintf(name, sizeof(name), "m%d", n);
		last = metric_counter(name, NULL, NULL);
		if (last < 0)
			break;
		metric_add(last, (uint64_t)n);
	}
	assert_int_equal(n, METRIC_SERIES);
	assert_int_equal(last, WEIR_E_LIMIT);
	assert_int_equal(metric_value(metric_counter("m77", NULL, NULL)), 77);
	metric_destroy();
	metric_create();
	for (n = 0; n < METRIC_CELLS; n++) {
		snprintf(name, sizeof(name), "h%d", n);
		last = metric_histogram(name, NULL, NULL);
		if (last < 0)
			break;
		metric_observe(last, 1e9);
	}
	assert_int_equal(last, WEIR_E_LIMIT);
	assert_true(n > 700);
}

static void
wrong_ids_are_ignored(void **state)
{
	int c = metric_counter("c", NULL, NULL);
	int g = metric_gauge("g", NULL, NULL);
	int h = metric_histogram("h", NULL, NULL);
	static const int wild[] = { -1, WEIR_E_LIMIT, 0, 5, 0x1ffffff,
		0x2ffffff, 0x3ffffff, 0x3003fff, 0x7fffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		metric_add(wild[i], 1);
		metric_set(wild[i], 1);
		metric_observe(wild[i], 1);
	}
	metric_add(g, 1);
	metric_add(h, 1);
	metric_set(c, 1);
	metric_set(h, 1);
	metric_observe(c, 1);
	metric_observe(g, 1);
	assert_int_equal(metric_value(c), 0);
	assert_int_equal(metric_value(g), 0);
	assert_int_equal(metric_value(h), 0);
}

static void
the_text_is_openmetrics(void **state)
{
	static const char want[] =
		"# TYPE weir_mail counter\n"
		"# HELP weir_mail Mail \\\"seen\\\".\n"
		"weir_mail_total{v=\"a\"} 3\n"
		"weir_mail_total{v=\"b\\\"c\\\\x0a\"} 4\n"
		"# TYPE weir_open gauge\n"
		"weir_open -2\n"
		"# TYPE weir_time_seconds histogram\n"
		"weir_time_seconds_bucket{m=\"x\",le=\"0.0001\"} 2\n";
	static const char tail[] =
		"weir_time_seconds_bucket{m=\"x\",le=\"50.0\"} 4\n"
		"weir_time_seconds_bucket{m=\"x\",le=\"100.0\"} 4\n"
		"weir_time_seconds_bucket{m=\"x\",le=\"+Inf\"} 5\n"
		"weir_time_seconds_count{m=\"x\"} 5\n"
		"weir_time_seconds_sum{m=\"x\"} 201.500100000\n"
		"# EOF\n";
	struct buf b = BUF_INIT, label = BUF_INIT;
	weir_str evil = { "b\"c\n", 4 };
	int a, c, g, h;

	(void)state;
	a = metric_counter("weir_mail", "v=\"a\"", "Mail \"seen\".");
	g = metric_gauge("weir_open", NULL, NULL);
	h = metric_histogram("weir_time_seconds", "m=\"x\"", NULL);
	metric_label_add(&label, "v", evil);
	c = metric_counter("weir_mail_total", label.ptr, "late");
	assert_true(c >= 0);
	metric_add(a, 3);
	metric_add(c, 4);
	metric_set(g, -2);
	metric_observe(h, 0.0001);
	metric_observe(h, __builtin_nan(""));
	metric_observe(h, 0.5);
	metric_observe(h, 1.0);
	metric_observe(h, 200);
	metric_render(&b);
	assert_int_equal(strncmp(b.ptr, want, sizeof(want) - 1), 0);
	assert_string_equal(b.ptr + b.len - (sizeof(tail) - 1), tail);
	assert_non_null(strstr(b.ptr, "le=\"0.5\"} 3\n"));
	assert_non_null(strstr(b.ptr, "le=\"1.0\"} 4\n"));
	buf_fini(&b);
	buf_fini(&label);
}

static void
workers_are_summed_and_retired(void **state)
{
	int c = metric_counter("c", NULL, NULL), late;
	int g = metric_gauge("g", NULL, NULL);
	int h = metric_histogram("h", NULL, NULL);
	pid_t pid[4];

	(void)state;
	metric_add(c, 1);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			metric_attach(i);
			metric_add(c, 10);
			metric_set(g, 5);
			metric_observe(h, 0.01);
			metric_add(metric_counter("late", NULL, NULL), 1);
			raise(SIGKILL);
		}
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
	late = metric_counter("late", NULL, NULL);
	assert_int_equal(metric_value(c), 41);
	assert_int_equal(metric_value(g), 20);
	assert_int_equal(metric_value(h), 4);
	assert_int_equal(metric_value(late), 4);
	for (int i = 0; i < 4; i++) {
		metric_retire(i);
		assert_int_equal(metric_value(c), 41);
		assert_int_equal(metric_value(g), 15 - 5 * i);
		assert_int_equal(metric_value(h), 4);
		metric_retire(i); /* again is harmless */
	}
	assert_int_equal(metric_value(late), 4);
	metric_attach(2); /* the slot's next worker */
	metric_add(c, 1);
	assert_int_equal(metric_value(c), 42);
}

static void
a_dead_registrar_stops_nobody(void **state)
{
	(void)state;
	/* whenever they die, the survivors can go on */
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		char name[32];

		if (pid == 0) {
			for (int k = 0;; k++) {
				snprintf(name, sizeof(name), "d%d_%d", i, k);
				metric_counter(name, NULL, NULL);
			}
		}
		while (metric_value(metric_counter("x", NULL, NULL)) < 50u)
			metric_add(metric_counter("x", NULL, NULL), 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(metric_counter("x", NULL, NULL) >= 0);
	}
}

static void *
count(void *arg)
{
	for (int i = 0; i < 100000; i++)
		metric_add(*(int *)arg, 1);
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	int c = metric_counter("c", NULL, NULL);
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, count, &c);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(metric_value(c), 400000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_labels_are_checked,
		    begin, end),
		cmocka_unit_test_setup_teardown(the_directory_has_an_end,
		    begin, end),
		cmocka_unit_test_setup_teardown(wrong_ids_are_ignored, begin,
		    end),
		cmocka_unit_test_setup_teardown(the_text_is_openmetrics,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    workers_are_summed_and_retired, begin, end),
		cmocka_unit_test_setup_teardown(a_dead_registrar_stops_nobody,
		    begin, end),
		cmocka_unit_test_setup_teardown(threads_lose_nothing, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
