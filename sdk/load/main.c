/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * weir-load - milter and policy load, and what the filter made of it.
 *
 * Exit status: 0 all sessions went by the rules, 1 some broke, 2 usage.
 */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "base/alloc.h"

enum {
	OPT_MILTER = 256, OPT_POLICY, OPT_CONNECTIONS, OPT_MESSAGES,
	OPT_DURATION, OPT_RATE, OPT_SIZE, OPT_EML, OPT_RECIPIENTS, OPT_HELO,
	OPT_CLIENT, OPT_CLIENT_NAME, OPT_FROM, OPT_RCPT, OPT_VERSION,
	OPT_NO_REPLY, OPT_SKIP, OPT_SPLIT, OPT_MACROS, OPT_RECONNECT,
	OPT_RETRY, OPT_TRIPLETS, OPT_IDLE, OPT_TIMEOUT, OPT_LIMIT, OPT_JSON,
	OPT_SEED, OPT_LEDGER, OPT_HELP
};

static const struct option options[] = {
	{ "milter", required_argument, NULL, OPT_MILTER },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "messages", required_argument, NULL, OPT_MESSAGES },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "eml", required_argument, NULL, OPT_EML },
	{ "recipients", required_argument, NULL, OPT_RECIPIENTS },
	{ "helo", required_argument, NULL, OPT_HELO },
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "client-name", required_argument, NULL, OPT_CLIENT_NAME },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "rcpt", required_argument, NULL, OPT_RCPT },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "no-reply", no_argument, NULL, OPT_NO_REPLY },
	{ "skip", no_argument, NULL, OPT_SKIP },
	{ "split", no_argument, NULL, OPT_SPLIT },
	{ "macros", no_argument, NULL, OPT_MACROS },
	{ "reconnect", required_argument, NULL, OPT_RECONNECT },
	{ "retry", required_argument, NULL, OPT_RETRY },
	{ "triplets", required_argument, NULL, OPT_TRIPLETS },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "ledger", required_argument, NULL, OPT_LEDGER },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 }
};

static const char usage_text[] =
    "usage: weir-load (--milter | --policy) ADDRESS [option ...]\n"
    "  ADDRESS            unix:/path, inet:host:port, inet6:[host]:port\n"
    "  --connections N    sessions at the same time (8)\n"
    "  --messages N       for each session (20); 0: only open it\n"
    "  --duration SEC     begin messages for so long\n"
    "  --rate N           messages a second, whatever the filter does\n"
    "  --size OCTETS      of the made-up message (4096)\n"
    "  --eml FILE ...     send these messages instead, in turn\n"
    "  --recipients N     for each message (1)\n"
    "  --helo, --client IP, --client-name, --from, --rcpt\n"
    "  --version N        milter protocol 2 to 6 (6)\n"
    "  --no-reply         offer that the filter need not answer events\n"
    "  --skip             offer that the filter need not get events\n"
    "  --macros           send macros as Postfix does\n"
    "  --split            write in random pieces\n"
    "  --reconnect N      messages before a new connection\n"
    "  --retry N          try a message again when its session breaks\n"
    "  --triplets N       policy: clients and senders to go round (1)\n"
    "  --idle SEC         keep the sessions open until so long after start\n"
    "  --timeout SEC      wait for a reply (30)\n"
    "  --limit SEC        cut the run (600)\n"
    "  --ledger FILE      a line for each message: id, verdict, edits, text\n"
    "  --seed N, --json, --help\n";

/* usage - say how it is called */
static void __attribute__((noreturn))
usage(const char *why, const char *what)
{
	fprintf(stderr, "weir-load: %s%s\n%s", why, what, usage_text);
	exit(2);
}

/* option_number - a number within bounds, or no run */
static double
option_number(const char *text, const char *name, double least, double most)
{
	char *end;
	double n;

	errno = 0;
	n = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !isfinite(n) ||
	    n < least || n > most)
		usage("impossible value for --", name);
	return n;
}

/* address_unix - unix:/path */
static void
address_unix(struct load *l, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&l->addr;

	if (*path == '\0' || strlen(path) >= sizeof(un->sun_path))
		usage("impossible path: ", path);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	l->addr_len = sizeof(*un);
}

/* address_inet - host:port, the host perhaps in [] */
static void
address_inet(struct load *l, const char *text, int family)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	const char *port = strrchr(text, ':');
	char host[LOAD_NAME_MAX];
	size_t len;

	if (port == NULL)
		usage("no port in the address ", text);
	len = (size_t)(port - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		usage("no host in the address ", text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (getaddrinfo(host, port + 1, &hints, &found) != 0)
		usage("unknown address ", text);
	memcpy(&l->addr, found->ai_addr, found->ai_addrlen);
	l->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
}

/* address_parse - where the filter listens */
static void
address_parse(struct load *l)
{
	const char *text = l->opts.address;

	if (strncmp(text, "unix:", 5) == 0)
		address_unix(l, text + 5);
	else if (strncmp(text, "inet:", 5) == 0)
		address_inet(l, text + 5, AF_UNSPEC);
	else if (strncmp(text, "inet6:", 6) == 0)
		address_inet(l, text + 6, AF_INET6);
	else
		usage("unknown kind of address: ", text);
}

/* mails_add - one more file to send */
static void
mails_add(struct load *l, const char *path)
{
	l->mails = xrealloc(l->mails, (l->mail_count + 1) * sizeof(*l->mails));
	if (mail_read(&l->mails[l->mail_count], path) != 0) {
		fprintf(stderr, "weir-load: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	l->mail_count++;
}

/* option_amount - the options that take a number */
static void
option_amount(struct load_opts *o, int opt, const char *arg, const char *name)
{
	switch (opt) {
	case OPT_CONNECTIONS:
		o->connections = (unsigned)option_number(arg, name, 1, 50000);
		break;
	case OPT_MESSAGES:
		o->messages = (uint64_t)option_number(arg, name, 0, 1e9);
		o->messages_set = true;
		break;
	case OPT_DURATION:
		o->duration = option_number(arg, name, 0.001, 86400 * 2);
		break;
	case OPT_RATE:
		o->rate = option_number(arg, name, 0.001, 1e7);
		break;
	case OPT_SIZE:
		o->size = (size_t)option_number(arg, name, 0, 256e6);
		break;
	case OPT_RECIPIENTS:
		o->recipients = (unsigned)option_number(arg, name, 1, 10000);
		break;
	case OPT_VERSION:
		o->version = (unsigned)option_number(arg, name, 2, 6);
		break;
	case OPT_RECONNECT:
		o->reconnect = (unsigned)option_number(arg, name, 1, 1e9);
		break;
	case OPT_RETRY:
		o->retry = (unsigned)option_number(arg, name, 0, 1e6);
		break;
	case OPT_TRIPLETS:
		o->triplets = (uint64_t)option_number(arg, name, 1, 1e12);
		break;
	case OPT_IDLE:
		o->idle = option_number(arg, name, 0, 86400 * 2);
		break;
	case OPT_TIMEOUT:
		o->timeout = option_number(arg, name, 0.001, 86400);
		break;
	case OPT_LIMIT:
		o->limit = option_number(arg, name, 0.001, 86400 * 3);
		break;
	default:
		o->seed = (uint32_t)option_number(arg, name, 0, 4294967295.0);
		break;
	}
}

/* option_take - one option of the command line */
static void
option_take(struct load *l, int opt, char *arg, const char *name)
{
	struct load_opts *o = &l->opts;

	switch (opt) {
	case OPT_MILTER:
	case OPT_POLICY:
		o->address = arg;
		o->policy = opt == OPT_POLICY;
		break;
	case OPT_EML:
		mails_add(l, arg);
		break;
	case OPT_HELO:
		o->helo = arg;
		break;
	case OPT_CLIENT:
		o->client = arg;
		break;
	case OPT_CLIENT_NAME:
		o->client_name = arg;
		break;
	case OPT_FROM:
		o->from = arg;
		break;
	case OPT_RCPT:
		o->rcpt = arg;
		break;
	case OPT_NO_REPLY:
		o->no_reply = true;
		break;
	case OPT_SKIP:
		o->skip = true;
		break;
	case OPT_SPLIT:
		o->split = true;
		break;
	case OPT_MACROS:
		o->macros = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_LEDGER:
		o->ledger = arg;
		break;
	case OPT_HELP:
		fputs(usage_text, stdout);
		exit(0);
	case '?':
		usage("see below", "");
	default:
		option_amount(o, opt, arg, name);
		break;
	}
}

/* load_prepare - what the options mean together */
static void
load_prepare(struct load *l)
{
	struct load_opts *o = &l->opts;
	struct rlimit lim;

	if (o->address == NULL)
		usage("one of --milter and --policy is needed", "");
	address_parse(l);
	l->proto = o->policy ? &policy_proto : &milter_proto;
	if (l->mail_count == 0) {
		l->mails = xcalloc(1, sizeof(*l->mails));
		mail_make(&l->mails[0], o->size, o->seed);
		l->mail_count = 1;
	}
	l->total = UINT64_MAX;
	if (o->duration > 0 && o->rate > 0)
		l->total = (uint64_t)(o->duration * o->rate + 0.5);
	if (o->duration + o->idle + o->timeout > o->limit &&
	    (o->duration > 0 || o->idle > 0))
		o->limit = o->duration + o->idle + o->timeout;
	l->random = o->seed != 0 ? o->seed : 1;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 &&
	    lim.rlim_cur < o->connections + 64u) {
		lim.rlim_cur = o->connections + 64u < lim.rlim_max
		    ? o->connections + 64u : lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (o->ledger != NULL) {
		l->ledger = fopen(o->ledger, "we");
		if (l->ledger == NULL) {
			fprintf(stderr, "weir-load: %s: %s\n", o->ledger,
			    strerror(errno));
			exit(2);
		}
	}
}

/* main - read the options, run, print */
int
main(int argc, char **argv)
{
	static struct load l;
	int status;
	int index = 0;
	int opt;

	l.opts = (struct load_opts){
		.connections = 8, .messages = 20, .size = 4096,
		.recipients = 1, .helo = "client.example.org",
		.client = "192.0.2.10", .client_name = "client.example.org",
		.from = "sender@example.org", .rcpt = "user@example.net",
		.version = 6, .triplets = 1, .timeout = 30, .limit = 600,
		.seed = 1,
	};
	signal(SIGPIPE, SIG_IGN);
	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		option_take(&l, opt, optarg, options[index].name);
		/* --eml takes all file names that follow it */
		while (opt == OPT_EML && optind < argc &&
		    argv[optind][0] != '-')
			mails_add(&l, argv[optind++]);
	}
	if (optind != argc)
		usage("unexpected argument ", argv[optind]);
	load_prepare(&l);
	status = load_run(&l);
	stats_print(&l, stdout);
	if (l.ledger != NULL && fclose(l.ledger) != 0) {
		fprintf(stderr, "weir-load: ledger: %s\n", strerror(errno));
		status = 1;
	}
	return fflush(stdout) != 0 ? 1 : status;
}
