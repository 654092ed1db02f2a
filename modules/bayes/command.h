/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - shared by the files of weirctl bayes: one command under way. */
#ifndef BAYES_COMMAND_H
#define BAYES_COMMAND_H

#include <jansson.h>

#include "bayes.h"
#include "crew.h"
#include "files.h"

/* One command under way. */
struct command {
	struct bayes *b;
	weir_call *call;
	bool json;
	char user[DB_SCOPE_MAX + 1];
	const char **words; /* that are no options */
	unsigned n_words;
	unsigned threads;
	enum db_class class_;
	struct tokens *t;
	struct db *db; /* open while messages are classified */
	int status;
	char err[DB_ERR];

	/* learn, forget */
	struct db_lesson *lessons;
	uint64_t *keys;
	unsigned n_lessons;
	size_t n_keys;
	uint64_t learned, moved, known, files;
	uint64_t expected; /* for the progress bar; 0: none */
	int64_t shown_ms;
};

/* command.c */
/* Take options off; false: it was used wrongly. */
bool command_open(struct command *c, struct bayes *b, weir_call *call,
    uint32_t argc, const char *const *argv, bool json);
/* Free all; returns the status. */
int command_close(struct command *c, int status);
/* A piece of the answer. */
void command_print(const struct command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A value on one line; frees it. */
void command_print_json(const struct command *c, json_t *value);
/* Any octets as valid UTF-8 for JSON. */
json_t *command_text(const char *s);
/* c->err goes to standard error; returns the status. */
int command_fail(const struct command *c, int status);
/* Is there a database at all? c->status and c->err say what is wrong. */
bool command_db(struct command *c);
/* Read every message that the words from `first` on name. */
bool command_all(struct command *c, unsigned first, files_fn *fn, void *arg);
/* The same with c->threads threads; the work's arg is c.  Sets c->status where
   there is no memory for that. */
bool command_crew(struct command *c, unsigned first, struct crew_work work);

/* command_learn.c, command_ask.c, command_dump.c */
weir_control_fn command_learn, command_forget;
weir_control_fn command_classify, command_explain, command_stats;
weir_control_fn command_dump, command_restore;

#endif
