/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_read - find frames in files that may be cut, damaged or growing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "replay/ring.h"
#include "replay/ring_int.h"

static uint32_t
read_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

/* ring_crc - CRC-32 as in zlib, without a table: a frame is read once */
uint32_t
ring_crc(const char *data, size_t len)
{
	static const uint32_t half[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8,
		0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0,
		0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		crc = crc >> 4 ^ half[crc & 15];
		crc = crc >> 4 ^ half[crc & 15];
	}
	return ~crc;
}

/* scan_frame - the octets of a good frame at p, or 0 */
static size_t
scan_frame(const char *p, size_t left)
{
	uint32_t n;

	if (left < RING_HEAD || memcmp(p, RING_MAGIC, 4) != 0)
		return 0;
	n = read_u32(p + 4);
	if (n > left - RING_HEAD ||
	    ring_crc(p + 12, n + 8) != read_u32(p + 8))
		return 0;
	return RING_HEAD + n;
}

/* ring_scan - the next good one */
bool
ring_scan(weir_str data, size_t *at, weir_str *content, int64_t *time_ms,
    uint64_t *damaged)
{
	while (*at < data.len) {
		const char *p = data.ptr + *at, *next;
		size_t left = data.len - *at, n = scan_frame(p, left);

		if (n > 0) {
			*content = (weir_str){ p + RING_HEAD, n - RING_HEAD };
			*time_ms = (int64_t)((uint64_t)read_u32(p + 12) << 32 |
			    read_u32(p + 16));
			*at += n;
			return true;
		}
		next = left > 1 ? memmem(p + 1, left - 1, RING_MAGIC, 4) :
				  NULL;
		n = next != NULL ? (size_t)(next - p) : left;
		*damaged += n;
		*at += n;
	}
	return false;
}

/* list_name - is it one of our files */
bool
ring_is_file(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && strcmp(name + n - 4, ".rec") == 0;
}

/* list_map - a file as octets, up to where it reaches now; len 0: nothing */
static weir_str
list_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	weir_str out = { NULL, 0 };
	struct stat st;
	void *p;

	if (fd < 0)
		return out;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
		    0);
		if (p != MAP_FAILED)
			out = (weir_str){ p, (size_t)st.st_size };
	}
	close(fd);
	return out;
}

/* list_file - the frames of one file */
static void
list_file(struct ring_list *list, const char *path, int64_t since_ms)
{
	weir_str data = list_map(path), content;
	size_t at = 0;
	int64_t time_ms;

	if (data.len == 0)
		return;
	*vec_push(&list->files) = xstrdup(path);
	while (ring_scan(data, &at, &content, &time_ms, &list->damaged)) {
		struct ring_ref *ref;

		if (time_ms < since_ms)
			continue;
		ref = vec_push(&list->refs);
		ref->file = (uint32_t)list->files.n - 1;
		ref->offset = at - content.len - RING_HEAD;
		ref->time_ms = time_ms;
	}
	munmap((void *)(uintptr_t)data.ptr, data.len);
}

/* list_compare - by time, then as they stand */
static int
list_compare(const void *a, const void *b)
{
	const struct ring_ref *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* ring_list - all there is */
int
ring_list(const char *dir, int64_t since_ms, struct ring_list *out,
    struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	memset(out, 0, sizeof(*out));
	if (d == NULL)
		return err_set(err, errno == ENOENT ? WEIR_E_NOTFOUND :
		    WEIR_E_TEMP, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL) {
		char *path;

		if (!ring_is_file(e->d_name))
			continue;
		path = xasprintf("%s/%s", dir, e->d_name);
		list_file(out, path, since_ms);
		free(path);
	}
	closedir(d);
	if (out->refs.n > 1)
		qsort(out->refs.v, out->refs.n, sizeof(out->refs.v[0]),
		    list_compare);
	return WEIR_OK;
}

/* ring_list_fini - forget it */
void
ring_list_fini(struct ring_list *list)
{
	for (size_t i = 0; i < list->files.n; i++)
		free(list->files.v[i]);
	vec_fini(&list->files);
	vec_fini(&list->refs);
}

/* ring_get - read one again */
int
ring_get(const struct ring_list *list, const struct ring_ref *ref,
    struct buf *out, struct err *err)
{
	const char *path = list->files.v[ref->file];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char head[RING_HEAD];
	ssize_t got = -1;
	uint32_t n;

	buf_clear(out);
	if (fd >= 0)
		got = pread(fd, head, sizeof(head), (off_t)ref->offset);
	if (got == sizeof(head) && memcmp(head, RING_MAGIC, 4) == 0 &&
	    (n = read_u32(head + 4)) <= RING_FRAME_LIMIT) {
		buf_add(out, head, sizeof(head));
		buf_reserve(out, n);
		got = pread(fd, out->ptr + RING_HEAD, n,
		    (off_t)ref->offset + RING_HEAD);
		if (got == (ssize_t)n)
			out->len += n;
	}
	if (fd >= 0)
		close(fd);
	if (out->len < RING_HEAD || scan_frame(out->ptr, out->len) == 0)
		return err_set(err, WEIR_E_NOTFOUND, "%s: the recording is "
		    "gone", path);
	buf_drop(out, RING_HEAD);
	return WEIR_OK;
}
