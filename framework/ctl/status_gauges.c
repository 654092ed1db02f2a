/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/status_gauges.h"

#include <stdio.h>
#include <string.h>

#include "ctl/format.h"
#include "obs/metric.h"

struct gauges {
	const struct conf *conf;
	json_t *out;
};

/* gauges_owner - the module whose gauge that is, or NULL; rest: its name for
   it.  "spf-x" has a longer name than "spf". */
static const char *
gauges_owner(const struct conf *conf, const char *name, const char **rest)
{
	const char *found = NULL;
	char prefix[128];

	*rest = name;
	for (size_t i = 0; i < conf->n_modules; i++) {
		int n = snprintf(prefix, sizeof(prefix), "weir_%.100s_",
		    conf->modules[i].name);

		for (char *p = prefix; *p != '\0'; p++) {
			if (*p == '-')
				*p = '_';
		}
		if (strncmp(name, prefix, (size_t)n) != 0 ||
		    name + n <= *rest)
			continue;
		*rest = name + n;
		found = conf->modules[i].name;
	}
	return found;
}

/* gauges_one - into its module's object */
static void
gauges_one(const char *name, const char *labels, int64_t value, void *arg)
{
	struct gauges *g = arg;
	const char *rest, *module = gauges_owner(g->conf, name, &rest);
	char key[METRIC_NAME_MAX + METRIC_LABELS_MAX + 4];
	json_t *o;

	if (module == NULL)
		return;
	snprintf(key, sizeof(key), labels[0] != '\0' ? "%s{%s}" : "%s", rest,
	    labels);
	o = json_object_get(g->out, module);
	if (o == NULL) {
		o = json_object();
		json_object_set_new(g->out, module, o);
	}
	json_object_set_new(o, key, json_integer(value));
}

/* status_gauges - what modules say of themselves */
json_t *
status_gauges(const struct conf *conf)
{
	struct gauges g = { conf, json_object() };

	metric_gauges(gauges_one, &g);
	return g.out;
}

/* gauges_value - by the unit that its name ends with */
static void
gauges_value(const char *key, int64_t value, struct buf *out)
{
	const char *unit = strrchr(key, '_');

	if (unit != NULL && strcmp(unit, "_seconds") == 0) {
		buf_printf(out, "%.*s ", (int)(unit - key), key);
		format_duration(value * 1000, out);
	} else if (unit != NULL && strcmp(unit, "_bytes") == 0) {
		buf_printf(out, "%s ", key);
		format_octets(value, out);
	} else {
		buf_printf(out, "%s %lld", key, (long long)value);
	}
}

/* status_gauges_text - one line a module, alarms below it */
void
status_gauges_text(const json_t *all, struct buf *out)
{
	const char *module, *key;
	json_t *o, *v;

	json_object_foreach((json_t *)(uintptr_t)all, module, o) {
		struct buf line = BUF_INIT, clean = BUF_INIT;
		size_t begin = out->len;

		json_object_foreach(o, key, v) {
			if (strcmp(key, "alarm") == 0)
				continue;
			if (line.len > 0)
				buf_add_str(&line, ", ");
			gauges_value(key, json_integer_value(v), &line);
		}
		if (line.len > 0) {
			buf_add_str(out, module);
			format_pad(out, begin, 11);
			format_clean(line.ptr, &clean);
			format_wrap(buf_str(&clean).ptr, 11, out);
		}
		buf_fini(&clean);
		buf_fini(&line);
		if (format_int(o, "alarm") > 0)
			buf_printf(out, "           ALARM: module %s is not "
			    "well: its lines in the log say why\n", module);
	}
}
