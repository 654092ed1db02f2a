/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/bind_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/text.h"
#include "lua/bind.h"
#include "lua/regex.h"

#define MAP_LINE_MAX 4096
#define MAP_ENTRIES_MAX 1000000
#define MAP_REGEX_MAX 1000

enum map_kind { MAP_WORDS, MAP_CIDR, MAP_REGEX };

struct map_net {
	struct ip_net net;
	char *value;
};
struct map_expr {
	struct regex *regex;
	char *value;
};
struct map_content {
	struct map words; /* values are char * */
	VEC(struct map_net) nets;
	VEC(struct map_expr) exprs;
};
struct map_file {
	char *path;
	enum map_kind kind;
	struct timespec mtime;
	off_t size;
	ino_t inode;
	struct map_content content;
};

static const char *const map_kinds[] = { "plain", "cidr", "regex", NULL };

/* map_free_value - for map_each */
static bool
map_free_value(weir_str key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	free(value);
	return true;
}

/* map_content_free - forget it */
static void
map_content_free(struct map_content *c)
{
	map_each(&c->words, map_free_value, NULL);
	map_fini(&c->words);
	for (size_t i = 0; i < c->nets.n; i++)
		free(c->nets.v[i].value);
	vec_fini(&c->nets);
	for (size_t i = 0; i < c->exprs.n; i++) {
		regex_destroy(&c->exprs.v[i].regex);
		free(c->exprs.v[i].value);
	}
	vec_fini(&c->exprs);
}

/* map_line - one entry: key, blanks, value */
static int
map_line(struct map_content *c, enum map_kind kind, char *key, char *value,
    struct err *err)
{
	struct ip_net net;
	struct regex *re;

	if (c->words.n + c->nets.n >= MAP_ENTRIES_MAX ||
	    c->exprs.n >= MAP_REGEX_MAX)
		return err_set(err, WEIR_E_LIMIT, "too many entries");
	if (kind == MAP_WORDS) {
		text_lower_in_place(key, strlen(key));
		free(map_set(&c->words, text_slice(key), xstrdup(value)));
		return WEIR_OK;
	}
	if (kind == MAP_CIDR) {
		struct map_net *n;

		if (!ip_net_parse(key, &net))
			return err_set(err, WEIR_E_INVAL,
			    "\"%.100s\" is not a network", key);
		n = vec_push(&c->nets);
		n->net = net;
		n->value = xstrdup(value);
		return WEIR_OK;
	}
	re = regex_create(key, strlen(key), "i", err);
	if (re == NULL)
		return WEIR_E_INVAL;
	*vec_push(&c->exprs) = (struct map_expr){ re, xstrdup(value) };
	return WEIR_OK;
}

/* map_parse_line - cut it; a # in front is a comment */
static int
map_parse_line(struct map_content *c, enum map_kind kind, char *line,
    struct err *err)
{
	char *end, *value;

	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r\n", end[-1]) != NULL)
		*--end = '\0';
	if (*line == '\0' || *line == '#')
		return WEIR_OK;
	if (kind == MAP_REGEX && *line == '/') {
		/* /expression/ value: blanks may be in it */
		value = strrchr(++line, '/');
		if (value == NULL)
			return err_set(err, WEIR_E_INVAL, "no second /");
		*value++ = '\0';
	} else {
		value = line + strcspn(line, " \t");
		if (*value != '\0')
			*value++ = '\0';
	}
	value += strspn(value, " \t");
	return map_line(c, kind, line, value, err);
}

/* map_read - the file's content; all or nothing */
static int
map_read(struct map_file *m, struct err *err)
{
	struct map_content c = { MAP_INIT, VEC_INIT, VEC_INIT };
	FILE *in = fopen(m->path, "re");
	char line[MAP_LINE_MAX];
	struct stat st;
	unsigned n = 0;
	int status = WEIR_OK;

	if (in == NULL || fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode)) {
		status = err_set(err, WEIR_E_NOTFOUND, "%s: %s", m->path,
		    in == NULL ? strerror(errno) : "not a file");
		if (in != NULL)
			fclose(in);
		return status;
	}
	m->mtime = st.st_mtim;
	m->size = st.st_size;
	m->inode = st.st_ino;
	while (status == WEIR_OK && fgets(line, sizeof(line), in) != NULL) {
		struct err why = { "" };

		n++;
		status = map_parse_line(&c, m->kind, line, &why);
		if (status < 0)
			err_set(err, status, "%s:%u: %s", m->path, n,
			    why.text);
	}
	fclose(in);
	if (status < 0) {
		map_content_free(&c);
		return status;
	}
	map_content_free(&m->content);
	m->content = c;
	return WEIR_OK;
}

/* bind_map_refresh - files that changed */
void
bind_map_refresh(struct rules *r)
{
	for (size_t i = 0; i < r->maps.n; i++) {
		struct map_file *m = r->maps.v[i];
		struct stat st;
		struct err err;

		if (stat(m->path, &st) == 0 && st.st_size == m->size &&
		    st.st_ino == m->inode &&
		    st.st_mtim.tv_sec == m->mtime.tv_sec &&
		    st.st_mtim.tv_nsec == m->mtime.tv_nsec)
			continue;
		if (map_read(m, &err) < 0)
			rules_log(r, NULL, WEIR_LOG_WARN, "map: %s: the old "
			    "content stays", err.text);
		else
			rules_log(r, NULL, WEIR_LOG_INFO, "map %s read again",
			    m->path);
	}
}

/* bind_map_free - all of them */
void
bind_map_free(struct rules *r)
{
	for (size_t i = 0; i < r->maps.n; i++) {
		map_content_free(&r->maps.v[i]->content);
		free(r->maps.v[i]->path);
		free(r->maps.v[i]);
	}
	vec_fini(&r->maps);
}

/* map_find - the value for a key, or NULL; *limit: an expression gave up */
static const char *
map_find(lua_State *L, const struct map_file *m, const char *key, size_t len)
{
	char low[MAP_LINE_MAX];
	struct ip ip;

	if (m->kind == MAP_WORDS) {
		if (len >= sizeof(low))
			return NULL;
		memcpy(low, key, len);
		text_lower_in_place(low, len);
		limit_charge_octets(L, 16 * 5 + len);
		return map_get(&m->content.words, (weir_str){ low, len });
	}
	if (m->kind == MAP_CIDR) {
		const struct map_net *best = NULL;

		if (!ip_parse(key, &ip))
			return NULL;
		limit_charge(L, 10 + m->content.nets.n / 2);
		for (size_t i = 0; i < m->content.nets.n; i++) {
			const struct map_net *n = &m->content.nets.v[i];

			if ((best == NULL || n->net.bits > best->net.bits) &&
			    ip_in_net(&ip, &n->net))
				best = n;
		}
		return best != NULL ? best->value : NULL;
	}
	for (size_t i = 0; i < m->content.exprs.n; i++) {
		int n = regex_match(m->content.exprs.v[i].regex, key, len, 0,
		    NULL);

		limit_charge(L, 20 + len / 8);
		if (n < 0)
			luaL_error(L, "map %s: an expression takes too many "
			    "steps", m->path);
		if (n > 0)
			return m->content.exprs.v[i].value;
	}
	return NULL;
}

/* map_lua_get - map(key): upvalue 1 is the map */
static int
map_lua_get(lua_State *L)
{
	const struct map_file *m = lua_touserdata(L, lua_upvalueindex(1));
	size_t len;
	const char *key, *value;

	if (lua_isnoneornil(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	key = luaL_checklstring(L, 1, &len);
	value = map_find(L, m, key, len);
	if (value != NULL)
		lua_pushstring(L, value);
	else
		lua_pushnil(L);
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
	if (map_read(m, &err) < 0)
		luaL_error(L, "weir.map: %s", err.text);
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
	    "does not matter), \"cidr\" (networks, the longest wins) or "
	    "\"regex\" (the first wins; /in slashes/ if it has blanks). The "
	    "file is read again when it changes. Only at the top of a file.",
	    map_lua_new },
	{ NULL, NULL, NULL, NULL }
};
