/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* answer_line - the next line without blanks at its end; false: none */
static bool
answer_line(const char **text, size_t *len, const char **line, size_t *n)
{
	const char *end;

	if (*len == 0)
		return false;
	end = memchr(*text, '\n', *len);
	*line = *text;
	*n = end != NULL ? (size_t)(end - *text) : *len;
	*text += *n + (end != NULL);
	*len -= *n + (end != NULL);
	while (*n > 0 &&
	    ((*line)[*n - 1] == ' ' || (*line)[*n - 1] == '\t' ||
		(*line)[*n - 1] == '\r'))
		--*n;
	return true;
}

/* answer_after - what stands behind a word and its colon, or NULL */
static const char *
answer_after(const char *line, size_t *n, const char *word)
{
	size_t len = strlen(word);

	if (*n < len || strncasecmp(line, word, len) != 0)
		return NULL;
	line += len;
	*n -= len;
	while (*n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		--*n;
	}
	return line;
}

/* answer_score - a decimal number and nothing else */
static bool
answer_score(const char *text, size_t n, double *out)
{
	char copy[32], *end;

	/* strtod also knows hexadecimal numbers and words */
	if (n == 0 || n >= sizeof(copy))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strchr("0123456789.+-", text[i]) == NULL || text[i] == '\0')
			return false;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	*out = strtod(copy, &end);
	return *end == '\0' && fabs(*out) <= ANSWER_SCORE;
}

/* answer_verdict - the second line */
static const char *
answer_verdict(const char *line, size_t n, struct answer *out)
{
	size_t left = n;
	const char *rest = answer_after(line, &left, "SCORE:");

	if (rest != NULL) {
		out->kind = ANSWER_SCORED;
		return answer_score(rest, left, &out->score)
		    ? NULL
		    : "the number behind SCORE: can't be read";
	}
	rest = answer_after(line, &left, "VIRUS:");
	if (rest != NULL) {
		out->kind = ANSWER_VIRUS;
		if (left > ANSWER_NAME)
			left = ANSWER_NAME;
		for (size_t i = 0; i < left; i++)
			out->name[i] =
			    rest[i] > ' ' && rest[i] < 127 ? rest[i] : '_';
		out->name[left] = '\0';
		return left > 0 ? NULL : "there is no name behind VIRUS:";
	}
	out->kind = ANSWER_OK;
	return n == 2 && strncasecmp(line, "OK", 2) == 0
	    ? NULL
	    : "the second line is not SCORE:, VIRUS: or OK";
}

/* answer_read - both lines, and no more */
void
answer_read(const char *text, size_t len, struct answer *out)
{
	const char *line;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (len > ANSWER_OCTETS)
		out->why = "its output is too long";
	else if (!answer_line(&text, &len, &line, &n))
		out->why = "it says nothing";
	else if (n != 2 || strncasecmp(line, "v1", 2) != 0)
		out->why = "the first line is not v1";
	else if (!answer_line(&text, &len, &line, &n))
		out->why = "it says nothing after v1";
	else
		out->why = answer_verdict(line, n, out);
	while (out->why == NULL && answer_line(&text, &len, &line, &n)) {
		if (n > 0)
			out->why = "it says more than one thing";
	}
	if (out->why != NULL)
		out->kind = ANSWER_NONE;
}
