/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - the options of a module as JSON that any program can use.
 *
 * Other than dump's JSON it is not meant to be read by people: durations are
 * milliseconds, sizes octets, secrets are there.  What is not set is null.
 */
#ifndef WEIR_CONF_PLAIN_H
#define WEIR_CONF_PLAIN_H

#include <stddef.h>

#include "conf/section.h"

/* One JSON object on one line, with a NUL behind it; the caller frees it.
   Sections become {"TITLE": {...}}. [any] */
char *conf_plain(const struct weir_conf *section);

#endif
