/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mod_linkcheck - an example: the check is a program in Python.
 *
 * The module asks its helper about each mail; what runs in the worker is only
 * this.  helper.py must lie in the folder of the module's file.
 */
#include <string.h>

#include <weir/weir.h>

static const struct weir_option linkcheck_options[] = {
	{ .name = "max_links", .type = WEIR_OPT_INT, .fallback = "20",
		.lo = "1", .hi = "1000",
		.help = "Links of one mail that are reported." },
	{ .name = NULL }
};

static const struct weir_symbol linkcheck_symbols[] = {
	{ "LINKCHECK_OTHER_HOST",
	    "A link shows another host than it leads to.", 3.0 },
	{ NULL, NULL, 0 }
};

static const struct weir_helper linkcheck_helper = {
	.size = sizeof(struct weir_helper), .name = "links", .threads = 1,
	.processes = 2, .init_ms = 10000, .program = "helper.py" };
static const struct weir_helper *const linkcheck_helpers[] = {
	&linkcheck_helper, NULL };

static const struct weir_host *host;
static const struct weir_remote *remote;

/* linkcheck_done - lines of "shown real" */
static void
linkcheck_done(weir_call *call, int status, weir_str response, void *arg)
{
	const char *end;

	(void)arg;
	if (status == WEIR_E_CANCELLED)
		return;
	if (status != WEIR_OK) {
		host->fail(call, status, WEIR_STR("the helper did not check"));
		return;
	}
	if (response.len == 0)
		return;
	/* the first one is evidence enough */
	end = memchr(response.ptr, '\n', response.len);
	if (end != NULL)
		response.len = (size_t)(end - response.ptr);
	host->finding(call, 0, WEIR_RCPT_NONE, 1.0, response);
}

/* linkcheck_eom - the mail is complete */
static int
linkcheck_eom(void *state, weir_call *call)
{
	(void)state;
	return remote->start(
	    call, 0, WEIR_STR(""), WEIR_REMOTE_MESSAGE, linkcheck_done, NULL);
}

/* linkcheck_create - find the tables */
static int
linkcheck_create(const struct weir_host *h, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)conf;
	(void)state;
	host = h;
	remote = h->ext(self, WEIR_EXT_REMOTE);
	return WEIR_OK;
}

static const char *const linkcheck_needs[] = { WEIR_EXT_REMOTE, NULL };
static const struct weir_stages linkcheck_collect = {
	.size = sizeof(struct weir_stages), .eom = linkcheck_eom };

static const struct weir_module linkcheck_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_BODY,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.example.linkcheck",
	.name = "linkcheck",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "finds links that show another host than they lead to",
	.options = linkcheck_options,
	.symbols = linkcheck_symbols,
	.needs = linkcheck_needs,
	.collect = &linkcheck_collect,
	.create = linkcheck_create,
	.helpers = linkcheck_helpers
};

WEIR_MODULE_EXPORT(mod_linkcheck, linkcheck_module)
