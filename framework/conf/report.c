/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* conf_report_fini - free what was collected, leave it empty */
void
conf_report_fini(struct conf_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		free(report->items[i].file);
		free(report->items[i].text);
	}
	memset(report, 0, sizeof(*report));
}

/* report_backslash - show a backslash as what the file has: what a log must
   keep apart would only confuse whoever looks for it in the file */
static void
report_backslash(char *text)
{
	static const char code[] = "\\x5c";
	char *to = text;

	for (const char *p = text; *p != '\0'; to++) {
		bool found = strncmp(p, code, sizeof(code) - 1) == 0;

		*to = *p;
		p += found ? sizeof(code) - 1 : 1;
	}
	*to = '\0';
}

/* conf_report_vadd - add one finding */
void
conf_report_vadd(struct conf_report *report, enum conf_severity severity,
    const char *file, unsigned line, size_t order, const char *fmt, va_list ap)
{
	struct conf_report_item *item;
	struct buf raw = BUF_INIT;
	char text[1024];

	if (severity == CONF_ERROR)
		report->errors++;
	else
		report->warnings++;
	if (report->n == CONF_REPORT_MAX)
		return;
	buf_vprintf(&raw, fmt, ap);
	text_escape(text, sizeof(text), buf_str(&raw));
	report_backslash(text);
	buf_fini(&raw);
	item = &report->items[report->n++];
	item->severity = severity;
	item->line = line;
	item->order = order;
	item->file = file != NULL ? xstrdup(file) : NULL;
	item->text = xstrdup(text);
}

/* conf_report_add - add one finding */
void
conf_report_add(struct conf_report *report, enum conf_severity severity,
    const char *file, unsigned line, size_t order, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_report_vadd(report, severity, file, line, order, fmt, ap);
	va_end(ap);
}

/* conf_report_sort - by place in the text; equal places keep their order */
void
conf_report_sort(struct conf_report *report)
{
	for (size_t i = 1; i < report->n; i++) {
		struct conf_report_item item = report->items[i];
		size_t j = i;

		for (; j > 0 && report->items[j - 1].order > item.order; j--)
			report->items[j] = report->items[j - 1];
		report->items[j] = item;
	}
}

/* conf_report_print - one line an item */
void
conf_report_print(const struct conf_report *report, struct buf *out)
{
	size_t total = report->errors + report->warnings;

	for (size_t i = 0; i < report->n; i++) {
		const struct conf_report_item *item = &report->items[i];

		if (item->file != NULL)
			buf_add_str(out, item->file);
		if (item->file != NULL && item->line != 0)
			buf_printf(out, ":%u", item->line);
		buf_printf(out, "%s%s: %s\n", item->file != NULL ? ": " : "",
		    item->severity == CONF_ERROR ? "error" : "warning",
		    item->text);
	}
	if (total > report->n)
		buf_printf(out, "%zu more\n", total - report->n);
}
