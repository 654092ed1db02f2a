/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_rbl - lists in the DNS: options, descriptor and start. */
#include "rbl.h"

#include <stdlib.h>

static const struct weir_option rbl_zone_options[] = {
	[ZONE_OPT_KIND] = { "kind", WEIR_OPT_LIST, 0, "client", NULL, NULL,
	    NULL,
	    "What the list is asked about: client (its address), helo, "
	    "sender (domain of the envelope sender), rdns (name of the "
	    "client), uri (where links in the body lead).", NULL },
	[ZONE_OPT_CODES] = { "codes", WEIR_OPT_LIST, 0, "127.0.0.2", NULL,
	    NULL, NULL,
	    "Answers that mean listed: an address, 127.0.0.2-11, a range, "
	    "127.0.0.0/24 or 127.0.0.0&8 (a bit of the last octet), each with "
	    "an optional =SCORE.  Nothing else ever means listed.", NULL },
	[ZONE_OPT_SCORE] = { "score", WEIR_OPT_REAL, 0, "1.0", "0", "1000",
	    NULL,
	    "How much a listing weighs; an allow list subtracts it.", NULL },
	[ZONE_OPT_ALLOW] = { "allow", WEIR_OPT_BOOL, 0, "no", NULL, NULL,
	    NULL,
	    "Whom this list names is trusted: what other lists say about the "
	    "client, its names or the same domain does not count.", NULL },
	[ZONE_OPT_TIMEOUT] = { "timeout", WEIR_OPT_DURATION, 0, "0s", "0s",
	    "60s", NULL,
	    "How long its answer may take; 0s: as the dns section says.",
	    NULL },
	[ZONE_OPT_TEST] = { "test", WEIR_OPT_BOOL, 0, "yes", NULL, NULL, NULL,
	    "Test at start and every 5 minutes that it lists what it must and "
	    "nothing that it must not (RFC 5782); off while it fails.", NULL },
	[ZONE_OPT_ENABLED] = { "enabled", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "no: the list is never asked.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_option rbl_options[] = {
	[OPT_ENABLED] = { "enabled", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL, "no: no list is asked, though zones are configured.",
	    NULL },
	[OPT_BREAKER] = { "breaker", WEIR_OPT_INT, 0, "90", "0", "99", NULL,
	    "Suspend a client list for an hour when it lists more than this "
	    "percentage of the distinct clients of 10 minutes: with 20 it is "
	    "tested anew, with 100 more it is suspended.  At a busy exchanger "
	    "more than half of all clients are rightly listed.  0: never.",
	    NULL },
	[OPT_ZONE] = { "zone", WEIR_OPT_SECTION, 0, NULL, NULL, NULL, NULL,
	    "A list: its domain is the title.", rbl_zone_options },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_symbol rbl_symbols[] = {
	[KIND_CLIENT] = { "RBL_CLIENT", "The client's address is listed.",
	    1.0 },
	[KIND_HELO] = { "RBL_HELO", "The HELO name is listed.", 1.0 },
	[KIND_SENDER] = { "RBL_SENDER", "The sender's domain is listed.",
	    1.0 },
	[KIND_RDNS] = { "RBL_RDNS", "The client's name is listed.", 1.0 },
	[KIND_URI] = { "RBL_URI", "A link leads to a listed place.", 1.0 },
	[SYMBOL_ALLOWED] = { "RBL_ALLOWED",
	    "An allow list names the client, the sender or a link.", 1.0 },
	{ NULL, NULL, 0 }
};

static const char *const rbl_needs[] = { WEIR_EXT_DNS, WEIR_EXT_TIMER,
	WEIR_EXT_METRIC, WEIR_EXT_CONTROL, WEIR_EXT_MIME, NULL };

/* an allow list of sender domains needs to know whose mail it is */
static const char *const rbl_after[] = { "spf", NULL };

/* rbl_want - say which callbacks these options have a use for */
static void
rbl_want(const struct rbl *r)
{
	const struct weir_host *host = r->host;

	if ((r->kinds & (KIND_BIT(KIND_CLIENT) | KIND_BIT(KIND_RDNS))) == 0)
		host->skip(r->self, WEIR_PHASE_COLLECT, WEIR_STAGE_CONNECT);
	if ((r->kinds & KIND_BIT(KIND_HELO)) == 0)
		host->skip(r->self, WEIR_PHASE_COLLECT, WEIR_STAGE_HELO);
	if (r->kinds == 0)
		host->skip(r->self, WEIR_PHASE_COLLECT, WEIR_STAGE_MAIL);
	if ((r->kinds & KIND_BIT(KIND_URI)) == 0)
		host->skip(r->self, WEIR_PHASE_COLLECT, WEIR_STAGE_EOM);
	else
		host->want(r->self, WEIR_F_WANT_BODY);
}

/* rbl_free - free a state that may be half made */
static void
rbl_free(void *state)
{
	zone_free(state);
	free(state);
}

/* rbl_create - read the zones, start their tests */
static int
rbl_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct rbl *r = calloc(1, sizeof(*r));
	int status;

	if (r == NULL)
		return WEIR_E_NOMEM;
	r->host = host;
	r->self = self;
	r->dns = host->ext(self, WEIR_EXT_DNS);
	r->mime = host->ext(self, WEIR_EXT_MIME);
	r->metric = host->ext(self, WEIR_EXT_METRIC);
	r->control = host->ext(self, WEIR_EXT_CONTROL);
	r->breaker = host->conf_int(conf, OPT_BREAKER);
	status = zone_load(r, conf);
	if (!host->conf_bool(conf, OPT_ENABLED)) {
		for (uint32_t i = 0; i < r->nzones; i++)
			r->zones[i].enabled = false;
		r->kinds = 0;
	}
	rbl_want(r);
	if (status == WEIR_OK)
		status = command_register(r);
	if (status == WEIR_OK && r->kinds != 0)
		status = health_start(r);
	if (status != WEIR_OK) {
		rbl_free(r);
		return status;
	}
	*state = r;
	return WEIR_OK;
}

static const struct weir_stages rbl_collect = {
	.size = sizeof(struct weir_stages),
	.connect = check_connect,
	.helo = check_helo,
	.mail = check_mail,
	.eom = check_eom
};

static const struct weir_module rbl_module = {
	WEIR_MODULE_HEAD,
	.on_failure = WEIR_ON_FAILURE_PASS,
	.id = "org.weir.rbl",
	.name = "rbl",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "block and allow lists in the DNS",
	.options = rbl_options,
	.symbols = rbl_symbols,
	.needs = rbl_needs,
	.after = rbl_after,
	.collect = &rbl_collect,
	.create = rbl_create,
	.destroy = rbl_free
};

WEIR_MODULE_EXPORT(mod_rbl, rbl_module)
