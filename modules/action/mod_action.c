/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mod_action - limits, marks, replies: options, descriptor and start. */
#include "action.h"
#include "field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKS_OWN 3
#define MARKS_MAX 64

static const struct weir_option action_header_options[] = {
	[HEADER_OPT_VALUE] = { "value", WEIR_OPT_STRING, WEIR_OPT_REQUIRED,
	    NULL, NULL, NULL, NULL,
	    "Its value, with macros (see reject_text).", NULL },
	[HEADER_OPT_WHEN] = { "when", WEIR_OPT_ENUM, 0, "always", NULL, NULL,
	    "always|spam|unscanned",
	    "Written always, when the score reaches a limit (spam), or when a "
	    "check did not run (unscanned).", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct weir_option action_options[] = {
	[OPT_REJECT] = { "reject", WEIR_OPT_REAL, 0, "15", "0", "10000", NULL,
	    "Refuse from this score on; 0: never.", NULL },
	[OPT_TEMPFAIL] = { "tempfail", WEIR_OPT_REAL, 0, "0", "0", "10000",
	    NULL, "Answer \"try again later\" from this score on; 0: never.",
	    NULL },
	[OPT_DISCARD] = { "discard", WEIR_OPT_REAL, 0, "0", "0", "10000",
	    NULL, "Accept and drop from this score on; 0: never.", NULL },
	[OPT_QUARANTINE] = { "quarantine", WEIR_OPT_REAL, 0, "0", "0",
	    "10000", NULL, "Quarantine from this score on; 0: never.", NULL },
	[OPT_ADD_HEADER] = { "add_header", WEIR_OPT_REAL, 0, "5", "0",
	    "10000", NULL,
	    "Mark as spam from this score on: see `when`; 0: never.", NULL },
	[OPT_EARLY] = { "early", WEIR_OPT_BOOL, 0, "yes", NULL, NULL, NULL,
	    "Refuse at RCPT what has reached the limit by then.", NULL },
	[OPT_REJECT_TEXT] = { "reject_text", WEIR_OPT_STRING, 0,
	    "Message refused as spam", NULL, NULL, NULL,
	    "Reply of a refusal.  Macros in it and in the other texts: "
	    "__SENDER__, __RECEIVERS__, __SUBJECT__, __MSGID__, "
	    "__SENDER_IP__ (of the mail), __SPAMLEVEL__ (its score), "
	    "__SPAMSTARS__ (as many stars), __SPAM_HITS__ (symbols with "
	    "scores), __SPAM_INFO__ (and reasons, a line each), "
	    "__UNSCANNED__ (modules that could not check it), __FQDN__, "
	    "__HOST__, __DOMAIN__ (our own name and its parts), "
	    "__VERSION__.  Any other __NAME__ is an error.", NULL },
	[OPT_TEMPFAIL_TEXT] = { "tempfail_text", WEIR_OPT_STRING, 0,
	    "Message not accepted now, please try again later", NULL, NULL,
	    NULL, "Reply of tempfail, with macros (see reject_text).", NULL },
	[OPT_SUBJECT_PREFIX] = { "subject_prefix", WEIR_OPT_STRING, 0, NULL,
	    NULL, NULL, NULL,
	    "Put in front of the subject of spam, with macros (see "
	    "reject_text); empty: nothing.", NULL },
	[OPT_SUBJECT_SCORE] = { "subject_score", WEIR_OPT_REAL, 0, "0", "0",
	    "10000", NULL,
	    "Score from which on the subject is changed; 0: as add_header.",
	    NULL },
	[OPT_HEADERS] = { "headers", WEIR_OPT_BOOL, 0, "yes", NULL, NULL,
	    NULL,
	    "Write X-Weir-Score and X-Weir-Symbols, and X-Weir-Unscanned "
	    "when a check did not run.", NULL },
	[OPT_HEADER] = { "header", WEIR_OPT_SECTION, 0, NULL, NULL, NULL,
	    NULL, "A header to write; its name is the title.",
	    action_header_options },
	[OPT_AUTHRES] = { "authres", WEIR_OPT_BOOL, 0, "no", NULL, NULL, NULL,
	    "Write Authentication-Results (RFC 8601), and remove those that "
	    "claim to be ours.", NULL },
	[OPT_AUTHSERV_ID] = { "authserv_id", WEIR_OPT_STRING, 0, NULL, NULL,
	    NULL, NULL, "Our name in it; empty: the MTA's own.", NULL },
	{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const char *const action_needs[] = { WEIR_EXT_EDIT, WEIR_EXT_METRIC,
	WEIR_EXT_MIME, NULL };
/* what they find in decide counts, too */
static const char *const action_after[] = { "greylist", "rules", NULL };

static const struct mark action_marks[MARKS_OWN] = {
	{ (char *)(uintptr_t)"X-Weir-Score",
	    (char *)(uintptr_t)"__SPAMLEVEL__", MARK_ALWAYS },
	{ (char *)(uintptr_t)"X-Weir-Symbols",
	    (char *)(uintptr_t)"__SPAM_HITS__", MARK_ALWAYS },
	{ (char *)(uintptr_t)"X-Weir-Unscanned",
	    (char *)(uintptr_t)"__UNSCANNED__", MARK_UNSCANNED }
};

/* action_free - free a state that may be half made */
static void
action_free(void *state)
{
	struct action *a = state;

	for (uint32_t i = 0; i < a->nmarks; i++) {
		free(a->marks[i].name);
		free(a->marks[i].value);
	}
	free(a->marks);
	free(a->reject_text);
	free(a->tempfail_text);
	free(a->subject_prefix);
	free(a->authserv_id);
	free(a);
}

/* action_macros - refuse a text with macros that do not exist */
static int
action_macros(const struct action *a, const char *option, weir_str text)
{
	weir_str bad = macros_unknown(text);
	char line[256];
	int n;

	if (bad.len == 0)
		return WEIR_OK;
	n = snprintf(line, sizeof(line), "%.100s: there is no macro %.*s",
	    option, bad.len < 80 ? (int)bad.len : 80, bad.ptr);
	a->host->log(a->self, NULL, WEIR_LOG_ERROR,
	    (weir_str){ line, (size_t)n });
	return WEIR_E_INVAL;
}

/* action_text - a copy of a string option; macros: they are expanded in it */
static int
action_text(const struct action *a, const weir_conf *conf, uint32_t row,
    bool macros, char **out)
{
	weir_str s = a->host->conf_str(conf, row);

	*out = strndup(s.ptr, s.len);
	if (*out == NULL)
		return WEIR_E_NOMEM;
	return macros ? action_macros(a, action_options[row].name, s)
		      : WEIR_OK;
}

/* action_mark - one more header to write */
static int
action_mark(struct action *a, weir_str name, weir_str value,
    enum mark_when when)
{
	struct mark *m = &a->marks[a->nmarks];
	char line[160];
	int n;

	if (!field_is_name(name)) {
		n = snprintf(line, sizeof(line),
		    "header \"%.*s\" is no name of a header field",
		    name.len < 100 ? (int)name.len : 100, name.ptr);
		a->host->log(a->self, NULL, WEIR_LOG_ERROR,
		    (weir_str){ line, (size_t)n });
		return WEIR_E_INVAL;
	}
	snprintf(line, sizeof(line), "header \"%.*s\", value",
	    name.len < 80 ? (int)name.len : 80, name.ptr);
	if (action_macros(a, line, value) != WEIR_OK)
		return WEIR_E_INVAL;
	m->name = strndup(name.ptr, name.len);
	m->value = strndup(value.ptr, value.len);
	m->when = when;
	a->nmarks++;
	return m->name != NULL && m->value != NULL ? WEIR_OK : WEIR_E_NOMEM;
}

/* action_load_marks - our own headers and the site's */
static int
action_load_marks(struct action *a, const weir_conf *conf)
{
	const struct weir_host *host = a->host;
	uint32_t n = host->conf_sections(conf, OPT_HEADER);
	int status = WEIR_OK;

	if (n > MARKS_MAX) {
		host->log(a->self, NULL, WEIR_LOG_ERROR,
		    WEIR_STR("more than 64 header sections"));
		return WEIR_E_LIMIT;
	}
	a->marks = calloc(n + MARKS_OWN, sizeof(*a->marks));
	if (a->marks == NULL)
		return WEIR_E_NOMEM;
	if (host->conf_bool(conf, OPT_HEADERS))
		for (int i = 0; i < MARKS_OWN && status == WEIR_OK; i++)
			status = action_mark(a,
			    weir_str_of(action_marks[i].name),
			    weir_str_of(action_marks[i].value),
			    action_marks[i].when);
	for (uint32_t i = 0; i < n && status == WEIR_OK; i++) {
		weir_str title = WEIR_STR("");
		const weir_conf *section = host->conf_section(conf,
		    OPT_HEADER, i, &title);

		status = action_mark(a, title,
		    host->conf_str(section, HEADER_OPT_VALUE),
		    (enum mark_when)host->conf_int(section, HEADER_OPT_WHEN));
	}
	return status;
}

/* action_load - limits and texts */
static int
action_load(struct action *a, const weir_conf *conf)
{
	const struct weir_host *host = a->host;
	int status;

	a->limits[ACTION_REJECT] = host->conf_real(conf, OPT_REJECT);
	a->limits[ACTION_TEMPFAIL] = host->conf_real(conf, OPT_TEMPFAIL);
	a->limits[ACTION_DISCARD] = host->conf_real(conf, OPT_DISCARD);
	a->limits[ACTION_QUARANTINE] = host->conf_real(conf, OPT_QUARANTINE);
	a->limits[ACTION_MARK] = host->conf_real(conf, OPT_ADD_HEADER);
	a->subject_score = host->conf_real(conf, OPT_SUBJECT_SCORE);
	if (a->subject_score <= 0)
		a->subject_score = a->limits[ACTION_MARK];
	a->early = host->conf_bool(conf, OPT_EARLY);
	a->authres = host->conf_bool(conf, OPT_AUTHRES);
	status = action_text(a, conf, OPT_REJECT_TEXT, true, &a->reject_text);
	if (status == WEIR_OK)
		status = action_text(a, conf, OPT_TEMPFAIL_TEXT, true,
		    &a->tempfail_text);
	if (status == WEIR_OK)
		status = action_text(a, conf, OPT_SUBJECT_PREFIX, true,
		    &a->subject_prefix);
	if (status == WEIR_OK)
		status = action_text(a, conf, OPT_AUTHSERV_ID, false,
		    &a->authserv_id);
	return status == WEIR_OK ? action_load_marks(a, conf) : status;
}

/* action_count - counters by outcome */
static void
action_count(struct action *a)
{
	static const char *const labels[ACTION_RESULTS] = {
		[ACTION_NONE] = "result=\"none\"",
		[ACTION_MARK] = "result=\"mark\"",
		[ACTION_QUARANTINE] = "result=\"quarantine\"",
		[ACTION_DISCARD] = "result=\"discard\"",
		[ACTION_TEMPFAIL] = "result=\"tempfail\"",
		[ACTION_REJECT] = "result=\"reject\""
	};

	for (int i = 0; i < ACTION_RESULTS; i++)
		a->metric_result[i] = a->metric->counter(a->self,
		    "recipients", labels[i], "Recipients by outcome.");
	a->metric_forged = a->metric->counter(a->self, "forged", NULL,
	    "Header fields removed because they pretended to be ours.");
}

/* action_create - read the options */
static int
action_create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	struct action *a = calloc(1, sizeof(*a));
	int status;

	if (a == NULL)
		return WEIR_E_NOMEM;
	a->host = host;
	a->self = self;
	a->edit = host->ext(self, WEIR_EXT_EDIT);
	a->metric = host->ext(self, WEIR_EXT_METRIC);
	a->mime = host->ext(self, WEIR_EXT_MIME);
	status = action_load(a, conf);
	if (status != WEIR_OK) {
		action_free(a);
		return status;
	}
	action_count(a);
	if (!a->early)
		host->skip(self, WEIR_PHASE_DECIDE, WEIR_STAGE_RCPT);
	if (a->nmarks == 0 && !a->authres && a->subject_prefix[0] == '\0')
		host->skip(self, WEIR_PHASE_ACT, WEIR_STAGE_EOM);
	*state = a;
	return WEIR_OK;
}

static const struct weir_stages action_decide = {
	.size = sizeof(struct weir_stages),
	.rcpt = decide_rcpt,
	.eom = decide_eom
};
static const struct weir_stages action_act = {
	.size = sizeof(struct weir_stages),
	.eom = mark_eom
};

static const struct weir_module action_module = {
	WEIR_MODULE_HEAD,
	.flags = WEIR_F_WANT_HEADERS,
	.on_failure = WEIR_ON_FAILURE_TEMPFAIL,
	.id = "org.weir.action",
	.name = "action",
	.version = "0.1.0",
	.license = "GPL-2.0-or-later",
	.summary = "turns scores into verdicts and marks",
	.options = action_options,
	.needs = action_needs,
	.after = action_after,
	.decide = &action_decide,
	.act = &action_act,
	.create = action_create,
	.destroy = action_free
};

WEIR_MODULE_EXPORT(mod_action, action_module)
