/* SPDX-License-Identifier: GPL-2.0-or-later */
/* same - is a message that comes in the one that we sent out. */
#include "release.h"

#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* What MTAs put into a header on the way: trace fields (RFC 5322 3.6.7), and
   behind them those that a message must have (3.6), where it has none. */
static const char *const same_fields[] = { "Received", "Return-Path",
	"Delivered-To", "X-Original-To", TOKEN_FIELD, "Date", "Message-ID",
	"From", "To" };
#define SAME_TRACE 5u

/* same_field - the field at the head of s, with its folded lines and line end;
   0: the empty line, or no more */
static size_t
same_field(weir_str s)
{
	size_t at = 0;

	if (s.len == 0 || s.ptr[0] == '\r' || s.ptr[0] == '\n')
		return 0;
	do {
		const char *lf = memchr(s.ptr + at, '\n', s.len - at);

		if (lf == NULL)
			return s.len;
		at = (size_t)(lf - s.ptr) + 1;
	} while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t'));
	return at;
}

/* same_skip - forget the first n octets */
static void
same_skip(weir_str *s, size_t n)
{
	s->ptr += n;
	s->len -= n;
}

/* same_is - is the field at the head of s called so */
static bool
same_is(weir_str s, const char *name)
{
	size_t n = strlen(name);

	return s.len > n && strncasecmp(s.ptr, name, n) == 0 &&
	    (s.ptr[n] == ':' || s.ptr[n] == ' ' || s.ptr[n] == '\t');
}

/* same_has - is there such a field in a header */
static bool
same_has(weir_str header, const char *name)
{
	size_t n;

	for (; (n = same_field(header)) > 0; same_skip(&header, n)) {
		if (same_is(header, name))
			return true;
	}
	return false;
}

/* same_may_be_new - is it a field that MTAs add to that message: a second From
   would show the recipient another sender */
static bool
same_may_be_new(weir_str all, weir_str s)
{
	for (size_t i = 0; i < sizeof(same_fields) / sizeof(*same_fields);
	     i++) {
		if (same_is(s, same_fields[i]))
			return i < SAME_TRACE ||
			    !same_has(all, same_fields[i]);
	}
	return false;
}

/* same_compare - ours with nothing but known fields between its own */
static bool
same_compare(weir_str ours, weir_str theirs)
{
	const weir_str all = ours;

	for (;;) {
		size_t n = same_field(ours), k = same_field(theirs);

		if (n > 0 && n == k && memcmp(ours.ptr, theirs.ptr, n) == 0) {
			same_skip(&ours, n);
			same_skip(&theirs, k);
		} else if (k > 0 && same_may_be_new(all, theirs)) {
			same_skip(&theirs, k);
		} else {
			break;
		}
	}
	/* the empty line and the body */
	return ours.len == theirs.len &&
	    memcmp(ours.ptr, theirs.ptr, ours.len) == 0;
}

/* same_map - a descriptor's content; false: it can't be read */
static bool
same_map(int fd, weir_str *out)
{
	struct stat sb;
	void *at;

	if (fstat(fd, &sb) != 0 || sb.st_size <= 0)
		return false;
	at = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return false;
	out->ptr = at;
	out->len = (size_t)sb.st_size;
	return true;
}

/* release_is_same - with the file that was kept */
int
release_is_same(struct store *st, int fd, const char *id, struct fault *f)
{
	weir_str ours = { "", 0 }, theirs = { "", 0 };
	sqlite3 *db = store_begin(st, false, f);
	int mine = -1, status = f->status;
	struct item i;

	if (db != NULL) {
		status = item_find(db, id, &i, f);
		store_end(st);
	}
	if (db == NULL || status < 0)
		return status;
	mine = file_open(st, i.file, f);
	if (mine < 0)
		return f->status;
	if (!same_map(mine, &ours) || !same_map(fd, &theirs))
		status = fault_set(f, WEIR_E_TEMP, "the messages can't be "
		    "compared");
	else if (!same_compare(ours, theirs))
		status = fault_set(f, WEIR_E_INVAL, "not the message that was "
		    "kept");
	if (ours.len > 0)
		munmap((void *)(uintptr_t)ours.ptr, ours.len);
	if (theirs.len > 0)
		munmap((void *)(uintptr_t)theirs.ptr, theirs.len);
	close(mine);
	return status;
}
