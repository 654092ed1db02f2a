/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "conf/value.h"

/* rows_count - how many */
uint32_t
rows_count(const struct weir_option *rows)
{
	uint32_t n = 0;

	while (rows != NULL && rows[n].name != NULL)
		n++;
	return n;
}

/* rows_is_list - does it take a list of values */
static bool
rows_is_list(const struct weir_option *row)
{
	return row->type == WEIR_OPT_LIST || row->type == WEIR_OPT_NETLIST;
}

/* rows_name_is_sound - a-z first, then a-z 0-9 _ */
static bool
rows_name_is_sound(const char *name)
{
	return *name >= 'a' && *name <= 'z' && strlen(name) < 64 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
	    strlen(name);
}

/* rows_number_check - the default and the bounds of a number */
static int
rows_number_check(const struct weir_option *row, struct err *err)
{
	const char *texts[] = { row->lo, row->hi, row->fallback };
	struct weir_option plain = *row;
	struct err why;
	int64_t num;
	double real;

	if (row->type == WEIR_OPT_ENUM && value_enum_word(row->choices, 0).len
	    == 0)
		return err_set(err, WEIR_E_INVAL, "option %s has no choices",
		    row->name);
	plain.lo = plain.hi = NULL;
	for (int i = 0; i < 3; i++) {
		if (texts[i] == NULL || (i < 2 && row->type == WEIR_OPT_ENUM))
			continue;
		if (value_number_parse(i < 2 ? &plain : row, texts[i], &num,
			&real, &why) != WEIR_OK)
			return err_set(err, WEIR_E_INVAL,
			    "option %s: its %s \"%s\" %s", row->name,
			    i < 2 ? "bound" : "default", texts[i], why.text);
	}
	return WEIR_OK;
}

/* rows_netlist_parse - an address or network; err gets the end of a sentence */
static int
rows_netlist_parse(const char *text, struct ip_net *net, struct err *err)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT_MAX], clean[IP_TEXT_MAX];
	struct ip ip;
	int64_t bits;

	if (ip_net_parse(text, net))
		return WEIR_OK;
	if (slash != NULL && (size_t)(slash - text) < sizeof(host)) {
		memcpy(host, text, (size_t)(slash - text));
		host[slash - text] = '\0';
		if (ip_parse(host, &ip) &&
		    value_int_parse(slash + 1, &bits, NULL) == WEIR_OK &&
		    bits >= 0 && bits <= ip.len * 8) {
			ip_mask(&ip, (unsigned)bits);
			ip_print(&ip, clean);
			return err_set(err, WEIR_E_INVAL, "has bits set behind "
			    "the /%d (did you mean \"%s/%d\"?)", (int)bits,
			    clean, (int)bits);
		}
	}
	return err_set(err, WEIR_E_INVAL,
	    "is no network such as 192.0.2.0/24 or 2001:db8::/32");
}

/* rows_netlist_check - the networks of a default */
static int
rows_netlist_check(const struct weir_option *row, struct err *err)
{
	weir_str rest = text_slice(row->fallback != NULL ? row->fallback : "");
	struct ip_net net;
	struct err why;
	char one[80];

	while (text_trim(rest).len != 0) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma != NULL ? (size_t)(comma - rest.ptr) :
					     rest.len;
		weir_str item = text_trim((weir_str){ rest.ptr, len });

		snprintf(one, sizeof(one), "%.*s", (int)item.len, item.ptr);
		if (rows_netlist_parse(one, &net, &why) != WEIR_OK)
			return err_set(err, WEIR_E_INVAL,
			    "option %s: its default \"%s\" %s", row->name, one,
			    why.text);
		len += comma != NULL;
		rest = (weir_str){ rest.ptr + len, rest.len - len };
	}
	return WEIR_OK;
}

/* rows_check_at - one level of rows */
static int
rows_check_at(const struct weir_option *rows, unsigned level, struct err *err)
{
	uint32_t n = rows_count(rows);

	if (n > ROWS_MAX || level > ROWS_NEST_MAX)
		return err_set(err, WEIR_E_LIMIT,
		    "more than %d options, or sections nested too deep",
		    ROWS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		const struct weir_option *row = &rows[i];
		int rc = WEIR_OK;

		if (!rows_name_is_sound(row->name))
			return err_set(err, WEIR_E_INVAL,
			    "option name \"%s\" is malformed", row->name);
		for (uint32_t j = 0; j < i; j++) {
			if (strcmp(rows[j].name, row->name) == 0)
				return err_set(err, WEIR_E_INVAL,
				    "option %s is there twice", row->name);
		}
		if (row->help == NULL || row->type < WEIR_OPT_BOOL ||
		    row->type > WEIR_OPT_SECTION ||
		    (row->flags & ~(WEIR_OPT_REQUIRED | WEIR_OPT_SECRET)) != 0)
			return err_set(err, WEIR_E_INVAL, "option %s has no "
			    "help, or a type or flag that is unknown here",
			    row->name);
		if (value_is_number(row->type))
			rc = rows_number_check(row, err);
		else if (row->type == WEIR_OPT_NETLIST)
			rc = rows_netlist_check(row, err);
		else if (row->type == WEIR_OPT_SECTION)
			rc = rows_check_at(row->rows, level + 1, err);
		if (rc != WEIR_OK)
			return rc;
	}
	return WEIR_OK;
}

/* rows_check - are a module's rows sound */
int
rows_check(const struct weir_option *rows, struct err *err)
{
	return rows_check_at(rows, 0, err);
}

/* rows_opts - the same for libConfuse */
cfg_opt_t *
rows_opts(const struct weir_option *rows, struct pool *pool,
    cfg_validate_callback_t valid)
{
	uint32_t n = rows_count(rows);
	cfg_opt_t *opts = pool_array(pool, cfg_opt_t, n + 1);

	for (uint32_t i = 0; i < n; i++) {
		cfg_opt_t *opt = &opts[i];

		opt->name = rows[i].name;
		opt->validcb = valid;
		if (rows[i].type == WEIR_OPT_SECTION) {
			opt->type = CFGT_SEC;
			opt->flags = CFGF_MULTI;
			/* a single one that comes twice is told from its
			   count; libConfuse would merge the two */
			if ((rows[i].flags & SECTION_SINGLE) == 0)
				opt->flags |= CFGF_TITLE | CFGF_NO_TITLE_DUPES;
			opt->subopts = rows_opts(rows[i].rows, pool, valid);
		} else {
			opt->type = CFGT_STR;
			opt->flags = CFGF_LIST | CFGF_NODEFAULT;
		}
	}
	return opts;
}

/* rows_key - a pointer as a map's key */
static weir_str
rows_key(const void *const *what)
{
	return (weir_str){ (const char *)what, sizeof(*what) };
}

/* rows_origin_set - remember where something stands */
void
rows_origin_set(struct map *origins, const void *what, size_t token)
{
	map_set(origins, rows_key(&what), (void *)(uintptr_t)(token + 1));
}

/* rows_origin - where does it stand */
bool
rows_origin(const struct map *origins, const void *what, size_t *token)
{
	uintptr_t at = (uintptr_t)map_get(origins, rows_key(&what));

	if (at == 0)
		return false;
	*token = at - 1;
	return true;
}

/* rows_complain - a value is wrong; why completes the sentence */
static void
rows_complain(const struct rows *r, const struct weir_option *row,
    size_t token, const char *text, const char *why)
{
	if ((row->flags & WEIR_OPT_SECRET) != 0)
		scan_report(r->scan, CONF_ERROR, token,
		    "%s: the secret value is malformed", row->name);
	else
		scan_report(r->scan, CONF_ERROR, token, "%s: \"%s\" %s",
		    row->name, text, why);
}

/* rows_path - relative paths start from the file that they stand in */
static weir_str
rows_path(const struct rows *r, size_t token, const char *text)
{
	unsigned file = r->scan->tokens.v[token].file;

	if (*text == '/' || *text == '\0')
		return text_slice(pool_strdup(r->pool, text));
	return text_slice(pool_printf(r->pool, "%s/%s",
	    snapshot_dir(r->scan->snap, file), text));
}

/* rows_network - append the networks that the name stands for */
static bool
rows_network(const struct rows *r, const char *name, struct ip_net **nets,
    size_t *n, size_t *cap)
{
	for (uint32_t i = 0; i < r->n_networks; i++) {
		const struct conf_netset *set = r->networks[i].values[0].nets;

		if (!text_equals(r->networks[i].title, name))
			continue;
		for (size_t k = 0; k < set->n; k++) {
			*nets = vec_grow(*nets, cap, *n, sizeof(**nets));
			(*nets)[(*n)++] = set->net[k];
		}
		return true;
	}
	return false;
}

/* rows_netlist - the items as one set; item k stands at token + 2 k */
static void
rows_netlist(const struct rows *r, const struct weir_option *row,
    struct conf_value *v)
{
	struct ip_net *nets = NULL;
	size_t n = 0, cap = 0;
	struct err err;

	for (uint32_t i = 0; i < v->n; i++) {
		const char *text = v->items[i].ptr, *near = NULL;
		struct ip_net net;
		const char **names;

		if (rows_netlist_parse(text, &net, &err) == WEIR_OK) {
			nets = vec_grow(nets, &cap, n, sizeof(*nets));
			nets[n++] = net;
			continue;
		}
		if (rows_network(r, text, &nets, &n, &cap))
			continue;
		if (r->scan->report->n == CONF_REPORT_MAX) {
			rows_complain(r, row, v->token, text, err.text);
			continue;
		}
		names = pool_array(r->pool, const char *, r->n_networks + 1);
		for (uint32_t k = 0; k < r->n_networks; k++)
			names[k] = r->networks[k].title.ptr;
		if (text_is_alpha(*text) && strpbrk(text, ":/.") == NULL) {
			near = text_nearest(text, names);
			err_set(&err, WEIR_E_NOTFOUND,
			    "names no networks that are defined%s%s%s",
			    near != NULL ? " (did you mean \"" : "",
			    near != NULL ? near : "", near != NULL ? "\"?)" :
							   "");
		}
		rows_complain(r, row, v->token + 2 * i, text, err.text);
	}
	v->nets = conf_net_build(r->pool, nets, n);
	free(nets);
}

/* rows_text - make a value from one text; empty fallbacks included */
static void
rows_text(const struct rows *r, const struct weir_option *row,
    const char *text, struct conf_value *v)
{
	struct err err;

	if (value_is_number(row->type)) {
		if (value_number_parse(row, text, &v->num, &v->real, &err) !=
		    WEIR_OK)
			rows_complain(r, row, v->token, text, err.text);
		else if (row->type == WEIR_OPT_ENUM)
			v->str = pool_str(r->pool,
			    value_enum_word(row->choices, v->num));
	} else if (row->type == WEIR_OPT_PATH && v->origin == CONF_FILE) {
		v->str = rows_path(r, v->token, text);
	} else {
		v->str = text_slice(pool_strdup(r->pool, text));
	}
}

/* rows_default - the value of an option that the file does not set */
static void
rows_default(const struct rows *r, const struct weir_option *row,
    struct conf_value *v)
{
	const char *p = row->fallback != NULL ? row->fallback : "";
	weir_str rest = text_slice(p);

	if (row->fallback != NULL || !value_is_number(row->type))
		v->origin = CONF_DEFAULT;
	if (!rows_is_list(row)) {
		if (v->origin == CONF_DEFAULT)
			rows_text(r, row, p, v);
		return;
	}
	v->items = pool_array(r->pool, weir_str, rest.len + 1);
	while (text_trim(rest).len != 0) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma != NULL ? (size_t)(comma - rest.ptr) :
					     rest.len;

		v->items[v->n++] = pool_str(r->pool,
		    text_trim((weir_str){ rest.ptr, len }));
		len += comma != NULL;
		rest = (weir_str){ rest.ptr + len, rest.len - len };
	}
	if (row->type == WEIR_OPT_NETLIST)
		rows_netlist(r, row, v);
}

/* rows_option - the value of one option */
static void
rows_option(const struct rows *r, const struct weir_option *row,
    cfg_opt_t *opt, const struct weir_conf *sec, struct conf_value *v)
{
	const struct scan_token *t;
	uint32_t n;

	v->token = sec->token;
	if (opt == NULL || !rows_origin(r->origins, opt, &v->token)) {
		if ((row->flags & WEIR_OPT_REQUIRED) != 0)
			scan_report(r->scan, CONF_ERROR, v->token,
			    "%s is missing", row->name);
		rows_default(r, row, v);
		return;
	}
	t = &r->scan->tokens.v[v->token];
	v->origin = CONF_FILE;
	v->file = pool_strdup(r->pool, snapshot_path(r->scan->snap, t->file));
	v->line = t->line;
	n = cfg_opt_size(opt);
	if (n == 1 && strcmp(cfg_opt_getnstr(opt, 0), ROWS_EMPTY) == 0)
		n = 0;
	if (rows_is_list(row)) {
		v->items = pool_array(r->pool, weir_str, n + 1);
		for (; v->n < n; v->n++)
			v->items[v->n] = pool_str(r->pool,
			    text_slice(cfg_opt_getnstr(opt, v->n)));
		if (row->type == WEIR_OPT_NETLIST)
			rows_netlist(r, row, v);
	} else if (n != 1 || scan_kind(r->scan, v->token - 1) == '{') {
		scan_report(r->scan, CONF_ERROR, v->token,
		    "%s takes one value, not a list", row->name);
	} else {
		rows_text(r, row, cfg_opt_getnstr(opt, 0), v);
	}
}

/* rows_section - the sections of one row */
static void
rows_section(struct rows *r, const struct weir_option *row, cfg_opt_t *opt,
    const struct weir_conf *outer, struct conf_value *v)
{
	bool single = (row->flags & SECTION_SINGLE) != 0;
	uint32_t found = opt != NULL ? cfg_opt_size(opt) : 0;

	v->token = outer->token;
	if (found == 0 && (row->flags & WEIR_OPT_REQUIRED) != 0)
		scan_report(r->scan, CONF_ERROR, v->token,
		    "section %s is missing", row->name);
	v->origin = found != 0 ? CONF_FILE : CONF_DEFAULT;
	v->n = single ? 1 : found;
	v->sections = pool_array(r->pool, struct weir_conf, v->n + 1);
	for (uint32_t i = 0; i < v->n || i < found; i++) {
		cfg_t *sec = i < found ? cfg_opt_getnsec(opt, i) : NULL;
		struct weir_conf *out = &v->sections[i < v->n ? i : 0];
		const struct scan_token *t;

		if (sec != NULL && rows_origin(r->origins, sec, &out->token)) {
			t = &r->scan->tokens.v[out->token];
			if (i >= v->n) {
				scan_report(r->scan, CONF_ERROR, out->token,
				    "section %s is there twice (first in line "
				    "%u of %s)", row->name, out->line,
				    out->file);
				return;
			}
			out->file = pool_strdup(r->pool,
			    snapshot_path(r->scan->snap, t->file));
			out->line = t->line;
		}
		out->title = text_slice(sec != NULL && !single ?
			pool_strdup(r->pool, cfg_title(sec)) : "");
		rows_fill(r, row->rows, sec, out);
	}
}

/* rows_fill - make the values of one section */
void
rows_fill(struct rows *r, const struct weir_option *rows, cfg_t *sec,
    struct weir_conf *out)
{
	out->rows = rows;
	out->n = rows_count(rows);
	out->values = pool_array(r->pool, struct conf_value, out->n + 1);
	for (uint32_t i = 0; i < out->n; i++) {
		cfg_opt_t *opt = sec != NULL ? &sec->opts[i] : NULL;

		expect(opt == NULL || strcmp(opt->name, rows[i].name) == 0);
		if (rows[i].type == WEIR_OPT_SECTION)
			rows_section(r, &rows[i], opt, out, &out->values[i]);
		else
			rows_option(r, &rows[i], opt, out, &out->values[i]);
	}
}
