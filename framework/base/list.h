/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list - intrusive doubly linked lists; an empty or detached node points at
   itself. */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* list_append - put n last */
static inline void
list_append(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* list_remove - take n out; harmless on a detached node */
static inline void
list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = n;
}

#define list_of(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

#define list_each(n, head) \
	for (struct list *n = (head)->next; n != (head); n = n->next)

/* list_each_safe - n may be removed in the body */
#define list_each_safe(n, head) \
	for (struct list *n = (head)->next, *n##_next = n->next; n != (head); \
	     n = n##_next, n##_next = n->next)

#endif
