/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakeext - extension tables of the fake host. */
#include "lib/fakehost_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELF(self) ((struct fakehost *)(void *)(self))

/* fake_name - a DNS name without the last dot */
static char *
fake_name(const char *name)
{
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	return fake_dup(name, len);
}

/* fake_dns_line - script an answer */
static void
fake_dns_line(struct fakehost *f, const char *name, uint16_t type, int status,
    const char *data, bool below)
{
	*FAKE_PUSH(&f->lines) = (struct fake_line){ fake_name(name),
		strdup(data != NULL ? data : ""), type, status, below };
}

/* fakehost_dns - an answer for one name */
void
fakehost_dns(struct fakehost *f, const char *name, uint16_t type, int status,
    const char *data)
{
	fake_dns_line(f, name, type, status, data, false);
}

/* fakehost_dns_below - an answer for all names below one */
void
fakehost_dns_below(struct fakehost *f, const char *suffix, uint16_t type,
    int status, const char *data)
{
	fake_dns_line(f, suffix, type, status, data, true);
}

/* fake_dns_find - the line that answers; exact lines before suffixes */
static const struct fake_line *
fake_dns_find(const struct fakehost *f, const char *name, uint16_t type)
{
	size_t len = strlen(name);

	for (int below = 0; below < 2; below++)
		for (uint32_t i = f->lines.n; i-- > 0;) {
			const struct fake_line *l = &f->lines.at[i];
			size_t n = strlen(l->name);

			if (l->type != type || l->below != (below == 1))
				continue;
			if (!l->below && strcasecmp(l->name, name) == 0)
				return l;
			if (l->below && len > n && name[len - n - 1] == '.' &&
			    strcasecmp(name + len - n, l->name) == 0)
				return l;
		}
	return NULL;
}

/* fake_dns_query - queue the scripted answer */
static int
fake_dns_query(weir_call *call, const char *name, uint16_t type,
    uint32_t timeout_ms, weir_dns_fn *fn, void *arg)
{
	const struct fake_line *l;
	struct fake_event *e;
	char *plain;
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	plain = fake_name(name);
	if (*plain == '\0' || strlen(plain) > 253) {
		free(plain);
		return WEIR_E_INVAL;
	}
	*FAKE_PUSH(&call->f->asked) = (struct fake_asked){ plain, timeout_ms };
	l = fake_dns_find(call->f, plain, type);
	e = fake_event_new(call->f, call, FAKE_DNS);
	e->fn.dns = fn;
	e->arg = arg;
	e->type = type;
	e->status = l != NULL ? l->status : WEIR_E_NOTFOUND;
	e->value = strdup(l != NULL && l->status == 0 ? l->data : "");
	return WEIR_OK;
}

/* fakehost_dns_asked - questions so far */
uint32_t
fakehost_dns_asked(const struct fakehost *f, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->asked.n; i++)
		n += name == NULL || strcasecmp(f->asked.at[i].name, name) == 0;
	return n;
}

/* fakehost_dns_timeout - with which limit the last one was asked */
uint32_t
fakehost_dns_timeout(const struct fakehost *f, const char *name)
{
	for (uint32_t i = f->asked.n; i-- > 0;)
		if (strcasecmp(f->asked.at[i].name, name) == 0)
			return f->asked.at[i].timeout;
	return 0;
}

/* fake_dns_deliver - records from the scripted text */
static void
fake_dns_deliver(struct fake_event *e, bool cancelled)
{
	/* a stride wider than the struct, as a younger host would have */
	struct wide {
		struct weir_dns_rr rr;
		uint64_t more;
	} rr[32] = { 0 };
	struct weir_dns_answer a = { .stride = sizeof(rr[0]), .rr = &rr[0].rr };
	/* texts hold blanks */
	const char *gap = e->type == WEIR_DNS_TXT ? "\n" : " ";
	char *save = NULL, *item;

	a.status = cancelled ? WEIR_E_CANCELLED : e->status;
	a.rcode = a.status == WEIR_E_NOTFOUND ? 3 : 0;
	for (item = strtok_r(e->value, gap, &save);
	     a.status == 0 && item != NULL && a.count < 32;
	     item = strtok_r(NULL, gap, &save)) {
		struct weir_dns_rr *r = &rr[a.count++].rr;

		r->type = e->type;
		r->ttl = 300;
		if (e->type == WEIR_DNS_MX) {
			r->pref = (uint16_t)atoi(item);
			item = strchr(item, ':') + 1;
		}
		r->data = weir_str_of(item);
	}
	e->fn.dns(e->call, &a, e->arg);
}

/* fake_ext_deliver - complete an event of an extension */
void
fake_ext_deliver(struct fakehost *f, struct fake_event *e, bool cancelled)
{
	if (e->kind == FAKE_DNS)
		fake_dns_deliver(e, cancelled);
	else if (e->kind == FAKE_WALK)
		fake_walk_deliver(f, e, cancelled);
	else
		e->fn.store(e->call, cancelled ? WEIR_E_CANCELLED : e->status,
		    cancelled || e->value == NULL
			? WEIR_STR("")
			: (weir_str){ e->value, e->value_len },
		    e->arg);
}

/* fake_metric_new - register, once per name and labels */
static int
fake_metric_new(weir_self *self, const char *name, const char *labels,
    const char *help)
{
	struct fakehost *f = SELF(self);

	(void)help;
	labels = labels != NULL ? labels : "";
	for (uint32_t i = 0; i < f->metrics.n; i++)
		if (strcmp(f->metrics.at[i].name, name) == 0 &&
		    strcmp(f->metrics.at[i].labels, labels) == 0)
			return (int)i;
	*FAKE_PUSH(&f->metrics) = (struct fake_metric){ strdup(name),
		strdup(labels), 0 };
	return (int)f->metrics.n - 1;
}

/* fake_metric_add - count */
static void
fake_metric_add(weir_self *self, int id, uint64_t n)
{
	if (id >= 0)
		SELF(self)->metrics.at[id].value += (int64_t)n;
}

/* fake_metric_set - a gauge */
static void
fake_metric_set(weir_self *self, int id, int64_t value)
{
	if (id >= 0)
		SELF(self)->metrics.at[id].value = value;
}

/* fake_metric_observe - the fake histogram keeps the number of values */
static void
fake_metric_observe(weir_self *self, int id, double seconds)
{
	(void)seconds;
	fake_metric_add(self, id, 1);
}

/* fakehost_metric - read one */
int64_t
fakehost_metric(const struct fakehost *f, const char *name, const char *labels)
{
	labels = labels != NULL ? labels : "";
	for (uint32_t i = 0; i < f->metrics.n; i++)
		if (strcmp(f->metrics.at[i].name, name) == 0 &&
		    strcmp(f->metrics.at[i].labels, labels) == 0)
			return f->metrics.at[i].value;
	return -1;
}

/* fake_timer_after - a completion in the future */
static int
fake_timer_after(weir_call *call, uint32_t ms, weir_task_fn *fn, void *arg)
{
	struct fake_event *e;
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	e = fake_event_new(call->f, call, FAKE_TASK);
	e->fn.task = fn;
	e->arg = arg;
	e->due += ms;
	return WEIR_OK;
}

/* fake_timer_every - periodic work */
static int
fake_timer_every(weir_self *self, uint32_t ms, weir_task_fn *fn, void *arg)
{
	if (ms < 100)
		return WEIR_E_INVAL;
	*FAKE_PUSH(&SELF(self)->every) = (struct fake_every){ fn, arg, ms,
		SELF(self)->mono + ms };
	return WEIR_OK;
}

/* fake_job_start - the work is done at once, its end is queued; the message
   has no descriptor */
static int
fake_job_start(weir_call *call, weir_job_run *run, weir_job_done *done,
    void *arg)
{
	struct fake_event *e;
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	e = fake_event_new(call->f, call, FAKE_TASK);
	e->status = run(NULL, arg);
	e->fn.task = done;
	e->arg = arg;
	return WEIR_OK;
}

/* fake_job_unwanted - never */
static bool
fake_job_unwanted(weir_jobctx *ctx)
{
	(void)ctx;
	return false;
}

/* fake_job_message_fd - there is none */
static int
fake_job_message_fd(weir_jobctx *ctx)
{
	(void)ctx;
	return WEIR_E_STATE;
}

/* fake_control_command - a command of the module */
static int
fake_control_command(weir_self *self, const char *name, const char *usage,
    const char *help, weir_control_fn *fn)
{
	(void)usage, (void)help;
	*FAKE_PUSH(&SELF(self)->commands) = (struct fake_command){
		strdup(name), fn };
	return WEIR_OK;
}

/* fake_control_print - text of the answer */
static int
fake_control_print(weir_call *call, weir_str text)
{
	struct fakehost *f;
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	f = call->f;
	f->output = realloc(f->output, f->output_len + text.len + 1);
	memcpy(f->output + f->output_len, text.ptr, text.len);
	f->output_len += text.len;
	f->output[f->output_len] = '\0';
	return WEIR_OK;
}

/* fakehost_output - what the last command printed */
const char *
fakehost_output(const struct fakehost *f)
{
	return f->output != NULL ? f->output : "";
}

/* fakehost_command - run a command to its end */
int
fakehost_command(struct fakehost *f, const char *line, bool json)
{
	char *copy = strdup(line), *p = copy;
	const char *argv[16] = { NULL };
	uint32_t argc = 0;
	weir_call *call;
	int status = WEIR_E_NOTFOUND;

	while (*(p += strspn(p, " ")) != '\0' && argc < 15) {
		char stop = *p == '\'' ? '\'' : ' ';

		p += stop == '\'';
		argv[argc++] = p;
		p = strchrnul(p, stop);
		if (*p != '\0')
			*p++ = '\0';
	}
	f->output_len = 0;
	free(f->output);
	f->output = NULL;
	for (uint32_t i = 0; i < f->commands.n; i++) {
		if (strcmp(f->commands.at[i].name, argv[0]) != 0)
			continue;
		call = fake_call_new(f, -1, -1);
		status = f->commands.at[i].fn(f->state, call, argc, argv,
		    json);
		fake_call_leave(call);
		fakehost_run(f);
	}
	free(copy);
	return status;
}

/* fakehost_edit_status - what edits answer from now on */
void
fakehost_edit_status(struct fakehost *f, int status)
{
	f->edit_status = status;
}

/* fake_edit - record one edit, if it is one */
static int
fake_edit(weir_call *call, const char *verb, const char *name, uint32_t index,
    const weir_str *value)
{
	int status = fake_call_check(call, 1 << WEIR_PHASE_ACT);
	char *line = NULL, where[16];
	bool before = strcmp(verb, "insert") == 0;

	if (status != 0)
		return status;
	if (call->stage != WEIR_STAGE_EOM && ((*verb != 'a' && *verb != 'i') ||
	    (call->stage != WEIR_STAGE_RCPT &&
		call->stage != WEIR_STAGE_DATA)))
		return WEIR_E_STATE;
	if (call->f->edit_status != 0)
		return call->f->edit_status;
	for (size_t i = 0; value != NULL && i < value->len; i++) {
		char c = value->ptr[i], next = i + 1 < value->len
		    ? value->ptr[i + 1] : '\0';

		if (c == '\0' || c == '\r' ||
		    (c == '\n' && next != ' ' && next != '\t'))
			return WEIR_E_INVAL;
	}
	if (index == UINT32_MAX)
		*where = '\0';
	else
		snprintf(where, sizeof(where), "%u", index);
	if (asprintf(&line, "%s %s%s%s%s%s", verb, before ? where : "",
	    before ? " " : "", name, before || *where == '\0' ? "" : " ",
	    before ? "" : where) < 0)
		abort();
	if (value != NULL) {
		char *bare = line;

		if (asprintf(&line, "%s: %.*s", bare, (int)value->len,
		    value->ptr) < 0)
			abort();
		free(bare);
	}
	*FAKE_PUSH(&call->f->edits) = line;
	return WEIR_OK;
}

/* fake_header_add - at the end */
static int
fake_header_add(weir_call *call, const char *name, weir_str value)
{
	return fake_edit(call, "add", name, UINT32_MAX, &value);
}

/* fake_header_insert - before the index-th */
static int
fake_header_insert(weir_call *call, uint32_t index, const char *name,
    weir_str value)
{
	return fake_edit(call, "insert", name, index, &value);
}

/* fake_header_change - a new value */
static int
fake_header_change(weir_call *call, const char *name, uint32_t occurrence,
    weir_str value)
{
	return fake_edit(call, "change", name, occurrence, &value);
}

/* fake_header_delete - away */
static int
fake_header_delete(weir_call *call, const char *name, uint32_t occurrence)
{
	return fake_edit(call, "delete", name, occurrence, NULL);
}

/* fake_rcpt_add - one more recipient */
static int
fake_rcpt_add(weir_call *call, weir_str address, weir_str params)
{
	(void)params;
	return fake_edit(call, "rcpt_add", "to", UINT32_MAX, &address);
}

/* fake_rcpt_delete - one less */
static int
fake_rcpt_delete(weir_call *call, uint32_t rcpt)
{
	return fake_edit(call, "rcpt_delete", "index", rcpt, NULL);
}

/* fake_link_count - links of the body */
static int
fake_link_count(weir_call *call, uint32_t *out)
{
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	if ((call->f->wanted & WEIR_F_WANT_BODY) == 0)
		return WEIR_E_STATE;
	*out = call->f->links.n;
	return WEIR_OK;
}

/* fake_link_at - one of them */
static int
fake_link_at(weir_call *call, uint32_t index, weir_str *out)
{
	if (index >= call->f->links.n)
		return WEIR_E_NOTFOUND;
	*out = weir_str_of(call->f->links.at[index]);
	return WEIR_OK;
}

/* fakehost_decode - script a decoded header */
void
fakehost_decode(struct fakehost *f, const char *raw, const char *text)
{
	*FAKE_PUSH(&f->decodes) = (struct fake_pair){ strdup(raw),
		strdup(text) };
}

/* fake_header_decode - as scripted, else without blanks around it */
static int
fake_header_decode(weir_call *call, weir_str raw, weir_str *out)
{
	int status = fake_call_check(call, -1);

	if (status != 0)
		return status;
	*out = raw;
	while (out->len > 0 && (*out->ptr == ' ' || *out->ptr == '\t')) {
		out->ptr++;
		out->len--;
	}
	for (uint32_t i = 0; i < call->f->decodes.n; i++)
		if (weir_str_eq(raw, call->f->decodes.at[i].name))
			*out = weir_str_of(call->f->decodes.at[i].value);
	return WEIR_OK;
}

/* fake_ext - the tables */
const void *
fake_ext(weir_self *self, const char *id)
{
	static const struct weir_dns dns = { .query = fake_dns_query };
	static const struct weir_metric metric = { .counter = fake_metric_new,
		.gauge = fake_metric_new, .histogram = fake_metric_new,
		.add = fake_metric_add, .set = fake_metric_set,
		.observe = fake_metric_observe };
	static const struct weir_timer timer = { .after = fake_timer_after,
		.every = fake_timer_every };
	static const struct weir_job job = { .start = fake_job_start,
		.unwanted = fake_job_unwanted,
		.message_fd = fake_job_message_fd };
	static const struct weir_control control = {
		.command = fake_control_command,
		.local = fake_control_command, .print = fake_control_print,
		.error = fake_control_print };
	static const struct weir_edit edit = { .header_add = fake_header_add,
		.header_insert = fake_header_insert,
		.header_change = fake_header_change,
		.header_delete = fake_header_delete,
		.rcpt_add = fake_rcpt_add, .rcpt_delete = fake_rcpt_delete };
	static const struct weir_mime mime = { .link_count = fake_link_count,
		.link_at = fake_link_at,
		.header_decode = fake_header_decode };
	static const struct {
		const char *id;
		const void *table;
	} tables[] = { { WEIR_EXT_DNS, &dns },
		{ WEIR_EXT_STORE, &fake_store_table },
		{ WEIR_EXT_METRIC, &metric }, { WEIR_EXT_TIMER, &timer },
		{ WEIR_EXT_JOB, &job },
		{ WEIR_EXT_CONTROL, &control }, { WEIR_EXT_EDIT, &edit },
		{ WEIR_EXT_MIME, &mime } };

	(void)self;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(tables[i].id, id) == 0)
			return tables[i].table;
	return NULL;
}

/* fake_ext_free - free what the extensions keep */
void
fake_ext_free(struct fakehost *f)
{
	for (uint32_t i = 0; i < f->lines.n; i++) {
		free(f->lines.at[i].name);
		free(f->lines.at[i].data);
	}
	for (uint32_t i = 0; i < f->asked.n; i++)
		free(f->asked.at[i].name);
	fake_store_free(f);
	for (uint32_t i = 0; i < f->metrics.n; i++) {
		free(f->metrics.at[i].name);
		free(f->metrics.at[i].labels);
	}
	for (uint32_t i = 0; i < f->commands.n; i++)
		free(f->commands.at[i].name);
	for (uint32_t i = 0; i < f->decodes.n; i++) {
		free(f->decodes.at[i].name);
		free(f->decodes.at[i].value);
	}
	free(f->lines.at);
	free(f->asked.at);
	free(f->metrics.at);
	free(f->commands.at);
	free(f->decodes.at);
	free(f->output);
}
