/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/policy_wire.h"

#include <stdbool.h>
#include <string.h>

static const struct {
	const char *name;
	size_t len;
	const char *macro;
} attrs[POLICY_ATTR_COUNT] = {
#define POLICY_ROW(id, name, macro) { name, sizeof(name) - 1, macro },
	POLICY_ATTRS(POLICY_ROW)
#undef POLICY_ROW
};

/* policy_attr_macro - under which name modules see it */
const char *
policy_attr_macro(enum policy_attr attr)
{
	return attrs[attr].macro;
}

/* wire_complete - the octets up to and with the empty line; 0: not yet */
static size_t
wire_complete(const char *data, size_t len, size_t *scan)
{
	size_t pos = *scan;

	/* *scan is always the start of a line */
	while (pos < len) {
		const char *lf = memchr(data + pos, '\n', len - pos);
		size_t end;

		if (lf == NULL)
			break;
		end = (size_t)(lf - data);
		if (end == pos || (end == pos + 1 && data[pos] == '\r'))
			return end + 1;
		pos = end + 1;
		*scan = pos;
	}
	return 0;
}

/* wire_attr - which attribute is it; -1: one that we do not know */
static int
wire_attr(const char *name, size_t len)
{
	for (int i = 0; i < POLICY_ATTR_COUNT; i++) {
		if (attrs[i].len == len &&
		    memcmp(attrs[i].name, name, len) == 0)
			return i;
	}
	return -1;
}

/* wire_line - one attribute */
static int
wire_line(char *line, size_t len, struct policy_request *out)
{
	char *eq = memchr(line, '=', len);
	weir_str value;
	int attr;

	if (eq == NULL)
		return WEIR_E_INVAL;
	if (++out->attrs > POLICY_MAX_ATTRS)
		return WEIR_E_LIMIT;
	value.ptr = eq + 1;
	value.len = len - (size_t)(eq + 1 - line);
	if ((size_t)(eq - line) > POLICY_MAX_NAME ||
	    value.len > POLICY_MAX_VALUE)
		return WEIR_E_LIMIT;
	attr = wire_attr(line, (size_t)(eq - line));
	if (attr >= 0 && out->v[attr].ptr == NULL)
		out->v[attr] = value;
	return WEIR_OK;
}

/* policy_request_find - is a whole request here */
int64_t
policy_request_find(char *data, size_t len, size_t *scan,
    struct policy_request *out)
{
	size_t size = wire_complete(data,
	    len < POLICY_MAX_REQUEST ? len : POLICY_MAX_REQUEST, scan);
	size_t pos = 0;

	if (size == 0)
		return len >= POLICY_MAX_REQUEST ? WEIR_E_LIMIT : 0;
	*scan = 0;
	memset(out, 0, sizeof(*out));
	if (memchr(data, '\0', size) != NULL)
		return WEIR_E_INVAL;
	for (;;) {
		char *lf = memchr(data + pos, '\n', size - pos);
		size_t end = (size_t)(lf - data), n = end - pos;
		int status;

		if (n > 0 && data[end - 1] == '\r')
			n--;
		if (n == 0)
			return (int64_t)size;
		data[pos + n] = '\0';
		status = wire_line(data + pos, n, out);
		if (status < 0)
			return status;
		pos = end + 1;
	}
}
