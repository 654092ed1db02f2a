/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roster.h - org.weir.example.roster/1: is an address one of ours?
 *
 * The contract of two modules: mod_roster provides the table, mod_vouch and
 * whoever else has this file uses it.  What is provided under the number 1
 * never changes its members; it may get more at the end, which is what size is
 * for.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <weir/weir.h>

#define ROSTER_SERVICE "org.weir.example.roster/1"

struct roster {
	uint32_t size; /* sizeof(struct roster), as provided */
	uint32_t reserved0;
	/* 1 if the address is on the roster, else 0. state: as
	   weir_service.find gave it. [loop] */
	int (*has)(void *state, weir_str address);
	/* ---- end of version 1 ---- */
};

#endif
