/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_control - weir.control/1: commands of modules, run in calls of their
   own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/text.h"
#include "host/control.h"
#include "host/table.h"
#include "pipe/guard.h"

#define REPLY_MAX (16u << 20)

struct control_request {
	struct control_reply reply;
	control_done_fn *done;
	void *arg;
	char peer[24]; /* uid of the one who asks; empty: not known */
};

static struct control_command *commands, **commands_end = &commands;
static bool is_local; /* this is weirctl */

/* control_be_local - for weirctl */
void
control_be_local(void)
{
	is_local = true;
}

/* ext_control_add - a module offers a command */
static int
ext_control_add(weir_self *self, const char *name, const char *usage,
    const char *help, weir_control_fn *fn, bool local)
{
	struct control_command *c;

	if (self == NULL || name == NULL || usage == NULL || help == NULL ||
	    fn == NULL)
		return WEIR_E_INVAL;
	if (!loop_is_thread() || table_module(self)->created)
		return WEIR_E_STATE;
	for (c = commands; c != NULL; c = c->next) {
		if (c->module == table_module(self) &&
		    strcmp(c->name, name) == 0)
			return WEIR_E_EXISTS;
	}
	c = xcalloc(1, sizeof(*c));
	c->module = table_module(self);
	c->name = xstrdup(name);
	c->usage = xstrdup(usage);
	c->help = xstrdup(help);
	c->fn = fn;
	c->local = local;
	*commands_end = c;
	commands_end = &c->next;
	return WEIR_OK;
}

/* ext_control_command - one that the daemon runs */
static int
ext_control_command(weir_self *self, const char *name, const char *usage,
    const char *help, weir_control_fn *fn)
{
	return ext_control_add(self, name, usage, help, fn, false);
}

/* ext_control_local - one that weirctl runs */
static int
ext_control_local(weir_self *self, const char *name, const char *usage,
    const char *help, weir_control_fn *fn)
{
	return ext_control_add(self, name, usage, help, fn, true);
}

/* control_commands - all of them */
const struct control_command *
control_commands(void)
{
	return commands;
}

/* control_fini - forget them */
void
control_fini(void)
{
	while (commands != NULL) {
		struct control_command *c = commands;

		commands = c->next;
		free(c->name);
		free(c->usage);
		free(c->help);
		free(c);
	}
	commands_end = &commands;
}

/* control_closed - the command's call is over: answer */
static void
control_closed(struct call *c)
{
	struct control_request *r = c->closed_arg;

	if (c->failed && r->reply.status >= 0)
		r->reply.status = WEIR_E_TIMEOUT;
	if (c->failed && r->reply.err.len == 0)
		buf_add_str(&r->reply.err, "the module did not answer");
	r->done(&r->reply, r->arg);
	buf_fini(&r->reply.out);
	buf_fini(&r->reply.err);
	free(r);
}

/* control_run - run a command in its module */
int
control_run(const char *module, uint32_t argc, const char *const *argv,
    bool json, int64_t uid, int64_t timeout_ms, control_done_fn *done,
    void *arg)
{
	struct control_command *cmd = commands;
	struct control_request *r;
	const char **copy;
	struct call *c;
	int status;

	if (argc == 0)
		return WEIR_E_NOTFOUND;
	while (cmd != NULL && (strcmp(cmd->module->name, module) != 0 ||
				  strcmp(cmd->name, argv[0]) != 0))
		cmd = cmd->next;
	if (cmd == NULL)
		return WEIR_E_NOTFOUND;
	if (cmd->local && !is_local) {
		struct control_reply ours = { .out = BUF_INIT,
			.err = BUF_INIT, .status = WEIR_E_STATE,
			.local = true };

		done(&ours, arg);
		return WEIR_OK;
	}
	if (guard_is_benched(cmd->module)) {
		struct control_reply benched = { .out = BUF_INIT,
			.err = BUF_INIT, .status = WEIR_E_TEMP };

		buf_printf(&benched.err, "%s is benched after repeated "
		    "crashes", module);
		done(&benched, arg);
		buf_fini(&benched.err);
		return WEIR_OK;
	}
	r = xcalloc(1, sizeof(*r));
	r->done = done;
	r->arg = arg;
	if (uid >= 0)
		snprintf(r->peer, sizeof(r->peer), "%" PRId64, uid);
	c = call_begin(cmd->module, NULL, NULL, WEIR_STAGE_COUNT,
	    WEIR_PHASE_COUNT, WEIR_RCPT_NONE);
	c->timeout_ms = timeout_ms;
	c->closed = control_closed;
	c->closed_arg = r;
	c->is_control = true;
	c->may_block = cmd->local;
	copy = pool_array(call_pool(c, WEIR_SCOPE_MESSAGE), const char *,
	    argc + 1);
	for (uint32_t i = 0; i < argc; i++)
		copy[i] = pool_strdup(call_pool(c, WEIR_SCOPE_MESSAGE),
		    argv[i]);
	call_enter(c);
	status = cmd->fn(cmd->module->state, call_handle(c), argc, copy, json);
	if (status < 0) {
		r->reply.status = status;
		if (r->reply.err.len == 0 && status == WEIR_E_INVAL) {
			r->reply.misused = true;
			buf_printf(&r->reply.err, "usage: weirctl %s %s",
			    module, cmd->usage);
		} else if (r->reply.err.len == 0)
			buf_printf(&r->reply.err, "%s %s: %s", module, argv[0],
			    status_name(status));
		if (c->pending > 0)
			call_cancel(c, WEIR_E_CANCELLED);
	}
	call_leave(c);
	return WEIR_OK;
}

/* control_peer - who asked */
const char *
control_peer(const struct call *c)
{
	const struct control_request *r = c->closed_arg;

	return c->is_control && r->peer[0] != '\0' ? r->peer : NULL;
}

/* ext_control_request - the request that this call answers */
static struct control_request *
ext_control_request(weir_call *handle, int *status)
{
	struct call *c = table_call(handle, status);

	if (c == NULL)
		return NULL;
	if (!c->is_control) {
		*status = WEIR_E_STATE;
		return NULL;
	}
	return c->closed_arg;
}

static int
ext_control_print(weir_call *handle, weir_str text)
{
	int status;
	struct control_request *r = ext_control_request(handle, &status);

	if (r == NULL)
		return status;
	if (!table_is_str(text))
		return WEIR_E_INVAL;
	if (is_local) {
		fwrite(text.ptr, 1, text.len, stdout);
		return WEIR_OK;
	}
	if (text.len > REPLY_MAX - r->reply.out.len)
		return WEIR_E_LIMIT;
	buf_add(&r->reply.out, text.ptr, text.len);
	return WEIR_OK;
}

static int
ext_control_error(weir_call *handle, weir_str text)
{
	int status;
	struct control_request *r = ext_control_request(handle, &status);

	if (r == NULL)
		return status;
	if (!table_is_str(text))
		return WEIR_E_INVAL;
	if (r->reply.status >= 0)
		r->reply.status = WEIR_E_INVAL;
	if (text.len > REPLY_MAX - r->reply.err.len)
		return WEIR_E_LIMIT;
	buf_add(&r->reply.err, text.ptr, text.len);
	return WEIR_OK;
}

const struct weir_control ext_control_table = {
	.command = ext_control_command,
	.print = ext_control_print,
	.error = ext_control_error,
	.local = ext_control_local,
};
