/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input - the beginning and the end of an evaluation: whose mail is it? */
#include "eval_int.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* input_put - append a copy; the slice of it */
static weir_str
input_put(char **at, const char *p, size_t n)
{
	weir_str s = { *at, n };

	if (n > 0)
		memcpy(*at, p, n);
	(*at)[n] = '\0';
	*at += n + 1;
	return s;
}

/* input_sender - the parts of the identity (RFC 7208 4.3); "postmaster" where
   the local part is missing */
static void
input_sender(struct spf_eval *e, const struct spf_input *in, char **at)
{
	static const char postmaster[] = "postmaster";
	struct spf_macro_values *v = &e->values;
	const char *split = memrchr(in->sender.ptr, '@', in->sender.len);
	weir_str local = WEIR_STR(""), domain = WEIR_STR("");

	if (in->sender.len == 0) {
		domain = in->helo;
	} else if (split != NULL) {
		local = (weir_str){ in->sender.ptr,
			(size_t)(split - in->sender.ptr) };
		domain = (weir_str){ split + 1,
			in->sender.len - local.len - 1 };
	}
	if (local.len == 0)
		local = weir_str_of(postmaster);
	v->local = input_put(at, local.ptr, local.len);
	v->sender_domain = input_put(at, domain.ptr, domain.len);
	v->sender.ptr = *at;
	v->sender.len = local.len + 1 + domain.len;
	memcpy(*at, local.ptr, local.len);
	(*at)[local.len] = '@';
	*at += local.len + 1;
	input_put(at, domain.ptr, domain.len);
	e->outcome.helo = in->sender.len == 0;
}

/* input_address - what the macros i and c say */
static void
input_address(struct spf_eval *e)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	inet_ntop(e->ip_len == 4 ? AF_INET : AF_INET6, e->ip, e->client,
	    sizeof(e->client));
	if (e->ip_len == 4)
		memcpy(e->address, e->client, sizeof(e->client));
	for (size_t i = 0; e->ip_len == 16 && i < 16; i++) {
		if (i > 0)
			e->address[n++] = '.';
		e->address[n++] = hex[e->ip[i] >> 4];
		e->address[n++] = '.';
		e->address[n++] = hex[e->ip[i] & 15];
	}
	e->values.client = weir_str_of(e->client);
	e->values.address = weir_str_of(e->address);
	e->values.family = weir_str_of(e->ip_len == 4 ? "in-addr" : "ip6");
}

/* input_is_domain - a name of several labels as hosts have them (4.3) */
static bool
input_is_domain(weir_str s)
{
	if (!spf_macro_is_name(s))
		return false;
	if (s.ptr[s.len - 1] == '.')
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    (c < '0' || c > '9') && strchr("-_.", c) == NULL)
			return false;
	}
	return memchr(s.ptr, '.', s.len) != NULL;
}

/* input_begin - the first question, or none */
static void
input_begin(struct spf_eval *e)
{
	weir_str domain = e->values.sender_domain;

	if (!input_is_domain(domain)) {
		spf_eval_fail(e, SPF_RESULT_NONE, e->outcome.helo
		    ? "HELO is no domain name"
		    : "the sender's domain is no domain name");
		return;
	}
	if (domain.ptr[domain.len - 1] == '.')
		domain.len--;
	memcpy(e->frames[0].domain, domain.ptr, domain.len);
	memcpy(e->identity, domain.ptr, domain.len);
	e->outcome.domain = e->identity;
	e->state = SPF_STATE_RECORD;
}

/* spf_eval_create - copy the input */
struct spf_eval *
spf_eval_create(const struct spf_input *in)
{
	struct spf_eval *e = calloc(1, sizeof(*e));
	char *at;

	if (e == NULL)
		return NULL;
	/* the identity occurs twice, "postmaster@" once or twice */
	e->text = malloc(2 * (in->sender.len + in->helo.len) + in->helo.len +
	    in->receiver.len + 64);
	if (e->text == NULL) {
		free(e);
		return NULL;
	}
	at = e->text;
	e->tail = &e->lookups;
	e->outcome.domain = e->outcome.mechanism = e->outcome.inner =
	    e->outcome.record = "";
	e->outcome.explanation = e->explanation;
	e->outcome.inner_domain = e->inner_domain;
	e->outcome.problem = e->problem;
	e->ip_len = in->ip_len == 4 ? 4 : 16;
	memcpy(e->ip, in->ip, e->ip_len);
	input_sender(e, in, &at);
	e->values.helo = input_put(&at, in->helo.ptr, in->helo.len);
	e->values.receiver = input_put(&at, in->receiver.ptr,
	    in->receiver.len);
	if (in->receiver.len == 0)
		e->values.receiver = WEIR_STR("unknown");
	snprintf(e->time, sizeof(e->time), "%" PRId64, in->now_ms / 1000);
	e->values.time = weir_str_of(e->time);
	input_address(e);
	input_begin(e);
	return e;
}

/* spf_eval_destroy - forget everything */
void
spf_eval_destroy(struct spf_eval **ep)
{
	struct spf_eval *e = *ep;
	struct spf_lookup *l, *next;

	*ep = NULL;
	if (e == NULL)
		return;
	for (uint32_t i = 0; i < SPF_DEPTH_MAX; i++)
		spf_record_free(&e->frames[i].record);
	for (l = e->lookups; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	free(e->text);
	free(e->matched);
	free(e->inner);
	free(e->first_record);
	free(e->exp);
	free(e);
}
