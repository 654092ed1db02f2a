/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/module.h - what a module is: one descriptor behind one function.
 *
 * GLOSSARY
 *   stage    an event of the mail session (connect ... eom)
 *   phase    each stage runs collect, then decide, then act
 *   collect  checks look and report findings and facts; those that wait do so
 *            side by side
 *   decide   verdicts are stated, from findings, facts and the site's limits
 *   act      edits, quarantine, notifications: what a verdict entails
 *   call     one callback plus everything it started: it is open until all
 *            queries, timers, jobs and store operations have completed
 *
 * A module fills the callbacks that it wants; what nobody wants is not even
 * asked of the MTA.  Callbacks of one process never run at the same time.
 * A callback returns WEIR_OK or a negative status ("my check did not run");
 * it never blocks, exits, or calls a verdict by its return value.
 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

#include <weir/host.h>
#include <weir/option.h>
#include <weir/types.h>
#include <weir/verdict.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One phase's callbacks; NULL means not interested.  Each runs in a call of its
   own, which is valid until everything that it started has completed. state: as
   create set it; rcpt: index of the recipient that was just named; name, value
   (raw, with the blank after the colon) and chunk are borrowed until it
   returns. WEIR_OK, or a negative status: as host.fail with it; a positive one
   is taken as WEIR_OK.  header and body can't wait: a call that starts
   something there answers WEIR_E_STATE.  A host of a younger minor may know
   stages that this table does not: nobody calls the module for them. [loop] */
struct weir_stages {
	uint32_t size; /* sizeof(struct weir_stages) */
	uint32_t reserved0; /* 0 */
	int (*connect)(void *state, weir_call *);
	int (*helo)(void *state, weir_call *);
	int (*mail)(void *state, weir_call *);
	int (*rcpt)(void *state, weir_call *, uint32_t rcpt);
	int (*data)(void *state, weir_call *);
	int (*header)(void *state, weir_call *, weir_str name, weir_str value);
	int (*eoh)(void *state, weir_call *);
	int (*body)(void *state, weir_call *, weir_str chunk);
	int (*eom)(void *state, weir_call *);
	/* ---- end of ABI 1.0 ---- */
};

/* weir_module.flags: what must be kept for this module even if no header or
   body callback asks for it.  The MTA is asked for no more than that.  A host
   ignores bits that it does not know. */
#define WEIR_F_WANT_HEADERS (1u << 0) /* header_count, header_at at eoh, eom */
#define WEIR_F_WANT_BODY (1u << 1)    /* the whole message at eom (weir.mime) */
/* It carries out verdicts of QUARANTINE (host.kept): its act runs after that of
   all other modules, so that nobody else can change the answer any more, and
   also for mail that crashed the checks and is shown to no other module. */
#define WEIR_F_KEEPER (1u << 2)

/* weir_module.on_failure: the default of the option on_failure. */
enum weir_on_failure {
	WEIR_ON_FAILURE_TEMPFAIL = 0,
	WEIR_ON_FAILURE_QUARANTINE = 1,
	WEIR_ON_FAILURE_PASS = 2
};

struct weir_helper; /* see weir/ext/remote.h */

/* The descriptor.  Constant, with all that it points at, and lives as long as
   the process: the host copies what it needs once, tools read it without
   starting the module.  Texts are UTF-8 without control characters: id,
   version, license and summary one line of at most 255 octets, others (help,
   defaults) at most 65536, with line ends and tabs.  The members up to stride_symbol keep their place in
   every major, so that a host can say whom it refuses. */
struct weir_module {
	uint32_t magic;		/* WEIR_MAGIC */
	uint32_t size;		/* sizeof(struct weir_module) */
	uint16_t abi_major;	/* WEIR_ABI_MAJOR */
	uint16_t abi_minor;	/* WEIR_ABI_MINOR */
	uint16_t abi_minor_min; /* oldest host minor that it works with */
	uint16_t stride_option; /* sizeof(struct weir_option) */
	uint16_t stride_symbol; /* sizeof(struct weir_symbol) */
	uint16_t reserved0;	/* 0 */
	uint32_t flags;		/* WEIR_F_* */
	uint32_t on_failure;	/* enum weir_on_failure */
	uint32_t reserved1;	/* 0 */

	const char *id;	     /* "org.example.greylist" */
	const char *name;    /* "greylist": the section in the file, a-z 0-9 - */
	const char *version; /* the module's own */
	const char *license; /* SPDX expression */
	const char *summary; /* one line */

	const struct weir_option *options; /* ends with name NULL; or NULL */
	const struct weir_symbol *symbols; /* ends with name NULL; or NULL */
	const char *const *needs; /* extension ids, NULL-ended; or NULL */
	const char *const *after; /* modules whose calls of the same stage and
				     phase complete first, if they are loaded;
				     "*": all that do not themselves come
				     after this one; NULL-ended; or NULL */

	const struct weir_stages *collect; /* or NULL */
	const struct weir_stages *decide;  /* or NULL */
	const struct weir_stages *act;	   /* or NULL */

	/* Once per worker, before traffic, and where a configuration is checked.
	   host, self and conf live as long as the process; *state is handed to
	   everything below.  A negative status refuses the configuration: log
	   why; destroy is not called then. [main] */
	int (*create)(const struct weir_host *, weir_self *, const weir_conf *,
	    void **state);
	/* Once, after the last session; all calls are closed.  May be NULL.
	   [main] */
	void (*destroy)(void *state);
	/* The message (session) ends, whether or not the stages above ran: data
	   slots have not been dropped yet.  Nothing can be started or stated
	   any more, what is known can be read.  May be NULL. [loop] */
	void (*message_end)(void *state, weir_call *);
	void (*session_end)(void *state, weir_call *);
	/* Work for processes of their own (weir/ext/remote.h), NULL-ended; or
	   NULL.  They are started with every configuration that has the
	   module. */
	const struct weir_helper *const *helpers;
	uint32_t timeout_ms; /* default of the option timeout, 10..3600000; 0:
				the host's call_timeout */
	uint32_t reserved2;  /* 0 */
	/* ---- end of ABI 1.0 ---- */
};

#if defined(__GNUC__)
#define WEIR_EXPORT __attribute__((visibility("default")))
#else
#define WEIR_EXPORT
#endif

/* The one symbol a module exports.  No side effects: tools call it just to
   read the descriptor. [any] */
typedef const struct weir_module *weir_entry_fn(void);

/* WEIR_MODULE_EXPORT(mod_greylist, descriptor): the file is mod_greylist.so.
   A "-" of the module's name stays in the file's and is "_" here. */
#ifdef __cplusplus
#define WEIR_ENTRY_LINKAGE extern "C"
#else
#define WEIR_ENTRY_LINKAGE
#endif
#define WEIR_MODULE_EXPORT(mod, descriptor) \
	WEIR_ENTRY_LINKAGE WEIR_EXPORT const struct weir_module * \
	    mod##_LTX_weir_entry(void); \
	const struct weir_module *mod##_LTX_weir_entry(void) \
	{ \
		return &(descriptor); \
	}

/* The fixed head of every descriptor.  In C++ (before C++20) write the members
   in their order instead. */
#define WEIR_MODULE_HEAD \
	.magic = WEIR_MAGIC, .size = sizeof(struct weir_module), \
	.abi_major = WEIR_ABI_MAJOR, .abi_minor = WEIR_ABI_MINOR, \
	.abi_minor_min = WEIR_ABI_MINOR, \
	.stride_option = sizeof(struct weir_option), \
	.stride_symbol = sizeof(struct weir_symbol)

#ifdef __cplusplus
}
#endif
#endif
