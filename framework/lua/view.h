/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view - the mail as the declared rules of one round see it: read and decoded
 * once, scores as they were when the round began.  Slices live as long as the
 * message.  Loop thread.
 */
#ifndef WEIR_LUA_VIEW_H
#define WEIR_LUA_VIEW_H

#include "base/ip.h"
#include "lua/round.h"

struct view *view_create(struct round *round);
void view_free(struct view **view);

weir_str view_sender(struct view *view);
weir_str view_rcpt(struct view *view, uint32_t rcpt); /* "" if refused */
weir_str view_client(struct view *view); /* its address, or "" */
bool view_client_in(struct view *view, const struct ip_net *net);
int64_t view_wall_ms(const struct view *view);
double view_score(struct view *view, uint32_t rcpt);
bool view_symbol(struct view *view, const char *symbol, uint32_t rcpt);
/* The i-th field of that name, decoded; false: there is none. */
bool view_field(struct view *view, const char *name, uint32_t i,
    weir_str *value);
uint32_t view_parts(struct view *view);
bool view_part_field(struct view *view, uint32_t part, const char *name,
    weir_str *value);
weir_str view_part_type(struct view *view, uint32_t part);
bool view_part_name(struct view *view, uint32_t part, uint32_t i,
    weir_str *name);

#endif
