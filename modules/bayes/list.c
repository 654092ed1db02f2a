/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "list.h"

#define LIST_TAG 30 /* octets of a subject's tag, with its brackets */

/* Fields that only list software writes; the first LIST_TELLING hold the
   address of the list. */
static const char *const list_fields[] = { "list-post", "x-beenthere",
	"x-mailing-list", "mailing-list", "list-id", "list-unsubscribe",
	"list-help", "x-mailman-version", "x-loop", NULL };
#define LIST_TELLING 4
/* Fields of a sender that may be a list's.  Return-Path is written at delivery:
   it would tell of a mail that is learned, not of one that comes in. */
static const char *const list_senders[] = { "sender", "errors-to", NULL };
/* What list software puts before or behind the name of a list, to send. */
static const char *const list_before[] = { "owner-", NULL };
static const char *const list_behind[] = { "-admin", "-owner", "-bounces",
	"-bounce", "-request", "-errors", NULL };
static const char *const list_replies[] = { "re:", "aw:", "fwd:", NULL };

/* list_stops - may c not be part of an address? */
static bool
list_stops(char c)
{
	return text_is_space(c) || c == '\0' ||
	    strchr("<>,;:\"()[]?", c) != NULL;
}

/* list_address - the first address of a value, in lower case */
static bool
list_address(weir_str v, char out[LIST_ADDRESS + 1])
{
	const char *at, *a, *b;
	size_t n;

	if (v.len > READER_VALUE)
		v.len = READER_VALUE;
	a = at = memchr(v.ptr, '@', v.len);
	if (at == NULL)
		return false;
	while (a > v.ptr && !list_stops(a[-1]))
		a--;
	for (b = at + 1; b < v.ptr + v.len && !list_stops(*b); b++)
		;
	n = (size_t)(b - a);
	if (a == at || b == at + 1 || n > LIST_ADDRESS)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = text_lower(a[i]);
	out[n] = '\0';
	return true;
}

/* list_strip - owner-users@host and users-admin@host send for users@host;
   false: it is the address of somebody else */
static bool
list_strip(char address[LIST_ADDRESS + 1])
{
	char *at = strchr(address, '@');
	size_t n;

	for (const char *const *p = list_before; *p != NULL; p++) {
		n = strlen(*p);
		if (strncmp(address, *p, n) == 0 && address[n] != '@') {
			memmove(address, address + n, strlen(address + n) + 1);
			return true;
		}
	}
	for (const char *const *p = list_behind; *p != NULL; p++) {
		n = strlen(*p);
		if ((size_t)(at - address) > n && memcmp(at - n, *p, n) == 0) {
			memmove(at - n, at, strlen(at) + 1);
			return true;
		}
	}
	return false;
}

/* list_find - which of the names; their number if none */
static size_t
list_find(weir_str name, const char *const *names)
{
	size_t i = 0;

	while (names[i] != NULL && !text_equals(name, names[i]))
		i++;
	return i;
}

/* list_field - what one field tells */
static void
list_field(struct list *l, const struct reader_field *f)
{
	char address[LIST_ADDRESS + 1];
	size_t i = list_find(f->name, list_fields);
	bool told;

	if (list_fields[i] != NULL) {
		l->found = true;
		told = i < LIST_TELLING && list_address(f->value, address);
	} else {
		i = list_find(f->name, list_senders);
		told = list_senders[i] != NULL &&
		    list_address(f->value, address) && list_strip(address);
		l->found |= told;
	}
	if (told && l->address[0] == '\0')
		memcpy(l->address, address, sizeof(address));
}

/* list_read - from the fields of a message */
void
list_read(struct list *l, const struct reader *r)
{
	memset(l, 0, sizeof(*l));
	for (unsigned i = 0; i < r->n_fields; i++) {
		list_field(l, &r->fields[i]);
		/* each hop writes above those before it */
		if (text_equals(r->fields[i].name, "received"))
			l->first_hop = &r->fields[i];
	}
}

/* list_names - its address stands in it */
bool
list_names(const struct list *l, weir_str value)
{
	if (value.len > READER_VALUE)
		value.len = READER_VALUE;
	return l->address[0] != '\0' && text_find(value, l->address) != NULL;
}

/* list_tag - of a subject */
weir_str
list_tag(weir_str s)
{
	const char *end;

	for (size_t i = 0; list_replies[i] != NULL;) {
		s = text_trim(s);
		if (!text_begins(s, list_replies[i])) {
			i++;
			continue;
		}
		s.ptr += strlen(list_replies[i]);
		s.len -= strlen(list_replies[i]);
		i = 0;
	}
	end = s.len > 2 && s.ptr[0] == '[' ?
	    memchr(s.ptr, ']', s.len < LIST_TAG ? s.len : LIST_TAG) :
	    NULL;
	return (weir_str){ s.ptr, end != NULL ? (size_t)(end - s.ptr) + 1 : 0 };
}
