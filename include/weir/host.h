/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/host.h - what the host offers every module.
 *
 * The table grows only at its end; a module built for an older host keeps
 * working, one that wants a younger member tests WEIR_HAS first.
 *
 * Every function that takes a weir_call checks it: a stale handle answers
 * WEIR_E_STALE, the wrong thread or stage WEIR_E_STATE.  Strings that come
 * out are borrowed until the callback returns unless said otherwise.
 */
#ifndef WEIR_HOST_H
#define WEIR_HOST_H

#include <weir/option.h>
#include <weir/types.h>
#include <weir/verdict.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A callback of the module's own making: see task(), hold(). */
typedef void weir_task_fn(weir_call *, int status, void *arg);

struct weir_host {
	uint32_t size;
	uint16_t abi_major, abi_minor;
	const char *version; /* Weir's release */

	/* Find an extension table by its id ("weir.dns/1"); NULL if this host
	   lacks it.  What `needs` names is always there. [any] */
	const void *(*ext)(weir_self *, const char *id);

	/* Log one finished line.  The host adds module, session, message and
	   stage; call may be NULL.  Control characters are escaped. [any],
	   with a call only [loop] */
	void (*log)(weir_self *, weir_call *, int level, weir_str line);

	/* Time.  Modules never ask the system: tests and replay turn this
	   clock.  wall: milliseconds since 1970; mono: never steps. [any] */
	int64_t (*wall_ms)(weir_self *);
	int64_t (*mono_ms)(weir_self *);

	/* Zeroed memory that dies with the scope (WEIR_SCOPE_*).  NULL over the
	   message's budget. [loop] */
	void *(*alloc)(weir_call *, uint32_t scope, size_t size);

	/* One slot per module and scope (per recipient for SCOPE_RCPT).  drop
	   (or NULL) runs exactly once when the scope ends or the slot is set
	   anew. [loop] */
	int (*data_set)(weir_call *, uint32_t scope, uint32_t rcpt, void *data,
	    void (*drop)(void *));
	void *(*data_get)(weir_call *, uint32_t scope, uint32_t rcpt);

	/* Where are we.  stage, phase: enum values, or negative status. [loop] */
	int (*stage)(weir_call *);
	int (*phase)(weir_call *);

	/* What is known so far. rcpt is WEIR_RCPT_NONE except for attributes of
	   a recipient. [loop] */
	int (*attr_get)(weir_call *, uint32_t attr, uint32_t rcpt,
	    weir_str *out);
	/* An MTA macro as the milter protocol names it: "i", "{auth_authen}". */
	int (*macro_get)(weir_call *, const char *name, weir_str *out);
	/* Recipients accepted so far; refused ones keep their index and answer
	   WEIR_E_NOTFOUND in attr_get(WEIR_A_RCPT). */
	uint32_t (*rcpt_count)(weir_call *);
	/* Header fields, in order; name NULL means all.  value is raw: folded
	   as received, with the blank after the colon. Needs
	   WEIR_F_WANT_HEADERS. */
	uint32_t (*header_count)(weir_call *, const char *name);
	int (*header_at)(weir_call *, const char *name, uint32_t index,
	    weir_str *name_out, weir_str *value_out);
	/* 1 if addr (text; NULL: the client) lies in networks "name", 0 if not,
	   WEIR_E_NOTFOUND if the file defines no such networks. */
	int (*in_networks)(weir_call *, const char *name, const char *addr);

	/* State a finding: symbol is the row of the descriptor's symbols,
	   score = the site's weight of it * weight.  From connect and helo it
	   counts for every message of the session.  Only in collect and
	   decide. reason: one sentence with the evidence. [loop] */
	int (*finding)(weir_call *, uint32_t symbol, uint32_t rcpt,
	    double weight, weir_str reason);
	/* Findings so far that apply here (session and message). */
	uint32_t (*finding_count)(weir_call *);
	int (*finding_at)(weir_call *, uint32_t index,
	    struct weir_finding *out);
	/* Sum of the scores that count for this recipient, or for the message
	   alone with WEIR_RCPT_NONE. */
	double (*score)(weir_call *, uint32_t rcpt);

	/* State a verdict; only in decide (and in act: TEMPFAIL, when what was
	   promised can't be done). [loop] */
	int (*verdict)(weir_call *, const struct weir_verdict *);
	/* The strongest verdict so far for a recipient (WEIR_RCPT_NONE: for the
	   message).  The caller sets out->size. */
	int (*verdict_get)(weir_call *, uint32_t rcpt,
	    struct weir_verdict *out);

	/* Facts: results that modules, rules and the log share.  Keys are
	   "module.word".  Set with rcpt for one recipient; get looks at the
	   recipient, then the message, then the session. [loop] */
	int (*fact_set)(weir_call *, uint32_t rcpt, const char *key,
	    weir_str value);
	int (*fact_get)(weir_call *, uint32_t rcpt, const char *key,
	    weir_str *value);

	/* "My check did not run": the module's on_failure decides, the mail is
	   `unscanned` by it.  The same happens when a callback returns a
	   negative status or its deadline passes. [loop] */
	int (*fail)(weir_call *, int status, weir_str reason);
	/* Checks that did not run so far. */
	uint32_t (*unscanned_count)(weir_call *);
	int (*unscanned_at)(weir_call *, uint32_t index, weir_str *module,
	    weir_str *reason);

	/* Run fn soon on the loop in a call of its own that belongs to no mail
	   (timeout_ms 0: 30 s).  [loop] or [main]; never inside this call. */
	int (*task)(weir_self *, weir_task_fn *fn, void *arg,
	    uint32_t timeout_ms);

	/* Keep a call open for something that the host can't see [loop];
	   release [any] lets done run once on the loop.  If the deadline comes
	   first done runs with WEIR_E_TIMEOUT and release does nothing. */
	weir_hold *(*hold)(weir_call *, uint32_t timeout_ms, weir_task_fn *done,
	    void *arg);
	void (*release)(weir_hold *, int status);

	/* In create: these options want more kept than the descriptor's flags
	   say (WEIR_F_*), or have no use for one of its callbacks: what nobody
	   wants is not asked of the MTA. [main] */
	int (*want)(weir_self *, uint32_t flags);
	int (*skip)(weir_self *, uint32_t phase, uint32_t stage);

	/* Options: row numbers of the module's own table. [any] */
	bool (*conf_bool)(const weir_conf *, uint32_t row);
	int64_t (*conf_int)(const weir_conf *, uint32_t row); /* also ms, octets,
								 index of ENUM */
	double (*conf_real)(const weir_conf *, uint32_t row);
	weir_str (*conf_str)(const weir_conf *, uint32_t row);
	uint32_t (*conf_list)(const weir_conf *, uint32_t row,
	    const weir_str **items);
	/* 1 if the address (text) lies in the row's networks, else 0. */
	int (*conf_net)(const weir_conf *, uint32_t row, const char *addr);
	/* Repeated sections: how many, and the i-th with its title. */
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
	   weir-drive gives one that it removes at its end.  Lives as long as
	   the process. [main], [loop] */
	const char *(*folder)(weir_self *);

	/* This message was judged before: it is being released.  No other
	   module is shown it any more, and what others stated of it or of its
	   session counts no longer, unless it has been answered already.  Only
	   modules with WEIR_F_KEEPER, in collect or decide from eoh on; in
	   act at eom the module has its last word (TEMPFAIL).  reason: one
	   sentence for the log. [loop] */
	int (*exempt)(weir_call *, weir_str reason);
	/* ---- end of ABI 0.1 ---- */
};

#define WEIR_HAS(h, field) \
	((h)->size >= \
	    offsetof(struct weir_host, field) + sizeof((h)->field))

#ifdef __cplusplus
}
#endif
#endif
