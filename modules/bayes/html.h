/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * html - HTML as a reader sees it, for counting words.
 *
 * One pass, no tree: text that is shown, text that is hidden, tags and links
 * come out apart.  Entities are decoded; inline tags do not part words, block
 * tags do.  Linear in the input. [any]
 */
#ifndef BAYES_HTML_H
#define BAYES_HTML_H

#include "text.h"

/* What is found, in order; slices are borrowed until the call returns. */
struct html_sink {
	void (*tag)(void *arg, weir_str name);
	/* an attribute that says how it looks: "width" "1" */
	void (*look)(void *arg, weir_str tag, weir_str name, weir_str value);
	void (*link)(void *arg, weir_str tag, weir_str url);
	void *arg;
};

/* seen, hidden: text is appended. */
void html_read(weir_str utf8, const struct html_sink *sink,
    struct text_buf *seen, struct text_buf *hidden);

#endif
