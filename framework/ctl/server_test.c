/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server_test - the control server on a real loop and a real socket; worker
   and modules are played by the functions below. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/load.h"
#include "ctl/format.h"
#include "ctl/server.h"
#include "ctl/wire.h"
#include "daemon/worker.h"
#include "host/control.h"
#include "loop/loop.h"
#include "obs/board.h"
#include "obs/log.h"
#include "obs/metric.h"
#include "obs/record.h"
#include "work/pool.h"

#define BIG (9u << 20)

static char dir[80], path[100], database[100];
static int listen_fd;
static struct conf *conf;
static struct conf_snapshot *snap;
static bool master_is_there = true;
static worker_reload_fn *reload_done;
static void *reload_arg;
static control_done_fn *module_done;
static void *module_arg;
static char last_log[4096];

/* What daemon/worker.c would say. */
const struct conf *
worker_conf(void)
{
	return conf;
}

const char *
worker_conf_path(void)
{
	return "/etc/weir/weir.conf";
}

uint32_t
worker_generation(void)
{
	return 7;
}

bool
worker_reload(worker_reload_fn *done, void *arg)
{
	reload_done = done;
	reload_arg = arg;
	return master_is_there;
}

bool
worker_stop_daemon(void)
{
	return master_is_there;
}

/* What host/table.c wants of the file that this one stands in for. */
extern const struct weir_control ext_control_table;
const struct weir_control ext_control_table;

/* What host/ext_control.c would say: module "zoo" has two commands. */
static struct module zoo = { .name = "zoo" };
static char late[] = "late", late_help[] = "Answers later.";
static char list[] = "list", list_usage[] = "list [ANIMAL]",
	list_help[] = "Says it again.";
static struct control_command zoo_late = { .module = &zoo, .name = late,
	.usage = late, .help = late_help };
static struct control_command zoo_list = { .next = &zoo_late, .module = &zoo,
	.name = list, .usage = list_usage, .help = list_help };

const struct control_command *
control_commands(void)
{
	return &zoo_list;
}

void
control_fini(void)
{
}

const char *
control_peer(const struct call *c)
{
	(void)c;
	return NULL;
}

int
control_run(const char *module, uint32_t argc, const char *const *argv,
    bool json, int64_t uid, int64_t timeout_ms, control_done_fn *done,
    void *arg)
{
	struct control_reply r;

	(void)timeout_ms;
	assert_int_equal(uid, getuid());
	if (strcmp(module, "zoo") != 0)
		return WEIR_E_NOTFOUND;
	if (strcmp(argv[0], "late") == 0) {
		module_done = done;
		module_arg = arg;
		return WEIR_OK;
	}
	if (strcmp(argv[0], "list") != 0)
		return WEIR_E_NOTFOUND;
	memset(&r, 0, sizeof(r));
	if (argc > 1 && strcmp(argv[1], "big") == 0) {
		memset(buf_reserve(&r.out, BIG), 'x', BIG);
		r.out.len = BIG;
		r.out.ptr[BIG] = '\0';
	} else if (argc > 1 && strcmp(argv[1], "bad") == 0) {
		r.status = WEIR_E_INVAL;
		buf_add_str(&r.err, "no such animal");
	} else {
		buf_printf(&r.out, "%s %s\n", argc > 1 ? argv[1] : "-",
		    json ? "json" : "text");
	}
	done(&r, arg);
	buf_fini(&r.out);
	buf_fini(&r.err);
	return WEIR_OK;
}

/* test_capture - the last line that was logged */
static void
test_capture(int level, enum log_event_id event, const char *line, size_t len,
    void *arg)
{
	(void)level;
	(void)arg;
	if (event == LOG_CTL_COMMAND)
		snprintf(last_log, sizeof(last_log), "%.*s", (int)len, line);
}

/* test_dial - a client */
static int
test_dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)),
	    0);
	return fd;
}

/* test_send - all of it, while the server reads */
static void
test_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		assert_true(n > 0 || errno == EAGAIN);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
		loop_once(false);
	}
}

/* test_wake - the loop's sleep ends now and then */
static void
test_wake(struct loop_timer *t)
{
	loop_timer_start(t, 10);
}

/* test_receive - read to the end of the connection */
static void
test_receive(int fd, struct buf *in)
{
	struct loop_timer t;
	int64_t end = clock_mono_ms() + 20000;

	loop_timer_init(&t, test_wake);
	loop_timer_start(&t, 10);
	for (;;) {
		ssize_t n = recv(fd, buf_reserve(in, 65536), 65536, 0);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		assert_true(n > 0 || errno == EAGAIN);
		assert_true(clock_mono_ms() < end);
		if (n > 0)
			in->len += (size_t)n;
		else
			loop_once(true);
	}
	loop_timer_stop(&t);
	close(fd);
}

/* test_ask_raw - one request, its answer */
static void
test_ask_raw(const char *line, struct wire_reply *out)
{
	struct buf in = BUF_INIT;
	struct err err = { "" };
	int fd = test_dial();

	test_send(fd, line, strlen(line));
	test_receive(fd, &in);
	assert_int_equal(wire_reply_parse(buf_str(&in), out, &err), WEIR_OK);
	buf_fini(&in);
}

/* test_ask - the words of a command */
static void
test_ask(const char *words, bool json, struct wire_reply *out)
{
	char copy[256], *save, *w;
	const char *argv[16];
	struct buf line = BUF_INIT;
	uint32_t n = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	wire_request_write(n, argv, json, &line);
	test_ask_raw(line.ptr, out);
	buf_fini(&line);
}

/* test_commands - status, and a word that the answer holds */
static void
test_commands(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *out, *err;
	} cases[] = {
		{ "status", 0, "configuration generation 7", "" },
		{ "status", 0, "inet:127.0.0.1:10022", "" },
		{ "modules", 0, "no modules", "" },
		{ "modules zoo", 1, "", "is not configured" },
		{ "metrics", 0, "# EOF", "" },
		{ "help", 0, "zoo list [ANIMAL]", "" },
		{ "help", 0, "explain ID|QUEUE-ID", "" },
		{ "stop", 0, "stopping", "" },
		{ "stop now", 2, "", "usage: weirctl stop" },
		{ "explain", 2, "", "usage: weirctl explain" },
		{ "explain nothing", 1, "", "no record of \"nothing\"" },
		{ "stauts", 2, "", "did you mean \"status\"?" },
		{ "qqqqqqqqqqqq", 2, "", "see weirctl help" },
		{ "zoo", 2, "", "commands of zoo:\n  zoo list [ANIMAL]" },
		{ "zoo lisst", 2, "", "did you mean \"list\"?" },
		{ "zoo list lion", 0, "lion text", "" },
		{ "zoo list bad", 1, "", "no such animal\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_reply r;

		test_ask(cases[i].words, false, &r);
		if (r.status != cases[i].status ||
		    strstr(buf_str(&r.out).ptr, cases[i].out) == NULL ||
		    strstr(buf_str(&r.err).ptr, cases[i].err) == NULL)
			fail_msg("%s: %d \"%s\" \"%s\"", cases[i].words,
			    r.status, buf_str(&r.out).ptr,
			    buf_str(&r.err).ptr);
		wire_reply_fini(&r);
	}
	assert_int_equal(ctl_server_count(), 0);
}

/* test_json - every command's JSON is JSON, and has what it must */
static void
test_json(void **state)
{
	static const struct {
		const char *words;
		json_type type;
		const char *key;
	} cases[] = {
		{ "status", JSON_OBJECT, "workers" },
		{ "status", JSON_OBJECT, "store" },
		{ "modules", JSON_ARRAY, NULL },
		{ "metrics", JSON_STRING, NULL },
		{ "help", JSON_ARRAY, NULL },
		{ "stop", JSON_OBJECT, "stopping" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_reply r;
		json_t *j;

		test_ask(cases[i].words, true, &r);
		assert_int_equal(r.status, 0);
		j = json_loadb(r.out.ptr, r.out.len, JSON_DECODE_ANY, NULL);
		assert_non_null(j);
		assert_int_equal(json_typeof(j), cases[i].type);
		if (cases[i].key != NULL)
			assert_non_null(json_object_get(j, cases[i].key));
		json_decref(j);
		wire_reply_fini(&r);
	}
}

/* test_log - who asked for what */
static void
test_log(void **state)
{
	struct wire_reply r;
	char uid[32];

	(void)state;
	test_ask("zoo list zebra", false, &r);
	wire_reply_fini(&r);
	snprintf(uid, sizeof(uid), "peer_uid=%u", geteuid());
	assert_non_null(strstr(last_log, uid));
	assert_non_null(strstr(last_log, "zebra"));
}

/* test_bad - requests that are none */
static void
test_bad(void **state)
{
	struct wire_reply r;
	char *line = malloc(CTL_REQUEST_MAX + 100);

	(void)state;
	assert_non_null(line);
	test_ask_raw("nonsense\n", &r);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "bad request"));
	wire_reply_fini(&r);
	memset(line, ' ', CTL_REQUEST_MAX + 90);
	memcpy(line + CTL_REQUEST_MAX + 90, "\n", 2);
	test_ask_raw(line, &r);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "too long"));
	wire_reply_fini(&r);
	free(line);
}

/* test_octets - a request that comes octet by octet, an answer that is read
   slowly */
static void
test_octets(void **state)
{
	static const char line[] = "{\"command\":[\"zoo\",\"list\",\"big\"]}\n";
	struct wire_reply r;
	struct buf in = BUF_INIT;
	struct err err;
	int fd = test_dial();

	(void)state;
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		test_send(fd, line + i, 1);
		loop_once(false);
	}
	test_receive(fd, &in);
	assert_int_equal(wire_reply_parse(buf_str(&in), &r, &err), WEIR_OK);
	assert_int_equal(r.out.len, BIG);
	wire_reply_fini(&r);
	buf_fini(&in);
	assert_int_equal(ctl_server_count(), 0);
}

/* test_late - the command answers when the client is there, or gone */
static void
test_late(void **state)
{
	static const char line[] = "{\"command\":[\"zoo\",\"late\"]}\n";
	struct control_reply answer = { .out = BUF_INIT, .err = BUF_INIT };
	struct wire_reply r;
	struct buf in = BUF_INIT;
	struct err err;

	(void)state;
	buf_add_str(&answer.out, "at last\n");
	for (int gone = 0; gone < 2; gone++) {
		int fd = test_dial();

		module_done = NULL;
		test_send(fd, line, sizeof(line) - 1);
		while (module_done == NULL)
			loop_once(true);
		assert_int_equal(ctl_server_count(), 1);
		if (gone) {
			close(fd);
			loop_once(false);
		}
		module_done(&answer, module_arg);
		if (gone)
			continue;
		test_receive(fd, &in);
		assert_int_equal(wire_reply_parse(buf_str(&in), &r, &err), 0);
		assert_string_equal(r.out.ptr, "at last\n");
		wire_reply_fini(&r);
	}
	assert_int_equal(ctl_server_count(), 0);
	buf_fini(&answer.out);
	buf_fini(&in);
}

/* test_reload - the master's answer decides */
static void
test_reload(void **state)
{
	static const char line[] = "{\"command\":[\"reload\"]}\n";
	static const struct {
		int status;
		const char *text;
		int reply;
		const char *says;
	} cases[] = {
		{ 0, "", 0, "reloaded" },
		{ WEIR_E_INVAL, "f:1: error: no\n", 1,
		    "f:1: error: no\nthe old" },
		{ WEIR_E_INVAL, "late", 1, "late\nthe old" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf in = BUF_INIT;
		struct wire_reply r;
		struct err err;
		int fd = test_dial();

		reload_done = NULL;
		test_send(fd, line, sizeof(line) - 1);
		while (reload_done == NULL)
			loop_once(true);
		reload_done(cases[i].status, cases[i].text, reload_arg);
		test_receive(fd, &in);
		assert_int_equal(wire_reply_parse(buf_str(&in), &r, &err), 0);
		assert_int_equal(r.status, cases[i].reply);
		assert_non_null(strstr(r.status == 0 ? r.out.ptr : r.err.ptr,
		    cases[i].says));
		wire_reply_fini(&r);
		buf_fini(&in);
	}
	master_is_there = false;
	for (int stop = 0; stop < 2; stop++) {
		struct wire_reply r;

		test_ask(stop ? "stop" : "reload", false, &r);
		assert_int_equal(r.status, 1);
		wire_reply_fini(&r);
	}
	master_is_there = true;
}

/* test_explain - by id as made, as read out, by queue id */
static void
test_explain(void **state)
{
	static const char *const keys[] = { "0abcdefgh123", "[0abcdefgh123]",
		"OABCDEFGHI23", "4XyZ" };
	struct record rec = { .time_ms = 1000,
		.id = text_slice("0abcdefgh123"),
		.session = text_slice("s"), .queue_id = text_slice("4XyZ"),
		.kind = text_slice("message"), .verdict = text_slice("reject"),
		.sender = text_slice(""), .client = text_slice(""),
		.recipients = text_slice(""),
		.json = text_slice("{\"id\":\"0abcdefgh123\",\"verdict\":"
				   "\"reject\",\"score\":3.5}") };

	(void)state;
	assert_true(record_put(&rec));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct wire_reply r;
		char words[64];
		json_t *j;

		snprintf(words, sizeof(words), "explain %s", keys[i]);
		test_ask(words, false, &r);
		assert_int_equal(r.status, 0);
		assert_non_null(strstr(r.out.ptr,
		    "Message 0abcdefgh123: refused (5xx)\n  score 3.50"));
		assert_non_null(strstr(r.out.ptr, "4XyZ"));
		wire_reply_fini(&r);
		test_ask(words, true, &r);
		j = json_loadb(r.out.ptr, r.out.len, 0, NULL);
		assert_int_equal(json_array_size(j), 1);
		json_decref(j);
		wire_reply_fini(&r);
	}
}

/* test_crowd - one client too many is told so; the others are served */
static void
test_crowd(void **state)
{
	int fds[CTL_CONNS];
	struct wire_reply r;

	(void)state;
	for (size_t i = 0; i < CTL_CONNS; i++) {
		fds[i] = test_dial();
		while (ctl_server_count() < i + 1)
			loop_once(true);
	}
	test_ask_raw("", &r);
	assert_int_equal(r.status, 1);
	assert_non_null(strstr(r.err.ptr, "too many"));
	wire_reply_fini(&r);
	for (size_t i = 0; i < CTL_CONNS; i++)
		close(fds[i]);
	while (ctl_server_count() > 0)
		loop_once(true);
}

/* test_stop - open connections are finished, new ones are not taken */
static void
test_stop(void **state)
{
	static const char line[] = "{\"command\":[\"help\"]}\n";
	struct buf in = BUF_INIT;
	int fd = test_dial(), other;

	(void)state;
	while (ctl_server_count() < 1)
		loop_once(true);
	ctl_server_stop();
	other = test_dial();
	test_send(fd, line, sizeof(line) - 1);
	test_receive(fd, &in);
	assert_true(in.len > 100);
	assert_int_equal(ctl_server_count(), 0);
	buf_fini(&in);
	ctl_server_start(listen_fd);
	while (ctl_server_count() < 1)
		loop_once(true);
	ctl_server_close_all();
	assert_int_equal(ctl_server_count(), 0);
	close(other);
	ctl_server_start(listen_fd);
}

/* test_conf - what the worker runs with */
static void
test_conf(void)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;

	buf_printf(&text, "listener \"p\" { protocol = \"policy\" "
	    "address = \"inet:127.0.0.1:10022\" }\n"
	    "explain { path = \"%s\" }\n", database);
	snap = conf_snapshot_of("test.conf", text.ptr, text.len, &report);
	assert_non_null(snap);
	assert_int_equal(conf_load(snap, NULL, &conf, &report), WEIR_OK);
	conf_report_fini(&report);
	buf_fini(&text);
}

/* test_setup - a directory, a socket, and what the commands look at */
static int
test_setup(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct err err = { "" };

	(void)state;
	text_temporary(dir, sizeof(dir), "weir-ctl");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(database, sizeof(database), "%s/explain.db", dir);
	test_conf();
	log_set_capture(test_capture, NULL);
	board_create();
	metric_create();
	loop_init();
	assert_int_equal(work_init(2, 10, &err), WEIR_OK);
	assert_int_equal(record_init(database, 0, &err), WEIR_OK);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&sun,
			     sizeof(sun)), 0);
	assert_int_equal(listen(listen_fd, 100), 0);
	ctl_server_start(listen_fd);
	return 0;
}

/* test_teardown - all away */
static int
test_teardown(void **state)
{
	static const char *const files[] = { "s", "explain.db",
		"explain.db-wal", "explain.db-shm", "explain.db.lock" };
	char file[200];

	(void)state;
	ctl_server_close_all();
	close(listen_fd);
	work_fini();
	record_fini();
	loop_fini(false);
	log_set_capture(NULL, NULL);
	metric_destroy();
	board_destroy();
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
		unlink(file);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
