/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words - text from the host, and lines for its log. */
#include "quarantine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* quarantine_attr - text, or nothing */
weir_str
quarantine_attr(const struct quarantine *q, weir_call *call, uint32_t attr,
    uint32_t rcpt)
{
	weir_str value;

	if (q->host->attr_get(call, attr, rcpt, &value) != WEIR_OK)
		return WEIR_STR("");
	return value;
}

/* quarantine_log - formatted */
void
quarantine_log(const struct quarantine *q, weir_call *call, int level,
    const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	q->host->log(q->self, call, level, weir_str_of(line));
}

/* quarantine_lower - ASCII letters only: the rest is the MTA's business */
char *
quarantine_lower(weir_str s)
{
	char *out = strndup(s.ptr, s.len);

	for (char *p = out; p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return out;
}
