/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper - the half that runs in a process of its own, without any rights.
 *
 * A request names parts of the mail; each is decoded and scanned; the answer
 * has a row for every one and as many of the files inside as fit, those that a
 * rule acts on first.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxml/parser.h>

#include "attachment.h"
#include "scan.h"

struct helper {
	const struct weir_helper_host *host;
	struct scan_limits limits;
	struct scan_env env;
	struct rules rules;
	unsigned char *answer; /* had before memory can be short */
};

/* An object in the order of what matters. */
struct rank {
	uint32_t again;	 /* the rule has been met in this part before */
	uint32_t action; /* enum rule_action, or more */
	uint32_t index;
	uint32_t row, rule;
};

/* The types of the longest list, all rows, and what is left for objects. */
_Static_assert(SCAN_TYPES <= WIRE_TYPES && SCAN_NAMES <= WIRE_NAMES &&
    SCAN_TEXT <= WIRE_TEXT, "the wire carries what the scan finds");

/* helper_log - a line of text */
static void
helper_log(const struct weir_helper_host *host, const char *text)
{
	host->log(WEIR_LOG_ERROR, (weir_str){ text, strlen(text) });
}

/* helper_complain - the worker has said it already */
static void
helper_complain(void *arg, const char *text)
{
	helper_log(arg, text);
}

/* helper_options - limits and rules */
static bool
helper_options(struct helper *h, const weir_conf *conf)
{
	const struct weir_helper_host *host = h->host;
	const struct rule_conf rc = { host->conf_int, host->conf_real,
		host->conf_str, host->conf_list, host->conf_sections,
		host->conf_section, helper_complain,
		(void *)(uintptr_t)host };

	h->limits = (struct scan_limits) {
		.depth = (uint32_t)host->conf_int(conf, OPT_MAX_DEPTH),
		.files = (uint32_t)host->conf_int(conf, OPT_MAX_FILES),
		.total_files = (uint32_t)host->conf_int(conf,
		    OPT_MAX_TOTAL_FILES),
		.ratio = (uint32_t)host->conf_int(conf, OPT_MAX_RATIO),
		.size = (uint64_t)host->conf_int(conf, OPT_MAX_SIZE),
		.total_size = (uint64_t)host->conf_int(conf,
		    OPT_MAX_TOTAL_SIZE),
		.time_ms = (uint32_t)host->conf_int(conf, OPT_TIME_LIMIT)
	};
	return rules_load(&h->rules, &rc, conf, OPT_RULE,
	    host->conf_bool(conf, OPT_DEFAULTS));
}

/* helper_fini - an ordinary end */
static void
helper_fini(void *state)
{
	struct helper *h = state;

	type_close(h->env.magic);
	rules_free(&h->rules);
	free(h->answer);
	free(h);
}

/* helper_init - load what files hold, while they can be read */
static int
helper_init(const struct weir_helper_host *host, const weir_conf *conf,
    void **state)
{
	struct helper *h = calloc(1, sizeof(*h));
	const char *why = "";
	weir_mail *warm;

	if (h == NULL)
		return WEIR_E_NOMEM;
	h->host = host;
	h->env = (struct scan_env) { .mono_ms = host->mono_ms,
		.mail_open = host->mail_open, .mail_part = host->mail_part,
		.mail_name = host->mail_name, .mail_data = host->mail_data,
		.mail_close = host->mail_close };
	/* names in archives are UTF-8 or nothing known */
	setlocale(LC_CTYPE, "C.UTF-8");
	xmlInitParser();
	warm = host->mail_open((weir_str){ "", 0 });
	host->mail_close(&warm);
	h->answer = malloc(WIRE_MAX);
	if (h->answer == NULL) {
		helper_fini(h);
		return WEIR_E_NOMEM;
	}
	h->env.magic = type_open(&why);
	if (h->env.magic == NULL) {
		helper_log(host, "libmagic can't load its data");
		helper_log(host, why);
		helper_fini(h);
		return WEIR_E_TEMP;
	}
	if (!helper_options(h, conf)) {
		helper_fini(h);
		return WEIR_E_INVAL;
	}
	*state = h;
	return WEIR_OK;
}

/* helper_part - decode one and look at it; without memory for that there is no
   object, which the answer says */
static void
helper_part(const struct helper *h, struct scan *s, uint32_t row,
    const struct wire_part *part, weir_str mail)
{
	weir_str raw = { mail.ptr + part->offset, (size_t)part->length };
	size_t cap = raw.len, n;
	bool complete = true;
	char *data;

	if (cap > s->limits.size)
		cap = (size_t)s->limits.size;
	data = malloc(cap + 1);
	if (data == NULL)
		return;
	n = h->host->decode(part->encoding, part->reading, raw, data, cap);
	if (n > cap) {
		n = cap;
		complete = false;
	}
	data[n] = '\0';
	scan_part(s, row, (weir_str){ data, n }, complete ? n : raw.len,
	    complete, (part->flags & WIRE_PART_MAIL) != 0);
	free(data);
}

/* helper_sum - what is inside counts for what is around it */
static void
helper_sum(struct scan *s)
{
	for (uint32_t i = 0; i < s->n_objects; i++)
		s->objects[i]->all = s->objects[i]->own;
	for (uint32_t i = s->n_objects; i > 0; i--) {
		struct scan_object *o = s->objects[i - 1];

		if (o->parent != NULL)
			o->parent->all |= o->all;
	}
}

/* helper_root - the part that it is in */
static struct scan_object *
helper_root(struct scan_object *o)
{
	while (o->parent != NULL)
		o = o->parent;
	return o;
}

/* helper_rank - for each part and rule one object, the strongest action first;
   then the others; those without any rule or category last */
static int
helper_rank(const void *pa, const void *pb)
{
	const struct rank *a = pa, *b = pb;

	if (a->again != b->again)
		return a->again < b->again ? -1 : 1;
	if (a->action != b->action)
		return a->action < b->action ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* helper_rank_rule - by part and rule */
static int
helper_rank_rule(const void *pa, const void *pb)
{
	const struct rank *a = pa, *b = pb;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* helper_ranks - which objects to tell of, in order; the caller frees */
static struct rank *
helper_ranks(const struct helper *h, const struct scan *s,
    enum rule_direction direction, uint32_t *n_out)
{
	struct rank *ranks = calloc(s->n_objects + 1, sizeof(*ranks));
	uint32_t n = 0;

	*n_out = 0;
	if (ranks == NULL)
		return NULL;
	for (uint32_t i = 0; i < s->n_objects; i++) {
		const struct scan_object *o = s->objects[i];
		const char *mime = s->types[o->type];
		struct rule_object ro = { o->names, o->n_names, o->path,
			{ "", 0 }, { mime, strlen(mime) }, o->own, o->size };
		uint32_t rule;

		if (o->parent == NULL || (o->quiet && o->own == 0))
			continue;
		rule = rules_match(&h->rules, direction, &ro);
		ranks[n++] = (struct rank) { 0, rule != RULE_NONE ?
			h->rules.v[rule].action :
			o->own != 0 ? RULE_ACCEPT + 1u : RULE_ACCEPT + 2u, i,
			o->row, rule };
	}
	qsort(ranks, n, sizeof(*ranks), helper_rank_rule);
	for (uint32_t i = 0; i < n; i++)
		ranks[i].again = ranks[i].action >= RULE_ACCEPT ||
		    (i > 0 && ranks[i].row == ranks[i - 1].row &&
			ranks[i].rule == ranks[i - 1].rule);
	qsort(ranks, n, sizeof(*ranks), helper_rank);
	*n_out = n;
	return ranks;
}

/* helper_objects - as many as fit; false: some did not.  A part of which
   something is left out that no other object stands for has a limit as its
   own category: what nobody told must not pass for clean. */
static bool
helper_objects(const struct helper *h, const struct scan *s,
    enum rule_direction direction, struct wire_out *out)
{
	uint32_t n;
	struct rank *ranks = helper_ranks(h, s, direction, &n);

	for (uint32_t i = 0; ranks == NULL && i < s->n_objects; i++)
		helper_root(s->objects[i])->own |= CAT(LIMIT_MEMORY);
	for (uint32_t i = 0; i < n; i++) {
		struct scan_object *o = s->objects[ranks[i].index];
		struct wire_object w = { .row = o->row, .type = o->type,
			.categories = o->own, .size = o->size,
			.path = o->path, .n_names = o->n_names };

		if (out->full && ranks[i].again != 0)
			break;
		if (o->n_names > 0)
			memcpy(w.names, o->names,
			    o->n_names * sizeof(weir_str));
		if (!out->full)
			wire_response_object(out, &w);
		if (out->full && ranks[i].again == 0)
			helper_root(o)->own |= CAT(LIMIT_COUNT);
	}
	free(ranks);
	return !out->full && ranks != NULL;
}

/* helper_rows - a row for every part, in order; those without an object were
   not looked at for want of memory.  more: categories that any may have. */
static void
helper_rows(const struct scan *s, struct wire_in request, uint32_t rows,
    size_t mail, uint64_t more, struct wire_out *out)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < rows; i++) {
		struct wire_row row = { CAT(LIMIT_MEMORY) | more,
			CAT(LIMIT_MEMORY) | more, 0, 0, 0 };
		struct wire_part part;

		if (wire_request_read_part(&request, &part, mail))
			row.size = part.length;
		while (at < s->n_objects && (s->objects[at]->parent != NULL ||
		    s->objects[at]->row < i))
			at++;
		if (at < s->n_objects && s->objects[at]->row == i) {
			const struct scan_object *o = s->objects[at];

			row = (struct wire_row) { o->all | o->own | more,
				o->own | more, o->size, o->type, o->files };
		}
		wire_response_row(out, &row);
	}
}

/* helper_answer - objects in what heads and rows leave; then those, which know
   what was left out */
static int
helper_answer(const struct helper *h, weir_request *r, struct scan *s,
    enum rule_direction direction, struct wire_in request, uint32_t rows,
    size_t mail)
{
	struct wire_out head = { h->answer, 0, WIRE_MAX, false }, out;
	weir_str types[SCAN_TYPES];
	int status;
	bool all;

	helper_sum(s);
	for (uint32_t i = 0; i < s->n_types; i++)
		types[i] = (weir_str){ s->types[i], strlen(s->types[i]) };
	wire_response_head(&head, WIRE_MORE, types, s->n_types, rows);
	helper_rows(s, request, rows, mail, CAT(LIMIT_COUNT) |
	    CAT(LIMIT_MEMORY), &head);
	if (head.full)
		return WEIR_E_LIMIT;
	out = (struct wire_out) { h->answer + head.n, 0, WIRE_MAX - head.n,
		false };
	all = helper_objects(h, s, direction, &out);
	head.n = 0;
	wire_response_head(&head, all ? 0 : WIRE_MORE, types, s->n_types,
	    rows);
	helper_rows(s, request, rows, mail, 0, &head);
	status = h->host->respond(r, head.p, head.n);
	if (status == WEIR_OK && out.n > 0)
		status = h->host->respond(r, out.p, out.n);
	return status;
}

/* helper_scan - all parts of a request; mail.ptr may be NULL: no memory for
   it */
static int
helper_scan(const struct helper *h, weir_request *r, struct wire_in *in,
    weir_str mail)
{
	uint32_t direction, parts, left = h->host->left_ms(r);
	struct scan_limits limits = h->limits;
	struct wire_in first;
	struct wire_part part;
	int status = WEIR_OK;
	struct scan s;

	if (!wire_request_read(in, &direction, &parts))
		return WEIR_E_INVAL;
	/* an answer in time, with what there was time for */
	if (limits.time_ms > left - left / 4)
		limits.time_ms = left - left / 4;
	first = *in;
	scan_init(&s, &limits, &h->env);
	for (uint32_t i = 0; i < parts && status == WEIR_OK; i++) {
		if (!wire_request_read_part(in, &part, mail.len))
			status = WEIR_E_INVAL;
		else if (mail.ptr != NULL)
			helper_part(h, &s, i, &part, mail);
	}
	if (status == WEIR_OK)
		status = helper_answer(h, r, &s,
		    (enum rule_direction)direction, first, parts, mail.len);
	scan_fini(&s);
	return status;
}

/* helper_run - one request */
static int
helper_run(void *state, weir_request *r, weir_str request, int message)
{
	const struct helper *h = state;
	struct wire_in in = { (const unsigned char *)request.ptr, request.len,
		false };
	weir_str mail = { "", 0 };
	struct stat st;
	void *map = NULL;
	int status;

	if (message < 0 || fstat(message, &st) < 0 || st.st_size < 0)
		return WEIR_E_INVAL;
	if (st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    message, 0);
		if (map == MAP_FAILED)
			map = NULL;
		mail = (weir_str){ map, (size_t)st.st_size };
	}
	status = helper_scan(h, r, &in, mail);
	if (map != NULL)
		munmap(map, mail.len);
	return status;
}

const struct weir_helper attachment_helper = {
	.size = sizeof(struct weir_helper),
	.name = "scan",
	/* libraries with state of their own, and a mail that crashes one takes
	   no other with it: processes, not threads */
	.threads = 1,
	.processes = 4,
	.memory = UINT64_C(1) << 30,
	.init = helper_init,
	.run = helper_run,
	.fini = helper_fini
};
