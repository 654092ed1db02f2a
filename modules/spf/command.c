/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - weirctl spf check. */
#include "spf.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run of `check`. */
struct command_run {
	struct spf *m;
	bool json;
};

/* command_print - formatted text of the answer */
__attribute__((format(printf, 3, 4))) static void
command_print(const struct spf *m, weir_call *call, const char *format, ...)
{
	char text[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n >= 0)
		m->control->print(call, (weir_str){ text,
		    n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1 });
}

/* command_status - the status of a lookup in a word */
static const char *
command_status(const struct spf_lookup *l)
{
	switch (l->status) {
	case WEIR_OK:
		return "ok";
	case WEIR_E_NOTFOUND:
	case WEIR_E_INVAL:
		return "none";
	case WEIR_E_TIMEOUT:
		return "timeout";
	case WEIR_E_LIMIT:
		return "limit";
	default:
		return "failed";
	}
}

/* command_lookups - all of them, for programs */
static json_t *
command_lookups(const struct spf_outcome *o)
{
	json_t *list = json_array();

	for (const struct spf_lookup *l = o->lookups; l != NULL;
	     l = l->next) {
		json_t *answers = json_array();
		const char *p = l->data;

		while (l->count > 0) {
			size_t n = strcspn(p, "\n");

			json_array_append_new(answers, json_stringn(p, n));
			if (p[n] == '\0')
				break;
			p += n + 1;
		}
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:i,s:o}",
		    "name", l->name, "type", spf_type_name(l->type), "status",
		    command_status(l), "count", (int)l->count, "answers",
		    answers));
	}
	return list;
}

/* command_json - the outcome for programs */
static void
command_json(const struct spf *m, weir_call *call,
    const struct spf_outcome *o)
{
	json_t *all = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,"
	    "s:i,s:o}", "result", spf_result_name(o->result), "explanation",
	    o->explanation, "mechanism", o->mechanism, "inner", o->inner,
	    "inner_domain", o->inner[0] != '\0' ? o->inner_domain : "",
	    "identity", o->helo ? "helo" : "mailfrom", "domain", o->domain,
	    "record", o->record, "problem", o->problem, "terms",
	    (int)o->terms, "voids", (int)o->voids, "lookups",
	    command_lookups(o));
	char *text = all != NULL ? json_dumps(all, JSON_COMPACT) : NULL;

	if (text != NULL)
		m->control->print(call, weir_str_of(text));
	m->control->print(call, WEIR_STR("\n"));
	free(text);
	json_decref(all);
}

/* command_row - one line, if there is something to say */
static void
command_row(const struct spf *m, weir_call *call, const char *name,
    const char *value)
{
	if (value[0] != '\0')
		command_print(m, call, "%-12s %s\n", name, value);
}

/* command_text - the outcome for people */
static void
command_text(const struct spf *m, weir_call *call,
    const struct spf_outcome *o)
{
	command_row(m, call, "result", spf_result_name(o->result));
	command_row(m, call, "identity", o->helo ? "HELO" : "MAIL FROM");
	command_row(m, call, "domain", o->domain);
	command_row(m, call, "record", o->record);
	command_row(m, call, "mechanism", o->mechanism);
	if (o->inner[0] != '\0')
		command_print(m, call, "%-12s %s of %s\n", "by", o->inner,
		    o->inner_domain);
	command_row(m, call, "problem", o->problem);
	command_row(m, call, "explanation", o->explanation);
	command_print(m, call, "%-12s %u of %d terms, %u of %d void\n",
	    "limits", o->terms, SPF_TERMS_LIMIT, o->voids, SPF_VOID_LIMIT);
	for (const struct spf_lookup *l = o->lookups; l != NULL;
	     l = l->next) {
		const char *p = spf_lookup_text(l);

		command_print(m, call, "%s %s\n", spf_type_name(l->type),
		    l->name);
		for (;;) {
			size_t n = strcspn(p, "\n");

			command_print(m, call, "    %.*s\n", (int)n, p);
			if (p[n] == '\0')
				break;
			p += n + 1;
		}
		if (l->count > 20)
			command_print(m, call, "    ... %u in all\n",
			    l->count);
	}
}

/* command_done - print it */
static void
command_done(weir_call *call, const struct spf_outcome *o, void *arg)
{
	struct command_run *run = arg;

	if (o != NULL && run->json)
		command_json(run->m, call, o);
	else if (o != NULL)
		command_text(run->m, call, o);
	free(run);
}

/* spf_address - text to octets; mapped IPv4 becomes IPv4 */
bool
spf_address(const char *text, struct spf_input *in)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff };

	in->ip_len = 4;
	if (inet_pton(AF_INET, text, in->ip) == 1)
		return true;
	in->ip_len = 16;
	if (inet_pton(AF_INET6, text, in->ip) != 1)
		return false;
	if (memcmp(in->ip, mapped, sizeof(mapped)) == 0) {
		memmove(in->ip, in->ip + 12, 4);
		in->ip_len = 4;
	}
	return true;
}

/* command_check - check IP SENDER HELO */
static int
command_check(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct spf *m = state;
	struct command_run *run;
	struct spf_input in = { .ip_len = 0 };
	char text[120];
	int status;

	if (argc != 4)
		return WEIR_E_INVAL; /* the usage is shown */
	if (!spf_address(argv[1], &in)) {
		snprintf(text, sizeof(text), "\"%.60s\" is no IP address\n",
		    argv[1]);
		m->control->error(call, weir_str_of(text));
		return WEIR_E_INVAL;
	}
	in.sender = weir_str_of(strcmp(argv[2], "<>") == 0 ? "" : argv[2]);
	in.helo = weir_str_of(argv[3]);
	in.now_ms = m->host->wall_ms(m->self);
	in.receiver = WEIR_STR("");
	run = malloc(sizeof(*run));
	if (run == NULL)
		return WEIR_E_NOMEM;
	*run = (struct command_run){ m, json };
	status = spf_query_start(m, call, &in, command_done, run);
	if (status != WEIR_OK)
		free(run);
	return status;
}

/* spf_command_register - tell weirctl what we know */
int
spf_command_register(struct spf *m)
{
	int status = m->control->command(m->self, "check",
	    "check IP SENDER HELO [--zone FILE]",
	    "Evaluate SPF: result, what matched, every lookup. SENDER <> or "
	    "\"\": HELO alone; --zone: DNS from a master file, without the "
	    "daemon.",
	    command_check);

	return status < 0 ? status : WEIR_OK;
}
