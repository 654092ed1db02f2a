/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vouch - a sender on the roster gets a better score.
 *
 * Shows: finding a service.  `after` names the module that provides it, so that
 * it is there in create, whatever the order in the file.
 */
#include "roster.h"

static const struct weir_host *host;
static const struct roster *roster;
static void *roster_state;

enum { SYMBOL_MEMBER };

static const struct weir_symbol symbols[] = {
	[SYMBOL_MEMBER] = { "VOUCH_MEMBER", "The sender is on the roster.",
	    -2.0 },
	{ NULL, NULL, 0 },
};

static int
collect_mail(void *state, weir_call *call)
{
	weir_str sender;

	(void)state;
	if (host->attr_get(call, WEIR_A_SENDER, WEIR_RCPT_NONE, &sender) < 0 ||
	    !roster->has(roster_state, sender))
		return WEIR_OK;
	return host->finding(call, SYMBOL_MEMBER, WEIR_RCPT_NONE, 1.0, sender);
}

static int
create(const struct weir_host *h, weir_self *self, const weir_conf *conf,
    void **state)
{
	const struct weir_service *service = h->ext(self, WEIR_EXT_SERVICE);

	(void)conf;
	(void)state;
	host = h;
	roster = service->find(self, ROSTER_SERVICE, &roster_state);
	if (roster == NULL || roster->size < sizeof(*roster)) {
		h->log(self, NULL, WEIR_LOG_ERROR,
		    WEIR_STR("the module \"roster\" is needed"));
		return WEIR_E_NOTFOUND;
	}
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_SERVICE, NULL };
static const char *const after[] = { "roster", NULL };
static const struct weir_stages collect = { .size = sizeof(collect),
	.mail = collect_mail };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.vouch",
	.name = "vouch",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Gives members a better score.",
	.symbols = symbols,
	.needs = needs,
	.after = after,
	.collect = &collect,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_vouch, module)
