/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_descriptor - a module's descriptor whose every octet is the input's.
 *
 * The head is the input's first octets; tables, rows and symbols lie in blocks
 * that are exactly as large as the sizes in them say, so that a reader that
 * goes too far is seen.  Addresses are the only thing that is always good:
 * nobody could check those.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/pool.h"
#include "conf/desc.h"
#include "host/accept.h"
#include "host/oldest.h"
#include "host/test_nothing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS 512

static void *blocks[BLOCKS];
static unsigned nblocks;
static const uint8_t *in;
static size_t left;

/* take - so many octets of the input; zeros behind its end */
static void
take(void *out, size_t n)
{
	size_t have = n < left ? n : left;

	memset(out, 0, n);
	memcpy(out, in, have);
	in += have;
	left -= have;
}

/* draw - one octet */
static unsigned
draw(void)
{
	uint8_t c;

	take(&c, 1);
	return c;
}

/* block - memory of exactly that size, filled by the input */
static void *
block(size_t size)
{
	void *p;

	if (nblocks == BLOCKS)
		abort();
	p = blocks[nblocks++] = malloc(size > 0 ? size : 1);
	if (p == NULL)
		abort();
	take(p, size);
	return p;
}

/* text - a string of the input, one of ours, or NULL */
static const char *
text(void)
{
	static const char *const ours[] = { NULL, "", "a", "one", "ONE",
		"x-y", "fuzz", "a|b", "10", "5m", "10.0.0.0/8", "no", "-1",
		"A sentence." };
	unsigned n = draw();
	char *s;

	if (n < sizeof(ours) / sizeof(*ours))
		return ours[n];
	n %= 70;
	s = block(n + 1);
	s[n] = '\0';
	return s;
}

/* rows - option rows at the descriptor's stride, the last one without name */
static const struct weir_option *
rows(size_t stride, unsigned depth)
{
	unsigned n = draw() % 4;
	char *p;

	/* a reader must have refused by then */
	if (stride < OLDEST_OPTION || stride > 2048)
		return block(1);
	p = block((n + 1) * stride);
	for (unsigned i = 0; i <= n; i++) {
		struct weir_option o;

		memcpy(&o, p + i * stride, OLDEST_OPTION);
		o.type %= 16;
		o.name = i < n ? text() : NULL;
		o.fallback = text();
		o.lo = text();
		o.hi = text();
		o.choices = text();
		o.help = text();
		o.rows = depth < 2 && o.type == WEIR_OPT_SECTION ?
		    rows(stride, depth + 1) : NULL;
		if (i < n && o.name == NULL)
			o.name = "one";
		memcpy(p + i * stride, &o, OLDEST_OPTION);
	}
	return (const struct weir_option *)(void *)p;
}

/* symbols - the same for symbols */
static const struct weir_symbol *
symbols(size_t stride)
{
	unsigned n = draw() % 4;
	char *p;

	if (stride < OLDEST_SYMBOL || stride > 2048)
		return block(1);
	p = block((n + 1) * stride);
	for (unsigned i = 0; i <= n; i++) {
		struct weir_symbol s;

		memcpy(&s, p + i * stride, OLDEST_SYMBOL);
		s.name = i < n ? text() : NULL;
		s.help = text();
		if (i < n && s.name == NULL)
			s.name = "ONE";
		memcpy(p + i * stride, &s, OLDEST_SYMBOL);
	}
	return (const struct weir_symbol *)(void *)p;
}

/* sized - a table that begins with its size, which is the input's */
static void *
sized(size_t oldest)
{
	uint32_t size = (uint32_t)oldest;
	unsigned how = draw();
	char *p;

	if (how >= 128)
		take(&size, sizeof(size));
	else
		size += 8 * (how % 8);
	p = block(size <= 2048 && size >= sizeof(size) ? size : sizeof(size));
	memcpy(p, &size, sizeof(size));
	return p;
}

/* helpers - up to two, whose functions are there or not */
static const struct weir_helper *const *
helpers(void)
{
	static const struct weir_helper *list[3];
	unsigned n = draw() % 3;

	memset(list, 0, sizeof(list));
	for (unsigned i = 0; i < n; i++) {
		char *p = sized(OLDEST_HELPER);
		struct weir_helper h;

		memcpy(&h, p, sizeof(h.size));
		if (h.size >= OLDEST_HELPER && h.size <= 2048) {
			memcpy(&h, p, OLDEST_HELPER);
			h.name = text();
			h.init = draw() != 0 ? nothing_init : NULL;
			h.run = draw() != 0 ? nothing_run : NULL;
			h.threads %= 70;
			h.processes %= 20;
			h.program = draw() % 4 == 1 ? text() : NULL;
			if (draw() % 2 == 1)
				h.fini = NULL;
			memcpy(p, &h, OLDEST_HELPER);
		}
		list[i] = (const struct weir_helper *)(void *)p;
	}
	return list;
}

/* module - the descriptor, as large as it says */
static const struct weir_module *
module(void)
{
	static const struct weir_module head = { WEIR_MODULE_HEAD };
	static const char *needs[2];
	struct weir_module m = head;
	unsigned how = draw();
	size_t octets;
	char *p;

	/* some heads are right, some nearly, some not at all */
	if (how < 64)
		take(&m, offsetof(struct weir_module, id));
	else if (how < 128)
		((unsigned char *)&m)[draw() %
		    offsetof(struct weir_module, id)] = (unsigned char)draw();
	if (how % 2 == 0)
		m.magic = WEIR_MAGIC;
	m.id = text();
	m.name = how % 4 == 0 ? text() : "fuzz";
	m.version = text();
	m.license = text();
	m.summary = text();
	m.options = draw() % 4 != 0 ? rows(m.stride_option, 0) : NULL;
	m.symbols = draw() % 4 != 0 ? symbols(m.stride_symbol) : NULL;
	needs[0] = draw() % 2 != 0 ? text() : WEIR_EXT_DNS;
	m.needs = needs;
	m.collect = draw() % 2 != 0 ? sized(OLDEST_STAGES) : NULL;
	m.act = draw() % 4 == 0 ? sized(OLDEST_STAGES) : NULL;
	m.create = draw() != 0 ? nothing_create : NULL;
	m.helpers = draw() % 2 != 0 ? helpers() : NULL;
	take(&m.timeout_ms, sizeof(m.timeout_ms));
	if (how % 8 != 0)
		m.timeout_ms = 0;
	octets = m.size < 8 ? 8 : m.size > 4096 ? sizeof(m) : m.size;
	p = block(octets);
	memcpy(p, &m, octets < sizeof(m) ? octets : sizeof(m));
	return (const struct weir_module *)(void *)p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool *pool = pool_create(4096, 0);
	struct err err = { "" };
	struct weir_module *m;

	in = data;
	left = size;
	m = accept_descriptor(module(), "fuzz", pool, &err);
	if (m == NULL && err.text[0] == '\0')
		abort();
	if (m != NULL) {
		/* what was accepted holds what the host relies on */
		if (m->create == NULL || strcmp(m->name, "fuzz") != 0 ||
		    m->on_failure > WEIR_ON_FAILURE_PASS)
			abort();
		desc_check(m, "fuzz", &err);
	}
	pool_destroy(&pool);
	while (nblocks > 0)
		free(blocks[--nblocks]);
	return 0;
}
