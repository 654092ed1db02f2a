/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_mta - does the MTA of this host ask Weir, and what does it do when
   Weir does not answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/doctor.h"
#include "ctl/mta.h"

/* What Postfix is set to. */
struct mta_seen {
	struct mta_env env;
	struct buf milters, all, action, content;
};

/* mta_seen_get - one setting, appended with a blank */
static void
mta_seen_get(const struct mta_seen *s, const char *name, struct buf *out)
{
	struct buf value = BUF_INIT;
	struct err ignored;

	if (mta_postfix_get(&s->env, name, &value, &ignored) == WEIR_OK)
		buf_printf(out, "%s ", buf_str(&value).ptr);
	buf_fini(&value);
}

/* mta_seen_fill - everything that may name a filter, master.cf's too */
static void
mta_seen_fill(struct mta_seen *s)
{
	static const char *const names[] = { "smtpd_client_restrictions",
		"smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions",
		"smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
		"submission_milters" };
	const char *argv[] = { mta_program("postconf"), "-M", NULL };
	struct err ignored;

	mta_seen_get(s, "smtpd_milters", &s->milters);
	mta_seen_get(s, "non_smtpd_milters", &s->milters);
	mta_seen_get(s, "milter_default_action", &s->action);
	mta_seen_get(s, "milter_content_timeout", &s->content);
	buf_add(&s->all, s->milters.ptr, s->milters.len);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		mta_seen_get(s, names[i], &s->all);
	mta_run(argv, &s->all, &ignored);
}

/* mta_named - where an address stands in a setting, as a whole word */
static const char *
mta_named(const struct buf *settings, const char *address)
{
	const char *at = settings->len > 0 ? settings->ptr : "";
	size_t len = strlen(address);

	while ((at = strstr(at, address)) != NULL) {
		if (at[len] == '\0' || strchr(" ,}\t\n", at[len]) != NULL)
			return at;
		at += len;
	}
	return NULL;
}

/* mta_action - the default action that holds for the filter named at `at` */
static void
mta_action(const struct mta_seen *s, const char *at, char *out, size_t cap)
{
	static const char key[] = "default_action";
	const char *end = strpbrk(at, "{}");
	const char *own = strstr(at, key);
	const char *from = buf_str(&s->action).ptr;

	/* inside braces of its own, before they close */
	if (end != NULL && *end == '}' && own != NULL && own < end) {
		from = own + sizeof(key) - 1;
		from += strspn(from, " =");
	}
	snprintf(out, cap, "%.*s", (int)strcspn(from, " ,}"), from);
}

/* mta_check_failure - what becomes of mail when we are gone */
static void
mta_check_failure(struct doctor *d, const struct mta_seen *s, const char *name,
    const char *at)
{
	char action[64];

	mta_action(s, at, action, sizeof(action));
	if (strcmp(action, "accept") == 0)
		doctor_add(d, DOCTOR_FAIL, "milter failure",
		    "milter_default_action = tempfail (shutdown from Postfix "
		    "3.11 on); see weirctl mta-config postfix",
		    "when listener \"%s\" does not answer, mail passes "
		    "unchecked", name);
	else if (strcmp(action, "reject") == 0)
		doctor_add(d, DOCTOR_WARN, "milter failure",
		    "milter_default_action = tempfail",
		    "when listener \"%s\" does not answer, good mail is "
		    "refused for good", name);
	else
		doctor_add(d, DOCTOR_OK, "milter failure", NULL,
		    "listener \"%s\": %s", name, action);
}

/* mta_check_listener - is it asked, can it be reached; 1 if it is named */
static unsigned
mta_check_listener(struct doctor *d, const struct mta_seen *s,
    const struct conf_listener *l)
{
	struct buf address = BUF_INIT, plain = BUF_INIT;
	struct mta_env open_env = s->env;
	const char *at, *word;
	int status;

	open_env.chroot = 0;
	open_env.queue_directory[0] = '\0';
	status = mta_postfix_address(&l->address, &s->env, &address);
	mta_postfix_address(&l->address, &open_env, &plain);
	word = mta_named(&s->all, address.ptr) != NULL ? address.ptr :
							 plain.ptr;
	if (mta_named(&s->all, word) == NULL) {
		buf_fini(&address);
		buf_fini(&plain);
		return 0;
	}
	at = mta_named(&s->milters, word);
	if (status == WEIR_E_UNSUPPORTED)
		doctor_add(d, DOCTOR_FAIL, "chroot",
		    "weirctl mta-config postfix says what helps",
		    "Postfix's smtpd runs in %s and can't see the socket of "
		    "listener \"%s\"", s->env.queue_directory, l->name);
	if (at != NULL && l->protocol == CONF_PROTOCOL_MILTER)
		mta_check_failure(d, s, l->name, at);
	buf_fini(&address);
	buf_fini(&plain);
	return 1;
}

/* mta_seconds_of - "300s", "5m": seconds; 0 if it is no time */
static int64_t
mta_seconds_of(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 604800 } };
	char *end;
	long long n = strtoll(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (*end == units[i].unit)
			return n * units[i].seconds;
	}
	return n;
}

/* mta_check_time - Postfix must wait longer than we work */
static void
mta_check_time(struct doctor *d, const struct mta_seen *s)
{
	int64_t waits = mta_seconds_of(buf_str(&s->content).ptr);

	if (waits > 0 && waits * 1000 <= d->conf->message_timeout_ms)
		doctor_add(d, DOCTOR_FAIL, "milter timeout",
		    "a longer milter_content_timeout, or a shorter "
		    "message_timeout",
		    "Postfix gives up after %lld s, Weir may take %lld s",
		    (long long)waits,
		    (long long)(d->conf->message_timeout_ms / 1000));
}

/* mta_check - the installed Postfix against our listeners */
static void
mta_check(struct doctor *d, struct mta_seen *s)
{
	unsigned named = 0;

	mta_seen_fill(s);
	for (size_t i = 0; i < d->conf->n_listeners; i++)
		named += mta_check_listener(d, s, &d->conf->listeners[i]);
	if (named == 0)
		doctor_add(d, DOCTOR_FAIL, "MTA",
		    "weirctl mta-config postfix prints what to set",
		    "Postfix %s asks none of the %zu listeners",
		    s->env.version, d->conf->n_listeners);
	else
		doctor_add(d, DOCTOR_OK, "MTA", NULL,
		    "Postfix %s asks %u of %zu listeners", s->env.version,
		    named, d->conf->n_listeners);
	if (named > 0)
		mta_check_time(d, s);
	buf_fini(&s->milters);
	buf_fini(&s->all);
	buf_fini(&s->action);
	buf_fini(&s->content);
}

/* doctor_mta - Postfix; others can only be named */
void
doctor_mta(struct doctor *d)
{
	struct mta_seen seen;
	struct err err = { "" };

	memset(&seen, 0, sizeof(seen));
	if (mta_postfix_env("", &seen.env, &err) == WEIR_OK)
		mta_check(d, &seen);
	else if (access("/etc/mail/sendmail.mc", R_OK) == 0)
		doctor_add(d, DOCTOR_WARN, "MTA",
		    "compare with weirctl mta-config sendmail",
		    "sendmail's settings can't be checked");
	else
		doctor_add(d, DOCTOR_WARN, "MTA",
		    "if it runs on another host, compare its settings with "
		    "weirctl mta-config", "no Postfix here: %s", err.text);
}
