/* SPDX-License-Identifier: GPL-2.0-or-later */
/* links - absolute URLs in plain text, and what a browser makes of a href.
   Pure functions; time linear in the text. */
#ifndef WEIR_MAIL_LINKS_H
#define WEIR_MAIL_LINKS_H

#include <stdbool.h>

#include <weir/types.h>

#include "base/buf.h"

/* url is valid during the call only */
typedef void (*links_fn)(weir_str url, void *arg);

/* Call fn for each http, https and ftp URL, and each "www." name as http. */
void links_find(weir_str utf8, links_fn fn, void *arg);

/* An attribute value as an absolute URL: blanks and line ends out, backslashes
   and missing slashes as browsers read them, "//host" as http, relative ones
   joined with base ("" for none).  False: it leads nowhere outside. */
bool links_absolute(weir_str value, weir_str base, struct buf *out);

#endif
