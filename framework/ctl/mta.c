/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/mta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ctl/format.h"

/* mta_version_parse - major.minor and whatever follows */
bool
mta_version_parse(const char *text, struct mta_env *env)
{
	char *end;
	long major, minor;

	if (!text_is_digit(text[0]) || strlen(text) >= sizeof(env->version))
		return false;
	major = strtol(text, &end, 10);
	if (*end != '.' || !text_is_digit(end[1]) || major > 1000)
		return false;
	minor = strtol(end + 1, &end, 10);
	if (minor > 1000 || strpbrk(end, " \n\r\t") != NULL)
		return false;
	env->major = (int)major;
	env->minor = (int)minor;
	snprintf(env->version, sizeof(env->version), "%s", text);
	return true;
}

/* mta_is_at_least - compare versions */
bool
mta_is_at_least(const struct mta_env *env, int major, int minor)
{
	return env->major > major ||
	    (env->major == major && env->minor >= minor);
}

/* mta_default_action - from 3.11 on a lost filter ends the session; before, a
   temporary refusal is the safest that there is */
const char *
mta_default_action(const struct mta_env *env)
{
	return mta_is_at_least(env, 3, 11) ? "shutdown" : "tempfail";
}

/* mta_seconds - rounded up */
static int64_t
mta_seconds(int64_t ms)
{
	return (ms + 999) / 1000;
}

/* mta_call_ms - the longest that one call of a module may take */
static int64_t
mta_call_ms(const struct conf *conf)
{
	int64_t most = conf->call_timeout_ms;

	for (size_t i = 0; i < conf->n_modules; i++) {
		if (conf->modules[i].timeout_ms > most)
			most = conf->modules[i].timeout_ms;
	}
	return most;
}

/* mta_at_least - not less than the MTA's own default */
static int64_t
mta_at_least(int64_t least, int64_t seconds)
{
	return seconds > least ? seconds : least;
}

/* mta_command_seconds - three phases of calls, and a margin */
int64_t
mta_command_seconds(const struct conf *conf)
{
	return mta_at_least(30, 3 * mta_seconds(mta_call_ms(conf)) + 10);
}

/* mta_content_seconds - the deadline of a message, and as much again */
int64_t
mta_content_seconds(const struct conf *conf)
{
	return mta_at_least(300, 2 * mta_seconds(conf->message_timeout_ms));
}

/* mta_policy_seconds - one request runs several stages */
int64_t
mta_policy_seconds(const struct conf *conf)
{
	return mta_at_least(100, mta_command_seconds(conf) +
		mta_seconds(conf->message_timeout_ms) + 10);
}

/* mta_plan_add - one more line */
void
mta_plan_add(struct mta_plan *plan, const char *name, const char *value,
    const char *why, ...)
{
	struct mta_line *l = vec_push(&plan->lines);
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, why);
	buf_vprintf(&text, why, ap);
	va_end(ap);
	l->why = buf_steal(&text);
	l->name = name != NULL ? xstrdup(name) : NULL;
	l->value = value != NULL ? xstrdup(value) : NULL;
}

/* mta_plan_fini - free it */
void
mta_plan_fini(struct mta_plan *plan)
{
	for (size_t i = 0; i < plan->lines.n; i++) {
		free(plan->lines.v[i].why);
		free(plan->lines.v[i].name);
		free(plan->lines.v[i].value);
	}
	vec_fini(&plan->lines);
}

/* mta_comment - wrapped, each line behind the comment sign */
static void
mta_comment(const char *sign, const char *text, struct buf *out)
{
	struct buf wrapped = BUF_INIT;
	size_t width = strlen(sign) + 1;
	char *line, *save;

	format_wrap(text, width, &wrapped);
	for (line = strtok_r(wrapped.ptr, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		/* the lines after the first are indented already */
		while (*line == ' ')
			line++;
		buf_printf(out, "%s %s\n", sign, line);
	}
	buf_fini(&wrapped);
}

/* mta_plan_text - the lines as they go into the MTA's file */
void
mta_plan_text(const struct mta_plan *plan, const struct mta_env *env,
    struct buf *out)
{
	bool sendmail = strcmp(plan->mta, "sendmail") == 0;
	const char *sign = sendmail ? "dnl #" : "#";
	struct buf head = BUF_INIT;

	buf_printf(&head, "For %s%s%s, in %s. Nothing was changed: copy what "
	    "suits.", plan->mta, env->version[0] != '\0' ? " " : "",
	    env->version, plan->file);
	mta_comment(sign, head.ptr, out);
	buf_fini(&head);
	for (size_t i = 0; i < plan->lines.n; i++) {
		const struct mta_line *l = &plan->lines.v[i];

		buf_add_char(out, '\n');
		mta_comment(sign, l->why, out);
		if (l->name == NULL)
			continue;
		if (!sendmail)
			buf_printf(out, "%s = %s\n", l->name, l->value);
		else if (strncmp(l->name, "conf", 4) == 0)
			buf_printf(out, "define(`%s', `%s')dnl\n", l->name,
			    l->value);
		else
			buf_printf(out, "INPUT_MAIL_FILTER(`%s', `%s')dnl\n",
			    l->name, l->value);
	}
}

/* mta_plan_json - the same for programs */
json_t *
mta_plan_json(const struct mta_plan *plan, const struct mta_env *env)
{
	json_t *settings = json_array(), *notes = json_array();

	for (size_t i = 0; i < plan->lines.n; i++) {
		const struct mta_line *l = &plan->lines.v[i];

		if (l->name == NULL)
			json_array_append_new(notes, json_string(l->why));
		else
			json_array_append_new(settings,
			    json_pack("{s:s,s:s,s:s}", "name", l->name,
				"value", l->value, "why", l->why));
	}
	return json_pack("{s:s,s:s,s:s,s:i,s:o,s:o}", "mta", plan->mta,
	    "version", env->version, "file", plan->file, "problems",
	    (int)plan->problems, "settings", settings, "notes", notes);
}
