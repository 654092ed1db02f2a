/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format - text for people: columns, wrapped lines, sizes, ages; and short
 * ways to read JSON that may lack a member. [any]
 */
#ifndef WEIR_CTL_FORMAT_H
#define WEIR_CTL_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define FORMAT_WIDTH 78

/* "12.3 MiB", "3 d 4 h", "850 ms"; appended. */
void format_octets(int64_t n, struct buf *out);
void format_duration(int64_t ms, struct buf *out);
/* "2026-01-31 12:00:00 UTC" */
void format_time(int64_t wall_ms, struct buf *out);
/* Append with control characters and the like escaped: one line. */
void format_clean(const char *text, struct buf *out);
/* The same for a text of lines: newlines and tabs stay. */
void format_clean_lines(weir_str text, struct buf *out);
/* Append `text`, breaking lines at blanks before column FORMAT_WIDTH; `column`
   is where the text begins and where its next lines are indented to.  A newline
   at the end. */
void format_wrap(const char *text, size_t column, struct buf *out);
/* Fill with blanks up to a column of the line that begins at `line` (an offset
   into out), at least one. */
void format_pad(struct buf *out, size_t line, size_t column);
/* Columns that UTF-8 text takes. */
size_t format_width(const char *text);

/* The member, or "" / 0 / false / NULL when it is absent or of another type. */
const char *format_str(const json_t *o, const char *key);
int64_t format_int(const json_t *o, const char *key);
double format_real(const json_t *o, const char *key);
bool format_bool(const json_t *o, const char *key);

#endif
