/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/accept.h"

#include <math.h>
#include <string.h>

#include <weir/ext/remote.h>

#include "base/text.h"
#include "host/oldest.h"
#include "host/table.h"

#define ROWS_MAX 200
#define SYMBOLS_MAX 500
#define STRIDE_MAX 1024
#define LABEL_MAX 255 /* id, version, license, summary */
#define TEXT_MAX 65536 /* help, defaults */

/* What says who it is: in this place in every major. */
#define HEAD_SIZE \
	(offsetof(struct weir_module, stride_symbol) + sizeof(uint16_t))

/* accept_is_size - at least the oldest form, and no half member at its end */
static bool
accept_is_size(size_t size, size_t oldest, size_t most)
{
	return size >= oldest && size <= most && size % sizeof(void *) == 0;
}

/* accept_is_name - lower case, digits and '-' or '_' */
static bool
accept_is_name(const char *s, bool upper)
{
	size_t n = 0;

	for (; s != NULL && s[n] != '\0'; n++) {
		char c = s[n];

		if (n >= 63 ||
		    !(text_is_digit((unsigned char)c) || c == '_' ||
			(!upper && c == '-') ||
			(upper ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z')))
			return false;
	}
	return n > 0;
}

/* accept_is_module - module.h's promise: the file and the symbol follow from
   the name, so that '_' would not be told from '-' */
static bool
accept_is_module(const char *s)
{
	return accept_is_name(s, false) && strchr(s, '_') == NULL;
}

/* accept_is_text - UTF-8 that a terminal and JSON can take; lines: it may have
   some */
static bool
accept_is_text(const char *s, size_t most, bool lines)
{
	size_t n = strnlen(s, most + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == 0x7f || (c < ' ' && !(lines && (c == '\n' || c == '\t'))))
			return false;
	}
	return n <= most && text_is_utf8((weir_str){ s, n });
}

/* accept_row_texts - all that people read of an option */
static bool
accept_row_texts(const struct weir_option *o)
{
	const char *const texts[] = { o->help, o->fallback, o->lo, o->hi,
		o->choices };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i] != NULL &&
		    !accept_is_text(texts[i], TEXT_MAX, true))
			return false;
	}
	return true;
}

/* accept_rows - copy option rows to our stride */
static const struct weir_option *
accept_rows(const struct weir_option *in, size_t stride, struct pool *pool,
    unsigned depth, struct err *err)
{
	const char *p = (const char *)in;
	struct weir_option *out;
	size_t n = 0, size = stride < sizeof(*out) ? stride : sizeof(*out);

	while (((const struct weir_option *)(const void *)(p + n * stride))
		->name != NULL) {
		if (++n > ROWS_MAX) {
			err_set(err, 0, "more than %d option rows (the list "
			    "must end with name NULL)", ROWS_MAX);
			return NULL;
		}
	}
	out = pool_array(pool, struct weir_option, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct weir_option *o = &out[i];

		memcpy(o, p + i * stride, size);
		if (!accept_is_name(o->name, false) ||
		    o->type < WEIR_OPT_BOOL || o->type > WEIR_OPT_SECTION) {
			err_set(err, 0, "option row %zu: bad name or type", i);
			return NULL;
		}
		if (o->help == NULL || o->help[0] == '\0') {
			err_set(err, 0, "option %s has no help text", o->name);
			return NULL;
		}
		if (!accept_row_texts(o)) {
			err_set(err, 0, "option %s: a text of it is not UTF-8, "
			    "has control characters or is too long", o->name);
			return NULL;
		}
		if (o->type == WEIR_OPT_ENUM && o->choices == NULL) {
			err_set(err, 0, "option %s has no choices", o->name);
			return NULL;
		}
		if (o->type != WEIR_OPT_SECTION)
			continue;
		if (o->rows == NULL || depth > 0) {
			err_set(err, 0, "section %s: no rows, or nested too "
			    "deep", o->name);
			return NULL;
		}
		o->rows = accept_rows(o->rows, stride, pool, depth + 1, err);
		if (o->rows == NULL)
			return NULL;
	}
	return out;
}

/* accept_symbols - copy symbols to our stride */
static const struct weir_symbol *
accept_symbols(const struct weir_symbol *in, size_t stride, struct pool *pool,
    struct err *err)
{
	const char *p = (const char *)in;
	struct weir_symbol *out;
	size_t n = 0, size = stride < sizeof(*out) ? stride : sizeof(*out);

	while (((const struct weir_symbol *)(const void *)(p + n * stride))
		->name != NULL) {
		if (++n > SYMBOLS_MAX) {
			err_set(err, 0, "more than %d symbols", SYMBOLS_MAX);
			return NULL;
		}
	}
	out = pool_array(pool, struct weir_symbol, n + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(&out[i], p + i * stride, size);
		if (!accept_is_name(out[i].name, true)) {
			err_set(err, 0, "symbol row %zu: bad name", i);
			return NULL;
		}
		if (out[i].help == NULL || out[i].help[0] == '\0') {
			err_set(err, 0, "symbol %s has no help text",
			    out[i].name);
			return NULL;
		}
		if (!accept_is_text(out[i].help, TEXT_MAX, true)) {
			err_set(err, 0, "symbol %s: its help is not UTF-8, "
			    "has control characters or is too long",
			    out[i].name);
			return NULL;
		}
		/* no sum with it would ever reach a threshold */
		if (!isfinite(out[i].score)) {
			err_set(err, 0, "symbol %s has no number for a score",
			    out[i].name);
			return NULL;
		}
	}
	return out;
}

/* accept_stages - copy a phase's callbacks to our size */
static int
accept_stages(const struct weir_stages **stages, struct pool *pool,
    struct err *err)
{
	const struct weir_stages *in = *stages;
	struct weir_stages *out;

	if (in == NULL)
		return WEIR_OK;
	if (!accept_is_size(in->size, OLDEST_STAGES, STRIDE_MAX))
		return err_set(err, WEIR_E_INVAL, "stage table of %u octets",
		    in->size);
	out = pool_new(pool, struct weir_stages);
	memcpy(out, in, in->size < sizeof(*out) ? in->size : sizeof(*out));
	out->size = sizeof(*out);
	*stages = out;
	return WEIR_OK;
}

/* accept_helper - copy one helper's table to our size */
static struct weir_helper *
accept_helper(const struct weir_helper *in, struct pool *pool,
    struct err *err)
{
	struct weir_helper *h = pool_new(pool, struct weir_helper);

	if (!accept_is_size(in->size, OLDEST_HELPER, STRIDE_MAX)) {
		err_set(err, 0, "helper table of %u octets", in->size);
		return NULL;
	}
	memcpy(h, in, in->size < sizeof(*h) ? in->size : sizeof(*h));
	if (!accept_is_name(h->name, false) ||
	    (h->program == NULL && (h->init == NULL || h->run == NULL)) ||
	    h->threads < 1 ||
	    h->threads > WEIR_HELPER_THREADS_MAX || h->processes < 1 ||
	    h->processes > WEIR_HELPER_PROCESSES_MAX ||
	    h->init_ms > 3600000) {
		err_set(err, 0, "a helper's name, functions or numbers make "
		    "no sense");
		return NULL;
	}
	if (h->program != NULL && (h->program[0] == '\0' || h->init != NULL ||
		h->run != NULL || h->fini != NULL ||
		(h->flags & ~WEIR_HELPER_TEMP) != 0)) {
		err_set(err, 0, "helper %s: a program has a path, no "
		    "functions, and no flag but WEIR_HELPER_TEMP", h->name);
		return NULL;
	}
	if (h->init_ms == 0)
		h->init_ms = 30000;
	return h;
}

/* accept_helpers - all helpers of the module */
static int
accept_helpers(struct weir_module *m, struct pool *pool, struct err *err)
{
	const struct weir_helper **out;
	uint32_t n = 0;

	if (m->helpers == NULL)
		return WEIR_OK;
	while (m->helpers[n] != NULL) {
		if (++n > WEIR_HELPERS_MAX)
			return err_set(err, WEIR_E_INVAL,
			    "more than %u helpers", WEIR_HELPERS_MAX);
	}
	out = pool_array(pool, const struct weir_helper *, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		out[i] = accept_helper(m->helpers[i], pool, err);
		if (out[i] == NULL)
			return WEIR_E_INVAL;
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(out[k]->name, out[i]->name) == 0)
				return err_set(err, WEIR_E_INVAL,
				    "two helpers are called %s", out[i]->name);
		}
	}
	m->helpers = out;
	return WEIR_OK;
}

/* accept_head - magic, size, versions: before anything else is believed */
static int
accept_head(const struct weir_module *in, struct err *err)
{
	if (in == NULL)
		return err_set(err, WEIR_E_INVAL, "its entry function returns "
		    "nothing");
	if (in->magic != WEIR_MAGIC)
		return err_set(err, WEIR_E_INVAL, "this is no Weir module "
		    "(magic %08x)", in->magic);
	if (in->size < HEAD_SIZE)
		return err_set(err, WEIR_E_INVAL, "descriptor of %u octets, "
		    "at least %zu are needed", in->size, OLDEST_MODULE);
	if (in->abi_major != WEIR_ABI_MAJOR ||
	    (WEIR_ABI_MAJOR == 0 && in->abi_minor != WEIR_ABI_MINOR))
		return err_set(err, WEIR_E_INVAL, "built for ABI %u.%u, this "
		    "host has %u.%u: rebuild it with this host's headers",
		    in->abi_major, in->abi_minor, WEIR_ABI_MAJOR,
		    WEIR_ABI_MINOR);
	if (in->abi_minor_min > WEIR_ABI_MINOR)
		return err_set(err, WEIR_E_INVAL, "its abi_minor_min asks for "
		    "ABI %u.%u or newer, this host has %u.%u: update the "
		    "host or lower abi_minor_min", in->abi_major,
		    in->abi_minor_min, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	if (!accept_is_size(in->size, OLDEST_MODULE, STRIDE_MAX * 4))
		return err_set(err, WEIR_E_INVAL, "descriptor of %u octets, "
		    "at least %zu are needed", in->size, OLDEST_MODULE);
	if (!accept_is_size(in->stride_option, OLDEST_OPTION, STRIDE_MAX) ||
	    !accept_is_size(in->stride_symbol, OLDEST_SYMBOL, STRIDE_MAX))
		return err_set(err, WEIR_E_INVAL, "impossible row sizes %u and "
		    "%u", in->stride_option, in->stride_symbol);
	return WEIR_OK;
}

/* accept_descriptor - check, copy, or say why not */
struct weir_module *
accept_descriptor(const struct weir_module *in, const char *name,
    struct pool *pool, struct err *err)
{
	struct weir_module *m;

	if (accept_head(in, err) < 0)
		return NULL;
	m = pool_new(pool, struct weir_module);
	memcpy(m, in, in->size < sizeof(*m) ? in->size : sizeof(*m));
	m->size = sizeof(*m);
	if (m->id == NULL || m->version == NULL || m->license == NULL ||
	    m->summary == NULL || !accept_is_module(m->name)) {
		err_set(err, 0, "id, name, version, license or summary is "
		    "missing, or the name is not of a-z, 0-9 and '-'");
		return NULL;
	}
	if (!accept_is_text(m->id, LABEL_MAX, false) ||
	    !accept_is_text(m->version, LABEL_MAX, false) ||
	    !accept_is_text(m->license, LABEL_MAX, false) ||
	    !accept_is_text(m->summary, LABEL_MAX, false)) {
		err_set(err, 0, "id, version, license or summary is not one "
		    "line of UTF-8 of at most %d octets", LABEL_MAX);
		return NULL;
	}
	if (strcmp(m->name, name) != 0) {
		err_set(err, 0, "it calls itself \"%s\"", m->name);
		return NULL;
	}
	if (m->create == NULL) {
		err_set(err, 0, "create is missing");
		return NULL;
	}
	for (const char *const *need = m->needs; need != NULL && *need != NULL;
	     need++) {
		if (table_ext(*need) == NULL) {
			err_set(err, 0, "it needs %s, which this host does not "
			    "have", *need);
			return NULL;
		}
	}
	if (m->options != NULL) {
		m->options = accept_rows(m->options, m->stride_option, pool, 0,
		    err);
		if (m->options == NULL)
			return NULL;
	}
	if (m->symbols != NULL) {
		m->symbols = accept_symbols(m->symbols, m->stride_symbol, pool,
		    err);
		if (m->symbols == NULL)
			return NULL;
	}
	if (accept_stages(&m->collect, pool, err) < 0 ||
	    accept_stages(&m->decide, pool, err) < 0 ||
	    accept_stages(&m->act, pool, err) < 0 ||
	    accept_helpers(m, pool, err) < 0)
		return NULL;
	/* the copies are of our own age */
	m->stride_option = sizeof(struct weir_option);
	m->stride_symbol = sizeof(struct weir_symbol);
	if (m->on_failure > WEIR_ON_FAILURE_PASS) {
		err_set(err, 0, "impossible on_failure %u", m->on_failure);
		return NULL;
	}
	/* what the option takes */
	if (m->timeout_ms != 0 &&
	    (m->timeout_ms < 10 || m->timeout_ms > 3600000)) {
		err_set(err, 0, "impossible timeout_ms %u", m->timeout_ms);
		return NULL;
	}
	return m;
}
