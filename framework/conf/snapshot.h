/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot - the text of a configuration, frozen.
 *
 * Taking it reads the main file and everything that it includes, each once,
 * into sealed memory files.  All later loads, also those of forked children
 * that lost their rights or see another root directory, read only this: a
 * worker restarted while somebody edits the file sees what was validated.
 * Messages still name the real paths. [main]
 */
#ifndef WEIR_CONF_SNAPSHOT_H
#define WEIR_CONF_SNAPSHOT_H

#include <stddef.h>

#include "base/err.h"
#include "conf/report.h"

#define CONF_FILE_MAX (1u << 20) /* octets in one file */
#define CONF_FILES_MAX 100	 /* files, and include lines */
#define CONF_NEST_MAX 10	 /* includes inside includes */

struct conf_snapshot;

/* NULL after an error that the report tells.  The caller releases it. */
struct conf_snapshot *conf_snapshot_take(const char *path,
    struct conf_report *report);
/* From memory; such a text can't include anything.  path names it in
   messages. */
struct conf_snapshot *conf_snapshot_of(const char *path, const void *data,
    size_t len, struct conf_report *report);
void conf_snapshot_release(struct conf_snapshot **snap);

/* For conf/scan.c.  File 0 is the main one. */
weir_str snapshot_text(const struct conf_snapshot *snap, unsigned file);
/* the path as messages name it; both live as long as the snapshot */
const char *snapshot_path(const struct conf_snapshot *snap, unsigned file);
/* the absolute directory that relative paths in this file start from */
const char *snapshot_dir(const struct conf_snapshot *snap, unsigned file);
/* The number of the file that `from` includes by this name; reads it while the
   snapshot is being taken. */
int snapshot_include(struct conf_snapshot *snap, unsigned from,
    const char *name, struct err *err);

#endif
