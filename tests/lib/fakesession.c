/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakesession - session, message and calls of the fake host. */
#include "lib/fakehost_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fake_scope_drop - slots and memory of a scope and what lies inside it */
static void
fake_scope_drop(struct fakehost *f, uint32_t scope)
{
	uint32_t keep = 0;

	for (uint32_t i = 0; i < f->slots.n; i++) {
		struct fake_slot *s = &f->slots.at[i];

		if (s->scope < scope)
			f->slots.at[keep++] = *s;
		else if (s->drop != NULL && s->data != NULL)
			s->drop(s->data);
	}
	f->slots.n = keep;
	keep = 0;
	for (uint32_t i = 0; i < f->blocks.n; i++)
		if (f->blocks.at[i].scope < scope)
			f->blocks.at[keep++] = f->blocks.at[i];
		else
			free(f->blocks.at[i].data);
	f->blocks.n = keep;
	keep = 0;
	for (uint32_t i = 0; i < f->facts.n; i++) {
		struct fake_fact *x = &f->facts.at[i];

		if (x->session && scope == WEIR_SCOPE_MESSAGE) {
			f->facts.at[keep++] = *x;
			continue;
		}
		free(x->key);
		free(x->value);
	}
	f->facts.n = keep;
}

/* fake_pairs_clear - forget all pairs of an array */
static void
fake_pairs_clear(struct fake_pair *at, uint32_t *n)
{
	for (uint32_t i = 0; i < *n; i++) {
		free(at[i].name);
		free(at[i].value);
	}
	*n = 0;
}

/* fake_strings_clear - forget all strings of an array */
static void
fake_strings_clear(char **at, uint32_t *n)
{
	for (uint32_t i = 0; i < *n; i++)
		free(at[i]);
	*n = 0;
}

/* fake_attrs_clear - forget attributes from this one on */
static void
fake_attrs_clear(struct fakehost *f, uint32_t least)
{
	uint32_t keep = 0;

	for (uint32_t i = 0; i < f->attrs.n; i++)
		if (f->attrs.at[i].attr < least)
			f->attrs.at[keep++] = f->attrs.at[i];
		else
			free(f->attrs.at[i].value);
	f->attrs.n = keep;
}

/* fake_message_end - tell the module and forget the message */
static void
fake_message_end(struct fakehost *f)
{
	weir_call *call;

	if (!f->in_message)
		return;
	fakehost_cancel(f);
	if (f->module->message_end != NULL) {
		call = fake_call_new(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
		f->module->message_end(f->state, call);
		fake_call_leave(call);
	}
	f->in_message = false;
	fake_scope_drop(f, WEIR_SCOPE_MESSAGE);
	for (uint32_t i = 0; i < f->findings.n; i++) {
		free(f->findings.at[i].symbol);
		free(f->findings.at[i].module);
		free(f->findings.at[i].reason);
	}
	f->findings.n = 0;
	for (uint32_t i = 0; i < f->verdicts.n; i++) {
		free(f->verdicts.at[i].enhanced);
		free(f->verdicts.at[i].text);
	}
	f->verdicts.n = 0;
	fake_pairs_clear(f->headers.at, &f->headers.n);
	fake_pairs_clear(f->unscanned.at, &f->unscanned.n);
	fake_strings_clear(f->edits.at, &f->edits.n);
	fake_strings_clear(f->links.at, &f->links.n);
	free(f->failed);
	f->failed = NULL;
	f->rcpts = 0;
	fake_attrs_clear(f, WEIR_A_MESSAGE_ID);
}

/* fake_session_end - the same for the session */
static void
fake_session_end(struct fakehost *f)
{
	weir_call *call;

	fake_message_end(f);
	if (!f->in_session)
		return;
	fakehost_cancel(f);
	if (f->module->session_end != NULL) {
		call = fake_call_new(f, WEIR_PHASE_ACT, WEIR_STAGE_CONNECT);
		f->module->session_end(f->state, call);
		fake_call_leave(call);
	}
	f->in_session = false;
	fake_scope_drop(f, WEIR_SCOPE_SESSION);
	fake_attrs_clear(f, 0);
}

/* fake_attr_put - set an attribute */
static void
fake_attr_put(struct fakehost *f, uint32_t attr, uint32_t rcpt, char *value)
{
	struct fake_attr *a;

	for (uint32_t i = 0; i < f->attrs.n; i++) {
		a = &f->attrs.at[i];
		if (a->attr == attr && a->rcpt == rcpt) {
			free(a->value);
			a->value = value;
			return;
		}
	}
	a = FAKE_PUSH(&f->attrs);
	a->attr = attr;
	a->rcpt = rcpt;
	a->value = value;
}

/* fakehost_attr - set an attribute that belongs to no recipient */
void
fakehost_attr(struct fakehost *f, uint32_t attr, const char *value)
{
	fake_attr_put(f, attr, WEIR_RCPT_NONE,
	    value != NULL ? strdup(value) : NULL);
}

/* fakehost_session - a client connects */
void
fakehost_session(struct fakehost *f, const char *addr, const char *name)
{
	char *bin = calloc(1, 17);

	fake_session_end(f);
	f->in_session = true;
	fakehost_attr(f, WEIR_A_CLIENT_ADDR, addr);
	if (inet_pton(strchr(addr, ':') != NULL ? AF_INET6 : AF_INET, addr,
	    bin) != 1) {
		free(bin);
		bin = NULL;
	}
	fake_attr_put(f, WEIR_A_CLIENT_ADDR_BIN, WEIR_RCPT_NONE, bin);
	fakehost_attr(f, WEIR_A_CLIENT_NAME, name != NULL ? name : "");
	fakehost_attr(f, WEIR_A_CLIENT_RNAME, name != NULL ? name : "");
	fakehost_attr(f, WEIR_A_DIRECTION, "in");
	fakehost_attr(f, WEIR_A_SERVER_NAME, "mx1.example.org");
}

/* fakehost_message - MAIL FROM */
void
fakehost_message(struct fakehost *f, const char *sender)
{
	fake_message_end(f);
	f->in_message = true;
	fakehost_attr(f, WEIR_A_SENDER, sender);
}

/* fakehost_rcpt - RCPT TO */
uint32_t
fakehost_rcpt(struct fakehost *f, const char *address)
{
	fake_attr_put(f, WEIR_A_RCPT, f->rcpts, strdup(address));
	return f->rcpts++;
}

/* fakehost_rcpt_refuse - the MTA refused it after all */
void
fakehost_rcpt_refuse(struct fakehost *f, uint32_t rcpt)
{
	fake_attr_put(f, WEIR_A_RCPT, rcpt, NULL);
}

/* fakehost_header - a field of the message */
void
fakehost_header(struct fakehost *f, const char *name, const char *value)
{
	*FAKE_PUSH(&f->headers) = (struct fake_pair){ strdup(name),
		strdup(value) };
}

/* fakehost_link - a link in its body */
void
fakehost_link(struct fakehost *f, const char *url)
{
	*FAKE_PUSH(&f->links) = strdup(url);
}

/* fakehost_networks - networks of the site */
void
fakehost_networks(struct fakehost *f, const char *name, const char *list)
{
	*FAKE_PUSH(&f->networks) = (struct fake_pair){ strdup(name),
		strdup(list) };
}

/* fake_dispatch - the module's callback for a stage of a phase */
static int
fake_dispatch(struct fakehost *f, weir_call *call, uint32_t rcpt)
{
	const struct weir_stages *phases[] = { f->module->collect,
		f->module->decide, f->module->act };
	const struct weir_stages *s = phases[call->phase];
	int (*fn)(void *, weir_call *) = NULL;

	if (s == NULL || (f->skipped[call->phase] & 1u << call->stage) != 0)
		return 0;
	switch (call->stage) {
	case WEIR_STAGE_CONNECT:
		fn = s->connect;
		break;
	case WEIR_STAGE_HELO:
		fn = s->helo;
		break;
	case WEIR_STAGE_MAIL:
		fn = s->mail;
		break;
	case WEIR_STAGE_RCPT:
		return s->rcpt != NULL ? s->rcpt(f->state, call, rcpt) : 0;
	case WEIR_STAGE_DATA:
		fn = s->data;
		break;
	case WEIR_STAGE_EOH:
		fn = s->eoh;
		break;
	case WEIR_STAGE_EOM:
		fn = s->eom;
		break;
	default:
		abort();
	}
	return fn != NULL ? fn(f->state, call) : 0;
}

/* fakehost_open - run one callback, keep its completions queued */
int
fakehost_open(struct fakehost *f, uint32_t phase, uint32_t stage,
    uint32_t rcpt)
{
	weir_call *call = fake_call_new(f, (int)phase, (int)stage);
	int status = fake_dispatch(f, call, rcpt);

	fake_call_leave(call);
	return status;
}

/* fakehost_call - run one callback with everything it starts */
int
fakehost_call(struct fakehost *f, uint32_t phase, uint32_t stage,
    uint32_t rcpt)
{
	int status = fakehost_open(f, phase, stage, rcpt);

	fakehost_run(f);
	return status;
}

/* fakehost_finding_count - findings so far */
uint32_t
fakehost_finding_count(const struct fakehost *f)
{
	return f->findings.n;
}

/* fakehost_finding_at - one of them */
const struct fakehost_finding *
fakehost_finding_at(const struct fakehost *f, uint32_t index)
{
	return index < f->findings.n ? &f->findings.at[index] : NULL;
}

/* fakehost_finding_of - the first with this symbol */
const struct fakehost_finding *
fakehost_finding_of(const struct fakehost *f, const char *symbol)
{
	for (uint32_t i = 0; i < f->findings.n; i++)
		if (strcmp(f->findings.at[i].symbol, symbol) == 0)
			return &f->findings.at[i];
	return NULL;
}

/* fakehost_failed - the reason of the last fail() */
const char *
fakehost_failed(const struct fakehost *f)
{
	return f->failed;
}

/* fakehost_edit_count - edits so far */
uint32_t
fakehost_edit_count(const struct fakehost *f)
{
	return f->edits.n;
}

/* fakehost_edit_at - one of them */
const char *
fakehost_edit_at(const struct fakehost *f, uint32_t index)
{
	return index < f->edits.n ? f->edits.at[index] : NULL;
}

/* fakehost_edit_of - the first that begins so */
const char *
fakehost_edit_of(const struct fakehost *f, const char *begin)
{
	for (uint32_t i = 0; i < f->edits.n; i++)
		if (strncmp(f->edits.at[i], begin, strlen(begin)) == 0)
			return f->edits.at[i];
	return NULL;
}

/* fakehost_logged - how many lines contain this text */
uint32_t
fakehost_logged(const struct fakehost *f, int level, const char *text)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->logs.n; i++)
		n += f->logs.at[i].level <= level &&
		    strstr(f->logs.at[i].text, text) != NULL;
	return n;
}

/* fakehost_destroy - end everything */
void
fakehost_destroy(struct fakehost **fp)
{
	struct fakehost *f = *fp;

	if (f == NULL)
		return;
	*fp = NULL;
	fakehost_cancel(f);
	fake_session_end(f);
	if (f->status == WEIR_OK && f->module->destroy != NULL)
		f->module->destroy(f->state);
	for (uint32_t i = 0; i < f->calls.n; i++)
		free(f->calls.at[i]);
	for (uint32_t i = 0; i < f->logs.n; i++)
		free(f->logs.at[i].text);
	fake_pairs_clear(f->networks.at, &f->networks.n);
	fake_strings_clear(f->spare.at, &f->spare.n);
	free(f->calls.at);
	free(f->logs.at);
	free(f->networks.at);
	free(f->spare.at);
	free(f->headers.at);
	free(f->unscanned.at);
	free(f->edits.at);
	free(f->links.at);
	free(f->facts.at);
	free(f->attrs.at);
	free(f->slots.at);
	free(f->blocks.at);
	free(f->findings.at);
	free(f->verdicts.at);
	free(f->every.at);
	fake_ext_free(f);
	fake_conf_free(f->conf);
	free(f);
}
