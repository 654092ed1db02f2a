/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "category.h"

#include <string.h>

#include "pattern.h"

static const struct {
	const char *name, *help;
} categories[CATEGORIES] = {
#define CATEGORY_ROW(id, name, help) [CATEGORY_##id] = { name, help },
	CATEGORY_LIST(CATEGORY_ROW)
#undef CATEGORY_ROW
};

_Static_assert(CATEGORIES <= 63, "a category is a bit of 64");

/* category_name - the word */
const char *
category_name(unsigned category)
{
	return category < CATEGORIES ? categories[category].name : NULL;
}

/* category_help - what it means */
const char *
category_help(unsigned category)
{
	return category < CATEGORIES ? categories[category].help : NULL;
}

/* category_distance - how many letters must change; at most 32 each */
static size_t
category_distance(weir_str a, const char *b)
{
	size_t row[33], blen = strlen(b);

	if (a.len > 32 || blen > 32)
		return 32;
	for (size_t k = 0; k <= blen; k++)
		row[k] = k;
	for (size_t i = 0; i < a.len; i++) {
		size_t corner = row[0]++;

		for (size_t k = 0; k < blen; k++) {
			size_t best = corner + (a.ptr[i] != b[k]);

			corner = row[k + 1];
			if (row[k + 1] + 1 < best)
				best = row[k + 1] + 1;
			if (row[k] + 1 < best)
				best = row[k] + 1;
			row[k + 1] = best;
		}
	}
	return row[blen];
}

/* category_parse - one word or a pattern of words */
bool
category_parse(weir_str pattern, uint64_t *set, const char **nearest)
{
	size_t best = 4;
	bool found = false;

	*nearest = NULL;
	for (unsigned i = 0; i < CATEGORIES; i++) {
		weir_str name = { categories[i].name,
			strlen(categories[i].name) };
		size_t d;

		if (pattern_glob(pattern, name)) {
			*set |= UINT64_C(1) << i;
			found = true;
			continue;
		}
		d = category_distance(pattern, name.ptr);
		if (d < best) {
			best = d;
			*nearest = name.ptr;
		}
	}
	return found;
}

/* category_text - the words of a set */
char *
category_text(uint64_t set, char *buf, size_t cap)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < CATEGORIES; i++) {
		size_t n = strlen(categories[i].name);

		if ((set >> i & 1) == 0)
			continue;
		if (at + n + 3 > cap)
			break;
		if (at > 0) {
			memcpy(buf + at, ", ", 2);
			at += 2;
		}
		memcpy(buf + at, categories[i].name, n + 1);
		at += n;
	}
	return buf;
}
