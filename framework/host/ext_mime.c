/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_mime - weir.mime/1 on mail/mime, parsed when first asked for. */
#include <string.h>

#include <weir/ext/mime.h>

#include "host/limits.h"
#include "host/table.h"
#include "mail/mime.h"
#include "pipe/run.h"

/* ext_mime_view - the parsed message of this call; out: where the answer is
   to go */
static struct mime *
ext_mime_view(weir_call *handle, const void *out, int *status)
{
	struct call *c = table_call(handle, status);
	struct message *m = c != NULL ? c->message : NULL;
	weir_str raw;

	if (c == NULL)
		return NULL;
	if (out == NULL) {
		*status = WEIR_E_INVAL;
		return NULL;
	}
	if (m == NULL || c->stage != WEIR_STAGE_EOM || !run_wants()->spool) {
		*status = WEIR_E_STATE;
		return NULL;
	}
	if (m->no_content) {
		*status = WEIR_E_UNSUPPORTED;
		return NULL;
	}
	if (m->mime == NULL) {
		*status = message_raw(m, &raw);
		if (*status < 0)
			return NULL;
		m->mime = mime_parse(m->pool, raw, limits_mime());
	}
	return m->mime;
}

static int
ext_mime_raw(weir_call *handle, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);

	if (c == NULL)
		return status;
	if (out == NULL)
		return WEIR_E_INVAL;
	if (c->message == NULL || c->stage != WEIR_STAGE_EOM ||
	    !run_wants()->spool)
		return WEIR_E_STATE;
	if (c->message->no_content)
		return WEIR_E_UNSUPPORTED;
	return message_raw(c->message, out);
}

static int
ext_mime_part_count(weir_call *handle, uint32_t *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	if (out != NULL)
		*out = m != NULL ? mime_part_count(m) : 0;
	return status;
}

static int
ext_mime_part(weir_call *handle, uint32_t part, struct weir_mime_part *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);
	struct weir_mime_part full;
	uint32_t size;

	if (m == NULL)
		return status;
	size = out->size;
	memset(&full, 0, sizeof(full));
	full.size = sizeof(full);
	status = mime_part(m, part, &full);
	if (status < 0)
		return status;
	full.size = size < sizeof(full) ? size : (uint32_t)sizeof(full);
	memcpy(out, &full, full.size);
	return WEIR_OK;
}

static int
ext_mime_part_name(weir_call *handle, uint32_t part, uint32_t index,
    weir_str *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	return m != NULL ? mime_part_name(m, part, index, out) : status;
}

static int
ext_mime_part_header(weir_call *handle, uint32_t part, const char *name,
    weir_str *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	if (m == NULL)
		return status;
	return name != NULL ? mime_part_header(m, part, name, out) :
			      WEIR_E_INVAL;
}

static int
ext_mime_part_data(weir_call *handle, uint32_t part, size_t max, weir_str *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	return m != NULL ? mime_part_data(m, part, max, out) : status;
}

static int
ext_mime_part_text(weir_call *handle, uint32_t part, size_t max, weir_str *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	return m != NULL ? mime_part_text(m, part, max, out) : status;
}

static int
ext_mime_link_count(weir_call *handle, uint32_t *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	if (out != NULL)
		*out = m != NULL ? mime_link_count(m) : 0;
	return status;
}

static int
ext_mime_link_at(weir_call *handle, uint32_t index, weir_str *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	return m != NULL ? mime_link_at(m, index, out) : status;
}

static int
ext_mime_anomaly_count(weir_call *handle, uint32_t *out)
{
	int status;
	struct mime *m = ext_mime_view(handle, out, &status);

	if (out != NULL)
		*out = m != NULL ? mime_anomaly_count(m) : 0;
	return status;
}

static int
ext_mime_anomaly_at(weir_call *handle, uint32_t index, uint32_t *code,
    weir_str *detail)
{
	int status;
	struct mime *m = ext_mime_view(handle,
	    code != NULL ? detail : NULL, &status);

	return m != NULL ? mime_anomaly_at(m, index, code, detail) : status;
}

/* ext_mime_header_decode - needs no parsed message */
static int
ext_mime_header_decode(weir_call *handle, weir_str raw, weir_str *out)
{
	int status;
	struct call *c = table_call(handle, &status);
	struct pool *pool;

	if (c == NULL)
		return status;
	if (out == NULL || !table_is_str(raw))
		return WEIR_E_INVAL;
	pool = call_pool(c, WEIR_SCOPE_MESSAGE);
	return pool != NULL ? mime_header_decode(pool, raw, out) :
			      WEIR_E_STATE;
}

const struct weir_mime ext_mime_table = {
	.raw = ext_mime_raw,
	.part_count = ext_mime_part_count,
	.part = ext_mime_part,
	.part_name = ext_mime_part_name,
	.part_header = ext_mime_part_header,
	.part_data = ext_mime_part_data,
	.part_text = ext_mime_part_text,
	.link_count = ext_mime_link_count,
	.link_at = ext_mime_link_at,
	.anomaly_count = ext_mime_anomaly_count,
	.anomaly_at = ext_mime_anomaly_at,
	.header_decode = ext_mime_header_decode,
};
