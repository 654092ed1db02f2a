/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakeconf - options for the fake host, from a few lines of text. */
#include "lib/fakehost_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fake_die - the test itself is wrong */
static void
fake_die(const char *what, const char *which)
{
	fprintf(stderr, "fakehost: %s: %s\n", what, which);
	abort();
}

/* fake_trim - cut blanks off both ends, in place */
static char *
fake_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

/* fake_conf_row - the number of a row by its name */
static uint32_t
fake_conf_row(const struct weir_option *rows, const char *name)
{
	uint32_t i;

	for (i = 0; rows != NULL && rows[i].name != NULL; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	fake_die("no such option", name);
	return 0;
}

/* fake_conf_assign - give a row a value and split it as a list, too */
static void
fake_conf_assign(struct fake_value *v, const char *text)
{
	char *copy = strdup(text), *item, *save = NULL;

	for (uint32_t i = 0; i < v->nitems; i++)
		free((char *)(uintptr_t)v->items[i].ptr);
	v->nitems = 0;
	free(v->text);
	v->text = strdup(text);
	for (item = strtok_r(copy, ",", &save); item != NULL;
	     item = strtok_r(NULL, ",", &save)) {
		item = fake_trim(item);
		if (*item == '\0')
			continue;
		v->items = fake_grow(v->items, v->nitems, sizeof(*v->items));
		v->items[v->nitems].ptr = strdup(item);
		v->items[v->nitems++].len = strlen(item);
	}
	free(copy);
}

/* fake_conf_line - one line of the text; NULL at its end */
static char *
fake_conf_line(const char **text)
{
	const char *end;
	char *line;

	if (**text == '\0')
		return NULL;
	end = strchrnul(*text, '\n');
	line = fake_dup(*text, (size_t)(end - *text));
	*text = *end == '\n' ? end + 1 : end;
	return line;
}

/* fake_conf_section - read `name title {` ... `}` into its row */
static void
fake_conf_section(struct weir_conf *c, char *line, const char **text)
{
	char *title = strpbrk(line, " \t");
	struct fake_value *v;
	uint32_t row;

	line[strlen(line) - 1] = '\0';
	if (title == NULL)
		fake_die("section without title", line);
	*title++ = '\0';
	row = fake_conf_row(c->rows, line);
	v = &c->values[row];
	v->sections = fake_grow(v->sections, v->nsections,
	    sizeof(*v->sections));
	v->titles = fake_grow(v->titles, v->nsections, sizeof(*v->titles));
	v->titles[v->nsections] = strdup(fake_trim(title));
	v->sections[v->nsections++] = fake_conf_parse(c->rows[row].rows, text);
}

/* fake_conf_parse - options from lines, up to `}` or the end */
struct weir_conf *
fake_conf_parse(const struct weir_option *rows, const char **text)
{
	struct weir_conf *c = calloc(1, sizeof(*c));
	char *raw, *line, *eq;
	uint32_t n = 0;
	bool done = false;

	while (rows != NULL && rows[n].name != NULL)
		n++;
	c->rows = rows;
	c->values = calloc(n + 1, sizeof(*c->values));
	for (uint32_t i = 0; i < n; i++)
		fake_conf_assign(&c->values[i],
		    rows[i].fallback != NULL ? rows[i].fallback : "");
	while (!done && (raw = fake_conf_line(text)) != NULL) {
		line = fake_trim(raw);
		eq = strchr(line, '=');
		if (strcmp(line, "}") == 0) {
			done = true;
		} else if (*line != '\0' && line[strlen(line) - 1] == '{') {
			fake_conf_section(c, line, text);
		} else if (eq != NULL) {
			*eq++ = '\0';
			fake_conf_assign(&c->values[fake_conf_row(rows,
			    fake_trim(line))], fake_trim(eq));
		} else if (*line != '\0') {
			fake_die("what is this", line);
		}
		free(raw);
	}
	return c;
}

/* fake_conf_free - free options and their sections */
void
fake_conf_free(struct weir_conf *c)
{
	for (uint32_t i = 0; c->rows != NULL && c->rows[i].name != NULL; i++) {
		struct fake_value *v = &c->values[i];

		for (uint32_t k = 0; k < v->nitems; k++)
			free((char *)(uintptr_t)v->items[k].ptr);
		for (uint32_t k = 0; k < v->nsections; k++) {
			fake_conf_free(v->sections[k]);
			free(v->titles[k]);
		}
		free(v->items);
		free(v->sections);
		free(v->titles);
		free(v->text);
	}
	free(c->values);
	free(c);
}

/* fake_bool - yes, true or on */
static bool
fake_bool(const weir_conf *c, uint32_t row)
{
	const char *t = c->values[row].text;

	return strcmp(t, "yes") == 0 || strcmp(t, "true") == 0 ||
	    strcmp(t, "on") == 0;
}

/* fake_duration - "1h30m" in milliseconds */
static int64_t
fake_duration(const char *t)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 } };
	int64_t sum = 0, n;
	char *end;
	size_t i;

	while (*t != '\0') {
		n = strtoll(t, &end, 10);
		for (i = 0; i < 5; i++) {
			size_t len = strlen(units[i].unit);

			if (strncmp(end, units[i].unit, len) == 0)
				break;
		}
		if (end == t || i == 5)
			fake_die("no duration", t);
		sum += n * units[i].ms;
		t = end + strlen(units[i].unit);
	}
	return sum;
}

/* fake_int - integers, durations, sizes and the index of a choice */
static int64_t
fake_int(const weir_conf *c, uint32_t row)
{
	const struct weir_option *o = &c->rows[row];
	const char *t = c->values[row].text, *p;
	int64_t index = 0;

	if (o->type == WEIR_OPT_DURATION)
		return fake_duration(t);
	if (o->type == WEIR_OPT_SIZE) {
		char *end;

		index = strtoll(t, &end, 10);
		return *end == 'k' ? index << 10 :
		    *end == 'M'	   ? index << 20 :
		    *end == 'G'	   ? index << 30 :
				     index;
	}
	if (o->type != WEIR_OPT_ENUM)
		return strtoll(t, NULL, 10);
	for (p = o->choices; *p != '\0'; index++) {
		size_t len = strcspn(p, "|");

		if (strlen(t) == len && strncmp(p, t, len) == 0)
			return index;
		p += len + (p[len] == '|');
	}
	fake_die("no such choice", t);
	return 0;
}

/* fake_real - a number with a fraction */
static double
fake_real(const weir_conf *c, uint32_t row)
{
	return strtod(c->values[row].text, NULL);
}

/* fake_str - the text of a row */
static weir_str
fake_str(const weir_conf *c, uint32_t row)
{
	return weir_str_of(c->values[row].text);
}

/* fake_list - the items of a row */
static uint32_t
fake_list(const weir_conf *c, uint32_t row, const weir_str **items)
{
	*items = c->values[row].items;
	return c->values[row].nitems;
}

/* fake_in_net - does an address lie in "a/b"? */
static bool
fake_in_net(const char *net, const char *addr)
{
	unsigned char a[16], b[16];
	char base[64];
	int family = strchr(addr, ':') != NULL ? AF_INET6 : AF_INET, bits;
	const char *slash = strchrnul(net, '/');

	snprintf(base, sizeof(base), "%.*s", (int)(slash - net), net);
	if (inet_pton(family, base, a) != 1 || inet_pton(family, addr, b) != 1)
		return false;
	bits = family == AF_INET ? 32 : 128;
	if (*slash == '/')
		bits = atoi(slash + 1);
	for (int i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

/* fake_in_list - does an address lie in one of the networks? */
bool
fake_in_list(const char *list, const char *addr)
{
	struct fake_value v = { 0 };
	bool in = false;

	fake_conf_assign(&v, list);
	for (uint32_t i = 0; i < v.nitems; i++) {
		in = in || fake_in_net(v.items[i].ptr, addr);
		free((char *)(uintptr_t)v.items[i].ptr);
	}
	free(v.items);
	free(v.text);
	return in;
}

/* fake_net - conf_net of the host's table */
static int
fake_net(const weir_conf *c, uint32_t row, const char *addr)
{
	return fake_in_list(c->values[row].text, addr);
}

/* fake_sections - how many sections a row has */
static uint32_t
fake_sections(const weir_conf *c, uint32_t row)
{
	return c->values[row].nsections;
}

/* fake_section - one of them */
static const weir_conf *
fake_section(const weir_conf *c, uint32_t row, uint32_t index, weir_str *title)
{
	if (index >= c->values[row].nsections)
		return NULL;
	*title = weir_str_of(c->values[row].titles[index]);
	return c->values[row].sections[index];
}

/* fake_conf_host - fill in the option readers */
void
fake_conf_host(struct weir_host *host)
{
	host->conf_bool = fake_bool;
	host->conf_int = fake_int;
	host->conf_real = fake_real;
	host->conf_str = fake_str;
	host->conf_list = fake_list;
	host->conf_net = fake_net;
	host->conf_sections = fake_sections;
	host->conf_section = fake_section;
}
