/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tuple - keys and stored values of the greylist module.
 *
 * The input is a sender, a recipient and a client name, a line each; the last
 * line is also read as a stored value.  A key must fit and hold exactly the
 * blanks that split its fields.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/greylist/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* line - cut the next line off */
static weir_str
line(weir_str *in)
{
	const char *end = memchr(in->ptr, '\n', in->len);
	weir_str out = { in->ptr, end != NULL ? (size_t)(end - in->ptr)
					      : in->len };
	size_t skip = out.len + (end != NULL);

	in->ptr += skip;
	in->len -= skip;
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char addr[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0,
		0, 203, 0, 113, 7, 1, 2, 3, 4 };
	weir_str in = { (const char *)data, size };
	char sender[TUPLE_ADDRESS_SIZE], rcpt[TUPLE_ADDRESS_SIZE];
	char who[TUPLE_IDENTITY_SIZE], key[TUPLE_KEY_SIZE];
	char text[RECORD_TEXT_SIZE];
	struct record r, again;
	struct learn l;
	size_t n, blanks = 0;

	tuple_sender(sender, sizeof(sender), line(&in));
	tuple_recipient(rcpt, sizeof(rcpt), line(&in));
	if (!tuple_domain(who, sizeof(who), in, addr + 8, 4) &&
	    !tuple_domain(who, sizeof(who), in, addr, 16))
		tuple_spf(who, sizeof(who), in);
	n = tuple_key(key, sizeof(key), who, sender, rcpt);
	if (n > WEIR_STORE_KEY_MAX || strlen(key) != n)
		abort();
	for (size_t i = 0; i < n; i++) {
		blanks += key[i] == ' ';
		if ((unsigned char)key[i] < ' ' ||
		    (key[i] >= 'A' && key[i] <= 'Z'))
			abort();
	}
	if (blanks != 3)
		abort();
	(void)learn_decode(&l, in);
	if (record_decode(&r, in)) {
		n = record_encode(&r, text, sizeof(text));
		if (!record_decode(&again, (weir_str){ text, n }) ||
		    memcmp(&r, &again, sizeof(r)) != 0)
			abort();
	}
	return 0;
}
