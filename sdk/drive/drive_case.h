/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_case - case files: what a client does, and what must come of it.
 *
 * One statement a line: a verb and its words, see weir-drive(1).  Words are
 * split at blanks, "..." keeps them together and knows \" \\ \n \t \xNN.  A
 * line that ends with <<WORD goes on until a line that is WORD alone.  '#' at
 * the beginning of a line is a comment.  No files are read here. [any]
 */
#ifndef WEIR_DRIVE_CASE_H
#define WEIR_DRIVE_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/types.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/vec.h"

#define CASE_FILE_MAX ((size_t)4 << 20)
#define CASE_STEPS_MAX 20000 /* in one file */
#define CASE_WORDS_MAX 32

enum case_verb {
	CASE_CLIENT,
	CASE_HELO,
	CASE_AUTH,
	CASE_FROM,
	CASE_RCPT,
	CASE_MACRO,
	CASE_CLEAR,
	CASE_LISTENER,
	CASE_DIRECTION,
	CASE_NOW,
	CASE_ADVANCE,
	CASE_ZONE,
	CASE_OPTION,
	CASE_CONFIG,
	CASE_STORE,
	CASE_FACT,
	CASE_FAIL,
	CASE_REPAIR,
	CASE_MAIL,
	CASE_DISCONNECT,
	CASE_SEND,
	CASE_EXPECT,
	CASE_VERBS
};

struct case_step {
	enum case_verb verb;
	unsigned line;
	size_t n;
	weir_str words[CASE_WORDS_MAX]; /* behind the verb, each with a NUL */
	weir_str rest;	/* the same as one text, as it stands there */
	weir_str block; /* ptr NULL: none */
};

struct drive_case {
	weir_str title;
	unsigned line;
	VEC(struct case_step) steps;
};

struct drive_cases {
	struct pool *pool;
	VEC(struct drive_case) v;
};

/* Take a file apart; data may go afterwards.  WEIR_E_INVAL: err says line and
   mistake ("LINE: ..."), nothing is to be freed. */
int drive_cases_parse(struct drive_cases *out, const void *data, size_t len,
    struct err *err);
void drive_cases_fini(struct drive_cases *cases);
const char *drive_case_verb(enum case_verb verb);

/* Does text match the pattern?  '*' is anything, '?' one octet. */
bool drive_glob(weir_str text, weir_str pattern);
/* Does some part of it? */
bool drive_glob_in(weir_str text, weir_str pattern);

#endif
