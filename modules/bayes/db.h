/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * db - how often each token was met in spam and in ham.
 *
 * Format 2: the LMDB file bayes.lmdb in a folder of its own, with
 *
 *	token	 key of a token -> struct db_count
 *	message	 id of a learned message -> struct db_message and its route
 *	kept	 scope and id of some of them -> struct db_kept and all keys
 *	meta	 "format"; "scope NAME" -> struct db_totals
 *
 * The kept messages show where a scope's mails stand (db_fit): those whose id
 * begins with so many zero bits that at most DB_KEPT_HAM and DB_KEPT_SPAM are
 * there, so that the choice does not depend on the order of learning.
 *
 * A scope is the site (""), a domain ("@example.com") or a user.  Keys of a
 * scope other than the site's are mixed with its hash.  Everything that one
 * db_learn changes is one transaction.  Several processes may have the file
 * open; reads go on while one of them writes. [any], a reader a thread
 *
 * ERRORS  WEIR_E_NOTFOUND: there is no database; E_LIMIT: it has reached its
 * size; E_TEMP: the system said no; E_INTERNAL: it is damaged; E_STALE: it was
 * replaced or grew: open it anew.
 */
#ifndef BAYES_DB_H
#define BAYES_DB_H

#include <stdio.h>
#include <sys/types.h>

#include <weir/types.h>

#include "token.h"

#define DB_FILE "bayes.lmdb"
#define DB_SIZE ((size_t)1 << 30)
#define DB_SCOPE_MAX 320 /* octets of a scope's name */
#define DB_ERR 256
#define DB_KEPT_HAM 2000 /* kept messages of a scope */
#define DB_KEPT_SPAM 500

enum db_class { DB_NONE = 0, DB_SPAM = 1, DB_HAM = 2 };

struct db_count {
	uint32_t spam, ham; /* messages that hold the token */
	uint16_t born;	    /* day on which it was stored */
	uint16_t used;	    /* day on which it was last learned */
};

/* A learned message: what taking it back needs. */
struct db_message {
	uint8_t class_, version;
	uint16_t day;	/* days since 1970 */
	uint32_t route; /* keys of tokens behind this */
};

/* Evidence from which a scope's mail is spam, and up to which it is ham, see
   score.h; both 0: not known. */
struct db_fit {
	double spam, ham;
};

struct db_totals {
	uint64_t spam, ham; /* learned messages */
	struct db_fit fit;
	uint32_t changed;   /* messages learned or taken back since the fit */
	uint16_t kept_spam, kept_ham; /* messages */
	uint8_t bits_spam, bits_ham;  /* zero bits that their ids begin with */
};

/* A message of which all keys are kept; the upper 32 bits of each, in the form
   of the scope, stand behind it, by group.  That another token begins like one
   of them happens once in a thousand times with four million tokens. */
struct db_kept {
	uint8_t class_;
	uint16_t day;
	uint16_t groups[TOKEN_GROUPS];
};

struct db;

/* One message to be learned (DB_SPAM, DB_HAM) or taken back (DB_NONE). */
struct db_lesson {
	const char *scope;
	enum db_class class_;
	uint64_t id[2];
	uint64_t *keys;	  /* hashes, in the site's form: by group, those of the
			     route last */
	uint32_t n;	  /* of them */
	uint16_t groups[TOKEN_GROUPS]; /* how many of each */
	/* out */
	enum db_class before;
	bool changed;
};

/* Open the database in a folder.  create: make both if they are missing. */
int db_open(const char *dir, bool create, size_t size, struct db **db_out,
    char err[DB_ERR]);
void db_close(struct db **db);
/* Read all of it and say what is wrong; may die of SIGBUS or SIGSEGV where
   the file is damaged badly: see aside.h. */
int db_verify(struct db *db, char err[DB_ERR]);
/* Is the file at the path still the one that is open? */
bool db_is_current(const struct db *db);

/* Totals of a scope; zeros for an unknown one. */
int db_totals(struct db *db, const char *scope, struct db_totals *out);
/* Counts of n tokens of a scope, without days; zeros for unknown ones. */
int db_counts(struct db *db, const char *scope, const struct token *tokens,
    unsigned n, struct db_count *out, struct db_totals *totals_out);
/* What was this message learned as? */
int db_known(struct db *db, const char *scope, const uint64_t id[2],
    enum db_class *out);

/* Learn all or nothing.  day: days since 1970. */
int db_learn(struct db *db, struct db_lesson *lessons, unsigned n,
    unsigned day, char err[DB_ERR]);
/* Find out where the mails of a scope (NULL: of all scopes) stand, if something
   changed since that was known; urgent: even if that was little.  Depends on
   what is learned and kept, not on how it came there. */
int db_fit(struct db *db, const char *scope, bool urgent, char err[DB_ERR]);
/* Memory for many keys, in large pages where the system has them: a page fault
   each 4 KiB costs as much as learning the tokens on it.  free() it. */
void *db_large(size_t size);
/* Remove tokens last learned before the day, and messages learned before
   messages_before; how many went. */
int db_expire(struct db *db, unsigned before, unsigned messages_before,
    uint64_t *tokens_out, uint64_t *messages_out, char err[DB_ERR]);

struct db_stats {
	uint64_t tokens, messages, octets, scopes;
};
int db_stats(struct db *db, struct db_stats *out);
/* Visit scopes; false stops. */
int db_scopes(struct db *db, bool (*fn)(const char *scope,
    const struct db_totals *totals, void *arg), void *arg);

/* All of it as text, and back into an empty database (see db_text.c). */
int db_dump(struct db *db, FILE *out, char err[DB_ERR]);
int db_restore(struct db *db, FILE *in, char err[DB_ERR]);

/* The key of a token within a scope. */
uint64_t db_scope_hash(const char *scope);
static inline uint64_t
db_key(uint64_t scope_hash, uint64_t token)
{
	return scope_hash == 0 ? token : text_mix(token, scope_hash);
}

#endif
