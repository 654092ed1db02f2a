/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan - the text of a snapshot as one row of tokens, includes followed.
 *
 * libConfuse 3.3 reads the grammar, but it never sees raw text: its lexer
 * miscounts lines after comments, drops characters that it does not know,
 * takes an unterminated string for the end of the file and puts environment
 * variables into strings.  So the text is cut here, under strict rules and
 * limits, and conf/load.c writes the tokens out for it one a line: a line
 * number of libConfuse's is a token's number, and a token knows its file and
 * line. [main]
 */
#ifndef WEIR_CONF_SCAN_H
#define WEIR_CONF_SCAN_H

#include "base/pool.h"
#include "base/vec.h"
#include "conf/snapshot.h"

#define SCAN_TOKENS_MAX 500000
#define SCAN_SECTIONS_MAX 4000
#define SCAN_DEPTH_MAX 8

enum scan_kind {
	SCAN_WORD = 'w',
	SCAN_STRING = 's' /* was quoted; the others are { } ( ) = , */
};

struct scan_token {
	char kind;
	bool skip;	/* not to be written out: conf/load.c */
	bool told;	/* a mistake here is in the report: conf/load.c */
	unsigned file, line;
	size_t pair;	/* of { and }: the other one */
	char *text;	/* unescaped, without NUL or control characters except
			   \n, \r and \t */
	const char *alias; /* what is written out instead, ready quoted */
};

struct scan {
	struct conf_snapshot *snap;
	struct pool *pool; /* holds the texts */
	struct conf_report *report;
	VEC(struct scan_token) tokens;
	unsigned files; /* files scanned, repeated ones too */
	unsigned sections;
	VEC(size_t) open; /* { not yet closed */
};

/* Cut everything.  Errors go to the report.  scan_fini also after failure. */
int scan_run(struct scan *scan, struct conf_snapshot *snap, struct pool *pool,
    struct conf_report *report);
void scan_fini(struct scan *scan);

/* kind of a token; 0 past the end */
char scan_kind(const struct scan *scan, size_t i);
bool scan_is_text(const struct scan *scan, size_t i); /* word or string */
bool scan_is_word(const struct scan *scan, size_t i, const char *word);
/* The last token of the statement whose name is token i. */
size_t scan_statement_end(const struct scan *scan, size_t i);
/* The name of the section that token i ({) opens. */
size_t scan_section_name(const struct scan *scan, size_t i);
/* Report about a token. */
void scan_report(const struct scan *scan, enum conf_severity severity,
    size_t token, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
