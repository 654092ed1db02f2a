/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command - weirctl greylist list | show | delete | stats
 *
 * Commands run in calls that belong to no mail, so their memory is their own:
 * it is freed by the last completion, which always comes.
 */
#include "greylist.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMMAND_PAGE 1000	    /* rows of one walk */
#define COMMAND_LIST_MAX 1000	    /* rows of one answer */
#define COMMAND_STATS_MAX 5000000   /* rows that stats looks at */

struct command {
	struct greylist *g;
	bool json;
	bool known;	/* the walk is over known clients, not tuples */
	bool more;
	bool found;
	json_t *tuple, *client;	/* show --json */
	uint32_t rows;
	uint32_t pending;
	uint64_t deleted;
	char prefix[WEIR_STORE_KEY_MAX + 1];
	char last[WEIR_STORE_KEY_MAX + 1];
	char *keys[COMMAND_PAGE]; /* delete: what the walk has met */
	uint32_t nkeys;
	/* stats */
	uint64_t waiting, gone, passed, tuples_deferred, deferred, passes;
	uint64_t known_count, learning;
	int64_t delay_sum, delay_max;
};

/* command_new - memory for one run */
static struct command *
command_new(struct greylist *g, bool json)
{
	struct command *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->g = g;
		c->json = json;
	}
	return c;
}

/* command_free - the run is over */
static void
command_free(struct command *c)
{
	for (uint32_t i = 0; i < c->nkeys; i++)
		free(c->keys[i]);
	json_decref(c->tuple);
	json_decref(c->client);
	free(c);
}

/* command_print - formatted text of the answer */
__attribute__((format(printf, 3, 4))) static void
command_print(struct command *c, weir_call *call, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	c->g->control->print(call, (weir_str){ text, (size_t)n });
	free(text);
}

/* command_error - the command failed; frees the run */
static void
command_error(struct command *c, weir_call *call, const char *text)
{
	c->g->control->error(call, weir_str_of(text));
	command_free(c);
}

/* command_text - a JSON string; octets that are no UTF-8 become ? */
static json_t *
command_text(const char *s, size_t len)
{
	json_t *text = json_stringn(s, len);
	char *plain;

	if (text != NULL || (plain = malloc(len + 1)) == NULL)
		return text;
	for (size_t i = 0; i < len; i++)
		plain[i] = '?';
	for (size_t i = 0; i < len; i++)
		if (s[i] >= ' ' && s[i] <= '~')
			plain[i] = s[i];
	text = json_stringn(plain, len);
	free(plain);
	return text;
}

/* command_json - print a JSON object and drop it */
static void
command_json(struct command *c, weir_call *call, json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	command_print(c, call, "%s", text != NULL ? text : "null");
	free(text);
	json_decref(object);
}

/* command_time - "2023-11-14T22:13:20Z", or "-" for 0 */
static const char *
command_time(char *out, size_t size, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, size, "-");
	return out;
}

/* command_state - what a tuple waits for */
static const char *
command_state(const struct command *c, const struct record *r)
{
	if (r->passed != 0)
		return "passed";
	return c->g->host->wall_ms(c->g->self) - r->first >=
	    c->g->times.window ? "gone" : "waiting";
}

/* command_tuple - one tuple as an object */
static json_t *
command_tuple(struct command *c, weir_str key, const struct record *r,
    int64_t expires)
{
	return json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:I}", "tuple",
	    command_text(key.ptr + 2, key.len - 2), "state",
	    command_state(c, r), "first_ms", (json_int_t)r->first,
	    "passed_ms", (json_int_t)r->passed, "expires_ms",
	    (json_int_t)expires, "deferred", (json_int_t)r->deferred,
	    "passes", (json_int_t)r->passes);
}

/* command_entry - one tuple, as a line or an object */
static void
command_entry(struct command *c, weir_call *call, weir_str key,
    const struct record *r, int64_t expires)
{
	char first[32], passed[32], end[32];

	if (c->json) {
		command_json(c, call, command_tuple(c, key, r, expires));
		return;
	}
	command_time(first, sizeof(first), r->first);
	command_time(passed, sizeof(passed), r->passed);
	command_time(end, sizeof(end), expires);
	command_print(c, call,
	    "%s %.*s first=%s passed=%s expires=%s deferred=%" PRIu32
	    " passes=%" PRIu32 "\n", command_state(c, r), (int)key.len - 2,
	    key.ptr + 2, first, passed, end, r->deferred, r->passes);
}

/* command_remember - where the walk stands */
static void
command_remember(struct command *c, weir_str key)
{
	size_t n = key.len < sizeof(c->last) - 1 ? key.len
						 : sizeof(c->last) - 1;

	memcpy(c->last, key.ptr, n);
	c->last[n] = '\0';
}

/* command_walk - the next page of the walk */
static int
command_walk(struct command *c, weir_call *call, uint32_t limit,
    weir_store_row_fn *row, weir_store_fn *done)
{
	return c->g->store->walk(call, weir_str_of(c->prefix),
	    weir_str_of(c->last), limit, row, done, c);
}

/* command_list_row - one row of list */
static bool
command_list_row(weir_call *call, weir_str key, weir_str value,
    int64_t expires, void *arg)
{
	struct command *c = arg;
	struct record r;

	command_remember(c, key);
	if (key.len <= 2 || !record_decode(&r, value))
		return true;
	if (c->json && c->rows > 0)
		command_print(c, call, ",");
	c->rows++;
	command_entry(c, call, key, &r, expires);
	return true;
}

/* command_list_done - the end of list, and where it goes on */
static void
command_list_done(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;
	bool more = status == WEIR_E_LIMIT;
	json_t *next;

	(void)value;
	if (status != WEIR_OK && !more) {
		command_error(c, call, "the store is out of order\n");
		return;
	}
	if (c->json) {
		command_print(c, call, "],\"next\":");
		next = more ? command_text(c->last + 2, strlen(c->last) - 2)
			    : json_null();
		if (next != NULL) {
			char *text = json_dumps(next, JSON_ENCODE_ANY);

			command_print(c, call, "%s}\n",
			    text != NULL ? text : "null");
			free(text);
			json_decref(next);
		}
	} else if (more) {
		command_print(c, call, "more: list '%s' '%s'\n",
		    c->prefix + 2, c->last + 2);
	}
	command_free(c);
}

/* command_list - list [PREFIX [FROM]] */
static int
command_list(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command *c;
	int status;

	if (argc > 3)
		return WEIR_E_INVAL;
	c = command_new(state, json);
	if (c == NULL)
		return WEIR_E_NOMEM;
	snprintf(c->prefix, sizeof(c->prefix), "t %s",
	    argc > 1 ? argv[1] : "");
	if (argc > 2)
		snprintf(c->last, sizeof(c->last), "t %s", argv[2]);
	if (json)
		command_print(c, call, "{\"entries\":[");
	status = command_walk(c, call, COMMAND_LIST_MAX, command_list_row,
	    command_list_done);
	if (status != WEIR_OK)
		command_free(c);
	return status;
}

/* command_show_end - one of the two reads of show is done */
static void
command_show_end(struct command *c, weir_call *call)
{
	if (--c->pending > 0)
		return;
	if (!c->found)
		c->g->control->error(call,
		    WEIR_STR("nothing is stored about them\n"));
	/* one document, whichever read came first; s:O? keeps ours ours */
	if (c->json) {
		command_json(c, call, json_pack("{s:O?,s:O?}", "tuple",
		    c->tuple, "client", c->client));
		command_print(c, call, "\n");
	}
	command_free(c);
}

/* command_show_tuple - the tuple that show asked for */
static void
command_show_tuple(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;
	struct record r;

	if (status == WEIR_OK && record_decode(&r, value)) {
		int64_t expires = r.passed != 0
		    ? r.last + c->g->times.lifetime
		    : r.first + c->g->times.window;

		c->found = true;
		if (c->json)
			c->tuple = command_tuple(c, weir_str_of(c->last), &r,
			    expires);
		else
			command_entry(c, call, weir_str_of(c->last), &r,
			    expires);
	}
	command_show_end(c, call);
}

/* command_show_client - its client */
static void
command_show_client(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;
	struct greylist *g = c->g;
	struct learn l;
	char last[32];

	if (status == WEIR_OK && learn_decode(&l, value)) {
		bool known = learn_known(&l, &g->learn,
		    g->host->wall_ms(g->self));

		c->found = true;
		if (c->json)
			c->client = json_pack("{s:o,s:b,s:I,s:I}",
			    "client", command_text(c->prefix + 2,
			    strlen(c->prefix) - 2), "known", known, "passed",
			    (json_int_t)l.count, "last_ms",
			    (json_int_t)l.last);
		else
			command_print(c, call, "%s %s passed=%" PRIu32
			    " last=%s\n", known ? "known" : "learning",
			    c->prefix + 2, l.count,
			    command_time(last, sizeof(last), l.last));
	}
	command_show_end(c, call);
}

/* command_client - an identity from what the operator typed */
static void
command_client(const struct greylist *g, const char *text, char *out,
    size_t size)
{
	unsigned char addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		tuple_netblock(out, size, addr, 4, g->mask4, g->mask6);
	else if (inet_pton(AF_INET6, text, addr) == 1)
		tuple_netblock(out, size, addr, 16, g->mask4, g->mask6);
	else if (strncmp(text, "net:", 4) == 0 ||
	    strncmp(text, "dns:", 4) == 0 || strncmp(text, "spf:", 4) == 0 ||
	    !tuple_domain(out, size, weir_str_of(text), NULL, 0))
		snprintf(out, size, "%s", text);
}

/* command_show - show CLIENT SENDER RCPT */
static int
command_show(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	char client[TUPLE_IDENTITY_SIZE], from[TUPLE_ADDRESS_SIZE];
	char to[TUPLE_ADDRESS_SIZE];
	struct greylist *g = state;
	struct command *c;

	if (argc != 4)
		return WEIR_E_INVAL;
	c = command_new(g, json);
	if (c == NULL)
		return WEIR_E_NOMEM;
	command_client(g, argv[1], client, sizeof(client));
	tuple_sender(from, sizeof(from), weir_str_of(
	    strcmp(argv[2], "<>") == 0 ? "" : argv[2]));
	tuple_recipient(to, sizeof(to), weir_str_of(argv[3]));
	tuple_key(c->last, sizeof(c->last), client, from, to);
	learn_key(c->prefix, sizeof(c->prefix), client);
	c->pending = 1;
	if (g->store->get(call, weir_str_of(c->last), command_show_tuple, c) ==
	    WEIR_OK)
		c->pending++;
	if (g->store->get(call, weir_str_of(c->prefix), command_show_client,
	    c) == WEIR_OK)
		c->pending++;
	command_show_end(c, call);
	return WEIR_OK;
}

static void command_delete_done(weir_call *call, int status, weir_str value,
    void *arg);

/* command_delete_row - keep the key: entries go after the walk */
static bool
command_delete_row(weir_call *call, weir_str key, weir_str value,
    int64_t expires, void *arg)
{
	struct command *c = arg;

	(void)call, (void)value, (void)expires;
	command_remember(c, key);
	c->keys[c->nkeys] = strdup(c->last);
	if (c->keys[c->nkeys] == NULL)
		return false;
	return ++c->nkeys < COMMAND_PAGE;
}

/* command_delete_next - the next page, then the known clients, then the end */
static void
command_delete_next(struct command *c, weir_call *call)
{
	if (!c->more && !c->known) {
		c->known = true;
		c->prefix[0] = 'k';
		c->last[0] = '\0';
		c->more = true;
	}
	if (c->more) {
		c->more = false;
		if (command_walk(c, call, COMMAND_PAGE, command_delete_row,
		    command_delete_done) != WEIR_OK)
			command_error(c, call, "the store is out of order\n");
		return;
	}
	if (c->json)
		command_json(c, call, json_pack("{s:I}", "deleted",
		    (json_int_t)c->deleted));
	else
		command_print(c, call, "%" PRIu64 " entries deleted",
		    c->deleted);
	command_print(c, call, "\n");
	command_free(c);
}

/* command_deleted - the last entry of a page is gone for good */
static void
command_deleted(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;

	(void)value;
	if (status != WEIR_OK && status != WEIR_E_NOTFOUND)
		command_error(c, call, "the store is out of order\n");
	else
		command_delete_next(c, call);
}

/* command_delete_done - a page has been met: delete it */
static void
command_delete_done(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;
	uint32_t n = c->nkeys;

	(void)value;
	if (status != WEIR_OK && status != WEIR_E_LIMIT) {
		command_error(c, call, "the store is out of order\n");
		return;
	}
	c->more = status == WEIR_E_LIMIT || n == COMMAND_PAGE;
	c->deleted += n;
	status = WEIR_OK;
	for (uint32_t i = 0; i < n && status == WEIR_OK; i++)
		status = c->g->store->del(call, weir_str_of(c->keys[i]),
		    i + 1 == n ? command_deleted : NULL, c);
	for (uint32_t i = 0; i < n; i++)
		free(c->keys[i]);
	c->nkeys = 0;
	if (status != WEIR_OK)
		command_error(c, call, "the store is out of order\n");
	else if (n == 0)
		command_delete_next(c, call);
}

/* command_delete - delete PREFIX|--all */
static int
command_delete(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command *c;

	if (argc != 2 || argv[1][0] == '\0')
		return WEIR_E_INVAL;
	c = command_new(state, json);
	if (c == NULL)
		return WEIR_E_NOMEM;
	snprintf(c->prefix, sizeof(c->prefix), "t %s",
	    strcmp(argv[1], "--all") == 0 ? "" : argv[1]);
	c->more = true;
	command_delete_next(c, call);
	return WEIR_OK;
}

/* command_stats_row - add one entry up */
static bool
command_stats_row(weir_call *call, weir_str key, weir_str value,
    int64_t expires, void *arg)
{
	struct command *c = arg;
	int64_t now = c->g->host->wall_ms(c->g->self), waited;
	struct record r;
	struct learn l;

	(void)call, (void)expires;
	command_remember(c, key);
	c->rows++;
	if (c->known) {
		if (!learn_decode(&l, value))
			return true;
		if (learn_known(&l, &c->g->learn, now))
			c->known_count++;
		else
			c->learning++;
		return true;
	}
	if (!record_decode(&r, value))
		return true;
	c->deferred += r.deferred;
	c->passes += r.passes;
	if (r.passed == 0 && now - r.first >= c->g->times.window) {
		c->gone++;
	} else if (r.passed == 0) {
		c->waiting++;
	} else {
		waited = r.passed - r.first;
		c->passed++;
		c->delay_sum += waited;
		if (waited > c->delay_max)
			c->delay_max = waited;
	}
	return true;
}

/* command_stats_print - what greylisting costs and brings */
static void
command_stats_print(struct command *c, weir_call *call)
{
	int64_t mean = c->passed > 0
	    ? c->delay_sum / (int64_t)c->passed / 1000 : 0;

	if (c->json) {
		command_json(c, call, json_pack(
		    "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "waiting",
		    (json_int_t)c->waiting, "never_came_back",
		    (json_int_t)c->gone, "passed", (json_int_t)c->passed,
		    "mean_delay_s", (json_int_t)mean, "max_delay_s",
		    (json_int_t)(c->delay_max / 1000), "attempts_deferred",
		    (json_int_t)c->deferred, "attempts_passed",
		    (json_int_t)c->passes, "known_clients",
		    (json_int_t)c->known_count, "learning_clients",
		    (json_int_t)c->learning, "complete",
		    c->rows < COMMAND_STATS_MAX));
		command_print(c, call, "\n");
		return;
	}
	command_print(c, call,
	    "cost: %" PRIu64 " tuples were delayed and then passed, mean %"
	    PRId64 " s, longest %" PRId64 " s\n"
	    "gain: %" PRIu64 " tuples did not come back in time (last 24 h)\n"
	    "waiting: %" PRIu64 " tuples\n"
	    "attempts: %" PRIu64 " deferred, %" PRIu64 " passed\n"
	    "clients: %" PRIu64 " known, %" PRIu64 " learning\n",
	    c->passed, mean, c->delay_max / 1000, c->gone, c->waiting,
	    c->deferred, c->passes, c->known_count, c->learning);
	if (c->rows >= COMMAND_STATS_MAX)
		command_print(c, call, "incomplete: only the first %d entries"
		    " were counted\n", COMMAND_STATS_MAX);
}

/* command_stats_done - a page is counted */
static void
command_stats_done(weir_call *call, int status, weir_str value, void *arg)
{
	struct command *c = arg;

	(void)value;
	if (status != WEIR_OK && status != WEIR_E_LIMIT) {
		command_error(c, call, "the store is out of order\n");
		return;
	}
	if (status == WEIR_OK && !c->known) {
		c->known = true;
		c->prefix[0] = 'k';
		c->last[0] = '\0';
		status = WEIR_E_LIMIT;
	}
	if (status == WEIR_E_LIMIT && c->rows < COMMAND_STATS_MAX) {
		if (command_walk(c, call, COMMAND_PAGE, command_stats_row,
		    command_stats_done) != WEIR_OK)
			command_error(c, call, "the store is out of order\n");
		return;
	}
	command_stats_print(c, call);
	command_free(c);
}

/* command_stats - stats */
static int
command_stats(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command *c;
	int status;

	(void)argv;
	if (argc != 1)
		return WEIR_E_INVAL;
	c = command_new(state, json);
	if (c == NULL)
		return WEIR_E_NOMEM;
	snprintf(c->prefix, sizeof(c->prefix), "t ");
	status = command_walk(c, call, COMMAND_PAGE, command_stats_row,
	    command_stats_done);
	if (status != WEIR_OK)
		command_free(c);
	return status;
}

/* command_register - tell weirctl what we know */
int
command_register(struct greylist *g)
{
	static const struct {
		const char *name, *usage, *help;
		weir_control_fn *fn;
	} commands[] = {
		{ "list", "list [PREFIX [FROM]]",
		    "Tuples whose client begins with PREFIX (net:192.0.2., "
		    "dns:example.com), at most 1000.", command_list },
		{ "show", "show CLIENT SENDER RECIPIENT",
		    "What is stored about one tuple and its client; CLIENT is "
		    "an address, a domain or an identity as list prints it.",
		    command_show },
		{ "delete", "delete PREFIX|--all",
		    "Forget tuples and known clients.", command_delete },
		{ "stats", "stats",
		    "What greylisting costs and brings.", command_stats }
	};
	int status = WEIR_OK;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) &&
	     status >= 0; i++)
		status = g->control->command(g->self, commands[i].name,
		    commands[i].usage, commands[i].help, commands[i].fn);
	return status < 0 ? status : WEIR_OK;
}
