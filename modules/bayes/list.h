/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list - what a mailing list adds to a mail that somebody else wrote.
 *
 * A list puts its name in front of the subject, its address among the
 * recipients and its hosts into the way: one fact, which would speak in every
 * group of tokens.  It is found here, so that it can speak with one voice.
 * Fields of RFC 2369 and RFC 2919, and what list software wrote before and
 * besides them.  Pure. [any]
 */
#ifndef BAYES_LIST_H
#define BAYES_LIST_H

#include "reader.h"

#define LIST_ADDRESS 128 /* octets; a longer address is not looked for */

struct list {
	bool found;	/* the mail came through a list */
	char address[LIST_ADDRESS + 1]; /* lower case; "" if it is not told */
	/* its oldest hop, which was before the list; NULL: none */
	const struct reader_field *first_hop;
};

void list_read(struct list *l, const struct reader *r);
/* Does the value of a field name the address of the list? */
bool list_names(const struct list *l, weir_str value);
/* The tag in front of a subject, "[users]", behind any number of "Re:"; of
   length 0 if there is none. */
weir_str list_tag(weir_str subject);

#endif
