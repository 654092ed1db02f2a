/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * per-rcpt - what one recipient does not take another one may.
 *
 * Shows: verdicts about one recipient, at rcpt (where each gets an answer of
 * its own) and at eom (where the host says as much as the protocol can, see
 * `disagree` in weir.conf(5)); sections that are repeated; memory and data of
 * a recipient.
 */
#include <stdlib.h>
#include <strings.h>

#include <weir/weir.h>

static const struct weir_host *host;
static const weir_conf *conf;

enum { BOX_CLOSED, BOX_SIZE };

static const struct weir_option box_options[] = {
	[BOX_CLOSED] = { .name = "closed", .type = WEIR_OPT_BOOL,
	    .fallback = "no", .help = "It takes no mail at all." },
	[BOX_SIZE] = { .name = "max_size", .type = WEIR_OPT_SIZE,
	    .fallback = "50M", .help = "The largest mail that it takes." },
	{ .name = NULL },
};

enum { OPTION_BOX };

static const struct weir_option options[] = {
	[OPTION_BOX] = { .name = "box", .type = WEIR_OPT_SECTION,
	    .rows = box_options,
	    .help = "A recipient with wishes; the title is its address." },
	{ .name = NULL },
};

/* refuse - for this recipient, nobody else */
static int
refuse(weir_call *call, uint32_t rcpt, uint32_t code, const char *enhanced,
    const char *text)
{
	struct weir_verdict v = { .size = sizeof(v),
		.action = WEIR_ACT_REJECT, .scope = WEIR_SCOPE_RCPT,
		.rcpt = rcpt, .smtp_code = code, .enhanced = enhanced,
		.text = text };

	return host->verdict(call, &v);
}

/* find_box - the section of an address, or NULL */
static const weir_conf *
find_box(weir_str addr)
{
	uint32_t n = host->conf_sections(conf, OPTION_BOX);

	for (uint32_t i = 0; i < n; i++) {
		weir_str title;
		const weir_conf *box = host->conf_section(conf, OPTION_BOX, i,
		    &title);

		if (title.len == addr.len &&
		    strncasecmp(title.ptr, addr.ptr, addr.len) == 0)
			return box;
	}
	return NULL;
}

/* decide_rcpt - what can be said at once */
static int
decide_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	const weir_conf *box;
	int64_t *max;
	weir_str addr;

	(void)state;
	if (host->attr_get(call, WEIR_A_RCPT, rcpt, &addr) < 0 ||
	    (box = find_box(addr)) == NULL)
		return WEIR_OK;
	if (host->conf_bool(box, BOX_CLOSED))
		return refuse(call, rcpt, 550, "5.2.1",
		    "This mailbox takes no mail");
	/* for eom; it dies with the recipient */
	max = host->alloc(call, WEIR_SCOPE_RCPT, sizeof(*max));
	if (max == NULL)
		return WEIR_E_NOMEM;
	*max = host->conf_int(box, BOX_SIZE);
	return host->data_set(call, WEIR_SCOPE_RCPT, rcpt, max, NULL);
}

/* decide_eom - now the size is known, and all who are left */
static int
decide_eom(void *state, weir_call *call)
{
	uint32_t n = host->rcpt_count(call);
	int status = WEIR_OK;
	weir_str size;

	(void)state;
	if (host->attr_get(call, WEIR_A_SIZE, WEIR_RCPT_NONE, &size) < 0)
		return WEIR_OK;
	for (uint32_t i = 0; i < n && status == WEIR_OK; i++) {
		const int64_t *max = host->data_get(call, WEIR_SCOPE_RCPT, i);

		if (max != NULL && strtoll(size.ptr, NULL, 10) > *max)
			status = refuse(call, i, 552, "5.3.4",
			    "The mail is too large for this mailbox");
	}
	return status;
}

static int
create(const struct weir_host *h, weir_self *self, const weir_conf *c,
    void **state)
{
	(void)self;
	(void)state;
	host = h;
	conf = c;
	return WEIR_OK;
}

static const struct weir_stages decide = { .size = sizeof(decide),
	.rcpt = decide_rcpt, .eom = decide_eom };

static const struct weir_module module = {
	WEIR_MODULE_HEAD,
	.id = "org.weir.example.per-rcpt",
	.name = "per-rcpt",
	.version = "1.0",
	.license = "BSD-2-Clause",
	.summary = "Lets recipients refuse for themselves.",
	.options = options,
	.decide = &decide,
	.create = create,
};

WEIR_MODULE_EXPORT(mod_per_rcpt, module)
