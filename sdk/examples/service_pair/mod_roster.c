/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roster - knows who is a member, and tells other modules.
 *
 * Shows: providing a service.  The header beside it is the contract.
 */
#include <stdlib.h>
#include <strings.h>

#include "roster.h"

struct state {
	const struct weir_host *host;
	const weir_conf *conf;
};

enum { OPTION_MEMBERS };

static const struct weir_option options[] = {
	[OPTION_MEMBERS] = { .name = "members", .type = WEIR_OPT_LIST,
	    .help = "Addresses of members." },
	{ .name = NULL },
};

/* has - what others call; it is on the loop, as all callbacks are */
static int
has(void *state, weir_str address)
{
	const struct state *s = state;
	const weir_str *members;
	uint32_t n = s->host->conf_list(s->conf, OPTION_MEMBERS, &members);

	for (uint32_t i = 0; i < n; i++)
		if (members[i].len == address.len &&
		    strncasecmp(members[i].ptr, address.ptr, address.len) == 0)
			return 1;
	return 0;
}

static const struct roster table = { .size = sizeof(table), .has = has };

static int
create(const struct weir_host *host, weir_self *self, const weir_conf *conf,
    void **state)
{
	const struct weir_service *service = host->ext(self, WEIR_EXT_SERVICE);
	struct state *s = calloc(1, sizeof(*s));
	int status;

	if (s == NULL)
		return WEIR_E_NOMEM;
	s->host = host;
	s->conf = conf;
	status = service->provide(self, ROSTER_SERVICE, &table, s);
	if (status < 0) {
		free(s);
		return status;
	}
	*state = s;
	return WEIR_OK;
}

static const char *const needs[] = { WEIR_EXT_SERVICE, NULL };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.roster",
	.name = "roster",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Tells other modules who is a member.",
	.options = options,
	.needs = needs,
	.create = create,
	.destroy = free,
};

WEIR_MODULE_EXPORT(mod_roster, module)
