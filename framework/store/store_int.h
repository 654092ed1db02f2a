/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_int - shared by the files of store/.
 *
 * The way of a write: store_op_create -> overlay and queue -> group (owned by
 * the commit job while committing is set) -> ready -> callback.
 */
#ifndef WEIR_STORE_STORE_INT_H
#define WEIR_STORE_STORE_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "store/lmdb.h"
#include "store/store.h"
#include "work/pool.h"

/* One group: LMDB_HEADROOM must hold its copied pages. */
#define STORE_GROUP_OPS 2048
#define STORE_GROUP_OCTETS ((size_t)4 << 20)
/* What may wait for a commit. */
#define STORE_QUEUE_OPS 65536
#define STORE_QUEUE_OCTETS ((size_t)64 << 20)

enum store_kind { STORE_GET, STORE_PUT, STORE_ADD, STORE_DEL, STORE_WALK };

/* A key with operations that wait for a commit; in the overlay. */
struct store_pending {
	unsigned ops;		/* all of them */
	unsigned ordered;	/* those that a get must wait for */
	struct store_op *last; /* newest put or del, NULL if none */
};

struct store_op {
	struct list node; /* in queue, group or ready */
	enum store_kind kind;
	bool ordered;
	int status;
	store_fn *fn; /* NULL: nobody wants to know */
	void *arg;
	struct store_pending *pending; /* NULL: not in the overlay */
	struct store_walk *walk;       /* STORE_WALK only */
	int64_t expires_ms;
	weir_str key;	/* name space NUL key; in data */
	weir_str value; /* in data */
	struct buf result;
	char data[];
};

struct store {
	bool open, closing, memory;
	char *path;
	size_t map_size;
	int commit_ms;
	struct lmdb *db; /* NULL: could not be opened anew */
	int64_t opened_ms, looked_ms; /* mono */

	struct map overlay;
	struct list queue; /* oldest first */
	size_t queue_ops, queue_octets;

	struct list group;
	size_t group_ops;
	bool committing;
	bool again; /* this group was already put back once */
	struct work commit;
	int group_status;    /* by the job */
	int64_t group_now;   /* wall time for the job */
	int64_t group_us;    /* by the job */
	uint64_t group_swept; /* by the job */
	uint64_t full_ns;    /* of the job: when it last swept */
	bool group_full;     /* by the job: the file was found full */
	bool group_wrote;    /* by the job */
	bool group_sweep;    /* by the job: it swept a part */
	struct err group_err; /* by the job */
	struct loop_task start;
	struct loop_timer linger;

	struct list ready;
	struct loop_task deliver;
	bool degraded;
	char trouble[256];
	uint64_t commits, failures, swept;
	int64_t commit_us;
};

extern struct store store;

/* store.c */
void store_op_free(struct store_op *op);
void store_op_ready(struct store_op *op); /* its callback is due */
void store_read(struct store_op *op);	  /* do a get on the file */
void store_trouble(int status, const char *text);
/* open the file anew, after setting it aside if damaged says so */
void store_reopen(const char *damaged);
/* look, now and then, whether the file was replaced */
void store_look(void);

/* commit.c */
void commit_init(void);
void commit_want(struct store_op *op); /* it was queued */
void commit_finish(void); /* commit everything, here and now */

/* walk.c */
struct store_walk *walk_create(weir_str prefix, size_t ns_len, weir_str from,
    uint32_t limit, store_row_fn *row);
bool walk_step(struct store_op *op); /* false: once more, please */
void walk_free(struct store_walk *walk);
void walk_cancel(struct store_walk *walk);

/* sweep.c */
void sweep_init(void);
void sweep_fini(void);
bool sweep_is_busy(void);    /* a job uses the file */
bool sweep_is_running(void); /* a pass is under way */
/* sweep a part here and now, for a full file; how many went [job] */
uint64_t sweep_some(struct lmdb *db, int64_t now_ms);

#endif
