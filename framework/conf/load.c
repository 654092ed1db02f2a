/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/load.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "conf/core_rows.h"
#include "conf/desc.h"
#include "conf/value.h"

#define LOAD_NONE SIZE_MAX
#define LOAD_RUNS_MAX CONF_REPORT_MAX

/* A module section of the file. */
struct load_module {
	const struct weir_module *desc;
	struct weir_option *rows; /* reserved ones, then its own */
	size_t token;		  /* its name in the file */
	char *key;		  /* name of its section for libConfuse */
};

struct load {
	struct conf *conf;
	struct scan scan;
	struct rows rows;
	struct map origins;
	const struct conf_modules *mods;
	struct pool *temp;
	VEC(struct load_module) modules;
	bool incomplete;   /* a module is missing: symbols are unknown */
	cfg_opt_t *opts;
	/* one run of libConfuse */
	size_t skip; /* statement that must go before the next run */
	bool failed; /* an error that no run can get past */
};

/* libConfuse's callbacks have no argument of the caller's. */
static struct load *load_current;

/* load_skip - leave out the tokens of one statement */
static void
load_skip(struct load *load, size_t token)
{
	size_t end = scan_statement_end(&load->scan, token);

	for (size_t i = token; i <= end; i++)
		load->scan.tokens.v[i].skip = true;
}

/* load_near - ' (did you mean "X"?)' or nothing */
static const char *
load_near(const struct load *load, const char *word, const char *const *names)
{
	const char *near = names != NULL ? text_nearest(word, names) : NULL;

	return near == NULL ? "" :
	    pool_printf(load->temp, " (did you mean \"%s\"?)", near);
}

/* load_unknown - libConfuse met a name that the section doesn't know */
static void
load_unknown(struct load *load, const cfg_t *cfg, size_t token)
{
	const struct scan *scan = &load->scan;
	bool root = strcmp(cfg->name, "root") == 0;
	const char *name = scan->tokens.v[token].text, *what = "option";
	const char *key = strchr(cfg->name, '\001');
	const char *where = key != NULL ? "module" : cfg->name;
	const char **names;
	size_t n = 0;

	load->skip = token;
	if (scan_statement_end(scan, token) == token) {
		/* not shown: it may be the rest of a secret */
		scan_report(scan, CONF_ERROR, token, "stray word (%s)",
		    scan_is_word(scan, token, "include") ?
			"another file is read by include(\"FILE\")" :
			"a value with blanks needs quotes");
		return;
	}
	if (scan_kind(scan, token + 1) != '=')
		what = "section";
	else if (strcmp(cfg->name, "scores") == 0)
		what = "symbol";
	names = pool_array(load->temp, const char *,
	    (size_t)cfg_numopts(cfg->opts) + 1);
	for (cfg_opt_t *opt = cfg->opts; opt->name != NULL; opt++) {
		if (strchr(opt->name, '\001') == NULL)
			names[n++] = opt->name;
	}
	if (root) {
		const char *const *m =
		    load->mods != NULL ? load->mods->names : NULL;

		for (; m != NULL && *m != NULL; m++) {
			if (strcmp(*m, name) == 0) {
				scan_report(scan, CONF_ERROR, token, "unknown "
				    "%s \"%s\" (did you mean module \"%s\"?)",
				    what, name, name);
				return;
			}
		}
		scan_report(scan, CONF_ERROR, token, "unknown %s \"%s\"%s",
		    what, name, load_near(load, name, names));
		return;
	}
	scan_report(scan, CONF_ERROR, token, "unknown %s \"%s\" in %s%s%s%s%s",
	    what, name, where, cfg->title != NULL ? " \"" : "",
	    cfg->title != NULL ? cfg->title : "",
	    cfg->title != NULL ? "\"" : "", load_near(load, name, names));
}

/* load_form - how what libConfuse misses is written */
static const char *
load_form(const char *fmt)
{
	if (strstr(fmt, "missing title") != NULL)
		return ": it is written NAME \"TITLE\" { ... }";
	if (strstr(fmt, "missing opening brace") != NULL)
		return ": it is written NAME { ... }";
	if (strstr(fmt, "missing equal sign") != NULL)
		return ": it is written NAME = VALUE";
	return "";
}

/* load_error - libConfuse's error function */
static void __attribute__((format(printf, 2, 0)))
load_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct load *load = load_current;
	const struct scan *scan = &load->scan;
	size_t token = cfg->line > 0 ? (size_t)cfg->line - 1 : 0;
	char text[256];

	if (load->failed || load->skip != LOAD_NONE)
		return; /* one error a run: what follows is its echo */
	if (token < scan->tokens.n && strstr(fmt, "no such option") != NULL) {
		load_unknown(load, cfg, token);
		return;
	}
	if (scan_kind(scan, token) == '{' && strstr(fmt, "duplicate title")) {
		load->skip = scan_section_name(scan, token);
		scan_report(scan, CONF_ERROR, load->skip,
		    "%s \"%s\" is there twice",
		    scan->tokens.v[load->skip].text,
		    scan->tokens.v[token - 1].text);
		return;
	}
	load->failed = true;
	if (strstr(fmt, "unexpected token") != NULL) {
		/* words are not shown: they may be part of a secret */
		if (scan_is_text(scan, token))
			scan_report(scan, CONF_ERROR, token,
			    "unexpected word: a comma or brace is missing");
		else
			scan_report(scan, CONF_ERROR, token,
			    "unexpected \"%c\"", scan_kind(scan, token));
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	scan_report(scan, CONF_ERROR, token, "%s%s", text, load_form(fmt));
}

/* load_valid - libConfuse read a value or the end of a section */
static int
load_valid(cfg_t *cfg, cfg_opt_t *opt)
{
	struct load *load = load_current;
	const struct scan *scan = &load->scan;
	size_t token = (size_t)cfg->line - 1, first;
	char before = scan_kind(scan, token - 1);

	if (opt < cfg->opts || opt >= cfg->opts + cfg_numopts(cfg->opts)) {
		/* libConfuse takes "dns|timeout" for a path: we don't */
		scan_report(scan, CONF_ERROR, token, "malformed option name");
		load->failed = true;
		return -1;
	}
	if (opt->type == CFGT_SEC) {
		size_t open = scan->tokens.v[token].pair;

		rows_origin_set(&load->origins,
		    cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1),
		    scan_section_name(scan, open));
		return 0;
	}
	/* only the first value of a list, or the end of an empty one */
	if (before == ',' || (scan_kind(scan, token) == '}' && before != '{'))
		return 0;
	if (rows_origin(&load->origins, opt, &first) && first != token &&
	    !scan->tokens.v[token].told) {
		const struct scan_token *t = &scan->tokens.v[first];

		scan->tokens.v[token].told = true; /* runs repeat themselves */
		scan_report(scan, CONF_ERROR, token, "%s is set twice (first "
		    "in line %u of %s)", opt->name, t->line,
		    snapshot_path(scan->snap, t->file));
	}
	rows_origin_set(&load->origins, opt, token);
	return 0;
}

/* load_quote - a text as libConfuse reads it back */
static void
load_quote(const char *text, struct buf *out)
{
	struct buf quoted = BUF_INIT;

	value_string_print(text, &quoted);
	for (size_t i = 0; i < quoted.len; i++) {
		/* "${X}" would become the environment's X */
		if (quoted.ptr[i] == '$')
			buf_add_char(out, '\\');
		buf_add_char(out, quoted.ptr[i]);
	}
	buf_fini(&quoted);
}

/* load_write - the tokens, one a line */
static void
load_write(const struct scan *scan, struct buf *out)
{
	for (size_t i = 0; i < scan->tokens.n; i++) {
		const struct scan_token *t = &scan->tokens.v[i];

		if (t->skip)
			;
		else if (t->alias != NULL)
			buf_add_str(out, t->alias);
		else if (scan_is_text(scan, i))
			load_quote(t->text, out);
		else if (t->kind == '}' && scan_kind(scan, i - 1) == '{' &&
		    scan_kind(scan, i - 2) == '=')
			/* load_valid isn't called for an empty list */
			buf_add_str(out, "\"" ROWS_EMPTY "\"}");
		else
			buf_add_char(out, t->kind);
		buf_add_char(out, '\n');
	}
}

/* load_run - let libConfuse read what is left; NULL on error */
static cfg_t *
load_run(struct load *load)
{
	struct buf text = BUF_INIT;
	cfg_t *cfg = cfg_init(load->opts, CFGF_NONE);
	FILE *fp;
	int rc;

	map_fini(&load->origins);
	load->skip = LOAD_NONE;
	buf_add_char(&text, ' '); /* fmemopen wants something */
	load_write(&load->scan, &text);
	fp = fmemopen(text.ptr, text.len, "r");
	if (cfg == NULL || fp == NULL)
		fatal("out of memory");
	cfg_set_error_function(cfg, load_error);
	rc = cfg_parse_fp(cfg, fp);
	fclose(fp);
	buf_fini(&text);
	if (rc == CFG_SUCCESS)
		return cfg;
	if (!load->failed && load->skip == LOAD_NONE) {
		scan_report(&load->scan, CONF_ERROR, load->scan.tokens.n,
		    "libConfuse gave up");
		load->failed = true;
	}
	cfg_free(cfg);
	return NULL;
}

/* load_parse - run until nothing unknown is left */
static cfg_t *
load_parse(struct load *load)
{
	cfg_t *cfg = NULL;

	load_current = load;
	for (int i = 0; i < LOAD_RUNS_MAX && !load->failed; i++) {
		cfg = load_run(load);
		if (cfg != NULL)
			break;
		if (load->skip != LOAD_NONE)
			load_skip(load, load->skip);
	}
	load_current = NULL;
	return cfg;
}

/* load_desc_check - is the descriptor sound, alone and beside the others */
static int
load_desc_check(const struct load *load, const struct weir_module *desc,
    const char *name, struct err *err)
{
	int rc = desc_check(desc, name, err);

	for (size_t i = 0; rc == WEIR_OK && i < load->modules.n; i++)
		rc = desc_conflict(desc, load->modules.v[i].desc, err);
	return rc;
}

/* load_path - the value of `path` in the section that opens at a token */
static const char *
load_path(const struct load *load, size_t open)
{
	const struct scan *scan = &load->scan;
	size_t end = scan->tokens.v[open].pair;

	for (size_t i = open + 1; i < end; i = scan_statement_end(scan, i) + 1) {
		const char *path;

		if (!scan_is_word(scan, i, "path") ||
		    scan_kind(scan, i + 1) != '=' || !scan_is_text(scan, i + 2))
			continue;
		path = scan->tokens.v[i + 2].text;
		if (*path == '/' || *path == '\0')
			return *path != '\0' ? path : NULL;
		return pool_printf(load->temp, "%s/%s", snapshot_dir(scan->snap,
		    scan->tokens.v[i].file), path);
	}
	return NULL;
}

/* load_module - learn a module's rows; its section gets a name of its own, so
   that libConfuse can know rows that differ from one module to the next */
static bool
load_module(struct load *load, size_t token, size_t open, const char *name)
{
	struct scan *scan = &load->scan;
	const struct weir_module *desc;
	struct load_module *m;
	struct err err = { "it can't be loaded" };
	uint32_t n;

	for (size_t i = 0; i < load->modules.n; i++) {
		const struct scan_token *t;

		m = &load->modules.v[i];
		if (strcmp(m->desc->name, name) != 0)
			continue;
		t = &scan->tokens.v[m->token];
		scan_report(scan, CONF_ERROR, token, "module \"%s\" is there "
		    "twice (first in line %u of %s)", name, t->line,
		    snapshot_path(scan->snap, t->file));
		return false;
	}
	desc = load->mods->describe(load->mods->arg, name,
	    load_path(load, open), &err);
	if (desc == NULL || load_desc_check(load, desc, name, &err) != 0) {
		scan_report(scan, CONF_ERROR, token, "module \"%s\": %s%s",
		    name, err.text, desc != NULL ? "" :
		    load_near(load, name, load->mods->names));
		load->incomplete = true;
		return false;
	}
	n = rows_count(desc->options);
	m = vec_push(&load->modules);
	m->desc = desc;
	m->token = token;
	m->key = pool_printf(load->temp, "module\001%s", name);
	m->rows = pool_array(load->conf->pool, struct weir_option,
	    CORE_MODULE_ROWS + n + 1);
	memcpy(m->rows, core_module_rows,
	    CORE_MODULE_ROWS * sizeof(struct weir_option));
	if (desc_is_built_in(desc))
		m->rows[CORE_MODULE_ROWS - 1].name = "module_file";
	if (n != 0)
		memcpy(m->rows + CORE_MODULE_ROWS, desc->options,
		    n * sizeof(struct weir_option));
	scan->tokens.v[token].alias = pool_printf(load->temp,
	    open == token + 2 ? "\"%s\"" : "\"%s\" \"-\"", m->key);
	return true;
}

/* load_is_sugar - is the token a word that is short for a module */
static bool
load_is_sugar(const struct scan *scan, size_t token)
{
	for (size_t i = 0; core_sugar[i] != NULL; i++) {
		if (scan_is_word(scan, token, core_sugar[i]))
			return true;
	}
	return false;
}

/* load_modules - find the module sections; the form without modules skips
   them and the scores of their symbols */
static void
load_modules(struct load *load)
{
	const struct scan *scan = &load->scan;
	size_t next;

	for (size_t i = 0; i < scan->tokens.n; i = next) {
		size_t open = i + 2, name = i + 1;

		next = scan_statement_end(scan, i) + 1;
		if (load_is_sugar(scan, i)) {
			open = i + 1;
			name = i;
		} else if (!scan_is_word(scan, i, "module") ||
		    !scan_is_text(scan, name)) {
			continue;
		}
		if (scan_kind(scan, open) != '{')
			continue;
		if (load->mods == NULL ||
		    !load_module(load, i, open, scan->tokens.v[name].text))
			load_skip(load, i);
	}
	for (size_t i = 0; i < scan->tokens.n; i = next) {
		next = scan_statement_end(scan, i) + 1;
		if (scan_is_word(scan, i, "scores") &&
		    (load->mods == NULL || load->incomplete))
			load_skip(load, i);
	}
}

/* load_scores - a row for each symbol of the loaded modules */
static struct weir_option *
load_scores(const struct load *load)
{
	struct pool *pool = load->conf->pool;
	struct weir_option *rows;
	size_t n = 0;

	for (size_t i = 0; i < load->modules.n; i++) {
		const struct weir_symbol *s = load->modules.v[i].desc->symbols;

		for (; s != NULL && s->name != NULL; s++)
			n++;
	}
	rows = pool_array(pool, struct weir_option, n + 1);
	n = 0;
	for (size_t i = 0; i < load->modules.n; i++) {
		const struct weir_symbol *s = load->modules.v[i].desc->symbols;

		for (; s != NULL && s->name != NULL; s++, n++) {
			struct buf text = BUF_INIT;

			value_real_print(s->score, &text);
			rows[n].name = s->name;
			rows[n].type = WEIR_OPT_REAL;
			rows[n].fallback = pool_strdup(pool, text.ptr);
			rows[n].help = s->help;
			buf_fini(&text);
		}
	}
	return rows;
}

/* load_opts - all that libConfuse is to know */
static void
load_opts(struct load *load, const struct weir_option *top)
{
	uint32_t n = rows_count(top);
	cfg_opt_t *own = rows_opts(top, load->temp, load_valid), *opts;

	opts = pool_array(load->temp, cfg_opt_t, n + load->modules.n + 8);
	memcpy(opts, own, n * sizeof(*opts));
	for (size_t i = 0; i < load->modules.n; i++, n++) {
		opts[n].name = load->modules.v[i].key;
		opts[n].type = CFGT_SEC;
		opts[n].flags = CFGF_MULTI | CFGF_TITLE;
		opts[n].validcb = load_valid;
		opts[n].subopts = rows_opts(load->modules.v[i].rows,
		    load->temp, load_valid);
	}
	/* what is left under these names is malformed: let it say so */
	opts[n].name = "module";
	opts[n].type = CFGT_SEC;
	opts[n].flags = CFGF_MULTI | CFGF_TITLE;
	opts[n++].subopts = rows_opts(NULL, load->temp, load_valid);
	for (size_t i = 0; core_sugar[i] != NULL; i++) {
		opts[n].name = core_sugar[i];
		opts[n].type = CFGT_SEC;
		opts[n].flags = CFGF_MULTI;
		opts[n++].subopts = rows_opts(NULL, load->temp, load_valid);
	}
	load->opts = opts;
}

/* load_fill - typed values of everything */
static void
load_fill(struct load *load, const struct weir_option *top, cfg_t *cfg)
{
	struct conf *conf = load->conf;
	const struct weir_conf *scores;
	struct conf_value *nets;

	conf->root = pool_new(conf->pool, struct weir_conf);
	conf->root->title = text_slice("");
	rows_fill(&load->rows, top, cfg, conf->root);
	core_fill(conf, &load->rows);
	nets = &conf->root->values[CORE_NETWORKS];
	load->rows.networks = nets->sections;
	load->rows.n_networks = nets->n;
	conf->modules = pool_array(conf->pool, struct conf_module,
	    load->modules.n + 1);
	for (size_t i = 0; i < load->modules.n; i++) {
		const struct load_module *lm = &load->modules.v[i];
		struct conf_module *m = &conf->modules[conf->n_modules++];
		struct weir_conf *all = pool_new(conf->pool, struct weir_conf);
		struct weir_conf *own = pool_new(conf->pool, struct weir_conf);
		const struct scan_token *t =
		    &load->scan.tokens.v[lm->token];
		cfg_opt_t *opt = &cfg->opts[rows_count(top) + i];

		all->token = lm->token;
		all->line = t->line;
		all->file = pool_strdup(conf->pool,
		    snapshot_path(load->scan.snap, t->file));
		all->title = text_slice(lm->desc->name);
		rows_fill(&load->rows, lm->rows, cfg_opt_getnsec(opt, 0), all);
		*own = *all;
		own->rows += CORE_MODULE_ROWS;
		own->values += CORE_MODULE_ROWS;
		own->n -= CORE_MODULE_ROWS;
		m->name = lm->desc->name;
		m->desc = lm->desc;
		m->all = all;
		m->conf = own;
		m->file = all->file;
		m->line = all->line;
		core_module_fill(conf, m);
	}
	scores = conf_section(conf->root, CORE_SCORES, 0, NULL);
	for (uint32_t i = 0; i < scores->n; i++)
		map_set(&conf->scores, text_slice(scores->rows[i].name),
		    &scores->values[i].real);
}

/* load_all - the steps, each as far as the one before allows */
static void
load_all(struct load *load)
{
	struct pool *pool = load->conf->pool;
	uint32_t n = rows_count(core_rows);
	struct weir_option *top = pool_array(pool, struct weir_option, n + 1);
	cfg_t *cfg;

	load_modules(load);
	memcpy(top, core_rows, n * sizeof(*top));
	top[CORE_SCORES].rows = load_scores(load);
	load_opts(load, top);
	cfg = load_parse(load);
	if (cfg == NULL)
		return;
	load_fill(load, top, cfg);
	cfg_free(cfg);
}

/* conf_load - from a snapshot to a struct conf */
int
conf_load(struct conf_snapshot *snap, const struct conf_modules *mods,
    struct conf **out, struct conf_report *report)
{
	struct pool *pool = pool_create(16384, 0);
	struct load load = { .mods = mods };
	size_t before = report->errors;

	load.conf = pool_new(pool, struct conf);
	load.conf->pool = pool;
	load.temp = pool_create(16384, 0);
	if (scan_run(&load.scan, snap, load.temp, report) == WEIR_OK) {
		load.rows.pool = pool;
		load.rows.scan = &load.scan;
		load.rows.origins = &load.origins;
		load_all(&load);
	}
	scan_fini(&load.scan);
	map_fini(&load.origins);
	vec_fini(&load.modules);
	pool_destroy(&load.temp);
	conf_report_sort(report);
	*out = load.conf;
	if (report->errors == before)
		return WEIR_OK;
	conf_destroy(out);
	return WEIR_E_INVAL;
}
