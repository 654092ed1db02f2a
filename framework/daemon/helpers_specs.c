/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helpers_specs.h"

#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "conf/dump.h"
#include "conf/plain.h"
#include "conf/section.h"
#include "host/load.h"
#include "work/helper_exec.h"
#include "work/helper_spec.h"

/* the head of CONFIG's payload needs some room, too */
#define HELPER_PROGRAM_OPTIONS (WEIR_REMOTE_OCTETS - 8192u)

/* helpers_paths - what the PATH options of a section name */
static void
helpers_paths(struct helper_spec *spec, const struct weir_conf *conf)
{
	for (uint32_t i = 0; i < conf->n; i++) {
		const struct conf_value *v = &conf->values[i];

		if (conf->rows[i].type == WEIR_OPT_PATH && v->str.len > 0 &&
		    spec->n_readable < HELPER_SPEC_PATHS)
			spec->readable[spec->n_readable++] =
			    xstrdup(v->str.ptr);
		if (conf->rows[i].type != WEIR_OPT_SECTION)
			continue;
		for (uint32_t k = 0; k < v->n; k++)
			helpers_paths(spec, &v->sections[k]);
	}
}

static const struct weir_helper_host adapt_host = {
	.size = sizeof(struct weir_helper_host),
	.conf_bool = conf_bool,
	.conf_int = conf_int,
	.conf_real = conf_real,
	.conf_str = conf_str,
	.conf_list = conf_list,
	.conf_net = conf_net,
	.conf_sections = conf_sections,
	.conf_section = conf_section,
};

/* helpers_adapt - the numbers that its options want */
static int
helpers_adapt(const struct weir_helper *h, const struct conf_module *m,
    struct weir_helper_needs *out, struct err *err)
{
	int status = WEIR_OK;

	*out = (struct weir_helper_needs) { .size = sizeof(*out),
		.threads = h->threads, .processes = h->processes,
		.init_ms = h->init_ms, .memory = h->memory };
	if (h->adapt != NULL)
		status = h->adapt(&adapt_host, m->conf, out);
	if (status < 0)
		return err_set(err, status, "module %s: helper %s can't be "
		    "what these options want", m->name, h->name);
	if (out->threads < 1 || out->threads > WEIR_HELPER_THREADS_MAX ||
	    out->processes > WEIR_HELPER_PROCESSES_MAX || out->init_ms < 1 ||
	    out->init_ms > 3600000)
		return err_set(err, WEIR_E_INVAL, "module %s: helper %s asks "
		    "for numbers that make no sense", m->name, h->name);
	return WEIR_OK;
}

/* helpers_program - which program, with which options */
static int
helpers_program(struct helper_spec *spec, const struct weir_helper *h,
    const struct conf_module *m, struct err *err)
{
	struct helper_exec run;
	struct stat st;
	int status;

	if (h->program == NULL)
		return WEIR_OK;
	status = helper_exec_find(h->program, spec->path, &run, err);
	if (status < 0)
		return status;
	spec->program = xstrdup(run.program);
	spec->plain = conf_plain(m->conf);
	if (strlen(spec->plain) > HELPER_PROGRAM_OPTIONS)
		return err_set(err, WEIR_E_LIMIT, "module %s: the options are "
		    "longer than the %u octets that its program takes",
		    m->name, HELPER_PROGRAM_OPTIONS);
	if (stat(run.program, &st) == 0)
		spec->stamp = (uint64_t)st.st_ino * 31 +
		    (uint64_t)st.st_mtim.tv_sec * 1000000007 +
		    (uint64_t)st.st_mtim.tv_nsec + (uint64_t)st.st_size;
	return WEIR_OK;
}

/* helpers_spec - one helper of a module; options: of helper_spec */
static int
helpers_spec(const struct conf_module *m, uint32_t index, const char *options,
    struct buf *out, struct err *err)
{
	const struct weir_helper *h = m->desc->helpers[index];
	struct weir_helper_needs needs;
	struct helper_spec spec;
	int status = helpers_adapt(h, m, &needs, err);

	if (status < 0 || needs.processes == 0)
		return status;
	spec = (struct helper_spec) { .index = index, .flags = h->flags,
		.threads = needs.threads, .processes = needs.processes,
		.init_ms = needs.init_ms, .memory = needs.memory,
		.module = xstrdup(m->name), .name = xstrdup(h->name),
		.path = xstrdup(load_path(m->name)),
		.options = xstrdup(options),
		.readable = xcalloc(HELPER_SPEC_PATHS, sizeof(char *)) };
	status = helpers_program(&spec, h, m, err);
	helpers_paths(&spec, m->conf);
	if (status == WEIR_OK)
		helper_spec_put(out, &spec);
	helper_spec_fini(&spec);
	return status;
}

/* helpers_specs - from loaded modules to octets */
int
helpers_specs(const struct conf *conf, struct buf *out, struct err *err)
{
	int status = WEIR_OK;

	for (size_t i = 0; i < conf->n_modules && status == WEIR_OK; i++) {
		const struct conf_module *m = &conf->modules[i];
		const struct weir_helper *const *all = m->desc->helpers;
		struct buf options = BUF_INIT;

		conf_dump_module(conf, m, &options);
		for (uint32_t k = 0; all != NULL && all[k] != NULL &&
		     status == WEIR_OK; k++)
			status = helpers_spec(m, k, options.ptr, out, err);
		buf_fini(&options);
	}
	return status;
}
