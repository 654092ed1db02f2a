/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scan_crypt - what headers of archives say about encryption and volumes,
   where libarchive says nothing or not in time. */
#include <string.h>

#include "scan.h"

#define ZIP_TAIL 66000u /* octets that may be an end of a directory */
#define CRYPT_HEADERS 4096u /* headers walked in one archive */

/* u16, u32 - little endian; 0 behind the end */
static uint32_t
u16(weir_str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;

	return at + 2 <= s.len ? (uint32_t)(p[0] | p[1] << 8) : 0;
}

static uint32_t
u32(weir_str s, size_t at)
{
	return u16(s, at) | u16(s, at + 2) << 16;
}

/* vint - as RAR 5 writes numbers; *at moves behind it */
static uint64_t
vint(weir_str s, size_t *at)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 63 && *at < s.len; shift += 7) {
		unsigned char c = (unsigned char)s.ptr[(*at)++];

		n |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0)
			return n;
	}
	*at = s.len;
	return 0;
}

/* crypt_zip - bit 0 of the flags in the directory, or of the first file */
static uint64_t
crypt_zip(weir_str data)
{
	const char *p = memmem(data.ptr, data.len, "PK\1\2", 4);
	unsigned n = 0;

	if (data.len > 30 && memcmp(data.ptr, "PK\3\4", 4) == 0 &&
	    (u16(data, 6) & 1) != 0)
		return CAT(ENCRYPTED_ZIP);
	while (p != NULL && n++ < CRYPT_HEADERS) {
		size_t at = (size_t)(p - data.ptr);

		if ((u16(data, at + 8) & 1) != 0)
			return CAT(ENCRYPTED_ZIP);
		at += 46;
		if (at >= data.len)
			break;
		at += u16(data, at - 18) + u16(data, at - 16) +
		    u16(data, at - 14);
		if (at + 4 > data.len || memcmp(data.ptr + at, "PK\1\2", 4))
			break;
		p = data.ptr + at;
	}
	return 0;
}

/* zip_end - where the last end of a directory begins, or SIZE_MAX */
static size_t
zip_end(weir_str data)
{
	for (size_t n = 22; n <= data.len && n < ZIP_TAIL; n++) {
		if (memcmp(data.ptr + data.len - n, "PK\5\6", 4) == 0)
			return data.len - n;
	}
	return SIZE_MAX;
}

/* scan_zip_front - by the places that the directory gives */
bool
scan_zip_front(weir_str data)
{
	const char *front = memmem(data.ptr, data.len, "PK\3\4", 4);
	size_t end = zip_end(data), at, shift;
	uint64_t first = UINT64_MAX;

	if (front == NULL || end == SIZE_MAX)
		return false;
	/* a size or place that can't be (or zip64): whoever can't tell looks */
	if (u32(data, end + 12) > end ||
	    u32(data, end + 16) > end - u32(data, end + 12))
		return true;
	at = end - u32(data, end + 12);
	shift = at - u32(data, end + 16);
	for (unsigned n = 0; n < CRYPT_HEADERS && at + 46 <= end &&
	     memcmp(data.ptr + at, "PK\1\2", 4) == 0; n++) {
		if (u32(data, at + 42) < first)
			first = u32(data, at + 42);
		at += 46 + u16(data, at + 28) + u16(data, at + 30) +
		    u16(data, at + 32);
	}
	return first == UINT64_MAX ||
	    first + shift > (uint64_t)(front - data.ptr);
}

/* crypt_7z - the AES coder in a header, or a header that is packed with it */
static uint64_t
crypt_7z(weir_str data)
{
	uint64_t offset, size;
	weir_str tail;

	if (data.len < 32)
		return 0;
	offset = u32(data, 12) | (uint64_t)u32(data, 16) << 32;
	size = u32(data, 20) | (uint64_t)u32(data, 24) << 32;
	if (offset > data.len - 32 || size > data.len - 32 - offset)
		return 0;
	tail = (weir_str){ data.ptr + 32 + offset, (size_t)size };
	if (tail.len > 0 &&
	    memmem(tail.ptr, tail.len, "\x06\xf1\x07\x01", 4) != NULL)
		return CAT(ENCRYPTED_7Z);
	return 0;
}

/* crypt_rar4 - blocks: flags of the archive and of each file */
static uint64_t
crypt_rar4(weir_str data)
{
	uint64_t set = 0;
	size_t at = 7;

	for (unsigned n = 0; n < CRYPT_HEADERS && at + 7 <= data.len; n++) {
		unsigned type = (unsigned char)data.ptr[at + 2];
		uint32_t flags = u16(data, at + 3), size = u16(data, at + 5);
		uint64_t add = 0;

		if (type == 0x73) {
			if ((flags & 0x0080) != 0)
				return set | CAT(ENCRYPTED_RAR);
			if ((flags & 0x0001) != 0)
				set |= CAT(ARCHIVE_VOLUME);
		} else if (type == 0x74 && (flags & 0x0004) != 0) {
			set |= CAT(ENCRYPTED_RAR);
		}
		if (type == 0x74 || type == 0x7a || (flags & 0x8000) != 0)
			add = u32(data, at + 7);
		if (size < 7 || type < 0x72 || type > 0x7b ||
		    add > data.len || at + size + add <= at)
			break;
		at += (size_t)(size + add);
	}
	return set;
}

/* crypt_rar5_extra - an encryption record of a file */
static bool
crypt_rar5_extra(weir_str data, size_t at, size_t end)
{
	while (at < end && end <= data.len) {
		uint64_t size = vint(data, &at);
		size_t next = at + (size_t)size, p = at;

		if (size == 0 || size > end - at)
			break;
		if (vint(data, &p) == 1)
			return true;
		at = next;
	}
	return false;
}

/* crypt_rar5 - headers: 4 encrypts all that follow; files have a record */
static uint64_t
crypt_rar5(weir_str data)
{
	uint64_t set = 0;
	size_t at = 8;

	for (unsigned n = 0; n < CRYPT_HEADERS && at + 6 < data.len; n++) {
		uint64_t size, type, flags, extra = 0, body = 0;
		size_t start, end;

		at += 4;
		size = vint(data, &at);
		start = at;
		if (size == 0 || size > data.len - start)
			break;
		end = start + (size_t)size;
		type = vint(data, &at);
		flags = vint(data, &at);
		if ((flags & 1) != 0)
			extra = vint(data, &at);
		if ((flags & 2) != 0)
			body = vint(data, &at);
		if (type == 4)
			return set | CAT(ENCRYPTED_RAR);
		if (type == 1 && (vint(data, &at) & 1) != 0)
			set |= CAT(ARCHIVE_VOLUME);
		if (type == 2 && extra > 0 && extra < size &&
		    crypt_rar5_extra(data, end - (size_t)extra, end))
			set |= CAT(ENCRYPTED_RAR);
		if (body > data.len - end)
			break;
		at = end + (size_t)body;
	}
	return set;
}

/* scan_crypt - by kind; TYPE_OTHER is a zip file behind something */
uint64_t
scan_crypt(weir_str data, enum type_kind kind)
{
	switch (kind) {
	case TYPE_ZIP:
	case TYPE_OTHER:
		return crypt_zip(data);
	case TYPE_7Z:
		return crypt_7z(data);
	case TYPE_RAR:
		if (data.len > 8 && data.ptr[6] == 1)
			return crypt_rar5(data);
		return crypt_rar4(data);
	case TYPE_ARCHIVE:
		/* a cabinet that goes on in another file */
		if (data.len > 36 && memcmp(data.ptr, "MSCF", 4) == 0 &&
		    (u16(data, 30) & 3) != 0)
			return CAT(ARCHIVE_VOLUME);
		return 0;
	default:
		return 0;
	}
}

/* scan_arj - names and flags from its headers; what is packed nobody reads */
void
scan_arj(struct scan *s, struct scan_object *o, weir_str data)
{
	size_t at = 0;

	scan_note(o, CAT(ARCHIVE_UNSUPPORTED));
	for (unsigned n = 0; n < CRYPT_HEADERS && at + 4 < data.len; n++) {
		uint32_t size = u16(data, at + 2), first;
		size_t head = at + 4, end, extra;
		weir_str name;
		const char *nul;

		if (u16(data, at) != 0xea60 || size < 30 ||
		    size > data.len - head || scan_late(s, o))
			return;
		end = head + size;
		first = (unsigned char)data.ptr[head];
		if ((data.ptr[head + 4] & 1) != 0)
			scan_note(o, CAT(ENCRYPTED_OTHER));
		if ((data.ptr[head + 4] & 4) != 0)
			scan_note(o, CAT(ARCHIVE_VOLUME));
		if (first < 30 || first > size)
			return;
		name.ptr = data.ptr + head + first;
		nul = memchr(name.ptr, '\0', size - first);
		name.len = nul != NULL ? (size_t)(nul - name.ptr) :
					 size - first;
		/* the first one is of the archive itself */
		if (n > 0 && scan_add(s, o, &name, 1) == NULL)
			return;
		at = end + 4;
		while ((extra = u16(data, at)) > 0 && extra < data.len - at)
			at += extra + 6;
		at += 2;
		if (n > 0)
			at += u32(data, head + 12);
	}
	if (at + 4 < data.len)
		scan_note(o, CAT(LIMIT_COUNT));
}
