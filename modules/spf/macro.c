/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "macro.h"

#include <string.h>

/* The longest string from which a name is cut; only its end matters. */
#define TAIL_KEEP 1024
#define TAIL_SIZE (4 * TAIL_KEEP)

/* Where an expansion goes. */
struct spf_builder {
	char *out;
	size_t size; /* at least 1 */
	size_t len;
	bool tail;   /* too long: keep the end instead of the beginning */
};

/* macro_lower - an ASCII letter in lower case */
static char
macro_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* macro_is_digit - 0 to 9 */
static bool
macro_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* macro_is_alnum - letters and digits of ASCII */
static bool
macro_is_alnum(char c)
{
	c = macro_lower(c);
	return macro_is_digit(c) || (c >= 'a' && c <= 'z');
}

/* macro_letter - may this letter stand in such a text? */
static bool
macro_letter(char c, enum spf_macro_kind kind)
{
	if (c == '\0')
		return false;
	return strchr("slodiphv", c) != NULL ||
	    (kind != SPF_MACRO_DOMAIN && strchr("crt", c) != NULL);
}

/* macro_braces - what stands between the braces */
static int
macro_braces(weir_str *text, enum spf_macro_kind kind, struct spf_macro *out)
{
	const char *p = text->ptr + 2, *end = text->ptr + text->len, *digits;

	if (p == end || !macro_letter(macro_lower(*p), kind))
		return WEIR_E_INVAL;
	out->letter = macro_lower(*p);
	out->escape = *p != out->letter;
	p++;
	for (digits = p; p < end && macro_is_digit(*p); p++)
		if (out->parts < SPF_MACRO_PARTS_MAX)
			out->parts = out->parts * 10 + (uint32_t)(*p - '0');
	/* "the value MUST be nonzero" (RFC 7208 7.1) */
	if (p > digits && out->parts == 0)
		return WEIR_E_INVAL;
	if (out->parts > SPF_MACRO_PARTS_MAX)
		out->parts = SPF_MACRO_PARTS_MAX;
	if (p < end && macro_lower(*p) == 'r') {
		out->reverse = true;
		p++;
	}
	for (; p < end && *p != '}'; p++) {
		const char *d = *p != '\0' ? strchr(SPF_MACRO_DELIMITERS, *p)
					   : NULL;

		if (d == NULL)
			return WEIR_E_INVAL;
		out->delimiters |= (uint8_t)(1u << (d -
		    SPF_MACRO_DELIMITERS));
	}
	if (p == end)
		return WEIR_E_INVAL;
	text->len = (size_t)(end - p) - 1;
	text->ptr = p + 1;
	return 1;
}

/* spf_macro_next - a run of literal octets, or one macro */
int
spf_macro_next(weir_str *text, enum spf_macro_kind kind,
    struct spf_macro *out)
{
	static const char plain[] = "%_-";
	static const char *const stands[] = { "%", " ", "%20" };
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (text->len == 0)
		return 0;
	if (text->ptr[0] == '%') {
		const char *p;

		if (text->len < 2 || text->ptr[1] == '\0')
			return WEIR_E_INVAL;
		if (text->ptr[1] == '{')
			return macro_braces(text, kind, out);
		p = strchr(plain, text->ptr[1]);
		if (p == NULL)
			return WEIR_E_INVAL;
		out->literal = weir_str_of(stands[p - plain]);
		text->ptr += 2;
		text->len -= 2;
		return 1;
	}
	for (; n < text->len && text->ptr[n] != '%'; n++) {
		unsigned char c = (unsigned char)text->ptr[n];

		if (c >= 0x7f || c < ' ' ||
		    (c == ' ' && kind != SPF_MACRO_TEXT))
			return WEIR_E_INVAL;
	}
	out->literal = (weir_str){ text->ptr, n };
	text->ptr += n;
	text->len -= n;
	return 1;
}

/* macro_is_top - does the literal end in "." toplabel [ "." ]? */
static bool
macro_is_top(weir_str s)
{
	size_t end = s.len, at;
	bool digits = true;

	if (end > 0 && s.ptr[end - 1] == '.')
		end--;
	for (at = end; at > 0 && s.ptr[at - 1] != '.'; at--) {
		char c = s.ptr[at - 1];

		if (!macro_is_alnum(c) && c != '-')
			return false;
		digits = digits && macro_is_digit(c);
	}
	/* no dot before it, empty, a number */
	return at > 0 && at < end && !digits && s.ptr[at] != '-' &&
	    s.ptr[end - 1] != '-';
}

/* spf_macro_check - is the text well-formed? */
bool
spf_macro_check(weir_str text, enum spf_macro_kind kind, bool *uses_name)
{
	struct spf_macro m;
	bool sound = false, name = false;
	int status;

	for (;;) {
		bool literal = text.len > 0 && text.ptr[0] != '%';

		status = spf_macro_next(&text, kind, &m);
		if (status <= 0)
			break;
		name = name || m.letter == 'p';
		/* the last piece decides */
		sound = !literal || macro_is_top(m.literal);
	}
	if (uses_name != NULL)
		*uses_name = name;
	return status == 0 && (sound || kind != SPF_MACRO_DOMAIN);
}

/* builder_add - octets, as far as they fit */
static void
builder_add(struct spf_builder *b, const char *p, size_t n)
{
	if (b->tail && n > b->size - 1 - b->len) {
		size_t keep = b->len < TAIL_KEEP ? b->len : TAIL_KEEP;

		memmove(b->out, b->out + b->len - keep, keep);
		b->len = keep;
		if (n > TAIL_KEEP) {
			p += n - TAIL_KEEP;
			n = TAIL_KEEP;
		}
	}
	if (n > b->size - 1 - b->len)
		n = b->size - 1 - b->len;
	if (n > 0)
		memcpy(b->out + b->len, p, n);
	b->len += n;
}

/* builder_value - octets of a value, URL-escaped if wanted (RFC 3986 2.3) */
static void
builder_value(struct spf_builder *b, const char *p, size_t n, bool escape)
{
	static const char hex[] = "0123456789ABCDEF";

	if (!escape) {
		builder_add(b, p, n);
		return;
	}
	for (; n > 0; n--, p++) {
		unsigned char c = (unsigned char)*p;
		char code[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (macro_is_alnum(*p) || (c != '\0' &&
		    strchr("-._~", *p) != NULL))
			builder_add(b, p, 1);
		else
			builder_add(b, code, sizeof(code));
	}
}

/* macro_value - what the letter stands for */
static weir_str
macro_value(char letter, const struct spf_macro_values *v)
{
	switch (letter) {
	case 's':
		return v->sender;
	case 'l':
		return v->local;
	case 'o':
		return v->sender_domain;
	case 'd':
		return v->domain;
	case 'i':
		return v->address;
	case 'p':
		return v->name;
	case 'v':
		return v->family;
	case 'h':
		return v->helo;
	case 'c':
		return v->client;
	case 'r':
		return v->receiver;
	default:
		return v->time;
	}
}

/* macro_splits - is the octet a delimiter of this macro? */
static bool
macro_splits(const struct spf_macro *m, char c)
{
	const char *d;

	if (m->delimiters == 0)
		return c == '.';
	d = c != '\0' ? strchr(SPF_MACRO_DELIMITERS, c) : NULL;
	return d != NULL &&
	    (m->delimiters & (1u << (d - SPF_MACRO_DELIMITERS))) != 0;
}

/* macro_forward - the last parts in order, joined by dots */
static void
macro_forward(struct spf_builder *b, const struct spf_macro *m, weir_str v)
{
	size_t start = v.len, from;
	uint32_t left = m->parts;

	/* where the wanted parts begin */
	for (; start > 0; start--)
		if (macro_splits(m, v.ptr[start - 1]) && m->parts > 0 &&
		    --left == 0)
			break;
	for (from = start; start <= v.len; start++) {
		if (start < v.len && !macro_splits(m, v.ptr[start]))
			continue;
		builder_value(b, v.ptr + from, start - from, m->escape);
		if (start < v.len)
			builder_add(b, ".", 1);
		from = start + 1;
	}
}

/* macro_backward - the parts from the last to the first; of these the last,
   which are the first ones of the value */
static void
macro_backward(struct spf_builder *b, const struct spf_macro *m, weir_str v)
{
	size_t end = 0, to;
	uint32_t left = m->parts;

	for (; end < v.len; end++)
		if (macro_splits(m, v.ptr[end]) && m->parts > 0 &&
		    --left == 0)
			break;
	for (to = end;; end--) {
		if (end > 0 && !macro_splits(m, v.ptr[end - 1]))
			continue;
		builder_value(b, v.ptr + end, to - end, m->escape);
		if (end == 0)
			break;
		builder_add(b, ".", 1);
		to = end - 1;
	}
}

/* macro_expand - the whole text */
static int
macro_expand(struct spf_builder *b, weir_str text, enum spf_macro_kind kind,
    const struct spf_macro_values *values)
{
	struct spf_macro m;
	int status;

	while ((status = spf_macro_next(&text, kind, &m)) > 0) {
		if (m.letter == '\0')
			builder_add(b, m.literal.ptr, m.literal.len);
		else if (m.reverse)
			macro_backward(b, &m, macro_value(m.letter, values));
		else
			macro_forward(b, &m, macro_value(m.letter, values));
	}
	b->out[b->len] = '\0';
	return status;
}

/* spf_macro_text - an explanation */
int
spf_macro_text(weir_str text, const struct spf_macro_values *values,
    char *out, size_t size)
{
	struct spf_builder b = { .out = out, .size = size };

	if (macro_expand(&b, text, SPF_MACRO_TEXT, values) < 0)
		return WEIR_E_INVAL;
	for (size_t i = 0; i < b.len; i++)
		if (out[i] < ' ' || out[i] >= 0x7f)
			out[i] = '?';
	return (int)b.len;
}

/* spf_macro_is_name - could it be asked? */
bool
spf_macro_is_name(weir_str name)
{
	size_t label = 0;

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > SPF_NAME_SIZE - 1)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c < ' ' || c >= 0x7f)
			return false;
		if (c == '.' && label == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

/* spf_macro_domain - a name to ask for */
int
spf_macro_domain(weir_str text, const struct spf_macro_values *values,
    char out[SPF_NAME_SIZE])
{
	char buffer[TAIL_SIZE];
	struct spf_builder b = { .out = buffer, .size = sizeof(buffer),
		.tail = true };
	weir_str name;

	if (macro_expand(&b, text, SPF_MACRO_DOMAIN, values) < 0)
		return WEIR_E_INVAL;
	name = (weir_str){ buffer, b.len };
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	/* RFC 7208 7.3 */
	while (name.len > SPF_NAME_SIZE - 1) {
		const char *dot = memchr(name.ptr, '.', name.len);

		if (dot == NULL)
			return WEIR_E_INVAL;
		name.len -= (size_t)(dot - name.ptr) + 1;
		name.ptr = dot + 1;
	}
	if (!spf_macro_is_name(name) || name.ptr[name.len - 1] == '.')
		return WEIR_E_INVAL;
	memcpy(out, name.ptr, name.len);
	out[name.len] = '\0';
	return (int)name.len;
}
