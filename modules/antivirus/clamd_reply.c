/* SPDX-License-Identifier: GPL-2.0-only */
#include "clamd_reply.h"

#include <stdio.h>
#include <string.h>

/* reply_ends - does the line end in that word?  It is cut off then */
static bool
reply_ends(weir_str *line, const char *word)
{
	size_t n = strlen(word);

	if (line->len < n ||
	    memcmp(line->ptr + line->len - n, word, n) != 0)
		return false;
	line->len -= n;
	return true;
}

/* reply_name - behind "WHAT: "; names hold no blank, sizes may follow */
static weir_str
reply_name(weir_str line)
{
	weir_str name = line;

	for (size_t i = 0; i + 1 < line.len; i++) {
		if (line.ptr[i] == ':' && line.ptr[i + 1] == ' ') {
			name.ptr = line.ptr + i + 2;
			name.len = line.len - i - 2;
			break;
		}
	}
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == ' ' || name.ptr[i] == '(') {
			name.len = i;
			break;
		}
	}
	return name;
}

/* reply_line - one of them */
static void
reply_line(weir_str line, struct av_result *out)
{
	char text[AV_WHY_MAX + 1];
	weir_str name;

	if (reply_ends(&line, " FOUND")) {
		name = reply_name(line);
		snprintf(text, sizeof(text), "%.*s", (int)(name.len <
		    AV_NAME_MAX ? name.len : AV_NAME_MAX), name.ptr);
		av_result_add(out, av_class_of(text), name);
	} else if (reply_ends(&line, " ERROR")) {
		if (memmem(line.ptr, line.len, "size limit exceeded", 19) !=
		    NULL) {
			av_result_add(out, AV_LIMIT,
			    WEIR_STR("Clamd.StreamMaxLength"));
			return;
		}
		snprintf(text, sizeof(text), "clamd: %.*s",
		    (int)(line.len < 160 ? line.len : 160), line.ptr);
		av_result_fail(out, text);
	} else if (!reply_ends(&line, ": OK")) {
		av_result_fail(out, "clamd answers what is no answer");
	}
}

/* clamd_reply_read - all lines */
void
clamd_reply_read(weir_str reply, struct av_result *out)
{
	uint32_t lines = 0;

	while (reply.len > 0) {
		size_t n = 0;

		while (n < reply.len && reply.ptr[n] != '\0' &&
		    reply.ptr[n] != '\n')
			n++;
		/* the last line has an end, too, or it was cut */
		if (n == reply.len) {
			av_result_fail(out, "clamd's answer is cut");
			return;
		}
		if (n > 0) {
			reply_line((weir_str) { reply.ptr, n }, out);
			lines++;
		}
		reply.ptr += n + 1;
		reply.len -= n + 1;
	}
	if (lines == 0)
		av_result_fail(out, "clamd has closed without an answer");
}
