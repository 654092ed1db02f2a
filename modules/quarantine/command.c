/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#define FILTERS "[--rcpt ADDRESS] [--sender TEXT] [--subject TEXT] " \
	"[--class CLASS] [--state STATE] [--since TIME] [--until TIME] " \
	"[--min-score N] [--max-score N] [--id BEGINNING] [--limit N] " \
	"[--offset N]"

static const struct {
	const char *name, *usage, *help;
	uint32_t words_min, words_max; /* behind the command */
	order_fn *run;
} commands[] = {
	{ "list", "list " FILTERS, "Items, the newest first.", 0, 0, op_list },
	{ "show", "show ID [--raw]",
	    "What is known of an item, and its header; --raw: its octets.", 1,
	    1, op_show },
	{ "release", "release ID... [--virus] [--again]",
	    "Deliver an item to its recipient, once.", 1, FILTER_WORDS,
	    op_release },
	{ "delete", "delete ID...", "Delete items.", 1, FILTER_WORDS,
	    op_delete },
	{ "forward", "forward ID ADDRESS [--virus]",
	    "Send a copy of an item to another address.", 2, 2, op_forward },
	{ "purge", "purge [--check]",
	    "Delete what is past its retention; --check: only count.", 0, 0,
	    op_purge },
	{ "stats", "stats", "How much is kept, by class, state and recipient.",
	    0, 0, op_stats },
	{ "sync", "sync", "Carry out what users moved by IMAP.", 0, 0,
	    op_sync },
	{ "repair", "repair", "Remove what interrupted work has left.", 0, 0,
	    op_repair },
	{ "audit", "audit [--id ID] [--rcpt ADDRESS] [--since TIME] "
	    "[--until TIME] [--limit N] [--offset N]",
	    "Who did what, the newest first.", 0, 0, op_audit },
	{ "lists", "lists show [USER] | add USER allow|block ENTRY... | "
	    "remove USER [allow|block] ENTRY...",
	    "Senders that a recipient wants, or does not.", 1, FILTER_WORDS,
	    op_lists },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* command_free - the order is done */
static void
command_free(struct order *o)
{
	for (uint32_t i = 0; i < o->argc; i++)
		free(o->argv[i]);
	free(o->argv);
	free(o->out_text);
	free(o->err_text);
	free(o);
}

/* command_run - in a job */
static int
command_run(weir_jobctx *ctx, void *arg)
{
	struct order *o = arg;
	int status;

	(void)ctx;
	o->out = open_memstream(&o->out_text, &o->out_len);
	o->err = open_memstream(&o->err_text, &o->err_len);
	if (o->out == NULL || o->err == NULL)
		return fault_set(&o->fault, WEIR_E_NOMEM, "no memory");
	status = o->run(o);
	fclose(o->out);
	fclose(o->err);
	return status;
}

/* command_done - print it */
static void
command_done(weir_call *call, int status, void *arg)
{
	struct order *o = arg;
	struct quarantine *q = o->q;
	weir_str out = { o->out_text != NULL ? o->out_text : "", o->out_len };
	weir_str err = { o->err_text != NULL ? o->err_text : "", o->err_len };

	if (out.len > 0 && q->control->print(call, out) == WEIR_E_LIMIT)
		q->control->error(call, WEIR_STR("the answer is larger than "
		    "16 MiB"));
	/* what went wrong with single items, then with all of it */
	if (err.len > 0)
		q->control->error(call, err);
	else if (status < 0)
		q->control->error(call, weir_str_of(o->fault.text[0] != '\0' ?
			o->fault.text : "it did not work"));
	tick_learn_ham(q, call, &o->learn);
	command_free(o);
}

/* command_order - the words, copied; NULL: no memory */
static struct order *
command_order(struct quarantine *q, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct order *o = calloc(1, sizeof(*o));
	weir_str uid;

	if (o == NULL)
		return NULL;
	o->q = q;
	o->json = json;
	o->argv = calloc(argc + 1, sizeof(*o->argv));
	for (uint32_t i = 0; o->argv != NULL && i < argc; i++) {
		o->argv[i] = strdup(argv[i]);
		if (o->argv[i] == NULL)
			break;
		o->argc++;
	}
	if (o->argc < argc) {
		command_free(o);
		return NULL;
	}
	uid = quarantine_attr(q, call, WEIR_A_PEER_UID, WEIR_RCPT_NONE);
	snprintf(o->who, sizeof(o->who), "uid:%.*s",
	    uid.len > 0 ? (int)uid.len : 1, uid.len > 0 ? uid.ptr : "?");
	return o;
}

/* command_any - all commands come here */
static int
command_any(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct quarantine *q = state;
	struct order *o = command_order(q, call, argc, argv, json);
	size_t i = 0;
	int status;

	if (o == NULL)
		return WEIR_E_NOMEM;
	tick_learn_find(q);
	while (i < COMMANDS && strcmp(commands[i].name, argv[0]) != 0)
		i++;
	status = i < COMMANDS ? filter_read(&o->filter, o->argc, o->argv,
	    q->host->wall_ms(q->self), &o->fault) : WEIR_E_INVAL;
	if (status == WEIR_OK && (o->filter.nwords < commands[i].words_min ||
				     o->filter.nwords >
					 commands[i].words_max)) {
		command_free(o);
		return WEIR_E_INVAL; /* the usage is shown */
	}
	if (status == WEIR_OK) {
		o->run = commands[i].run;
		status = q->job->start(call, command_run, command_done, o);
		if (status == WEIR_OK)
			return status;
		fault_set(&o->fault, status, "no thread is free");
	}
	q->control->error(call, weir_str_of(o->fault.text));
	command_free(o);
	return status;
}

/* command_register - with their help */
int
command_register(struct quarantine *q)
{
	int status = WEIR_OK;

	for (size_t i = 0; i < COMMANDS && status == WEIR_OK; i++)
		status = q->control->command(q->self, commands[i].name,
		    commands[i].usage, commands[i].help, command_any);
	return status;
}
