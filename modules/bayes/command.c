/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - what weirctl bayes can do; all of it runs in weirctl's process, on
   the database of the configuration or the one that --db names. */
#include "bayes.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

#define COMMAND_BATCH 5000	     /* messages in one transaction */
#define COMMAND_KEYS (1500u * 1000u) /* tokens in one transaction */
#define COMMAND_EXPLAIN 30
#define COMMAND_HEAP (64 << 20) /* octets, touched as they are used */

/* One command under way. */
struct command {
	struct bayes *b;
	weir_call *call;
	bool json;
	char user[DB_SCOPE_MAX + 1];
	const char **words; /* that are no options */
	unsigned n_words;
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

/* command_print - a piece of the answer */
static void __attribute__((format(printf, 2, 3)))
command_print(const struct command *c, const char *format, ...)
{
	char text[8192];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n > 0)
		c->b->control->print(c->call, (weir_str){ text,
			(size_t)n < sizeof(text) ? (size_t)n :
						   sizeof(text) - 1 });
}

/* command_print_json - a value on one line; frees it */
static void
command_print_json(const struct command *c, json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text != NULL) {
		c->b->control->print(c->call, weir_str_of(text));
		c->b->control->print(c->call, WEIR_STR("\n"));
	}
	free(text);
	json_decref(value);
}

/* command_fail - a word for standard error */
static int
command_fail(const struct command *c, int status)
{
	char text[DB_ERR + 2];

	snprintf(text, sizeof(text), "%s\n", c->err[0] != '\0' ? c->err :
		"the database can't be used");
	c->b->control->error(c->call, weir_str_of(text));
	return status;
}

/* command_text - any octets as valid UTF-8 for JSON */
static json_t *
command_text(const char *s)
{
	struct text_buf clean = { NULL, 0, 0 };
	const char *end = s + strlen(s);
	json_t *value;
	uint32_t code;

	while (s < end) {
		s += text_code(s, end, &code);
		text_add_code(&clean, code);
	}
	value = json_stringn(clean.ptr != NULL ? clean.ptr : "", clean.len);
	text_fini(&clean);
	return value;
}

/* command_open - take options off; false: it was used wrongly */
static bool
command_open(struct command *c, struct bayes *b, weir_call *call,
    uint32_t argc, const char *const *argv, bool json)
{
	memset(c, 0, sizeof(*c));
	c->b = b;
	c->call = call;
	c->json = json;
	b->offline = true;
	c->words = calloc(argc + 1, sizeof(*c->words));
	c->t = bayes_tokens(b);
	if (c->words == NULL || c->t == NULL)
		return false;
	for (uint32_t i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--db") == 0 && i + 1 < argc) {
			free(b->dir);
			b->dir = strdup(argv[++i]);
		} else if (strcmp(argv[i], "--user") == 0 && i + 1 < argc) {
			snprintf(c->user, sizeof(c->user), "%s", argv[++i]);
			for (char *p = c->user; *p != '\0'; p++)
				*p = text_lower(*p);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			return false;
		} else {
			c->words[c->n_words++] = argv[i];
		}
	}
	return b->dir != NULL;
}

/* command_close - and the status for weirctl */
static int
command_close(struct command *c, int status)
{
	bayes_tokens_done(c->b, c->t);
	free(c->words);
	free(c->lessons);
	free(c->keys);
	return status;
}

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
	for (unsigned i = 0; i < c->n_lessons; i++) {
		const struct db_lesson *l = &c->lessons[i];

		/* for a user a message is learned twice: the site's counts */
		if (l->scope[0] != '\0')
			continue;
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

/* command_lesson - queue one message for one scope */
static void
command_lesson(struct command *c, const char *scope, uint64_t *keys,
    const uint16_t groups[TOKEN_GROUPS])
{
	struct db_lesson *l = &c->lessons[c->n_lessons++];

	*l = (struct db_lesson){ .scope = scope, .class_ = c->class_,
		.id = { c->t->id[0], c->t->id[1] }, .keys = keys,
		.n = c->t->n };
	memcpy(l->groups, groups, sizeof(l->groups));
}

/* command_learn_one - files_fn */
static bool
command_learn_one(const char *name, weir_str raw, void *arg)
{
	struct command *c = arg;
	uint64_t *keys = c->keys + c->n_keys;
	uint16_t groups[TOKEN_GROUPS];

	(void)name;
	token_read(c->t, raw);
	bayes_keys(c->t, keys, groups);
	command_lesson(c, "", keys, groups);
	if (c->user[0] != '\0')
		command_lesson(c, c->user, keys, groups);
	c->n_keys += c->t->n;
	c->files++;
	command_progress(c, false);
	if (c->n_lessons + 2 > COMMAND_BATCH ||
	    c->n_keys + TOKEN_MAX > COMMAND_KEYS)
		return command_flush(c);
	return true;
}

/* command_all - read every message that the words name */
static bool
command_all(struct command *c, unsigned first, files_fn *fn)
{
	struct files f = { .fn = fn, .arg = c };
	bool ok = true;

	for (unsigned i = first; i < c->n_words && !f.stopped; i++)
		ok &= files_read(&f, c->words[i]);
	files_fini(&f);
	if (f.skipped > 0)
		fprintf(stderr, "weirctl: %" PRIu64 " files are no mail and "
		    "were left out\n", f.skipped);
	return ok && f.failed == 0;
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
	ok = command_all(c, first, command_learn_one);
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
static int
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
static int
command_forget(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words < 1)
		return command_close(&c, WEIR_E_INVAL);
	c.class_ = DB_NONE;
	return command_close(&c, command_teach(&c, 0));
}

/* command_word - the class, or that nothing can be said yet */
static const char *
command_word(const struct command *c, const struct verdict *v)
{
	return v->trained ? score_class(v->score.probability, c->b->spam,
				c->b->ham) : "untrained";
}

/* command_classify_one - files_fn */
static bool
command_classify_one(const char *name, weir_str raw, void *arg)
{
	struct command *c = arg;
	struct verdict v;

	token_read(c->t, raw);
	c->status = bayes_judge(c->b, c->user, c->t, &v, c->err);
	if (c->status < 0)
		return false;
	if (c->json)
		command_print_json(c, json_pack("{s:o,s:f,s:s}", "file",
		    command_text(name), "probability", v.score.probability,
		    "class", command_word(c, &v)));
	else
		command_print(c, "%.4f %-6s %s\n", v.score.probability,
		    command_word(c, &v), name);
	return true;
}

/* command_db - is there a database at all? */
static bool
command_db(struct command *c)
{
	struct db *db;

	c->status = store_use(c->b, false, &db, c->err);
	if (c->status < 0)
		return false;
	store_done(c->b, WEIR_OK, "");
	return true;
}

/* command_classify - classify FILE|DIR ... */
static int
command_classify(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words < 1)
		return command_close(&c, WEIR_E_INVAL);
	if (!command_db(&c))
		return command_close(&c, command_fail(&c, c.status));
	status = command_all(&c, 0, command_classify_one) ? WEIR_OK :
							    WEIR_E_TEMP;
	if (c.status < 0)
		status = c.status;
	else if (status < 0)
		snprintf(c.err, sizeof(c.err), "not everything could be read");
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* A token and what it says. */
struct command_token {
	unsigned index;
	struct db_count count;
	double odds;
};

/* command_stronger - qsort: what says most first */
static int
command_stronger(const void *a, const void *b)
{
	double x = fabs(((const struct command_token *)a)->odds);
	double y = fabs(((const struct command_token *)b)->odds);

	return (x < y) - (x > y);
}

/* command_explain_json - for programs */
static void
command_explain_json(const struct command *c, const char *name,
    const struct verdict *v, const struct command_token *all, unsigned n)
{
	json_t *tokens = json_array(), *groups = json_object();
	struct db_fit fit = score_levels(&v->totals);

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(tokens, json_pack(
		    "{s:s,s:o,s:I,s:I,s:f}", "group",
		    token_group_name(c->t->v[all[i].index].group), "token",
		    command_text(token_name(c->t, all[i].index)), "spam",
		    (json_int_t)all[i].count.spam, "ham",
		    (json_int_t)all[i].count.ham, "evidence", all[i].odds));
	for (int g = 0; g < TOKEN_GROUPS; g++)
		json_object_set_new(groups, token_group_name(g),
		    json_real(v->score.groups[g]));
	command_print_json(c, json_pack(
	    "{s:o,s:f,s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:o,s:o}",
	    "file", command_text(name), "probability",
	    v->score.probability, "class", command_word(c, v), "spam",
	    (json_int_t)v->totals.spam, "ham", (json_int_t)v->totals.ham,
	    "evidence", v->score.evidence, "doubt", v->score.doubt,
	    "spam_level", fit.spam, "ham_level", fit.ham,
	    "groups", groups, "tokens", tokens));
}

/* command_explain_text - for people */
static void
command_explain_text(const struct command *c, const char *name,
    const struct verdict *v, const struct command_token *all, unsigned n)
{
	struct db_fit fit = score_levels(&v->totals);

	command_print(c, "%s: %s, probability of spam %.4f\n%u of %u tokens "
	    "are known from %" PRIu64 " spam and %" PRIu64 " ham\nevidence "
	    "%+.2f, doubt %.2f; 0.99 is at %+.2f, 0.01 at %+.2f\n\nevidence "
	    "by group\n", name, command_word(c, v), v->score.probability,
	    v->score.known, c->t->n, v->totals.spam, v->totals.ham,
	    v->score.evidence, v->score.doubt, fit.spam, fit.ham);
	for (int g = 0; g < TOKEN_GROUPS; g++) {
		if (v->score.groups[g] != 0)
			command_print(c, "%+8.2f  %s\n", v->score.groups[g],
			    token_group_name(g));
	}
	command_print(c, "\nevidence    spam     ham  token\n");
	for (unsigned i = 0; i < n; i++)
		command_print(c, "%+8.2f %7u %7u  %s\n", all[i].odds,
		    all[i].count.spam, all[i].count.ham,
		    token_name(c->t, all[i].index));
}

/* command_explain_one - files_fn */
static bool
command_explain_one(const char *name, weir_str raw, void *arg)
{
	struct command *c = arg;
	struct command_token *all;
	struct db_count *counts;
	struct verdict v;
	struct db *db;
	unsigned n = 0;

	c->t->named = true;
	token_read(c->t, raw);
	c->t->named = false;
	c->status = bayes_judge(c->b, c->user, c->t, &v, c->err);
	if (c->status < 0)
		return false;
	all = calloc(c->t->n + 1, sizeof(*all));
	counts = calloc(c->t->n + 1, sizeof(*counts));
	c->status = all != NULL && counts != NULL ?
	    store_use(c->b, false, &db, c->err) : WEIR_E_NOMEM;
	if (c->status == WEIR_OK) {
		c->status = db_counts(db, v.scope, c->t->v, c->t->n, counts,
		    &v.totals);
		store_done(c->b, c->status, c->err);
	}
	for (unsigned i = 0; c->status == WEIR_OK && i < c->t->n; i++) {
		double odds = score_token(&counts[i], &v.totals);

		if (odds != 0)
			all[n++] = (struct command_token){ i, counts[i],
				odds };
	}
	qsort(all, n, sizeof(*all), command_stronger);
	if (n > COMMAND_EXPLAIN)
		n = COMMAND_EXPLAIN;
	if (c->status == WEIR_OK && c->json)
		command_explain_json(c, name, &v, all, n);
	else if (c->status == WEIR_OK)
		command_explain_text(c, name, &v, all, n);
	free(all);
	free(counts);
	return false; /* one mail is enough */
}

/* command_explain - explain FILE|- */
static int
command_explain(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 1)
		return command_close(&c, WEIR_E_INVAL);
	if (command_db(&c) && !command_all(&c, 0, command_explain_one))
		snprintf(c.err, sizeof(c.err), "it could not be read");
	return command_close(&c, c.status < 0 || c.err[0] != '\0' ?
	    command_fail(&c, c.status < 0 ? c.status : WEIR_E_TEMP) :
	    WEIR_OK);
}

/* stats_scope - a line a scope */
static bool
stats_scope(const char *scope, const struct db_totals *t, void *arg)
{
	struct command *c = arg;
	struct db_fit fit = score_levels(t);

	command_print(c, "%10" PRIu64 " spam %10" PRIu64 " ham  %s\n"
	    "%10u      %10u kept: 0.99 is at %+.2f, 0.01 at %+.2f\n",
	    t->spam, t->ham, scope[0] != '\0' ? scope : "the site",
	    t->kept_spam, t->kept_ham, fit.spam, fit.ham);
	return true;
}

/* stats_scope_json - the same for programs */
static bool
stats_scope_json(const char *scope, const struct db_totals *t, void *arg)
{
	struct db_fit fit = score_levels(t);

	json_array_append_new(arg, json_pack(
	    "{s:o,s:I,s:I,s:i,s:i,s:f,s:f}", "scope", command_text(scope),
	    "spam", (json_int_t)t->spam, "ham", (json_int_t)t->ham,
	    "kept_spam", t->kept_spam, "kept_ham", t->kept_ham,
	    "spam_level", fit.spam, "ham_level", fit.ham));
	return true;
}

/* command_stats - stats */
static int
command_stats(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	struct db_stats s = { 0 };
	json_t *scopes = json_array();
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 0) {
		json_decref(scopes);
		return command_close(&c, WEIR_E_INVAL);
	}
	status = store_use(c.b, false, &db, c.err);
	if (status == WEIR_OK) {
		status = db_stats(db, &s);
		if (status == WEIR_OK && json)
			status = db_scopes(db, stats_scope_json, scopes);
		else if (status == WEIR_OK)
			command_print(&c, "%" PRIu64 " tokens, %" PRIu64
			    " messages, %.1f MiB in %s/" DB_FILE "\n",
			    s.tokens, s.messages, (double)s.octets / 1048576,
			    c.b->dir);
		if (status == WEIR_OK && !json)
			status = db_scopes(db, stats_scope, &c);
		store_done(c.b, status, "");
	}
	if (status == WEIR_OK && json)
		command_print_json(&c, json_pack("{s:I,s:I,s:I,s:O}",
		    "tokens", (json_int_t)s.tokens, "messages",
		    (json_int_t)s.messages, "octets", (json_int_t)s.octets,
		    "scopes", scopes));
	json_decref(scopes);
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* command_dump - dump [FILE] */
static int
command_dump(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	FILE *f = stdout;
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words > 1)
		return command_close(&c, WEIR_E_INVAL);
	status = store_use(c.b, false, &db, c.err);
	if (status < 0)
		return command_close(&c, command_fail(&c, status));
	if (c.n_words == 1 && strcmp(c.words[0], "-") != 0)
		f = fopen(c.words[0], "we");
	if (f == NULL)
		status = snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno)) < 0 ? WEIR_E_TEMP : WEIR_E_TEMP;
	else
		status = db_dump(db, f, c.err);
	store_done(c.b, WEIR_OK, "");
	if (f != NULL && f != stdout && fclose(f) != 0 && status == WEIR_OK) {
		snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno));
		status = WEIR_E_TEMP;
	}
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* command_restore - restore FILE|- */
static int
command_restore(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	FILE *f = stdin;
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 1)
		return command_close(&c, WEIR_E_INVAL);
	if (strcmp(c.words[0], "-") != 0)
		f = fopen(c.words[0], "re");
	if (f == NULL) {
		snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno));
		return command_close(&c, command_fail(&c, WEIR_E_TEMP));
	}
	status = store_use(c.b, true, &db, c.err);
	if (status == WEIR_OK) {
		status = db_restore(db, f, c.err);
		store_done(c.b, status, c.err);
	}
	if (f != stdin)
		fclose(f);
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* command_register - tell weirctl what we know */
int
command_register(struct bayes *b)
{
	static const struct {
		const char *name, *usage, *help;
		weir_control_fn *fn;
	} all[] = {
		{ "learn", "learn ham|spam FILE|DIR|MBOX|- ... [--user "
		    "ADDRESS] [--db DIR]",
		    "Learn messages; those that were learned as the other "
		    "class are moved, known ones change nothing. --user: also "
		    "for that address or @domain.", command_learn },
		{ "forget", "forget FILE|DIR|MBOX|- ... [--user ADDRESS] "
		    "[--db DIR]", "Take back what was learned.",
		    command_forget },
		{ "classify", "classify FILE|DIR|MBOX|- ... [--user ADDRESS] "
		    "[--db DIR]",
		    "A line a message: probability of spam, class, file.",
		    command_classify },
		{ "explain", "explain FILE|- [--user ADDRESS] [--db DIR]",
		    "What decides about a message: the strongest tokens.",
		    command_explain },
		{ "stats", "stats [--db DIR]", "What the database holds.",
		    command_stats },
		{ "dump", "dump [FILE] [--db DIR]",
		    "The whole database as text.", command_dump },
		{ "restore", "restore FILE|- [--db DIR]",
		    "A dump into an empty database.", command_restore }
	};
	int status = WEIR_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && status >= 0;
	     i++)
		status = b->control->local(b->self, all[i].name, all[i].usage,
		    all[i].help, all[i].fn);
	return status < 0 ? status : WEIR_OK;
}
