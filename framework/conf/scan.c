/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/scan.h"

#include <string.h>

#include "base/text.h"

/* Where the reading stands in one file. */
struct scan_file {
	const char *p, *end;
	unsigned file, line;
	unsigned depth; /* of includes */
	size_t opened;	/* braces that were open when it began */
};

static int scan_text(struct scan *scan, unsigned file, unsigned depth);

/* scan_fail - report an error where the reading stands */
static int
scan_fail(const struct scan *scan, const struct scan_file *f, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static int
scan_fail(const struct scan *scan, const struct scan_file *f, const char *fmt,
    ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_report_vadd(scan->report, CONF_ERROR,
	    snapshot_path(scan->snap, f->file), f->line, scan->tokens.n, fmt,
	    ap);
	va_end(ap);
	return WEIR_E_INVAL;
}

/* scan_report - report about a token; past the end means the last one */
void
scan_report(const struct scan *scan, enum conf_severity severity, size_t token,
    const char *fmt, ...)
{
	const struct scan_token *t = NULL;
	va_list ap;

	if (scan->tokens.n != 0)
		t = &scan->tokens.v[token < scan->tokens.n ? token :
		    scan->tokens.n - 1];
	va_start(ap, fmt);
	conf_report_vadd(scan->report, severity,
	    snapshot_path(scan->snap, t != NULL ? t->file : 0),
	    t != NULL ? t->line : 0, token, fmt, ap);
	va_end(ap);
}

/* scan_push - add a token */
static int
scan_push(struct scan *scan, const struct scan_file *f, char kind,
    const char *text, size_t len)
{
	struct scan_token *t;

	if (scan->tokens.n == SCAN_TOKENS_MAX)
		return scan_fail(scan, f, "more than %d words in all",
		    SCAN_TOKENS_MAX);
	t = vec_push(&scan->tokens);
	t->kind = kind;
	t->file = f->file;
	t->line = f->line;
	t->text = pool_strndup(scan->pool, text, len);
	return WEIR_OK;
}

/* scan_comment - pass over a C comment; p stands behind its opening */
static int
scan_comment(const struct scan *scan, struct scan_file *f)
{
	struct scan_file start = *f;

	for (; f->p < f->end; f->p++) {
		if (*f->p == '\n')
			f->line++;
		if (*f->p == '*' && f->end - f->p > 1 && f->p[1] == '/') {
			f->p += 2;
			return WEIR_OK;
		}
	}
	return scan_fail(scan, &start, "comment is not closed");
}

/* scan_escape - one escape in a double-quoted string; p stands on it */
static int
scan_escape(const struct scan *scan, struct scan_file *f, struct buf *out)
{
	char c = f->p < f->end ? *f->p : '\0';

	switch (c) {
	case 'n':
		buf_add_char(out, '\n');
		break;
	case 't':
		buf_add_char(out, '\t');
		break;
	case 'r':
		buf_add_char(out, '\r');
		break;
	case '\\':
	case '"':
	case '\'':
		buf_add_char(out, c);
		break;
	case '\n': /* the string goes on in the next line */
		f->line++;
		break;
	default:
		return scan_fail(scan, f, "unknown escape \"\\%.*s\" in a "
		    "string (a backslash itself is \\\\; '...' needs none)",
		    c != '\0' ? 1 : 0, &c);
	}
	f->p++;
	return WEIR_OK;
}

/* scan_string - a quoted string; p stands behind the quote */
static int
scan_string(struct scan *scan, struct scan_file *f, char quote)
{
	struct scan_file start = *f;
	struct buf text = BUF_INIT;
	int rc = WEIR_OK;

	while (rc == WEIR_OK) {
		char c;

		if (f->p == f->end || *f->p == '\n') {
			rc = scan_fail(scan, &start,
			    "string is not closed in its line");
			break;
		}
		c = *f->p++;
		if (c == quote) {
			rc = scan_push(scan, &start, SCAN_STRING,
			    text.len != 0 ? text.ptr : "", text.len);
			break;
		}
		if (c == '\\' && quote == '"')
			rc = scan_escape(scan, f, &text);
		else if (c == '\\' && f->p < f->end &&
		    (*f->p == '\\' || *f->p == '\''))
			buf_add_char(&text, *f->p++);
		else
			buf_add_char(&text, c);
	}
	buf_fini(&text);
	return rc;
}

/* scan_brace - match braces; each file closes what it opens */
static int
scan_brace(struct scan *scan, const struct scan_file *f)
{
	size_t i = scan->tokens.n - 1, open;

	if (scan->tokens.v[i].kind == '{') {
		if (scan->open.n == SCAN_DEPTH_MAX)
			return scan_fail(scan, f,
			    "more than %d braces inside each other",
			    SCAN_DEPTH_MAX);
		if (scan_kind(scan, i - 1) != '=' &&
		    ++scan->sections > SCAN_SECTIONS_MAX)
			return scan_fail(scan, f, "more than %d sections",
			    SCAN_SECTIONS_MAX);
		*vec_push(&scan->open) = i;
		return WEIR_OK;
	}
	if (scan->open.n <= f->opened)
		return scan_fail(scan, f, "} closes nothing");
	open = scan->open.v[--scan->open.n];
	scan->tokens.v[open].pair = i;
	scan->tokens.v[i].pair = open;
	return WEIR_OK;
}

/* scan_include - the last four tokens may be include("file"): follow it */
static int
scan_include(struct scan *scan, const struct scan_file *f)
{
	size_t i = scan->tokens.n;
	struct err err;
	char *name;
	int file;

	if (i < 4 || scan->tokens.v[i - 4].kind != SCAN_WORD ||
	    strcmp(scan->tokens.v[i - 4].text, "include") != 0 ||
	    scan->tokens.v[i - 3].kind != '(' || !scan_is_text(scan, i - 2) ||
	    scan_kind(scan, i - 5) == '=' || scan_kind(scan, i - 5) == ',')
		return scan_fail(scan, f,
		    "parentheses only stand in include(\"file\")");
	name = scan->tokens.v[i - 2].text;
	scan->tokens.n -= 4;
	if (f->depth == CONF_NEST_MAX)
		return scan_fail(scan, f, "can't include %s: more than %d "
		    "includes inside each other", name, CONF_NEST_MAX);
	if (scan->files == CONF_FILES_MAX)
		return scan_fail(scan, f, "can't include %s: more than %d "
		    "files in all", name, CONF_FILES_MAX);
	file = snapshot_include(scan->snap, f->file, name, &err);
	if (file < 0)
		return scan_fail(scan, f, "%s", err.text);
	return scan_text(scan, (unsigned)file, f->depth + 1);
}

/* scan_is_wordly - may it stand in a word without quotes */
static bool
scan_is_wordly(char c)
{
	return (unsigned char)c > 0x20 && c != 0x7f &&
	    strchr("#\"'{}()=,;*+$\\", c) == NULL;
}

/* scan_token - read one token or comment; p is not at the end */
static int
scan_token(struct scan *scan, struct scan_file *f)
{
	const char *start = f->p;
	char c = *f->p++, next = f->p < f->end ? *f->p : '\0';
	int rc;

	if (c == '#' || (c == '/' && next == '/')) {
		while (f->p < f->end && *f->p != '\n')
			f->p++;
		return WEIR_OK;
	}
	if (c == '/' && next == '*') {
		f->p++;
		return scan_comment(scan, f);
	}
	if (c == '"' || c == '\'')
		return scan_string(scan, f, c);
	if (strchr("{}()=,", c) != NULL) {
		rc = scan_push(scan, f, c, start, 1);
		if (rc == WEIR_OK && (c == '{' || c == '}'))
			rc = scan_brace(scan, f);
		if (rc == WEIR_OK && c == ')')
			rc = scan_include(scan, f);
		return rc;
	}
	if (c == '+' && next == '=')
		return scan_fail(scan, f,
		    "+= is not known: write the whole list");
	if (!scan_is_wordly(c))
		return scan_fail(scan, f, "unexpected \"%c\"%s", c,
		    c == ';' ? ": a statement ends without it" :
			       ": it needs quotes");
	while (f->p < f->end && scan_is_wordly(*f->p))
		f->p++;
	return scan_push(scan, f, SCAN_WORD, start, (size_t)(f->p - start));
}

/* scan_check - refuse octets that have no place in the text */
static int
scan_check(const struct scan *scan, unsigned file)
{
	struct scan_file f = { .file = file, .line = 1 };
	weir_str s = snapshot_text(scan->snap, file);
	size_t start = 0;

	for (size_t i = 0; i <= s.len; i++) {
		unsigned char c = i < s.len ? (unsigned char)s.ptr[i] : '\n';

		if ((c < 0x20 || c == 0x7f) && c != '\n' && c != '\t' &&
		    (c != '\r' || i + 1 == s.len || s.ptr[i + 1] != '\n'))
			return scan_fail(scan, &f,
			    "control character \\x%02x", c);
		if (c != '\n')
			continue;
		if (!text_is_utf8((weir_str){ s.ptr + start, i - start }))
			return scan_fail(scan, &f, "text is not UTF-8");
		start = i + 1;
		f.line++;
	}
	return WEIR_OK;
}

/* scan_text - cut one file */
static int
scan_text(struct scan *scan, unsigned file, unsigned depth)
{
	weir_str s = snapshot_text(scan->snap, file);
	struct scan_file f = { s.ptr, s.ptr + s.len, file, 1, depth,
		scan->open.n };
	int rc = scan_check(scan, file);

	scan->files++;
	/* editors of other systems leave a byte order mark */
	if (text_has_prefix(s, "\xef\xbb\xbf"))
		f.p += 3;
	while (rc == WEIR_OK && f.p < f.end) {
		if (*f.p == '\n')
			f.line++;
		if (text_is_space(*f.p))
			f.p++;
		else
			rc = scan_token(scan, &f);
	}
	if (rc == WEIR_OK && scan->open.n > f.opened) {
		f.line = scan->tokens.v[scan->open.v[scan->open.n - 1]].line;
		rc = scan_fail(scan, &f, "{ is not closed");
	}
	return rc;
}

/* scan_run - cut the main file and all that it includes */
int
scan_run(struct scan *scan, struct conf_snapshot *snap, struct pool *pool,
    struct conf_report *report)
{
	memset(scan, 0, sizeof(*scan));
	scan->snap = snap;
	scan->pool = pool;
	scan->report = report;
	return scan_text(scan, 0, 0);
}

/* scan_fini - free the tokens */
void
scan_fini(struct scan *scan)
{
	vec_fini(&scan->tokens);
	vec_fini(&scan->open);
}

/* scan_kind - what token i is; 0 past either end */
char
scan_kind(const struct scan *scan, size_t i)
{
	return i < scan->tokens.n ? scan->tokens.v[i].kind : '\0';
}

/* scan_is_text - is it a word or a string */
bool
scan_is_text(const struct scan *scan, size_t i)
{
	char kind = scan_kind(scan, i);

	return kind == SCAN_WORD || kind == SCAN_STRING;
}

/* scan_is_word - is it this very word */
bool
scan_is_word(const struct scan *scan, size_t i, const char *word)
{
	return scan_is_text(scan, i) &&
	    strcmp(scan->tokens.v[i].text, word) == 0;
}

/* scan_statement_end - last token of: name = value, name = {...},
   name {...}, name title {...}; the name itself if it is none of them */
size_t
scan_statement_end(const struct scan *scan, size_t i)
{
	size_t value = i + 1;

	if (scan_kind(scan, value) == '=')
		value++;
	else if (scan_is_text(scan, value) && scan_kind(scan, value + 1) == '{')
		value++;
	if (scan_kind(scan, value) == '{')
		return scan->tokens.v[value].pair;
	if (value == i + 2 && scan_is_text(scan, value))
		return value;
	return i;
}

/* scan_section_name - the name in front of a section's brace */
size_t
scan_section_name(const struct scan *scan, size_t i)
{
	/* name { or name title {: what stands before a name is a value, a
	   brace or nothing; only a title stands right behind a name */
	size_t name = i > 0 ? i - 1 : i;

	if (name > 0 && scan_is_text(scan, name - 1) &&
	    !(name > 1 && (scan_kind(scan, name - 2) == '=')))
		name--;
	return name;
}
