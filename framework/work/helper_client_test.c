/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends at once: the client here, helper_serve in a child, or a scripted
   child that misbehaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"
#include "work/helper_client.h"
#include "work/helper_poison.h"
#include "work/helper_serve.h"
#include "work/helper_wire.h"

static char dir[80];
static char path[100];
static int listener = -1, control = -1;
static pid_t child;
static struct helper_client *client;

/* What came back. */
struct answer {
	struct helper_ask *ask;
	int count, status;
	char text[64];
	size_t len;
	struct answer *cancels; /* in its callback: this one */
};

/* --- the helper --- */

static int
test_run(void *state, weir_request *r, weir_str request, int message)
{
	char text[64];

	(void)state;
	if (text_has_prefix(request, "echo"))
		return helper_serve_respond(r, request.ptr, request.len);
	if (text_has_prefix(request, "wait")) {
		while (helper_serve_left_ms(r) > 0)
			poll(NULL, 0, 1);
		return WEIR_E_TIMEOUT;
	}
	if (text_has_prefix(request, "hang"))
		for (;;)
			pause();
	if (text_has_prefix(request, "die"))
		raise(SIGKILL);
	if (text_has_prefix(request, "odd"))
		return 4711;
	if (text_has_prefix(request, "huge")) {
		char block[1000] = "";

		for (int i = 0; i < 66; i++)
			(void)helper_serve_respond(r, block, sizeof(block));
		return WEIR_OK;
	}
	snprintf(text, sizeof(text), "%zd", pread(message, text, 60, 0));
	return helper_serve_respond(r, text, strlen(text));
}

static const struct weir_helper table = { .size = sizeof(table),
	.name = "test", .threads = 2, .processes = 1, .run = test_run };

/* helper_start - the true one */
static void
helper_start(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair), 0);
	child = fork();
	if (child == 0) {
		struct helper_serve s = { .table = &table,
			.listener = listener, .control = pair[1] };

		close(pair[0]);
		_exit(helper_serve(&s));
	}
	close(pair[1]);
	control = pair[0];
}

/* helper_script - one that greets and then sends these octets for each
   request */
static void
helper_script(const void *octets, size_t len)
{
	child = fork();
	if (child == 0) {
		struct helper_wire hello = { .kind = HELPER_WIRE_HELLO,
			.id = 1, .value = 2 };
		static char packet[HELPER_WIRE_MAX];

		fcntl(listener, F_SETFL, 0);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			helper_wire_put(packet, &hello);
			(void)!send(fd, packet, HELPER_WIRE_HEAD, 0);
			while (recv(fd, packet, sizeof(packet), 0) > 0)
				(void)!send(fd, octets, len, MSG_NOSIGNAL);
			close(fd);
		}
	}
}

/* helper_stop - and what it ended with */
static int
helper_stop(int sig)
{
	int status;

	if (control >= 0)
		close(control);
	control = -1;
	if (sig != 0)
		kill(child, sig);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	return status;
}

/* --- the client --- */

static void
on_answer(int status, weir_str response, void *arg)
{
	struct answer *a = arg;

	a->ask = NULL;
	a->count++;
	a->status = status;
	a->len = response.len;
	snprintf(a->text, sizeof(a->text), "%.*s", (int)response.len,
	    response.ptr);
	if (a->cancels != NULL) {
		helper_client_cancel(a->cancels->ask);
		a->cancels->ask = NULL;
	}
}

static void
ask_key(struct answer *a, const char *request, int fd, uint64_t key)
{
	memset(a, 0, sizeof(*a));
	assert_int_equal(helper_client_ask(client, text_slice(request), fd,
	    clock_mono_ms() + 200, key, on_answer, a, &a->ask), WEIR_OK);
	assert_int_equal(a->count, 0);
}

static void
ask(struct answer *a, const char *request)
{
	ask_key(a, request, -1, 0);
}

static void
await(struct answer *a)
{
	while (a->count == 0)
		loop_once(true);
	assert_int_equal(a->count, 1);
}

static int
setup(void **state)
{
	const char *paths[1] = { path };

	(void)state;
	loop_init();
	snprintf(path, sizeof(path), "%s/sock", dir);
	listener = helper_client_socket(path, true);
	client = helper_client_create("test", paths, 1);
	return listener < 0;
}

static int
teardown(void **state)
{
	(void)state;
	helper_client_destroy(&client);
	if (child != 0)
		helper_stop(SIGKILL);
	close(listener);
	unlink(path);
	loop_fini(false);
	assert_int_equal(budget_used(), 0);
	return 0;
}

static void
test_echo(void **state)
{
	struct answer a[100];
	int status;

	(void)state;
	helper_start();
	/* far more than are given to it at a time */
	for (int i = 0; i < 100; i++) {
		char text[16];

		snprintf(text, sizeof(text), "echo %d", i);
		ask(&a[i], text);
	}
	for (int i = 0; i < 100; i++) {
		char text[16];

		await(&a[i]);
		snprintf(text, sizeof(text), "echo %d", i);
		assert_int_equal(a[i].status, WEIR_OK);
		assert_string_equal(a[i].text, text);
	}
	ask(&a[0], "huge");
	ask(&a[1], "odd");
	await(&a[0]);
	await(&a[1]);
	assert_int_equal(a[0].status, WEIR_E_LIMIT);
	assert_int_equal(a[0].len, 0);
	assert_int_equal(a[1].status, WEIR_E_INTERNAL);
	/* it ends in good order when nobody is left */
	helper_client_destroy(&client);
	status = helper_stop(0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
test_order(void **state)
{
	struct answer slow, fast;

	(void)state;
	helper_start();
	ask(&slow, "wait");
	ask(&fast, "echo");
	await(&fast);
	assert_int_equal(slow.count, 0);
	await(&slow);
	assert_int_equal(slow.status, WEIR_E_TIMEOUT);
}

static void
test_cancel(void **state)
{
	struct answer wait[2], queued, last;

	(void)state;
	helper_start();
	ask(&wait[0], "wait");
	ask(&queued, "echo");
	helper_client_cancel(queued.ask); /* nobody has it yet */
	ask(&last, "echo");
	await(&last);
	helper_client_cancel(wait[0].ask); /* that ends its wait */
	ask(&wait[1], "echo");
	await(&wait[1]);
	assert_int_equal(queued.count + wait[0].count, 0);
}

static void
test_message(void **state)
{
	struct answer a;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "1234567", 7), 7);
	helper_start();
	ask_key(&a, "message", fd, 0);
	await(&a);
	assert_string_equal(a.text, "7");
	/* sent means closed here */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Two deaths: both requests fail at once, a third is served by the next
   helper, and what was under way twice is known. */
static void
test_death(void **state)
{
	struct answer waits, dies, next;

	(void)state;
	helper_poison_create();
	for (int i = 0; i < 2; i++) {
		helper_start();
		ask_key(&waits, "wait", -1, 100 + (uint64_t)i);
		ask_key(&dies, "die", -1, 7);
		await(&dies);
		await(&waits);
		assert_int_equal(dies.status, WEIR_E_TEMP);
		assert_int_equal(waits.status, WEIR_E_TEMP);
		assert_int_equal(helper_poison_is(7), i == 1);
		assert_false(helper_poison_is(100 + (uint64_t)i));
		helper_stop(0);
	}
	ask(&next, "echo"); /* waits for the next one */
	helper_start();
	await(&next);
	assert_int_equal(next.status, WEIR_OK);
	helper_poison_destroy();
}

static void
test_death_cancels(void **state)
{
	struct answer dies, other;

	(void)state;
	helper_start();
	ask(&dies, "die");
	ask(&other, "wait");
	dies.cancels = &other;
	await(&dies);
	assert_int_equal(other.count, 0);
	helper_stop(0);
}

static void
test_hang(void **state)
{
	struct answer a;
	int64_t begin = clock_mono_ms();
	int status;

	(void)state;
	helper_start();
	ask(&a, "hang");
	await(&a);
	assert_int_equal(a.status, WEIR_E_TEMP);
	assert_true(clock_mono_ms() - begin >= HELPER_SERVE_GRACE_MS);
	status = helper_stop(0);
	assert_int_equal(WEXITSTATUS(status), HELPER_EXIT_HUNG);
}

static void
test_refused(void **state)
{
	struct answer a[2];

	(void)state;
	close(listener);
	unlink(path);
	ask(&a[0], "echo");
	ask(&a[1], "echo");
	await(&a[0]);
	await(&a[1]);
	assert_int_equal(a[0].status, WEIR_E_TEMP);
	listener = helper_client_socket(path, true);
	helper_start();
	ask(&a[0], "echo");
	await(&a[0]);
	assert_int_equal(a[0].status, WEIR_OK);
}

static void
test_limits(void **state)
{
	static struct answer all[HELPER_CLIENT_QUEUE + 1];
	struct answer *a = &all[HELPER_CLIENT_QUEUE];
	char *big = xcalloc(1, WEIR_REMOTE_OCTETS + 1);
	weir_str s = { big, WEIR_REMOTE_OCTETS + 1 };

	(void)state;
	assert_int_equal(helper_client_ask(client, s, -1, 0, 0, on_answer, a,
	    &a->ask), WEIR_E_LIMIT);
	free(big);
	for (int i = 0; i < HELPER_CLIENT_QUEUE; i++)
		ask(&all[i], "echo");
	assert_int_equal(helper_client_ask(client, text_slice("echo"), -1, 0,
	    0, on_answer, a, &a->ask), WEIR_E_LIMIT);
	helper_client_destroy(&client);
	for (int i = 0; i < HELPER_CLIENT_QUEUE; i++)
		assert_int_equal(all[i].status, WEIR_E_CANCELLED);
}

/* Whatever a helper says that it may not: the request fails, the next one is
   tried on a new connection. */
static void
test_lies(void **state)
{
	static const struct {
		uint32_t words[9];
		size_t len;
	} lies[] = {
		{ { 0 }, 1 },
		{ { 0x31505257u, 4, 99 }, 32 },		 /* unknown id */
		{ { 0x31505257u, 1, 1, 0, 0, 2 }, 32 },	 /* HELLO again */
		{ { 0x31505257u, 4, 1, 0, 0, 5 }, 32 },	 /* status 5 */
		{ { 0x31505257u, 4, 1, 0, 0, 0, 9 }, 36 }, /* size */
		{ { 0x31505257u, 2, 1, 0, 0, 9 }, 32 },	 /* a request */
		{ { 0x41414141u, 4, 1 }, 32 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct answer a;

		helper_script(lies[i].words, lies[i].len);
		ask(&a, "echo");
		await(&a);
		assert_int_equal(a.status, WEIR_E_TEMP);
		helper_stop(SIGKILL);
	}
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_echo), TEST(test_order),
		TEST(test_cancel), TEST(test_message), TEST(test_death),
		TEST(test_death_cancels), TEST(test_hang), TEST(test_refused),
		TEST(test_limits), TEST(test_lies) };
	int failed;

	text_temporary(dir, sizeof(dir), "weir-client");
	assert_non_null(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
