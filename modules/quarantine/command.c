/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#define TALKS 2		   /* orders that talk to the next hop at a time */
#define TALK_MS 86400000   /* one of them, at most */

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
	{ "release", "release ID... [--virus] [--again] [--wait SECONDS]",
	    "Deliver an item to its recipient, once; --wait: how long to wait "
	    "for the next hop (20), it goes on without you.", 1, FILTER_WORDS,
	    op_release },
	{ "delete", "delete ID...", "Delete items.", 1, FILTER_WORDS,
	    op_delete },
	{ "forward", "forward ID ADDRESS [--virus] [--wait SECONDS]",
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

static void talk_next(struct quarantine *q);

/* command_free - the order is done */
static void
command_free(struct order *o)
{
	for (uint32_t i = 0; i < o->argc; i++)
		free(o->argv[i]);
	free(o->argv);
	learn_free(&o->learn);
	free(o->changes);
	free(o->asked);
	free(o->out_text);
	free(o->err_text);
	free(o);
}

/* command_open - the answer's two texts */
static int
command_open(struct order *o)
{
	o->out = open_memstream(&o->out_text, &o->out_len);
	o->err = open_memstream(&o->err_text, &o->err_len);
	return o->out != NULL && o->err != NULL ? WEIR_OK :
	    fault_set(&o->fault, WEIR_E_NOMEM, "no memory");
}

/* command_close - they can be read now */
static void
command_close(struct order *o)
{
	if (o->out != NULL)
		fclose(o->out);
	if (o->err != NULL)
		fclose(o->err);
	o->out = o->err = NULL;
}

/* command_run - in a job */
static int
command_run(weir_jobctx *ctx, void *arg)
{
	struct order *o = arg;
	int status = command_open(o);

	o->ctx = ctx;
	if (status == WEIR_OK)
		status = o->run(o);
	command_close(o);
	return status;
}

/* command_print - the answer, or what went wrong: with single items, then with
   all of it */
static void
command_print(struct order *o, weir_call *call, int status)
{
	struct quarantine *q = o->q;
	weir_str out = { o->out_text != NULL ? o->out_text : "", o->out_len };
	weir_str err = { o->err_text != NULL ? o->err_text : "", o->err_len };

	if (out.len > 0 && q->control->print(call, out) == WEIR_E_LIMIT)
		q->control->error(call, WEIR_STR("the answer is larger than "
		    "16 MiB"));
	if (err.len > 0)
		q->control->error(call, err);
	else if (status < 0)
		q->control->error(call, weir_str_of(o->fault.text[0] != '\0' ?
			o->fault.text : "it did not work"));
}

/* command_done - print it */
static void
command_done(weir_call *call, int status, void *arg)
{
	struct order *o = arg;

	learn_ham(o->q, call, &o->learn, NULL, NULL);
	command_print(o, call, status);
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
	o->changes = calloc(FILTER_WORDS, sizeof(*o->changes));
	o->asked = calloc(FILTER_WORDS, sizeof(*o->asked));
	for (uint32_t i = 0; o->argv != NULL && o->changes != NULL &&
	     o->asked != NULL && i < argc; i++) {
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

/*
 * Orders that talk to the next hop may take long: the words are granted in the
 * call of weirctl's, the talking is a task of its own that goes on when weirctl
 * has got its answer.  Whoever comes last frees the order.
 */

/* talk_over - all is said and learned; weirctl may have gone */
static void
talk_over(struct order *o, int status)
{
	struct quarantine *q = o->q;

	o->over = true;
	q->talking--;
	if (o->hold != NULL)
		q->host->release(o->hold, status);
	else
		command_free(o);
	talk_next(q);
}

/* talk_learned - learn_told */
static void
talk_learned(void *arg, const char *id, int status, double before,
    double after)
{
	struct order *o = arg;

	if (status == WEIR_OK)
		change_learned(o, id, before, after);
	if (--o->learning == 0)
		talk_over(o, o->status);
}

/* talk_done - all is said */
static void
talk_done(weir_call *call, int status, void *arg)
{
	struct order *o = arg;

	if (call != NULL)
		o->learning = learn_ham(o->q, call, &o->learn, talk_learned,
		    o);
	o->status = status;
	if (o->learning == 0)
		talk_over(o, status);
}

/* talk_run - in a job */
static int
talk_run(weir_jobctx *ctx, void *arg)
{
	struct order *o = arg;

	o->ctx = ctx;
	return o->run(o);
}

/* talk_task - in a call of its own */
static void
talk_task(weir_call *call, int status, void *arg)
{
	struct order *o = arg;

	if (status == WEIR_OK)
		status = o->q->job->start(call, talk_run, talk_done, o);
	if (status < 0) {
		fault_set(&o->fault, status, "no thread is free");
		talk_done(call, status, o);
	}
}

/* talk_next - not so many that no thread is left for mail */
static void
talk_next(struct quarantine *q)
{
	while (q->talking < TALKS && q->talking_first != NULL) {
		struct order *o = q->talking_first;
		int64_t ms = (int64_t)o->filter.nwords *
		    (q->release.timeout_ms + q->release.answer_ms + 10000);

		q->talking_first = o->next;
		if (q->talking_first == NULL)
			q->talking_end = &q->talking_first;
		q->talking++;
		if (q->host->task(q->self, talk_task, o, ms < TALK_MS ?
			(uint32_t)ms : TALK_MS) < 0)
			talk_task(NULL, WEIR_E_TEMP, o);
	}
}

/* talk_held - the talk is over, or takes longer than anybody waits */
static void
talk_held(weir_call *call, int status, void *arg)
{
	struct order *o = arg;

	o->hold = NULL;
	if (command_open(o) == WEIR_OK && (status == WEIR_OK || !o->over))
		change_print(o);
	command_close(o);
	command_print(o, call, o->over ? status : WEIR_OK);
	if (o->over)
		command_free(o);
}

/* talk_start - what was granted goes into the queue */
static void
talk_start(weir_call *call, int status, void *arg)
{
	struct order *o = arg;
	struct quarantine *q = o->q;

	o->hold = status == WEIR_OK ? q->host->hold(call,
	    o->filter.wait_ms + 1, talk_held, o) : NULL;
	if (o->hold == NULL) {
		fault_set(&o->fault, WEIR_E_TEMP, "no thread is free");
		command_done(call, WEIR_E_TEMP, o);
		return;
	}
	o->next = NULL;
	*q->talking_end = o;
	q->talking_end = &o->next;
	talk_next(q);
}

/* talk_ask - in a job */
static int
talk_ask(weir_jobctx *ctx, void *arg)
{
	struct order *o = arg;

	o->ctx = ctx;
	return o->run == op_release ? op_release_ask(o) : WEIR_OK;
}

/* command_start - in a job */
static int
command_start(struct order *o, weir_call *call)
{
	struct quarantine *q = o->q;
	int status;

	o->talks = o->run == op_release || o->run == op_forward;
	status = o->talks ? q->job->start(call, talk_ask, talk_start, o) :
			    q->job->start(call, command_run, command_done, o);
	if (status < 0)
		fault_set(&o->fault, status, "no thread is free");
	return status;
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
	learn_find(q);
	while (i < COMMANDS && strcmp(commands[i].name, argv[0]) != 0)
		i++;
	status = i < COMMANDS ? filter_read(&o->filter, commands[i].usage,
	    o->argc, o->argv, q->host->wall_ms(q->self), &o->fault) :
				WEIR_E_INVAL;
	if (status == WEIR_OK && (o->filter.nwords < commands[i].words_min ||
				     o->filter.nwords >
					 commands[i].words_max)) {
		command_free(o);
		return WEIR_E_INVAL; /* the usage is shown */
	}
	if (status == WEIR_OK) {
		o->run = commands[i].run;
		status = command_start(o, call);
		if (status == WEIR_OK)
			return status;
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
