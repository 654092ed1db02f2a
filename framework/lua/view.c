/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define VIEW_FIELDS_MAX 2000
#define VIEW_PARTS_MAX 1024
#define VIEW_NAMES_MAX 50

struct view_header {
	weir_str name, raw, value; /* value.ptr NULL: not decoded yet */
};

struct view {
	struct round *round;
	const struct weir_host *host;
	weir_str sender;
	struct ip client;
	int64_t wall_ms;
	uint32_t nrcpts, nfindings;
	double *scores;
	struct view_header *fields; /* NULL: not read yet */
	uint32_t nfields;
	struct weir_mime_part *parts; /* likewise */
	uint32_t nparts;
};

/* view_create - what is cheap and may change */
struct view *
view_create(struct round *round)
{
	struct view *v = xcalloc(1, sizeof(*v));
	const struct weir_host *h = round->rules->host;
	weir_str client;

	v->round = round;
	v->host = h;
	if (h->attr_get(round->call, WEIR_A_SENDER, WEIR_RCPT_NONE,
	    &v->sender) != WEIR_OK)
		v->sender = WEIR_STR("");
	if (h->attr_get(round->call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE,
	    &client) != WEIR_OK || !ip_parse(client.ptr, &v->client))
		v->client.len = 0;
	v->wall_ms = h->wall_ms(round->rules->self);
	v->nrcpts = h->rcpt_count(round->call);
	v->scores = xcalloc(v->nrcpts + 1, sizeof(double));
	for (uint32_t i = 0; i < v->nrcpts; i++)
		v->scores[i] = h->score(round->call, i);
	v->scores[v->nrcpts] = h->score(round->call, WEIR_RCPT_NONE);
	/* what rules add themselves is not seen by later ones */
	v->nfindings = h->finding_count(round->call);
	return v;
}

/* view_free - the round is over */
void
view_free(struct view **view)
{
	struct view *v = *view;

	if (v == NULL)
		return;
	*view = NULL;
	free(v->scores);
	free(v->fields);
	free(v->parts);
	free(v);
}

/* view_sender - envelope sender */
weir_str
view_sender(struct view *v)
{
	return v->sender;
}

/* view_rcpt - a recipient's address */
weir_str
view_rcpt(struct view *v, uint32_t rcpt)
{
	weir_str address;

	if (v->host->attr_get(v->round->call, WEIR_A_RCPT, rcpt, &address) !=
	    WEIR_OK)
		return WEIR_STR("");
	return address;
}

/* view_client - its address as text */
weir_str
view_client(struct view *v)
{
	weir_str client;

	if (v->host->attr_get(v->round->call, WEIR_A_CLIENT_ADDR,
	    WEIR_RCPT_NONE, &client) != WEIR_OK)
		return WEIR_STR("");
	return client;
}

/* view_client_in - is the client in that network */
bool
view_client_in(struct view *v, const struct ip_net *net)
{
	return v->client.len != 0 && ip_in_net(&v->client, net);
}

/* view_wall_ms - when the round began */
int64_t
view_wall_ms(const struct view *v)
{
	return v->wall_ms;
}

/* view_score - of a recipient, or of the message */
double
view_score(struct view *v, uint32_t rcpt)
{
	return v->scores[rcpt < v->nrcpts ? rcpt : v->nrcpts];
}

/* view_symbol - was it found, for this recipient or for all */
bool
view_symbol(struct view *v, const char *symbol, uint32_t rcpt)
{
	uint32_t n = v->nfindings;
	struct weir_finding f = { .size = sizeof(f) };

	for (uint32_t i = 0; i < n; i++) {
		if (v->host->finding_at(v->round->call, i, &f) == WEIR_OK &&
		    (f.rcpt == WEIR_RCPT_NONE || f.rcpt == rcpt) &&
		    weir_str_eq(f.symbol, symbol))
			return true;
	}
	return false;
}

/* view_read_fields - names and raw values */
static void
view_read_fields(struct view *v)
{
	uint32_t n = v->host->header_count(v->round->call, NULL);

	if (n > VIEW_FIELDS_MAX)
		n = VIEW_FIELDS_MAX;
	v->fields = xcalloc(n + 1, sizeof(*v->fields));
	for (uint32_t i = 0; i < n; i++) {
		struct view_header *h = &v->fields[v->nfields];

		if (v->host->header_at(v->round->call, NULL, i, &h->name,
		    &h->raw) == WEIR_OK)
			v->nfields++;
	}
}

/* view_decode - a raw value; what can't be decoded stays as it is */
static weir_str
view_decode(struct view *v, weir_str raw)
{
	weir_str out;

	if (v->round->rules->mime->header_decode(v->round->call, raw, &out) !=
	    WEIR_OK)
		return raw;
	return out;
}

/* view_field - decoded when first asked for */
bool
view_field(struct view *v, const char *name, uint32_t index, weir_str *value)
{
	size_t len = strlen(name);

	if (v->fields == NULL)
		view_read_fields(v);
	for (uint32_t i = 0; i < v->nfields; i++) {
		struct view_header *h = &v->fields[i];

		if (h->name.len != len || !text_case_equals(h->name, name) ||
		    index-- > 0)
			continue;
		if (h->value.ptr == NULL)
			h->value = view_decode(v, h->raw);
		*value = h->value;
		return true;
	}
	return false;
}

/* view_parts - read when first asked for */
uint32_t
view_parts(struct view *v)
{
	const struct weir_mime *mime = v->round->rules->mime;
	uint32_t n = 0;

	if (v->parts != NULL)
		return v->nparts;
	if (mime->part_count(v->round->call, &n) != WEIR_OK)
		n = 0;
	if (n > VIEW_PARTS_MAX)
		n = VIEW_PARTS_MAX;
	v->parts = xcalloc(n + 1, sizeof(*v->parts));
	for (; v->nparts < n; v->nparts++) {
		struct weir_mime_part *p = &v->parts[v->nparts];

		p->size = sizeof(*p);
		if (mime->part(v->round->call, v->nparts, p) != WEIR_OK)
			break;
	}
	return v->nparts;
}

/* view_part_field - of the part's own header, decoded */
bool
view_part_field(struct view *v, uint32_t part, const char *name,
    weir_str *value)
{
	if (v->round->rules->mime->part_header(v->round->call, part, name,
	    value) != WEIR_OK)
		return false;
	*value = view_decode(v, *value);
	return true;
}

/* view_part_type - as declared */
weir_str
view_part_type(struct view *v, uint32_t part)
{
	return v->parts[part].type;
}

/* view_part_name - one of its plausible file names */
bool
view_part_name(struct view *v, uint32_t part, uint32_t i, weir_str *name)
{
	return i < v->parts[part].names && i < VIEW_NAMES_MAX &&
	    v->round->rules->mime->part_name(v->round->call, part, i, name) ==
		WEIR_OK;
}
