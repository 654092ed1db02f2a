/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - what weirctl bayes can do; all of it runs in weirctl's process, on
   the database of the configuration or the one that --db names. */
#include "command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

/* command_print - a piece of the answer */
void
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
void
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
int
command_fail(const struct command *c, int status)
{
	char text[DB_ERR + 2];

	snprintf(text, sizeof(text), "%s\n", c->err[0] != '\0' ? c->err :
		"the database can't be used");
	c->b->control->error(c->call, weir_str_of(text));
	return status;
}

/* command_text - any octets as valid UTF-8 for JSON */
json_t *
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

/* command_threads - 1 to CREW_MAX */
static bool
command_threads(struct command *c, const char *word)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (end == word || *end != '\0' || n < 1 || n > CREW_MAX)
		return false;
	c->threads = (unsigned)n;
	return true;
}

/* command_user - u@example.com or @example.com; false: it is neither */
static bool
command_user(struct command *c, const char *word)
{
	const char *at = strchr(word, '@');

	if (at == NULL || at[1] == '\0' || strlen(word) > DB_SCOPE_MAX)
		return false;
	snprintf(c->user, sizeof(c->user), "%s", word);
	for (char *p = c->user; *p != '\0'; p++)
		*p = text_lower(*p);
	return true;
}

/* command_open - take options off; false: it was used wrongly */
bool
command_open(struct command *c, struct bayes *b, weir_call *call,
    uint32_t argc, const char *const *argv, bool json)
{
	memset(c, 0, sizeof(*c));
	c->b = b;
	c->call = call;
	c->json = json;
	c->threads = crew_processors();
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
			if (!command_user(c, argv[++i]))
				return false;
		} else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
			if (!command_threads(c, argv[++i]))
				return false;
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			return false;
		} else {
			c->words[c->n_words++] = argv[i];
		}
	}
	return b->dir != NULL;
}

/* command_close - and the status for weirctl */
int
command_close(struct command *c, int status)
{
	bayes_tokens_done(c->b, c->t);
	free(c->words);
	free(c->lessons);
	free(c->keys);
	return status;
}

/* command_db - is there a database at all? */
bool
command_db(struct command *c)
{
	struct db *db;

	c->status = store_use(c->b, false, &db, c->err);
	if (c->status < 0)
		return false;
	store_done(c->b, WEIR_OK, "");
	return true;
}

/* command_all - read every message that the words name */
bool
command_all(struct command *c, unsigned first, files_fn *fn, void *arg)
{
	struct files f = { .fn = fn, .arg = arg };
	bool ok = true;

	for (unsigned i = first; i < c->n_words && !f.stopped; i++)
		ok &= files_read(&f, c->words[i]);
	files_fini(&f);
	if (f.skipped > 0)
		fprintf(stderr, "weirctl: %" PRIu64 " files are no mail and "
		    "were left out\n", f.skipped);
	return ok && f.failed == 0;
}

/* command_crew - the same, by several threads */
bool
command_crew(struct command *c, unsigned first, struct crew_work work)
{
	struct crew *crew;
	bool ok;

	work.arg = c;
	crew = crew_create(c->b, c->t, c->threads, &work);
	if (crew == NULL) {
		c->status = WEIR_E_NOMEM;
		snprintf(c->err, sizeof(c->err), "no memory");
		return false;
	}
	ok = command_all(c, first, crew_put, crew);
	crew_finish(&crew);
	return ok;
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
		    "ADDRESS] [--db DIR] [--threads N]",
		    "Learn messages; those that were learned as the other "
		    "class are moved, known ones change nothing. --user: also "
		    "for that address or @domain. --threads: that read mail, "
		    "1 to 64; as many as there are processors, but at most 8.",
		    command_learn },
		{ "forget", "forget FILE|DIR|MBOX|- ... [--user ADDRESS] "
		    "[--db DIR] [--threads N]", "Take back what was learned.",
		    command_forget },
		{ "classify", "classify FILE|DIR|MBOX|- ... [--user ADDRESS] "
		    "[--db DIR] [--threads N]",
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
