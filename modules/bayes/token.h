/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token - what is counted of a message.
 *
 * token_read makes a set of 64-bit hashes of one raw message: words, runs
 * of octets, addresses, links, looks and structure, each kind under a prefix
 * of its own.  Every token counts once a message.  The same octets give the same
 * set on every machine: the hashes are stored.  Bounded by TOKEN_MAX tokens
 * and TOKEN_TEXT octets of text. [any], one struct tokens a thread
 */
#ifndef BAYES_TOKEN_H
#define BAYES_TOKEN_H

#include "charset.h"
#include "html.h"
#include "list.h"
#include "reader.h"
#include "text.h"

#define TOKEN_MAX 4000		 /* tokens of one message */
#define TOKEN_RAW ((size_t)1 << 20) /* octets of a message that are read */
#define TOKEN_TEXT ((size_t)65536) /* octets of text that are read */
#define TOKEN_WORD 40		 /* octets of a word; longer ones are noise */
#define TOKEN_GRAM_TEXT 1000	 /* octets of the text that grams are made of */
#define TOKEN_GRAM_SUBJECT 200	 /* the same of a subject */
#define TOKEN_VERSION 3		 /* changes when hashes change */

/* What a token is about.  Those of the way come last: copies of a message have
   the others in common. */
enum token_group {
	TOKEN_SUBJECT,
	TOKEN_ADDRESS,	/* From, Reply-To, To and their kin */
	TOKEN_HEADER,	/* other fields */
	TOKEN_MIME,	/* structure, types, names of attachments */
	TOKEN_URL,
	TOKEN_HTML,	/* tags and looks */
	TOKEN_HIDDEN,	/* words that a reader does not see */
	TOKEN_WORD_,
	TOKEN_GRAM,	/* four octets of the text's beginning */
	TOKEN_SUBJECT_GRAM,
	TOKEN_LIST,	/* what a mailing list added, but for the way */
	TOKEN_ROUTE,	/* what hops on the way wrote: Received and the like */
	TOKEN_LIST_ROUTE, /* the same of hops behind the list */
	TOKEN_GROUPS
};

/* token_on_way - does it tell how this copy came? */
static inline bool
token_on_way(enum token_group group)
{
	return group >= TOKEN_ROUTE;
}

struct token {
	uint64_t hash;
	uint8_t group;
};

/* A word, and then the one before it. */
struct token_near {
	uint64_t hash;
	char text[TOKEN_WORD + 1]; /* for explain */
};

struct tokens {
	struct token v[TOKEN_MAX];
	unsigned n;
	bool full;	   /* there were more */
	uint64_t id[2];	   /* of the message: the same for every copy */
	uint32_t skip;	   /* groups not to read: 1 << enum token_group */
	bool named;	   /* keep what was hashed, for explain */
	char **names;	   /* TOKEN_MAX of them, or NULL */

	/* private */
	uint32_t slots[8192]; /* index into v, and one */
	struct token_near before;
	bool paired; /* there is one */
	struct reader reader;
	struct charset charset;
	struct text_buf value, raw, text, seen, hidden;
	struct list list;
	enum token_group kind; /* of the words being read */
	const char *prefix;
	uint64_t seed; /* of the prefix */
};

/* NULL: no memory. */
struct tokens *tokens_create(void);
void tokens_destroy(struct tokens **t);
/* Read one message; what was there is forgotten. */
void token_read(struct tokens *t, weir_str raw);
/* What the index-th token was, if named was set before reading. */
const char *token_name(const struct tokens *t, unsigned index);
const char *token_group_name(enum token_group group);

/* For the files of token_*.c. */
void token_add(struct tokens *t, enum token_group group, const char *prefix,
    const char *p, size_t len);
void token_words(struct tokens *t, enum token_group group, const char *prefix,
    weir_str utf8);
/* All runs of four octets. */
void token_grams(struct tokens *t, enum token_group group, const char *prefix,
    weir_str text);
void token_url(struct tokens *t, weir_str url);
void token_header(struct tokens *t);
/* "name 3": a count as a power of two */
void token_size(struct tokens *t, enum token_group group, const char *prefix,
    size_t n);

#endif
