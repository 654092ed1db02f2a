/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drive_expect - does the record of a mail hold what a case expects. */
#ifndef WEIR_DRIVE_EXPECT_H
#define WEIR_DRIVE_EXPECT_H

#include <jansson.h>

#include "base/buf.h"
#include "drive_case.h"

/* true: it does.  false: why says what was there instead.  record: of the last
   mail; log: all lines since the case began.  WEIR_EXPECT_STORE and the like
   are not for here: see drive_expect_is_store. */
bool drive_expect(const struct case_step *s, const json_t *record,
    weir_str log, struct buf *why);
/* Is the statement one that drive_expect understands?  NULL, or what is wrong
   with it. */
const char *drive_expect_bad(const struct case_step *s);
bool drive_expect_is(const struct case_step *s, const char *what);

#endif
