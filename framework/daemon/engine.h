/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine - what filters, without any socket: modules, pipeline, services.
 *
 * A worker puts front-ends before it; the harness weir-drive drives it with a
 * file.
 */
#ifndef WEIR_DAEMON_ENGINE_H
#define WEIR_DAEMON_ENGINE_H

#include "base/err.h"
#include "conf/core.h"
#include "conf/report.h"
#include "conf/snapshot.h"

enum engine_kind {
	ENGINE_WORKER, /* stores on disk, records kept */
	ENGINE_DRIVE,  /* stores in memory, no records kept */
	ENGINE_LOCAL,  /* the same, but modules get the site's folders */
	ENGINE_REPLAY  /* as DRIVE, no helpers, and recorded DNS answers */
};

/* The configuration with all its modules' rows. [main] */
int engine_load(struct conf_snapshot *snap, struct conf **out,
    struct conf_report *report);
/* Everything up to running modules.  The loop must exist; conf outlives it. */
int engine_start(const struct conf *conf, enum engine_kind kind,
    struct err *err);
/* Down again: waits for jobs, commits what is to be kept. */
void engine_stop(void);

#endif
