/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/weirctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/version.h>

#include "base/alloc.h"
#include "base/text.h"
#include "conf/load.h"
#include "ctl/commands.h"
#include "ctl/format.h"
#include "ctl/weirctl_replay.h"
#include "ctl/weirctl_rules.h"
#include "host/load.h"

const struct weirctl_command weirctl_commands[] = {
	{ "check", "check [FILE]",
	    "Check a configuration as weir -t does: exit status 0 clean, 1 "
	    "warnings, 2 refused.", weirctl_check },
	{ "config", "config show [--origin]",
	    "Every effective value of the configuration, and where it comes "
	    "from.", weirctl_config },
	{ "doctor", "doctor",
	    "Check host, configuration, resolver, daemon and MTA.",
	    weirctl_doctor },
	{ "mta-config", "mta-config postfix|sendmail [--version X.Y] "
	    "[--config-dir DIR]",
	    "The settings that make the MTA ask Weir.", weirctl_mta_config },
	{ "rules", RULES_CHECK_USAGE,
	    "Compile rule files and look for unknown names, without a daemon: "
	    "exit status 0 clean, 1 mistakes.", weirctl_rules },
	{ "rules test", RULES_TEST_USAGE,
	    "Run mails through rule files, without a daemon: what each rule "
	    "made of them.", weirctl_rules },
	{ "replay", REPLAY_USAGE,
	    "Decide recorded sessions again with another configuration: what "
	    "would change. Asks nobody, changes nothing.", weirctl_replay },
	{ "explain", NULL, NULL, weirctl_explain },
	{ "help", NULL, NULL, weirctl_help },
	{ NULL, NULL, NULL, NULL }
};

/* weirctl_usage - in short */
static void
weirctl_usage(FILE *out)
{
	fputs("usage: weirctl [-s SOCKET] [-c FILE] [--json] COMMAND ...\n"
	      "  -s SOCKET  the daemon's control socket\n"
	      "             (" WEIR_RUNDIR "/control.sock)\n"
	      "  -c FILE    configuration (" WEIR_SYSCONFDIR "/weir.conf);\n"
	      "             also tells the socket\n"
	      "  --json     answer in JSON\n"
	      "  --offline  run a module's command in this process, not in the\n"
	      "             daemon\n"
	      "  --zone FILE  run a module's command in this process, with "
	      "the DNS\n"
	      "             from a master file\n"
	      "  --db DIR   the same, with the module's files in this folder\n"
	      "  -V         print the version\n"
	      "  -h         print this help\n", out);
}

/* weirctl_print - text from the daemon, safe for a terminal */
static void
weirctl_print(FILE *f, const struct buf *text, bool as_is)
{
	struct buf clean = BUF_INIT;

	if (as_is) /* wanted so, or escaped by its maker; a change would break it */
		buf_add(&clean, text->ptr, text->len);
	else
		format_clean_lines(buf_str(text), &clean);
	fwrite(buf_str(&clean).ptr, 1, clean.len, f);
	buf_fini(&clean);
}

/* weirctl_print_json - as a page */
void
weirctl_print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_INDENT(2) |
		JSON_REAL_PRECISION(15));
	putchar('\n');
}

/* weirctl_conf - the file, without modules */
struct conf *
weirctl_conf(const struct weirctl *w, struct conf_snapshot **snap, bool quiet)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct buf text = BUF_INIT;
	struct conf *conf = NULL;

	*snap = conf_snapshot_take(w->config, &report);
	if (*snap != NULL)
		conf_load(*snap, NULL, &conf, &report);
	if (conf == NULL && !quiet) {
		conf_report_print(&report, &text);
		fputs(buf_str(&text).ptr, stderr);
		buf_fini(&text);
	}
	if (conf == NULL)
		conf_snapshot_release(snap);
	conf_report_fini(&report);
	return conf;
}

/* weirctl_suggest - the command may be ours, misspelt, or a module's; was
   there one to suggest? */
static bool
weirctl_suggest(const char *word)
{
	const char *names[32];
	const char *near;
	size_t n = 0;

	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		names[n++] = c->name;
	for (const struct weirctl_command *c = weirctl_commands;
	     c->name != NULL; c++)
		names[n++] = c->name;
	names[n] = NULL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], word) == 0)
			return false;
	}
	near = text_nearest(word, names);
	if (near != NULL)
		fprintf(stderr, "weirctl: \"%s\" is no command of weirctl "
		    "itself; did you mean \"%s\"?\n", word, near);
	return near != NULL;
}

/* weirctl_say - what came of asking the daemon */
int
weirctl_say(const struct weirctl *w, int status, struct wire_reply *reply,
    const struct err *err, const char *command)
{
	if (status < 0) {
		/* the more likely mistake first */
		bool misspelt = status == WEIR_E_NOTFOUND &&
		    weirctl_suggest(command);

		fprintf(stderr, "weirctl: %s\n", err->text);
		return misspelt ? EXIT_USAGE :
		    status == WEIR_E_NOTFOUND || status == WEIR_E_STATE ?
		    EXIT_NO_DAEMON : EXIT_FAILED;
	}
	weirctl_print(stdout, &reply->out, w->json || w->raw);
	fflush(stdout);
	weirctl_print(stderr, &reply->err, false);
	status = reply->status;
	wire_reply_fini(reply);
	return status == CTL_OK	     ? EXIT_DONE :
	    status == CTL_UNKNOWN ? EXIT_USAGE :
				    EXIT_FAILED;
}

/* weirctl_adopt - without -c: the file that the daemon there runs with.  A
   worker that was taken over could name any: it must be root's or ours. */
static bool
weirctl_adopt(struct weirctl *w)
{
	static const char *const argv[] = { "status" };
	struct wire_reply reply;
	struct err err = { "" };
	const char *path;
	json_t *o = NULL;

	if (w->config_given)
		return true;
	if (client_ask(w->socket, 1, argv, true, &reply, &err) == WEIR_OK) {
		o = json_loadb(buf_str(&reply.out).ptr, reply.out.len, 0,
		    NULL);
		wire_reply_fini(&reply);
	}
	path = format_str(o, "config");
	if (strcmp(path, w->config) == 0) {
		json_decref(o);
		return true;
	}
	if (path[0] == '\0')
		err_set(&err, WEIR_E_STATE, "it does not say which");
	else
		w->adopted = load_resolved(path, &err);
	if (w->adopted != NULL)
		w->config = w->adopted;
	else
		fprintf(stderr, "weirctl: the daemon's configuration can't be "
		    "trusted (%s): nothing is done; name the file with -c\n",
		    err.text);
	json_decref(o);
	return w->adopted != NULL;
}

/* weirctl_ask - the daemon knows, or says that it is for us to do */
int
weirctl_ask(struct weirctl *w, int argc, char **argv)
{
	struct wire_reply reply;
	struct err err = { "" };
	int status = argc > WIRE_ARGS_MAX ? WEIR_E_LIMIT :
	    client_ask(w->socket, (uint32_t)argc, (const char *const *)argv,
		w->json, &reply, &err);
	int local;

	if (status == WEIR_OK && reply.status == CTL_LOCAL) {
		wire_reply_fini(&reply);
		if (!weirctl_adopt(w))
			return EXIT_FAILED;
		return weirctl_offline(w, argc, argv, false);
	}
	if (status < 0) {
		local = weirctl_offline(w, argc, argv, true);
		if (local != WEIRCTL_NOT_LOCAL)
			return local;
	}
	if (status == WEIR_E_LIMIT)
		err_set(&err, status, "too many words");
	return weirctl_say(w, status, &reply, &err, argv[0]);
}

/* weirctl_help_row - two columns */
static void
weirctl_help_row(const char *usage, const char *help, struct buf *out)
{
	size_t line = out->len;

	buf_printf(out, "  %s", usage);
	if (format_width(out->ptr + line) > 28) {
		buf_add_char(out, '\n');
		line = out->len;
	}
	format_pad(out, line, 30);
	format_wrap(help, 30, out);
}

/* weirctl_help_modules - the commands of the daemon's modules, if it runs */
static int
weirctl_help_modules(struct weirctl *w, json_t *all, struct err *err)
{
	const char *const argv[] = { "help" };
	struct wire_reply reply;
	json_t *list, *c;
	size_t i;
	int status = w->socket == NULL ? WEIR_OK :
	    client_ask(w->socket, 1, argv, true, &reply, err);

	if (w->socket == NULL || status < 0)
		return status;
	list = json_loadb(buf_str(&reply.out).ptr, reply.out.len, 0, NULL);
	json_array_foreach(list, i, c) {
		if (format_str(c, "module")[0] != '\0')
			json_array_append(all, c);
	}
	json_decref(list);
	wire_reply_fini(&reply);
	return WEIR_OK;
}

/* weirctl_help_own - the daemon's and ours */
static void
weirctl_help_own(json_t *all)
{
	for (const struct ctl_command *k = ctl_commands; k->name != NULL; k++)
		json_array_append_new(all, json_pack("{s:s,s:s,s:s}", "name",
		    k->name, "usage", k->usage, "help", k->help));
	for (const struct weirctl_command *k = weirctl_commands;
	     k->name != NULL; k++) {
		if (k->usage != NULL)
			json_array_append_new(all,
			    json_pack("{s:s,s:s,s:s}", "name", k->name,
				"usage", k->usage, "help", k->help));
	}
}

/* weirctl_help_keep - what is of that name or that module's */
static void
weirctl_help_keep(json_t *all, const char *name)
{
	for (size_t i = json_array_size(all); i-- > 0;) {
		const json_t *c = json_array_get(all, i);
		const char *module = format_str(c, "module");

		if (strcmp(module[0] != '\0' ? module : format_str(c, "name"),
			name) != 0)
			json_array_remove(all, i);
	}
}

/* weirctl_help_print - two columns */
static void
weirctl_help_print(const json_t *all)
{
	struct buf out = BUF_INIT;
	json_t *c;
	size_t i;

	json_array_foreach(all, i, c) {
		struct buf usage = BUF_INIT;

		if (format_str(c, "module")[0] != '\0')
			buf_printf(&usage, "%s ", format_str(c, "module"));
		format_clean(format_str(c, "usage"), &usage);
		weirctl_help_row(usage.ptr, format_str(c, "help"), &out);
		buf_fini(&usage);
	}
	fwrite(out.ptr, 1, out.len, stdout);
	buf_fini(&out);
}

/* weirctl_help_none - nothing is known of that name */
static int
weirctl_help_none(const struct weirctl *w, int status, const struct err *err,
    const char *name)
{
	if (status < 0)
		return weirctl_say(w, status, NULL, err, name);
	if (!weirctl_suggest(name))
		fprintf(stderr, "weirctl: there is no command, and no module "
		    "with commands, of the name \"%s\"; weirctl help lists "
		    "what there is\n", name);
	return EXIT_USAGE;
}

/* weirctl_help_about - one command, or a module's */
static int
weirctl_help_about(struct weirctl *w, char *name)
{
	json_t *all = json_array();
	struct err err = { "" };
	int status, done = EXIT_DONE;

	weirctl_help_own(all);
	status = weirctl_help_modules(w, all, &err);
	weirctl_help_keep(all, name);
	if (json_array_size(all) == 0)
		weirctl_offline_list(w, name, all);
	if (json_array_size(all) == 0)
		done = weirctl_help_none(w, status, &err, name);
	else if (w->json)
		weirctl_print_json(all);
	else
		weirctl_help_print(all);
	json_decref(all);
	return done;
}

/* weirctl_help - all there is, or what is said of one */
int
weirctl_help(struct weirctl *w, int argc, char **argv)
{
	struct err err;
	json_t *all;

	if (argc > 1)
		return weirctl_help_about(w, argv[1]);
	all = json_array();
	weirctl_help_own(all);
	weirctl_help_modules(w, all, &err);
	if (w->json) {
		weirctl_print_json(all);
	} else {
		weirctl_usage(stdout);
		fputs("\ncommands (those of a module: weirctl help MODULE)\n",
		    stdout);
		weirctl_help_print(all);
	}
	json_decref(all);
	return EXIT_DONE;
}

/* weirctl_wants_help - "MODULE" or "MODULE help" */
static bool
weirctl_wants_help(int argc, char **argv)
{
	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++) {
		if (strcmp(c->name, argv[0]) == 0)
			return false;
	}
	return argc == 1 || (argc == 2 && (strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0));
}

/* weirctl_find_socket - the file may name another one */
static char *
weirctl_find_socket(const struct weirctl *w)
{
	struct conf_snapshot *snap = NULL;
	struct conf *conf;
	char *path;

	if (!w->config_given)
		return xstrdup(WEIR_RUNDIR "/control.sock");
	conf = weirctl_conf(w, &snap, true);
	path = xstrdup(conf != NULL ? conf->control :
				      WEIR_RUNDIR "/control.sock");
	conf_destroy(&conf);
	conf_snapshot_release(&snap);
	return path;
}

/* weirctl_take_options - --json, --zone and --offline may also stand behind
   the command; --db is the module's, but tells that no daemon is wanted */
static int
weirctl_take_options(struct weirctl *w, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		w->offline = w->offline || strcmp(argv[i], "--db") == 0;
		w->raw = w->raw || strcmp(argv[i], "--raw") == 0;
		if (strcmp(argv[i], "--json") == 0)
			w->json = true;
		else if (strcmp(argv[i], "--zone") == 0 && i + 1 < argc)
			w->zone = argv[++i];
		else if (strcmp(argv[i], "--offline") == 0)
			w->offline = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

/* weirctl_give_db - --db in front of the command is the module's, too: the
   words go two places to the left, where argv has the program's name and
   the option */
static int
weirctl_give_db(const struct weirctl *w, int argc, char ***argv)
{
	static char name[] = "--db";

	if (w->db == NULL || argc == 0)
		return argc;
	*argv -= 2;
	memmove(*argv, *argv + 2, (size_t)argc * sizeof(**argv));
	(*argv)[argc] = name;
	(*argv)[argc + 1] = w->db;
	return argc + 2;
}

/* weirctl_run - ours, or the daemon's */
static int
weirctl_run(struct weirctl *w, int argc, char **argv)
{
	const struct weirctl_command *c = weirctl_commands;

	while (c->name != NULL && strcmp(c->name, argv[0]) != 0)
		c++;
	if (c->name != NULL)
		return c->fn(w, argc, argv);
	if (weirctl_wants_help(argc, argv))
		return weirctl_help_about(w, argv[0]);
	return w->zone != NULL || w->offline ?
	    weirctl_offline(w, argc, argv, false) :
	    weirctl_ask(w, argc, argv);
}

/* weirctl_options - false: *status is the exit status */
static bool
weirctl_options(struct weirctl *w, int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "zone", required_argument, NULL, 'z' },
		{ "offline", no_argument, NULL, 'o' },
		{ "db", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	*status = EXIT_DONE;
	while ((opt = getopt_long(argc, argv, "+s:c:hV", options, NULL)) !=
	    -1) {
		switch (opt) {
		case 's':
			w->socket = optarg;
			w->socket_given = true;
			break;
		case 'c':
			w->config = optarg;
			w->config_given = true;
			break;
		case 'j':
			w->json = true;
			break;
		case 'z':
			w->zone = optarg;
			break;
		case 'o':
			w->offline = true;
			break;
		case 'd':
			w->db = optarg;
			break;
		case 'V':
			printf("weirctl %s, module ABI %d.%d\n",
			    PACKAGE_VERSION, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
			return false;
		case 'h':
			weirctl_usage(stdout);
			fputs("weirctl help lists the commands.\n", stdout);
			return false;
		default:
			weirctl_usage(stderr);
			*status = EXIT_USAGE;
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct weirctl w = { .config = WEIR_SYSCONFDIR "/weir.conf" };
	char *found = NULL;
	int status;

	if (!weirctl_options(&w, argc, argv, &status))
		return status;
	argv += optind;
	argc = weirctl_give_db(&w, argc - optind, &argv);
	argc = weirctl_take_options(&w, argc, argv);
	if (argc == 0) {
		weirctl_usage(stderr);
		fputs("weirctl help lists the commands.\n", stderr);
		return EXIT_USAGE;
	}
	if (w.socket == NULL && w.zone == NULL && !w.offline)
		w.socket = found = weirctl_find_socket(&w);
	status = weirctl_run(&w, argc, argv);
	free(found);
	free(w.adopted);
	return status;
}
