/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/netset.h"

#include <stdlib.h>
#include <string.h>

/* netset_order - by family, then address */
static int
netset_order(const struct ip *a, const struct ip *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->octets, b->octets, a->len);
}

/* netset_compare - for qsort: a wider network comes before what it holds */
static int
netset_compare(const void *a, const void *b)
{
	const struct ip_net *x = a, *y = b;
	int order = netset_order(&x->addr, &y->addr);

	return order != 0 ? order : (int)x->bits - (int)y->bits;
}

/* conf_net_build - sort, and drop what lies inside another */
struct conf_netset *
conf_net_build(struct pool *pool, const struct ip_net *net, size_t n)
{
	struct conf_netset *set = pool_new(pool, struct conf_netset);
	struct ip_net *all;

	if (n == 0)
		return set;
	all = pool_array(pool, struct ip_net, n);
	memcpy(all, net, n * sizeof(*all));
	qsort(all, n, sizeof(*all), netset_compare);
	for (size_t i = 0; i < n; i++) {
		if (set->n == 0 ||
		    !ip_in_net(&all[i].addr, &all[set->n - 1]))
			all[set->n++] = all[i];
	}
	set->net = all;
	return set;
}

/* conf_net_contains - the last network that starts at or before ip decides */
bool
conf_net_contains(const struct conf_netset *set, const struct ip *ip)
{
	size_t lo = 0, hi = set != NULL ? set->n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (netset_order(&set->net[mid].addr, ip) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo != 0 && ip_in_net(ip, &set->net[lo - 1]);
}
