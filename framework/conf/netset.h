/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netset - a set of IP networks, asked "is this address in it" for each
 * client.  Immutable once built; lives in the pool that it was built in. [any]
 */
#ifndef WEIR_CONF_NETSET_H
#define WEIR_CONF_NETSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "base/pool.h"

struct conf_netset {
	const struct ip_net *net; /* disjoint, sorted: IPv4, then IPv6 */
	size_t n;
};

/* Build from n networks in any order; they may overlap. */
struct conf_netset *conf_net_build(struct pool *pool, const struct ip_net *net,
    size_t n);
/* set may be NULL: nothing is in it. */
bool conf_net_contains(const struct conf_netset *set, const struct ip *ip);

#endif
