/* SPDX-License-Identifier: GPL-2.0-only */
/* clamd_reply - what a clamd answers to INSTREAM and FILDES. */
#ifndef MODULE_ANTIVIRUS_CLAMD_REPLY_H
#define MODULE_ANTIVIRUS_CLAMD_REPLY_H

#include "result.h"

#define CLAMD_REPLY_MAX 4096u

/* Note what a whole reply says: lines that end in NUL or LF, each
   "WHAT: OK", "WHAT: NAME FOUND" or "TEXT ERROR".  Anything else, and no line
   at all, is a failure. */
void clamd_reply_read(weir_str reply, struct av_result *out);

#endif
