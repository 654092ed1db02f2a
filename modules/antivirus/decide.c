/* SPDX-License-Identifier: GPL-2.0-only */
/* decide - what follows from a result: a verdict, and in act a mark. */
#include "antivirus.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 400

/* decide_policy - the verdict that a class entails, or NONE */
static uint32_t
decide_policy(const struct antivirus *m, enum av_class class)
{
	static const uint32_t actions[] = {
		[AV_ACTION_REJECT] = WEIR_ACT_REJECT,
		[AV_ACTION_QUARANTINE] = WEIR_ACT_QUARANTINE,
		[AV_ACTION_DISCARD] = WEIR_ACT_DISCARD,
		[AV_ACTION_TEMPFAIL] = WEIR_ACT_TEMPFAIL,
		[AV_ACTION_MARK] = WEIR_ACT_NONE
	};

	switch (m->policy[class]) {
	case AV_POLICY_QUARANTINE:
		return WEIR_ACT_QUARANTINE;
	case AV_POLICY_TEMPFAIL:
		return WEIR_ACT_TEMPFAIL;
	case AV_POLICY_REJECT:
		return WEIR_ACT_REJECT;
	case AV_POLICY_VIRUS:
		return actions[m->action];
	default:
		return WEIR_ACT_NONE;
	}
}

/* decide_text - what the client is told */
static void
decide_text(char *out, size_t size, enum av_class class, const char *name)
{
	static const char *const texts[AV_CLASSES] = {
		[AV_VIRUS] = "Message contains malware",
		[AV_DEMOTED] = "Message may contain malware",
		[AV_LIMIT] = "Message can't be checked for malware completely",
		[AV_ENCRYPTED] = "Message contains encrypted content that can't "
		    "be checked for malware",
		[AV_STRUCTURED] = "Message contains card or social security "
		    "numbers",
		[AV_HEURISTIC] = "Message looks like malware"
	};

	snprintf(out, size, "%s (%s)", texts[class], name);
}

/* av_decide_eom - decide.eom: the strongest that any class entails */
int
av_decide_eom(void *state, weir_call *call)
{
	struct antivirus *m = state;
	const struct av_check *c = av_check_get(m, call);
	char text[TEXT_MAX];
	struct weir_verdict v = { .size = sizeof(v),
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE,
		.text = text };

	if (c == NULL || !c->done)
		return WEIR_OK;
	if (c->outcome == AV_OUT_POISON) {
		v.action = WEIR_ACT_QUARANTINE;
		snprintf(text, sizeof(text), "Message can't be scanned");
		return m->host->verdict(call, &v);
	}
	for (int k = 0; k < AV_CLASSES; k++) {
		const char *name = av_result_find(&c->r, (enum av_class)k);
		uint32_t action;

		if (name == NULL)
			continue;
		action = decide_policy(m, (enum av_class)k);
		if (action <= v.action)
			continue;
		v.action = action;
		decide_text(text, sizeof(text), (enum av_class)k, name);
	}
	if (v.action == WEIR_ACT_NONE)
		return WEIR_OK;
	v.smtp_code = v.action == WEIR_ACT_REJECT ? 554 :
	    v.action == WEIR_ACT_TEMPFAIL	  ? 451 :
						    0;
	v.enhanced = v.action == WEIR_ACT_REJECT ? "5.7.1" :
	    v.action == WEIR_ACT_TEMPFAIL	 ? "4.7.1" :
						   NULL;
	return m->host->verdict(call, &v);
}

/* av_act_eom - act.eom: say in the mail what was found; a field of that name
   that came with it is somebody else's */
int
av_act_eom(void *state, weir_call *call)
{
	struct antivirus *m = state;
	const struct av_check *c = av_check_get(m, call);
	weir_str name = m->host->conf_str(m->conf, OPT_HEADER);
	char value[AV_NAME_MAX + 60];
	uint32_t n;

	if (name.len == 0)
		return WEIR_OK;
	n = m->host->header_count(call, name.ptr);
	for (uint32_t i = 1; i <= n; i++) {
		int status = m->edit->header_delete(call, name.ptr, i);

		if (status < 0)
			return status;
	}
	if (c == NULL || !c->done)
		snprintf(value, sizeof(value), "unscanned");
	else if (c->r.n > 0)
		snprintf(value, sizeof(value), "%s (%s)",
		    av_outcome_word(c->outcome), c->r.hit[0].name);
	else
		snprintf(value, sizeof(value), "%s",
		    av_outcome_word(c->outcome));
	return m->edit->header_add(call, name.ptr, weir_str_of(value));
}
