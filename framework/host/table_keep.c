/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_keep - what settlement would do, and what a keeper has kept. */
#include "host/table_int.h"

#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "obs/log.h"
#include "pipe/settle.h"

#define ID_MAX 64

int
table_fate(weir_call *handle, uint32_t rcpt)
{
	int status;
	struct call *c = table_call(handle, &status);
	const struct message *m;

	if (c == NULL)
		return status;
	m = c->message;
	if (m == NULL || c->stage != WEIR_STAGE_EOM ||
	    c->phase != WEIR_PHASE_ACT)
		return WEIR_E_STATE;
	if (rcpt >= m->nrcpts)
		return WEIR_E_INVAL;
	if (c->module->shadow)
		return WEIR_E_UNSUPPORTED;
	/* given up: nothing was answered, or the end of the message */
	if (c->given_up && (m->aborted || !m->settled) &&
	    !m->rcpts[rcpt].refused)
		return WEIR_E_CANCELLED;
	return settle_fate(m, m->session->edit_caps, rcpt);
}

/* table_is_id - safe in a reply, a log line, a file name */
static bool
table_is_id(weir_str id)
{
	if (!table_is_str(id) || id.len == 0 || id.len > ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		unsigned char ch = (unsigned char)id.ptr[i];

		if (!text_is_digit(ch) && (unsigned)(ch | 0x20) - 'a' >= 26 &&
		    ch != '-' && ch != '_')
			return false;
	}
	return true;
}

int
table_kept(weir_call *handle, uint32_t rcpt, weir_str id)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct message *m;
	const char *copy = NULL;

	if (c == NULL)
		return status;
	m = c->message;
	if (m == NULL || c->stage != WEIR_STAGE_EOM ||
	    c->phase != WEIR_PHASE_ACT || c->given_up || c->failed)
		return WEIR_E_STATE;
	if (!table_is_id(id) || (rcpt != WEIR_RCPT_NONE && rcpt >= m->nrcpts))
		return WEIR_E_INVAL;
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		if ((rcpt != WEIR_RCPT_NONE && rcpt != i) ||
		    m->rcpts[i].kept != NULL ||
		    table_fate(handle, i) != WEIR_ACT_QUARANTINE)
			continue;
		if (copy == NULL)
			copy = pool_strndup(m->pool, id.ptr, id.len);
		m->rcpts[i].kept = copy;
	}
	return copy != NULL ? WEIR_OK : WEIR_E_NOTFOUND;
}

int
table_exempt(weir_call *handle, weir_str reason)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (c->message == NULL || c->given_up || c->failed ||
	    c->phase == WEIR_PHASE_ACT || c->stage < WEIR_STAGE_EOH ||
	    (c->module->descriptor->flags & WEIR_F_KEEPER) == 0)
		return WEIR_E_STATE;
	if (c->module->shadow)
		return WEIR_E_UNSUPPORTED;
	if (!table_is_str(reason))
		return WEIR_E_INVAL;
	c->message->exempt = c->module;
	log_event(WEIR_LOG_INFO, LOG_MODULE_LOG, "%s: %s: shown to no other "
	    "module: %.*s", c->module->name, c->message->id,
	    (int)(reason.len < 500 ? reason.len : 500), reason.ptr);
	return WEIR_OK;
}
