/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine - libclamav behind one small interface: load a database folder, scan
 * a piece of memory.  The only files that know clamav.h are engine.c and
 * scan.c.
 *
 * An engine does not change once it is loaded; threads share it and count
 * their use (helper.h).
 */
#ifndef MODULE_ANTIVIRUS_ENGINE_H
#define MODULE_ANTIVIRUS_ENGINE_H

#include "result.h"

#define ENGINE_PROBLEM_MAX 300u

/* What libclamav is told; fixed for the life of the process. */
struct engine_limits {
	uint64_t max_scan_size, max_file_size;
	uint32_t max_files, max_recursion; /* 0: none */
	uint32_t max_scan_ms;
	uint32_t structured_count; /* 0: off */
	bool encrypted, macros, broken, phishing, pua, bytecode;
	bool cache; /* libclamav's own */
	const char *temp_dir;
};

struct cl_engine;

struct engine {
	struct cl_engine *cl;
	unsigned refs; /* helper.c's, under its lock */
	uint32_t generation;
	uint32_t signatures;
	uint32_t version;	  /* of the daily database, or 0 */
	int64_t newest_ms;	  /* wall: when its newest part was made */
	uint64_t load_us;
	uint64_t bytes;		  /* memory that loading it took, about */
	uint64_t print;		  /* of the folder, see engine_print */
	uint32_t left_out;	  /* files that are broken */
	char problem[ENGINE_PROBLEM_MAX + 1]; /* why they are left out */
};

/* One line of libclamav's; error: something went wrong. [any] */
typedef void engine_log_fn(bool error, const char *line);

/* Once in a process, before all else. WEIR_E_TEMP with problem filled. */
int engine_init(engine_log_fn *log, char problem[ENGINE_PROBLEM_MAX + 1]);
/* "1.4.6" */
const char *engine_version(void);

/* What the folder holds, as a number that changes with it: names, sizes,
   times.  *files: how many are database files.  Negative with errno: it can't
   be read. */
int engine_print(const char *dir, uint64_t *print, uint32_t *files);

/* Load all of a folder.  salvage: files that can't be loaded are left out
   instead, if anything is left then.  WEIR_E_NOTFOUND: no database file;
   WEIR_E_NOMEM, WEIR_E_INVAL: broken; problem says what. */
int engine_load(const char *dir, const struct engine_limits *limits,
    bool salvage, struct engine **out, char problem[ENGINE_PROBLEM_MAX + 1]);
/* Takes about a second for a large one. */
void engine_free(struct engine **e);

/* Scan one file in memory: len octets at data.  out: empty, or merged to. */
void engine_scan(struct engine *e, const struct engine_limits *limits,
    const void *data, size_t len, struct av_result *out);

/* Lines of libclamav's of class error that this thread has caused since the
   last call, and the last of them; see scan.c. */
struct engine_messages {
	uint32_t errors;
	char last[160];
};
extern _Thread_local struct engine_messages engine_messages;
uint64_t engine_resident(void); /* octets of this process */
/* Before its first scan. */
void engine_callbacks(struct cl_engine *cl);

#endif
