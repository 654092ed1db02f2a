/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report - what is wrong with a configuration, all of it at once.
 *
 * The reader of the configuration adds findings as it meets them; the first
 * CONF_REPORT_MAX are kept, all are counted.  Texts are escaped: they hold no
 * control characters whatever the file holds.  A report lives on its owner's
 * stack; conf_report_fini frees what it collected. [main]
 */
#ifndef WEIR_CONF_REPORT_H
#define WEIR_CONF_REPORT_H

#include <stdarg.h>
#include <stddef.h>

#include "base/buf.h"

#define CONF_REPORT_MAX 20

enum conf_severity {
	CONF_ERROR,  /* the configuration is refused */
	CONF_WARNING /* it works, but hardly as meant */
};

struct conf_report_item {
	enum conf_severity severity;
	unsigned line; /* 0: about the whole file */
	size_t order;  /* place in the text, for conf_report_sort */
	char *file;    /* NULL: about no file */
	char *text;
};

struct conf_report {
	struct conf_report_item items[CONF_REPORT_MAX];
	size_t n;		 /* items kept */
	size_t errors, warnings; /* found, kept or not */
};

#define CONF_REPORT_INIT { .n = 0 }

void conf_report_fini(struct conf_report *report);
void conf_report_add(struct conf_report *report, enum conf_severity severity,
    const char *file, unsigned line, size_t order, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void conf_report_vadd(struct conf_report *report, enum conf_severity severity,
    const char *file, unsigned line, size_t order, const char *fmt,
    va_list ap) __attribute__((format(printf, 6, 0)));
/* Bring the items into the order of the text. */
void conf_report_sort(struct conf_report *report);
/* One line an item: "FILE:LINE: error: TEXT". */
void conf_report_print(const struct conf_report *report, struct buf *out);

#endif
