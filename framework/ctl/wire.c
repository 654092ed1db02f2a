/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/wire.h"

#include <glib.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* wire_char_len - octets of the well-formed character at s, 0: it is none */
static size_t
wire_char_len(weir_str s)
{
	unsigned char first = (unsigned char)s.ptr[0];
	size_t n = first < 0x80 ? 1 :
	    first < 0xe0	? 2 :
	    first < 0xf0	? 3 :
				  4;

	if (n > s.len)
		return 0;
	s.len = n;
	return text_is_utf8(s) ? n : 0;
}

/* wire_string - a JSON string of any octets */
static void
wire_string(weir_str s, struct buf *out)
{
	buf_add_char(out, '"');
	while (s.len > 0) {
		size_t n = wire_char_len(s);
		unsigned char c = (unsigned char)s.ptr[0];

		/* a NUL would be refused by those who read JSON into C */
		if (n == 0 || c == 0) {
			buf_add_str(out, "\xef\xbf\xbd");
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_add_char(out, '\\');
			buf_add_char(out, (char)c);
		} else if (c == '\n') {
			buf_add_str(out, "\\n");
		} else if (c < 0x20) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_add(out, s.ptr, n);
		}
		s.ptr += n;
		s.len -= n;
	}
	buf_add_char(out, '"');
}

/* wire_request_write - what weirctl sends */
void
wire_request_write(uint32_t argc, const char *const *argv, bool json,
    struct buf *out)
{
	buf_add_str(out, "{\"command\":[");
	for (uint32_t i = 0; i < argc; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		wire_string(text_slice(argv[i]), out);
	}
	buf_printf(out, "],\"json\":%s}\n", json ? "true" : "false");
}

/* wire_reply_write - what the server sends */
void
wire_reply_write(int status, weir_str out_text, weir_str err_text,
    struct buf *out)
{
	buf_printf(out, "{\"status\":%d,\"out\":", status);
	wire_string(out_text, out);
	buf_add_str(out, ",\"err\":");
	wire_string(err_text, out);
	buf_add_str(out, "}\n");
}

/* wire_reply_write_raw - octets as they are */
void
wire_reply_write_raw(int status, weir_str out_text, weir_str err_text,
    struct buf *out)
{
	char *text = g_base64_encode((const guchar *)out_text.ptr,
	    out_text.len);

	buf_printf(out, "{\"status\":%d,\"out64\":\"", status);
	buf_add_str(out, text);
	buf_add_str(out, "\",\"err\":");
	wire_string(err_text, out);
	buf_add_str(out, "}\n");
	g_free(text);
}

/* wire_load - a line that must be a JSON object */
static json_t *
wire_load(weir_str line, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES,
	    &why);

	if (root == NULL)
		err_set(err, WEIR_E_INVAL, "not JSON: %s", why.text);
	else if (!json_is_object(root))
		err_set(err, WEIR_E_INVAL, "not a JSON object");
	else
		return root;
	json_decref(root);
	return NULL;
}

/* wire_request_fill - the members of a request */
static int
wire_request_fill(const json_t *root, struct wire_request *out,
    struct err *err)
{
	const json_t *command = json_object_get(root, "command");
	const json_t *json = json_object_get(root, "json");
	size_t n = json_array_size(command);

	if (!json_is_array(command) || n == 0)
		return err_set(err, WEIR_E_INVAL, "\"command\" must be a list "
		    "of words");
	if (n > WIRE_ARGS_MAX)
		return err_set(err, WEIR_E_INVAL, "more than %d words",
		    WIRE_ARGS_MAX);
	if (json != NULL && !json_is_boolean(json))
		return err_set(err, WEIR_E_INVAL, "\"json\" must be true or "
		    "false");
	for (size_t i = 0; i < n; i++) {
		if (!json_is_string(json_array_get(command, i)))
			return err_set(err, WEIR_E_INVAL, "word %zu is no "
			    "string", i + 1);
	}
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out->argv[i] = xstrdup(
		    json_string_value(json_array_get(command, i)));
	out->argc = (uint32_t)n;
	out->json = json_is_true(json);
	return WEIR_OK;
}

/* wire_request_parse - from the line to words */
int
wire_request_parse(weir_str line, struct wire_request *out, struct err *err)
{
	json_t *root = wire_load(line, err);
	int status = WEIR_E_INVAL;

	if (root != NULL)
		status = wire_request_fill(root, out, err);
	json_decref(root);
	return status;
}

/* wire_request_fini - free the words */
void
wire_request_fini(struct wire_request *r)
{
	for (uint32_t i = 0; i < r->argc; i++)
		free(r->argv[i]);
	memset(r, 0, sizeof(*r));
}

/* wire_reply_out - text, or octets in base 64; false: neither */
static bool
wire_reply_out(const json_t *root, struct buf *out)
{
	const json_t *text = json_object_get(root, "out");
	const json_t *octets = json_object_get(root, "out64");
	gsize len = 0;
	guchar *p;

	if (json_is_string(text)) {
		buf_add(out, json_string_value(text),
		    json_string_length(text));
		return true;
	}
	if (!json_is_string(octets))
		return false;
	p = g_base64_decode(json_string_value(octets), &len);
	buf_add(out, (const char *)p, len);
	g_free(p);
	return true;
}

/* wire_reply_parse - from the line to status and texts */
int
wire_reply_parse(weir_str line, struct wire_reply *out, struct err *err)
{
	json_t *root = wire_load(line, err);
	const json_t *status = json_object_get(root, "status");
	const json_t *error = json_object_get(root, "err");
	int rc = WEIR_OK;

	if (root == NULL)
		return WEIR_E_INVAL;
	memset(out, 0, sizeof(*out));
	if (!json_is_integer(status) || !json_is_string(error) ||
	    !wire_reply_out(root, &out->out)) {
		rc = err_set(err, WEIR_E_INVAL, "a member is missing");
	} else {
		out->status = (int)json_integer_value(status);
		buf_add(&out->err, json_string_value(error),
		    json_string_length(error));
	}
	json_decref(root);
	return rc;
}

/* wire_reply_fini - free the texts */
void
wire_reply_fini(struct wire_reply *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}
