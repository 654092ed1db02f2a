/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budget.h"

#include "base/check.h"

static size_t limit, used;

/* budget_limit - set the cap */
void
budget_limit(size_t octets)
{
	limit = octets;
}

/* budget_take - reserve, or refuse */
bool
budget_take(size_t octets)
{
	if (limit != 0 && (octets > limit || used > limit - octets))
		return false;
	used += octets;
	return true;
}

/* budget_give - return what was taken */
void
budget_give(size_t octets)
{
	expect(octets <= used);
	used -= octets;
}

/* budget_fits - could it be taken if nothing else were */
bool
budget_fits(size_t octets)
{
	return limit == 0 || octets <= limit;
}

/* budget_used - octets taken now */
size_t
budget_used(void)
{
	return used;
}

/* budget_is_open - may a new message begin */
bool
budget_is_open(void)
{
	return limit == 0 || used < limit - limit / 10;
}
