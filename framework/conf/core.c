/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/value.h"

#define WORKERS_MAX 64
#define DNS_SERVERS_MAX 8 /* as many as dns/ asks */

/* The rows themselves: conf/core_rows.c.  Their numbers: */
#include "conf/core_rows.h"

/* core_report - report about a value of the file */
#define core_report(r, severity, value, ...) \
	scan_report((r)->scan, severity, (value)->token, __VA_ARGS__)

/* core_text - a string of the section, never NULL */
static const char *
core_text(const struct weir_conf *sec, uint32_t row)
{
	return conf_str(sec, row).ptr;
}

/* core_single - the one section of this row */
static const struct weir_conf *
core_single(const struct conf *conf, uint32_t row)
{
	return conf_section(conf->root, row, 0, NULL);
}

/* core_title_check - a name that can be a metric's label and a file's name */
static void
core_title_check(struct rows *r, const char *what, const struct weir_conf *sec)
{
	const char *title = sec->title.ptr;

	if (text_is_alpha(*title) && sec->title.len < 64 &&
	    strspn(title, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789_-") == sec->title.len)
		return;
	scan_report(r->scan, CONF_ERROR, sec->token, "%s \"%s\": a name is a "
	    "letter, then letters, digits, _ or -", what, title);
}

/* core_mode - the permission bits of a socket */
static mode_t
core_mode(struct rows *r, const struct weir_conf *sec)
{
	const char *text = core_text(sec, LISTENER_MODE);
	size_t len = strlen(text);

	if (len < 3 || len > 4 || strspn(text, "01234567") != len ||
	    (len == 4 && *text != '0')) {
		core_report(r, CONF_ERROR, &sec->values[LISTENER_MODE],
		    "mode: \"%s\" is no file mode such as 0660", text);
		return 0;
	}
	return (mode_t)strtoul(text, NULL, 8);
}

/* core_listener - one listener; other: those before it */
static void
core_listener(struct rows *r, const struct weir_conf *sec,
    struct conf_listener *l, const struct conf_listener *other)
{
	const struct conf_value *address = &sec->values[LISTENER_ADDRESS];
	struct err err;

	core_title_check(r, "listener", sec);
	l->name = sec->title.ptr;
	l->protocol = (enum conf_protocol)conf_int(sec, LISTENER_PROTOCOL);
	l->direction = (enum conf_direction)conf_int(sec, LISTENER_DIRECTION);
	l->mode = core_mode(r, sec);
	l->owner = core_text(sec, LISTENER_OWNER);
	l->group = core_text(sec, LISTENER_GROUP);
	l->no_reply = conf_bool(sec, LISTENER_NO_REPLY);
	l->file = sec->file;
	l->line = sec->line;
	if (address->origin != CONF_FILE || address->str.ptr == NULL)
		return;
	if (conf_address_parse(address->str.ptr, &l->address, &err) !=
	    WEIR_OK) {
		core_report(r, CONF_ERROR, address, "address: \"%s\" %s",
		    address->str.ptr, err.text);
		l->address.kind = CONF_ADDRESS_NONE;
	}
	for (; other < l; other++) {
		if (conf_address_equal(&other->address, &l->address))
			core_report(r, CONF_ERROR, address, "address: listener "
			    "\"%s\" has the same (line %u of %s)", other->name,
			    other->line, other->file);
	}
}

/* core_listeners - all listeners and networks */
static void
core_listeners(struct conf *conf, struct rows *r)
{
	const struct conf_value *v = &conf->root->values[CORE_LISTENER];

	conf->n_listeners = v->n;
	conf->listeners = pool_array(conf->pool, struct conf_listener,
	    v->n + 1);
	for (uint32_t i = 0; i < v->n; i++)
		core_listener(r, &v->sections[i], &conf->listeners[i],
		    conf->listeners);
	v = &conf->root->values[CORE_NETWORKS];
	conf->n_networks = v->n;
	conf->networks = pool_array(conf->pool, struct conf_networks, v->n + 1);
	for (uint32_t i = 0; i < v->n; i++) {
		core_title_check(r, "networks", &v->sections[i]);
		conf->networks[i].name = v->sections[i].title.ptr;
		conf->networks[i].set =
		    v->sections[i].values[NETWORKS_ADDRESSES].nets;
	}
}

/* core_dns - whom to ask and how often */
static void
core_dns(struct conf *conf, struct rows *r)
{
	const struct weir_conf *sec = core_single(conf, CORE_DNS);
	const struct conf_value *servers = &sec->values[DNS_SERVERS];
	struct err err;

	conf->dns.timeout_ms = conf_int(sec, DNS_TIMEOUT);
	conf->dns.tries = conf_int(sec, DNS_TRIES);
	conf->dns.cache = conf_int(sec, DNS_CACHE);
	conf->dns.queries = conf_int(sec, DNS_QUERIES);
	conf->dns.zone = core_text(sec, DNS_ZONE);
	conf->dns.n_servers = servers->n;
	conf->dns.servers = pool_array(conf->pool, struct conf_address,
	    servers->n + 1);
	for (uint32_t i = 0; i < servers->n; i++) {
		if (conf_address_server(servers->items[i].ptr, 53,
			&conf->dns.servers[i], &err) != WEIR_OK)
			scan_report(r->scan, CONF_ERROR,
			    servers->token + 2 * i, "servers: \"%s\" %s",
			    servers->items[i].ptr, err.text);
	}
	if (servers->n > DNS_SERVERS_MAX)
		core_report(r, CONF_ERROR, servers, "servers: %u of them, at "
		    "most %d are asked", servers->n, DNS_SERVERS_MAX);
}

/* core_log - how loud, and where to */
static void
core_log(struct conf *conf, struct rows *r)
{
	static const char *const plain[] = { "stderr", "syslog", "journal",
		NULL };
	const struct weir_conf *sec = core_single(conf, CORE_LOG);
	const char *target = core_text(sec, LOG_TARGET), *near;

	conf->log.level = (enum weir_log_level)conf_int(sec, LOG_LEVEL);
	conf->log.json = conf_int(sec, LOG_FORMAT) == 1;
	conf->log.path = "";
	if (text_has_prefix(text_slice(target), "file:/")) {
		conf->log.target = CONF_LOG_FILE;
		conf->log.path = target + 5;
		return;
	}
	for (int i = 0; plain[i] != NULL; i++) {
		if (strcmp(target, plain[i]) == 0) {
			conf->log.target = (enum conf_log_target)i;
			return;
		}
	}
	near = text_nearest(target, plain);
	core_report(r, CONF_ERROR, &sec->values[LOG_TARGET], "target: \"%s\" "
	    "is none of stderr, syslog, journal, file:/PATH%s%s%s", target,
	    near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?)" : "");
}

/* core_limits - the numbers: crash, memory, limits, store */
static void
core_limits(struct conf *conf, struct rows *r)
{
	const struct weir_conf *sec = core_single(conf, CORE_CRASH);

	conf->crash.limit = conf_int(sec, CRASH_LIMIT);
	conf->crash.window_ms = conf_int(sec, CRASH_WINDOW);
	conf->crash.bench_ms = conf_int(sec, CRASH_BENCH);
	sec = core_single(conf, CORE_MEMORY);
	conf->memory.total = conf_int(sec, MEMORY_TOTAL);
	conf->memory.message = conf_int(sec, MEMORY_MESSAGE);
	conf->memory.spool = conf_int(sec, MEMORY_SPOOL);
	if (conf->memory.message > conf->memory.total)
		core_report(r, CONF_ERROR, &sec->values[MEMORY_MESSAGE],
		    "memory: message is larger than total");
	sec = core_single(conf, CORE_LIMITS);
	conf->limits.recipients = conf_int(sec, LIMITS_RECIPIENTS);
	conf->limits.header_octets = conf_int(sec, LIMITS_HEADER_OCTETS);
	conf->limits.header_lines = conf_int(sec, LIMITS_HEADER_LINES);
	conf->limits.parts = conf_int(sec, LIMITS_PARTS);
	conf->limits.depth = conf_int(sec, LIMITS_DEPTH);
	conf->limits.sessions = conf_int(sec, LIMITS_SESSIONS);
	conf->limits.idle_ms = conf_int(sec, LIMITS_IDLE);
	conf->limits.command_timeout_ms =
	    conf_int(sec, LIMITS_COMMAND_TIMEOUT);
	conf->store_size = conf_int(core_single(conf, CORE_STORE), STORE_SIZE);
}

/* core_observe - explain and metrics */
static void
core_observe(struct conf *conf, struct rows *r)
{
	const struct weir_conf *sec = core_single(conf, CORE_EXPLAIN);
	struct err err;
	const char *text;

	conf->explain.enabled = conf_bool(sec, EXPLAIN_ENABLED);
	conf->explain.retention_ms = conf_int(sec, EXPLAIN_RETENTION);
	conf->explain.path = core_text(sec, EXPLAIN_PATH);
	if (*conf->explain.path == '\0') {
		conf->explain.path = pool_printf(conf->pool, "%s/explain.db",
		    conf->state_dir);
		sec->values[EXPLAIN_PATH].str = text_slice(conf->explain.path);
	}
	sec = core_single(conf, CORE_METRICS);
	text = core_text(sec, METRICS_ADDRESS);
	if (*text != '\0' &&
	    conf_address_parse(text, &conf->metrics, &err) != WEIR_OK) {
		core_report(r, CONF_ERROR, &sec->values[METRICS_ADDRESS],
		    "address: \"%s\" %s", text, err.text);
		return;
	}
	for (size_t i = 0; i < conf->n_listeners; i++) {
		if (conf_address_equal(&conf->metrics,
			&conf->listeners[i].address))
			core_report(r, CONF_ERROR,
			    &sec->values[METRICS_ADDRESS], "address: listener "
			    "\"%s\" has the same (line %u of %s)",
			    conf->listeners[i].name, conf->listeners[i].line,
			    conf->listeners[i].file);
	}
}

/* core_record - recordings for a replay */
static void
core_record(struct conf *conf)
{
	const struct weir_conf *sec = core_single(conf, CORE_RECORD);

	conf->record.enabled = conf_bool(sec, RECORD_ENABLED);
	conf->record.size = conf_int(sec, RECORD_SIZE);
	conf->record.count = conf_int(sec, RECORD_COUNT);
	conf->record.retention_ms = conf_int(sec, RECORD_RETENTION);
	conf->record.sample = conf_int(sec, RECORD_SAMPLE);
	conf->record.bodies = conf_bool(sec, RECORD_BODIES);
	conf->record.body_size = conf_int(sec, RECORD_BODY_SIZE);
}

/* core_machine - what follows from the machine if the file leaves it open; the
   values are put back, so that a dump shows what is in effect */
static void
core_machine(struct conf *conf)
{
	struct conf_value *workers = &conf->root->values[CORE_WORKERS];
	struct conf_value *hostname = &conf->root->values[CORE_HOSTNAME];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char host[256] = "";

	if (workers->num == 0)
		workers->num = cpus < 1 ? 1 :
		    cpus > WORKERS_MAX ? WORKERS_MAX : cpus;
	conf->workers = (int)workers->num;
	if (hostname->str.len == 0) {
		if (gethostname(host, sizeof(host) - 1) != 0 || *host == '\0')
			snprintf(host, sizeof(host), "localhost");
		hostname->str = text_slice(pool_strdup(conf->pool, host));
	}
	conf->hostname = hostname->str.ptr;
}

/* core_memory - each worker has its share, and a message must fit into it */
static void
core_memory(struct conf *conf, struct rows *r)
{
	struct weir_conf *sec =
	    conf->root->values[CORE_MEMORY].sections;
	struct conf_value *total = &sec->values[MEMORY_TOTAL];
	struct buf need = BUF_INIT;
	int64_t least = conf->memory.message > INT64_MAX / 2 / WORKERS_MAX ?
	    INT64_MAX : conf->memory.message * conf->workers;

	/* twice: as it came, and decoded */
	if (total->origin == CONF_DEFAULT && least <= INT64_MAX / 2 &&
	    total->num < 2 * least) {
		total->num = 2 * least;
		conf->memory.total = total->num;
	}
	if (conf->memory.total >= least || conf->memory.message >
	    conf->memory.total)
		return;
	value_size_print(least, &need);
	core_report(r, CONF_WARNING, total, "memory: each of the %d workers "
	    "has its share of total, which is less than message: larger mail "
	    "is refused for good; make total %s or more", conf->workers,
	    need.ptr);
	buf_fini(&need);
}

/* core_fill - the typed fields */
void
core_fill(struct conf *conf, struct rows *r)
{
	const struct weir_conf *root = conf->root;

	core_machine(conf);
	conf->user = core_text(root, CORE_USER);
	conf->group = core_text(root, CORE_GROUP);
	conf->module_path = core_text(root, CORE_MODULE_PATH);
	conf->state_dir = core_text(root, CORE_STATE_DIR);
	conf->control = core_text(root, CORE_CONTROL);
	conf->disagree = (enum conf_disagree)conf_int(root, CORE_DISAGREE);
	conf->drain_timeout_ms = conf_int(root, CORE_DRAIN_TIMEOUT);
	conf->message_timeout_ms = conf_int(root, CORE_MESSAGE_TIMEOUT);
	conf->call_timeout_ms = conf_int(root, CORE_CALL_TIMEOUT);
	conf->stall_limit_ms = conf_int(root, CORE_STALL_LIMIT);
	if (conf->call_timeout_ms > conf->message_timeout_ms)
		core_report(r, CONF_WARNING, &root->values[CORE_CALL_TIMEOUT],
		    "call_timeout is longer than message_timeout");
	core_limits(conf, r);
	core_memory(conf, r);
	core_listeners(conf, r);
	core_dns(conf, r);
	core_log(conf, r);
	core_observe(conf, r);
	core_record(conf);
}

/* core_module_fill - what the host asks of a module section */
void
core_module_fill(struct conf *conf, struct conf_module *m)
{
	struct conf_value *v = m->all->values;

	/* what the file leaves open follows from the descriptor, from the
	   other direction and from call_timeout */
	if (v[MODULE_ON_FAILURE].origin == CONF_UNSET) {
		v[MODULE_ON_FAILURE].origin = CONF_DEFAULT;
		v[MODULE_ON_FAILURE].num = m->desc->on_failure;
	}
	if (v[MODULE_ON_FAILURE_OUT].origin == CONF_UNSET) {
		v[MODULE_ON_FAILURE_OUT].origin = CONF_DEFAULT;
		v[MODULE_ON_FAILURE_OUT].num = v[MODULE_ON_FAILURE].num;
	}
	if (v[MODULE_TIMEOUT].origin == CONF_UNSET) {
		v[MODULE_TIMEOUT].origin = CONF_DEFAULT;
		v[MODULE_TIMEOUT].num = m->desc->timeout_ms != 0 ?
		    m->desc->timeout_ms : conf->call_timeout_ms;
	}
	m->on_failure = (enum weir_on_failure)v[MODULE_ON_FAILURE].num;
	m->on_failure_out = (enum weir_on_failure)v[MODULE_ON_FAILURE_OUT].num;
	m->timeout_ms = v[MODULE_TIMEOUT].num;
	m->shadow = conf_bool(m->all, MODULE_SHADOW);
	m->path = core_text(m->all, MODULE_PATH);
}

/* conf_destroy - free the configuration */
void
conf_destroy(struct conf **conf)
{
	struct conf *c = *conf;
	struct pool *pool;

	*conf = NULL;
	if (c == NULL)
		return;
	map_fini(&c->scores);
	pool = c->pool;
	pool_destroy(&pool);
}

/* conf_network - a set by its name */
const struct conf_netset *
conf_network(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_networks; i++) {
		if (strcmp(conf->networks[i].name, name) == 0)
			return conf->networks[i].set;
	}
	return NULL;
}

/* conf_module_find - a module by its name */
const struct conf_module *
conf_module_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_modules; i++) {
		if (strcmp(conf->modules[i].name, name) == 0)
			return &conf->modules[i];
	}
	return NULL;
}

/* conf_score - the weight of a symbol */
double
conf_score(const struct conf *conf, const char *symbol, double fallback)
{
	const double *score = map_get(&conf->scores, text_slice(symbol));

	return score != NULL ? *score : fallback;
}
