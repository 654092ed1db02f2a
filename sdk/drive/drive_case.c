/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_case.h"

#include <string.h>

#include "base/text.h"

#define SET_UP (1u << 0)  /* only before the first mail of its case */
#define BLOCK (1u << 1)	  /* may have a block */
#define RAW (1u << 2)	  /* the rest of the line is one text */

static const struct {
	const char *name;
	unsigned min, max; /* words */
	unsigned flags;
} verbs[CASE_VERBS] = {
	[CASE_CLIENT] = { "client", 1, 2, 0 },
	[CASE_HELO] = { "helo", 1, 1, 0 },
	[CASE_AUTH] = { "auth", 1, 1, 0 },
	[CASE_FROM] = { "from", 1, 1, 0 },
	[CASE_RCPT] = { "rcpt", 1, 1, 0 },
	[CASE_MACRO] = { "macro", 2, 2, 0 },
	[CASE_CLEAR] = { "clear", 1, 1, 0 },
	[CASE_LISTENER] = { "listener", 1, 1, SET_UP },
	[CASE_DIRECTION] = { "direction", 1, 1, 0 },
	[CASE_NOW] = { "now", 1, 1, 0 },
	[CASE_ADVANCE] = { "advance", 1, 1, 0 },
	[CASE_ZONE] = { "zone", 0, CASE_WORDS_MAX, SET_UP | BLOCK | RAW },
	[CASE_OPTION] = { "option", 1, CASE_WORDS_MAX, SET_UP | RAW },
	[CASE_CONFIG] = { "config", 0, CASE_WORDS_MAX, SET_UP | BLOCK | RAW },
	[CASE_STORE] = { "store", 3, 4, 0 },
	[CASE_FACT] = { "fact", 2, 2, 0 },
	[CASE_FAIL] = { "fail", 1, 2, 0 },
	[CASE_REPAIR] = { "repair", 0, 0, 0 },
	[CASE_MAIL] = { "mail", 0, 1, BLOCK },
	[CASE_DISCONNECT] = { "disconnect", 1, 1, 0 },
	[CASE_SEND] = { "send", 0, 0, 0 },
	[CASE_EXPECT] = { "expect", 1, CASE_WORDS_MAX, 0 },
};

/* What is being read. */
struct case_reader {
	struct drive_cases *out;
	const char *p, *end;
	unsigned line;
	size_t steps;
	bool sent; /* the present case has sent a mail */
	struct err *err;
};

/* drive_case_verb - its name */
const char *
drive_case_verb(enum case_verb verb)
{
	return verbs[verb].name;
}

#define case_bad(r, ...) \
	case_mistake((r), xasprintf(__VA_ARGS__))
/* case_mistake - in the line that was read last */
static int
case_mistake(const struct case_reader *r, char *what)
{
	err_set(r->err, WEIR_E_INVAL, "%u: %.400s", r->line, what);
	free(what);
	return WEIR_E_INVAL;
}

/* case_line - the next line without its end; false: there is none */
static bool
case_line(struct case_reader *r, weir_str *out)
{
	const char *lf;

	if (r->p >= r->end)
		return false;
	lf = memchr(r->p, '\n', (size_t)(r->end - r->p));
	out->ptr = r->p;
	out->len = (size_t)((lf != NULL ? lf : r->end) - r->p);
	r->p = lf != NULL ? lf + 1 : r->end;
	r->line++;
	if (out->len > 0 && out->ptr[out->len - 1] == '\r')
		out->len--;
	return true;
}

/* case_hex - the value of a digit, or -1 */
static int
case_hex(char c)
{
	if (text_is_digit(c))
		return c - '0';
	c = text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* case_escape - what a backslash in "..." stands for; the octets it takes, 0:
   nothing */
static size_t
case_escape(const char *p, size_t len, char *out)
{
	static const char from[] = "\"\\nt", to[] = "\"\\\n\t";
	const char *at = len > 1 && p[1] != '\0' ? strchr(from, p[1]) : NULL;

	if (at != NULL) {
		*out = to[at - from];
		return 2;
	}
	if (len < 4 || p[1] != 'x' || case_hex(p[2]) < 0 || case_hex(p[3]) < 0)
		return 0;
	*out = (char)(case_hex(p[2]) * 16 + case_hex(p[3]));
	return 4;
}

/* case_quoted - a word in "..."; rest stands behind it then */
static int
case_quoted(struct case_reader *r, weir_str *rest, weir_str *word)
{
	char *to = pool_alloc(r->out->pool, rest->len);

	word->ptr = to;
	for (size_t i = 1; i < rest->len;) {
		size_t n = 1;

		if (rest->ptr[i] == '"') {
			rest->ptr += i + 1;
			rest->len -= i + 1;
			word->len = (size_t)(to - word->ptr);
			return WEIR_OK;
		}
		*to = rest->ptr[i];
		if (*to == '\\')
			n = case_escape(rest->ptr + i, rest->len - i, to);
		if (n == 0)
			return case_bad(r, "a backslash is for \\\" \\\\ \\n "
			    "\\t \\xNN");
		to++;
		i += n;
	}
	return case_bad(r, "a string without its closing quote");
}

/* case_words - the words of a text */
static int
case_words(struct case_reader *r, weir_str rest, struct case_step *s)
{
	for (rest = text_trim(rest); rest.len > 0; rest = text_trim(rest)) {
		weir_str *word = &s->words[s->n];
		size_t n = 0;

		if (s->n++ >= CASE_WORDS_MAX)
			return case_bad(r, "more than %d words",
			    CASE_WORDS_MAX);
		if (rest.ptr[0] == '"') {
			if (case_quoted(r, &rest, word) < 0)
				return WEIR_E_INVAL;
			if (rest.len > 0 && !text_is_space(rest.ptr[0]))
				return case_bad(r, "no blank behind a string");
			continue;
		}
		while (n < rest.len && !text_is_space(rest.ptr[n]))
			n++;
		*word = pool_str(r->out->pool, (weir_str){ rest.ptr, n });
		rest.ptr += n;
		rest.len -= n;
	}
	return WEIR_OK;
}

/* case_block - the lines up to the one that is `mark` alone */
static int
case_block(struct case_reader *r, weir_str mark, weir_str *out)
{
	const char *begin = r->p;
	unsigned at = r->line;
	weir_str line;

	while (case_line(r, &line)) {
		if (line.len == mark.len &&
		    memcmp(line.ptr, mark.ptr, mark.len) == 0) {
			*out = pool_str(r->out->pool, (weir_str){ begin,
			    (size_t)(line.ptr - begin) });
			return WEIR_OK;
		}
	}
	r->line = at;
	return case_bad(r, "nothing ends this block: no line is \"%.*s\"",
	    (int)(mark.len < 60 ? mark.len : 60), mark.ptr);
}

/* case_take_apart - does "<< WORD" end the line?  Then n is where it begins */
static bool
case_take_apart(const struct case_step *s, const weir_str *rest, size_t *n)
{
	size_t at = *n;

	if ((verbs[s->verb].flags & BLOCK) == 0)
		return false;
	while (at > 0 && text_is_space(rest->ptr[at - 1]))
		at--;
	if (at < 2 || at == *n || memcmp(rest->ptr + at - 2, "<<", 2) != 0 ||
	    (at > 2 && !text_is_space(rest->ptr[at - 3])))
		return false;
	*n = at - 2;
	return true;
}

/* case_take_block - "<<WORD" at the end of the line, and what it stands for */
static int
case_take_block(struct case_reader *r, struct case_step *s, weir_str *rest)
{
	size_t n = rest->len;
	weir_str mark;

	while (n > 0 && !text_is_space(rest->ptr[n - 1]))
		n--;
	mark.ptr = rest->ptr + n;
	mark.len = rest->len - n;
	if (case_take_apart(s, rest, &n)) {
		/* the word stands behind a blank */
	} else if (mark.len >= 2 && memcmp(mark.ptr, "<<", 2) == 0 &&
	    (mark.len > 2 || (verbs[s->verb].flags & BLOCK) != 0)) {
		mark.ptr += 2;
		mark.len -= 2;
	} else {
		return WEIR_OK;
	}
	if ((verbs[s->verb].flags & BLOCK) == 0)
		return case_bad(r, "%s takes no block", verbs[s->verb].name);
	if (mark.len == 0)
		return case_bad(r, "no word behind <<: write <<END, and a line "
		    "END behind the block");
	rest->len = n;
	*rest = text_trim(*rest);
	return case_block(r, mark, &s->block);
}

/* case_verb - by its name */
static int
case_verb(struct case_reader *r, weir_str name, enum case_verb *out)
{
	const char *names[CASE_VERBS + 2] = { "case" }, *near;
	char word[64];

	for (int i = 0; i < CASE_VERBS; i++) {
		if (text_equals(name, verbs[i].name)) {
			*out = (enum case_verb)i;
			return WEIR_OK;
		}
		names[i + 1] = verbs[i].name;
	}
	text_escape(word, sizeof(word), name);
	near = text_nearest(word, names);
	return near != NULL ? case_bad(r, "there is no \"%s\" (did you mean "
	    "\"%s\"?)", word, near) : case_bad(r, "there is no \"%s\"", word);
}

/* case_check - may this stand here */
static int
case_check(struct case_reader *r, const struct case_step *s)
{
	unsigned flags = verbs[s->verb].flags;

	if (s->n < verbs[s->verb].min || s->n > verbs[s->verb].max)
		return case_bad(r, "%s takes %u to %u words, not %zu",
		    verbs[s->verb].name, verbs[s->verb].min,
		    verbs[s->verb].max, s->n);
	if ((flags & BLOCK) != 0 && s->block.ptr == NULL && s->n == 0)
		return case_bad(r, "%s needs a word or a block",
		    verbs[s->verb].name);
	if ((flags & SET_UP) != 0 && r->sent)
		return case_bad(r, "%s must stand before the first mail",
		    verbs[s->verb].name);
	if (s->verb == CASE_SEND || s->verb == CASE_EXPECT)
		r->sent = true;
	return WEIR_OK;
}

/* case_statement - one line that is not empty */
static int
case_statement(struct case_reader *r, weir_str line)
{
	struct drive_cases *out = r->out;
	struct case_step step;
	weir_str name = line;

	memset(&step, 0, sizeof(step));
	for (name.len = 0; name.len < line.len &&
	     !text_is_space(line.ptr[name.len]); name.len++)
		;
	line.ptr += name.len;
	line.len -= name.len;
	line = text_trim(line);
	if (text_equals(name, "case")) {
		struct drive_case *c = vec_push(&out->v);

		c->title = pool_str(out->pool, line);
		c->line = r->line;
		r->sent = false;
		return line.len > 0 ? WEIR_OK : case_bad(r, "a case needs a "
		    "title");
	}
	step.line = r->line;
	if (case_verb(r, name, &step.verb) < 0)
		return WEIR_E_INVAL;
	if (out->v.n == 0)
		return case_bad(r, "the first statement must be \"case "
		    "TITLE\"");
	if (++r->steps > CASE_STEPS_MAX)
		return case_bad(r, "more than %d statements", CASE_STEPS_MAX);
	if (case_take_block(r, &step, &line) < 0)
		return WEIR_E_INVAL;
	step.rest = pool_str(out->pool, line);
	if ((verbs[step.verb].flags & RAW) != 0)
		step.n = line.len > 0;
	else if (case_words(r, line, &step) < 0)
		return WEIR_E_INVAL;
	if (case_check(r, &step) < 0)
		return WEIR_E_INVAL;
	*vec_push(&out->v.v[out->v.n - 1].steps) = step;
	return WEIR_OK;
}

/* drive_cases_parse - all of a file */
int
drive_cases_parse(struct drive_cases *out, const void *data, size_t len,
    struct err *err)
{
	struct case_reader r = { .out = out, .p = data, .err = err };
	int status = WEIR_OK;
	weir_str line;

	memset(out, 0, sizeof(*out));
	out->pool = pool_create(4096, 0);
	if (len > CASE_FILE_MAX)
		status = case_bad(&r, "a case file may have %zu octets",
		    CASE_FILE_MAX);
	r.end = len > 0 ? r.p + len : r.p;
	while (status == WEIR_OK && case_line(&r, &line)) {
		line = text_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			status = case_statement(&r, line);
	}
	if (status == WEIR_OK && out->v.n == 0)
		status = case_bad(&r, "there is no case in it");
	if (status < 0)
		drive_cases_fini(out);
	return status;
}

/* drive_cases_fini - free it */
void
drive_cases_fini(struct drive_cases *cases)
{
	for (size_t i = 0; i < cases->v.n; i++)
		vec_fini(&cases->v.v[i].steps);
	vec_fini(&cases->v);
	pool_destroy(&cases->pool);
}

/* drive_glob - without recursion: only the last star may need another try */
bool
drive_glob(weir_str text, weir_str pattern)
{
	size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.len && (pattern.ptr[p] == '?' ||
			       pattern.ptr[p] == text.ptr[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

/* drive_glob_in - anywhere */
bool
drive_glob_in(weir_str text, weir_str pattern)
{
	char *wide = xasprintf("*%.*s*", (int)pattern.len, pattern.ptr);
	bool is = drive_glob(text, text_slice(wide));

	free(wide);
	return is;
}
