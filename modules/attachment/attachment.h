/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attachment - what the files of the worker's half share.
 *
 * The parts of a mail are read from weir.mime; their content is looked at by
 * the helper (helper.c, scan*.c), which answers with types, categories and
 * the files inside; rules decide here.
 */
#ifndef ATTACHMENT_ATTACHMENT_H
#define ATTACHMENT_ATTACHMENT_H

#include <weir/service/quarantine.h>
#include <weir/weir.h>

#include "category.h"
#include "rule.h"
#include "wire.h"

/* Rows of the option table. */
enum {
	OPT_RULE,
	OPT_DEFAULTS,
	OPT_KEEP_ORIGINAL,
	OPT_RENAME_SUFFIX,
	OPT_NOTICE,
	OPT_MAX_DEPTH,
	OPT_MAX_FILES,
	OPT_MAX_TOTAL_FILES,
	OPT_MAX_SIZE,
	OPT_MAX_TOTAL_SIZE,
	OPT_MAX_RATIO,
	OPT_TIME_LIMIT
};

/* Rows of the symbol table. */
enum {
	SYMBOL_RULE,
	SYMBOL_LIMIT,
	SYMBOL_ENCRYPTED,
	SYMBOL_MACRO,
	SYMBOL_UNREADABLE
};

/* What attachment.result can be, the strongest last. */
enum attachment_result {
	RESULT_CLEAN,
	RESULT_ENCRYPTED,
	RESULT_UNREADABLE,
	RESULT_LIMIT,
	RESULT_UNSCANNED,
	RESULT_BLOCKED,
	RESULTS
};

struct attachment {
	const struct weir_host *host;
	weir_self *self;
	const weir_conf *conf;
	const struct weir_mime *mime;
	const struct weir_edit *edit;
	const struct weir_remote *remote;
	const struct weir_metric *metric;
	const struct weir_control *control;
	const struct weir_quarantine *quarantine; /* or NULL */
	void *quarantine_state;
	struct rules rules;
	bool keep_original;
	int metric_result[RESULTS], metric_files, metric_octets,
	    metric_seconds, metric_kept;
	uint64_t counts[CATEGORIES]; /* mails of this worker, by category */
	uint64_t mails, files;
};

/* A part of the mail, or a file inside of one. */
struct attachment_item {
	uint32_t part;	   /* index in the mail */
	bool top;	   /* the part itself */
	weir_str path;	   /* inside the part */
	weir_str *names;
	uint32_t n_names;
	weir_str declared, magic;
	uint64_t categories, size;
	uint32_t rule;	   /* that it meets first, or RULE_NONE */
};

/* One message; lives in its memory. */
struct attachment_mail {
	struct attachment *m;
	enum rule_direction direction;
	struct attachment_item *items; /* parts in order, then files inside */
	uint32_t n_items, n_parts;
	uint32_t *asked;	       /* items that the helper was asked for */
	uint32_t n_asked;
	uint64_t categories;	       /* all of them */
	uint64_t octets;
	uint32_t files;
	uint32_t strongest;	       /* item whose rule is, or UINT32_MAX */
	enum attachment_result result;
	bool more;		       /* the helper left files out */
	int64_t begin_ms;
};

/* check.c: collect at eom. */
int attachment_check(void *state, weir_call *call);
struct attachment_mail *attachment_get(const struct attachment *m,
    weir_call *call);
/* The rules over all items, then findings and facts. */
void attachment_judge(struct attachment_mail *a, weir_call *call);
/* Rules over all items alone; for commands. */
void attachment_match(struct attachment_mail *a);
/* Fill items from a response; false: it makes no sense. alloc as that of the
   host; the strings are copied. */
bool attachment_response(struct attachment_mail *a, weir_str response,
    void *(*alloc)(weir_call *, uint32_t, size_t), weir_call *call);
const char *attachment_result_name(enum attachment_result result);

/* decide.c: verdict, and what is said. */
int attachment_decide(void *state, weir_call *call);
/* The name of what was found: "invoice.zip/inner/run.exe", printable. */
char *attachment_label(const struct attachment_mail *a,
    const struct attachment_item *item, char *buf, size_t cap);
/* A text with %n %p %c %r filled in. */
char *attachment_fill(const struct attachment_mail *a,
    const struct attachment_item *item, const char *text, char *buf,
    size_t cap);

/* act.c: remove, replace, rename. */
int attachment_act(void *state, weir_call *call);

/* command.c: register the commands. [main] */
int attachment_command_register(struct attachment *m);

/* helper.c: the other half. */
extern const struct weir_helper attachment_helper;

#endif
