/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core - the typed configuration that the rest of Weir reads.
 *
 * One struct conf is one validated configuration: immutable, in one pool,
 * freed by conf_destroy.  Everything in it lives as long as it does.  Made by
 * conf_load (conf/load.h).  The root master loads the form without modules:
 * there modules[] is empty and no score is known. [any] to read
 */
#ifndef WEIR_CONF_CORE_H
#define WEIR_CONF_CORE_H

#include <sys/types.h>

#include <weir/module.h>

#include "base/map.h"
#include "base/pool.h"
#include "conf/address.h"
#include "conf/rows.h"
#include "conf/section.h"

/* What becomes of a message whose recipients got different verdicts where the
   protocol can't tell them apart. */
enum conf_disagree {
	CONF_DISAGREE_WORST,	      /* the strongest verdict for all */
	CONF_DISAGREE_MAJORITY,	      /* what most recipients got */
	CONF_DISAGREE_DROP,	      /* refused recipients are removed */
	CONF_DISAGREE_TEMPFAIL_OTHERS /* at RCPT, one kind at a time */
};

enum conf_protocol { CONF_PROTOCOL_MILTER, CONF_PROTOCOL_POLICY };

enum conf_direction {
	CONF_DIRECTION_AUTO, /* out if authenticated or in "internal" */
	CONF_DIRECTION_IN,
	CONF_DIRECTION_OUT
};

enum conf_log_target {
	CONF_LOG_STDERR,
	CONF_LOG_SYSLOG,
	CONF_LOG_JOURNAL,
	CONF_LOG_FILE
};

struct conf_listener {
	const char *name;
	enum conf_protocol protocol;
	struct conf_address address;
	enum conf_direction direction;
	mode_t mode;		   /* of a unix socket */
	const char *owner, *group; /* "" : as created */
	bool no_reply;		   /* use the milter's no-reply flags */
	const char *file;	   /* where it is defined */
	unsigned line;
};

struct conf_networks {
	const char *name;
	const struct conf_netset *set;
};

struct conf_module {
	const char *name;
	const char *path; /* explicit .so, or "": by name */
	const struct weir_module *desc;
	const struct weir_conf *conf; /* its own rows */
	enum weir_on_failure on_failure, on_failure_out;
	int64_t timeout_ms;
	bool shadow;
	const char *file;
	unsigned line;
	const struct weir_conf *all; /* reserved rows, then its own */
};

struct conf {
	int workers; /* 1 .. 64 */
	const char *user, *group, *module_path, *state_dir, *control;
	const char *hostname;
	enum conf_disagree disagree;
	int64_t drain_timeout_ms, message_timeout_ms, call_timeout_ms;
	int64_t stall_limit_ms;
	struct {
		int64_t limit, window_ms, bench_ms;
	} crash;
	struct {
		int64_t total, message, spool;
	} memory;
	struct {
		int64_t recipients, header_octets, header_lines, parts, depth;
		int64_t sessions, idle_ms, command_timeout_ms;
	} limits;
	struct {
		struct conf_address *servers; /* none: resolv.conf's */
		size_t n_servers;
		int64_t timeout_ms, tries, cache, queries;
		const char *zone; /* "": ask the network */
	} dns;
	struct {
		enum weir_log_level level;
		enum conf_log_target target;
		const char *path; /* of CONF_LOG_FILE */
		bool json;
	} log;
	struct {
		bool enabled;
		const char *path;
		int64_t retention_ms;
	} explain;
	struct {
		bool enabled, bodies;
		int64_t size, count, retention_ms, sample, body_size;
	} record;
	struct conf_address metrics; /* CONF_ADDRESS_NONE: off */
	int64_t store_size;

	struct conf_listener *listeners;
	size_t n_listeners;
	struct conf_networks *networks;
	size_t n_networks;
	struct conf_module *modules; /* in the file's order */
	size_t n_modules;

	/* private: for conf_dump and conf_destroy */
	struct pool *pool;
	struct weir_conf *root;
	struct map scores;
};

void conf_destroy(struct conf **conf);
/* NULL if the file defines no such networks */
const struct conf_netset *conf_network(const struct conf *conf,
    const char *name);
/* NULL if it is not configured */
const struct conf_module *conf_module_find(const struct conf *conf,
    const char *name);
/* The site's weight of a symbol, else fallback. */
double conf_score(const struct conf *conf, const char *symbol,
    double fallback);

/* The rows of the top level; module sections are not among them. */
extern const struct weir_option core_rows[];
/* What every module section may hold besides the module's own rows. */
extern const struct weir_option core_module_rows[];
#define CORE_MODULE_ROWS 5
/* Sections that are short for module "NAME"; ends with NULL. */
extern const char *const core_sugar[];

/* Take the typed fields of conf from conf->root; what rows can't check is
   checked here and reported. */
void core_fill(struct conf *conf, struct rows *r);
/* Take those of one module from m->all. */
void core_module_fill(struct conf *conf, struct conf_module *m);

#endif
