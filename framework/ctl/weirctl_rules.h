/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_rules - try site rules in this process, without a daemon. */
#ifndef WEIR_CTL_WEIRCTL_RULES_H
#define WEIR_CTL_WEIRCTL_RULES_H

#include "base/vec.h"
#include "ctl/weirctl.h"
#include "lua/lint.h"
#include "lua/rules.h"

struct rules_problem {
	char *file, *text;
	int line; /* 0: none */
	bool lint;
};

/* What is wrong with rules, and the engine that read them. */
struct rules_try {
	struct rules_watch watch;
	VEC(struct rules_problem) problems;
	struct conf_snapshot *snap;
	struct conf *conf;
	bool started;
};

/* Read rules from path within the configuration that -c names (NULL: one with
   nothing but rules); lint: look for unknown names, too, and load the module
   rules alone.  Negative: said on standard error, nothing is open. */
int rules_try_begin(struct rules_try *t, const char *conf, const char *path,
    const char *zone, bool lint);
void rules_try_end(struct rules_try *t);
/* FILE:LINE: text for each, on standard error. */
void rules_try_print(const struct rules_try *t);

int weirctl_rules_test(struct weirctl *w, int argc, char **argv);

#define RULES_CHECK_USAGE "rules check [-c FILE] FILE|DIR ..."
#define RULES_TEST_USAGE "rules test [OPTION ...] FILE|DIR MAIL|DIR ..."

#endif
