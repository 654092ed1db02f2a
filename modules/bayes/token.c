/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "token.h"

#include <stdio.h>
#include <stdlib.h>

#define TOKEN_SLOTS 8192 /* of the set: a power of two */

/* tokens_create - room for one message */
struct tokens *
tokens_create(void)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (t != NULL)
		charset_init(&t->charset);
	return t;
}

/* token_forget - the set is empty */
static void
token_forget(struct tokens *t)
{
	memset(t->slots, 0, sizeof(t->slots));
	for (unsigned i = 0; t->names != NULL && i < t->n; i++) {
		free(t->names[i]);
		t->names[i] = NULL;
	}
	t->n = 0;
	t->full = false;
}

/* tokens_destroy - everything */
void
tokens_destroy(struct tokens **tp)
{
	struct tokens *t = *tp;

	if (t == NULL)
		return;
	token_forget(t);
	free(t->names);
	charset_fini(&t->charset);
	text_fini(&t->value);
	text_fini(&t->raw);
	text_fini(&t->text);
	text_fini(&t->seen);
	text_fini(&t->hidden);
	free(t);
	*tp = NULL;
}

/* token_name - what it was */
const char *
token_name(const struct tokens *t, unsigned index)
{
	return t->names != NULL && t->names[index] != NULL ?
	    t->names[index] : "";
}

/* token_group_name - for people */
const char *
token_group_name(enum token_group group)
{
	static const char *const names[] = { "subject", "address", "header",
		"mime", "url", "html", "hidden", "word", "gram",
		"subject_gram", "list", "route", "list_route" };

	return names[group];
}

/* token_put - a hash into the set; false: it was there, or there is no room */
static bool
token_put(struct tokens *t, enum token_group group, uint64_t hash)
{
	size_t at = hash & (TOKEN_SLOTS - 1);

	while (t->slots[at] != 0) {
		if (t->v[t->slots[at] - 1].hash == hash)
			return false;
		at = (at + 1) & (TOKEN_SLOTS - 1);
	}
	if (t->n == TOKEN_MAX) {
		t->full = true;
		return false;
	}
	t->v[t->n++] = (struct token){ hash, (uint8_t)group };
	t->slots[at] = t->n;
	return true;
}

/* token_keep_name - for explain */
static void
token_keep_name(struct tokens *t, const char *prefix, const char *p,
    size_t len)
{
	size_t n = strlen(prefix);
	char *name;

	if (t->names == NULL)
		t->names = calloc(TOKEN_MAX, sizeof(*t->names));
	name = t->names != NULL ? malloc(n + len + 1) : NULL;
	if (name == NULL)
		return;
	memcpy(name, prefix, n);
	memcpy(name + n, p, len);
	name[n + len] = '\0';
	t->names[t->n - 1] = name;
}

/* token_seed - of a prefix */
static uint64_t
token_seed(const char *prefix)
{
	return text_hash(TOKEN_VERSION, prefix, strlen(prefix));
}

/* token_add - one token */
void
token_add(struct tokens *t, enum token_group group, const char *prefix,
    const char *p, size_t len)
{
	if ((t->skip & 1u << group) != 0 || len == 0)
		return;
	if (token_put(t, group, text_hash(token_seed(prefix), p, len)) &&
	    t->named)
		token_keep_name(t, prefix, p, len);
}

/* token_size - how much, roughly */
void
token_size(struct tokens *t, enum token_group group, const char *prefix,
    size_t n)
{
	char text[8];
	int bits = 0;

	while (n >> bits != 0)
		bits++;
	token_add(t, group, prefix, text,
	    (size_t)snprintf(text, sizeof(text), "%d", bits));
}

/* token_pair - a word and the one before it */
static void
token_pair(struct tokens *t, const struct token_near *a,
    const struct token_near *b)
{
	char name[2 * TOKEN_WORD + 4];
	int n;

	if (!token_put(t, t->kind, text_mix(a->hash + 1, b->hash)) ||
	    !t->named)
		return;
	n = snprintf(name, sizeof(name), "%s %s", a->text, b->text);
	token_keep_name(t, t->prefix, name, (size_t)n);
}

/* token_grams - words that are spelt anew each time still share them */
void
token_grams(struct tokens *t, enum token_group group, const char *prefix,
    weir_str text)
{
	uint64_t seed = token_seed(prefix), h;
	uint32_t gram = 0;
	unsigned n = 0;
	char name[4];

	if ((t->skip & 1u << group) != 0)
		return;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (text_is_space((char)c))
			c = ' ';
		if (c == ' ' && n > 0 && (gram & 0xff) == ' ')
			continue;
		gram = gram << 8 | c;
		if (++n < sizeof(gram))
			continue;
		h = text_mix(seed, gram);
		if (!token_put(t, group, h) || !t->named)
			continue;
		for (int j = 0; j < 4; j++)
			name[j] = (char)(gram >> (24 - 8 * j));
		token_keep_name(t, prefix, name, sizeof(name));
	}
}

/* token_word - a word; in a field its pair with the one before it, too */
static void
token_word(struct tokens *t, const char *p, size_t len)
{
	struct token_near w;

	if (len > TOKEN_WORD)
		len = TOKEN_WORD;
	w.hash = text_hash(t->seed, p, len);
	if (token_put(t, t->kind, w.hash) && t->named)
		token_keep_name(t, t->prefix, p, len);
	if (t->kind == TOKEN_HIDDEN || t->kind == TOKEN_WORD_)
		return;
	memcpy(w.text, p, len);
	w.text[len] = '\0';
	if (t->paired)
		token_pair(t, &t->before, &w);
	t->before = w;
	t->paired = true;
}

enum token_script {
	SCRIPT_SPACE, /* parts words */
	SCRIPT_WORD,
	SCRIPT_DENSE, /* written without blanks: pairs of characters */
	SCRIPT_NONE   /* zero width: not there */
};

/* token_script - how a character beyond ASCII is split */
static enum token_script
token_script(uint32_t c)
{
	if (c == 0xad || (c >= 0x200b && c <= 0x200f) || c == 0x2060 ||
	    c == 0xfeff || c == 0x34f)
		return SCRIPT_NONE;
	if (c < 0xc0)
		return c == 0xaa || c == 0xb5 || c == 0xba ? SCRIPT_WORD :
							     SCRIPT_SPACE;
	if ((c >= 0x2000 && c < 0x2c00 && !(c >= 0x20a0 && c < 0x20d0)) ||
	    (c >= 0x3000 && c < 0x3040) || (c >= 0xfe30 && c < 0xfe70) ||
	    (c >= 0xff00 && c < 0xff10) || c == 0xfffd || c == 0xd7 ||
	    c == 0xf7)
		return SCRIPT_SPACE;
	if ((c >= 0x3040 && c < 0xa000) || (c >= 0xf900 && c < 0xfb00) ||
	    (c >= 0x20000 && c < 0x32000) ||	/* Han, kana */
	    (c >= 0xac00 && c < 0xd7b0) ||	/* Hangul */
	    (c >= 0xe00 && c < 0xf00) ||	/* Thai, Lao */
	    (c >= 0x1000 && c < 0x10a0) ||	/* Burmese */
	    (c >= 0x1780 && c < 0x1800))	/* Khmer */
		return SCRIPT_DENSE;
	return SCRIPT_WORD;
}

/* token_fold - lower case of a character beyond ASCII */
static uint32_t
token_fold(uint32_t c)
{
	if ((c >= 0xc0 && c < 0xdf && c != 0xd7) ||
	    (c >= 0x391 && c < 0x3aa) || (c >= 0x410 && c < 0x430))
		return c + 0x20;
	if (c >= 0x400 && c < 0x410)
		return c + 0x50;
	if ((c >= 0x100 && c < 0x138) || (c >= 0x14a && c < 0x178))
		return c | 1;
	/* fullwidth letters and digits are the plain ones */
	if (c >= 0xff10 && c < 0xff5f) {
		c -= 0xfee0;
		return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	return c;
}

/* token_is_inner - part of a word only between two others */
static bool
token_is_inner(char c)
{
	return c == '\'' || c == '-' || c == '.' || c == '_' || c == '@' ||
	    c == '+' || c == ',' || c == ':' || c == '/';
}

/* What token_words is at. */
struct token_scan {
	const char *p, *end;
	struct text_buf *word;
	char last[8]; /* the dense character before */
	size_t last_len;
};

/* token_dense - one character of a script without blanks */
static void
token_dense(struct tokens *t, struct token_scan *s, uint32_t code)
{
	char pair[16];
	struct text_buf one = { pair + sizeof(s->last), 0, sizeof(s->last) };

	text_add_code(&one, code);
	if (s->last_len > 0) {
		memmove(pair + s->last_len, one.ptr, one.len);
		memcpy(pair, s->last, s->last_len);
		token_word(t, pair, s->last_len + one.len);
		memcpy(s->last, pair + s->last_len, one.len);
	} else {
		memcpy(s->last, one.ptr, one.len);
	}
	s->last_len = one.len;
}

/* token_link_end - behind a link that begins here, or NULL */
static const char *
token_link_end(const struct token_scan *s)
{
	weir_str rest = { s->p, (size_t)(s->end - s->p) };
	const char *q = s->p;

	if (!text_begins(rest, "http://") && !text_begins(rest, "https://") &&
	    !text_begins(rest, "www."))
		return NULL;
	while (q < s->end && (unsigned char)*q > ' ' && *q != '<' &&
	    *q != '>' && *q != '"' && *q != ')' && *q != ']')
		q++;
	return q;
}

/* token_run - a run of signs: what, and about how many */
static void
token_run(struct tokens *t, struct token_scan *s)
{
	const char *p = s->p;
	char run[2];

	while (s->p < s->end && *s->p == *p)
		s->p++;
	run[0] = *p;
	run[1] = s->p - p == 1 ? '1' : s->p - p == 2 ? '2' : '3';
	token_word(t, run, 2);
}

/* token_one - the word that begins here */
static void
token_one(struct tokens *t, struct token_scan *s)
{
	unsigned digits = 0, letters = 0;
	bool foreign = false;
	uint32_t code;
	size_t n;

	s->word->len = 0;
	if (!text_room(s->word, (size_t)TOKEN_WORD))
		return;
	while (s->p < s->end) {
		char c = *s->p;

		if (text_is_alpha(c)) {
			text_add_char(s->word, text_lower(c));
			letters++;
			s->p++;
		} else if (text_is_digit(c) || c == '$' || c == '%') {
			text_add_char(s->word, c);
			digits++;
			s->p++;
		} else if ((unsigned char)c >= 0x80) {
			enum token_script script;

			n = text_code(s->p, s->end, &code);
			script = token_script(code);
			if (script == SCRIPT_DENSE || script == SCRIPT_SPACE)
				break;
			if (script == SCRIPT_WORD) {
				text_add_code(s->word, token_fold(code));
				foreign = true;
			}
			s->p += n;
		} else if (token_is_inner(c) && s->p + 1 < s->end &&
		    (text_is_alpha(s->p[1]) || text_is_digit(s->p[1]) ||
			(unsigned char)s->p[1] >= 0x80)) {
			text_add_char(s->word, c);
			s->p++;
		} else {
			break;
		}
	}
	n = s->word->len;
	if (n == 0)
		return;
	if (foreign && letters > 0)
		token_add(t, t->kind, "mixed", "1", 1);
	if (n > TOKEN_WORD)
		token_size(t, t->kind, "long:", n);
	else if (letters == 0 && !foreign && digits > 6)
		token_size(t, t->kind, "digits:", digits);
	else
		token_word(t, s->word->ptr, n);
}

/* token_words - a text */
void
token_words(struct tokens *t, enum token_group group, const char *prefix,
    weir_str utf8)
{
	struct token_scan s = { utf8.ptr, NULL, &t->value, "", 0 };
	const char *link;
	uint32_t code;

	if ((t->skip & 1u << group) != 0 || utf8.len == 0)
		return;
	s.end = utf8.ptr + utf8.len;
	t->kind = group;
	t->prefix = prefix;
	t->seed = token_seed(prefix);
	t->paired = false;
	while (s.p < s.end && !t->full) {
		unsigned char c = (unsigned char)*s.p;

		if (c >= 0x80) {
			size_t n = text_code(s.p, s.end, &code);
			enum token_script script = token_script(code);

			if (script == SCRIPT_WORD) {
				s.last_len = 0;
				token_one(t, &s);
				continue;
			}
			if (script == SCRIPT_DENSE)
				token_dense(t, &s, code);
			else if (script == SCRIPT_SPACE)
				s.last_len = 0;
			s.p += n;
			continue;
		}
		s.last_len = 0;
		if ((c == 'h' || c == 'H' || c == 'w' || c == 'W') &&
		    (link = token_link_end(&s)) != NULL) {
			token_url(t, (weir_str){ s.p,
				(size_t)(link - s.p) });
			s.p = link;
		} else if (text_is_alpha((char)c) || text_is_digit((char)c) ||
		    c == '$') {
			token_one(t, &s);
		} else if (strchr("!?*=#%_-~+", c) != NULL && c != '\0') {
			token_run(t, &s);
		} else {
			s.p++;
		}
	}
}

/* token_on_tag - html_sink */
static void
token_on_tag(void *arg, weir_str name)
{
	token_add(arg, TOKEN_HTML, "tag:", name.ptr, name.len);
}

/* token_on_look - html_sink */
static void
token_on_look(void *arg, weir_str tag, weir_str name, weir_str value)
{
	struct tokens *t = arg;
	char text[64];
	int n;

	if (value.len > 24)
		value.len = 24;
	n = snprintf(text, sizeof(text), "%.*s %.*s=%.*s", (int)tag.len,
	    tag.ptr, (int)(name.len < 10 ? name.len : 10), name.ptr,
	    (int)value.len, value.ptr);
	for (int i = 0; i < n; i++)
		text[i] = text_lower(text[i]);
	token_add(t, TOKEN_HTML, "look:", text, (size_t)n);
}

/* token_on_link - html_sink */
static void
token_on_link(void *arg, weir_str tag, weir_str url)
{
	token_add(arg, TOKEN_HTML, "link:", tag.ptr, tag.len);
	token_url(arg, text_trim(url));
}

/* token_part_text - words of a text part */
static void
token_part_text(struct tokens *t, const struct reader_part *p, size_t *room)
{
	const struct html_sink sink = { token_on_tag, token_on_look,
		token_on_link, t };
	bool html = text_begins(p->type, "text/html");

	t->raw.len = t->text.len = 0;
	if (!reader_decode(p, *room, &t->raw))
		t->full = true;
	*room -= t->raw.len < *room ? t->raw.len : *room;
	if (t->raw.len == 0)
		return;
	charset_decode(&t->charset, p->charset,
	    (weir_str){ t->raw.ptr, t->raw.len }, &t->text);
	if (!html) {
		text_add(&t->seen, t->text.ptr, t->text.len);
	} else {
		html_read((weir_str){ t->text.ptr, t->text.len }, &sink,
		    &t->seen, &t->hidden);
	}
	text_add_char(&t->seen, '\n');
}

/* token_part - what a part is */
static void
token_part(struct tokens *t, const struct reader_part *p)
{
	char type[64];
	size_t n = p->type.len < sizeof(type) ? p->type.len : sizeof(type);
	const char *dot;

	for (size_t i = 0; i < n; i++)
		type[i] = text_lower(p->type.ptr[i]);
	token_add(t, TOKEN_MIME, "type:", n > 0 ? type : "none",
	    n > 0 ? n : 4);
	n = p->charset.len < sizeof(type) ? p->charset.len : sizeof(type);
	for (size_t i = 0; i < n; i++)
		type[i] = text_lower(p->charset.ptr[i]);
	token_add(t, TOKEN_MIME, "charset:", type, n);
	token_add(t, TOKEN_MIME, "encoding:", &"0123"[p->encoding], 1);
	token_add(t, TOKEN_MIME, "disposition:", p->disposition.ptr,
	    p->disposition.len);
	if (p->name.len == 0)
		return;
	t->raw.len = 0;
	charset_header(&t->charset, p->name, &t->raw);
	if (t->raw.len == 0)
		return;
	dot = memrchr(t->raw.ptr, '.', t->raw.len);
	if (dot != NULL)
		token_add(t, TOKEN_MIME, "extension:", dot,
		    t->raw.len - (size_t)(dot - t->raw.ptr));
	token_words(t, TOKEN_MIME, "file:",
	    (weir_str){ t->raw.ptr, t->raw.len });
}

/* token_body - structure, then links, then what is read */
static void
token_body(struct tokens *t)
{
	size_t room = TOKEN_TEXT;

	t->seen.len = t->hidden.len = 0;
	token_size(t, TOKEN_MIME, "parts:", t->reader.n_parts);
	for (unsigned i = 0; i < t->reader.n_parts; i++) {
		const struct reader_part *p = &t->reader.parts[i];

		token_part(t, p);
		if (p->type.len == 0 || (text_begins(p->type, "text/") &&
			!text_begins(p->disposition, "attachment")))
			token_part_text(t, p, &room);
	}
	token_grams(t, TOKEN_GRAM, "gram:", (weir_str){ t->seen.ptr,
		t->seen.len < TOKEN_GRAM_TEXT ? t->seen.len :
						TOKEN_GRAM_TEXT });
	token_words(t, TOKEN_HIDDEN, "hidden:",
	    (weir_str){ t->hidden.ptr, t->hidden.len });
	token_words(t, TOKEN_WORD_, "",
	    (weir_str){ t->seen.ptr, t->seen.len });
}

/* token_identify - a number for the message, whatever hops wrote on it */
static void
token_identify(struct tokens *t)
{
	uint64_t a = TOKEN_VERSION, b = 0;
	weir_str v;

	/* the order of the set is that of reading: sums do without it */
	for (unsigned i = 0; i < t->n; i++) {
		if (token_on_way((enum token_group)t->v[i].group))
			continue;
		a += text_mix(t->v[i].hash, 1);
		b += text_mix(t->v[i].hash, 2);
	}
	for (unsigned i = 0; i < t->reader.n_fields; i++) {
		v = t->reader.fields[i].value;
		if (text_equals(t->reader.fields[i].name, "message-id") ||
		    text_equals(t->reader.fields[i].name, "date")) {
			a += text_hash(3, v.ptr, v.len);
			b += text_hash(4, v.ptr, v.len);
		}
	}
	t->id[0] = text_mix(a, b);
	t->id[1] = text_mix(b, a + 1);
}

/* token_read - a message */
void
token_read(struct tokens *t, weir_str raw)
{
	token_forget(t);
	if (raw.len == 0)
		raw.ptr = "";
	if (raw.len > TOKEN_RAW)
		raw.len = TOKEN_RAW;
	reader_read(&t->reader, raw);
	list_read(&t->list, &t->reader);
	token_header(t);
	token_body(t);
	token_identify(t);
}
