/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool_test - from memory to memfd, sealed, under a budget. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budget.h"
#include "mail/spool.h"

#define MEMORY 16384
#define LARGEST (1024 * 1024)

static char octets[LARGEST + 1];

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)('a' + i * 7 % 26);
	spool_limits(MEMORY, LARGEST);
	budget_limit(0);
	return 0;
}

/* check_view - the content, and the NUL behind it */
static void
check_view(struct spool *sp, size_t len)
{
	weir_str v;

	assert_int_equal(spool_view(sp, &v), WEIR_OK);
	assert_int_equal(v.len, len);
	assert_memory_equal(v.ptr, octets, len);
	assert_int_equal(v.ptr[len], '\0');
}

/* check_fd - the same through a descriptor, which nobody can write to */
static void
check_fd(struct spool *sp, size_t len)
{
	int fd = spool_fd(sp);
	struct stat st;
	char *copy = malloc(len + 1);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, len);
	assert_int_equal(pread(fd, copy, len + 1, 0), len);
	assert_memory_equal(copy, octets, len);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	free(copy);
	close(fd);
}

/* Each side of each boundary, in one piece and in odd ones; viewed before and
   after it is sealed. */
static void
test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8191, 8192,
		8193, MEMORY - 1, MEMORY, MEMORY + 1, 5 * 4096, 5 * 4096 + 1,
		16 * 4096 - 1, 16 * 4096, LARGEST - 1, LARGEST };
	static const size_t pieces[] = { LARGEST, 4096, 997, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++) {
			size_t left = sizes[i], at = 0;
			struct spool sp;
			weir_str before, after;

			if (pieces[k] == 1 && left > 5 * 4096)
				continue;
			spool_init(&sp);
			while (left > 0) {
				size_t n = left < pieces[k] ? left : pieces[k];

				assert_int_equal(spool_add(&sp, octets + at, n),
				    WEIR_OK);
				at += n;
				left -= n;
			}
			assert_int_equal(sp.fd >= 0, sizes[i] > MEMORY);
			assert_int_equal(spool_view(&sp, &before), WEIR_OK);
			check_view(&sp, sizes[i]);
			check_fd(&sp, sizes[i]);
			/* what was handed out stays where it is */
			assert_int_equal(spool_add(&sp, "", 0), WEIR_OK);
			assert_int_equal(spool_add(&sp, "x", 1), WEIR_E_STATE);
			assert_int_equal(spool_view(&sp, &after), WEIR_OK);
			assert_ptr_equal(before.ptr, after.ptr);
			check_view(&sp, sizes[i]);
			check_fd(&sp, sizes[i]);
			spool_fini(&sp);
			assert_int_equal(budget_used(), 0);
		}
	}
}

/* A view, then more, then a view again. */
static void
test_view_between(void **state)
{
	struct spool sp;

	(void)state;
	spool_init(&sp);
	for (size_t at = 0; at + 3000 <= 60000; at += 3000) {
		assert_int_equal(spool_add(&sp, octets + at, 3000), WEIR_OK);
		check_view(&sp, at + 3000);
	}
	check_fd(&sp, 60000);
	spool_fini(&sp);
}

static void
test_largest(void **state)
{
	struct spool sp;

	(void)state;
	spool_init(&sp);
	assert_int_equal(spool_add(&sp, octets, LARGEST), WEIR_OK);
	assert_int_equal(spool_add(&sp, "x", 1), WEIR_E_LIMIT);
	assert_int_equal(spool_add(&sp, octets, SIZE_MAX), WEIR_E_LIMIT);
	check_view(&sp, LARGEST);
	spool_fini(&sp);
}

/* Over the process's cap nothing grows and nothing is lost. */
static void
test_budget(void **state)
{
	struct spool a, b;
	size_t used;

	(void)state;
	budget_limit(64 * 1024);
	spool_init(&a);
	spool_init(&b);
	assert_int_equal(spool_add(&a, octets, 40000), WEIR_OK);
	used = budget_used();
	assert_in_range(used, 40000, 40000 + 8192);
	assert_int_equal(spool_add(&b, octets, 40000), WEIR_E_NOMEM);
	assert_int_equal(budget_used(), used);
	assert_int_equal(spool_add(&b, octets, 8192), WEIR_OK);
	assert_int_equal(spool_add(&b, octets + 8192, 40000), WEIR_E_NOMEM);
	check_view(&b, 8192);
	check_view(&a, 40000);
	spool_fini(&a);
	assert_int_equal(spool_add(&b, octets + 8192, 40000), WEIR_OK);
	check_view(&b, 48192);
	check_fd(&b, 48192);
	spool_fini(&b);
	assert_int_equal(budget_used(), 0);
	budget_limit(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_view_between),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
