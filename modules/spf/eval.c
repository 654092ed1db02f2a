/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "eval_int.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERM_TEXT_MAX 300
#define RECORD_TEXT_MAX 2000

/* How an answer counts. */
enum eval_answer {
	EVAL_RECORDS,
	EVAL_VOID,
	EVAL_TROUBLE
};

/* eval_classify - an answer without its content */
static enum eval_answer
eval_classify(const struct weir_dns_answer *a)
{
	if (a->status == WEIR_OK && a->count > 0)
		return EVAL_RECORDS;
	return a->status == WEIR_OK || a->status == WEIR_E_NOTFOUND ||
	    a->status == WEIR_E_INVAL ? EVAL_VOID : EVAL_TROUBLE;
}

/* eval_top - the frame at work */
static struct spf_frame *
eval_top(struct spf_eval *e)
{
	return &e->frames[e->depth];
}

/* spf_eval_decide - the result is known; a fail may have its explanation */
void
spf_eval_decide(struct spf_eval *e, enum spf_result result)
{
	e->outcome.result = result;
	e->state = result == SPF_RESULT_FAIL &&
	    e->frames[0].record->exp != NULL ? SPF_STATE_EXP : SPF_STATE_DONE;
}

/* spf_eval_fail - an error, or none, and why */
void
spf_eval_fail(struct spf_eval *e, enum spf_result result, const char *format,
    ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->problem, sizeof(e->problem), format, args);
	va_end(args);
	e->outcome.result = result;
	e->outcome.mechanism = e->outcome.inner = "";
	e->state = SPF_STATE_DONE;
}

/* eval_trouble - the DNS failed */
static void
eval_trouble(struct spf_eval *e, const struct weir_dns_answer *a)
{
	struct spf_lookup failed = { .status = a->status };

	spf_eval_fail(e, SPF_RESULT_TEMPERROR, "%s of %s: %s",
	    spf_type_name(e->type), e->asked, spf_lookup_text(&failed));
}

/* spf_eval_ask - put the question; odd octets as the DNS side wants them */
void
spf_eval_ask(struct spf_eval *e, enum spf_state state, uint16_t type,
    const char *name)
{
	size_t n = 0;

	for (; *name != '\0' && n + 5 < sizeof(e->asked); name++) {
		unsigned char c = (unsigned char)*name;

		if (c > ' ' && c < 0x7f && strchr("\\\"();@$", c) == NULL)
			e->asked[n++] = *name;
		else
			n += (size_t)snprintf(e->asked + n,
			    sizeof(e->asked) - n, "\\%03u", c);
	}
	e->asked[n] = '\0';
	e->state = state;
	e->type = type;
	e->asking = true;
}

/* spf_eval_void - RFC 7208 4.6.4 */
bool
spf_eval_void(struct spf_eval *e)
{
	if (++e->outcome.voids <= SPF_VOID_LIMIT)
		return true;
	spf_eval_fail(e, SPF_RESULT_PERMERROR,
	    "%s of %s: more than %d lookups without answer",
	    spf_type_name(e->type), e->asked, SPF_VOID_LIMIT);
	return false;
}

/* spf_eval_family - which addresses can be the client's */
uint16_t
spf_eval_family(const struct spf_eval *e)
{
	return e->ip_len == 4 ? WEIR_DNS_A : WEIR_DNS_AAAA;
}

/* eval_advance - the term did not match */
static void
eval_advance(struct spf_eval *e)
{
	eval_top(e)->index++;
	e->counted = false;
	e->state = SPF_STATE_TERM;
}

/* eval_qualified - what a match means */
static enum spf_result
eval_qualified(const struct spf_term *t)
{
	return t->qualifier == '-' ? SPF_RESULT_FAIL
	    : t->qualifier == '~'  ? SPF_RESULT_SOFTFAIL
	    : t->qualifier == '?'  ? SPF_RESULT_NEUTRAL
				   : SPF_RESULT_PASS;
}

/* eval_keep - text for the outcome */
static const char *
eval_keep(char **slot, const char **out, weir_str text, size_t max)
{
	free(*slot);
	*slot = spf_evidence_text(text, max);
	return *out = *slot != NULL ? *slot : "";
}

/* eval_finish - a record is through; term: what matched, NULL if nothing */
static void
eval_finish(struct spf_eval *e, const struct spf_term *term)
{
	enum spf_result result = term != NULL ? eval_qualified(term)
					      : SPF_RESULT_NEUTRAL;

	if (term != NULL && e->depth > 0) {
		eval_keep(&e->inner, &e->outcome.inner, term->text,
		    TERM_TEXT_MAX);
		memcpy(e->inner_domain, eval_top(e)->domain,
		    sizeof(e->inner_domain));
	}
	while (e->depth > 0) {
		spf_record_free(&eval_top(e)->record);
		e->depth--;
		if (result != SPF_RESULT_PASS) {
			e->outcome.inner = "";
			eval_advance(e);
			return;
		}
		term = &eval_top(e)->record->terms[eval_top(e)->index];
		result = eval_qualified(term);
	}
	eval_keep(&e->matched, &e->outcome.mechanism,
	    term != NULL ? term->text : WEIR_STR("default"), TERM_TEXT_MAX);
	spf_eval_decide(e, result);
}

/* eval_match - the term at work matches */
static void
eval_match(struct spf_eval *e)
{
	const struct spf_frame *f = eval_top(e);

	eval_finish(e, &f->record->terms[f->index]);
}

/* spf_eval_in - two addresses within a prefix */
bool
spf_eval_in(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 && (rest == 0 ||
	    ((a[bits / 8] ^ b[bits / 8]) & (0xff00u >> rest) & 0xff) == 0);
}

/* spf_eval_match - is the client among the addresses? */
bool
spf_eval_match(const struct spf_eval *e, const struct weir_dns_answer *a,
    unsigned int cidr4, unsigned int cidr6)
{
	int family = e->ip_len == 4 ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];

	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count; i++) {
		weir_str s = weir_dns_rr_at(a, i)->data;

		if (s.len >= sizeof(text))
			continue;
		memcpy(text, s.ptr, s.len);
		text[s.len] = '\0';
		if (inet_pton(family, text, addr) == 1 && spf_eval_in(addr,
		    e->ip, e->ip_len == 4 ? cidr4 : cidr6))
			return true;
	}
	return false;
}

/* spf_eval_expand - the target of a term; false: no name that exists */
bool
spf_eval_expand(struct spf_eval *e, const struct spf_term *t,
    char out[SPF_NAME_SIZE])
{
	const struct spf_frame *f = eval_top(e);

	if (t->spec.len == 0) {
		memcpy(out, f->domain, SPF_NAME_SIZE);
		return true;
	}
	e->values.domain = weir_str_of(f->domain);
	e->values.name = spf_ptr_best(e, f->domain);
	return spf_macro_domain(t->spec, &e->values, out) > 0;
}

/* eval_count - a term that asks the DNS; false: too many, or wait for p */
static bool
eval_count(struct spf_eval *e, const struct spf_term *t)
{
	if (!e->counted && ++e->outcome.terms > SPF_TERMS_LIMIT) {
		e->outcome.terms = SPF_TERMS_LIMIT;
		spf_eval_fail(e, SPF_RESULT_PERMERROR,
		    "%s: more than %d terms that ask the DNS",
		    eval_top(e)->domain, SPF_TERMS_LIMIT);
		return false;
	}
	e->counted = true;
	if (!e->ptr_known && (t->uses_name || t->kind == SPF_KIND_PTR)) {
		spf_ptr_start(e, t->kind == SPF_KIND_PTR, SPF_STATE_TERM);
		return false;
	}
	return true;
}

/* eval_include - evaluate another record first */
static void
eval_include(struct spf_eval *e, const char *target)
{
	if (e->depth + 1 == SPF_DEPTH_MAX) {
		spf_eval_fail(e, SPF_RESULT_PERMERROR, "too deep includes");
		return;
	}
	e->depth++;
	e->frames[e->depth] = (struct spf_frame){ .index = 0 };
	memcpy(eval_top(e)->domain, target, SPF_NAME_SIZE);
	e->counted = false;
	e->state = SPF_STATE_RECORD;
}

/* eval_asking - a mechanism that asks the DNS */
static void
eval_asking(struct spf_eval *e, const struct spf_term *t)
{
	char target[SPF_NAME_SIZE];

	if (!eval_count(e, t))
		return;
	if (!spf_eval_expand(e, t, target)) {
		if (t->kind == SPF_KIND_INCLUDE)
			spf_eval_fail(e, SPF_RESULT_PERMERROR,
			    "%s: include of what is no domain name",
			    eval_top(e)->domain);
		else
			eval_advance(e);
		return;
	}
	if (t->kind == SPF_KIND_INCLUDE) {
		eval_include(e, target);
	} else if (t->kind == SPF_KIND_PTR) {
		if (spf_ptr_below(e, target))
			eval_match(e);
		else
			eval_advance(e);
	} else if (t->kind == SPF_KIND_MX) {
		spf_eval_ask(e, SPF_STATE_MX, WEIR_DNS_MX, target);
	} else if (t->kind == SPF_KIND_A) {
		spf_eval_ask(e, SPF_STATE_ADDRESS, spf_eval_family(e), target);
	} else {
		/* always A, whatever the client has (5.7) */
		spf_eval_ask(e, SPF_STATE_EXISTS, WEIR_DNS_A, target);
	}
}

/* eval_redirect - go on with another record in place of this one */
static void
eval_redirect(struct spf_eval *e, const struct spf_term *t)
{
	struct spf_frame *f = eval_top(e);
	char target[SPF_NAME_SIZE];

	if (!eval_count(e, t))
		return;
	if (!spf_eval_expand(e, t, target)) {
		spf_eval_fail(e, SPF_RESULT_PERMERROR,
		    "%s: redirect to what is no domain name", f->domain);
		return;
	}
	spf_record_free(&f->record);
	memcpy(f->domain, target, sizeof(target));
	f->index = 0;
	f->redirected = true;
	e->counted = false;
	e->state = SPF_STATE_RECORD;
}

/* eval_term - the term at work */
static void
eval_term(struct spf_eval *e)
{
	struct spf_frame *f = eval_top(e);
	const struct spf_term *t;
	bool match;

	if (f->index == f->record->count) {
		if (f->record->redirect != NULL)
			eval_redirect(e, f->record->redirect);
		else
			eval_finish(e, NULL);
		return;
	}
	t = &f->record->terms[f->index];
	switch (t->kind) {
	case SPF_KIND_ALL:
		match = true;
		break;
	case SPF_KIND_IP4:
		match = e->ip_len == 4 && spf_eval_in(t->addr, e->ip,
		    t->cidr4);
		break;
	case SPF_KIND_IP6:
		match = e->ip_len == 16 && spf_eval_in(t->addr, e->ip,
		    t->cidr6);
		break;
	case SPF_KIND_REDIRECT:
	case SPF_KIND_EXP:
	case SPF_KIND_MODIFIER:
		match = false;
		break;
	default:
		eval_asking(e, t);
		return;
	}
	if (match)
		eval_match(e);
	else
		eval_advance(e);
}

/* eval_no_record - none, unless another record relies on it */
static void
eval_no_record(struct spf_eval *e)
{
	const struct spf_frame *f = eval_top(e);

	if (e->depth == 0 && !f->redirected)
		spf_eval_fail(e, SPF_RESULT_NONE, "%s has no SPF record",
		    f->domain);
	else
		spf_eval_fail(e, SPF_RESULT_PERMERROR,
		    "%s, which another record refers to, has no SPF record",
		    f->domain);
}

/* eval_record - choose and read the record among the TXT (4.5) */
static void
eval_record(struct spf_eval *e, const struct weir_dns_answer *a)
{
	struct spf_frame *f = eval_top(e);
	char problem[SPF_PROBLEM_SIZE];
	weir_str text = WEIR_STR("");
	uint32_t found = 0;
	int status;

	if (eval_classify(a) == EVAL_TROUBLE) {
		eval_trouble(e, a);
		return;
	}
	for (uint32_t i = 0; a->status == WEIR_OK && i < a->count; i++) {
		const struct weir_dns_rr *rr = weir_dns_rr_at(a, i);

		if (!spf_record_is(rr->data))
			continue;
		text = rr->data;
		found++;
	}
	if (found == 0) {
		eval_no_record(e);
		return;
	}
	if (e->first_record == NULL)
		eval_keep(&e->first_record, &e->outcome.record, text,
		    RECORD_TEXT_MAX);
	if (found > 1) {
		spf_eval_fail(e, SPF_RESULT_PERMERROR,
		    "%s has %u SPF records", f->domain, found);
		return;
	}
	status = spf_record_parse(text, &f->record, problem);
	if (status == WEIR_E_NOMEM)
		spf_eval_fail(e, SPF_RESULT_TEMPERROR, "out of memory");
	else if (status != WEIR_OK)
		spf_eval_fail(e, SPF_RESULT_PERMERROR, "%s: %s", f->domain,
		    problem);
	else
		e->state = SPF_STATE_TERM;
}

/* eval_address - addresses of a, or any for exists */
static void
eval_address(struct spf_eval *e, const struct weir_dns_answer *a, bool any)
{
	const struct spf_frame *f = eval_top(e);
	const struct spf_term *t = &f->record->terms[f->index];

	switch (eval_classify(a)) {
	case EVAL_TROUBLE:
		eval_trouble(e, a);
		return;
	case EVAL_VOID:
		if (spf_eval_void(e))
			eval_advance(e);
		return;
	default:
		if (any || spf_eval_match(e, a, t->cidr4, t->cidr6))
			eval_match(e);
		else
			eval_advance(e);
	}
}

/* eval_mx_next - the addresses of the next MX host */
static void
eval_mx_next(struct spf_eval *e)
{
	if (e->name < e->nnames)
		spf_eval_ask(e, SPF_STATE_MX_ADDRESS, spf_eval_family(e),
		    e->names[e->name]);
	else
		eval_advance(e);
}

/* eval_mx - the hosts */
static void
eval_mx(struct spf_eval *e, const struct weir_dns_answer *a)
{
	enum eval_answer class = eval_classify(a);

	if (class == EVAL_TROUBLE) {
		eval_trouble(e, a);
		return;
	}
	if (class == EVAL_VOID) {
		if (spf_eval_void(e))
			eval_advance(e);
		return;
	}
	if (a->count > SPF_NAMES_LIMIT) {
		spf_eval_fail(e, SPF_RESULT_PERMERROR,
		    "MX of %s: more than %d hosts", e->asked,
		    SPF_NAMES_LIMIT);
		return;
	}
	e->nnames = e->name = 0;
	for (uint32_t i = 0; i < a->count; i++) {
		weir_str name = weir_dns_rr_at(a, i)->data;

		/* RFC 7505, and what is no host name */
		if (!spf_macro_is_name(name) ||
		    memchr(name.ptr, '\\', name.len) != NULL)
			continue;
		memcpy(e->names[e->nnames], name.ptr, name.len);
		e->names[e->nnames++][name.len] = '\0';
	}
	eval_mx_next(e);
}

/* eval_mx_address - one host's addresses */
static void
eval_mx_address(struct spf_eval *e, const struct weir_dns_answer *a)
{
	const struct spf_frame *f = eval_top(e);
	const struct spf_term *t = &f->record->terms[f->index];

	if (eval_classify(a) == EVAL_TROUBLE) {
		eval_trouble(e, a);
	} else if (spf_eval_match(e, a, t->cidr4, t->cidr6)) {
		eval_match(e);
	} else {
		e->name++;
		eval_mx_next(e);
	}
}

/* spf_eval_next - work until something must be asked */
bool
spf_eval_next(struct spf_eval *e, struct spf_question *out)
{
	while (!e->asking && e->state != SPF_STATE_DONE) {
		if (e->state == SPF_STATE_TERM)
			eval_term(e);
		else if (e->state == SPF_STATE_RECORD)
			spf_eval_ask(e, SPF_STATE_RECORD, WEIR_DNS_TXT,
			    eval_top(e)->domain);
		else if (e->state == SPF_STATE_EXP)
			spf_exp_start(e);
		else
			spf_exp_expand(e);
	}
	if (e->state == SPF_STATE_DONE)
		return false;
	out->name = e->asked;
	out->type = e->type;
	return true;
}

/* spf_eval_answer - what the DNS said */
void
spf_eval_answer(struct spf_eval *e, const struct weir_dns_answer *a)
{
	e->asking = false;
	if (!spf_evidence_lookup(e, e->type, a)) {
		spf_eval_expire(e, "out of memory");
		return;
	}
	switch (e->state) {
	case SPF_STATE_RECORD:
		eval_record(e, a);
		break;
	case SPF_STATE_ADDRESS:
		eval_address(e, a, false);
		break;
	case SPF_STATE_EXISTS:
		eval_address(e, a, true);
		break;
	case SPF_STATE_MX:
		eval_mx(e, a);
		break;
	case SPF_STATE_MX_ADDRESS:
		eval_mx_address(e, a);
		break;
	case SPF_STATE_PTR:
		spf_ptr_names(e, a);
		break;
	case SPF_STATE_PTR_ADDRESS:
		spf_ptr_address(e, a);
		break;
	case SPF_STATE_EXP_TEXT:
		spf_exp_text(e, a);
		break;
	default:
		break;
	}
}

/* spf_eval_expire - time is up */
void
spf_eval_expire(struct spf_eval *e, const char *problem)
{
	bool decided = e->outcome.result == SPF_RESULT_FAIL;

	e->asking = false;
	if (e->state == SPF_STATE_DONE)
		return;
	if (decided)
		e->state = SPF_STATE_DONE;
	else
		spf_eval_fail(e, SPF_RESULT_TEMPERROR, "%s", problem);
}

/* spf_eval_outcome - all of it */
const struct spf_outcome *
spf_eval_outcome(const struct spf_eval *e)
{
	return &e->outcome;
}
