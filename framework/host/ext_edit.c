/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_edit - weir.edit/1: requests into the journal of mail/edit. */
#include <string.h>

#include <weir/ext/edit.h>

#include "base/text.h"
#include "host/table.h"

#define NAME_MAX_LEN 200
#define VALUE_MAX (64 * 1024)
#define BODY_MAX (64 * 1024 * 1024)

/* ext_edit_is_time - at eom; new header fields also at rcpt and data, when the
   policy front-end can still say them */
static bool
ext_edit_is_time(const struct call *c, int kind)
{
	if (c->message == NULL || c->phase != WEIR_PHASE_ACT)
		return false;
	return c->stage == WEIR_STAGE_EOM ||
	    ((c->stage == WEIR_STAGE_RCPT || c->stage == WEIR_STAGE_DATA) &&
		(kind == EDIT_HEADER_ADD || kind == EDIT_HEADER_INSERT));
}

/* ext_edit_call - may this call edit, with this kind */
static struct call *
ext_edit_call(weir_call *handle, int kind, int *status)
{
	struct call *c = table_call(handle, status);

	if (c == NULL)
		return NULL;
	if (!ext_edit_is_time(c, kind) || c->given_up || c->failed)
		*status = WEIR_E_STATE;
	else if ((c->session->edit_caps & EDIT_CAP(kind)) == 0 &&
	    !c->module->shadow)
		*status = WEIR_E_UNSUPPORTED;
	return *status == WEIR_OK ? c : NULL;
}

/* ext_edit_put - into the journal */
static int
ext_edit_put(struct call *c, int kind, uint32_t n, weir_str name,
    weir_str value)
{
	struct edit e = { .module = c->module, .kind = (uint8_t)kind,
		.shadow = c->module->shadow, .n = n, .name = name,
		.value = value };

	return edits_add(&c->message->edits, c->message->pool, &e);
}

/* ext_edit_is_name - a field name: printable, no colon (RFC 5322 2.2) */
static bool
ext_edit_is_name(const char *name)
{
	size_t n;

	if (name == NULL)
		return false;
	for (n = 0; name[n] != '\0'; n++) {
		if (n >= NAME_MAX_LEN || name[n] <= ' ' || name[n] > '~' ||
		    name[n] == ':')
			return false;
	}
	return n > 0;
}

/* ext_edit_is_value - no line end but a fold, no NUL */
static bool
ext_edit_is_value(weir_str v, bool may_fold)
{
	if (!table_is_str(v) || v.len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\0' || v.ptr[i] == '\r')
			return false;
		if (v.ptr[i] == '\n' &&
		    (!may_fold || i + 1 >= v.len ||
			(v.ptr[i + 1] != ' ' && v.ptr[i + 1] != '\t')))
			return false;
	}
	return true;
}

/* ext_edit_header - the four header requests */
static int
ext_edit_header(weir_call *handle, int kind, const char *name, uint32_t n,
    weir_str value)
{
	int status;
	struct call *c = ext_edit_call(handle, kind, &status);

	if (c == NULL)
		return status;
	if (!ext_edit_is_name(name) || !ext_edit_is_value(value, true))
		return WEIR_E_INVAL;
	if ((kind == EDIT_HEADER_CHANGE || kind == EDIT_HEADER_DELETE) &&
	    (n == 0 || n > message_header_count(c->message, name)))
		return WEIR_E_NOTFOUND;
	return ext_edit_put(c, kind, n, text_slice(name), value);
}

static int
ext_edit_header_add(weir_call *handle, const char *name, weir_str value)
{
	return ext_edit_header(handle, EDIT_HEADER_ADD, name, 0, value);
}

static int
ext_edit_header_insert(weir_call *handle, uint32_t index, const char *name,
    weir_str value)
{
	return ext_edit_header(handle, EDIT_HEADER_INSERT, name, index, value);
}

static int
ext_edit_header_change(weir_call *handle, const char *name, uint32_t n,
    weir_str value)
{
	return ext_edit_header(handle, EDIT_HEADER_CHANGE, name, n, value);
}

static int
ext_edit_header_delete(weir_call *handle, const char *name, uint32_t n)
{
	weir_str none = { "", 0 };

	return ext_edit_header(handle, EDIT_HEADER_DELETE, name, n, none);
}

static int
ext_edit_body(weir_call *handle, weir_str body)
{
	int status;
	struct call *c = ext_edit_call(handle, EDIT_BODY, &status);
	weir_str none = { "", 0 };

	if (c == NULL)
		return status;
	if (!table_is_str(body))
		return WEIR_E_INVAL;
	if (body.len > BODY_MAX)
		return WEIR_E_LIMIT;
	return ext_edit_put(c, EDIT_BODY, 0, none, body);
}

/* ext_edit_is_address - no control character, space or angle bracket outside a
   quoted local part (RFC 5321 4.1.2); what it means is the MTA's business */
static bool
ext_edit_is_address(weir_str a)
{
	bool quoted = false;

	if (!table_is_str(a) || a.len > 512)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		unsigned char ch = (unsigned char)a.ptr[i];

		if (ch < ' ' || ch == 0x7f)
			return false;
		if (ch == '\\' && quoted && i + 1 < a.len)
			i++;
		else if (ch == '"')
			quoted = !quoted;
		else if (!quoted && (ch == ' ' || ch == '<' || ch == '>'))
			return false;
	}
	return !quoted;
}

/* ext_edit_envelope - sender and new recipients */
static int
ext_edit_envelope(weir_call *handle, int kind, weir_str address,
    weir_str params)
{
	int status;
	struct call *c = ext_edit_call(handle, kind, &status);

	if (c == NULL)
		return status;
	if (!ext_edit_is_address(address) || params.len > 512 ||
	    !ext_edit_is_value(params, false) ||
	    (kind == EDIT_RCPT_ADD && address.len == 0))
		return WEIR_E_INVAL;
	return ext_edit_put(c, kind, 0, address, params);
}

static int
ext_edit_rcpt_add(weir_call *handle, weir_str address, weir_str params)
{
	return ext_edit_envelope(handle, EDIT_RCPT_ADD, address, params);
}

static int
ext_edit_sender(weir_call *handle, weir_str address, weir_str params)
{
	return ext_edit_envelope(handle, EDIT_SENDER, address, params);
}

static int
ext_edit_rcpt_delete(weir_call *handle, uint32_t rcpt)
{
	int status;
	struct call *c = ext_edit_call(handle, EDIT_RCPT_DELETE, &status);
	weir_str none = { "", 0 };

	if (c == NULL)
		return status;
	if (rcpt >= c->message->nrcpts || c->message->rcpts[rcpt].refused)
		return WEIR_E_NOTFOUND;
	return ext_edit_put(c, EDIT_RCPT_DELETE, rcpt,
	    c->message->rcpts[rcpt].address, none);
}

static int
ext_edit_hold(weir_call *handle, weir_str reason)
{
	int status;
	struct call *c = ext_edit_call(handle, EDIT_HOLD, &status);
	weir_str none = { "", 0 };

	if (c == NULL)
		return status;
	if (!ext_edit_is_value(reason, false))
		return WEIR_E_INVAL;
	return ext_edit_put(c, EDIT_HOLD, 0, reason, none);
}

const struct weir_edit ext_edit_table = {
	.header_add = ext_edit_header_add,
	.header_insert = ext_edit_header_insert,
	.header_change = ext_edit_header_change,
	.header_delete = ext_edit_header_delete,
	.body_replace = ext_edit_body,
	.rcpt_add = ext_edit_rcpt_add,
	.rcpt_delete = ext_edit_rcpt_delete,
	.sender_change = ext_edit_sender,
	.mta_hold = ext_edit_hold,
};
