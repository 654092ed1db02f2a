/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - the core host table that every module gets, and the extensions.
 */
#ifndef WEIR_HOST_TABLE_H
#define WEIR_HOST_TABLE_H

#include <weir/host.h>

#include "pipe/call.h"

extern const struct weir_host table_host;

/* An extension table by id, or NULL. */
const void *table_ext(const char *id);
/* Is it one of <weir/ext/draft/>, which may change or vanish?  A draft keeps its
   id when it becomes an extension, so that only this list tells: ids, ended by
   NULL. */
extern const char *const *table_drafts;
bool table_is_draft(const char *id);

/* While a configuration is only tried, modules' lines go here instead of the
   log; NULL: to the log. Process-wide. */
extern void (*table_log_hook)(const struct module *m, int level,
    weir_str line);

/* Who answers in_networks: networks "name" of the configuration; 1, 0 or
   WEIR_E_NOTFOUND.  Process-wide. */
void table_networks(int (*fn)(const char *name, const struct ip *ip));

/* The call behind a handle on the loop thread, or NULL and the status. */
struct call *table_call(weir_call *handle, int *status);
/* The same for functions that start something: not where nothing can wait, not
   when the call has been given up. */
struct call *table_starter(weir_call *handle, int *status);
/* The module behind a self. */
static inline struct module *
table_module(weir_self *self)
{
	return (struct module *)(void *)self;
}
static inline weir_self *
table_self(struct module *m)
{
	return (weir_self *)(void *)m;
}

/* Is it a slice at all: octets need an address. */
static inline bool
table_is_str(weir_str s)
{
	return s.ptr != NULL || s.len == 0;
}

/* Whose job runs in this thread; NULL: none. */
extern _Thread_local struct module *table_thread_module;

/* Where modules have their folders; NULL: in a temporary one, removed by
   table_folders_fini. */
void table_folders(const char *dir);
void table_folders_fini(void);

/* Forget what modules offered each other. */
void ext_service_fini(void);

/* One table a file: ext_NAME.c */
struct weir_dns;
struct weir_timer;
struct weir_job;
struct weir_store;
struct weir_edit;
struct weir_mime;
struct weir_metric;
struct weir_service;
struct weir_control;
struct weir_remote;
struct weir_lua;
extern const struct weir_dns ext_dns_table;
extern const struct weir_timer ext_timer_table;
extern const struct weir_job ext_job_table;
extern const struct weir_store ext_store_table;
extern const struct weir_edit ext_edit_table;
extern const struct weir_mime ext_mime_table;
extern const struct weir_metric ext_metric_table;
extern const struct weir_service ext_service_table;
extern const struct weir_control ext_control_table;
extern const struct weir_remote ext_remote_table;
extern const struct weir_lua ext_lua_table;

#endif
