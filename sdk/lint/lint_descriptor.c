/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lint_descriptor - read the descriptor in a child, as a host would.
 *
 * The child writes lines: "E check text", "W check text", "I id",
 * "V version", "L licence", "A major minor", "H [programs]" for each of its
 * helpers, "D" when it is through.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/ext/control.h>
#include <weir/ext/lua.h>
#include <weir/ext/remote.h>
#include <weir/ext/service.h>
#include <weir/ext/timer.h>

#include "base/alloc.h"
#include "conf/desc.h"
#include "host/load.h"
#include "host/table.h"
#include "lint.h"

#define SECONDS 10
#define REPORT_MAX (256 * 1024)

static int report = -1;

/* say - one line to the parent */
static void __attribute__((format(printf, 1, 2)))
say(const char *fmt, ...)
{
	struct buf line = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '\n')
			line.ptr[i] = ' ';
	}
	buf_add_char(&line, '\n');
	if (write(report, line.ptr, line.len) < 0)
		_exit(3);
	buf_fini(&line);
}

/* descriptor_labels - what people read */
static void
descriptor_labels(const struct weir_module *m)
{
	size_t n = strlen(m->summary);

	say("I %s", m->id);
	say("V %s", m->version);
	say("L %s", m->license);
	say("A %u %u", m->abi_major, m->abi_minor);
	for (uint32_t i = 0; m->helpers != NULL && m->helpers[i] != NULL; i++)
		say("H%s", (m->helpers[i]->flags & WEIR_HELPER_PROGRAMS) != 0 ?
			" programs" : "");
	if ((m->flags & ~(WEIR_F_WANT_HEADERS | WEIR_F_WANT_BODY |
			    WEIR_F_KEEPER)) != 0)
		say("W flags this host does not know all of them (%#x)",
		    m->flags);
	if (strchr(m->id, '.') == NULL)
		say("W id \"%s\" is not unique in the world: begin it with a "
		    "domain, backwards", m->id);
	if (m->version[0] == '\0')
		say("W version there is none");
	if (m->license[0] == '\0' ||
	    m->license[strspn(m->license, "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-() ")] != '\0')
		say("W license \"%s\" is no SPDX expression", m->license);
	if (n == 0 || n > 100 || strchr(m->summary, '\n') != NULL)
		say("W summary it should be one line");
	if (m->reserved0 != 0 || m->reserved1 != 0 || m->reserved2 != 0)
		say("E reserved the reserved members must be 0");
}

/* descriptor_help - texts that people miss */
static void
descriptor_help(const struct weir_option *o, const char *section)
{
	for (; o != NULL && o->name != NULL; o++) {
		size_t n = strlen(o->help);

		if (n < 8 || o->help[n - 1] != '.')
			say("W help option %s%s%s: the help should be a "
			    "sentence", section != NULL ? section : "",
			    section != NULL ? "." : "", o->name);
		if (o->type == WEIR_OPT_SECTION)
			descriptor_help(o->rows, o->name);
	}
}

/* descriptor_needs - is one of these tables among those that it asks for */
static bool
descriptor_needs(const struct weir_module *m, const char *const *ids)
{
	for (const char *const *n = m->needs; n != NULL && *n != NULL; n++) {
		for (const char *const *id = ids; *id != NULL; id++) {
			if (strcmp(*n, *id) == 0)
				return true;
		}
	}
	return false;
}

/* descriptor_runs - does anybody ever call it: mail, another module, a rule,
   an operator, a clock */
static bool
descriptor_runs(const struct weir_module *m)
{
	static const char *const callers[] = { WEIR_EXT_SERVICE, WEIR_EXT_LUA,
		WEIR_EXT_CONTROL, WEIR_EXT_TIMER, NULL };
	const struct weir_stages *const tables[] = { m->collect, m->decide,
		m->act };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		const struct weir_stages *t = tables[i];

		if (t != NULL &&
		    (t->connect != NULL || t->helo != NULL || t->mail != NULL ||
			t->rcpt != NULL || t->data != NULL ||
			t->header != NULL || t->eoh != NULL ||
			t->body != NULL || t->eom != NULL))
			return true;
	}
	return m->message_end != NULL || m->session_end != NULL ||
	    descriptor_needs(m, callers);
}

/* descriptor_use - does anything of it ever run */
static void
descriptor_use(const struct weir_module *m)
{
	static const char *const remote[] = { WEIR_EXT_REMOTE, NULL };

	if (!descriptor_runs(m))
		say("W stages nothing of it ever runs: no callback for any "
		    "stage or end, and what others could call (%s, %s, %s, %s) "
		    "is not among needs", WEIR_EXT_SERVICE, WEIR_EXT_LUA,
		    WEIR_EXT_CONTROL, WEIR_EXT_TIMER);
	for (const char *const *n = m->needs; n != NULL && *n != NULL; n++) {
		if (table_is_draft(*n))
			say("W draft %s may change or vanish", *n);
	}
	if (m->helpers != NULL && !descriptor_needs(m, remote))
		say("W needs there are helpers, but weir.remote/1 is not "
		    "among needs");
	for (const struct weir_symbol *s = m->symbols;
	     s != NULL && s->name != NULL; s++) {
		size_t n = strlen(s->help);

		if (n < 8 || s->help[n - 1] != '.')
			say("W help symbol %s: the help should be a sentence",
			    s->name);
	}
}

/* descriptor_child - never returns */
static void __attribute__((noreturn))
descriptor_child(const struct lint *l)
{
	char path[PATH_MAX];
	struct err err = { "" };
	const struct weir_module *m;

	alarm(SECONDS);
	if (realpath(l->path, path) == NULL)
		_exit(1);
	m = load_module(l->name, path, &err);
	if (m == NULL) {
		say("E descriptor %s", err.text);
	} else {
		if (desc_check(m, l->name, &err) < 0)
			say("E descriptor %s", err.text);
		descriptor_labels(m);
		descriptor_help(m->options, NULL);
		descriptor_use(m);
	}
	say("D");
	_exit(0);
}

/* descriptor_line - one of the child's; true: the last */
static bool
descriptor_line(struct lint *l, char *line)
{
	char *check = strlen(line) > 2 ? line + 2 : NULL, *text;

	switch (line[0]) {
	case 'E':
	case 'W':
		text = check != NULL ? strchr(check, ' ') : NULL;
		if (text != NULL) {
			static const char *const checks[] = { "descriptor",
				"id", "version", "license", "summary",
				"reserved", "help", "stages", "draft",
				"needs", "flags" };
			const char *known = "descriptor";

			*text = '\0';
			for (size_t i = 0;
			     i < sizeof(checks) / sizeof(*checks); i++) {
				if (strcmp(check, checks[i]) == 0)
					known = checks[i];
			}
			lint_add(l, line[0] == 'E' ? LINT_ERROR : LINT_WARNING,
			    known, "%s", text + 1);
		}
		return false;
	case 'I':
		l->id = xstrdup(check != NULL ? check : "");
		return false;
	case 'V':
		l->version = xstrdup(check != NULL ? check : "");
		return false;
	case 'L':
		l->license = xstrdup(check != NULL ? check : "");
		return false;
	case 'H':
		if (check != NULL && strcmp(check, "programs") == 0)
			l->has = LINT_MAY_PROGRAMS;
		else if (l->has == LINT_MAY_NONE)
			l->has = LINT_MAY_HELPER;
		return false;
	case 'A':
		sscanf(line + 1, "%u %u", &l->abi_major, &l->abi_minor);
		return false;
	default:
		return line[0] == 'D';
	}
}

/* descriptor_read - what the child has to say */
static void
descriptor_read(int fd, struct buf *out)
{
	ssize_t n;

	while (out->len < REPORT_MAX) {
		n = read(fd, buf_reserve(out, 4096), 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += (size_t)n;
		out->ptr[out->len] = '\0';
	}
}

/* lint_descriptor - whatever its code does, we live */
void
lint_descriptor(struct lint *l)
{
	struct buf text = BUF_INIT;
	bool done = false;
	int fds[2], status = 0;
	char *line, *save;
	pid_t pid;

	if (l->name == NULL || pipe(fds) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		report = fds[1];
		descriptor_child(l);
	}
	close(fds[1]);
	if (pid > 0)
		descriptor_read(fds[0], &text);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	buf_reserve(&text, 0);
	for (line = strtok_r(text.ptr, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		done = descriptor_line(l, line);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		lint_add(l, LINT_ERROR, "load", "it did not return within %d s when "
		    "it was loaded", SECONDS);
	else if (WIFSIGNALED(status))
		lint_add(l, LINT_ERROR, "load", "it died of signal %d (%s) when it "
		    "was loaded", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (!done)
		lint_add(l, LINT_ERROR, "load", "it ended the process when it was "
		    "loaded");
	buf_fini(&text);
}
