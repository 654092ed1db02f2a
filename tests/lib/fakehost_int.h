/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fakehost_int - what the files of the fake host share. */
#ifndef TESTS_LIB_FAKEHOST_INT_H
#define TESTS_LIB_FAKEHOST_INT_H

#include "lib/fakehost.h"

/* A growing array of anything: FAKE_PUSH answers the new, zeroed item. */
#define FAKE_ARRAY(type) \
	struct { \
		type *at; \
		uint32_t n; \
	}
#define FAKE_PUSH(a) \
	((a)->at = fake_grow((a)->at, (a)->n, sizeof(*(a)->at)), \
	    &(a)->at[(a)->n++])
void *fake_grow(void *at, uint32_t n, size_t size);
char *fake_dup(const char *s, size_t len);

/* Parsed options. */
struct fake_value {
	char *text;
	weir_str *items;
	uint32_t nitems;
	struct weir_conf **sections;
	char **titles;
	uint32_t nsections;
};
struct weir_conf {
	const struct weir_option *rows;
	struct fake_value *values;
};
struct weir_conf *fake_conf_parse(const struct weir_option *rows,
    const char **text);
void fake_conf_free(struct weir_conf *c);
void fake_conf_host(struct weir_host *host);
/* Does text address lie in list "a/b, c"? */
bool fake_in_list(const char *list, const char *addr);

struct weir_call {
	struct fakehost *f;
	int phase, stage; /* -1: belongs to no mail */
	bool closed;
	uint32_t pending;
	bool entered; /* its callback has not returned yet */
};

/* Something that will complete. */
struct fake_event {
	struct fake_event *next;
	weir_call *call; /* NULL: a task, it gets one of its own */
	int64_t due;	 /* mono */
	int kind;	 /* FAKE_* */
	int status;
	union {
		weir_task_fn *task;
		weir_dns_fn *dns;
		weir_store_fn *store;
	} fn;
	weir_store_row_fn *row;
	void *arg;
	char *value;	 /* store: the value; dns: data */
	size_t value_len;
	char *prefix;	 /* walk */
	char *from;
	uint32_t limit;
	uint16_t type;
	bool running;
};
enum { FAKE_TASK, FAKE_DNS, FAKE_STORE, FAKE_WALK };

struct fake_every {
	weir_task_fn *fn;
	void *arg;
	int64_t ms, next;
};
struct fake_line {
	char *name, *data;
	uint16_t type;
	int status;
	bool below;
};
struct fake_asked {
	char *name;
	uint32_t timeout;
};
struct fake_entry {
	char *key, *value;
	size_t value_len;
	int64_t expires;
};
struct fake_pair {
	char *name, *value;
};
struct fake_fact {
	char *key, *value;
	uint32_t rcpt;
	bool session;
};
struct fake_attr {
	uint32_t attr, rcpt;
	char *value;
};
struct fake_metric {
	char *name, *labels;
	int64_t value;
};
struct fake_log {
	int level;
	char *text;
};
struct fake_command {
	char *name;
	weir_control_fn *fn;
};
struct fake_slot {
	uint32_t scope, rcpt;
	void *data;
	void (*drop)(void *);
};
struct fake_block {
	uint32_t scope;
	void *data;
};

struct fakehost {
	struct weir_host host;
	const struct weir_module *module;
	struct weir_conf *conf;
	void *state;
	int status;
	int64_t mono, wall_off;
	uint32_t wanted;		    /* WEIR_F_* */
	uint32_t skipped[WEIR_PHASE_COUNT]; /* bits of stages */
	bool in_session, in_message;
	struct fake_event *queue, **tail;
	FAKE_ARRAY(weir_call *) calls;
	FAKE_ARRAY(struct fake_every) every;
	FAKE_ARRAY(struct fake_line) lines;
	FAKE_ARRAY(struct fake_asked) asked;
	FAKE_ARRAY(struct fake_entry) store;
	FAKE_ARRAY(struct fake_pair) headers;
	FAKE_ARRAY(struct fake_pair) decodes;
	FAKE_ARRAY(struct fake_pair) networks;
	FAKE_ARRAY(struct fake_pair) unscanned;
	FAKE_ARRAY(struct fake_fact) facts;
	FAKE_ARRAY(struct fake_attr) attrs;
	FAKE_ARRAY(struct fake_metric) metrics;
	FAKE_ARRAY(struct fake_log) logs;
	FAKE_ARRAY(struct fake_command) commands;
	FAKE_ARRAY(struct fake_slot) slots;
	FAKE_ARRAY(struct fake_block) blocks;
	FAKE_ARRAY(struct fakehost_finding) findings;
	FAKE_ARRAY(struct fakehost_verdict) verdicts;
	FAKE_ARRAY(char *) edits;
	FAKE_ARRAY(char *) links;
	FAKE_ARRAY(char *) spare; /* strings replaced while borrowed */
	uint32_t rcpts;
	char *failed;
	int store_status, edit_status;
	char *race;
	char *output;
	size_t output_len;
};

void fake_record_host(struct weir_host *host);

/* WEIR_OK, or why this call may not do that. */
#define FAKE_PHASE(p) (1 << (p))
#define FAKE_PHASE_ANY (-1)
int fake_call_check(weir_call *call, int phases);
weir_call *fake_call_new(struct fakehost *f, int phase, int stage);
void fake_call_leave(weir_call *call);
struct fake_event *fake_event_new(struct fakehost *f, weir_call *call,
    int kind);
const void *fake_ext(weir_self *self, const char *id);
void fake_ext_deliver(struct fakehost *f, struct fake_event *e,
    bool cancelled);
void fake_ext_free(struct fakehost *f);
void fake_walk_deliver(struct fakehost *f, struct fake_event *e,
    bool cancelled);
void fake_store_free(struct fakehost *f);
extern const struct weir_store fake_store_table;

#endif
