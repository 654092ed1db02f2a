/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/bind_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lua/bind.h"
#include "lua/map_file.h"
#include "lua/regex.h"

struct map_file {
	char *path;
	enum map_kind kind;
	struct stat st; /* of what was read last, well or not */
	struct map_content *content;
	char *trouble; /* why the present file was not taken, or NULL */
	int64_t read_ms;
	uint64_t reads, failures;
	bool reading; /* a job is under way */
};

/* A file that is read in a thread. */
struct map_job {
	struct rules *rules;
	struct map_file *map;
	struct map_content *content; /* what came of it, or NULL */
	struct stat st;
	struct err err;
};

/* Whose maps status tells of: there is one module a process. */
static struct rules *map_rules;

/* map_is_same - is that the file that was read last */
static bool
map_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino &&
	    a->st_dev == b->st_dev &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* map_take - content that was read takes its place */
static void
map_take(struct rules *r, struct map_file *m, struct map_content *content,
    const struct stat *st, const struct err *err)
{
	m->st = *st;
	if (content == NULL) {
		/* a file that is missing for long is one trouble, not many */
		if (m->trouble == NULL || strcmp(m->trouble, err->text) != 0) {
			m->failures++;
			rules_log(r, NULL, WEIR_LOG_WARN, "map: %s: the old "
			    "content stays", err->text);
		}
		free(m->trouble);
		m->trouble = xstrdup(err->text);
		return;
	}
	free(m->trouble);
	m->trouble = NULL;
	map_content_free(&m->content);
	m->content = content;
	m->reads++;
	m->read_ms = r->host->wall_ms(r->self);
}

/* map_job_run - in the thread */
static int
map_job_run(weir_jobctx *ctx, void *arg)
{
	struct map_job *j = arg;

	(void)ctx;
	j->content = map_content_read(j->map->path, j->map->kind,
	    j->rules->map_size, &j->st, &j->err);
	return WEIR_OK;
}

/* map_job_done - on the loop again */
static void
map_job_done(weir_call *call, int status, void *arg)
{
	struct map_job *j = arg;

	(void)call;
	j->map->reading = false;
	if (status == WEIR_OK) {
		bool good = j->content != NULL;

		map_take(j->rules, j->map, j->content, &j->st, &j->err);
		if (good)
			rules_log(j->rules, NULL, WEIR_LOG_INFO, "map %s read "
			    "again: %zu entries", j->map->path,
			    map_content_count(j->map->content));
	} else {
		map_content_free(&j->content);
	}
	free(j);
}

/* map_read_again - in a thread: a large file takes its time */
static void
map_read_again(struct rules *r, weir_call *call, struct map_file *m)
{
	struct map_job *j = xcalloc(1, sizeof(*j));

	j->rules = r;
	j->map = m;
	m->reading = true;
	if (r->job->start(call, map_job_run, map_job_done, j) < 0) {
		m->reading = false; /* the next look tries again */
		free(j);
	}
}

/* bind_map_refresh - files that changed */
void
bind_map_refresh(struct rules *r, weir_call *call)
{
	for (size_t i = 0; i < r->maps.n; i++) {
		struct map_file *m = r->maps.v[i];
		struct stat st = { .st_size = 0 };

		if (m->reading || (stat(m->path, &st) == 0 &&
		    map_is_same(&st, &m->st)))
			continue;
		map_read_again(r, call, m);
	}
}

/* bind_map_free - all of them */
void
bind_map_free(struct rules *r)
{
	for (size_t i = 0; i < r->maps.n; i++) {
		map_content_free(&r->maps.v[i]->content);
		free(r->maps.v[i]->trouble);
		free(r->maps.v[i]->path);
		free(r->maps.v[i]);
	}
	vec_fini(&r->maps);
	if (map_rules == r)
		map_rules = NULL;
}

/* bind_map_status - for weirctl */
json_t *
bind_map_status(void)
{
	json_t *all = json_array();

	for (size_t i = 0; map_rules != NULL && i < map_rules->maps.n; i++) {
		const struct map_file *m = map_rules->maps.v[i];

		json_array_append_new(all, json_pack(
		    "{s:s,s:s,s:I,s:I,s:I,s:I,s:s}", "path", m->path, "kind",
		    map_kinds[m->kind], "entries", (json_int_t)(m->content !=
		    NULL ? map_content_count(m->content) : 0), "read_ms",
		    (json_int_t)m->read_ms, "reads", (json_int_t)m->reads,
		    "failures", (json_int_t)m->failures, "trouble",
		    m->trouble != NULL ? m->trouble : ""));
	}
	return all;
}

/* map_lua_get - map(key): upvalue 1 is the map */
static int
map_lua_get(lua_State *L)
{
	const struct map_file *m = lua_touserdata(L, lua_upvalueindex(1));
	struct buf value = BUF_INIT;
	weir_str key;
	size_t work;
	int found;

	if (lua_isnoneornil(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	key.ptr = luaL_checklstring(L, 1, &key.len);
	lua_settop(L, 1);
	found = map_content_find(m->content, key, &value, &work);
	if (found > 0)
		bind_push_buf(L, &value);
	else
		lua_pushnil(L);
	limit_charge(L, work);
	if (found < 0)
		return luaL_error(L, "map %s: %s", m->path,
		    found == WEIR_E_TEMP ? "the database is damaged" :
		    "an expression takes too many steps");
	return 1;
}

/* map_of - the map of that file, read if it is new */
static struct map_file *
map_of(lua_State *L, struct rules *r, const char *path, enum map_kind kind)
{
	struct map_file *m;
	struct err err = { "" };

	for (size_t i = 0; i < r->maps.n; i++) {
		if (r->maps.v[i]->kind == kind &&
		    strcmp(r->maps.v[i]->path, path) == 0)
			return r->maps.v[i];
	}
	m = xcalloc(1, sizeof(*m));
	m->path = xstrdup(path);
	m->kind = kind;
	*vec_push(&r->maps) = m;
	map_rules = r;
	m->content = map_content_read(path, kind, r->map_size, &m->st, &err);
	if (m->content == NULL)
		luaL_error(L, "weir.map: %s", err.text);
	m->reads = 1;
	m->read_ms = r->host->wall_ms(r->self);
	return m;
}

/* map_lua_new - weir.map(path [, kind]) */
static int
map_lua_new(lua_State *L)
{
	struct rules *r = bind_rules(L);
	const char *path = luaL_checkstring(L, 1);
	int kind = luaL_checkoption(L, 2, "plain", map_kinds);

	if (!r->loading)
		return luaL_error(L, "weir.map: make it at the top of the "
		    "file, not in a rule");
	if (path[0] != '/')
		return luaL_error(L, "weir.map: \"%s\" is not an absolute "
		    "path", path);
	lua_pushlightuserdata(L, map_of(L, r, path, (enum map_kind)kind));
	lua_pushcclosure(L, map_lua_get, 1);
	return 1;
}

const struct bind_row bind_map_rows[] = {
	{ "map", "weir.map(path [, kind])",
	    "A function that looks a key up in a file: the rest of its line "
	    "(\"\" if there is none), or nil. kind is \"plain\" (words, case "
	    "does not matter), \"cidr\" (networks, the longest wins), "
	    "\"regex\" (the first wins; /in slashes/ if it has blanks) or "
	    "\"cdb\" (a constant database with keys in lower case, as tinycdb "
	    "and postmap make them). The file is read again when it changes; "
	    "replace it by renaming a new one. Only at the top of a file.",
	    map_lua_new },
	{ NULL, NULL, NULL, NULL }
};
