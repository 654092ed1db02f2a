/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta_sendmail - lines for sendmail.mc. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/text.h"
#include "ctl/mta.h"

/* sendmail_address - unix:PATH, inet:PORT@HOST, inet6:PORT@HOST */
static void
sendmail_address(const struct conf_address *a, struct buf *out)
{
	static const struct ip any4 = { .len = 4 }, any6 = { .len = 16 };
	char text[IP_TEXT_MAX];

	if (a->kind == CONF_ADDRESS_UNIX) {
		buf_printf(out, "unix:%s", a->name);
	} else if (a->kind == CONF_ADDRESS_INET) {
		ip_print(&a->ip, text);
		if (ip_equal(&a->ip, &any4))
			snprintf(text, sizeof(text), "127.0.0.1");
		else if (ip_equal(&a->ip, &any6))
			snprintf(text, sizeof(text), "::1");
		buf_printf(out, "%s:%u@%s",
		    a->ip.len == 16 ? "inet6" : "inet", a->port, text);
	} else {
		buf_printf(out, "unix:/PATH/OF/%s", a->name);
	}
}

/* sendmail_name - "weir-inbound": letters, digits and - only */
static void
sendmail_name(const char *listener, struct buf *out)
{
	buf_add_str(out, "weir-");
	for (; *listener != '\0'; listener++)
		buf_add_char(out, text_is_alpha((unsigned char)*listener) ||
			    text_is_digit((unsigned char)*listener) ?
			*listener : '-');
}

/* sendmail_filter - one listener */
static void
sendmail_filter(const struct conf *conf, const struct conf_listener *l,
    struct mta_plan *plan)
{
	struct buf name = BUF_INIT, value = BUF_INIT;
	long long command = mta_command_seconds(conf);

	if (l->address.kind == CONF_ADDRESS_SYSTEMD)
		mta_plan_add(plan, NULL, NULL, "Listener \"%s\" gets its "
		    "socket from systemd: write its path in place of "
		    "/PATH/OF/%s.", l->name, l->address.name);
	sendmail_name(l->name, &name);
	buf_add_str(&value, "S=");
	sendmail_address(&l->address, &value);
	buf_printf(&value, ", F=T, T=C:30s;S:30s;R:%llds;E:%llds", command,
	    (long long)mta_content_seconds(conf));
	mta_plan_add(plan, name.ptr, value.ptr,
	    "F=T: when Weir can't be reached the client gets 4xx and tries "
	    "again later; without F= mail would pass unchecked. R and E (the "
	    "time for an answer, and for the one at the end of the message) "
	    "are longer than Weir's own deadlines.");
	buf_fini(&name);
	buf_fini(&value);
}

/* mta_sendmail - everything for sendmail.mc */
void
mta_sendmail(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan)
{
	unsigned milters = 0;

	(void)env;
	memset(plan, 0, sizeof(*plan));
	plan->mta = "sendmail";
	plan->file = "sendmail.mc (8.13 or later; make sendmail.cf anew)";
	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (l->protocol == CONF_PROTOCOL_MILTER) {
			sendmail_filter(conf, l, plan);
			milters++;
		} else {
			mta_plan_add(plan, NULL, NULL, "Listener \"%s\" "
			    "speaks Postfix's policy protocol, which sendmail "
			    "does not know.", l->name);
		}
	}
	if (milters == 0) {
		plan->problems++;
		mta_plan_add(plan, NULL, NULL, "PROBLEM: the configuration "
		    "defines no listener with protocol = \"milter\".");
		return;
	}
	mta_plan_add(plan, "confMILTER_MACROS_CONNECT",
	    "j, _, {daemon_name}, {if_name}, {if_addr}, {client_ptr}, "
	    "{client_resolve}",
	    "Sendmail's own list and the client's reverse name, and whether "
	    "it is confirmed.");
	mta_plan_add(plan, "confMILTER_MACROS_HELO",
	    "{tls_version}, {cipher}, {cipher_bits}, {cert_subject}, "
	    "{cert_issuer}", "Sendmail's own list.");
	mta_plan_add(plan, "confMILTER_MACROS_ENVFROM",
	    "i, {auth_type}, {auth_authen}, {auth_ssf}, {auth_author}, "
	    "{mail_mailer}, {mail_host}, {mail_addr}",
	    "Sendmail's own list: {auth_authen} tells Weir who has logged in, "
	    "i is the queue id that `weirctl explain` finds.");
}
