/* SPDX-License-Identifier: GPL-2.0-only */
/* command - weirctl antivirus status | reload | scan | freshclam */
#include "antivirus.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

#define POLL_MS 200
#define FILE_MAX (256u << 20)

static const char command_away[] =
    "the scanner is not there: the log says why (event=helper.death); after\n"
    "too many deaths (event=helper.benched) it is started again when the time\n"
    "`bench` of crash { } is over, or by a reload (weirctl reload)\n";

/* One run of a command. */
struct command {
	struct antivirus *m;
	bool json;
	bool reload;
	/* scan */
	uint32_t argc, at; /* argv[at] is under way */
	const char *const *argv;
	char *data; /* of the file */
	size_t len;
	char problem[200];
	json_t *results;
	bool bad; /* something was found, or went wrong */
};

/* command_print - formatted text of the answer */
__attribute__((format(printf, 3, 4))) static void
command_print(const struct command *c, weir_call *call, const char *format,
    ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	c->m->control->print(call, (weir_str) { text, (size_t)n });
	free(text);
}

/* command_json - one document */
static void
command_json(const struct command *c, weir_call *call, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	if (text != NULL)
		command_print(c, call, "%s\n", text);
	free(text);
}

/* command_new - memory for one run */
static struct command *
command_new(struct antivirus *m, bool json)
{
	struct command *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->m = m;
		c->json = json;
	}
	return c;
}

/* command_free - the run is over */
static void
command_free(struct command *c)
{
	json_decref(c->results);
	free(c->data);
	free(c);
}

/* command_row - one line, if there is something to say */
static void
command_row(const struct command *c, weir_call *call, const char *name,
    const char *value)
{
	if (value != NULL && value[0] != '\0')
		command_print(c, call, "%-12s %s\n", name, value);
}

/* command_number - the same for a number */
static void
command_number(const struct command *c, weir_call *call, const json_t *o,
    const char *name, const char *key, const char *unit)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v))
		command_print(c, call, "%-12s %lld%s\n", name,
		    (long long)json_integer_value(v), unit);
}

/* command_age - in what people count in */
static void
command_age(const struct command *c, weir_call *call, const json_t *o)
{
	const json_t *v = json_object_get(o, "age_s");
	long long s = json_integer_value(v);

	if (!json_is_integer(v))
		return;
	command_print(c, call, "%-12s %lld %s%s\n", "age",
	    s < 7200 ? s / 60 : s < 172800 ? s / 3600 : s / 86400,
	    s < 7200 ? "minutes" : s < 172800 ? "hours" : "days",
	    json_is_true(json_object_get(o, "old")) ? ", too old" : "");
}

/* command_state - for people */
static void
command_state(const struct command *c, weir_call *call, const json_t *o)
{
	static const char *const words[][2] = { { "state", "state" },
		{ "backend", "backend" }, { "engine", "engine" },
		{ "database", "database" } };
	const json_t *demoted = json_object_get(o, "demoted");
	size_t i;
	json_t *v;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		command_row(c, call, words[i][0],
		    json_string_value(json_object_get(o, words[i][1])));
	/* signatures of one's own have none */
	if (json_integer_value(json_object_get(o, "version")) > 0)
		command_number(c, call, o, "version", "version", "");
	command_number(c, call, o, "signatures", "signatures", "");
	command_age(c, call, o);
	command_number(c, call, o, "memory", "memory", " octets");
	command_number(c, call, o, "generation", "generation", "");
	command_number(c, call, o, "scans", "scans", "");
	command_number(c, call, o, "from cache", "cached", "");
	command_number(c, call, o, "failures", "failures", "");
	command_number(c, call, o, "reloads", "reloads", "");
	command_number(c, call, o, "bad reloads", "reload_failures", "");
	json_array_foreach(demoted, i, v)
		command_row(c, call, "demoted", json_string_value(v));
	command_row(c, call, "problem",
	    json_string_value(json_object_get(o, "problem")));
}

static void command_on_poll(weir_call *call, int status, void *arg);

/* command_status_done - print it, or wait until the reload is over */
static void
command_status_done(weir_call *call, int status, const char *text, void *arg)
{
	struct command *c = arg;
	json_t *o = status == WEIR_OK ? json_loads(text, 0, NULL) : NULL;
	const char *problem = json_string_value(json_object_get(o, "problem"));

	if (o == NULL) {
		c->m->control->error(call, weir_str_of(command_away));
	} else if (c->reload &&
	    (json_is_true(json_object_get(o, "loading")) ||
		json_is_true(json_object_get(o, "asked"))) &&
	    c->m->timer->after(call, POLL_MS, command_on_poll, c) ==
		WEIR_OK) {
		json_decref(o);
		return;
	} else if (c->json) {
		command_json(c, call, o);
	} else {
		command_state(c, call, o);
	}
	/* after a reload an alarm is a failure */
	if (c->reload && problem != NULL && problem[0] != '\0') {
		c->m->control->error(call, weir_str_of(problem));
		c->m->control->error(call, WEIR_STR("\n"));
	}
	json_decref(o);
	command_free(c);
}

/* command_on_poll - ask again */
static void
command_on_poll(weir_call *call, int status, void *arg)
{
	struct command *c = arg;

	if (status == WEIR_OK)
		status = av_report_ask(c->m, call, AV_ASK_STATUS,
		    command_status_done, c);
	if (status < 0)
		command_free(c);
}

/* command_ask - status and reload */
static int
command_ask(struct antivirus *m, weir_call *call, bool json, bool reload)
{
	struct command *c = command_new(m, json);
	int status;

	if (c == NULL)
		return WEIR_E_NOMEM;
	c->reload = reload;
	status = av_report_ask(m, call, reload ? AV_ASK_RELOAD :
		AV_ASK_STATUS, command_status_done, c);
	if (status < 0) {
		m->control->error(call, weir_str_of(command_away));
		command_free(c);
	}
	return status;
}

/* command_status - status */
static int
command_status(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	(void)argv;
	return argc == 1 ? command_ask(state, call, json, false) :
			   WEIR_E_INVAL;
}

/* command_reload - reload */
static int
command_reload(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct antivirus *m = state;

	(void)argv;
	if (argc != 1)
		return WEIR_E_INVAL;
	if (m->backend == AV_BACKEND_CLAMD) {
		m->control->error(call, WEIR_STR("clamd reloads itself: "
		    "clamdscan --reload\n"));
		return WEIR_E_UNSUPPORTED;
	}
	return command_ask(m, call, json, true);
}

/* command_read - in the pool: the file's octets */
static int
command_read(weir_jobctx *ctx, void *arg)
{
	struct command *c = arg;
	int fd = open(c->argv[c->at], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	(void)ctx;
	c->problem[0] = '\0';
	c->len = 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(c->problem, sizeof(c->problem), "%s",
		    strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(c->problem, sizeof(c->problem), "%s",
		    S_ISREG(st.st_mode) ? "larger than 256 MiB" :
					  "not a regular file");
	} else {
		free(c->data);
		c->data = malloc((size_t)st.st_size + 1);
		while (c->data != NULL && c->len < (size_t)st.st_size &&
		    (n = read(fd, c->data + c->len,
			 (size_t)st.st_size - c->len)) > 0)
			c->len += (size_t)n;
		if (c->data == NULL || c->len < (size_t)st.st_size)
			snprintf(c->problem, sizeof(c->problem),
			    "can't be read");
	}
	if (fd >= 0)
		close(fd);
	return WEIR_OK;
}

/* command_is_mail - does it begin with a header field? */
static bool
command_is_mail(const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && i < 80 && data[i] > ' ' && data[i] != ':' &&
	    (unsigned char)data[i] < 0x7f)
		i++;
	return i > 0 && i < len && data[i] == ':';
}

/* command_result - what was found in one file */
static void
command_result(struct command *c, weir_call *call,
    const struct av_result *r)
{
	const char *file = c->argv[c->at];
	json_t *names = json_array(), *o;

	if (r == NULL || r->failed) {
		const char *why = c->problem[0] != '\0' ? c->problem :
		    r != NULL			       ? r->why :
							 "no answer";

		c->bad = true;
		if (!c->json)
			command_print(c, call, "%s: unscanned: %s\n", file,
			    why);
		o = json_pack("{s:s,s:s,s:s}", "file", file, "result",
		    "unscanned", "problem", why);
	} else {
		const char *word = "clean";

		for (int k = AV_CLASSES; k-- > 0;) {
			if (av_result_find(r, (enum av_class)k) != NULL)
				word = av_class_word((enum av_class)k);
		}
		c->bad = c->bad || r->n > 0;
		if (!c->json)
			command_print(c, call, "%s: %s", file, word);
		for (uint32_t i = 0; i < r->n; i++) {
			if (!c->json)
				command_print(c, call, " %s", r->hit[i].name);
			json_array_append_new(names,
			    json_string(r->hit[i].name));
		}
		if (!c->json)
			command_print(c, call, "\n");
		o = json_pack("{s:s,s:s,s:O,s:b,s:I}", "file", file, "result",
		    word, "names", names, "cached", r->cached, "us",
		    (json_int_t)r->elapsed_us);
	}
	json_decref(names);
	json_array_append_new(c->results, o);
}

static int command_next(struct command *c, weir_call *call);

/* command_scanned - one file */
static void
command_scanned(weir_call *call, int status, const struct av_result *r,
    void *arg)
{
	struct command *c = arg;

	if (status == WEIR_E_CANCELLED || status == WEIR_E_TIMEOUT) {
		command_free(c);
		return;
	}
	if (status < 0)
		snprintf(c->problem, sizeof(c->problem), "%s",
		    status == WEIR_E_INTERNAL ? "it ends the scanner" :
						"the scanner is not there");
	command_result(c, call, status == WEIR_OK ? r : NULL);
	c->at++;
	if (command_next(c, call) < 0)
		command_free(c);
}

/* command_has_read - its octets are there */
static void
command_has_read(weir_call *call, int status, void *arg)
{
	struct command *c = arg;
	struct av_piece file = { { c->data, c->len }, false };

	if (status < 0) {
		command_free(c);
		return;
	}
	file.mail = c->len > 0 && command_is_mail(c->data, c->len);
	if (c->problem[0] == '\0' && av_backend_data(c->m, call, &file, 1,
	    command_scanned, c) == WEIR_OK)
		return;
	command_scanned(call, WEIR_OK, NULL, c);
}

/* command_next - the next file, or the end */
static int
command_next(struct command *c, weir_call *call)
{
	if (c->at < c->argc)
		return c->m->job->start(call, command_read, command_has_read,
		    c);
	if (c->json)
		command_json(c, call, c->results);
	/* as clamscan: status 1 if anything was found */
	if (c->bad)
		c->m->control->error(call, WEIR_STR("not all files are "
		    "clean\n"));
	command_free(c);
	return WEIR_OK;
}

/* command_scan - scan FILE... */
static int
command_scan(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct antivirus *m = state;
	struct command *c;
	int status;

	if (argc < 2)
		return WEIR_E_INVAL;
	for (uint32_t i = 1; i < argc; i++) {
		if (argv[i][0] == '/')
			continue;
		m->control->error(call, WEIR_STR("FILE must be an absolute "
		    "path that the daemon's user may read\n"));
		return WEIR_E_UNSUPPORTED;
	}
	c = command_new(m, json);
	if (c == NULL)
		return WEIR_E_NOMEM;
	c->argc = argc;
	c->argv = argv;
	c->at = 1;
	c->results = json_array();
	status = command_next(c, call);
	if (status < 0)
		command_free(c);
	return status;
}

/* command_freshclam_json - the same by freshclam's names */
static void
command_freshclam_json(const struct command *c, weir_call *call,
    const weir_str *mirrors, uint32_t n)
{
	weir_str dir = c->m->host->conf_str(c->m->conf, OPT_DATABASE);
	json_t *list = json_array(), *o;

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(mirrors[i].ptr));
	o = json_pack("{s:s,s:o}", "DatabaseDirectory", dir.ptr,
	    "DatabaseMirror", list);
	command_json(c, call, o);
	json_decref(o);
}

/* command_freshclam - a configuration for the updater */
static int
command_freshclam(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct antivirus *m = state;
	const weir_str *mirrors;
	struct command c = { .m = m };
	uint32_t n = m->host->conf_list(m->conf, OPT_MIRROR, &mirrors);

	(void)argv;
	if (argc != 1)
		return WEIR_E_INVAL;
	if (json) {
		command_freshclam_json(&c, call, mirrors, n);
		return WEIR_OK;
	}
	command_print(&c, call, "# for freshclam, from weir.conf\n"
	    "DatabaseDirectory %s\n",
	    m->host->conf_str(m->conf, OPT_DATABASE).ptr);
	for (uint32_t i = 0; i < n; i++)
		command_print(&c, call, "DatabaseMirror %s\n",
		    mirrors[i].ptr);
	command_print(&c, call, "# Weir notices new databases itself: "
	    "NotifyClamd is not needed.\n");
	return WEIR_OK;
}

/* av_command_register - tell weirctl what we know */
int
av_command_register(struct antivirus *m)
{
	static const struct {
		const char *name, *usage, *help;
		weir_control_fn *fn;
	} commands[] = {
		{ "status", "status",
		    "Engine, database and its age, what the cache and the "
		    "breaker do.", command_status },
		{ "reload", "reload",
		    "Load the virus database anew and wait for it.",
		    command_reload },
		{ "scan", "scan FILE...",
		    "Scan files (absolute paths); status 1 if not all are "
		    "clean.", command_scan },
		{ "freshclam", "freshclam",
		    "Print a configuration for freshclam.",
		    command_freshclam } };

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		int status = m->control->command(m->self, commands[i].name,
		    commands[i].usage, commands[i].help, commands[i].fn);

		if (status < 0)
			return status;
	}
	return WEIR_OK;
}
