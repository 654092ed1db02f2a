/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/bind_map.h"
#include "lua/declare.h"
#include "lua/lint.h"
#include "lua/notify.h"
#include "lua/sandbox.h"

#define RULES_FILES_MAX 1000
#define RULES_FILE_SIZE_MAX (1024 * 1024)
/* what loading all files may cost, in calls */
#define RULES_LOAD_FACTOR 50

/* rules_log - a formatted line under the module's name */
void
rules_log(struct rules *r, weir_call *call, int level, const char *fmt, ...)
{
	char line[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->host->log(r->self, call, level, weir_str_of(line));
}

struct rules_watch *rules_watch;

/* rules_is_file - is the name one of a rule file */
static bool
rules_is_file(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

/* rules_compare - by name, octet by octet */
static int
rules_compare(const void *a, const void *b)
{
	const struct rule_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* rules_read_file - the text of one file */
static int
rules_read_file(const char *path, struct rule_file *f, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", path,
		    strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > RULES_FILE_SIZE_MAX) {
		close(fd);
		return err_set(err, WEIR_E_INVAL, "%s: not a file of at most "
		    "%d octets", path, RULES_FILE_SIZE_MAX);
	}
	f->text = xmalloc((size_t)st.st_size + 1);
	while (f->len < (size_t)st.st_size &&
	    (n = read(fd, f->text + f->len, (size_t)st.st_size - f->len)) > 0)
		f->len += (size_t)n;
	f->text[f->len] = '\0';
	close(fd);
	return WEIR_OK;
}

/* rules_read_folder - all *.lua of a folder, sorted */
static int
rules_read_folder(struct rules *r, struct err *err)
{
	DIR *dir = opendir(r->path);
	struct dirent *e;
	int status = WEIR_OK;

	if (dir == NULL)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", r->path,
		    strerror(errno));
	while (status == WEIR_OK && (e = readdir(dir)) != NULL) {
		struct rule_file *f;
		char *path;

		if (!rules_is_file(e->d_name))
			continue;
		if (r->files.n >= RULES_FILES_MAX) {
			status = err_set(err, WEIR_E_LIMIT, "%s: more than %d "
			    "files", r->path, RULES_FILES_MAX);
			break;
		}
		f = vec_push(&r->files);
		f->name = xstrdup(e->d_name);
		path = xasprintf("%s/%s", r->path, e->d_name);
		status = rules_read_file(path, f, err);
		free(path);
	}
	closedir(dir);
	if (r->files.n > 1)
		qsort(r->files.v, r->files.n, sizeof(r->files.v[0]),
		    rules_compare);
	return status;
}

/* rules_read - a folder, or one file */
static int
rules_read(struct rules *r, struct err *err)
{
	struct stat st;
	struct rule_file *f;
	const char *slash = strrchr(r->path, '/');

	if (stat(r->path, &st) < 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s: %s", r->path,
		    strerror(errno));
	if (S_ISDIR(st.st_mode))
		return rules_read_folder(r, err);
	f = vec_push(&r->files);
	f->name = xstrdup(slash != NULL ? slash + 1 : r->path);
	return rules_read_file(r->path, f, err);
}

/* rules_traceback - the error with file and line, as text */
static int
rules_traceback(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING)
		lua_pushliteral(L, "an error that is no text");
	return 1;
}

/* rules_place - the path of the file that is being read */
static char *
rules_place(const struct rules *r)
{
	struct stat st;

	if (stat(r->path, &st) == 0 && S_ISDIR(st.st_mode))
		return xasprintf("%s/%s", r->path, r->file->name);
	return xstrdup(r->path);
}

/* rules_problem - cut file and line off and tell it */
void
rules_problem(struct rules *r, const char *text)
{
	char *path = rules_place(r), *end;
	size_t n = strlen(r->file->name);
	long line = 0;

	if (strncmp(text, r->file->name, n) == 0 && text[n] == ':') {
		line = strtol(text + n + 1, &end, 10);
		if (end[0] == ':' && end[1] == ' ')
			text = end + 2;
		else
			line = 0;
	}
	r->problems++;
	rules_watch->problem(path, (int)line, text, false, rules_watch->arg);
	free(path);
}

/* rules_on_lint - a name that nobody knows */
static void
rules_on_lint(int line, const char *text, void *arg)
{
	struct rules *r = arg;
	char *path = rules_place(r);

	r->problems++;
	rules_watch->problem(path, line, text, true, rules_watch->arg);
	free(path);
}

/* rules_run_file - one file, in an environment of its own */
static int
rules_run_file(struct rules *r, const struct rule_file *f, struct err *err)
{
	lua_State *L = r->state->L;
	struct limit_max max = r->max;
	struct limit limit;
	char *name = xasprintf("@%s", f->name);
	int status;

	r->file = f;

	max.instructions *= RULES_LOAD_FACTOR;
	max.time_ns *= RULES_LOAD_FACTOR;
	max.memory = (int64_t)r->memory_total;
	limit_init(&limit, &max);
	lua_settop(L, 0);
	lua_pushcfunction(L, rules_traceback);
	sandbox_push_env(L);
	status = sandbox_load(L, f->text, f->len, name);
	free(name);
	if (status == LUA_OK && rules_watch != NULL &&
	    rules_watch->known != NULL)
		lint_file(L, (weir_str){ f->text, f->len },
		    rules_watch->known, rules_on_lint, r);
	if (status == LUA_OK) {
		limit_enter(r->state, &limit, L);
		status = lua_pcall(L, 0, 0, 1);
		limit_leave(r->state);
		lua_sethook(L, NULL, 0, 0);
	}
	if (status != LUA_OK)
		err_set(err, WEIR_E_INVAL, "%s",
		    lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) :
		    "an error that is no text");
	lua_settop(L, 0);
	return status == LUA_OK ? WEIR_OK : WEIR_E_INVAL;
}

/* rules_run - all files in a new state */
static int
rules_run(struct rules *r, struct err *err)
{
	int status = WEIR_OK;

	r->state = state_create(r, r->memory_total);
	sandbox_init(r->state->L);
	bind_init(r->state->L);
	r->coros = coros_create(r->state);
	r->loading = true;
	r->seen = 0;
	for (size_t i = 0; i < r->files.n && status == WEIR_OK; i++) {
		status = rules_run_file(r, &r->files.v[i], err);
		if (status < 0 && rules_watch != NULL && !r->again) {
			rules_problem(r, err->text);
			status = WEIR_OK;
		}
	}
	if (rules_watch != NULL) {
		rules_watch->files += r->files.n;
		rules_watch->rules += r->rules.n;
	}
	if (r->problems > 0)
		status = err_set(err, WEIR_E_INVAL, "%s: %zu mistakes",
		    r->path, r->problems);
	r->loading = false;
	sandbox_freeze(r->state->L);
	lua_gc(r->state->L, LUA_GCCOLLECT);
	/* young objects die soon: rules make little that lives long */
	lua_gc(r->state->L, LUA_GCINC, 0, 0, 0);
	return status;
}

/* rules_order - by priority, then as they stand in the files */
static int
rules_order(const void *a, const void *b)
{
	const struct rule *x = *(struct rule *const *)a;
	const struct rule *y = *(struct rule *const *)b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* rules_load - read, run, sort */
int
rules_load(struct rules *r, struct err *err)
{
	int status = rules_read(r, err);

	if (status == WEIR_OK)
		status = rules_run(r, err);
	if (status < 0)
		return status;
	r->again = true;
	for (size_t i = 0; i < r->rules.n; i++) {
		struct rule *rule = r->rules.v[i];

		if (rule->active)
			*vec_push(&r->stages[rule->stage]) = rule;
	}
	for (int s = 0; s < WEIR_STAGE_COUNT; s++) {
		if (r->stages[s].n > 1)
			qsort(r->stages[s].v, r->stages[s].n,
			    sizeof(r->stages[s].v[0]), rules_order);
	}
	return WEIR_OK;
}

/* rules_renew - rules that keep data for ever filled their memory */
void
rules_renew(struct rules *r)
{
	struct err err = { "" };

	if (!r->worn_out || coros_busy(r->coros) > 0)
		return;
	r->worn_out = false;
	lua_gc(r->state->L, LUA_GCCOLLECT);
	if (r->state->used < r->memory_total / 2)
		return;
	rules_log(r, NULL, WEIR_LOG_WARN, "rules hold %zu octets: starting "
	    "them anew", r->state->used);
	r->metric->add(r->self, r->metric_renewed, 1);
	coros_destroy(&r->coros);
	state_destroy(&r->state);
	/* the same text ran before: what fails now is a rule that looks at the
	   clock or the like; it keeps its old place and fails when called */
	if (rules_run(r, &err) < 0)
		rules_log(r, NULL, WEIR_LOG_ERROR, "rules did not start "
		    "anew: %s", err.text);
}

/* rules_unload - free everything */
void
rules_unload(struct rules *r)
{
	coros_destroy(&r->coros);
	state_destroy(&r->state);
	for (size_t i = 0; i < r->rules.n; i++) {
		declare_free(&r->rules.v[i]->declare);
		free(r->rules.v[i]->name);
		free(r->rules.v[i]);
	}
	for (int s = 0; s < WEIR_STAGE_COUNT; s++)
		vec_fini(&r->stages[s]);
	vec_fini(&r->rules);
	for (size_t i = 0; i < r->files.n; i++) {
		free(r->files.v[i].name);
		free(r->files.v[i].text);
	}
	vec_fini(&r->files);
	notify_destroy(&r->notify);
	bind_map_free(r);
	for (size_t i = 0; i < r->metrics.n; i++)
		free(r->metrics.v[i].name);
	vec_fini(&r->metrics);
	free(r->path);
	free(r->admin);
}
