/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/vec.h"
#include "ctl/format.h"
#include "daemon/worker.h"
#include "host/control.h"
#include "obs/metric.h"

static void ctl_help(struct ctl_request *r);
static void ctl_metrics(struct ctl_request *r);
static void ctl_reload(struct ctl_request *r);
static void ctl_stop(struct ctl_request *r);

const struct ctl_command ctl_commands[] = {
	{ "status", "status", "How the daemon, its workers and stores do.", 0,
	    0, cmd_status },
	{ "modules", "modules [NAME]",
	    "What each module is, did and is set to.", 0, 1, cmd_modules },
	{ "explain", "explain ID|QUEUE-ID",
	    "Why a message or client got what it got.", 1, 1, cmd_explain },
	{ "metrics", "metrics", "All counters, as OpenMetrics text.", 0, 0,
	    ctl_metrics },
	{ "reload", "reload",
	    "Check the configuration and change over to it.", 0, 0,
	    ctl_reload },
	{ "stop", "stop", "Finish open sessions and end the daemon.", 0, 0,
	    ctl_stop },
	{ "help", "help", "All commands, those of modules too.", 0, 0,
	    ctl_help },
	{ NULL, NULL, NULL, 0, 0, NULL }
};

/* ctl_done - answered */
void
ctl_done(struct ctl_request *r, int status)
{
	r->done(r, status);
}

/* ctl_fail - answered with a complaint */
void
ctl_fail(struct ctl_request *r, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&r->err, fmt, ap);
	va_end(ap);
	buf_add_char(&r->err, '\n');
	ctl_done(r, status);
}

/* ctl_answer - one value in the form that was asked for */
void
ctl_answer(struct ctl_request *r, json_t *value,
    void (*text)(const json_t *value, struct buf *out))
{
	char *dump = NULL;

	if (r->json) {
		dump = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(2) |
			JSON_REAL_PRECISION(15));
		buf_add_str(&r->out, dump != NULL ? dump : "null");
		buf_add_char(&r->out, '\n');
		free(dump);
	} else {
		text(value, &r->out);
	}
	json_decref(value);
	ctl_done(r, CTL_OK);
}

/* ctl_metrics - all series; in JSON one string */
static void
ctl_metrics(struct ctl_request *r)
{
	struct buf text = BUF_INIT;

	if (!r->json) {
		metric_render(&r->out);
		ctl_done(r, CTL_OK);
		return;
	}
	metric_render(&text);
	ctl_answer(r, json_stringn(buf_str(&text).ptr, text.len), NULL);
	buf_fini(&text);
}

/* ctl_on_reloaded - the master has said yes or no */
static void
ctl_on_reloaded(int status, const char *text, void *arg)
{
	struct ctl_request *r = arg;

	if (status < 0) {
		ctl_fail(r, CTL_FAILED, "%s%s"
		    "the old configuration stays in force", text,
		    text[0] == '\0' || text[strlen(text) - 1] == '\n' ? "" :
									"\n");
		return;
	}
	buf_add_str(&r->out, r->json ? "{\"reloaded\": true}\n" :
				       "reloaded\n");
	ctl_done(r, CTL_OK);
}

/* ctl_reload - ask the master, answer when it does */
static void
ctl_reload(struct ctl_request *r)
{
	if (!worker_reload(ctl_on_reloaded, r))
		ctl_fail(r, CTL_FAILED, "the master process does not answer");
}

/* ctl_stop - ask the master.  Under a service manager that is no end: whoever
   reaches the control socket, as a worker that was taken over does, would else
   leave the site without its filter. */
static void
ctl_stop(struct ctl_request *r)
{
	bool managed = getenv("NOTIFY_SOCKET") != NULL;

	if (!worker_stop_daemon()) {
		ctl_fail(r, CTL_FAILED, "the master process does not answer");
		return;
	}
	if (r->json)
		buf_printf(&r->out, "{\"stopping\": true, \"managed\": %s}\n",
		    managed ? "true" : "false");
	else
		buf_printf(&r->out, "stopping%s\n", managed ?
			", until the service manager starts it again; for good: "
			"systemctl stop weir" : "");
	ctl_done(r, CTL_OK);
}

/* ctl_help_row - one command */
static void
ctl_help_row(json_t *all, const char *module, const char *name,
    const char *usage, const char *help)
{
	json_array_append_new(all, json_pack("{s:s?,s:s,s:s,s:s}", "module",
	    module, "name", name, "usage", usage, "help", help));
}

/* ctl_help_text - usage and help in two columns */
static void
ctl_help_text(const json_t *all, struct buf *out)
{
	size_t i;
	json_t *c;

	json_array_foreach(all, i, c) {
		const char *module = format_str(c, "module");
		size_t line = out->len;

		buf_add_str(out, "  ");
		if (module[0] != '\0')
			buf_printf(out, "%s ", module);
		format_clean(format_str(c, "usage"), out);
		format_pad(out, line, 30);
		format_wrap(format_str(c, "help"), 30, out);
	}
}

/* ctl_help - ours, then the modules' */
static void
ctl_help(struct ctl_request *r)
{
	json_t *all = json_array();

	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		ctl_help_row(all, NULL, c->name, c->usage, c->help);
	for (const struct control_command *c = control_commands(); c != NULL;
	     c = c->next)
		ctl_help_row(all, c->module->name, c->name, c->usage, c->help);
	ctl_answer(r, all, ctl_help_text);
}

/* ctl_on_module - a module's command has answered */
static void
ctl_on_module(const struct control_reply *reply, void *arg)
{
	struct ctl_request *r = arg;

	buf_add(&r->out, reply->out.ptr, reply->out.len);
	buf_add(&r->err, reply->err.ptr, reply->err.len);
	if (r->err.len > 0 && r->err.ptr[r->err.len - 1] != '\n')
		buf_add_char(&r->err, '\n');
	ctl_done(r, reply->local ? CTL_LOCAL :
		reply->misused ? CTL_UNKNOWN :
		reply->status < 0 ? CTL_FAILED : CTL_OK);
}

/* ctl_module_usage - the commands of one module; false: it has none */
static bool
ctl_module_usage(const char *module, struct buf *out)
{
	bool any = false;

	for (const struct control_command *c = control_commands(); c != NULL;
	     c = c->next) {
		if (strcmp(c->module->name, module) != 0)
			continue;
		any = true;
		buf_printf(out, "  %s %s\n      %s\n", module, c->usage,
		    c->help);
	}
	return any;
}

/* ctl_unknown_in_module - MODULE is known, COMMAND is not */
static void
ctl_unknown_in_module(struct ctl_request *r, const char *usage)
{
	VEC(const char *) names = VEC_INIT;
	const char *near = NULL;

	for (const struct control_command *c = control_commands(); c != NULL;
	     c = c->next) {
		if (strcmp(c->module->name, r->argv[0]) == 0)
			*(const char **)vec_push(&names) = c->name;
	}
	*(const char **)vec_push(&names) = NULL;
	if (r->argc > 1) {
		near = text_nearest(r->argv[1], names.v);
		buf_printf(&r->err, "%s has no command \"%s\"", r->argv[0],
		    r->argv[1]);
		if (near != NULL)
			buf_printf(&r->err, "; did you mean \"%s\"?", near);
		buf_add_char(&r->err, '\n');
	}
	vec_fini(&names);
	ctl_fail(r, CTL_UNKNOWN, "commands of %s:\n%.*s", r->argv[0],
	    (int)strlen(usage) - 1, usage);
}

/* ctl_unknown - neither a command nor a module with commands */
static void
ctl_unknown(struct ctl_request *r)
{
	VEC(const char *) names = VEC_INIT;
	const char *near;

	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		*(const char **)vec_push(&names) = c->name;
	/* weirctl's own commands are spelt wrong, too */
	*(const char **)vec_push(&names) = "check";
	*(const char **)vec_push(&names) = "config";
	*(const char **)vec_push(&names) = "doctor";
	*(const char **)vec_push(&names) = "mta-config";
	for (const struct control_command *c = control_commands(); c != NULL;
	     c = c->next)
		*(const char **)vec_push(&names) = c->module->name;
	*(const char **)vec_push(&names) = NULL;
	near = text_nearest(r->argv[0], names.v);
	if (near != NULL)
		ctl_fail(r, CTL_UNKNOWN, "there is no command or module "
		    "\"%s\"; did you mean \"%s\"?", r->argv[0], near);
	else
		ctl_fail(r, CTL_UNKNOWN, "there is no command or module "
		    "\"%s\"; see weirctl help", r->argv[0]);
	vec_fini(&names);
}

/* Commands of modules that go without the module's name. */
static const struct {
	const char *word, *module;
} ctl_aliases[] = { { "lists", "quarantine" } };

/* ctl_run_module - MODULE COMMAND ... */
static void
ctl_run_module(struct ctl_request *r)
{
	struct buf usage = BUF_INIT;

	if (r->argc > 1 &&
	    control_run(r->argv[0], r->argc - 1, r->argv + 1, r->json,
		r->uid, CTL_MODULE_MS, ctl_on_module, r) != WEIR_E_NOTFOUND)
		return;
	for (size_t i = 0; i < sizeof(ctl_aliases) / sizeof(*ctl_aliases); i++) {
		if (strcmp(ctl_aliases[i].word, r->argv[0]) == 0 &&
		    control_run(ctl_aliases[i].module, r->argc, r->argv,
			r->json, r->uid, CTL_MODULE_MS, ctl_on_module, r) !=
			WEIR_E_NOTFOUND)
			return;
	}
	if (ctl_module_usage(r->argv[0], &usage))
		ctl_unknown_in_module(r, usage.ptr);
	else
		ctl_unknown(r);
	buf_fini(&usage);
}

/* ctl_run - find it and start it */
void
ctl_run(struct ctl_request *r)
{
	const struct ctl_command *c = ctl_commands;

	while (c->name != NULL && strcmp(c->name, r->argv[0]) != 0)
		c++;
	if (c->name == NULL)
		ctl_run_module(r);
	else if (r->argc - 1 < c->args_min || r->argc - 1 > c->args_max)
		ctl_fail(r, CTL_UNKNOWN, "usage: weirctl %s", c->usage);
	else
		c->fn(r);
}
