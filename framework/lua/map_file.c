/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/map_file.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "lua/regex.h"

#define MAP_LINE_MAX 4096
#define MAP_VALUE_MAX 65536
#define MAP_ENTRIES_MAX 1000000
#define MAP_REGEX_MAX 1000
#define MAP_COPY_SIZE 65536
#define MAP_CDB_TOC 2048 /* octets: 256 pairs of position and slots */

const char *const map_kinds[] = { "plain", "cidr", "regex", "cdb", NULL };

struct map_net {
	struct ip_net net;
	char *value;
};
struct map_expr {
	struct regex *regex;
	char *value;
};
struct map_content {
	enum map_kind kind;
	struct map words; /* values are char * */
	VEC(struct map_net) nets;
	VEC(struct map_expr) exprs;
	struct cdb cdb;
	bool cdb_open;
	size_t cdb_count;
};

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
void
map_content_free(struct map_content **content)
{
	struct map_content *c = *content;

	if (c == NULL)
		return;
	*content = NULL;
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
	if (c->cdb_open)
		cdb_free(&c->cdb);
	free(c);
}

/* map_content_count - entries */
size_t
map_content_count(const struct map_content *c)
{
	return c->words.n + c->nets.n + c->exprs.n + c->cdb_count;
}

/* map_line - one entry: key, blanks, value */
static int
map_line(struct map_content *c, char *key, char *value, struct err *err)
{
	struct ip_net net;
	struct regex *re;

	if (c->words.n + c->nets.n >= MAP_ENTRIES_MAX ||
	    c->exprs.n >= MAP_REGEX_MAX)
		return err_set(err, WEIR_E_LIMIT, "too many entries");
	if (c->kind == MAP_WORDS) {
		text_lower_in_place(key, strlen(key));
		free(map_set(&c->words, text_slice(key), xstrdup(value)));
		return WEIR_OK;
	}
	if (c->kind == MAP_CIDR) {
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
map_parse_line(struct map_content *c, char *line, struct err *err)
{
	char *end, *value;

	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r\n", end[-1]) != NULL)
		*--end = '\0';
	if (*line == '\0' || *line == '#')
		return WEIR_OK;
	if (c->kind == MAP_REGEX && *line == '/') {
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
	return map_line(c, line, value, err);
}

/* map_read_lines - a text file; the descriptor stays the caller's */
static int
map_read_lines(struct map_content *c, const char *path, int fd,
    struct err *err)
{
	int own = dup(fd);
	FILE *in = own >= 0 ? fdopen(own, "r") : NULL;
	char line[MAP_LINE_MAX];
	unsigned n = 0;
	int status = WEIR_OK;

	if (in == NULL) {
		if (own >= 0)
			close(own);
		return err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	}
	while (status == WEIR_OK && fgets(line, sizeof(line), in) != NULL) {
		struct err why = { "" };
		size_t len = strlen(line);

		n++;
		if (len == sizeof(line) - 1 && line[len - 1] != '\n')
			status = err_set(&why, WEIR_E_LIMIT, "a line is longer "
			    "than %d octets", MAP_LINE_MAX - 2);
		else
			status = map_parse_line(c, line, &why);
		if (status < 0)
			err_set(err, status, "%s:%u: %s", path, n, why.text);
	}
	if (status == WEIR_OK && ferror(in))
		status = err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	fclose(in);
	return status;
}

/* map_u32 - as cdb writes numbers */
static uint32_t
map_u32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* map_copy - the octets of a file, in memory that nobody else can cut short;
   a descriptor, or -1: errno */
static int
map_copy(int from, off_t size)
{
	int to = memfd_create("weir-map", MFD_CLOEXEC), error = 0;
	char *block = xmalloc(MAP_COPY_SIZE);

	while (to >= 0 && size > 0 && error == 0) {
		ssize_t n = read(from, block, size < MAP_COPY_SIZE ?
		    (size_t)size : MAP_COPY_SIZE), out = 0;

		if (n == 0)
			error = ESTALE; /* it is shorter now */
		else if (n < 0 && errno != EINTR)
			error = errno;
		while (error == 0 && out < n) {
			ssize_t done = write(to, block + out,
			    (size_t)(n - out));

			if (done > 0)
				out += done;
			else if (errno != EINTR)
				error = errno;
		}
		if (n > 0)
			size -= n;
	}
	free(block);
	if (error != 0) {
		close(to);
		to = -1;
		errno = error;
	}
	return to;
}

/* map_read_cdb - copy it: a file that is mapped and then cut short in place is
   a SIGBUS at the next lookup.  Look whether its tables lie inside. */
static int
map_read_cdb(struct map_content *c, const char *path, int fd, off_t size,
    struct err *err)
{
	const unsigned char *toc;
	uint64_t slots = 0;
	int copy;

	if (size < MAP_CDB_TOC)
		return err_set(err, WEIR_E_INVAL, "%s: not a cdb file", path);
	copy = map_copy(fd, size);
	if (copy < 0)
		return err_set(err, WEIR_E_TEMP, "%s: %s", path,
		    errno == ESTALE ? "it changed while it was read" :
				      strerror(errno));
	c->cdb_open = cdb_init(&c->cdb, copy) == 0;
	close(copy); /* it stays mapped */
	if (!c->cdb_open)
		return err_set(err, WEIR_E_INVAL, "%s: not a cdb file", path);
	toc = cdb_get(&c->cdb, MAP_CDB_TOC, 0);
	for (int i = 0; toc != NULL && i < 256; i++) {
		uint64_t at = map_u32(toc + 8 * i);
		uint64_t n = map_u32(toc + 8 * i + 4);

		slots += n;
		if (n > 0 && (at < MAP_CDB_TOC || at + 8 * n > (uint64_t)size))
			toc = NULL;
	}
	if (toc == NULL)
		return err_set(err, WEIR_E_INVAL, "%s: not a cdb file, or cut "
		    "short", path);
	c->cdb_count = (size_t)(slots / 2); /* half of the slots stay empty */
	return WEIR_OK;
}

/* map_open - a file that may be read; its descriptor, or -1 */
static int
map_open(const char *path, size_t size_max, struct stat *st, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		err_set(err, WEIR_E_NOTFOUND, "%s: %s", path,
		    fd < 0 ? strerror(errno) : "not a file");
	else if ((uint64_t)st->st_size > size_max)
		err_set(err, WEIR_E_LIMIT, "%s: larger than %zu octets "
		    "(map_size)", path, size_max);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* map_content_read - all or nothing */
struct map_content *
map_content_read(const char *path, enum map_kind kind, size_t size_max,
    struct stat *st, struct err *err)
{
	struct map_content *c;
	struct stat now;
	int fd, status;

	memset(st, 0, sizeof(*st));
	fd = map_open(path, size_max, st, err);
	if (fd < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->kind = kind;
	status = kind == MAP_CDB ?
	    map_read_cdb(c, path, fd, st->st_size, err) :
	    map_read_lines(c, path, fd, err);
	/* half of an old file and half of a new one are neither */
	if (status == WEIR_OK && (fstat(fd, &now) < 0 ||
	    now.st_size != st->st_size ||
	    now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != st->st_mtim.tv_nsec))
		status = err_set(err, WEIR_E_TEMP, "%s: it changed while it "
		    "was read", path);
	close(fd);
	if (status < 0)
		map_content_free(&c);
	return c;
}

/* map_find_net - the longest network that holds the address */
static const char *
map_find_net(const struct map_content *c, const char *key, size_t *work)
{
	const struct map_net *best = NULL;
	struct ip ip;

	if (!ip_parse(key, &ip))
		return NULL;
	*work = 10 + c->nets.n / 2;
	for (size_t i = 0; i < c->nets.n; i++) {
		const struct map_net *n = &c->nets.v[i];

		if ((best == NULL || n->net.bits > best->net.bits) &&
		    ip_in_net(&ip, &n->net))
			best = n;
	}
	return best != NULL ? best->value : NULL;
}

/* map_find_expr - the first expression that matches */
static int
map_find_expr(const struct map_content *c, weir_str key, const char **value,
    size_t *work)
{
	for (size_t i = 0; i < c->exprs.n; i++) {
		int n = regex_match(c->exprs.v[i].regex, key.ptr, key.len, 0,
		    NULL);

		*work += 20 + key.len / 8;
		if (n < 0)
			return n;
		if (n > 0) {
			*value = c->exprs.v[i].value;
			return WEIR_OK;
		}
	}
	return WEIR_OK;
}

/* map_find_cdb - as it is; then with a NUL behind key and value, as postmap
   writes them */
static int
map_find_cdb(struct map_content *c, weir_str key, struct buf *out)
{
	int found = cdb_find(&c->cdb, key.ptr, (unsigned)key.len);
	const char *data;
	size_t len;

	if (found == 0)
		found = cdb_find(&c->cdb, key.ptr, (unsigned)key.len + 1);
	if (found <= 0)
		return found < 0 ? WEIR_E_TEMP : 0;
	len = cdb_datalen(&c->cdb);
	data = cdb_getdata(&c->cdb);
	if (data == NULL || len > MAP_VALUE_MAX)
		return WEIR_E_TEMP;
	if (len > 0 && data[len - 1] == '\0')
		len--;
	buf_add(out, data, len);
	return 1;
}

/* map_content_find - by kind */
int
map_content_find(struct map_content *c, weir_str key, struct buf *out,
    size_t *work)
{
	char low[MAP_LINE_MAX];
	const char *value = NULL;
	int status = WEIR_OK;

	*work = 20;
	if (key.len >= sizeof(low))
		return 0;
	memcpy(low, key.ptr, key.len);
	low[key.len] = '\0';
	if (c->kind == MAP_WORDS || c->kind == MAP_CDB) {
		text_lower_in_place(low, key.len);
		*work += key.len / 16;
	}
	if (c->kind == MAP_CDB)
		return map_find_cdb(c, (weir_str){ low, key.len }, out);
	if (c->kind == MAP_WORDS)
		value = map_get(&c->words, (weir_str){ low, key.len });
	else if (c->kind == MAP_CIDR)
		value = strlen(low) == key.len ? map_find_net(c, low, work) :
						 NULL;
	else
		status = map_find_expr(c, key, &value, work);
	if (status < 0)
		return status;
	if (value == NULL)
		return 0;
	buf_add_str(out, value);
	return 1;
}
