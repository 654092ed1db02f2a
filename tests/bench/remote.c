/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote - round trips to a helper process in its sandbox.
 *
 * usage: remote OCTETS THREADS AT-A-TIME SECONDS: requests and answers of that
 * size, so many under way; prints round trips a second and their time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"
#include "work/helper_client.h"
#include "work/helper_sandbox.h"
#include "work/helper_serve.h"

struct trip {
	uint64_t begin_ns;
	struct helper_ask *ask;
};

static struct helper_client *client;
static weir_str request;
static uint32_t *times; /* ns */
static size_t count, cap = 20000000;
static uint64_t end_ns;
static unsigned under_way;

/* remote_run - the helper says what it heard */
static int
remote_run(void *state, weir_request *r, weir_str asked, int message)
{
	(void)state;
	(void)message;
	return helper_serve_respond(r, asked.ptr, asked.len);
}

static struct weir_helper table = { .size = sizeof(table), .name = "bench",
	.processes = 1, .run = remote_run };

/* remote_helper - its process */
static void
remote_helper(int listener, int control)
{
	struct helper_serve s = { .table = &table, .listener = listener,
		.control = control };
	char module[] = "bench", path[] = "/usr/lib/none", none[] = "";
	struct helper_spec spec = { .threads = table.threads,
		.module = module, .name = module, .path = path,
		.options = none, .readable = (char *[]){ NULL } };
	struct err err;

	if (helper_sandbox_enter(&spec, "", &err) < 0 ||
	    helper_sandbox_narrow(&spec, &err) < 0)
		fatal("%s", err.text);
	_exit(helper_serve(&s));
}

static void remote_ask(struct trip *t);

/* remote_on_answer - and the next one */
static void
remote_on_answer(int status, weir_str response, void *arg)
{
	struct trip *t = arg;
	uint64_t now = clock_mono_ns();

	expect(status == WEIR_OK && response.len == request.len);
	if (count < cap)
		times[count++] = (uint32_t)(now - t->begin_ns);
	under_way--;
	if (now < end_ns)
		remote_ask(t);
}

/* remote_ask - one round trip begins */
static void
remote_ask(struct trip *t)
{
	t->begin_ns = clock_mono_ns();
	under_way++;
	expect(helper_client_ask(client, request, -1, clock_mono_ms() + 10000,
	    0, remote_on_answer, t, &t->ask) == WEIR_OK);
}

/* remote_compare - for qsort */
static int
remote_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	char dir[80], path[100];
	const char *paths[1] = { path };
	int listener, pair[2], at_a_time, seconds;
	struct trip *trips;
	pid_t pid;

	if (argc != 5) {
		fputs("usage: remote OCTETS THREADS AT-A-TIME SECONDS\n",
		    stderr);
		return 2;
	}
	request.len = (size_t)atoi(argv[1]);
	request.ptr = xcalloc(1, request.len + 1);
	table.threads = (uint32_t)atoi(argv[2]);
	at_a_time = atoi(argv[3]);
	seconds = atoi(argv[4]);
	text_temporary(dir, sizeof(dir), "weir-remote");
	expect(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/sock", dir);
	listener = helper_client_socket(path, true);
	expect(listener >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0,
	    pair) == 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		remote_helper(listener, pair[1]);
	}
	close(pair[1]);
	loop_init();
	client = helper_client_create("bench", paths, 1);
	times = xcalloc(cap, sizeof(*times));
	trips = xcalloc((size_t)at_a_time, sizeof(*trips));
	end_ns = clock_mono_ns() + (uint64_t)seconds * 1000000000u;
	for (int i = 0; i < at_a_time; i++)
		remote_ask(&trips[i]);
	while (under_way > 0)
		loop_once(true);
	helper_client_destroy(&client);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	unlink(path);
	rmdir(dir);
	qsort(times, count, sizeof(*times), remote_compare);
	printf("%zu octets, %u threads, %d at a time: %zu/s, median %.1f us, "
	    "99%% %.1f us\n", request.len, table.threads, at_a_time,
	    count / (size_t)seconds, times[count / 2] / 1e3,
	    times[count * 99 / 100] / 1e3);
	return 0;
}
