/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/ext/remote.h - weir.remote/1: dangerous work in a helper process.
 *
 * The descriptor's `helpers` names tables of functions that run in a process
 * of their own: the program weir-helper opens the module's file again, inside
 * a sandbox, and calls nothing of it but the entry function and one of these
 * tables.  What dies there costs the requests that were under way, which
 * complete with WEIR_E_TEMP at once, and nothing else; the host starts the
 * helper again, later and later, and after too many deaths (crash { }) not
 * before a pause: meanwhile requests fail at once.  A process that has served
 * and needs a successor (its folder is another one now, it has leaked enough)
 * ends itself with _exit(75), EX_TEMPFAIL: the next one is started, at once or
 * after the usual back-off, and no death is counted.  Best while no run is
 * under way: those that are fail as after a death.
 *
 * GLOSSARY
 *   worker   the process that filters; create() and the stages run there
 *   helper   the process that runs the table; it shares nothing with workers
 *   request  octets from the worker, answered by octets from the helper; the
 *            two sides agree on what they mean.  Both must distrust them.
 *
 * SANDBOX.  A helper has the user that workers have and can gain no other
 * rights.  It can't execute programs, start processes (threads it can), make
 * or connect sockets, signal or trace others, or change the system.  From
 * init on it may read /usr, /lib, the module's folder and what the module's
 * PATH options name; after init it can't open files at all unless it has
 * WEIR_HELPER_FILES or WEIR_HELPER_TEMP.  What is refused fails with EPERM or
 * EACCES.
 *
 * With WEIR_HELPER_PROGRAMS it may do most of that, and so may what it starts:
 * there is no list of what is allowed.  It keeps the user, can gain no rights
 * and not look into other processes, `memory` limits each process, and files
 * can be written only in /tmp, /var/tmp, /dev, its own temporary folder and
 * folders that PATH options name (with Landlock; else file modes decide).  What
 * it starts must be ended by itself: the host ends the helper's process alone.
 *
 * PROGRAMS.  With `program` the helper is a program in any language instead of
 * functions.  weir-helper starts it in the same sandbox, gives it requests as
 * packets (doc/helper-protocol.md) and watches over it; the limits and what
 * the sender sees are the same.  It can execute no other program; all of its
 * life it may read what a helper of functions may read in init, and the folder
 * that it lies in.  Program and folder must belong to root or to the owner of
 * the module's file, with nobody else allowed to write.
 *
 * OPTIONS.  conf in init is the module's section, as in create, secrets
 * included.  A reload with the same section and file keeps the helper running
 * for the new workers too, else a new one starts beside the old one, which
 * ends when the last worker of its configuration has.
 *
 * THREADS.  [helper] is the helper's main thread before the first request or
 * after the last, [run] one of its threads during a request.  init may start
 * threads of its own: what the sandbox refuses after init is refused to them,
 * too.
 */
#ifndef WEIR_EXT_REMOTE_H
#define WEIR_EXT_REMOTE_H

#include <weir/option.h>
#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EXT_REMOTE "weir.remote/1"

#define WEIR_REMOTE_OCTETS 65536u /* the largest request and response */
#define WEIR_HELPERS_MAX 8u	  /* tables of one module */
#define WEIR_HELPER_THREADS_MAX 64u
#define WEIR_HELPER_PROCESSES_MAX 16u

/* weir_helper.flags: what it needs in spite of the sandbox */
#define WEIR_HELPER_TEMP (1u << 0)  /* a private folder to write in */
#define WEIR_HELPER_FILES (1u << 1) /* open files to read after init */
#define WEIR_HELPER_JIT (1u << 2)   /* make memory executable after init */
/* Start programs and speak to the network: for what can't be done otherwise,
   since this is the lesser protection (see SANDBOX). */
#define WEIR_HELPER_PROGRAMS (1u << 3)

typedef struct weir_request weir_request; /* one request in a helper */
typedef struct weir_mail weir_mail; /* a mail that a helper reads */
struct weir_mime_part;

/* What the host offers in a helper.  Grows at its end. */
struct weir_helper_host {
	uint32_t size;	    /* sizeof(struct weir_helper_host) in the host */
	uint32_t reserved0; /* 0 */

	/* Log one line, under the module's name; dropped when there are too
	   many.  level: enum weir_log_level. [helper], [run] */
	void (*log)(int level, weir_str line);
	/* Milliseconds since 1970; milliseconds of a clock that never steps.
	   [helper], [run] */
	int64_t (*wall_ms)(void);
	int64_t (*mono_ms)(void);
	/* The folder of WEIR_HELPER_TEMP, else "".  It is emptied when the
	   process starts and ends.  Lives as long as the process. [helper],
	   [run] */
	const char *(*temp_dir)(void);

	/* Append octets to the response, copied.  WEIR_E_LIMIT over
	   WEIR_REMOTE_OCTETS: the worker then gets that status. [run] */
	int (*respond)(weir_request *, const void *data, size_t len);
	/* Milliseconds left, 0 when nobody waits any more: long work asks now
	   and then. [run] */
	uint32_t (*left_ms)(weir_request *);

	/* As in struct weir_host. [helper], [run] */
	bool (*conf_bool)(const weir_conf *, uint32_t row);
	int64_t (*conf_int)(const weir_conf *, uint32_t row);
	double (*conf_real)(const weir_conf *, uint32_t row);
	weir_str (*conf_str)(const weir_conf *, uint32_t row);
	uint32_t (*conf_list)(const weir_conf *, uint32_t row,
	    const weir_str **items);
	int (*conf_net)(const weir_conf *, uint32_t row, const char *addr);
	uint32_t (*conf_sections)(const weir_conf *, uint32_t row);
	const weir_conf *(*conf_section)(const weir_conf *, uint32_t row,
	    uint32_t index, weir_str *title);

	/* Undo a transfer encoding: encoding and reading are those of struct
	   weir_mime_part, raw the octets that it names.  At most cap octets
	   into dst; returns how many there are in all as far as that is known:
	   more than cap says that it was cut. [run] */
	size_t (*decode)(uint32_t encoding, uint32_t reading, weir_str raw,
	    void *dst, size_t cap);
	/* Read a mail in memory as weir.mime does, under the usual limits;
	   never NULL.  raw must live until it is closed, as all that comes out
	   does.  Only in helpers of one thread; call it once in init, which
	   reads what libraries want from files. [helper], [run] */
	weir_mail *(*mail_open)(weir_str raw);
	/* As the functions of weir.mime; WEIR_E_NOTFOUND behind the last.
	   mail_close sets the pointer to NULL. [helper], [run] */
	int (*mail_part)(weir_mail *, uint32_t part,
	    struct weir_mime_part *out);
	int (*mail_name)(weir_mail *, uint32_t part, uint32_t index,
	    weir_str *out);
	int (*mail_data)(weir_mail *, uint32_t part, size_t max,
	    weir_str *out);
	void (*mail_close)(weir_mail **);
	/* ---- end of ABI 1.0 ---- */
};

/* What a helper asks for, as its options want it: see adapt. */
struct weir_helper_needs {
	uint32_t size;	  /* sizeof(struct weir_helper_needs) */
	uint32_t threads; /* 1..64 */
	uint32_t processes; /* 1..16; 0: these options need no such helper */
	uint32_t init_ms; /* 1..3600000 milliseconds */
	uint64_t memory;  /* limit of address space, octets */
	/* ---- end of ABI 1.0 ---- */
};

/* One kind of helper; constant. */
struct weir_helper {
	uint32_t size; /* sizeof(struct weir_helper) */
	uint32_t flags; /* WEIR_HELPER_* */
	const char *name; /* "scan": a-z 0-9 -, unique in the module */
	uint32_t threads; /* requests at the same time in one process, 1..64 */
	uint32_t processes; /* how many there are on this machine, 1..16 */
	uint32_t init_ms; /* time for init in milliseconds; 0: 30 s */
	uint32_t reserved0; /* 0 */
	uint64_t memory; /* limit of address space, octets; 0: 1 GiB */

	/* Once, in the sandbox.  A negative status refuses the configuration,
	   or if another init went well before, is a death: log why.
	   [helper] */
	int (*init)(const struct weir_helper_host *, const weir_conf *,
	    void **state);
	/* Answer one request.  request is borrowed until it returns, followed
	   by a NUL.  message: the whole mail as a descriptor to read or map,
	   sealed, at offset 0, closed by the host; -1 without
	   WEIR_REMOTE_MESSAGE.  What it returns is done's status,
	   positive values are WEIR_E_INTERNAL.  The process is ended when it
	   has not returned two seconds after the worker's deadline. [run] */
	int (*run)(void *state, weir_request *, weir_str request, int message);
	/* Before an ordinary end, no run is under way; may be NULL. [helper] */
	void (*fini)(void *state);
	/* The numbers above are for all; change them for this section.  Runs
	   where the configuration is checked, in no helper: of the host only
	   the conf functions are there.  A negative status refuses the
	   configuration.  May be NULL. [main] */
	int (*adapt)(const struct weir_helper_host *, const weir_conf *,
	    struct weir_helper_needs *);
	/* A program in the place of init, run and fini, which are NULL then:
	   its path, absolute or relative to the folder of the module's file.
	   threads is the most that it is asked at the same time; it may say
	   less.  Of the flags only WEIR_HELPER_TEMP is of use.  NULL:
	   functions. */
	const char *program;
	/* ---- end of ABI 1.0 ---- */
};

/* start's flags */
#define WEIR_REMOTE_MESSAGE (1u << 0) /* the helper may read the mail */

/* response is borrowed until it returns, "" unless status is WEIR_OK.  status:
     what run returned, or
     WEIR_E_TEMP       the helper died, is benched or can't be reached
     WEIR_E_INTERNAL   this very request has killed helpers before and is not
		       tried again for now
     WEIR_E_LIMIT      the response was too large
     WEIR_E_TIMEOUT    the call's deadline passed
     WEIR_E_CANCELLED  the call was given up [loop] */
typedef void weir_remote_done(weir_call *, int status, weir_str response,
    void *arg);

/* Frozen: what comes later is weir.remote/2. */
struct weir_remote {
	/* Ask helper number `helper` of the descriptor's helpers; request is
	   copied.  The call stays open; its deadline is the request's. done
	   runs exactly once, never before start() returns, and not at all if
	   start() fails:
	     WEIR_E_INVAL  no such helper, flags, or no slice
	     WEIR_E_LIMIT  request too large, or too many wait
	     WEIR_E_NOMEM  over the process's memory for mail
	     WEIR_E_STATE  WEIR_REMOTE_MESSAGE before eom, or without
			   WEIR_F_WANT_BODY; or as weir_host says [loop] */
	int (*start)(weir_call *, uint32_t helper, weir_str request,
	    uint32_t flags, weir_remote_done *done, void *arg);
	/* The same in any stage, with octets of the caller's in the place of
	   the mail: n slices are copied one behind the other into a sealed
	   descriptor.
	     WEIR_E_NOMEM  over the process's memory for mail, or no
			   descriptor [loop] */
	int (*start_data)(weir_call *, uint32_t helper, weir_str request,
	    const weir_str *data, uint32_t n, weir_remote_done *done,
	    void *arg);
};

#ifdef __cplusplus
}
#endif
#endif
