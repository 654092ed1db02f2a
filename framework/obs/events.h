/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events - every event that Weir logs: the one list from which come the enum
 * log_event_id, the names on the lines and the table of doc/logging.md.
 *
 * X(NAME, "event.id", LEVEL, "meaning")
 *
 * An id, once released, keeps its meaning for ever; append, never reuse.
 * LEVEL is the most severe that a line with this event can be: a caller may
 * log it milder, a more severe level is lowered to it.  So an event that is
 * routine can never look like an error.
 */
#ifndef WEIR_OBS_EVENTS_H
#define WEIR_OBS_EVENTS_H

#define LOG_EVENTS(X) \
	X(DAEMON_START, "daemon.start", INFO, \
	    "The daemon starts; nothing is served yet.") \
	X(DAEMON_READY, "daemon.ready", INFO, \
	    "All listeners are served.") \
	X(DAEMON_STOP, "daemon.stop", INFO, \
	    "The daemon was asked to stop, or has stopped.") \
	X(CONFIG_REFUSED, "config.refused", ERROR, \
	    "A configuration has an error and is not used; at a reload the " \
	    "old one stays in force.") \
	X(CONFIG_LOADED, "config.loaded", INFO, \
	    "A configuration is in force from now on.") \
	X(WORKER_START, "worker.start", INFO, \
	    "A worker process serves from now on.") \
	X(WORKER_EXIT, "worker.exit", INFO, \
	    "A worker has ended as it was meant to; its mail was finished.") \
	X(WORKER_CRASH, "worker.crash", ERROR, \
	    "A worker died; its open sessions are lost to the MTA's retry. " \
	    "Module, stage and message are those that it was busy with.") \
	X(MODULE_LOADED, "module.loaded", INFO, \
	    "A module was loaded and accepted its options.") \
	X(MODULE_FAILED, "module.failed", ERROR, \
	    "A module could not be loaded, or its check did not run; for a " \
	    "check the module's on_failure decides.") \
	X(MODULE_BENCHED, "module.benched", ERROR, \
	    "A module crashed too often and is not called for a while; its " \
	    "on_failure decides meanwhile.") \
	X(MODULE_SLOW, "module.slow", WARN, \
	    "A module held the event loop for too long in one callback.") \
	X(MODULE_LOG, "module.log", ERROR, \
	    "A line of a module's own, at the level that it chose.") \
	X(SESSION_OPEN, "session.open", INFO, \
	    "An MTA opened a session.") \
	X(SESSION_CLOSE, "session.close", INFO, \
	    "A session has ended.") \
	X(MESSAGE_VERDICT, "message.verdict", INFO, \
	    "The decision about one message, or an early refusal; one line " \
	    "for each.") \
	X(MESSAGE_ABORT, "message.abort", INFO, \
	    "The MTA gave a message up before it was decided.") \
	X(MESSAGE_POISON, "message.poison", WARN, \
	    "A message killed workers before: no module sees it again, it " \
	    "is held or refused for now.") \
	X(FRONT_PROTOCOL, "front.protocol", WARN, \
	    "A peer broke the protocol; its connection is closed.") \
	X(FRONT_LIMIT, "front.limit", WARN, \
	    "A peer went over a limit of count, size or time.") \
	X(DNS_TROUBLE, "dns.trouble", WARN, \
	    "Name servers do not answer, or answer nonsense.") \
	X(STORE_DEGRADED, "store.degraded", ERROR, \
	    "A database can't be written or read for now.") \
	X(STORE_RECOVERED, "store.recovered", INFO, \
	    "A database that was degraded works again.") \
	X(STORE_CORRUPT, "store.corrupt", ERROR, \
	    "A database was damaged: it was set aside as NAME.bad-TIME and " \
	    "an empty one was begun.") \
	X(EXPLAIN_DROPPED, "explain.dropped", ERROR, \
	    "Explain records were lost, since the database is too slow or " \
	    "can't be written; mail is not affected.") \
	X(CTL_COMMAND, "ctl.command", INFO, \
	    "An operator gave a command through the control socket.") \
	X(MEMORY_FULL, "memory.full", ERROR, \
	    "The memory cap for mail is reached; new mail gets a 4xx.") \
	X(STALL, "stall", ERROR, \
	    "A worker's event loop has not moved for too long.") \
	X(LOG_DROPPED, "log.dropped", WARN, \
	    "The log's target was stuck; that many lines are missing here.") \
	X(LOG_TROUBLE, "log.trouble", ERROR, \
	    "The log's target can't be reopened; the old one stays in use.") \
	X(PROCESS_PANIC, "process.panic", ERROR, \
	    "A bug in Weir was detected; the process dumps core.") \
	X(PROCESS_FATAL, "process.fatal", ERROR, \
	    "The process can't start in this environment.") \
	X(HELPER_START, "helper.start", INFO, \
	    "A helper process serves from now on.") \
	X(HELPER_DEATH, "helper.death", ERROR, \
	    "A helper process died; it is started again.") \
	X(HELPER_BENCHED, "helper.benched", ERROR, \
	    "A helper process died too often and is not started for a " \
	    "while, or until a reload; what is asked of it fails at once.") \
	X(HELPER_LOST, "helper.lost", WARN, \
	    "A worker's connection to a helper ended; requests that were " \
	    "under way have failed.") \
	X(STORE_VERIFIED, "store.verified", INFO, \
	    "A worker crashed outside of modules; the store was read and is " \
	    "not damaged.") \
	X(RECORD_DROPPED, "record.dropped", WARN, \
	    "Recordings for a replay were lost, since the disk is too slow or " \
	    "full; mail is not affected.") \
	X(HELPER_RESTART, "helper.restart", INFO, \
	    "A helper process ended of its own will, for a new one; that is " \
	    "no death.")

#endif
