/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file - message files: written once, never changed. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_CHUNK 65536

/* file_fault - errno in words; a full disk is no fault of the mail's */
static int
file_fault(struct fault *f, const char *path)
{
	return fault_set(f, WEIR_E_TEMP, "%s: %s", path, strerror(errno));
}

/* file_sync_dir - names in it are on disk */
int
file_sync_dir(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = WEIR_OK;

	if (fd < 0 || fsync(fd) != 0)
		status = file_fault(f, path);
	if (fd >= 0)
		close(fd);
	return status;
}

/* file_mkdir - one folder, and its name in the one above */
int
file_mkdir(const char *path, struct fault *f)
{
	char above[4096];
	char *slash;

	if (mkdir(path, 0750) != 0)
		return errno == EEXIST ? WEIR_OK : file_fault(f, path);
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (slash == NULL || slash == above)
		return WEIR_OK;
	*slash = '\0';
	return file_sync_dir(above, f);
}

/* file_id - 128 bits from the kernel, in base 32 */
int
file_id(char out[ID_LEN + 1], struct fault *f)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char r[17] = { 0 };
	unsigned bits = 0, have = 0;
	size_t n = 0;

	if (getrandom(r, 16, 0) != 16)
		return file_fault(f, "getrandom");
	for (size_t i = 0; n < ID_LEN; i++) {
		bits = bits << 8 | r[i];
		have += 8;
		while (have >= 5 && n < ID_LEN) {
			have -= 5;
			out[n++] = letters[bits >> have & 31];
		}
	}
	out[n] = '\0';
	return WEIR_OK;
}

/* file_day - the folder for this day, made on demand */
static int
file_day(struct store *st, int64_t time_ms, char day[16], struct fault *f)
{
	time_t t = (time_t)(time_ms / 1000);
	char path[4096];
	struct tm tm;
	int status = WEIR_OK;

	gmtime_r(&t, &tm);
	strftime(day, 16, "%Y%m%d", &tm);
	pthread_mutex_lock(&st->made_lock);
	if (strcmp(st->made, day) != 0) {
		snprintf(path, sizeof(path), "%s/mail/%s", st->folder, day);
		status = file_mkdir(path, f);
		if (status == WEIR_OK)
			snprintf(st->made, sizeof(st->made), "%s", day);
	}
	pthread_mutex_unlock(&st->made_lock);
	return status;
}

/* file_put - all of it, or errno */
static int
file_put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* file_copy - octet by octet, with their digest; to < 0: the digest alone */
static int
file_copy(int from, int to, uint64_t skip, uint64_t max, uint64_t *size_out,
    unsigned char digest[DIGEST_LEN], const char *path, struct fault *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char *chunk = malloc(FILE_CHUNK);
	int status = WEIR_OK;
	uint64_t at = skip;

	if (ctx == NULL || chunk == NULL ||
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		status = fault_set(f, WEIR_E_NOMEM, "no memory");
	while (status == WEIR_OK) {
		ssize_t n = pread(from, chunk, FILE_CHUNK, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n > 0 && to >= 0 &&
				 file_put(to, chunk, (size_t)n) != 0))
			status = file_fault(f, path);
		if (n <= 0)
			break;
		EVP_DigestUpdate(ctx, chunk, (size_t)n);
		at += (uint64_t)n;
		if (max > 0 && at > max)
			status = fault_set(f, WEIR_E_LIMIT, "larger than "
			    "max_message");
	}
	if (status == WEIR_OK)
		EVP_DigestFinal_ex(ctx, digest, NULL);
	if (size_out != NULL)
		*size_out = at - skip;
	EVP_MD_CTX_free(ctx);
	free(chunk);
	return status;
}

/* file_write - a new message file, still open */
int
file_write(struct store *st, int from, uint64_t max, int64_t time_ms,
    char out[FILE_LEN], uint64_t *size_out, unsigned char digest[DIGEST_LEN],
    int *fd_out, struct fault *f)
{
	char path[4096], day[16], name[ID_LEN + 1];
	int fd, status;

	status = file_day(st, time_ms, day, f);
	if (status == WEIR_OK)
		status = file_id(name, f);
	if (status < 0)
		return status;
	snprintf(out, FILE_LEN, "%s/%s", day, name);
	snprintf(path, sizeof(path), "%s/mail/%s", st->folder, out);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0640);
	if (fd < 0 && errno == ENOENT) {
		/* somebody tidied up the day's folder */
		pthread_mutex_lock(&st->made_lock);
		st->made[0] = '\0';
		pthread_mutex_unlock(&st->made_lock);
		status = file_day(st, time_ms, day, f);
		if (status == WEIR_OK)
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC | O_NOFOLLOW, 0640);
	}
	if (fd < 0)
		return file_fault(f, path);
	status = file_copy(from, fd, 0, max, size_out, digest, path, f);
	*fd_out = fd;
	if (status == WEIR_OK)
		return status;
	close(fd);
	unlink(path);
	return status;
}

/* file_sync - its content is on disk; closes it */
int
file_sync(int fd, struct fault *f)
{
	int status = fsync(fd) == 0 ? WEIR_OK : file_fault(f, "fsync");

	if (close(fd) != 0 && status == WEIR_OK)
		status = file_fault(f, "close");
	return status;
}

/* file_open - read it */
int
file_open(const struct store *st, const char *file, struct fault *f)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/mail/%s", st->folder, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	return fault_set(f, errno == ENOENT ? WEIR_E_NOTFOUND : WEIR_E_TEMP,
	    "%s: %s", path, strerror(errno));
}

/* file_unlink - the row is gone already */
void
file_unlink(const struct store *st, const char *file)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/mail/%s", st->folder, file);
	unlink(path);
}

/* file_sync_day - the names of a day */
int
file_sync_day(const struct store *st, const char *file, struct fault *f)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/mail/%.8s", st->folder, file);
	return file_sync_dir(path, f);
}

/* file_digest - SHA-256 of what is there now */
int
file_digest(int fd, uint64_t skip, unsigned char digest[DIGEST_LEN],
    struct fault *f)
{
	return file_copy(fd, -1, skip, 0, NULL, digest, "reading", f);
}
