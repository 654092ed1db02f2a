/* SPDX-License-Identifier: GPL-2.0-or-later */
/* macros - __SENDER__ and its kin in the site's texts. */
#include "macros.h"

#include <string.h>

static const struct {
	const char *name;
	size_t len;
	bool lines;
} macros_table[MACROS_COUNT] = {
#define MACROS_ROW(name, lines) \
	{ "__" #name "__", sizeof("__" #name "__") - 1, lines },
	MACROS_LIST(MACROS_ROW)
#undef MACROS_ROW
};

struct macros_out {
	char *at;
	size_t n, size;
	bool full;
};

/* macros_char - the length of one UTF-8 character (RFC 3629), or 0 */
size_t
macros_char(weir_str text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (text.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (text.len < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

/* macros_put - one whole character, if there is room */
static void
macros_put(struct macros_out *o, const char *s, size_t len)
{
	if (o->full || o->n + len >= o->size) {
		o->full = true;
		return;
	}
	memcpy(o->at + o->n, s, len);
	o->n += len;
}

/* macros_clean - copy text as plain characters; the length taken of it */
static size_t
macros_clean(struct macros_out *o, weir_str text, bool lines)
{
	unsigned char c = (unsigned char)text.ptr[0];
	size_t len = macros_char(text);

	/* C1 controls, too: some terminals and MUAs obey them */
	if (len == 0) {
		macros_put(o, "?", 1);
		return 1;
	}
	if (c == '\n' && lines)
		macros_put(o, "\n", 1);
	else if (c < 0x20 || c == 0x7f ||
	    (c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0))
		macros_put(o, " ", 1);
	else
		macros_put(o, text.ptr, len);
	return len;
}

/* macros_find - the macro that begins here, or MACROS_COUNT */
static enum macros_name
macros_find(weir_str text)
{
	int i;

	for (i = 0; i < MACROS_COUNT; i++)
		if (text.len >= macros_table[i].len &&
		    memcmp(text.ptr, macros_table[i].name,
			macros_table[i].len) == 0)
			break;
	return (enum macros_name)i;
}

/* macros_expand - the text with values for macros */
size_t
macros_expand(weir_str text, unsigned int flags, macros_value_fn *value,
    void *arg, char *out, size_t size)
{
	struct macros_out o = { .at = out, .size = size };
	bool lines = (flags & MACROS_LINES) != 0;
	size_t i = 0;

	while (i < text.len && !o.full) {
		weir_str rest = { text.ptr + i, text.len - i }, v;
		enum macros_name name = MACROS_COUNT;

		if (*rest.ptr == '_')
			name = macros_find(rest);
		if (name == MACROS_COUNT) {
			i += macros_clean(&o, rest, lines);
			continue;
		}
		i += macros_table[name].len;
		v = value(name, arg);
		for (size_t k = 0; k < v.len && !o.full;)
			k += macros_clean(&o, (weir_str){ v.ptr + k,
			    v.len - k }, lines && macros_table[name].lines);
	}
	out[o.n] = '\0';
	return o.n;
}

/* macros_form - the length of __NAME__ at the front, whatever the name, or 0 */
static size_t
macros_form(weir_str text)
{
	size_t n = 2;

	if (text.len < 5 || memcmp(text.ptr, "__", 2) != 0)
		return 0;
	while (n < text.len &&
	    ((text.ptr[n] >= 'A' && text.ptr[n] <= 'Z') ||
		(text.ptr[n] >= '0' && text.ptr[n] <= '9') ||
		(n > 2 && text.ptr[n] == '_' && n + 1 < text.len &&
		    text.ptr[n + 1] != '_')))
		n++;
	if (n == 2 || n + 2 > text.len ||
	    memcmp(text.ptr + n, "__", 2) != 0)
		return 0;
	return n + 2;
}

/* macros_unknown - the first one that no value stands for */
weir_str
macros_unknown(weir_str text)
{
	size_t i = 0, len;

	while (i < text.len) {
		weir_str rest = { text.ptr + i, text.len - i };
		enum macros_name name = macros_find(rest);

		len = macros_form(rest);
		if (name == MACROS_COUNT && len > 0)
			return (weir_str){ rest.ptr, len };
		i += name != MACROS_COUNT ? macros_table[name].len : 1;
	}
	return WEIR_STR("");
}
