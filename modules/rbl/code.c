/* SPDX-License-Identifier: GPL-2.0-or-later */
/* code - which answers of a list mean "listed". */
#include "code.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* code_addr - a strict dotted quad in host order */
bool
code_addr(weir_str text, uint32_t *out)
{
	char copy[INET_ADDRSTRLEN];
	struct in_addr in;

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (strlen(copy) != text.len || inet_pton(AF_INET, copy, &in) != 1)
		return false;
	*out = ntohl(in.s_addr);
	return true;
}

/* code_number - a whole number up to max */
static bool
code_number(weir_str text, uint32_t max, uint32_t *out)
{
	uint32_t n = 0;

	if (text.len == 0 || text.len > 3)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(text.ptr[i] - '0');
	}
	*out = n;
	return n <= max;
}

/* code_score - what stands behind = */
static bool
code_score(struct code *c, weir_str text)
{
	char copy[32], *end;

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	c->score = strtod(copy, &end);
	c->scored = true;
	return *end == '\0' && isfinite(c->score);
}

/* code_rest - what stands behind the first address */
static bool
code_rest(struct code *c, char mark, weir_str rest)
{
	uint32_t n;

	switch (mark) {
	case '-':
		if (code_addr(rest, &c->last))
			return true;
		if (!code_number(rest, 255, &n))
			return false;
		c->last = (c->first & 0xffffff00u) | n;
		return true;
	case '/':
		if (!code_number(rest, 32, &n) || n < 8)
			return false;
		c->first &= n == 32 ? 0xffffffffu : ~(0xffffffffu >> n);
		c->last = n == 32 ? c->first : c->first | (0xffffffffu >> n);
		return true;
	default:
		c->first &= 0xffffff00u;
		c->last = c->first | 0xff;
		return code_number(rest, 255, &c->bits) && c->bits > 0;
	}
}

/* code_parse - read one entry */
bool
code_parse(struct code *c, weir_str text, const char **why_out)
{
	const char *eq = memchr(text.ptr, '=', text.len);
	size_t n = eq != NULL ? (size_t)(eq - text.ptr) : text.len, i = 0;
	bool good;

	*c = (struct code){ 0 };
	*why_out = "no address, range, block or bit with an optional =SCORE";
	if (eq != NULL && !code_score(c, (weir_str){ eq + 1,
	    text.len - n - 1 }))
		return false;
	while (i < n && strchr("-/&", text.ptr[i]) == NULL)
		i++;
	if (!code_addr((weir_str){ text.ptr, i }, &c->first))
		return false;
	c->last = c->first;
	good = i == n || code_rest(c, text.ptr[i],
	    (weir_str){ text.ptr + i + 1, n - i - 1 });
	if (!good || c->last < c->first)
		return false;
	*why_out = "answers lie in 127.0.0.0/8, and 127.255.255.0/24 never "
		   "means listed";
	return c->first >> 24 == 127 && c->last >> 24 == 127 &&
	    c->last < 0x7fffff00u;
}

/* code_match - is the answer one of these? */
bool
code_match(const struct code *c, uint32_t addr)
{
	return addr >= c->first && addr <= c->last &&
	    (addr & c->bits) == c->bits;
}

/* code_is_plausible - could the answer mean anything like "listed"? */
bool
code_is_plausible(uint32_t addr)
{
	return addr >> 24 == 127 && addr >> 8 != 0x7fffff;
}
