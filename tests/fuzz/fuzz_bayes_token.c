/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_bayes_token - a mail, or an mbox, into tokens: the same twice. */
#include <stdlib.h>

#include "../../modules/bayes/files.h"
#include "../../modules/bayes/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* one - files_fn */
static bool
one(const char *name, weir_str raw, void *arg)
{
	(void)name;
	token_read(arg, raw);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tokens *t;
	weir_str raw = { (const char *)data, size };
	struct files f = { .fn = one };
	uint64_t id[2];
	unsigned n;

	if (t == NULL)
		t = tokens_create();
	t->named = true;
	token_read(t, raw);
	memcpy(id, t->id, sizeof(id));
	n = t->n;
	t->named = false;
	token_read(t, raw);
	if (n != t->n || n > TOKEN_MAX || memcmp(id, t->id, sizeof(id)) != 0)
		abort();
	f.arg = t;
	files_split(&f, "fuzz", raw);
	return 0;
}
