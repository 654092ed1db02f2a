/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/edit_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "lua/effect.h"

#define EDIT_TEXT_WORD 45     /* octets in one encoded word: 60 of base64 */
#define EDIT_TEXT_SUBJECTS 50

/* edit_text_is_name - printable, no colon (RFC 5322 2.2) */
bool
edit_text_is_name(weir_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' ||
		    name.ptr[i] == ':')
			return false;
	}
	return name.len > 0 && name.len <= 200;
}

/* edit_text_room - every octet alone in a word of its own is the worst */
size_t
edit_text_room(weir_str text)
{
	return text.len * 2 + (text.len / EDIT_TEXT_WORD + 2) * 20 + 32;
}

/* edit_text_is_plain - may it stand as it is */
static bool
edit_text_is_plain(weir_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x7f)
			return false;
	}
	/* what looks like an encoded word would be decoded */
	return memmem(text.ptr, text.len, "=?", 2) == NULL;
}

/* edit_text_base64 - 3 octets to 4 characters */
static size_t
edit_text_base64(const unsigned char *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? digits[v & 63] : '=';
	}
	return n;
}

/* edit_text_char - octets of the character at p, never more than are there */
static size_t
edit_text_char(const char *p, size_t len)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n < len ? n : len;
}

/* edit_text_words - RFC 2047 words of whole characters, folded */
static size_t
edit_text_words(const char *in, size_t len, char *out)
{
	size_t n = 0, i = 0;

	while (i < len) {
		size_t end = i;

		while (end < len) {
			size_t more = edit_text_char(in + end, len - end);

			if (end + more - i > EDIT_TEXT_WORD)
				break;
			end += more;
		}
		if (n > 0) {
			out[n++] = '\n';
			out[n++] = ' ';
		}
		memcpy(out + n, "=?UTF-8?B?", 10);
		n += 10;
		n += edit_text_base64((const unsigned char *)in + i, end - i,
		    out + n);
		memcpy(out + n, "?=", 2);
		n += 2;
		i = end;
	}
	return n;
}

/* edit_text_value - control characters become blanks; encode if need be */
size_t
edit_text_value(weir_str text, char *out)
{
	char *clean = xmalloc(text.len + 1);
	size_t n = text.len;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		clean[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	if (!edit_text_is_plain(text)) {
		/* encoded words must hold text: what is not UTF-8 goes */
		if (!text_is_utf8(text)) {
			for (size_t i = 0; i < text.len; i++) {
				if ((unsigned char)clean[i] >= 0x80)
					clean[i] = '?';
			}
		}
		n = edit_text_words(clean, text.len, out);
	} else {
		memcpy(out, clean, n);
	}
	out[n] = '\0';
	free(clean);
	return n;
}

/* edit_text_prefix - in front of one raw value */
static int
edit_text_prefix(struct round *round, uint32_t i, weir_str prefix,
    weir_str encoded)
{
	struct rules *r = round->rules;
	weir_str raw, text, name = WEIR_STR("Subject"), value;
	char *out;
	int status;

	if (r->host->header_at(round->call, "Subject", i, NULL, &raw) !=
	    WEIR_OK)
		return WEIR_OK;
	raw = text_trim(raw);
	if (r->mime->header_decode(round->call, raw, &text) != WEIR_OK)
		text = raw;
	text = text_trim(text);
	if (text.len >= prefix.len &&
	    memcmp(text.ptr, prefix.ptr, prefix.len) == 0)
		return WEIR_OK;
	out = xmalloc(encoded.len + 1 + raw.len + 1);
	memcpy(out, encoded.ptr, encoded.len);
	value.len = encoded.len;
	out[value.len++] = ' ';
	/* a fold stays one: blank or tab behind the line end */
	for (size_t k = 0; k < raw.len; k++) {
		bool fold = raw.ptr[k] == '\n' && k + 1 < raw.len &&
		    (raw.ptr[k + 1] == ' ' || raw.ptr[k + 1] == '\t');

		if (raw.ptr[k] == '\r' || raw.ptr[k] == '\0')
			continue;
		out[value.len++] = raw.ptr[k] == '\n' && !fold ? ' ' :
							       raw.ptr[k];
	}
	value.ptr = out;
	status = effect_edit(round, EFFECT_HEADER_CHANGE, i + 1, name, value);
	free(out);
	return status;
}

/* edit_text_subject - each copy; add one if there is none */
int
edit_text_subject(struct round *round, weir_str prefix)
{
	const struct weir_host *host = round->rules->host;
	uint32_t count = host->header_count(round->call, "Subject");
	weir_str encoded;
	char *out;
	int status = WEIR_OK;

	prefix = text_trim(prefix);
	if (prefix.len == 0)
		return WEIR_OK;
	out = xmalloc(edit_text_room(prefix));
	encoded.ptr = out;
	encoded.len = edit_text_value(prefix, out);
	if (count == 0)
		status = effect_edit(round, EFFECT_HEADER_ADD, 0,
		    WEIR_STR("Subject"), encoded);
	for (uint32_t i = 0; i < count && i < EDIT_TEXT_SUBJECTS &&
	     status == WEIR_OK; i++)
		status = edit_text_prefix(round, i, prefix, encoded);
	free(out);
	return status;
}
