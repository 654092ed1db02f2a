/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject - the prefix in front of the subject. */
#include "action.h"
#include "field.h"

#include <stdio.h>
#include <string.h>

#define SUBJECT_MAX 50 /* copies of the field that are changed */
#define SUBJECT_PREFIX_MAX 256

/* subject_has - does the decoded value begin with the prefix? */
static bool
subject_has(const struct action *a, weir_call *call, weir_str raw,
    weir_str prefix)
{
	weir_str text;

	if (a->mime->header_decode(call, raw, &text) != WEIR_OK)
		text = raw;
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	return text.len >= prefix.len &&
	    memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

/* subject_prefix - put the prefix in front of each Subject, once */
int
subject_prefix(struct action *a, weir_call *call, struct values *v)
{
	uint32_t count = a->host->header_count(call, "Subject");
	char text[SUBJECT_PREFIX_MAX], prefix[2 * SUBJECT_PREFIX_MAX + 80];
	char old[8192], value[9216];
	size_t n;
	int status = WEIR_OK, len;

	n = macros_expand(weir_str_of(a->subject_prefix), 0, values_get, v,
	    text, sizeof(text) - 1);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (n == 0)
		return WEIR_OK;
	/* readers drop the blank between two encoded words: it goes inside */
	text[n] = ' ';
	field_encode((weir_str){ text, n + 1 }, prefix, sizeof(prefix));
	if (strchr(prefix, '?') == NULL || prefix[0] != '=')
		field_encode((weir_str){ text, n }, prefix, sizeof(prefix));
	if (count == 0)
		return a->edit->header_add(call, "Subject",
		    weir_str_of(prefix));
	for (uint32_t i = 0; i < count && i < SUBJECT_MAX; i++) {
		weir_str raw;

		if (a->host->header_at(call, "Subject", i, NULL, &raw) !=
		    WEIR_OK || subject_has(a, call, raw, (weir_str){ text,
		    n }))
			continue;
		field_clean(raw, old, sizeof(old));
		len = snprintf(value, sizeof(value), "%s %s", prefix, old);
		status = a->edit->header_change(call, "Subject", i + 1,
		    (weir_str){ value, (size_t)len });
		if (status != WEIR_OK)
			break;
	}
	return status;
}
