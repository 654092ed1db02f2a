/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work/helper_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAGIC 0x31505357u /* "WSP1" */

/* The numbers of a spec as they travel; strings follow, each with its
   length before it. */
struct helper_spec_head {
	uint32_t magic;
	uint32_t index, flags, threads, processes, init_ms;
	uint64_t memory, stamp;
	uint32_t n_readable;
	uint32_t reserved;
};

/* helper_spec_put_text - one string */
static void
helper_spec_put_text(struct buf *out, const char *text)
{
	uint32_t len = text != NULL ? (uint32_t)strlen(text) : 0;

	buf_add(out, &len, sizeof(len));
	if (len > 0)
		buf_add(out, text, len);
}

/* helper_spec_put - write it */
void
helper_spec_put(struct buf *out, const struct helper_spec *s)
{
	struct helper_spec_head h;

	memset(&h, 0, sizeof(h));
	h.magic = MAGIC;
	h.index = s->index;
	h.flags = s->flags;
	h.threads = s->threads;
	h.processes = s->processes;
	h.init_ms = s->init_ms;
	h.memory = s->memory;
	h.stamp = s->stamp;
	h.n_readable = s->n_readable;
	buf_add(out, &h, sizeof(h));
	helper_spec_put_text(out, s->module);
	helper_spec_put_text(out, s->name);
	helper_spec_put_text(out, s->path);
	helper_spec_put_text(out, s->options);
	helper_spec_put_text(out, s->program);
	helper_spec_put_text(out, s->plain);
	for (uint32_t i = 0; i < s->n_readable; i++)
		helper_spec_put_text(out, s->readable[i]);
}

/* helper_spec_get_text - one string, or NULL */
static char *
helper_spec_get_text(const char **data, size_t *len)
{
	uint32_t n;
	char *text;

	if (*len < sizeof(n))
		return NULL;
	memcpy(&n, *data, sizeof(n));
	if (n > *len - sizeof(n) || n > HELPER_SPEC_TEXT ||
	    memchr(*data + sizeof(n), '\0', n) != NULL)
		return NULL;
	text = xstrndup(*data + sizeof(n), n);
	*data += sizeof(n) + n;
	*len -= sizeof(n) + n;
	return text;
}

/* helper_spec_head_ok - numbers within what a table may say */
static bool
helper_spec_head_ok(const struct helper_spec_head *h)
{
	return h->magic == MAGIC && h->reserved == 0 &&
	    h->index < WEIR_HELPERS_MAX && h->threads >= 1 &&
	    h->threads <= WEIR_HELPER_THREADS_MAX && h->processes >= 1 &&
	    h->processes <= WEIR_HELPER_PROCESSES_MAX &&
	    h->init_ms >= 1 && h->init_ms <= 3600000 &&
	    h->n_readable <= HELPER_SPEC_PATHS;
}

/* helper_spec_get - read it */
int
helper_spec_get(const char **data, size_t *len, struct helper_spec *out)
{
	struct helper_spec_head h;
	char **texts[6] = { &out->module, &out->name, &out->path,
		&out->options, &out->program, &out->plain };
	bool ok = true;

	if (*len < sizeof(h))
		return WEIR_E_INVAL;
	memcpy(&h, *data, sizeof(h));
	if (!helper_spec_head_ok(&h))
		return WEIR_E_INVAL;
	*data += sizeof(h);
	*len -= sizeof(h);
	memset(out, 0, sizeof(*out));
	out->index = h.index;
	out->flags = h.flags;
	out->threads = h.threads;
	out->processes = h.processes;
	out->init_ms = h.init_ms;
	out->memory = h.memory;
	out->stamp = h.stamp;
	out->readable = xcalloc(h.n_readable + 1, sizeof(*out->readable));
	for (int i = 0; i < 6 && ok; i++)
		ok = (*texts[i] = helper_spec_get_text(data, len)) != NULL;
	while (ok && out->n_readable < h.n_readable) {
		char *text = helper_spec_get_text(data, len);

		out->readable[out->n_readable] = text;
		ok = text != NULL;
		out->n_readable += ok;
	}
	if (ok)
		return WEIR_OK;
	helper_spec_fini(out);
	return WEIR_E_INVAL;
}

/* helper_spec_fini - free what it holds */
void
helper_spec_fini(struct helper_spec *s)
{
	free(s->module);
	free(s->name);
	free(s->path);
	free(s->options);
	free(s->program);
	free(s->plain);
	for (uint32_t i = 0; i < s->n_readable; i++)
		free(s->readable[i]);
	free(s->readable);
	memset(s, 0, sizeof(*s));
}
