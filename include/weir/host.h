/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/host.h - what the host offers every module.
 *
 * The table grows only at its end; a module built for an older host keeps
 * working, one that wants a younger member tests WEIR_HAS first.  It lives as
 * long as the process, as do the tables that ext() finds.
 *
 * WHAT HOLDS FOR EVERY FUNCTION, here and in the extensions, unless its comment
 * says otherwise:
 *   thread    the tag at its end (see weir/types.h); without one that of the
 *             function before it
 *   stage     any call may be used, also one that belongs to no mail (a task,
 *             periodic work, a command): what only a mail has answers
 *             WEIR_E_STATE there
 *   errors    WEIR_E_STALE: the call is over; WEIR_E_STATE: wrong thread, phase
 *             or stage; WEIR_E_INVAL: NULL, an index or a number out of range,
 *             a slice without octets.  What fails changes nothing but sets
 *             what comes out to "empty".  Functions that give no status give
 *             NULL, 0 or an empty slice then.  Nothing crashes for an argument
 *             that is wrong, nothing calls back before it has returned
 *   in        what a module hands in is copied
 *   out       what comes out is borrowed until the callback returns, or the
 *             completion in which it was asked for
 *   rcpt      index of a recipient, 0 the first; WEIR_RCPT_NONE: the message
 *   size      structs begin with theirs: the module sets it to sizeof before it
 *             hands one in or has one filled in; the host reads and writes no
 *             octet beyond it, and sets it to what it filled in
 * After the call was given up (its deadline, or the client is gone) its
 * completions still come; in them only memory may be freed: what would start
 * something answers WEIR_E_CANCELLED, what would state something WEIR_E_STATE.
 */
#ifndef WEIR_HOST_H
#define WEIR_HOST_H

#include <weir/option.h>
#include <weir/types.h>
#include <weir/verdict.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A callback of the module's own making: see task(), hold(), weir_timer.
   status: WEIR_OK, or why it came otherwise; arg: as it was handed in. [loop] */
typedef void weir_task_fn(weir_call *, int status, void *arg);

/* The core.  Constant; handed to create, lives as long as the process. */
struct weir_host {
	uint32_t size; /* sizeof(struct weir_host) in the host */
	uint16_t abi_major, abi_minor; /* what the host implements */
	const char *version; /* Weir's release, "1.2.3" */

	/* Find an extension table by its id ("weir.dns/1"); NULL if this host
	   lacks it.  What `needs` names is always there.  The table lives as
	   long as the process. [any] */
	const void *(*ext)(weir_self *, const char *id);

	/* Log one finished line at a level of enum weir_log_level (another one:
	   INFO).  The host adds module, session, message and stage of the call,
	   which may be NULL or stale.  Control characters are escaped, octets
	   behind the 16384th are cut. [any]; elsewhere than on the loop the
	   call is not looked at */
	void (*log)(weir_self *, weir_call *, int level, weir_str line);

	/* Time.  Modules never ask the system: tests and replay turn this
	   clock.  wall: milliseconds since 1970; mono: never steps. [any] */
	int64_t (*wall_ms)(weir_self *);
	int64_t (*mono_ms)(weir_self *);

	/* Zeroed memory, aligned for any type, that dies with the scope (enum
	   weir_scope; WEIR_SCOPE_RCPT: with the message), after the slots below
	   were dropped.  In a call that belongs to no mail it dies with the
	   call.  NULL: over the budget of the message or session, no such scope
	   (yet), a stale call. [loop] */
	void *(*alloc)(weir_call *, uint32_t scope, size_t size);

	/* One slot per module and scope (per recipient for WEIR_SCOPE_RCPT; rcpt
	   is not looked at otherwise).  drop (or NULL) runs exactly once with
	   what is not NULL: when the scope ends, after message_end or
	   session_end, or at once when the slot is set to something else.
	   WEIR_E_STATE: no such scope here. data_get: NULL if nothing was set.
	   [loop] */
	int (*data_set)(weir_call *, uint32_t scope, uint32_t rcpt, void *data,
	    void (*drop)(void *));
	void *(*data_get)(weir_call *, uint32_t scope, uint32_t rcpt);

	/* Where are we: enum weir_stage, enum weir_phase, or a negative status;
	   WEIR_E_STATE in a call that belongs to no mail. [loop] */
	int (*stage)(weir_call *);
	int (*phase)(weir_call *);

	/* What is known so far: attr is of enum weir_attr, rcpt is
	   WEIR_RCPT_NONE except for attributes of a recipient.
	   WEIR_E_NOTFOUND: not known (yet), or no such attribute in this host.
	   The value lives as long as its session, message or recipient. [loop] */
	int (*attr_get)(weir_call *, uint32_t attr, uint32_t rcpt,
	    weir_str *out);
	/* An MTA macro as the milter protocol names it: "i", "{auth_authen}".
	   WEIR_E_NOTFOUND: the MTA did not send it. [loop] */
	int (*macro_get)(weir_call *, const char *name, weir_str *out);
	/* Recipients named so far, 0 without a message; refused ones keep their
	   index and answer WEIR_E_NOTFOUND in attr_get(WEIR_A_RCPT). [loop] */
	uint32_t (*rcpt_count)(weir_call *);
	/* Header fields, in order; name (case is ignored) NULL means all.  value
	   is raw: folded as received, with the blank after the colon.  From eoh
	   on, until the message ends; needs WEIR_F_WANT_HEADERS: without it, or
	   earlier, there are none.  Either slice may be NULL.
	   WEIR_E_NOTFOUND: not so many. [loop] */
	uint32_t (*header_count)(weir_call *, const char *name);
	int (*header_at)(weir_call *, const char *name, uint32_t index,
	    weir_str *name_out, weir_str *value_out);
	/* 1 if addr (text; NULL: the client) lies in networks "name", 0 if not,
	   WEIR_E_NOTFOUND if the file defines no such networks, WEIR_E_INVAL if
	   addr is no address. [loop] */
	int (*in_networks)(weir_call *, const char *name, const char *addr);

	/* State a finding: symbol is the row of the descriptor's symbols,
	   score = the site's weight of it * weight (finite).  From connect and
	   helo it counts for every message of the session.  Only in collect and
	   decide.  reason: one sentence with the evidence, cut at 4096 octets.
	   When there are very many, equal ones become one. [loop] */
	int (*finding)(weir_call *, uint32_t symbol, uint32_t rcpt,
	    double weight, weir_str reason);
	/* Findings so far that apply here (session, then message), of all
	   modules.  WEIR_E_NOTFOUND: not so many. [loop] */
	uint32_t (*finding_count)(weir_call *);
	int (*finding_at)(weir_call *, uint32_t index,
	    struct weir_finding *out);
	/* Sum of the scores that count for this recipient, or for the message
	   alone with WEIR_RCPT_NONE; 0 where there is no mail. [loop] */
	double (*score)(weir_call *, uint32_t rcpt);

	/* State a verdict; only in decide (and in act: TEMPFAIL, when what was
	   promised can't be done).  A second one of the same module about the
	   same thing counts if it is stronger. [loop] */
	int (*verdict)(weir_call *, const struct weir_verdict *);
	/* The strongest verdict so far for a recipient (WEIR_RCPT_NONE: for the
	   message), of all modules; WEIR_ACT_NONE: nobody stated any.  Its
	   strings live until the message ends. [loop] */
	int (*verdict_get)(weir_call *, uint32_t rcpt,
	    struct weir_verdict *out);

	/* Facts: results that modules, rules and the log share.  Keys are
	   "module.word", 1 to 64 octets; values at most 16384.  Set with rcpt
	   for one recipient; before MAIL it is one of the session.  get looks at
	   the recipient, then the message, then the session; WEIR_E_NOTFOUND:
	   nobody set it.  Setting one's own again replaces it.
	   WEIR_E_LIMIT: there are too many. [loop] */
	int (*fact_set)(weir_call *, uint32_t rcpt, const char *key,
	    weir_str value);
	int (*fact_get)(weir_call *, uint32_t rcpt, const char *key,
	    weir_str *value);

	/* "My check did not run": the module's on_failure decides, the mail is
	   `unscanned` by it.  The same happens when a callback returns a
	   negative status or its deadline passes.  status: why, negative
	   (another one is taken as WEIR_E_INTERNAL); reason: one sentence. Once
	   per call, the first counts.  WEIR_E_CANCELLED: the call was given up,
	   and has failed already. [loop] */
	int (*fail)(weir_call *, int status, weir_str reason);
	/* Checks that did not run so far, of session and message.  Either slice
	   may be NULL.  WEIR_E_NOTFOUND: not so many. [loop] */
	uint32_t (*unscanned_count)(weir_call *);
	int (*unscanned_at)(weir_call *, uint32_t index, weir_str *module,
	    weir_str *reason);

	/* Run fn soon on the loop in a call of its own that belongs to no mail
	   (timeout_ms 0: 30 s).  Where no traffic will flow (a configuration is
	   checked) and when the process ends before, fn does not run: arg must
	   be the module's own.  [loop], [main] */
	int (*task)(weir_self *, weir_task_fn *fn, void *arg,
	    uint32_t timeout_ms);

	/* Keep a call open for something that the host can't see.  done runs
	   exactly once on the loop: with the status of release(), or with
	   WEIR_E_TIMEOUT after timeout_ms (0: the call's own deadline), or when
	   the call is given up.  NULL: not in header and body, a call that is
	   over or given up, no done. [loop] */
	weir_hold *(*hold)(weir_call *, uint32_t timeout_ms, weir_task_fn *done,
	    void *arg);
	/* Let go; from where the work was done.  Does nothing if done has run, or
	   it was released before. [any] */
	void (*release)(weir_hold *, int status);

	/* In create: these options want more kept than the descriptor's flags
	   say (WEIR_F_WANT_*; other flags are ignored), or have no use for one
	   of its callbacks: what nobody wants is not asked of the MTA.
	   WEIR_E_STATE: create is over. [main] */
	int (*want)(weir_self *, uint32_t flags);
	int (*skip)(weir_self *, uint32_t phase, uint32_t stage);

	/* Options: row numbers of the module's own table, or of the section's
	   that conf_section gave.  A row that does not exist, or is of another
	   type, reads as one that was not set: false, 0, "", none.  A value is
	   what the file says, else the row's fallback; all lives as long as the
	   process. [any] */
	bool (*conf_bool)(const weir_conf *, uint32_t row);
	/* INT; DURATION in milliseconds; SIZE in octets; ENUM: the index among
	   its choices. [any] */
	int64_t (*conf_int)(const weir_conf *, uint32_t row);
	double (*conf_real)(const weir_conf *, uint32_t row);
	/* STRING, PATH, or the word of an ENUM. [any] */
	weir_str (*conf_str)(const weir_conf *, uint32_t row);
	/* LIST or NETLIST: how many items, and where they are (items may be
	   NULL). [any] */
	uint32_t (*conf_list)(const weir_conf *, uint32_t row,
	    const weir_str **items);
	/* 1 if the address (text) lies in the NETLIST row's networks, else 0,
	   also if it is no address. [any] */
	int (*conf_net)(const weir_conf *, uint32_t row, const char *addr);
	/* Repeated sections: how many, and the i-th with its title (which may be
	   NULL); NULL: not so many. [any] */
	uint32_t (*conf_sections)(const weir_conf *, uint32_t row);
	const weir_conf *(*conf_section)(const weir_conf *, uint32_t row,
	    uint32_t index, weir_str *title);

	/* What becomes of a recipient.  In act at eom: what settlement would do
	   by what is known now, enum weir_action; QUARANTINE only if kept()
	   would take effect, WEIR_E_UNSUPPORTED if the verdict is QUARANTINE
	   but the recipient can't leave the envelope here, or nothing of this
	   module counts (shadow): the MTA's own hold carries it out.  In
	   message_end: what was settled, WEIR_E_CANCELLED if nothing was.
	   [loop] */
	int (*fate)(weir_call *, uint32_t rcpt);
	/* A durable copy for that recipient (WEIR_RCPT_NONE: all whose fate is
	   QUARANTINE) is safe under this id (1 to 64 of A-Z a-z 0-9 - _); the
	   recipient leaves the envelope instead of being held, and when nobody
	   is left the message is accepted and dropped towards the MTA.  A
	   refusal that wins all the same is not touched by it: see fate() in
	   message_end.  Only in act at eom.  WEIR_E_NOTFOUND: not the
	   recipient's fate.  A keeper that can't keep states TEMPFAIL.
	   [loop] */
	int (*kept)(weir_call *, uint32_t rcpt, weir_str id);

	/* Path of a folder of the module's own below the site's state_dir,
	   which workers may write to; the module makes it when it first needs
	   it, never in create: a configuration is checked by others, too.
	   weir-drive gives one that it removes at its end.  Never NULL; lives
	   as long as the process. [main], [loop] */
	const char *(*folder)(weir_self *);

	/* This message was judged before: it is being released.  No other
	   module is shown it any more, and what others stated of it or of its
	   session counts no longer, unless it has been answered already.  Only
	   modules with WEIR_F_KEEPER, in collect or decide from eoh on; in
	   act at eom the module has its last word (TEMPFAIL).
	   WEIR_E_UNSUPPORTED: the module is in shadow.  reason: one sentence
	   for the log. [loop] */
	int (*exempt)(weir_call *, weir_str reason);
	/* ---- end of ABI 1.0 ---- */
};

/* Is that member in the table which this host handed over: for members above
   the "end of ABI" line of the oldest host that the module works with. */
#define WEIR_HAS(h, field) \
	((h)->size >= \
	    offsetof(struct weir_host, field) + sizeof((h)->field))

#ifdef __cplusplus
}
#endif
#endif
