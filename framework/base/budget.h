/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * budget - the process-wide cap on memory that peers can make us use.
 *
 * Message spools and decoded parts are taken from it before they are
 * allocated.  Over the cap the answer is no: new mail gets a 4xx and nothing
 * grows.  Loop thread only.
 */
#ifndef WEIR_BASE_BUDGET_H
#define WEIR_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

void budget_limit(size_t octets); /* 0: none */
bool budget_take(size_t octets);  /* false: over the cap, nothing taken */
void budget_give(size_t octets);
/* could it ever be taken */
bool budget_fits(size_t octets);
size_t budget_used(void);
/* is there room for a new message at all (90 % used means no) */
bool budget_is_open(void);

#endif
