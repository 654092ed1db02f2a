/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_replay - decide recorded sessions again, with another
   configuration. */
#ifndef WEIR_CTL_WEIRCTL_REPLAY_H
#define WEIR_CTL_WEIRCTL_REPLAY_H

#include <jansson.h>

#include "conf/core.h"
#include "drive.h"
#include "replay/tape.h"

#define REPLAY_USAGE "replay [--config NEW] [--since TIME] [--from DIR] " \
	"[--limit N] [-v]"

/* A recorded session and what becomes of it now. */
struct replay {
	struct tape *was, *now;
	bool stopped; /* it would go on, behind what was recorded */
	int stage;    /* where it ended */
	VEC(struct drive_rcpt) rcpts; /* as in was */
};

/* What becomes of one recipient, or of the session if it has none. */
struct replay_fate {
	weir_str address; /* "" : of the session */
	const char *old_verdict, *new_verdict;
	bool differs;
	uint32_t rcpt, rcpt_now; /* index in was and now, or WEIR_RCPT_NONE */
};

/* Play was; takes nothing over. */
void replay_play(struct replay *r, struct tape *was, const struct conf *conf);
void replay_fini(struct replay *r);

size_t replay_fates(const struct replay *r); /* at least one */
void replay_fate(const struct replay *r, size_t i, struct replay_fate *out);
/* The decision as JSON: session, recipient, old and new with reasons, findings
   that changed, why it is uncertain. */
json_t *replay_json(const struct replay *r, const struct replay_fate *f);
/* The same for people. */
void replay_text(const json_t *decision, struct buf *out);

#endif
