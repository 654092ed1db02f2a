/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mime-dump FILE... - what the MIME view makes of messages: one line of JSON a
 * file.  With -f NEEDLE: say of each part whether it has the octets of that
 * file.  With -b N: how long parsing and decoding take, the best of N rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/pool.h"
#include "mail/mime.h"

#define DUMP_MAX ((size_t)64 << 20)

static struct buf needle;

/* dump_read - a whole file */
static void
dump_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		fatal("%s: can't be opened", path);
	do {
		n = fread(buf_reserve(out, 65536), 1, 65536, f);
		out->len += n;
	} while (n != 0 && out->len < DUMP_MAX);
	fclose(f);
	buf_add(out, "", 0);
}

/* dump_str - a JSON string; octets that are not UTF-8 become U+FFFD */
static json_t *
dump_str(weir_str s)
{
	char *valid = g_utf8_make_valid(s.ptr, (gssize)s.len);
	json_t *j;

	/* g_utf8_make_valid keeps no NUL inside; say where one was */
	j = json_stringn(valid, strlen(valid));
	g_free(valid);
	return j;
}

/* dump_part - one part */
static json_t *
dump_part(struct mime *m, uint32_t i)
{
	static const char *const flag[] = { "leaf", "text", "html",
		"attachment", "message", "truncated", "embedded",
		"alternate" };
	struct weir_mime_part p = { .size = sizeof(p) };
	json_t *j = json_object(), *names = json_array(),
	       *flags = json_array();
	weir_str s, data;
	char *sum;

	expect(mime_part(m, i, &p) == WEIR_OK);
	for (uint32_t k = 0; k < p.names; k++) {
		expect(mime_part_name(m, i, k, &s) == WEIR_OK);
		json_array_append_new(names, dump_str(s));
	}
	expect(mime_part_data(m, i, SIZE_MAX, &data) != WEIR_E_NOTFOUND);
	sum = g_compute_checksum_for_data(G_CHECKSUM_MD5,
	    (const guchar *)data.ptr, data.len);
	for (unsigned k = 0; k < 8; k++) {
		if ((p.flags & 1u << k) != 0)
			json_array_append_new(flags, json_string(flag[k]));
	}
	json_object_set_new(j, "parent",
	    json_integer(p.parent == UINT32_MAX ? -1 : (json_int_t)p.parent));
	json_object_set_new(j, "depth", json_integer(p.depth));
	json_object_set_new(j, "type", dump_str(p.type));
	json_object_set_new(j, "charset", dump_str(p.charset));
	json_object_set_new(j, "disposition", dump_str(p.disposition));
	json_object_set_new(j, "encoding", json_integer(p.encoding));
	json_object_set_new(j, "offset",
	    json_integer((json_int_t)p.raw_offset));
	json_object_set_new(j, "length",
	    json_integer((json_int_t)p.raw_length));
	json_object_set_new(j, "flags", flags);
	json_object_set_new(j, "names", names);
	json_object_set_new(j, "size", json_integer((json_int_t)data.len));
	json_object_set_new(j, "md5", json_string(sum));
	g_free(sum);
	if (needle.len != 0)
		json_object_set_new(j, "has",
		    json_boolean(memmem(data.ptr, data.len, needle.ptr,
				     needle.len) != NULL));
	if (mime_part_text(m, i, SIZE_MAX, &s) == WEIR_OK)
		json_object_set_new(j, "text", dump_str(s));
	return j;
}

/* dump_file - one message */
static void
dump_file(const char *path, const struct mime_limits *limits)
{
	struct pool *pool = pool_create(16384, 0);
	json_t *j = json_object(), *list;
	struct buf raw = BUF_INIT;
	struct mime *m;
	uint32_t code;
	weir_str s;

	dump_read(path, &raw);
	m = mime_parse(pool, buf_str(&raw), limits);
	json_object_set_new(j, "file", json_string(path));
	list = json_array();
	for (uint32_t i = 0; i < mime_part_count(m); i++)
		json_array_append_new(list, dump_part(m, i));
	json_object_set_new(j, "parts", list);
	list = json_array();
	for (uint32_t i = 0; mime_link_at(m, i, &s) == WEIR_OK; i++)
		json_array_append_new(list, dump_str(s));
	json_object_set_new(j, "links", list);
	list = json_array();
	for (uint32_t i = 0; mime_anomaly_at(m, i, &code, &s) == WEIR_OK; i++)
		json_array_append_new(list, json_integer(code));
	json_object_set_new(j, "anomalies", list);
	if (mime_part_header(m, 0, "subject", &s) == WEIR_OK &&
	    mime_header_decode(pool, s, &s) == WEIR_OK)
		json_object_set_new(j, "subject", dump_str(s));
	json_dumpf(j, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(j);
	pool_destroy(&pool);
	buf_fini(&raw);
}

/* dump_bench - microseconds for parsing, and with decoding of all parts */
static void
dump_bench(const char *path, const struct mime_limits *limits, int rounds)
{
	uint64_t best[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct buf raw = BUF_INIT;
	weir_str s;

	dump_read(path, &raw);
	for (int r = 0; r < rounds; r++) {
		struct pool *pool = pool_create(16384, 0);
		uint64_t t[4];
		struct mime *m;

		t[0] = clock_mono_ns();
		m = mime_parse(pool, buf_str(&raw), limits);
		t[1] = clock_mono_ns();
		for (uint32_t i = 0; i < mime_part_count(m); i++)
			mime_part_data(m, i, SIZE_MAX, &s);
		t[2] = clock_mono_ns();
		mime_link_count(m);
		t[3] = clock_mono_ns();
		pool_destroy(&pool);
		for (int k = 0; k < 3; k++) {
			if (t[k + 1] - t[0] < best[k])
				best[k] = t[k + 1] - t[0];
		}
	}
	printf("%s: %zu octets, parse %.1f us, and decode %.1f us, "
	       "and text and links %.1f us\n",
	    path, raw.len, (double)best[0] / 1e3, (double)best[1] / 1e3,
	    (double)best[2] / 1e3);
	buf_fini(&raw);
}

/* main - arguments */
int
main(int argc, char **argv)
{
	const struct mime_limits limits = MIME_LIMITS_DEFAULT;
	int c, rounds = 0;

	while ((c = getopt(argc, argv, "b:f:")) != -1) {
		if (c == 'b')
			rounds = atoi(optarg);
		else if (c == 'f')
			dump_read(optarg, &needle);
		else
			fatal("usage: mime-dump [-b ROUNDS] [-f NEEDLE] "
			      "FILE...");
	}
	mime_init();
	for (int i = optind; i < argc; i++) {
		if (rounds > 0)
			dump_bench(argv[i], &limits, rounds);
		else
			dump_file(argv[i], &limits);
	}
	mime_fini();
	buf_fini(&needle);
	return 0;
}
