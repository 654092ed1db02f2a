/* SPDX-License-Identifier: GPL-2.0-or-later */
/* field - header values as the wire wants them. */
#include "field.h"

#include <string.h>

#include "macros.h"

#define FIELD_LINE 78
#define FIELD_LINE_MAX 900
#define FIELD_WORD 45 /* octets of text in an encoded word of 75 */

/* field_is_name - printable ASCII without colon */
bool
field_is_name(weir_str name)
{
	if (name.len == 0 || name.len > 100)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f ||
		    name.ptr[i] == ':')
			return false;
	return true;
}

/* field_base64 - up to FIELD_WORD octets; the length */
static size_t
field_base64(const unsigned char *in, size_t len, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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

/* field_encode - ASCII, or encoded words split by blanks */
size_t
field_encode(weir_str text, char *out, size_t size)
{
	size_t n = 0, i = 0, word, len;
	bool plain = true;

	for (size_t k = 0; k < text.len; k++)
		plain = plain && (unsigned char)text.ptr[k] < 0x80;
	/* text that looks encoded would be read as what it encodes */
	if (plain && memmem(text.ptr, text.len, "=?", 2) == NULL) {
		n = text.len < size ? text.len : size - 1;
		memcpy(out, text.ptr, n);
		out[n] = '\0';
		return n;
	}
	while (i < text.len && n + 78 < size) {
		for (word = 0; i + word < text.len; word += len) {
			len = macros_char((weir_str){ text.ptr + i + word,
			    text.len - i - word });
			len = len > 0 ? len : 1;
			if (word + len > FIELD_WORD)
				break;
		}
		if (n > 0)
			out[n++] = ' ';
		memcpy(out + n, "=?UTF-8?B?", 10);
		n += 10;
		n += field_base64((const unsigned char *)text.ptr + i, word,
		    out + n);
		memcpy(out + n, "?=", 2);
		n += 2;
		i += word;
	}
	out[n] = '\0';
	return n;
}

/* field_fold - lines of at most 78 octets where there are blanks */
size_t
field_fold(const char *name, weir_str value, char *out, size_t size)
{
	size_t n = 0, line = strlen(name) + 2, i = 0;

	while (i < value.len) {
		size_t blanks = 0, word;

		while (i + blanks < value.len && value.ptr[i + blanks] == ' ')
			blanks++;
		/* a line must not consist of blanks: drop them at the end */
		if (i + blanks == value.len)
			break;
		for (word = blanks; i + word < value.len &&
		     value.ptr[i + word] != ' '; word++)
			;
		if (blanks > 0 && n > 0 && line + word > FIELD_LINE &&
		    n + 1 < size) {
			out[n++] = '\n';
			line = 0;
		}
		for (size_t k = 0; k < word && n + 3 < size; k++) {
			if (line >= FIELD_LINE_MAX) {
				out[n++] = '\n';
				out[n++] = ' ';
				line = 1;
			}
			out[n++] = value.ptr[i + k];
			line++;
		}
		i += word;
	}
	/* where it was cut there may be a line end without text */
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	return n;
}

/* field_clean - a raw value that weir.edit takes */
size_t
field_clean(weir_str raw, char *out, size_t size)
{
	size_t n = 0, i = 0;

	while (i < raw.len && strchr(" \t\r\n", raw.ptr[i]) != NULL)
		i++;
	for (; i < raw.len && n + 1 < size; i++) {
		char next = i + 1 < raw.len ? raw.ptr[i + 1] : '\0';

		if (raw.ptr[i] == '\r' || raw.ptr[i] == '\0' ||
		    (raw.ptr[i] == '\n' && next != ' ' && next != '\t'))
			continue;
		out[n++] = raw.ptr[i];
	}
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' ' ||
	    out[n - 1] == '\t'))
		n--;
	out[n] = '\0';
	return n;
}
