/* SPDX-License-Identifier: GPL-2.0-or-later */
/* authres - Authentication-Results (RFC 8601). */
#include "authres.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* authres_skip - over blanks, folds and comments; false if one never ends */
static bool
authres_skip(weir_str raw, size_t *at)
{
	size_t depth = 0, i = *at;

	for (; i < raw.len; i++) {
		char c = raw.ptr[i];

		if (depth > 0 && c == '\\') {
			i++;
		} else if (c == '(') {
			depth++;
		} else if (depth > 0) {
			depth -= c == ')';
		} else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			break;
		}
	}
	*at = i;
	return depth == 0 && i < raw.len;
}

/* authres_id - the authserv-id at the front; false if there is none */
static bool
authres_id(weir_str raw, char *out, size_t size)
{
	size_t i = 0, n = 0;
	bool quoted;

	if (!authres_skip(raw, &i))
		return false;
	quoted = raw.ptr[i] == '"';
	for (i += quoted; i < raw.len && n + 1 < size; i++) {
		char c = raw.ptr[i];

		if (quoted ? c == '"' : strchr(" \t\r\n;(", c) != NULL)
			break;
		if (quoted && c == '\\' && i + 1 < raw.len)
			c = raw.ptr[++i];
		out[n++] = c;
	}
	out[n] = '\0';
	return n > 0 && (!quoted || (i < raw.len && raw.ptr[i] == '"'));
}

/* authres_mentions - does the id occur anywhere, in any case? */
static bool
authres_mentions(weir_str raw, const char *id)
{
	size_t len = strlen(id);

	for (size_t i = 0; len > 0 && i + len <= raw.len; i++)
		if (strncasecmp(raw.ptr + i, id, len) == 0)
			return true;
	return false;
}

/* authres_claims - is this a field that only we may write? */
bool
authres_claims(weir_str raw, const char *id)
{
	char found[256];
	size_t len = strlen(id), n;

	if (!authres_id(raw, found, sizeof(found)))
		return authres_mentions(raw, id);
	n = strlen(found);
	if (n > 0 && found[n - 1] == '.')
		n--;
	return n == len && strncasecmp(found, id, len) == 0;
}

/* authres_is_word - a result such as "permerror" */
static bool
authres_is_word(weir_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 'a' || s.ptr[i] > 'z')
			return false;
	return s.len > 0 && s.len <= 20;
}

/* authres_value - a property's value: as it is, or quoted */
static size_t
authres_value(weir_str v, char *out, size_t size)
{
	size_t n = 0;
	bool plain = v.len < 255;

	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c <= ' ' || c >= 0x7f)
			return 0;
		plain = plain && ((c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr(".-_@+=", c) != NULL);
	}
	if (v.len * 2 + 3 > size)
		return 0;
	if (!plain)
		out[n++] = '"';
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '"' || v.ptr[i] == '\\')
			out[n++] = '\\';
		out[n++] = v.ptr[i];
	}
	if (!plain)
		out[n++] = '"';
	out[n] = '\0';
	return n;
}

/* authres_build - "id; spf=pass smtp.mailfrom=example.com", or "id; none" */
size_t
authres_build(const char *id, const struct authres_method *methods, size_t n,
    char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "%s", id);
	bool any = false;
	char value[600];

	for (size_t i = 0; i < n && len < size; i++) {
		const struct authres_method *m = &methods[i];

		if (!authres_is_word(m->result))
			continue;
		any = true;
		len += (size_t)snprintf(out + len, size - len, "; %s=%.*s",
		    m->method, (int)m->result.len, m->result.ptr);
		if (len < size && m->value.len > 0 &&
		    authres_value(m->value, value, sizeof(value)) > 0)
			len += (size_t)snprintf(out + len, size - len,
			    " %s=%s", m->property, value);
	}
	if (!any && len < size)
		len += (size_t)snprintf(out + len, size - len, "; none");
	return len < size ? len : size - 1;
}
