/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/core_rows.h"

#include "conf/core.h"

/* One row: number, name, type, default, lowest, highest, help. */
#define ROW(row, label, kind, dflt, low, high, text) \
	[row] = { .name = (label), .type = WEIR_OPT_##kind, \
		.fallback = (dflt), .lo = (low), .hi = (high), .help = (text) }
#define WORD(row, label, dflt, words, text) \
	[row] = { .name = (label), .type = WEIR_OPT_ENUM, .fallback = (dflt), \
		.choices = (words), .help = (text) }
#define NEEDED(row, label, kind, words, text) \
	[row] = { .name = (label), .type = WEIR_OPT_##kind, \
		.flags = WEIR_OPT_REQUIRED, .choices = (words), \
		.help = (text) }
#define SECTION(row, label, bits, inner, text) \
	[row] = { .name = (label), .type = WEIR_OPT_SECTION, .flags = (bits), \
		.rows = (inner), .help = (text) }
#define END { .name = NULL }

static const struct weir_option crash_rows[] = {
	ROW(CRASH_LIMIT, "limit", INT, "3", "1", "1000",
	    "Crashes that a module may cause before it is benched."),
	ROW(CRASH_WINDOW, "window", DURATION, "10m", "1s", "1d",
	    "Time within which these crashes are counted."),
	ROW(CRASH_BENCH, "bench", DURATION, "30m", "1s", "30d",
	    "How long a benched module is left out; meanwhile its on_failure "
	    "decides."),
	END
};

static const struct weir_option memory_rows[] = {
	ROW(MEMORY_TOTAL, "total", SIZE, "512M", "16M", "1T",
	    "Memory that all messages of all workers may take together, shared "
	    "out evenly; a worker that has used up its part refuses new mail "
	    "for the time being.  If the file leaves it open it is at least "
	    "twice `message` for each worker."),
	ROW(MEMORY_MESSAGE, "message", SIZE, "64M", "64k", "1T",
	    "Largest message that is looked at."),
	ROW(MEMORY_SPOOL, "spool", SIZE, "256k", "4k", "1G",
	    "Size above which a message moves from the heap to a memory "
	    "file."),
	END
};

static const struct weir_option limits_rows[] = {
	ROW(LIMITS_RECIPIENTS, "recipients", INT, "1000", "1", "100000",
	    "Recipients of one message."),
	ROW(LIMITS_HEADER_OCTETS, "header_octets", SIZE, "256k", "1k", "16M",
	    "Size of a message's header."),
	ROW(LIMITS_HEADER_LINES, "header_lines", INT, "2000", "10", "100000",
	    "Lines of a message's header."),
	ROW(LIMITS_PARTS, "parts", INT, "1000", "1", "100000",
	    "MIME parts of one message."),
	ROW(LIMITS_DEPTH, "depth", INT, "30", "1", "200",
	    "Depth of MIME parts inside each other."),
	ROW(LIMITS_SESSIONS, "sessions", INT, "2000", "1", "100000",
	    "Sessions that one worker holds at a time."),
	ROW(LIMITS_IDLE, "idle", DURATION, "1h", "1s", "7d",
	    "Time that the MTA's client may take between two commands; then "
	    "the connection is closed."),
	ROW(LIMITS_COMMAND_TIMEOUT, "command_timeout", DURATION, "5m", "1s",
	    "1d", "Time that the MTA itself may take for the rest of a packet "
	    "or the next part of a message; then the connection is closed."),
	END
};

static const struct weir_option networks_rows[] = {
	ROW(NETWORKS_ADDRESSES, "addresses", NETLIST, NULL, NULL, NULL,
	    "Addresses and networks in CIDR notation."),
	END
};

static const struct weir_option listener_rows[] = {
	NEEDED(LISTENER_PROTOCOL, "protocol", ENUM, "milter|policy",
	    "What the MTA speaks here."),
	NEEDED(LISTENER_ADDRESS, "address", STRING, NULL,
	    "Where to listen: unix:/PATH, inet:ADDRESS:PORT, "
	    "inet6:[ADDRESS]:PORT, or systemd:NAME for a socket that systemd "
	    "passes."),
	WORD(LISTENER_DIRECTION, "direction", "auto", "auto|in|out",
	    "Direction of the mail; auto means out if the client is "
	    "authenticated or in networks \"internal\", else in."),
	ROW(LISTENER_MODE, "mode", STRING, "0660", NULL, NULL,
	    "File mode of a unix socket."),
	ROW(LISTENER_OWNER, "owner", STRING, NULL, NULL, NULL,
	    "Owner of a unix socket; empty: as created."),
	ROW(LISTENER_GROUP, "group", STRING, NULL, NULL, NULL,
	    "Group of a unix socket; empty: as created."),
	ROW(LISTENER_NO_REPLY, "no_reply", BOOL, "yes", NULL, NULL,
	    "Tell the MTA not to wait for answers that nobody needs."),
	END
};

static const struct weir_option dns_rows[] = {
	ROW(DNS_SERVERS, "servers", LIST, NULL, NULL, NULL,
	    "Resolvers, with port if it is not 53; empty: those of "
	    "/etc/resolv.conf."),
	ROW(DNS_TIMEOUT, "timeout", DURATION, "3s", "10ms", "1m",
	    "Time that one try waits for an answer."),
	ROW(DNS_TRIES, "tries", INT, "2", "1", "8",
	    "How often a question is asked before it fails."),
	ROW(DNS_CACHE, "cache", INT, "10000", "0", "10000000",
	    "Answers that one worker remembers."),
	ROW(DNS_QUERIES, "queries", INT, "100", "1", "100000",
	    "Questions that one session may cause."),
	ROW(DNS_ZONE, "zone", PATH, NULL, NULL, NULL,
	    "Zone file that answers instead of the network; for tests."),
	END
};

static const struct weir_option log_rows[] = {
	WORD(LOG_LEVEL, "level", "info", "error|warn|info|debug",
	    "The least important lines that are written."),
	ROW(LOG_TARGET, "target", STRING, "stderr", NULL, NULL,
	    "Where to: stderr, syslog, journal, or file:/PATH."),
	WORD(LOG_FORMAT, "format", "text", "text|json",
	    "Words with key=value, or one JSON object a line."),
	END
};

static const struct weir_option explain_rows[] = {
	ROW(EXPLAIN_ENABLED, "enabled", BOOL, "yes", NULL, NULL,
	    "Keep a record of every decision."),
	ROW(EXPLAIN_PATH, "path", PATH, NULL, NULL, NULL,
	    "The records' database; empty: explain.db in state_dir."),
	ROW(EXPLAIN_RETENTION, "retention", DURATION, "14d", "1h", "3650d",
	    "How long records are kept."),
	END
};

static const struct weir_option metrics_rows[] = {
	ROW(METRICS_ADDRESS, "address", STRING, NULL, NULL, NULL,
	    "Where OpenMetrics are served, for example inet:127.0.0.1:9155; "
	    "empty: nowhere."),
	END
};

static const struct weir_option store_rows[] = {
	ROW(STORE_SIZE, "size", SIZE, "1G", "1M", "1T",
	    "Largest size of the store that modules keep their data in."),
	END
};

static const struct weir_option record_rows[] = {
	ROW(RECORD_ENABLED, "enabled", BOOL, "no", NULL, NULL,
	    "Keep what weirctl replay needs to decide again: client, "
	    "envelope, header, DNS answers, findings."),
	ROW(RECORD_SIZE, "size", SIZE, "64M", "1M", "1T",
	    "Octets that recordings of all workers may take; the oldest go."),
	ROW(RECORD_COUNT, "count", INT, "100000", "100", "1000000000",
	    "Recordings that are kept at most."),
	ROW(RECORD_RETENTION, "retention", DURATION, "7d", "1h", "3650d",
	    "How long they are kept at most."),
	ROW(RECORD_SAMPLE, "sample", INT, "100", "1", "100",
	    "Sessions of a hundred that are recorded."),
	ROW(RECORD_BODIES, "bodies", BOOL, "no", NULL, NULL,
	    "Keep the bodies of messages, too."),
	ROW(RECORD_BODY_SIZE, "body_size", SIZE, "256k", "1k", "16M",
	    "Largest body that is kept."),
	END
};

static const struct weir_option scores_rows[] = { END };

const struct weir_option core_rows[] = {
	ROW(CORE_WORKERS, "workers", INT, "0", "0", "64",
	    "Worker processes; 0: one for each processor."),
	ROW(CORE_USER, "user", STRING, "weir", NULL, NULL,
	    "User that workers and helpers run as."),
	ROW(CORE_GROUP, "group", STRING, NULL, NULL, NULL,
	    "Group that workers and helpers run as; empty: the user's own."),
	ROW(CORE_MODULE_PATH, "module_path", PATH, WEIR_MODULEDIR, NULL, NULL,
	    "Directory that modules are loaded from."),
	ROW(CORE_STATE_DIR, "state_dir", PATH, WEIR_STATEDIR, NULL, NULL,
	    "Directory for what must survive a restart."),
	ROW(CORE_CONTROL, "control", PATH, WEIR_RUNDIR "/control.sock", NULL,
	    NULL, "Socket that weirctl talks to."),
	ROW(CORE_HOSTNAME, "hostname", STRING, NULL, NULL, NULL,
	    "Name of this host in headers and records; empty: the system's."),
	WORD(CORE_DISAGREE, "disagree", "worst",
	    "worst|majority|drop|tempfail-others",
	    "What happens when recipients of one message get different "
	    "verdicts and the protocol has only one answer."),
	ROW(CORE_DRAIN_TIMEOUT, "drain_timeout", DURATION, "1m", "0", "1d",
	    "Time that open sessions get to finish on a reload or stop."),
	ROW(CORE_MESSAGE_TIMEOUT, "message_timeout", DURATION, "45s", "100ms",
	    "1h", "Time that all modules together may take at the end of a "
	    "message."),
	ROW(CORE_CALL_TIMEOUT, "call_timeout", DURATION, "10s", "10ms", "1h",
	    "Time that one call of a module may take."),
	ROW(CORE_STALL_LIMIT, "stall_limit", DURATION, "10s", "100ms", "10m",
	    "Time after which a worker whose loop stands still is killed."),
	SECTION(CORE_CRASH, "crash", SECTION_SINGLE, crash_rows,
	    "When a module that crashes is benched."),
	SECTION(CORE_MEMORY, "memory", SECTION_SINGLE, memory_rows,
	    "Caps on memory."),
	SECTION(CORE_LIMITS, "limits", SECTION_SINGLE, limits_rows,
	    "Caps on what clients may send."),
	SECTION(CORE_NETWORKS, "networks", 0, networks_rows,
	    "A named set of networks, for modules and listeners."),
	SECTION(CORE_LISTENER, "listener", 0, listener_rows,
	    "A socket that the MTA connects to."),
	SECTION(CORE_DNS, "dns", SECTION_SINGLE, dns_rows,
	    "How names are looked up."),
	SECTION(CORE_LOG, "log", SECTION_SINGLE, log_rows,
	    "What is logged, where and how."),
	SECTION(CORE_EXPLAIN, "explain", SECTION_SINGLE, explain_rows,
	    "The records behind weirctl explain."),
	SECTION(CORE_METRICS, "metrics", SECTION_SINGLE, metrics_rows,
	    "Numbers for monitoring."),
	SECTION(CORE_STORE, "store", SECTION_SINGLE, store_rows,
	    "The embedded key-value store."),
	SECTION(CORE_SCORES, "scores", SECTION_SINGLE, scores_rows,
	    "Weights of symbols, each SYMBOL = NUMBER, instead of the "
	    "modules' own.  What a module gives with the symbol is "
	    "multiplied by the weight: RBL_CLIENT = 2 doubles the score of "
	    "each zone, 0 makes it count for nothing."),
	SECTION(CORE_RECORD, "record", SECTION_SINGLE, record_rows,
	    "Recordings for weirctl replay, in recordings/ of state_dir: "
	    "readable by the daemon's user and root alone."),
	END
};

const struct weir_option core_module_rows[] = {
	WORD(MODULE_ON_FAILURE, "on_failure", NULL, "tempfail|quarantine|pass",
	    "What happens to inbound mail that the module could not check; "
	    "by default the module's own choice."),
	WORD(MODULE_ON_FAILURE_OUT, "on_failure_out", NULL,
	    "tempfail|quarantine|pass",
	    "The same for outbound mail; by default as on_failure."),
	ROW(MODULE_TIMEOUT, "timeout", DURATION, NULL, "10ms", "1h",
	    "Time that one call may take; by default the module's own, else "
	    "call_timeout."),
	ROW(MODULE_SHADOW, "shadow", BOOL, "no", NULL, NULL,
	    "Run and record the module, but let it change nothing."),
	ROW(MODULE_PATH, "path", PATH, NULL, NULL, NULL,
	    "The module's file; empty: by its name from module_path."),
	END
};

const char *const core_sugar[] = { "action", "rules", NULL };
