/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check - the parts of a mail, what the helper says of them, the rules. */
#include "attachment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

#define CHECK_FACT 4000u /* octets of the list of names */

/* attachment_result_name - as the fact has it */
const char *
attachment_result_name(enum attachment_result result)
{
	static const char *const names[RESULTS] = { "clean", "encrypted",
		"unreadable", "limit", "unscanned", "blocked" };

	return names[result];
}

/* attachment_get - what is known of this message, or NULL */
struct attachment_mail *
attachment_get(const struct attachment *m, weir_call *call)
{
	return m->host->data_get(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE);
}

/* check_wanted - must its content be looked at?  A text that every mail
   program shows as text is none: blocks in it are parts of their own, and other
   readings, too. */
static bool
check_wanted(const struct weir_mime_part *p)
{
	if ((p->flags & WEIR_MIME_LEAF) == 0 || p->raw_length == 0)
		return false;
	return (p->flags & WEIR_MIME_TEXT) == 0 || p->encoding > 1 ||
	    (p->flags & (WEIR_MIME_ATTACHMENT | WEIR_MIME_ALTERNATE)) != 0;
}

/* check_item - a part, before anybody looked at it */
static int
check_item(struct attachment_mail *a, weir_call *call, uint32_t index,
    const struct weir_mime_part *p)
{
	struct attachment *m = a->m;
	struct attachment_item *item = &a->items[a->n_items++];
	uint32_t n = 0;

	item->part = index;
	item->top = true;
	item->rule = RULE_NONE;
	item->declared = p->type;
	item->magic = item->path = WEIR_STR("");
	item->size = p->raw_length;
	item->names = m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    (p->names + 1) * sizeof(weir_str));
	if (item->names == NULL)
		return WEIR_E_NOMEM;
	while (n < p->names &&
	    m->mime->part_name(call, index, n, &item->names[n]) == WEIR_OK)
		n++;
	item->n_names = n;
	item->categories = name_set_categories(item->names, n) |
	    name_type_categories(p->type);
	return WEIR_OK;
}

/* check_signed - does it lie below a signed part? */
static bool
check_signed(struct attachment_mail *a, weir_call *call, uint32_t part)
{
	struct weir_mime_part p;

	for (unsigned n = 0; n < 100 && part != UINT32_MAX; n++) {
		p.size = sizeof(p);
		if (a->m->mime->part(call, part, &p) != WEIR_OK)
			break;
		if (weir_str_eq(p.type, "multipart/signed"))
			return true;
		part = p.parent;
	}
	return false;
}

/* check_parts - all of them into items, those to look at into the request */
static int
check_parts(struct attachment_mail *a, weir_call *call, struct wire_out *out)
{
	struct attachment *m = a->m;
	int status = WEIR_OK;

	for (uint32_t i = 0; i < a->n_parts && status == WEIR_OK; i++) {
		struct weir_mime_part p = { .size = sizeof(p) };
		struct wire_part w;

		status = m->mime->part(call, i, &p);
		if (status == WEIR_OK)
			status = check_item(a, call, i, &p);
		if (status != WEIR_OK)
			break;
		if (p.names > 0 && check_signed(a, call, i))
			a->items[i].categories |= CAT(SIGNED);
		if ((p.flags & WEIR_MIME_TRUNCATED) != 0)
			a->items[i].categories |= CAT(LIMIT_COUNT);
		if (!check_wanted(&p))
			continue;
		w = (struct wire_part) { i, p.encoding, p.reading,
			weir_str_eq(p.type, "message/rfc822") ?
			    WIRE_PART_MAIL : 0, p.raw_offset, p.raw_length };
		if (a->n_asked == WIRE_PARTS) {
			a->items[i].categories |= CAT(LIMIT_COUNT);
			continue;
		}
		wire_request_part(out, &w);
		a->asked[a->n_asked++] = i;
	}
	return out->full ? WEIR_E_LIMIT : status;
}

/* check_object - is it worth a word from outside? */
static struct rule_object
check_object(const struct attachment_item *item)
{
	return (struct rule_object) { item->names, item->n_names, item->path,
		item->declared, item->magic, item->categories, item->size };
}

/* attachment_match - the first rule of every item; the strongest of all */
void
attachment_match(struct attachment_mail *a)
{
	const struct rules *rules = &a->m->rules;

	a->strongest = UINT32_MAX;
	a->categories = 0;
	for (uint32_t i = 0; i < a->n_items; i++) {
		struct attachment_item *item = &a->items[i];
		struct rule_object o = check_object(item);

		a->categories |= item->categories;
		item->rule = rules_match(rules, a->direction, &o);
		if (item->rule == RULE_NONE)
			continue;
		if (a->strongest == UINT32_MAX ||
		    rules->v[item->rule].action <
		    rules->v[a->items[a->strongest].rule].action)
			a->strongest = i;
	}
}

/* check_result - in one word */
static enum attachment_result
check_result(const struct attachment_mail *a, bool unscanned)
{
	if (a->strongest != UINT32_MAX &&
	    a->m->rules.v[a->items[a->strongest].rule].action <= RULE_REPLACE)
		return RESULT_BLOCKED;
	if (unscanned)
		return RESULT_UNSCANNED;
	if ((a->categories & CATEGORIES_LIMIT) != 0 || a->more)
		return RESULT_LIMIT;
	if ((a->categories & CATEGORIES_UNREAD) != 0)
		return RESULT_UNREADABLE;
	if ((a->categories & CATEGORIES_ENCRYPTED) != 0)
		return RESULT_ENCRYPTED;
	return RESULT_CLEAN;
}

/* check_fact - one, unless it is empty */
static void
check_fact(const struct attachment_mail *a, weir_call *call, const char *key,
    const char *value)
{
	if (value[0] != '\0')
		a->m->host->fact_set(call, WEIR_RCPT_NONE, key,
		    weir_str_of(value));
}

/* check_facts - names, categories, the rule */
static void
check_facts(struct attachment_mail *a, weir_call *call)
{
	char text[CHECK_FACT], label[600];
	size_t at = 0;

	check_fact(a, call, "attachment.result",
	    attachment_result_name(a->result));
	category_text(a->categories, text, sizeof(text));
	check_fact(a, call, "attachment.categories", text);
	text[0] = '\0';
	for (uint32_t i = 0; i < a->n_items; i++) {
		const struct attachment_item *item = &a->items[i];
		size_t n;

		if (item->n_names == 0)
			continue;
		attachment_label(a, item, label, sizeof(label));
		n = strlen(label);
		if (at + n + 3 > sizeof(text))
			break;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
		    at > 0 ? ", " : "", label);
	}
	check_fact(a, call, "attachment.names", text);
	if (a->strongest == UINT32_MAX)
		return;
	check_fact(a, call, "attachment.rule",
	    a->m->rules.v[a->items[a->strongest].rule].name);
	check_fact(a, call, "attachment.action", rule_action_name(
	    a->m->rules.v[a->items[a->strongest].rule].action));
}

/* check_finding - items with any of the categories, as one finding */
static void
check_finding(struct attachment_mail *a, weir_call *call, uint32_t symbol,
    uint64_t set)
{
	char text[500], label[200], words[200];

	for (uint32_t i = 0; i < a->n_items; i++) {
		const struct attachment_item *item = &a->items[i];

		if ((item->categories & set) == 0)
			continue;
		attachment_label(a, item, label, sizeof(label));
		category_text(item->categories & set, words, sizeof(words));
		snprintf(text, sizeof(text), "%s: %s", label, words);
		a->m->host->finding(call, symbol, WEIR_RCPT_NONE, 1,
		    weir_str_of(text));
		return;
	}
}

/* check_rule_finding - each rule that was met, once */
static void
check_rule_finding(struct attachment_mail *a, weir_call *call, uint32_t rule)
{
	const struct rule *r = &a->m->rules.v[rule];
	char text[900], label[300], words[200];
	uint32_t count = 0;
	const struct attachment_item *first = NULL;

	for (uint32_t i = 0; i < a->n_items; i++) {
		if (a->items[i].rule != rule)
			continue;
		first = count++ == 0 ? &a->items[i] : first;
	}
	if (first == NULL || r->action == RULE_ACCEPT)
		return;
	attachment_label(a, first, label, sizeof(label));
	attachment_fill(a, first, "%c", words, sizeof(words));
	if (count > 1)
		snprintf(text, sizeof(text), "%s: %s and %u more (%s): %s",
		    r->name, label, count - 1, words,
		    rule_action_name(r->action));
	else
		snprintf(text, sizeof(text), "%s: %s (%s): %s", r->name, label,
		    words, rule_action_name(r->action));
	a->m->host->finding(call, SYMBOL_RULE, WEIR_RCPT_NONE, r->score,
	    weir_str_of(text));
}

/* check_count - metrics, and the numbers for weirctl */
static void
check_count(struct attachment_mail *a)
{
	struct attachment *m = a->m;
	int64_t took = m->host->mono_ms(m->self) - a->begin_ms;

	m->metric->add(m->self, m->metric_result[a->result], 1);
	m->metric->add(m->self, m->metric_files, a->files);
	m->metric->add(m->self, m->metric_octets, a->octets);
	m->metric->observe(m->self, m->metric_seconds, (double)took / 1000);
	m->mails++;
	m->files += a->files;
	for (unsigned i = 0; i < CATEGORIES; i++)
		m->counts[i] += a->categories >> i & 1;
}

/* check_say - what was found */
static void
check_say(struct attachment_mail *a, weir_call *call, bool unscanned)
{
	attachment_match(a);
	a->result = check_result(a, unscanned);
	check_facts(a, call);
	for (uint32_t i = 0; i < a->m->rules.n; i++)
		check_rule_finding(a, call, i);
	check_finding(a, call, SYMBOL_LIMIT, CATEGORIES_LIMIT);
	check_finding(a, call, SYMBOL_ENCRYPTED, CATEGORIES_ENCRYPTED);
	check_finding(a, call, SYMBOL_MACRO, CATEGORIES_MACRO |
	    CAT(EXTERNAL_TEMPLATE));
	check_finding(a, call, SYMBOL_UNREADABLE, CATEGORIES_UNREAD);
	check_count(a);
}

/* attachment_judge - after a scan that came to its end */
void
attachment_judge(struct attachment_mail *a, weir_call *call)
{
	check_say(a, call, false);
}

/* check_copy - a borrowed string for as long as the message */
static bool
check_copy(weir_str in, weir_str *out,
    void *(*alloc)(weir_call *, uint32_t, size_t), weir_call *call)
{
	char *p = alloc(call, WEIR_SCOPE_MESSAGE, in.len + 1);

	if (p == NULL)
		return false;
	if (in.len > 0)
		memcpy(p, in.ptr, in.len);
	*out = (weir_str){ p, in.len };
	return true;
}

/* check_row - what was seen of a part that was asked for */
static void
check_row(struct attachment_mail *a, uint32_t index,
    const struct wire_row *row, weir_str magic)
{
	struct attachment_item *item = &a->items[a->asked[index]];
	enum name_class seen = name_type_class(magic);

	item->magic = magic;
	item->size = row->size;
	item->categories |= row->own;
	a->files += row->files + 1;
	a->octets += row->size;
	if (item->declared.len > 0 &&
	    name_mismatch(seen, name_type_class(item->declared)))
		item->categories |= CAT(TYPE_MISMATCH);
	for (uint32_t i = 0; i < item->n_names; i++) {
		if (name_mismatch(seen, name_class(item->names[i])))
			item->categories |= CAT(TYPE_MISMATCH);
	}
}

/* check_inner - a file inside, as an item of its own */
static bool
check_inner(struct attachment_mail *a, const struct wire_object *o,
    weir_str magic, void *(*alloc)(weir_call *, uint32_t, size_t),
    weir_call *call)
{
	struct attachment_item *item = &a->items[a->n_items];

	*item = (struct attachment_item) { .part =
		a->items[a->asked[o->row]].part, .categories = o->categories,
		.size = o->size, .magic = magic, .declared = { "", 0 },
		.n_names = o->n_names, .rule = RULE_NONE };
	item->names = alloc(call, WEIR_SCOPE_MESSAGE,
	    (o->n_names + 1) * sizeof(weir_str));
	if (item->names == NULL || !check_copy(o->path, &item->path, alloc,
	    call))
		return false;
	for (uint32_t i = 0; i < o->n_names; i++) {
		if (!check_copy(o->names[i], &item->names[i], alloc, call))
			return false;
	}
	a->n_items++;
	return true;
}

/* check_room - as many items more as the octets that are left could say */
static bool
check_room(struct attachment_mail *a, size_t octets,
    void *(*alloc)(weir_call *, uint32_t, size_t), weir_call *call)
{
	/* the shortest object has six octets */
	size_t more = octets / 6 + 1;
	struct attachment_item *items = alloc(call, WEIR_SCOPE_MESSAGE,
	    (a->n_items + more) * sizeof(*items));

	if (items == NULL)
		return false;
	if (a->n_items > 0)
		memcpy(items, a->items, a->n_items * sizeof(*items));
	a->items = items;
	return true;
}

/* attachment_response - read with all distrust */
bool
attachment_response(struct attachment_mail *a, weir_str response,
    void *(*alloc)(weir_call *, uint32_t, size_t), weir_call *call)
{
	struct wire_in in = { (const unsigned char *)response.ptr,
		response.len, false }, probe;
	struct wire_response head;
	struct wire_object o;
	uint32_t n = 0;

	if (!wire_response_read(&in, &head) || head.rows != a->n_asked)
		return false;
	for (uint32_t i = 0; i < head.n_types; i++) {
		if (!check_copy(head.types[i], &head.types[i], alloc, call))
			return false;
	}
	a->more = (head.flags & WIRE_MORE) != 0;
	for (uint32_t i = 0; i < head.rows; i++) {
		struct wire_row row;

		if (!wire_response_read_row(&in, &head, &row))
			return false;
		check_row(a, i, &row, head.types[row.type]);
	}
	/* count them first: items are kept in one piece */
	for (probe = in; probe.n > 0; n++) {
		if (!wire_response_read_object(&probe, &head, &o))
			return false;
	}
	if (n > 0 && !check_room(a, 6 * (size_t)n, alloc, call))
		return false;
	while (in.n > 0) {
		if (!wire_response_read_object(&in, &head, &o) ||
		    !check_inner(a, &o, head.types[o.type], alloc, call))
			return false;
	}
	return true;
}

/* check_done - the helper's answer, or what became of it */
static void
check_done(weir_call *call, int status, weir_str response, void *arg)
{
	struct attachment_mail *a = arg;
	const struct weir_host *host = a->m->host;

	if (status == WEIR_E_CANCELLED)
		return;
	if (status == WEIR_OK &&
	    !attachment_response(a, response, host->alloc, call))
		status = WEIR_E_TEMP;
	if (status == WEIR_E_INTERNAL) {
		/* it has killed its helpers: that is known for good, and the
		   sender must not come again and again for it */
		for (uint32_t i = 0; i < a->n_asked; i++)
			a->items[a->asked[i]].categories |= CAT(LIMIT_CRASH);
		status = WEIR_OK;
	}
	check_say(a, call, status != WEIR_OK);
	if (status != WEIR_OK)
		host->fail(call, status, status == WEIR_E_TIMEOUT ?
		    WEIR_STR("the scan of the attachments took too long") :
		    WEIR_STR("the scan of the attachments died"));
}

/* check_direction - of the listener */
static enum rule_direction
check_direction(const struct attachment *m, weir_call *call)
{
	weir_str value;

	if (m->host->attr_get(call, WEIR_A_DIRECTION, WEIR_RCPT_NONE,
	    &value) != WEIR_OK)
		return RULE_DIRECTION_ANY;
	return weir_str_eq(value, "out") ? RULE_DIRECTION_OUT :
					   RULE_DIRECTION_IN;
}

/* check_begin - memory for all parts */
static struct attachment_mail *
check_begin(struct attachment *m, weir_call *call)
{
	struct attachment_mail *a = m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    sizeof(*a));

	if (a == NULL || m->mime->part_count(call, &a->n_parts) != WEIR_OK)
		return NULL;
	a->m = m;
	a->strongest = UINT32_MAX;
	a->begin_ms = m->host->mono_ms(m->self);
	a->direction = check_direction(m, call);
	a->items = m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    (a->n_parts + 1) * sizeof(*a->items));
	a->asked = m->host->alloc(call, WEIR_SCOPE_MESSAGE,
	    (a->n_parts + 1) * sizeof(*a->asked));
	if (a->items == NULL || a->asked == NULL ||
	    m->host->data_set(call, WEIR_SCOPE_MESSAGE, WEIR_RCPT_NONE, a,
		NULL) != WEIR_OK)
		return NULL;
	return a;
}

/* attachment_check - ask, if there is anything to ask */
int
attachment_check(void *state, weir_call *call)
{
	struct attachment *m = state;
	struct attachment_mail *a = check_begin(m, call);
	unsigned char *request;
	struct wire_out parts, out;
	int status;

	if (a == NULL)
		return WEIR_E_NOMEM;
	request = malloc(2 * WIRE_MAX);
	if (request == NULL)
		return WEIR_E_NOMEM;
	parts = (struct wire_out) { request + 64, 0, WIRE_MAX - 64, false };
	out = (struct wire_out) { request, 0, 64, false };
	status = check_parts(a, call, &parts);
	wire_request_head(&out, a->direction, a->n_asked);
	memmove(request + out.n, request + 64, parts.n);
	if (status == WEIR_OK && a->n_asked == 0)
		check_say(a, call, false);
	else if (status == WEIR_OK)
		status = m->remote->start(call, 0, (weir_str){
		    (const char *)request, out.n + parts.n },
		    WEIR_REMOTE_MESSAGE, check_done, a);
	free(request);
	/* what the names say counts even when nobody can look inside */
	if (status != WEIR_OK)
		check_say(a, call, true);
	return status;
}
