/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mod_programtest - a module whose helper is the program beside it, which does
 * what it is told, good and bad.
 *
 * As with mod_remotetest the words come from the mail, from "X-Remote: WORD
 * ARGUMENT", and the answer is logged and a fact: "answer status octets text".
 */
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

static const struct weir_option inner[] = {{.name = "size",
					       .type = WEIR_OPT_SIZE,
					       .fallback = "2k",
					       .help = "A size."},
    {.name = NULL}};

static const struct weir_option options[] = {
    {.name = "init",
	.type = WEIR_OPT_STRING,
	.fallback = "good",
	.help = "good, exit, hang or garbage."},
    {.name = "file",
	.type = WEIR_OPT_PATH,
	.help = "A file that the program may read."},
    {.name = "secret",
	.type = WEIR_OPT_STRING,
	.flags = WEIR_OPT_SECRET,
	.help = "A secret."},
    {.name = "list", .type = WEIR_OPT_LIST, .help = "Some words."},
    {.name = "pause",
	.type = WEIR_OPT_DURATION,
	.fallback = "1m",
	.help = "A duration."},
    {.name = "on",
	.type = WEIR_OPT_BOOL,
	.fallback = "yes",
	.help = "A switch."},
    {.name = "share",
	.type = WEIR_OPT_REAL,
	.fallback = "0.5",
	.help = "A number."},
    {.name = "kind",
	.type = WEIR_OPT_ENUM,
	.fallback = "b",
	.choices = "a|b",
	.help = "A word."},
    {.name = "part",
	.type = WEIR_OPT_SECTION,
	.rows = inner,
	.help = "A section."},
    {.name = NULL}};

static const struct weir_helper helper_tight = {
	.size = sizeof(struct weir_helper),
	.name = "tight",
	.threads = 4,
	.processes = 1,
	.init_ms = 5000,
	.memory = 256u << 20,
	.program = "helper.py" };
static const struct weir_helper helper_temp = {
	.size = sizeof(struct weir_helper),
	.name = "temp",
	.threads = 1,
	.processes = 1,
	.init_ms = 5000,
	.flags = WEIR_HELPER_TEMP,
	.program = "helper.py" };
static const struct weir_helper *const helpers[] = {
    &helper_tight, &helper_temp, NULL };

static const struct weir_host *h;
static weir_self *self;
static const struct weir_remote *remote;

/* programtest_done - the answer, for the log */
static void
programtest_done(weir_call *call, int status, weir_str response, void *arg)
{
	char text[800];
	int n;

	(void)arg;
	if (status == WEIR_E_CANCELLED || status == WEIR_E_TIMEOUT)
		return;
	n = snprintf(text, sizeof(text), "answer %d %zu %.*s", status,
	    response.len, response.len < 700 ? (int)response.len : 700,
	    response.ptr);
	h->log(self, call, WEIR_LOG_INFO, (weir_str) { text, (size_t)n });
	h->fact_set(call, WEIR_RCPT_NONE, "programtest.result",
	    (weir_str) { text, (size_t)n });
	if (status < 0)
		h->fail(call, status, (weir_str) { text, (size_t)n });
}

/* programtest_eom - ask for each X-Remote field; "temp:" the other helper */
static int
programtest_eom(void *state, weir_call *call)
{
	uint32_t n = h->header_count(call, "X-Remote");
	int status = WEIR_OK;

	(void)state;
	for (uint32_t i = 0; i < n && status == WEIR_OK; i++) {
		weir_str name, value;
		uint32_t which = 0;

		if (h->header_at(call, "X-Remote", i, &name, &value) < 0)
			continue;
		while (value.len > 0 && value.ptr[0] == ' ') {
			value.ptr++;
			value.len--;
		}
		if (value.len > 5 && memcmp(value.ptr, "temp:", 5) == 0) {
			which = 1;
			value.ptr += 5;
			value.len -= 5;
		}
		status = remote->start(call, which, value,
		    value.len >= 7 && memcmp(value.ptr, "message", 7) == 0
			? WEIR_REMOTE_MESSAGE
			: 0,
		    programtest_done, NULL);
	}
	return status;
}

/* programtest_create - find the table */
static int
programtest_create(const struct weir_host *host, weir_self *me,
    const weir_conf *conf, void **state)
{
	(void)conf;
	(void)state;
	h = host;
	self = me;
	remote = host->ext(me, WEIR_EXT_REMOTE);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_REMOTE, NULL };
static const struct weir_stages collect = {
	.size = sizeof(struct weir_stages), .eom = programtest_eom };

static const struct weir_module module = {WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY | WEIR_F_WANT_HEADERS,
	.id = "org.weir.test.program", .name = "programtest", .version = "1.0",
	.license = "GPL-2.0-or-later",
	.summary = "test of helpers that are programs", .options = options,
	.needs = needs, .collect = &collect, .create = programtest_create,
	.helpers = helpers };

WEIR_MODULE_EXPORT(mod_programtest, module)
