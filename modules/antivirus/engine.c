/* SPDX-License-Identifier: GPL-2.0-only */
#include "engine.h"

#include <clamav.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 512

_Thread_local struct engine_messages engine_messages;

static engine_log_fn *engine_log;

/* One database file. */
struct engine_file {
	char name[256];
	int rank;
	bool skip;
};

/* engine_on_message - libclamav speaks */
static void
engine_on_message(enum cl_msg severity, const char *full, const char *msg,
    void *context)
{
	char line[sizeof(engine_messages.last)];
	size_t n;

	(void)full;
	(void)context;
	if (severity < CL_MSG_WARN)
		return;
	n = (size_t)snprintf(line, sizeof(line), "%s", msg);
	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	while (n > 0 && (unsigned char)line[n - 1] <= ' ')
		line[--n] = '\0';
	if (severity >= CL_MSG_ERROR) {
		engine_messages.errors++;
		/* the file and what the error code says: known anyway, and
		   the message before it has the line */
		if (strncmp(line, "Can't load ", 11) != 0)
			memcpy(engine_messages.last, line, n + 1);
	}
	if (engine_log != NULL)
		engine_log(severity >= CL_MSG_ERROR, line);
}

/* engine_init - the library */
int
engine_init(engine_log_fn *log, char problem[ENGINE_PROBLEM_MAX + 1])
{
	cl_error_t rc;

	engine_log = log;
	cl_set_clcb_msg(engine_on_message);
	rc = cl_init(CL_INIT_DEFAULT);
	if (rc == CL_SUCCESS)
		return WEIR_OK;
	snprintf(problem, ENGINE_PROBLEM_MAX + 1, "libclamav: %s",
	    cl_strerror(rc));
	return WEIR_E_TEMP;
}

/* engine_version - of the library that runs */
const char *
engine_version(void)
{
	return cl_retver();
}

/* engine_rank - the order of loading, 0: not a database.  What excludes
   signatures comes before them. */
static int
engine_rank(const char *name)
{
	static const char *const suffixes[] = { "cvd", "cld", "cud", "hdb",
		"hdu", "hsb", "hsu", "ndb", "ndu", "ldb", "ldu", "mdb", "mdu",
		"msb", "msu", "fp", "sfp", "ftm", "cfg", "pdb", "gdb", "wdb",
		"cbc", "cdb", "idb", "crb", "cat", "ioc", "yar", "yara", "pwdb",
		"sdb", "zmd", "rmd", "imp", "db", "info" };
	const char *dot = strrchr(name, '.');

	if (name[0] == '.' || dot == NULL)
		return 0;
	if (strcmp(dot, ".ign") == 0 || strcmp(dot, ".ign2") == 0)
		return 1;
	if (strcmp(dot, ".ftm") == 0 || strcmp(dot, ".cfg") == 0)
		return 2;
	if (strncmp(name, "daily.", 6) == 0)
		return 3;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (strcmp(dot + 1, suffixes[i]) == 0)
			return strcmp(suffixes[i], "info") == 0 ? 5 : 4;
	}
	return 0;
}

/* engine_mix - one more word into a hash (FNV-1a) */
static uint64_t
engine_mix(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* engine_print - a sum over files, so their order is all one */
int
engine_print(const char *dir, uint64_t *print, uint32_t *files)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	*print = 0;
	*files = 0;
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		uint64_t h = UINT64_C(0xcbf29ce484222325);
		int rank = engine_rank(e->d_name);
		struct stat st;

		if (rank == 0 || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		h = engine_mix(h, e->d_name, strlen(e->d_name));
		h = engine_mix(h, &st.st_size, sizeof(st.st_size));
		h = engine_mix(h, &st.st_mtim, sizeof(st.st_mtim));
		h = engine_mix(h, &st.st_ino, sizeof(st.st_ino));
		*print += h;
		/* these alone detect nothing */
		*files += rank >= 3 && rank < 5;
	}
	closedir(d);
	return 0;
}

/* engine_set - what libclamav is told */
static cl_error_t
engine_set(struct cl_engine *cl, const struct engine_limits *l)
{
	const struct {
		enum cl_engine_field field;
		long long value;
	} numbers[] = {
		{ CL_ENGINE_MAX_SCANSIZE, (long long)l->max_scan_size },
		{ CL_ENGINE_MAX_FILESIZE, (long long)l->max_file_size },
		{ CL_ENGINE_MAX_FILES, l->max_files },
		{ CL_ENGINE_MAX_RECURSION, l->max_recursion },
		{ CL_ENGINE_MAX_SCANTIME, l->max_scan_ms },
		{ CL_ENGINE_DISABLE_CACHE, !l->cache },
		/* no memory may become executable in here */
		{ CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER },
		{ CL_ENGINE_BYTECODE_SECURITY, CL_BYTECODE_TRUST_SIGNED },
		{ CL_ENGINE_DISABLE_PE_STATS, 1 },
	};
	cl_error_t rc = CL_SUCCESS;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) &&
	     rc == CL_SUCCESS; i++)
		rc = cl_engine_set_num(cl, numbers[i].field,
		    numbers[i].value);
	if (rc == CL_SUCCESS && l->structured_count > 0)
		rc = cl_engine_set_num(cl, CL_ENGINE_MIN_CC_COUNT,
		    l->structured_count);
	if (rc == CL_SUCCESS && l->structured_count > 0)
		rc = cl_engine_set_num(cl, CL_ENGINE_MIN_SSN_COUNT,
		    l->structured_count);
	if (rc == CL_SUCCESS && l->temp_dir[0] != '\0')
		rc = cl_engine_set_str(cl, CL_ENGINE_TMPDIR, l->temp_dir);
	return rc;
}

/* engine_list - the database files of a folder, in the order of loading */
static size_t
engine_list(const char *dir, struct engine_file *out)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	while (d != NULL && n < FILES_MAX && (e = readdir(d)) != NULL) {
		size_t i = n;
		struct engine_file f = { .rank = engine_rank(e->d_name) };
		struct stat st;

		if (f.rank == 0 || f.rank == 5 ||
		    strlen(e->d_name) >= sizeof(f.name) ||
		    fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		memcpy(f.name, e->d_name, strlen(e->d_name) + 1);
		for (; i > 0 && (out[i - 1].rank > f.rank ||
			 (out[i - 1].rank == f.rank &&
			     strcmp(out[i - 1].name, f.name) > 0)); i--)
			out[i] = out[i - 1];
		out[i] = f;
		n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* engine_time - when the newest file was made; a .cvd says so itself */
static int64_t
engine_time(const char *dir, const struct engine_file *files, size_t n,
    uint32_t *version)
{
	int64_t newest = 0;

	*version = 0;
	for (size_t i = 0; i < n; i++) {
		char path[4096];
		const char *dot = strrchr(files[i].name, '.');
		bool cvd = strcmp(dot, ".cvd") == 0 ||
		    strcmp(dot, ".cld") == 0;
		struct cl_cvd *head;
		struct stat st;
		int64_t made;

		if (files[i].skip || files[i].rank < 3)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		if (stat(path, &st) < 0)
			continue;
		made = (int64_t)st.st_mtim.tv_sec * 1000;
		head = cvd ? cl_cvdhead(path) : NULL;
		if (head != NULL) {
			made = (int64_t)head->stime * 1000;
			if (files[i].rank == 3)
				*version = head->version;
			cl_cvdfree(head);
		}
		if (made > newest)
			newest = made;
	}
	return newest;
}

/* engine_load_files - into a fresh engine; on failure *bad is the file */
static cl_error_t
engine_load_files(const char *dir, const struct engine_file *files, size_t n,
    const struct engine_limits *l, struct cl_engine **out, uint32_t *sigs,
    size_t *bad)
{
	unsigned options = CL_DB_STDOPT, count = 0;
	struct cl_engine *cl = cl_engine_new();
	cl_error_t rc = cl != NULL ? engine_set(cl, l) : CL_EMEM;

	if (!l->phishing)
		options &= ~(unsigned)(CL_DB_PHISHING | CL_DB_PHISHING_URLS);
	if (!l->bytecode)
		options &= ~(unsigned)CL_DB_BYTECODE;
	if (l->pua)
		options |= CL_DB_PUA;
	*bad = n;
	for (size_t i = 0; i < n && rc == CL_SUCCESS; i++) {
		char path[4096];

		if (files[i].skip)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		rc = cl_load(path, cl, &count, options);
		if (rc != CL_SUCCESS)
			*bad = i;
	}
	if (rc == CL_SUCCESS)
		rc = cl_engine_compile(cl);
	if (rc != CL_SUCCESS && cl != NULL) {
		cl_engine_free(cl);
		cl = NULL;
	}
	*out = cl;
	*sigs = count;
	return rc;
}

/* engine_resident - from /proc, which the sandbox leaves open */
uint64_t
engine_resident(void)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long long size, resident = 0;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* engine_try - load, leaving out one broken file after the other */
static int
engine_try(const char *dir, const struct engine_limits *l, bool salvage,
    struct engine_file *files, size_t n, struct engine *e,
    char problem[ENGINE_PROBLEM_MAX + 1])
{
	size_t left = 0, bad;
	cl_error_t rc;

	for (size_t i = 0; i < n; i++)
		left += files[i].rank >= 3;
	for (;;) {
		if (left == 0) {
			if (e->left_out > 0)
				return WEIR_E_INVAL;
			snprintf(problem, ENGINE_PROBLEM_MAX + 1,
			    "there is no database in %s", dir);
			return WEIR_E_NOTFOUND;
		}
		engine_messages.last[0] = '\0';
		rc = engine_load_files(dir, files, n, l, &e->cl,
		    &e->signatures, &bad);
		if (rc == CL_SUCCESS)
			return WEIR_OK;
		snprintf(problem, ENGINE_PROBLEM_MAX + 1, "%s/%s: %s%s%s", dir,
		    bad < n ? files[bad].name : "", cl_strerror(rc),
		    engine_messages.last[0] != '\0' ? ": " : "",
		    engine_messages.last);
		if (rc == CL_EMEM)
			return WEIR_E_NOMEM;
		if (!salvage || bad >= n)
			return WEIR_E_INVAL;
		files[bad].skip = true;
		left -= files[bad].rank >= 3;
		e->left_out++;
		memcpy(e->problem, problem, sizeof(e->problem));
	}
}

/* engine_load - a new engine */
int
engine_load(const char *dir, const struct engine_limits *limits, bool salvage,
    struct engine **out, char problem[ENGINE_PROBLEM_MAX + 1])
{
	struct engine_file *files = calloc(FILES_MAX, sizeof(*files));
	struct engine *e = calloc(1, sizeof(*e));
	struct timespec begin, end;
	uint64_t before = engine_resident(), after;
	uint32_t n_files;
	size_t n;
	int status = WEIR_E_NOMEM;

	*out = NULL;
	if (files == NULL || e == NULL)
		goto out;
	/* what changes while it is read is seen as a change afterwards */
	if (engine_print(dir, &e->print, &n_files) < 0) {
		snprintf(problem, ENGINE_PROBLEM_MAX + 1, "%s: %s", dir,
		    strerror(errno));
		status = WEIR_E_NOTFOUND;
		goto out;
	}
	n = engine_list(dir, files);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	status = engine_try(dir, limits, salvage, files, n, e, problem);
	if (status < 0)
		goto out;
	clock_gettime(CLOCK_MONOTONIC, &end);
	e->load_us = (uint64_t)((end.tv_sec - begin.tv_sec) * 1000000 +
	    (end.tv_nsec - begin.tv_nsec) / 1000);
	engine_callbacks(e->cl);
	e->newest_ms = engine_time(dir, files, n, &e->version);
	after = engine_resident();
	e->bytes = after > before ? after - before : 0;
	*out = e;
	e = NULL;
out:
	free(files);
	free(e);
	return status;
}

/* engine_free - the library's and ours */
void
engine_free(struct engine **e)
{
	if (*e != NULL && (*e)->cl != NULL)
		cl_engine_free((*e)->cl);
	free(*e);
	*e = NULL;
}
