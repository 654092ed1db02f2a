/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_log_line - hostile values must stay within their line and their JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/text.h"
#include "obs/log_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf out;
	weir_str s = { (const char *)data, size };
	weir_str items[] = { s, { s.ptr, size / 2 } };
	struct log_field f[] = { log_str("value", s),
		log_list("list", items, 2) };
	struct log_line line = { .level = WEIR_LOG_INFO,
		.event = LOG_MODULE_LOG, .ident = "weir", .msg = s,
		.fields = f, .n = 2, .pid = 1, .time_ms = 1795422609000 };
	json_t *j;

	for (int style = 0; style < 3; style++) {
		size_t newlines = 0;

		buf_clear(&out);
		log_line_add(&out, (enum log_style)style, &line);
		expect(text_is_utf8(buf_str(&out)));
		expect(memchr(out.ptr, '\0', out.len) == NULL);
		for (size_t i = 0; i < out.len; i++)
			newlines += out.ptr[i] == '\n';
		/* PRIORITY, SYSLOG_*, MESSAGE, WEIR_V, TIME, LEVEL, EVENT,
		   VALUE, LIST twice, TRUNCATED */
		expect(newlines == 0 || style == LOG_STYLE_JOURNAL);
		expect(newlines <= 13);
		if (style != LOG_STYLE_JSON)
			continue;
		j = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES,
		    NULL);
		expect(j != NULL);
		json_decref(j);
	}
	return 0;
}
