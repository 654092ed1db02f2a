/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_net - who answers DNS questions, how fast, and whether DNS lists will
   put up with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/vec.h"
#include "ctl/doctor.h"
#include "ctl/format.h"
#include "dns/resolver.h"
#include "loop/loop.h"

#define NET_WAIT_MS 15000
#define NET_SLOW_MS 500

/* Resolvers that everybody shares: DNS lists refuse them or lie to them. */
static const struct {
	const char *net, *who;
} public_resolvers[] = {
	{ "8.8.8.8", "Google" }, { "8.8.4.4", "Google" },
	{ "2001:4860:4860::/48", "Google" },
	{ "1.1.1.0/30", "Cloudflare" }, { "1.0.0.0/30", "Cloudflare" },
	{ "2606:4700:4700::/48", "Cloudflare" },
	{ "9.9.9.0/24", "Quad9" }, { "149.112.112.0/24", "Quad9" },
	{ "2620:fe::/48", "Quad9" },
	{ "208.67.220.0/24", "OpenDNS" }, { "208.67.222.0/24", "OpenDNS" },
	{ "2620:119:35::/48", "OpenDNS" }, { "2620:119:53::/48", "OpenDNS" },
	{ "4.2.2.0/29", "Level3" },
	{ "64.6.64.6", "UltraDNS" }, { "64.6.65.6", "UltraDNS" },
	{ "94.140.14.0/23", "AdGuard" }, { "2a10:50c0::/32", "AdGuard" },
	{ "76.76.2.0/24", "Control D" }, { "76.76.10.0/24", "Control D" },
	{ "185.228.168.0/23", "CleanBrowsing" },
	{ "193.110.81.0", "dns0.eu" }, { "185.253.5.0", "dns0.eu" },
};

/* net_public - whose public resolver is it, or NULL */
static const char *
net_public(const struct ip *ip)
{
	struct ip_net net;

	for (size_t i = 0;
	     i < sizeof(public_resolvers) / sizeof(*public_resolvers); i++) {
		if (ip_net_parse(public_resolvers[i].net, &net) &&
		    ip_in_net(ip, &net))
			return public_resolvers[i].who;
	}
	return NULL;
}

/* net_resolv_conf - the nameservers of such a file */
static void
net_resolv_conf(const char *path, void (*fn)(const char *text, void *arg),
    void *arg)
{
	char line[512], address[128];
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, " nameserver %127s", address) == 1)
			fn(address, arg);
	}
	fclose(f);
}

/* What net_look has found. */
struct net_seen {
	struct buf found; /* "8.8.8.8 (Google)" */
	bool stub;	  /* systemd-resolved stands in between */
};

/* net_look - at one server */
static void
net_look(const char *text, void *arg)
{
	struct net_seen *seen = arg;
	const char *who;
	struct ip ip;

	if (!ip_parse(text, &ip))
		return;
	if (strcmp(text, "127.0.0.53") == 0)
		seen->stub = true;
	who = net_public(&ip);
	if (who != NULL)
		buf_printf(&seen->found, "%s%s (%s)",
		    seen->found.len > 0 ? ", " : "", text, who);
}

/* net_shared - are public resolvers used, directly or behind a stub */
static void
net_shared(struct doctor *d)
{
	struct net_seen seen = { BUF_INIT, false };
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < d->conf->dns.n_servers; i++) {
		ip_print(&d->conf->dns.servers[i].ip, text);
		net_look(text, &seen);
	}
	if (d->conf->dns.n_servers == 0)
		net_resolv_conf("/etc/resolv.conf", net_look, &seen);
	if (seen.stub)
		net_resolv_conf("/run/systemd/resolve/resolv.conf", net_look,
		    &seen);
	if (seen.found.len > 0)
		doctor_add(d,
		    doctor_has_module(d, "rbl") ? DOCTOR_FAIL : DOCTOR_WARN,
		    "public resolver",
		    "run a resolver of your own (unbound) that asks the "
		    "servers of the lists itself, and set dns { servers = "
		    "{\"127.0.0.1\"} }",
		    "%s: DNS lists refuse or mislead resolvers that everybody "
		    "uses", seen.found.ptr);
	else
		doctor_add(d, DOCTOR_OK, "public resolver", NULL,
		    "none in use");
	buf_fini(&seen.found);
}

/* One question of ours. */
struct net_question {
	bool done;
	int status;
	uint64_t start_ns, end_ns;
};

/* net_on_answer - how, and when */
static void
net_on_answer(const struct weir_dns_answer *answer, void *arg)
{
	struct net_question *q = arg;

	q->done = true;
	q->status = answer->status;
	q->end_ns = clock_mono_ns();
}

/* net_on_limit - the loop must not sleep for ever */
static void
net_on_limit(struct loop_timer *t)
{
	(void)t;
}

/* net_ask - one question, to its end */
static struct net_question
net_ask(const char *name)
{
	struct net_question q = { .start_ns = clock_mono_ns() };
	int64_t end = clock_mono_ms() + NET_WAIT_MS;
	struct dns_query *query;
	struct loop_timer limit;

	loop_timer_init(&limit, net_on_limit);
	loop_timer_start(&limit, NET_WAIT_MS);
	query = dns_start(name, WEIR_DNS_A, 0, net_on_answer, &q);
	while (!q.done && clock_mono_ms() < end)
		loop_once(true);
	loop_timer_stop(&limit);
	if (!q.done) {
		dns_cancel(&query);
		q.status = WEIR_E_TIMEOUT;
		q.end_ns = clock_mono_ns();
	}
	return q;
}

/* net_answers - two names that every resolver of the Internet knows */
static void
net_answers(struct doctor *d)
{
	static const char *const names[] = { "a.root-servers.net",
		"b.root-servers.net" };
	double worst = 0;
	int status = WEIR_OK;

	for (size_t i = 0; i < 2 && status == WEIR_OK; i++) {
		struct net_question q = net_ask(names[i]);
		double ms = (double)(q.end_ns - q.start_ns) / 1e6;

		status = q.status;
		if (ms > worst)
			worst = ms;
	}
	if (status == WEIR_E_NOTFOUND)
		doctor_add(d, DOCTOR_WARN, "resolver",
		    "let it resolve names of the Internet, if mail comes from "
		    "there", "%s answers, but knows no root servers",
		    dns_server_text());
	else if (status < 0)
		doctor_add(d, DOCTOR_FAIL, "resolver",
		    "start a resolver on this host and name it in dns { "
		    "servers }", "%s: no answer (%s, %.0f ms)",
		    dns_server_text(), status_name(status), worst);
	else if (worst > NET_SLOW_MS)
		doctor_add(d, DOCTOR_WARN, "resolver",
		    "a resolver on this host", "%s answers in %.0f ms",
		    dns_server_text(), worst);
	else
		doctor_add(d, DOCTOR_OK, "resolver", NULL,
		    "%s answers in %.1f ms", dns_server_text(), worst);
}

/* net_resolver - with the configuration's servers */
static void
net_resolver(struct doctor *d)
{
	struct dns_config dc = { .nservers = d->conf->dns.n_servers,
		.timeout_ms = d->conf->dns.timeout_ms,
		.tries = (unsigned)d->conf->dns.tries };
	VEC(const char *) servers = VEC_INIT;
	struct err err = { "" };

	for (size_t i = 0; i < dc.nservers; i++)
		*(const char **)vec_push(&servers) =
		    d->conf->dns.servers[i].text;
	dc.servers = servers.v;
	loop_init();
	if (dns_init(&dc, &err) < 0)
		doctor_add(d, DOCTOR_FAIL, "resolver", "see dns { servers }",
		    "%s", err.text);
	else
		net_answers(d);
	dns_fini();
	loop_fini(false);
	vec_fini(&servers);
}

/* net_zone - one DNS list, as the daemon sees it */
static void
net_zone(struct doctor *d, const json_t *z)
{
	const char *state = format_str(z, "state");

	if (strcmp(state, "up") == 0 || strcmp(state, "untested") == 0 ||
	    strcmp(state, "disabled") == 0)
		return;
	doctor_add(d, DOCTOR_WARN, "DNS list",
	    "look the list up at its operator: it may be closed, or refuse "
	    "this resolver", "%s is %s%s%s", format_str(z, "zone"), state,
	    format_str(z, "why")[0] != '\0' ? ": " : "",
	    format_str(z, "why"));
}

/* net_zones - what the module rbl says of its lists */
static void
net_zones(struct doctor *d)
{
	const char *const argv[] = { "rbl", "zones" };
	unsigned before = d->warns;
	struct wire_reply reply;
	struct err err;
	json_t *all, *z;
	size_t i;

	if (d->status == NULL || !doctor_has_module(d, "rbl") ||
	    client_ask(d->w->socket, 2, argv, true, &reply, &err) < 0)
		return;
	all = json_loadb(buf_str(&reply.out).ptr, reply.out.len, 0, NULL);
	json_array_foreach(all, i, z)
		net_zone(d, z);
	if (reply.status == 0 && d->warns == before)
		doctor_add(d, DOCTOR_OK, "DNS lists", NULL,
		    "%zu configured, all usable", json_array_size(all));
	json_decref(all);
	wire_reply_fini(&reply);
}

/* doctor_net - all of it */
void
doctor_net(struct doctor *d)
{
	if (d->conf->dns.zone[0] != '\0') {
		doctor_add(d, DOCTOR_WARN, "resolver",
		    "remove dns { zone } unless this is a test",
		    "the file %s answers in place of the network",
		    d->conf->dns.zone);
		return;
	}
	net_resolver(d);
	net_shared(d);
	net_zones(d);
}
