/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/limits.h"

bool host_is_still;

static uint32_t dns_queries = 100;
static struct mime_limits mime;

/* limits_set - from the configuration */
void
limits_set(uint32_t queries, const struct mime_limits *m)
{
	dns_queries = queries;
	mime = *m;
}

/* limits_dns_queries - per session */
uint32_t
limits_dns_queries(void)
{
	return dns_queries;
}

/* limits_mime - per message */
const struct mime_limits *
limits_mime(void)
{
	return &mime;
}
