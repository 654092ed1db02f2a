/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object_int - the parts of an object, for those who make it and match it. */
#ifndef WEIR_LUA_OBJECT_INT_H
#define WEIR_LUA_OBJECT_INT_H

#include "base/ip.h"
#include "lua/object.h"

struct regex;

enum object_kind {
	OBJECT_ADDRESS,
	OBJECT_DOMAIN,
	OBJECT_NETWORK, /* one address, too */
	OBJECT_REGEX,
	OBJECT_RCPT_ADDRESS, /* the receiver forms: whatever the slot */
	OBJECT_RCPT_DOMAIN,
	OBJECT_RCPT_REGEX,
	OBJECT_TIMEFRAME,
	OBJECT_SPAMLEVEL,
	OBJECT_HEADER,
	OBJECT_CONTENT_TYPE,
	OBJECT_FILENAME,
	OBJECT_SYMBOL
};

struct object {
	enum object_kind kind;
	unsigned flags;
	char *name; /* constructor */
	char *text;
	struct regex *regex;
	struct ip_net net;
	double level;
	bool top; /* header: of the message only, not of its parts */
	int begin, end; /* minutes of the day, both included */
	unsigned days;	/* bits, Sunday first */
	bool local;
	int offset; /* minutes east of UTC */
};

#endif
