/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edit_text - texts of rules as header values: no line end gets in, what is
 * not ASCII becomes RFC 2047 words, long values are folded.
 */
#ifndef WEIR_LUA_EDIT_TEXT_H
#define WEIR_LUA_EDIT_TEXT_H

#include <weir/types.h>

#include "lua/round.h"

bool edit_text_is_name(weir_str name);
/* Room that edit_text_value may need, the NUL included. */
size_t edit_text_room(weir_str text);
/* UTF-8 (or anything) to a header value; returns its length. */
size_t edit_text_value(weir_str text, char *out);
/* Put a text in front of each Subject that does not begin with it. */
int edit_text_subject(struct round *round, weir_str prefix);

#endif
