/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * html - HTML of a mail as the text a reader sees, and its links.
 *
 * libxml2's SAX push parser, without a tree, network, or document types.  Deep
 * nesting is cut into stretches, so that time stays linear in the input.  Text
 * that is not shown (script, style, display:none, size 0) is left out; links
 * in it are not.  Loop thread only.
 */
#ifndef WEIR_MAIL_HTML_H
#define WEIR_MAIL_HTML_H

#include <weir/types.h>

#include "base/buf.h"
#include "mail/links.h"

/* Once in a process; mime_init and mime_fini call them. */
void html_init(void);
void html_fini(void);

/* Append the text to out; call fn for each absolute link.  The text is never
   longer than the input. */
void html_read(weir_str utf8, struct buf *out, links_fn fn, void *arg);

/* The charset that a document declares in its first 1024 octets, or "". */
weir_str html_charset(weir_str html);

#endif
