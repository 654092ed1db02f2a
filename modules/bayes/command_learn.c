/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command_learn - learn and forget: mail into the database, and out of it. */
#include "command.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COMMAND_BATCH 5000	     /* messages in one transaction */
#define COMMAND_KEYS (1500u * 1000u) /* tokens in one transaction */
#define COMMAND_HEAP (64 << 20) /* octets, touched as they are used */

/* command_progress - a bar for people, now and then */
static void
command_progress(struct command *c, bool last)
{
	int64_t now = c->b->host->mono_ms(c->b->self);
	uint64_t of = c->expected > c->files ? c->expected : c->files;
	int width = 40, full = of > 0 ? (int)(c->files * 40 / of) : 0;

	if (c->expected == 0 || (!last && now - c->shown_ms < 100))
		return;
	c->shown_ms = now;
	fprintf(stderr, "\r[%.*s%*s] %" PRIu64 " of %" PRIu64 "%s", full,
	    "########################################", width - full, "",
	    c->files, of, last ? "\n" : "");
}

/* command_flush - one transaction */
static bool
command_flush(struct command *c)
{
	struct db *db;

	if (c->n_lessons == 0)
		return true;
	c->status = store_use(c->b, c->class_ != DB_NONE, &db, c->err);
	if (c->status < 0)
		return false;
	c->status = db_learn(db, c->lessons, c->n_lessons,
	    bayes_today(c->b), c->err);
	store_done(c->b, c->status, c->err);
	if (c->status < 0)
		return false;
	/* for a user a message is learned twice: for the site, then for them */
	for (unsigned i = 0; i < c->n_lessons; i += 1 + (c->user[0] != '\0')) {
		const struct db_lesson *l = &c->lessons[i];

		if (!l->changed && c->user[0] != '\0')
			l++;
		if (!l->changed)
			c->known++;
		else if (l->before != DB_NONE && c->class_ != DB_NONE)
			c->moved++;
		else
			c->learned++;
	}
	c->n_lessons = 0;
	c->n_keys = 0;
	return true;
}

/* What a message brings. */
struct command_mail {
	uint64_t id[2];
	uint32_t n;
	uint16_t groups[TOKEN_GROUPS];
	uint64_t keys[TOKEN_MAX];
};

/* command_learn_read - crew_work's */
static void
command_learn_read(struct tokens *t, weir_str raw, void *result, void *arg)
{
	struct command_mail *m = result;

	(void)arg;
	token_read(t, raw);
	memcpy(m->id, t->id, sizeof(m->id));
	m->n = t->n;
	bayes_keys(t, m->keys, m->groups);
}

/* command_lesson - queue one message for one scope */
static void
command_lesson(struct command *c, const char *scope, uint64_t *keys,
    const struct command_mail *m)
{
	struct db_lesson *l = &c->lessons[c->n_lessons++];

	*l = (struct db_lesson){ .scope = scope, .class_ = c->class_,
		.id = { m->id[0], m->id[1] }, .keys = keys, .n = m->n };
	memcpy(l->groups, m->groups, sizeof(l->groups));
}

/* command_learn_one - crew_work's */
static bool
command_learn_one(const char *name, const void *result, void *arg)
{
	struct command *c = arg;
	const struct command_mail *m = result;
	uint64_t *keys = c->keys + c->n_keys;

	(void)name;
	memcpy(keys, m->keys, m->n * sizeof(*keys));
	command_lesson(c, "", keys, m);
	if (c->user[0] != '\0')
		command_lesson(c, c->user, keys, m);
	c->n_keys += m->n;
	c->files++;
	command_progress(c, false);
	if (c->n_lessons + 2 > COMMAND_BATCH ||
	    c->n_keys + TOKEN_MAX > COMMAND_KEYS)
		return command_flush(c);
	return true;
}

/* command_learned - what came of it */
static void
command_learned(const struct command *c, double before, double after)
{
	json_t *o;

	if (c->json) {
		o = json_pack("{s:I,s:I,s:I}", c->class_ == DB_NONE ?
			"forgotten" : "learned", (json_int_t)c->learned,
		    "moved", (json_int_t)c->moved, "known",
		    (json_int_t)c->known);
		if (before >= 0 && after >= 0) {
			json_object_set_new(o, "before", json_real(before));
			json_object_set_new(o, "after", json_real(after));
		}
		command_print_json(c, o);
		return;
	}
	if (c->class_ == DB_NONE)
		command_print(c, "%" PRIu64 " forgotten, %" PRIu64
		    " had not been learned\n", c->learned, c->known);
	else
		command_print(c, "%" PRIu64 " learned, %" PRIu64
		    " moved from the other class, %" PRIu64 " known before\n",
		    c->learned, c->moved, c->known);
	if (before >= 0 && after >= 0)
		command_print(c, "probability of spam: %.4f before, %.4f now"
		    "\n", before, after);
}

struct command_score {
	struct command *c;
	unsigned n;
	double probability;
};

/* command_score_one - files_fn: only the first message */
static bool
command_score_one(const char *name, weir_str raw, void *arg)
{
	struct command_score *s = arg;
	struct verdict v;

	(void)name;
	if (s->n++ > 0)
		return false;
	token_read(s->c->t, raw);
	if (bayes_judge(s->c->b, s->c->user, s->c->t, &v, s->c->err) ==
		WEIR_OK && v.totals.spam + v.totals.ham > 0)
		s->probability = v.score.probability;
	return true;
}

/* command_score - of a single message, to show what learning did; negative:
   there are several, or it can't be read twice */
static double
command_score(struct command *c, unsigned word)
{
	struct command_score s = { c, 0, -1 };
	/* what can't be read is said where it is learned */
	struct files f = { .fn = command_score_one, .arg = &s, .quiet = true };

	if (c->n_words != word + 1 || strcmp(c->words[word], "-") == 0)
		return -1;
	files_read(&f, c->words[word]);
	files_fini(&f);
	return s.n == 1 ? s.probability : -1;
}

/* command_fit - where the learned mails stand now */
static void
command_fit(struct command *c)
{
	struct db *db;

	c->status = store_use(c->b, false, &db, c->err);
	if (c->status == WEIR_OK) {
		c->status = db_fit(db, "", true, c->err);
		if (c->status == WEIR_OK && c->user[0] != '\0')
			c->status = db_fit(db, c->user, true, c->err);
		store_done(c->b, c->status, c->err);
	}
	if (c->status == WEIR_E_NOTFOUND)
		c->status = WEIR_OK;
}

/* command_heap - LMDB takes a page from the heap for each that it changes, and a
   page fault for each costs more than filling it: have large ones */
static void
command_heap(void)
{
#ifdef __GLIBC__
	const uintptr_t large = (uintptr_t)2 << 20;
	uintptr_t begin = (uintptr_t)sbrk(0), end;
	void *blocks[64];
	unsigned n = 0;

	if (mallopt(M_TOP_PAD, COMMAND_HEAP) == 0)
		return;
	/* until what is free in it is used up, and it grows */
	while (n < 64 && (uintptr_t)sbrk(0) == begin)
		blocks[n++] = malloc(100000);
	end = (uintptr_t)sbrk(0) & ~(large - 1);
	begin = (begin + large - 1) & ~(large - 1);
	if (begin < end && end - begin <= COMMAND_HEAP)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	while (n > 0)
		free(blocks[--n]);
#endif
}

/* command_teach - learn or forget what the words from `first` on name */
static int
command_teach(struct command *c, unsigned first)
{
	double before, after;
	bool ok;

	c->lessons = calloc(COMMAND_BATCH, sizeof(*c->lessons));
	c->keys = db_large(COMMAND_KEYS * sizeof(*c->keys));
	if (c->lessons == NULL || c->keys == NULL)
		return WEIR_E_NOMEM;
	before = command_score(c, first);
	c->err[0] = '\0';
	if (c->n_words > first + 1 || before < 0)
		command_heap();
	for (unsigned i = first; isatty(STDERR_FILENO) && i < c->n_words; i++)
		c->expected += files_count(c->words[i]);
	ok = command_crew(c, first, (struct crew_work){
	    .size = sizeof(struct command_mail), .work = command_learn_read,
	    .take = command_learn_one });
	if (c->status == WEIR_OK)
		command_flush(c);
	if (c->status == WEIR_OK && c->learned + c->moved > 0)
		command_fit(c);
	command_progress(c, true);
	if (c->status < 0)
		return command_fail(c, c->status);
	after = command_score(c, first);
	command_learned(c, before, after);
	if (ok)
		return WEIR_OK;
	snprintf(c->err, sizeof(c->err), "not everything could be read");
	return command_fail(c, WEIR_E_TEMP);
}

/* command_learn - learn ham|spam FILE|DIR|MBOX|- ... */
int
command_learn(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words < 2 || (strcmp(c.words[0], "spam") != 0 &&
				 strcmp(c.words[0], "ham") != 0))
		return command_close(&c, WEIR_E_INVAL);
	c.class_ = strcmp(c.words[0], "spam") == 0 ? DB_SPAM : DB_HAM;
	return command_close(&c, command_teach(&c, 1));
}

/* command_forget - forget FILE|DIR|MBOX|- ... */
int
command_forget(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words < 1)
		return command_close(&c, WEIR_E_INVAL);
	c.class_ = DB_NONE;
	return command_close(&c, command_teach(&c, 0));
}
