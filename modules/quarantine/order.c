/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order - what answers are made of. */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* order_clean - safe for a terminal */
void
order_clean(FILE *out, const char *text, int width)
{
	const unsigned char *p = (const unsigned char *)text;
	int columns = 0;

	while (*p != '\0' && (width == 0 || columns < width)) {
		int n = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4 :
		    *p >= 0xe0 && *p < 0xf0	? 3 :
		    *p >= 0xc2 && *p < 0xe0	? 2 :
						  0;
		bool good = n > 0 && *p >= ' ' && *p != 0x7f;

		for (int i = 1; good && i < n; i++)
			good = (p[i] & 0xc0) == 0x80;
		/* C1 controls, and what turns the direction of text */
		if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
			good = false;
		if (n == 3 && p[0] == 0xe2 &&
		    ((p[1] == 0x80 && p[2] >= 0x8b) ||
			(p[1] == 0x81 && p[2] >= 0xa0)))
			good = false;
		if (good)
			fwrite(p, 1, (size_t)n, out);
		else
			fputc('?', out);
		p += good ? n : 1;
		columns++;
	}
	for (; columns < width; columns++)
		fputc(' ', out);
}

/* order_text - octets that are no UTF-8 become ? */
json_t *
order_text(const char *s)
{
	json_t *text = json_string(s);
	char *plain;

	if (text != NULL)
		return text;
	plain = strdup(s);
	for (char *p = plain; p != NULL && *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80 || (unsigned char)*p < ' ')
			*p = '?';
	text = json_string(plain != NULL ? plain : "");
	free(plain);
	return text;
}

/* order_json - one line */
void
order_json(struct order *o, json_t *value)
{
	json_dumpf(value, o->out, JSON_COMPACT | JSON_ENCODE_ANY |
		JSON_REAL_PRECISION(10));
	fputc('\n', o->out);
	json_decref(value);
}

/* order_time - in UTC */
void
order_time(int64_t ms, char out[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
