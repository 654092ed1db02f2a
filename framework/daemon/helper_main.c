/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_main - the program weir-helper: one module's dangerous half.
 *
 * Started by the master (helpers_spawn) with three descriptors: what it shall
 * be, the channel to the master, the socket that workers connect to.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "conf/load.h"
#include "conf/section.h"
#include "daemon/channel.h"
#include "daemon/helper_mail.h"
#include "daemon/helper_program.h"
#include "daemon/helpers.h"
#include "host/load.h"
#include "mail/late.h"
#include "work/helper_sandbox.h"
#include "work/helper_serve.h"
#include "work/helper_spec.h"

static struct helper_spec spec;
static const char *temp = "";

/* helper_main_log - the module speaks */
static void
helper_main_log(int level, weir_str line)
{
	char *text;

	if (line.ptr == NULL)
		return;
	text = xstrndup(line.ptr, line.len < 1000 ? line.len : 1000);
	channel_send(HELPERS_FD_CONTROL, CHANNEL_LOG, 0, level, text);
	free(text);
}

/* helper_main_temp - where it may write */
static const char *
helper_main_temp(void)
{
	return temp;
}

/* helper_main_fail - say why, and end */
static void __attribute__((noreturn))
helper_main_fail(const char *text)
{
	channel_send(HELPERS_FD_CONTROL, CHANNEL_FAILED, 0, WEIR_E_TEMP, text);
	_exit(1);
}

/* helper_main_spec - read what to be */
static void
helper_main_spec(void)
{
	struct stat st;
	const char *data;
	size_t len;

	if (fstat(HELPERS_FD_SPEC, &st) < 0 || st.st_size <= 0)
		goto bad;
	len = (size_t)st.st_size;
	data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, HELPERS_FD_SPEC, 0);
	if (data == MAP_FAILED || helper_spec_get(&data, &len, &spec) < 0)
		goto bad;
	close(HELPERS_FD_SPEC);
	return;
bad:
	fputs("weir-helper is started by weir, not by hand\n", stderr);
	_exit(2);
}

/* helper_main_describe - the only module there is here */
static const struct weir_module *
helper_main_describe(void *arg, const char *name, const char *path,
    struct err *err)
{
	(void)arg;
	(void)path;
	return load_module(name, spec.path, err);
}

/* helper_main_load - the module with its options */
static struct conf *
helper_main_load(void)
{
	static const struct conf_modules modules = {
		.describe = helper_main_describe };
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	struct conf_snapshot *snap = conf_snapshot_of("options", spec.options,
	    strlen(spec.options), &report);
	struct conf *conf = NULL;

	if (snap == NULL || conf_load(snap, &modules, &conf, &report) < 0 ||
	    conf->n_modules != 1) {
		conf_report_print(&report, &text);
		helper_main_fail(text.len > 0 ? text.ptr : "no options");
	}
	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

/* helper_main_table - the helper's functions */
static const struct weir_helper *
helper_main_table(const struct weir_module *m)
{
	for (uint32_t i = 0; m->helpers != NULL && m->helpers[i] != NULL; i++) {
		if (i == spec.index &&
		    strcmp(m->helpers[i]->name, spec.name) == 0)
			return m->helpers[i];
	}
	helper_main_fail("the module's file has no such helper any more");
}

/* helper_main_tick - a sign of life */
static void
helper_main_tick(void)
{
	static int64_t last;
	int64_t now = clock_mono_ms();

	if (now - last < 1000)
		return;
	last = now;
	helper_sandbox_cpu(&spec);
	if (spec.program[0] != '\0')
		helper_program_cpu();
}

static const struct weir_helper_host host = {
	.size = sizeof(struct weir_helper_host),
	.log = helper_main_log,
	.wall_ms = clock_wall_ms,
	.mono_ms = clock_mono_ms,
	.temp_dir = helper_main_temp,
	.respond = helper_serve_respond,
	.left_ms = helper_serve_left_ms,
	.conf_bool = conf_bool,
	.conf_int = conf_int,
	.conf_real = conf_real,
	.conf_str = conf_str,
	.conf_list = conf_list,
	.conf_net = conf_net,
	.conf_sections = conf_sections,
	.conf_section = conf_section,
	.decode = helper_mail_decode,
	.mail_open = helper_mail_open,
	.mail_part = helper_mail_part,
	.mail_name = helper_mail_name,
	.mail_data = helper_mail_data,
	.mail_close = helper_mail_close,
};

/* helper_main_functions - the module's table, up to the end of its init */
static void
helper_main_functions(struct helper_serve *serve)
{
	struct err err = { "" };
	struct conf *conf;
	int status;

	if (helper_sandbox_enter(&spec, temp, &err) < 0)
		helper_main_fail(err.text);
	conf = helper_main_load();
	serve->table = helper_main_table(conf->modules[0].desc);
	serve->threads = spec.threads;
	status = serve->table->init(&host, conf->modules[0].conf,
	    &serve->state);
	if (status < 0) {
		err_set(&err, status, "init refuses to start: %s (see its log "
		    "lines)", status_name(status));
		helper_main_fail(err.text);
	}
	if (helper_sandbox_narrow(&spec, &err) < 0)
		helper_main_fail(err.text);
}

/* helper_main_program - a program, up to its HELLO; nothing of the module's
   file is in this process */
static void
helper_main_program(struct helper_serve *serve)
{
	struct helper_spec own = spec;
	struct err err = { "" };

	if (helper_program_start(&spec, temp, &host, helper_main_fail,
		&err) < 0)
		helper_main_fail(err.text);
	/* the folder and the memory are the program's */
	own.flags = 0;
	if (helper_sandbox_enter(&own, "", &err) < 0)
		helper_main_fail(err.text);
	serve->table = &helper_program_table;
	serve->threads = helper_program_greet();
	if (helper_sandbox_narrow(&own, &err) < 0)
		helper_main_fail(err.text);
	helper_program_watch();
}

int
main(int argc, char **argv)
{
	struct helper_serve serve = { .listener = HELPERS_FD_LISTENER,
		.control = HELPERS_FD_CONTROL, .tick = helper_main_tick };
	int status;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* no file can be opened later */
	late_gmime();
	late_xml();
	helper_main_spec();
	if (argc > 2)
		temp = argv[2];
	if (spec.program[0] != '\0')
		helper_main_program(&serve);
	else
		helper_main_functions(&serve);
	channel_send(HELPERS_FD_CONTROL, CHANNEL_READY, 0, 0, NULL);
	status = helper_serve(&serve);
	if (status == 0 && serve.table->fini != NULL)
		serve.table->fini(serve.state);
	/* a leak checker could not work in here */
	_exit(status);
}
