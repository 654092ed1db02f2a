/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remote-helper - let a library that nobody trusts read the mail elsewhere.
 *
 * Shows: both halves of a module with a helper.  The worker's half asks and
 * gets an answer, or a status; the helper's half runs in a process of its own,
 * in a sandbox, and may crash, hang or lie without harm to any other mail.
 * search() stands for the library.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <weir/weir.h>

enum { OPTION_TEXT };

static const struct weir_option options[] = {
	[OPTION_TEXT] = { .name = "text", .type = WEIR_OPT_STRING,
	    .fallback = "free money", .help = "The text to look for." },
	{ .name = NULL },
};

/* The answer, as the two halves understand it.  A request is empty: the text
   is an option, and the mail comes along as a descriptor. */
struct answer {
	uint32_t times;
};

/* --- the helper's half: its only memory is what init made --- */

static const struct weir_helper_host *helper_host;

/* init - in the sandbox, once; the options are the worker's */
static int
init(const struct weir_helper_host *host, const weir_conf *conf, void **state)
{
	helper_host = host;
	*state = (void *)(uintptr_t)host->conf_str(conf, OPTION_TEXT).ptr;
	return WEIR_OK;
}

/* search - how often does the text occur */
static uint32_t
search(const char *mail, size_t size, const char *text)
{
	size_t len = strlen(text);
	uint32_t times = 0;

	for (size_t i = 0; len > 0 && i + len <= size; i++)
		if (memcmp(mail + i, text, len) == 0)
			times++;
	return times;
}

/* run - one request */
static int
run(void *state, weir_request *request, weir_str octets, int message)
{
	struct answer a = { 0 };
	struct stat st;
	void *mail;

	(void)octets;
	if (fstat(message, &st) < 0)
		return WEIR_E_TEMP;
	if (st.st_size > 0) {
		mail = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    message, 0);
		if (mail == MAP_FAILED)
			return WEIR_E_NOMEM;
		a.times = search(mail, (size_t)st.st_size, state);
		munmap(mail, (size_t)st.st_size);
	}
	return helper_host->respond(request, &a, sizeof(a));
}

static const struct weir_helper helper = {
	.size = sizeof(struct weir_helper),
	.name = "search",
	.threads = 2,
	.processes = 1,
	.memory = UINT64_C(256) << 20,
	.init = init,
	.run = run,
};

/* --- the worker's half --- */

static const struct weir_host *host;
static const struct weir_remote *remote;

enum { SYMBOL_TEXT };

static const struct weir_symbol symbols[] = {
	[SYMBOL_TEXT] = { "REMOTE_TEXT", "The mail has the text.", 2.0 },
	{ NULL, NULL, 0 },
};

/* on_answer - do not believe it: the helper has read hostile mail */
static void
on_answer(weir_call *call, int status, weir_str response, void *arg)
{
	struct answer a;
	char text[40];

	(void)arg;
	if (status == WEIR_OK && response.len != sizeof(a))
		status = WEIR_E_INTERNAL;
	if (status < 0) {
		host->fail(call, status, WEIR_STR("the helper has no answer"));
		return;
	}
	memcpy(&a, response.ptr, sizeof(a));
	if (a.times == 0)
		return;
	snprintf(text, sizeof(text), "%u times", (unsigned)a.times);
	host->finding(call, SYMBOL_TEXT, WEIR_RCPT_NONE, 1.0,
	    weir_str_of(text));
}

/* collect_eom - ask helper 0 of `helpers`, and let it read the mail */
static int
collect_eom(void *state, weir_call *call)
{
	(void)state;
	return remote->start(call, 0, WEIR_STR(""), WEIR_REMOTE_MESSAGE,
	    on_answer, NULL);
}

static int
create(const struct weir_host *h, weir_self *self, const weir_conf *conf,
    void **state)
{
	(void)conf;
	(void)state;
	host = h;
	remote = h->ext(self, WEIR_EXT_REMOTE);
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_REMOTE, NULL };
static const struct weir_helper *const helpers[] = { &helper, NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.eom = collect_eom };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY,
	.id = "org.weir.example.remote-helper",
	.name = "remote-helper",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Looks for a text in a helper process.",
	.options = options,
	.symbols = symbols,
	.needs = needs,
	.collect = &collect,
	.create = create,
	.helpers = helpers,
};

WEIR_MODULE_EXPORT(mod_remote_helper, module)
