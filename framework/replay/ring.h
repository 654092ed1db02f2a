/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring - recordings in files of a folder, the oldest of which go.
 *
 * Every worker writes files of its own: NAME is the time in ms, the worker, a
 * number.  A file is a sequence of frames: "WRF1", length, CRC-32 of what
 * follows, time in ms, octets; numbers big-endian.  A frame is one write, so a
 * killed process leaves at most its last one cut; a reader looks for the next
 * good frame behind damage.  Nothing is forced to the disk.
 *
 * ring_put copies into a bounded queue (1,000 frames, 16 MiB) and returns; a
 * thread writes.  What finds the queue full, or no room on the disk, is lost,
 * counted and logged (record.dropped): mail never waits for it.
 *
 * At most size octets and count frames are kept, in all files of all workers,
 * since a file takes at most its share of both and the number of files is
 * bounded; what is older than retention_ms is deleted, by the file.
 */
#ifndef WEIR_REPLAY_RING_H
#define WEIR_REPLAY_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"

#define RING_HEAD 20 /* octets of a frame before its content */

struct ring_config {
	const char *dir; /* made if it is not there, mode 0700 */
	int64_t size, count, retention_ms;
	unsigned workers, worker; /* how many write, and which one is this */
};

struct ring_stats {
	uint64_t written, dropped;
};

/* One ring in a process; after the fork. [main] */
int ring_open(const struct ring_config *config, struct err *err);
/* Writes what is queued, for at most five seconds. [main] */
void ring_close(void);
/* false: lost.  Never blocks. [any] */
bool ring_put(int64_t time_ms, weir_str octets);
/* The largest content that has a chance. */
size_t ring_frame_max(void);
void ring_stats(struct ring_stats *out);

/* What a folder holds, in the order of time.  No ring need be open. */
struct ring_ref {
	uint32_t file;
	uint64_t offset;
	int64_t time_ms;
};
struct ring_list {
	VEC(char *) files; /* paths */
	VEC(struct ring_ref) refs;
	uint64_t damaged; /* octets that are no frames */
};

/* All frames with a time of at least since_ms.  WEIR_E_NOTFOUND: no folder. */
int ring_list(const char *dir, int64_t since_ms, struct ring_list *out,
    struct err *err);
void ring_list_fini(struct ring_list *list);
/* The content of one frame into out; negative: it is gone, or damaged. */
int ring_get(const struct ring_list *list, const struct ring_ref *ref,
    struct buf *out, struct err *err);

/* For ring_list and fuzzing: the first frame in data at or behind *at: its
   content and time; *at is then behind it.  false: there is none any more.
   Octets that were passed over are added to *damaged. */
bool ring_scan(weir_str data, size_t *at, weir_str *content,
    int64_t *time_ms, uint64_t *damaged);

#endif
