/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive_diff - what the changes of a plan do to a message, as a unified diff.
 *
 * The plan (mail/edit.h) is carried out as an MTA would: one request after
 * another on the header as it is by then.  Octets that a terminal should not
 * see are escaped.
 */
#ifndef WEIR_DRIVE_DIFF_H
#define WEIR_DRIVE_DIFF_H

#include <stdint.h>

#include "base/buf.h"
#include "drive_mail.h"
#include "mail/edit.h"

/* Append the diff of header and body; nothing if they stay as they are.
   name: of the message, for the first two lines. */
void drive_diff_message(const struct drive_mail *m, struct edit *const *plan,
    uint32_t nplan, const char *name, struct buf *out);
/* Append the hunks between two texts. */
void drive_diff_lines(const weir_str *a, size_t na, const weir_str *b,
    size_t nb, struct buf *out);
/* Append s, safe to print but for tabs, of any length. */
void drive_diff_escape(weir_str s, struct buf *out);

#endif
