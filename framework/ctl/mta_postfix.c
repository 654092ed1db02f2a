/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta_postfix - lines for main.cf. */
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "ctl/mta.h"

/* postfix_unix - a path as smtpd sees it: relative to the queue directory,
   which is right with and without chroot */
static int
postfix_unix(const char *path, const struct mta_env *env, struct buf *out)
{
	size_t len = strlen(env->queue_directory);

	if (len > 0 && strncmp(path, env->queue_directory, len) == 0 &&
	    path[len] == '/') {
		buf_printf(out, "unix:%s", path + len + 1);
		return WEIR_OK;
	}
	buf_printf(out, "unix:%s", path);
	return env->chroot == 1 ? WEIR_E_UNSUPPORTED : WEIR_OK;
}

/* mta_postfix_address - unix:PATH or inet:HOST:PORT */
int
mta_postfix_address(const struct conf_address *a, const struct mta_env *env,
    struct buf *out)
{
	static const struct ip any4 = { .len = 4 }, any6 = { .len = 16 };
	char text[IP_TEXT_MAX];

	if (a->kind == CONF_ADDRESS_UNIX)
		return postfix_unix(a->name, env, out);
	if (a->kind != CONF_ADDRESS_INET) {
		buf_printf(out, "unix:/PATH/OF/%s", a->name);
		return WEIR_OK;
	}
	if (ip_equal(&a->ip, &any4))
		snprintf(text, sizeof(text), "127.0.0.1");
	else if (ip_equal(&a->ip, &any6))
		snprintf(text, sizeof(text), "::1");
	else
		ip_print(&a->ip, text);
	buf_printf(out, a->ip.len == 16 ? "inet:[%s]:%u" : "inet:%s:%u", text,
	    a->port);
	return WEIR_OK;
}

/* postfix_reach - say what keeps Postfix from the socket */
static void
postfix_reach(const struct conf_listener *l, int status,
    const struct mta_env *env, struct mta_plan *plan)
{
	if (l->address.kind == CONF_ADDRESS_SYSTEMD)
		mta_plan_add(plan, NULL, NULL, "Listener \"%s\" gets its "
		    "socket from systemd: write the ListenStream of the unit "
		    "with FileDescriptorName=%s in place of "
		    "\"/PATH/OF/%s\".", l->name, l->address.name,
		    l->address.name);
	if (l->address.kind == CONF_ADDRESS_INET && l->address.port == 0) {
		plan->problems++;
		mta_plan_add(plan, NULL, NULL, "PROBLEM: listener \"%s\" has "
		    "port 0: the kernel chooses another one each time.",
		    l->name);
	}
	if (status == WEIR_E_UNSUPPORTED) {
		plan->problems++;
		mta_plan_add(plan, NULL, NULL, "PROBLEM: this Postfix's smtpd "
		    "runs in a chroot (%s) and can't see %s. Give listener "
		    "\"%s\" the address \"unix:%s/weir/%s.sock\" or an inet "
		    "one, or set the chroot column of smtpd to n in "
		    "master.cf.", env->queue_directory, l->address.name,
		    l->name, env->queue_directory, l->name);
	}
	if (l->address.kind == CONF_ADDRESS_UNIX && l->group[0] == '\0' &&
	    l->owner[0] == '\0' && (l->mode & 0006) != 0006)
		mta_plan_add(plan, NULL, NULL, "Postfix's processes run as "
		    "user postfix and must be allowed to open %s: set group = "
		    "\"postfix\" in listener \"%s\".", l->address.name,
		    l->name);
}

/* postfix_milter - one filter as smtpd_milters names it */
static void
postfix_milter(const struct conf *conf, const struct conf_listener *l,
    const struct mta_env *env, struct mta_plan *plan, struct buf *out)
{
	struct buf address = BUF_INIT;

	postfix_reach(l, mta_postfix_address(&l->address, env, &address), env,
	    plan);
	if (mta_is_at_least(env, 3, 0))
		buf_printf(out, "{ %s, default_action=%s, "
		    "connect_timeout=30s, command_timeout=%llds, "
		    "content_timeout=%llds }", address.ptr,
		    mta_default_action(env),
		    (long long)mta_command_seconds(conf),
		    (long long)mta_content_seconds(conf));
	else
		buf_add(out, address.ptr, address.len);
	buf_fini(&address);
}

/* postfix_milters - the listeners of one protocol and direction, comma
   separated; how many */
static unsigned
postfix_milters(const struct conf *conf, bool outbound,
    const struct mta_env *env, struct mta_plan *plan, struct buf *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (l->protocol != CONF_PROTOCOL_MILTER ||
		    (l->direction == CONF_DIRECTION_OUT) != outbound)
			continue;
		if (n++ > 0)
			buf_add_str(out, ", ");
		postfix_milter(conf, l, env, plan, out);
	}
	return n;
}

/* postfix_failure - why this action */
static void
postfix_failure(const struct mta_env *env, struct mta_plan *plan)
{
	const char *action = mta_default_action(env);

	if (strcmp(action, "shutdown") == 0)
		mta_plan_add(plan, "milter_default_action", action,
		    "When Weir can't be reached, end the session with 421: "
		    "the client tries again later, and a long session is not "
		    "refused to its end. Never accept: mail would pass "
		    "unchecked.");
	else
		mta_plan_add(plan, "milter_default_action", action,
		    "When Weir can't be reached, refuse with 4xx: the client "
		    "tries again later. Never accept: mail would pass "
		    "unchecked. (From Postfix 3.11 on, shutdown is better.)");
}

/* postfix_times - the MTA must wait longer than we do */
static void
postfix_times(const struct conf *conf, struct mta_plan *plan)
{
	char text[32];

	mta_plan_add(plan, "milter_connect_timeout", "30s",
	    "To connect and to negotiate; Weir does that at once.");
	snprintf(text, sizeof(text), "%llds",
	    (long long)mta_command_seconds(conf));
	mta_plan_add(plan, "milter_command_timeout", text,
	    "To answer MAIL, RCPT and the like: longer than three calls of a "
	    "module (call_timeout is %lld s here), so that Weir's deadline "
	    "ends first and its own answer is given.",
	    (long long)((conf->call_timeout_ms + 999) / 1000));
	snprintf(text, sizeof(text), "%llds",
	    (long long)mta_content_seconds(conf));
	mta_plan_add(plan, "milter_content_timeout", text,
	    "To answer at the end of the message: longer than message_timeout "
	    "(%lld s here).",
	    (long long)((conf->message_timeout_ms + 999) / 1000));
}

/* postfix_macros - what Weir needs to know and is not sent by default */
static void
postfix_macros(const struct mta_env *env, struct mta_plan *plan)
{
	mta_plan_add(plan, "milter_protocol", "6",
	    "The protocol with no-reply flags and the choice of events; it is "
	    "the default since Postfix 2.6.");
	mta_plan_add(plan, "milter_connect_macros",
	    mta_is_at_least(env, 3, 2) ?
		"j {daemon_name} {daemon_addr} v _ {client_ptr}" :
		"j {daemon_name} v _ {client_ptr}",
	    "Postfix's own list and {client_ptr}, the client's unconfirmed "
	    "reverse name.");
	mta_plan_add(plan, "milter_mail_macros",
	    "i {auth_type} {auth_authen} {auth_author} {mail_addr} "
	    "{mail_host} {mail_mailer}",
	    "Postfix's own list: {auth_authen} tells Weir who has logged in, "
	    "i is the queue id that `weirctl explain` finds.");
}

/* postfix_outbound - listeners with direction = "out" */
static void
postfix_outbound(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan)
{
	struct buf value = BUF_INIT;

	if (postfix_milters(conf, true, env, plan, &value) > 0)
		mta_plan_add(plan, "submission_milters", value.ptr,
		    "Listeners for outbound mail: a parameter of your own, to "
		    "be used in master.cf below the submission service as "
		    "\"-o smtpd_milters=$submission_milters\".");
	buf_fini(&value);
}

/* postfix_policy - one check_policy_service */
static void
postfix_policy(const struct conf *conf, const struct conf_listener *l,
    const struct mta_env *env, struct mta_plan *plan)
{
	struct buf address = BUF_INIT, value = BUF_INIT;
	long long seconds = mta_policy_seconds(conf);

	postfix_reach(l, mta_postfix_address(&l->address, env, &address), env,
	    plan);
	buf_add_str(&value, "permit_mynetworks, permit_sasl_authenticated, "
	    "reject_unauth_destination, check_policy_service ");
	if (mta_is_at_least(env, 3, 0))
		buf_printf(&value, "{ %s, timeout=%llds, "
		    "default_action=DEFER_IF_PERMIT }", address.ptr, seconds);
	else
		buf_add(&value, address.ptr, address.len);
	mta_plan_add(plan, "smtpd_recipient_restrictions", value.ptr,
	    "Keep what you have there; what matters is that "
	    "check_policy_service comes behind reject_unauth_destination, or "
	    "an \"OK\" would make an open relay.%s",
	    mta_is_at_least(env, 3, 0) ?
		" When Weir can't be reached, mail that would be accepted is "
		"deferred." : "");
	buf_fini(&address);
	buf_fini(&value);
}

/* postfix_policies - all of them and what they share */
static void
postfix_policies(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan)
{
	char text[32];
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_listeners; i++) {
		if (conf->listeners[i].protocol != CONF_PROTOCOL_POLICY)
			continue;
		postfix_policy(conf, &conf->listeners[i], env, plan);
		n++;
	}
	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%llds",
	    (long long)mta_policy_seconds(conf));
	mta_plan_add(plan, "smtpd_policy_service_timeout", text,
	    "Longer than Weir's own deadlines. When it passes the client gets "
	    "\"451 4.3.5\".");
	mta_plan_add(plan, "smtpd_policy_service_max_idle", "300s",
	    "Connections are kept, so that a request costs no connect.");
	mta_plan_add(plan, "smtpd_policy_service_max_ttl", "1000s",
	    "They are renewed now and then, which spreads them over the "
	    "workers.");
	if (!mta_is_at_least(env, 3, 0))
		return;
	mta_plan_add(plan, "smtpd_policy_service_try_limit", "2",
	    "Ask once more when a worker was restarted under a request.");
	mta_plan_add(plan, "smtpd_policy_service_retry_delay", "1s",
	    "By then another worker serves.");
}

/* mta_postfix - everything for main.cf */
void
mta_postfix(const struct conf *conf, const struct mta_env *env,
    struct mta_plan *plan)
{
	struct buf value = BUF_INIT;
	size_t before;

	memset(plan, 0, sizeof(*plan));
	plan->mta = "Postfix";
	plan->file = "main.cf";
	before = plan->lines.n;
	if (postfix_milters(conf, false, env, plan, &value) > 0)
		mta_plan_add(plan, "smtpd_milters", value.ptr,
		    "Mail that comes by SMTP is filtered here. Other filters "
		    "of yours stay in the list; those that sign come last.%s",
		    mta_is_at_least(env, 3, 0) ?
			" The options in braces hold for Weir alone." : "");
	buf_fini(&value);
	postfix_outbound(conf, env, plan);
	if (plan->lines.n > before) {
		postfix_failure(env, plan);
		postfix_times(conf, plan);
		postfix_macros(env, plan);
	}
	postfix_policies(conf, env, plan);
	if (plan->lines.n == 0)
		mta_plan_add(plan, NULL, NULL,
		    "The configuration defines no listener.");
}
