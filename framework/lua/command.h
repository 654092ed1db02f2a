/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - weirctl rules list, stats, shadow. In create. */
#ifndef WEIR_LUA_COMMAND_H
#define WEIR_LUA_COMMAND_H

#include "lua/rules.h"

void command_init(struct rules *r);

#endif
