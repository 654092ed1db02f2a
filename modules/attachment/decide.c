/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide - the verdict, and the words for it. */
#include "attachment.h"

#include <stdio.h>
#include <string.h>

/* What goes into a text. */
struct filling {
	char *buf;
	size_t n, cap;
};

/* fill_add - printable ASCII only: this goes into replies and logs */
static void
fill_add(struct filling *f, const char *s, size_t len)
{
	for (size_t i = 0; i < len && f->n + 1 < f->cap; i++) {
		unsigned char c = (unsigned char)s[i];

		/* one mark for a character of several octets */
		if ((c & 0xc0) == 0x80)
			continue;
		f->buf[f->n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	f->buf[f->n] = '\0';
}

/* fill_item - the name of the part, then the path inside */
static void
fill_item(struct filling *f, const struct attachment_mail *a,
    const struct attachment_item *item)
{
	const struct attachment_item *part = item;

	/* parts are the first items, each at its own index */
	if (!item->top && item->part < a->n_parts)
		part = &a->items[item->part];
	if (part->n_names > 0)
		fill_add(f, part->names[0].ptr, part->names[0].len);
	else if (part->declared.len > 0)
		fill_add(f, part->declared.ptr, part->declared.len);
	else
		fill_add(f, "part", 4);
	if (item->path.len > 0) {
		fill_add(f, "/", 1);
		fill_add(f, item->path.ptr, item->path.len);
	}
}

/* fill_type - of what has no category: a rule met its type or its name */
static void
fill_type(struct filling *f, const struct attachment_item *item)
{
	if (item->magic.len > 0)
		fill_add(f, item->magic.ptr, item->magic.len);
	else if (item->declared.len > 0)
		fill_add(f, item->declared.ptr, item->declared.len);
	else
		fill_add(f, "no category", 11);
}

/* attachment_label - printable */
char *
attachment_label(const struct attachment_mail *a,
    const struct attachment_item *item, char *buf, size_t cap)
{
	struct filling f = { buf, 0, cap };

	buf[0] = '\0';
	fill_item(&f, a, item);
	return buf;
}

/* attachment_fill - %n name, %p path, %c categories or type, %r rule, %% */
char *
attachment_fill(const struct attachment_mail *a,
    const struct attachment_item *item, const char *text, char *buf,
    size_t cap)
{
	struct filling f = { buf, 0, cap };
	char words[300];

	buf[0] = '\0';
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n' && f.n + 1 < cap) {
			f.buf[f.n++] = '\n';
			f.buf[f.n] = '\0';
			continue;
		}
		if (*p != '%' || p[1] == '\0') {
			fill_add(&f, p, 1);
			continue;
		}
		switch (*++p) {
		case 'n':
			fill_item(&f, a, item);
			break;
		case 'p':
			fill_add(&f, item->path.ptr, item->path.len);
			break;
		case 'c':
			category_text(item->categories, words, sizeof(words));
			if (words[0] != '\0')
				fill_add(&f, words, strlen(words));
			else
				fill_type(&f, item);
			break;
		case 'r':
			if (item->rule < a->m->rules.n)
				fill_add(&f, a->m->rules.v[item->rule].name,
				    strlen(a->m->rules.v[item->rule].name));
			break;
		default:
			fill_add(&f, p, 1);
			break;
		}
	}
	return buf;
}

/* attachment_decide - by the strongest rule that was met */
int
attachment_decide(void *state, weir_call *call)
{
	struct attachment *m = state;
	struct attachment_mail *a = attachment_get(m, call);
	struct weir_verdict v = { .size = sizeof(v),
		.scope = WEIR_SCOPE_MESSAGE, .rcpt = WEIR_RCPT_NONE };
	const struct attachment_item *item;
	const struct rule *r;
	char text[700];

	if (a == NULL || a->strongest == UINT32_MAX)
		return WEIR_OK;
	item = &a->items[a->strongest];
	r = &m->rules.v[item->rule];
	switch (r->action) {
	case RULE_REJECT:
		v.action = WEIR_ACT_REJECT;
		v.smtp_code = 550;
		v.enhanced = "5.7.1";
		break;
	case RULE_TEMPFAIL:
		v.action = WEIR_ACT_TEMPFAIL;
		v.smtp_code = 451;
		v.enhanced = "4.7.1";
		break;
	case RULE_QUARANTINE:
		v.action = WEIR_ACT_QUARANTINE;
		break;
	default:
		return WEIR_OK;
	}
	v.text = attachment_fill(a, item, r->text[0] != '\0' ? r->text :
	    "Attachment not accepted here: %n (%c)", text, sizeof(text));
	return m->host->verdict(call, &v);
}
