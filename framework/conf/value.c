/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define VALUE_DURATION_MAX (INT64_C(36525) * 86400 * 1000) /* 100 years */
#define VALUE_SIZE_MAX (INT64_C(1) << 62)
#define VALUE_CHOICES_MAX 32

struct value_unit {
	const char *name;
	int64_t factor;
};

/* largest first: a value names each at most once, in this order */
static const struct value_unit value_durations[] = {
	{ "w", 7 * 86400000 }, { "d", 86400000 }, { "h", 3600000 },
	{ "m", 60000 }, { "s", 1000 }, { "ms", 1 }
};

static const struct value_unit value_sizes[] = {
	{ "T", INT64_C(1) << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 },
	{ "k", 1 << 10 }
};

#define VALUE_N(a) (sizeof(a) / sizeof((a)[0]))

/* value_bool_parse - yes or no */
int
value_bool_parse(const char *text, bool *out, struct err *err)
{
	static const char *const words[] = { "no", "yes", "false", "true",
		"off", "on" };

	for (size_t i = 0; i < VALUE_N(words); i++) {
		if (text_case_equals(text_slice(text), words[i])) {
			*out = i % 2 == 1;
			return WEIR_OK;
		}
	}
	return err_set(err, WEIR_E_INVAL, "is neither yes nor no");
}

/* value_digits - read an unsigned number; NULL when there is none or it is
   beyond int64_t */
static const char *
value_digits(const char *p, int64_t *out)
{
	int64_t n = 0;

	if (!text_is_digit(*p))
		return NULL;
	for (; text_is_digit(*p); p++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *p - '0', &n))
			return NULL;
	}
	*out = n;
	return p;
}

/* value_int_parse - a whole number, decimal */
int
value_int_parse(const char *text, int64_t *out, struct err *err)
{
	bool negative = *text == '-';
	const char *end = value_digits(text + negative, out);

	if (end == NULL || *end != '\0')
		return err_set(err, WEIR_E_INVAL, "is not a whole number");
	if (negative)
		*out = -*out;
	return WEIR_OK;
}

/* value_real_parse - a decimal number */
int
value_real_parse(const char *text, double *out, struct err *err)
{
	char *end;

	/* strtod also knows hexadecimal, inf and nan: not here */
	if (strspn(text, "0123456789.eE-") == strlen(text) &&
	    text[strcspn(text, "0123456789")] != '\0') {
		*out = strtod(text, &end);
		if (*end == '\0' && isfinite(*out))
			return WEIR_OK;
	}
	return err_set(err, WEIR_E_INVAL, "is not a number");
}

/* value_duration_parse - numbers with units, largest unit first */
int
value_duration_parse(const char *text, int64_t *out, struct err *err)
{
	const char *p = text;
	size_t next = 0, len, i;
	int64_t n, part;

	*out = 0;
	if (strcmp(text, "0") == 0)
		return WEIR_OK;
	if (*text == '\0')
		return err_set(err, WEIR_E_INVAL, "is no duration");
	for (; *p != '\0'; p += len) {
		p = value_digits(p, &n);
		if (p == NULL)
			return err_set(err, WEIR_E_INVAL,
			    "is no duration such as 500ms, 5m or 1h30m");
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz");
		if (len == 0)
			return err_set(err, WEIR_E_INVAL,
			    "lacks a unit (ms, s, m, h, d or w)");
		for (i = next; i < VALUE_N(value_durations); i++) {
			if (strlen(value_durations[i].name) == len &&
			    memcmp(p, value_durations[i].name, len) == 0)
				break;
		}
		if (i == VALUE_N(value_durations))
			return err_set(err, WEIR_E_INVAL,
			    "is no duration such as 500ms, 5m or 1h30m");
		next = i + 1;
		if (__builtin_mul_overflow(n, value_durations[i].factor,
			&part) ||
		    __builtin_add_overflow(*out, part, out) ||
		    *out > VALUE_DURATION_MAX)
			return err_set(err, WEIR_E_INVAL,
			    "is longer than 100 years");
	}
	return WEIR_OK;
}

/* value_size_parse - a number with at most one unit */
int
value_size_parse(const char *text, int64_t *out, struct err *err)
{
	const char *p = value_digits(text, out);

	if (p != NULL && *p == '\0')
		return WEIR_OK;
	for (size_t i = 0; p != NULL && i < VALUE_N(value_sizes); i++) {
		if (text_lower(*p) != text_lower(value_sizes[i].name[0]) ||
		    p[1] != '\0')
			continue;
		if (*out > VALUE_SIZE_MAX / value_sizes[i].factor)
			return err_set(err, WEIR_E_INVAL, "is too large");
		*out *= value_sizes[i].factor;
		return WEIR_OK;
	}
	return err_set(err, WEIR_E_INVAL,
	    "is no size such as 4096, 64k, 10M or 1G");
}

/* value_enum_word - the index-th word of "a|b|c" */
weir_str
value_enum_word(const char *choices, int64_t index)
{
	const char *p = choices != NULL ? choices : "";

	for (; index > 0 && *p != '\0'; index--) {
		p += strcspn(p, "|");
		p += *p == '|';
	}
	return (weir_str){ p, index < 0 ? 0 : strcspn(p, "|") };
}

/* value_enum_parse - find the word among the choices */
int
value_enum_parse(const char *choices, const char *text, int64_t *out,
    struct err *err)
{
	char words[VALUE_CHOICES_MAX][64], all[256] = "";
	const char *list[VALUE_CHOICES_MAX + 1], *near;
	size_t n = 0, len = 0;

	for (; n < VALUE_CHOICES_MAX; n++) {
		weir_str w = value_enum_word(choices, (int64_t)n);

		if (w.len == 0)
			break;
		if (text_equals(w, text)) {
			*out = (int64_t)n;
			return WEIR_OK;
		}
		snprintf(words[n], sizeof(words[n]), "%.*s", (int)w.len, w.ptr);
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
			    "%s%s", n != 0 ? ", " : "", words[n]);
		list[n] = words[n];
	}
	list[n] = NULL;
	near = text_nearest(text, list);
	if (near != NULL)
		return err_set(err, WEIR_E_INVAL,
		    "is none of %s (did you mean \"%s\"?)", all, near);
	return err_set(err, WEIR_E_INVAL, "is none of %s", all);
}

/* value_real_print - the shortest text that reads back equal */
void
value_real_print(double v, struct buf *out)
{
	bool plain = v == 0 || (fabs(v) >= 1e-4 && fabs(v) < 1e15);
	char text[40];

	/* %g would write 10 as 1e+01 with the one digit that it needs */
	for (int digits = 0; digits <= 20; digits++) {
		if (plain)
			snprintf(text, sizeof(text), "%.*f", digits, v);
		else
			snprintf(text, sizeof(text), "%.*g", digits + 1, v);
		if (strtod(text, NULL) == v)
			break;
	}
	for (char *p = text; *p != '\0'; p++) {
		if (*p != '+') /* 1e+20: the file's words know no + */
			buf_add_char(out, *p);
	}
}

/* value_duration_print - as value_duration_parse reads it */
void
value_duration_print(int64_t ms, struct buf *out)
{
	if (ms == 0)
		buf_add_char(out, '0');
	/* weeks are read but not written: people count in days */
	for (size_t i = 1; i < VALUE_N(value_durations); i++) {
		int64_t n = ms / value_durations[i].factor;

		if (n != 0)
			buf_printf(out, "%lld%s", (long long)n,
			    value_durations[i].name);
		ms -= n * value_durations[i].factor;
	}
}

/* value_size_print - with the largest unit that divides it */
void
value_size_print(int64_t octets, struct buf *out)
{
	for (size_t i = 0; octets != 0 && i < VALUE_N(value_sizes); i++) {
		if (octets % value_sizes[i].factor == 0) {
			buf_printf(out, "%lld%s",
			    (long long)(octets / value_sizes[i].factor),
			    value_sizes[i].name);
			return;
		}
	}
	buf_printf(out, "%lld", (long long)octets);
}

/* value_string_print - quoted for the file */
void
value_string_print(const char *text, struct buf *out)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '\n':
			buf_add_str(out, "\\n");
			break;
		case '\r':
			buf_add_str(out, "\\r");
			break;
		case '\t':
			buf_add_str(out, "\\t");
			break;
		case '"':
		case '\\':
			buf_add_char(out, '\\');
			/* fall through */
		default:
			buf_add_char(out, *text);
		}
	}
	buf_add_char(out, '"');
}

/* value_type_name - what a person calls the type */
const char *
value_type_name(uint32_t type)
{
	switch (type) {
	case WEIR_OPT_BOOL:
		return "yes or no";
	case WEIR_OPT_INT:
		return "whole number";
	case WEIR_OPT_REAL:
		return "number";
	case WEIR_OPT_DURATION:
		return "duration";
	case WEIR_OPT_SIZE:
		return "size";
	case WEIR_OPT_STRING:
		return "string";
	case WEIR_OPT_ENUM:
		return "word";
	case WEIR_OPT_LIST:
		return "list";
	case WEIR_OPT_PATH:
		return "path";
	case WEIR_OPT_NETLIST:
		return "list of networks";
	case WEIR_OPT_SECTION:
		return "section";
	default:
		return "unknown type";
	}
}

/* value_is_number - is it one number */
bool
value_is_number(uint32_t type)
{
	return (type >= WEIR_OPT_BOOL && type <= WEIR_OPT_SIZE) ||
	    type == WEIR_OPT_ENUM;
}

/* value_raw_parse - by type, without bounds */
static int
value_raw_parse(const struct weir_option *row, const char *text, int64_t *num,
    double *real, struct err *err)
{
	bool b = false;
	int rc;

	switch (row->type) {
	case WEIR_OPT_BOOL:
		rc = value_bool_parse(text, &b, err);
		*num = b;
		return rc;
	case WEIR_OPT_INT:
		return value_int_parse(text, num, err);
	case WEIR_OPT_REAL:
		return value_real_parse(text, real, err);
	case WEIR_OPT_DURATION:
		return value_duration_parse(text, num, err);
	case WEIR_OPT_SIZE:
		return value_size_parse(text, num, err);
	case WEIR_OPT_ENUM:
		return value_enum_parse(row->choices, text, num, err);
	default:
		return err_set(err, WEIR_E_INVAL, "is no number");
	}
}

/* value_number_parse - by type, within the row's bounds */
int
value_number_parse(const struct weir_option *row, const char *text,
    int64_t *num, double *real, struct err *err)
{
	int rc;

	*num = 0;
	*real = 0;
	rc = value_raw_parse(row, text, num, real, err);
	for (int i = 0; rc == WEIR_OK && i < 2; i++) {
		const char *bound = i == 0 ? row->lo : row->hi;
		int64_t n = 0;
		double r = 0;

		if (bound == NULL || row->type == WEIR_OPT_BOOL ||
		    row->type == WEIR_OPT_ENUM)
			continue;
		if (value_raw_parse(row, bound, &n, &r, NULL) != WEIR_OK)
			return err_set(err, WEIR_E_INVAL,
			    "can't be checked: bound %s is malformed", bound);
		if (i == 0 ? *num < n || *real < r : *num > n || *real > r)
			return err_set(err, WEIR_E_INVAL, "is %s than %s",
			    i == 0 ? "less" : "more", bound);
	}
	return rc;
}
