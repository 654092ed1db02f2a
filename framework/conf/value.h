/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * value - single values of the configuration: text to number and back.
 *
 * Parsers take text as a person writes it and fill err with the end of a
 * sentence that begins with the value ("is not a whole number"), so that the
 * caller decides whether the value itself may be shown.  Printers give text
 * that the parser reads back to the same value. [any]
 */
#ifndef WEIR_CONF_VALUE_H
#define WEIR_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/option.h>

#include "base/buf.h"
#include "base/err.h"

/* yes | no, true | false, on | off */
int value_bool_parse(const char *text, bool *out, struct err *err);
int value_int_parse(const char *text, int64_t *out, struct err *err);
int value_real_parse(const char *text, double *out, struct err *err);
/* "500ms" "1h30m" "2d", "0": milliseconds, at most 100 years */
int value_duration_parse(const char *text, int64_t *out, struct err *err);
/* "4096" "64k" "1G": octets, powers of 1024 */
int value_size_parse(const char *text, int64_t *out, struct err *err);
/* index of the word in "a|b|c" */
int value_enum_parse(const char *choices, const char *text, int64_t *out,
    struct err *err);
/* the word at the index; "" if there is none */
weir_str value_enum_word(const char *choices, int64_t index);

void value_real_print(double v, struct buf *out);
void value_duration_print(int64_t ms, struct buf *out);
void value_size_print(int64_t octets, struct buf *out);
/* in double quotes, with the escapes that the file knows */
void value_string_print(const char *text, struct buf *out);

/* A number: BOOL, INT, DURATION, SIZE and ENUM into *num, REAL into *real,
   each checked against the row's bounds. */
int value_number_parse(const struct weir_option *row, const char *text,
    int64_t *num, double *real, struct err *err);
/* Is a value of this type one number? */
bool value_is_number(uint32_t type);
/* "a whole number", for messages and the manual; never NULL */
const char *value_type_name(uint32_t type);

#endif
