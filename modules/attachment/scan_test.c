/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_test - compound files, packed program text, and what a scan says when
 * its memory ends: at each single allocation, or from there on.
 *
 * The program defines malloc and its kin itself, so that those of libarchive,
 * libxml and the rest come through here, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <zlib.h>

#include <weir/inline.h>

#include "base/clock.h"
#include "daemon/helper_mail.h"

#include "cfb.h"
#include "scan.h"
#include "vba.h"

/* --- memory that ends --- */

#ifndef WEIR_POISON /* a sanitizer has a malloc of its own */
#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static bool counting;
static size_t allocations, fail_from, fail_to;
static size_t room; /* octets of address space that children get; 0: any */

/* refused - does this one fail */
static bool
refused(void)
{
	if (!counting || ++allocations < fail_from || allocations >= fail_to)
		return false;
	errno = ENOMEM;
	return true;
}

EXPORTED void *
malloc(size_t n)
{
	return refused() ? NULL : __libc_malloc(n);
}

EXPORTED void *
calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

EXPORTED void *
realloc(void *p, size_t n)
{
	return refused() ? NULL : __libc_realloc(p, n);
}

/* What a child has found, in memory of both. */
struct finding {
	uint64_t set;
	uint64_t sum; /* of all that rules can ask for */
	size_t allocations;
};

static struct scan_env env = { .mono_ms = clock_mono_ms,
	.mail_open = helper_mail_open, .mail_part = helper_mail_part,
	.mail_name = helper_mail_name, .mail_data = helper_mail_data,
	.mail_close = helper_mail_close };

/* add - octets to a sum (FNV-1a) */
static void
add(uint64_t *sum, const void *p, size_t n)
{
	const unsigned char *u = p;

	for (size_t i = 0; i < n; i++)
		*sum = (*sum ^ u[i]) * UINT64_C(0x100000001b3);
}

/* tell - what was found of every object */
static void
tell(const struct scan *s, struct finding *out)
{
	out->set = 0;
	out->sum = UINT64_C(0xcbf29ce484222325);
	for (uint32_t i = 0; i < s->n_objects; i++) {
		const struct scan_object *o = s->objects[i];

		out->set |= o->own;
		add(&out->sum, &o->own, sizeof(o->own));
		add(&out->sum, &o->size, sizeof(o->size));
		add(&out->sum, s->types[o->type], strlen(s->types[o->type]));
		add(&out->sum, o->path.ptr, o->path.len);
		for (uint32_t k = 0; k < o->n_names; k++)
			add(&out->sum, o->names[k].ptr, o->names[k].len);
	}
}

/* squeeze - so many octets more of address space than there are now */
static void
squeeze(size_t octets)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	struct rlimit r;

	if (f == NULL || fscanf(f, "%lu", &pages) != 1)
		_exit(2);
	fclose(f);
	r.rlim_cur = r.rlim_max = pages * (rlim_t)sysconf(_SC_PAGESIZE) +
	    octets;
	if (setrlimit(RLIMIT_AS, &r) < 0)
		_exit(2);
}

/* look - scan in a child; false: it died, which is a failure that is seen */
static bool
look(weir_str data, size_t from, size_t to, struct finding *out)
{
	static const struct scan_limits limits = { 5, 1000, 5000, 250,
		25 << 20, 250 << 20, 20000 };
	static const struct rlimit no_core = { 0, 0 };
	pid_t child = fork();
	struct scan s;
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		/* not the test's handlers: it would go on with the tests */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		alarm(30);
		if (room > 0)
			squeeze(room);
		fail_from = from;
		fail_to = to;
		counting = true;
		scan_init(&s, &limits, &env);
		/* no object at all is WEIR_E_NOMEM: seen, too */
		if (scan_part(&s, 0, data, data.len, true, false) == NULL)
			_exit(1);
		counting = false;
		tell(&s, out);
		out->allocations = allocations;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* load - one of the seeds of the fuzz targets; the caller frees */
static char *
load(const char *name, size_t *len)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], *data = malloc(65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
	    srcdir != NULL ? srcdir : ".", name);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	*len = fread(data, 1, 65535, f);
	fclose(f);
	data[*len] = '\0';
	return data;
}

/* starve - for one allocation and for all from there: all of them, or up to 40
   runs in a quick one.  Either nothing at all is missing, or a limit says
   so: damage is no word for it, since a site may let the damaged in. */
static void
starve(const char *name, weir_str data, struct finding *f)
{
	struct finding want;
	size_t all, step, deaths = 0, runs = 0, bad = 0;

	assert_true(look(data, SIZE_MAX, SIZE_MAX, f));
	want = *f;
	all = f->allocations;
	step = getenv("WEIR_LONG") != NULL && all < 500 ? 1 :
	    all / 20 + 1;
	for (size_t n = 1; n <= all; n += step) {
		for (int tail = 0; tail < 2; tail++, runs++) {
			if (!look(data, n, tail ? SIZE_MAX : n + 1, f)) {
				deaths++;
				continue;
			}
			if (f->sum == want.sum ||
			    (f->set & CAT(LIMIT_MEMORY)) != 0)
				continue;
			bad++;
			print_message("%s, allocation %zu of %zu%s: %llx "
			    "instead of %llx, and nothing says so\n",
			    name, n, all, tail ? " and later" : "",
			    (unsigned long long)f->set,
			    (unsigned long long)want.set);
		}
	}
	print_message("%s: %zu allocations, %zu runs, %zu deaths\n", name, all,
	    runs, deaths);
	assert_int_equal(bad, 0);
}

/* starve_text - what libmagic alone knows */
static void
starve_text(struct finding *f)
{
	static const struct {
		const char *name;
		weir_str data;
	} texts[] = { { "ps", { "%!PS-Adobe-3.0\n", 15 } },
		{ "c", { "#include <stdio.h>\nint main(void)\n{\n}\n", 38 } },
		{ "html", { "<html><head></head></html>\n", 27 } },
		{ "mp4", { "\0\0\0\030ftypmp42", 12 } } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		starve(texts[i].name, texts[i].data, f);
}

/* Whatever is missing for want of memory, something says so. */
static void
want_of_memory_is_never_clean(void **state)
{
	static const char *const names[] = { "7z", "ar", "arj", "bz2", "cab",
		"cpio", "docx", "eml", "gz", "lha", "odf", "onenote", "pdf",
		"rar4", "rar5", "rtf", "tnef", "word-xml", "xz", "zip",
		"zstd" };
	struct finding *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[100], *data;
	const char *why;
	weir_mail *warm;
	size_t len;

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	xmlInitParser();
	env.magic = type_open(&why);
	assert_non_null(env.magic);
	warm = helper_mail_open((weir_str){ "", 0 });
	helper_mail_close(&warm);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "attachment_scan/%s", names[i]);
		data = load(path, &len);
		/* the first octet is the fuzz target's */
		starve(names[i], (weir_str){ data + 1, len - 1 }, f);
		free(data);
	}
	starve_text(f);
	data = load("attachment_ole/doc", &len);
	starve("doc", (weir_str){ data, len }, f);
	free(data);
	munmap(f, sizeof(*f));
	type_close(env.magic);
	env.magic = NULL;
}

/* packed - a program of so many octets, as a gzip file; the caller frees */
static char *
packed(size_t octets, size_t *len)
{
	unsigned char *in = malloc(octets);
	char *out = malloc(octets + octets / 8);
	uint32_t seed = 1;
	z_stream z = { .next_in = in, .avail_in = (uInt)octets,
		.next_out = (Bytef *)out, .avail_out = (uInt)(octets + octets / 8) };

	for (size_t i = 0; i < octets; i++) {
		seed = seed * 1664525 + 1013904223;
		in[i] = (unsigned char)(seed >> 24);
	}
	memcpy(in, "\x7f" "ELF", 4);
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8,
	    Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*len = z.total_out;
	deflateEnd(&z);
	free(in);
	return out;
}

/* The same when the kernel gives no more, wherever that is. */
static void
end_of_address_space_is_never_clean(void **state)
{
	struct finding *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t len, clean = 0, deaths = 0, short_of = 0;
	char *data = packed(8 << 20, &len);
	struct finding want;

	(void)state;
	assert_true(look((weir_str){ data, len }, SIZE_MAX, SIZE_MAX, f));
	want = *f;
	assert_true((want.set & CAT(EXECUTABLE)) != 0);
	for (room = 1; room < 40 << 20; room += 512 << 10) {
		if (!look((weir_str){ data, len }, SIZE_MAX, SIZE_MAX, f))
			deaths++;
		else if (f->sum == want.sum)
			clean++;
		else if ((f->set & CAT(LIMIT_MEMORY)) != 0)
			short_of++;
		else
			fail_msg("with %zu octets more: %llx", room,
			    (unsigned long long)f->set);
	}
	room = 0;
	print_message("%zu found all, %zu were short of memory, %zu died\n",
	    clean, short_of, deaths);
	/* both sides of the edge have been seen */
	assert_true(clean > 0 && short_of > 0);
	free(data);
	munmap(f, sizeof(*f));
}
#endif

/* --- compound files --- */

#define SECTOR 512u
#define NONE 0xffffffffu
#define END 0xfffffffeu
#define FAT 0xfffffffdu

/* Sector 0: the table; 1: the directory; 2: the table of small ones; 3: theirs;
   4 and 6: a stream of 600 octets (cutoff 100). */
struct file {
	unsigned char octets[SECTOR * 8];
};

static void
put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

static void
put32(unsigned char *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

static unsigned char *
sector(struct file *f, unsigned n)
{
	return f->octets + SECTOR * (n + 1);
}

/* entry - a row of the directory */
static void
entry(struct file *f, unsigned n, const char *name, unsigned kind,
    uint32_t right, uint32_t child, uint32_t start, uint32_t size)
{
	unsigned char *p = sector(f, 1) + (size_t)128 * n;

	for (size_t i = 0; name[i] != '\0'; i++)
		put16(p + 2 * i, (unsigned char)name[i]);
	put16(p + 64, (unsigned)(2 * strlen(name) + 2));
	p[66] = (unsigned char)kind;
	put32(p + 68, NONE);
	put32(p + 72, right);
	put32(p + 76, child);
	put32(p + 116, start);
	put32(p + 120, size);
}

static struct file
compound(void)
{
	static const uint32_t fat[] = { FAT, END, END, END, 6, NONE, END };
	struct file f = { { 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1 } };
	unsigned char *p = f.octets;

	put16(p + 26, 3);
	put16(p + 30, 9);
	put16(p + 32, 6);
	put32(p + 44, 1);
	put32(p + 48, 1);
	put32(p + 56, 100);
	put32(p + 60, 2);
	put32(p + 68, END);
	for (unsigned i = 0; i < 109; i++)
		put32(p + 76 + (size_t)4 * i, i == 0 ? 0 : NONE);
	memset(sector(&f, 0), 0xff, SECTOR);
	for (unsigned i = 0; i < 7; i++)
		put32(sector(&f, 0) + (size_t)4 * i, fat[i]);
	entry(&f, 0, "Root Entry", 5, NONE, 1, 3, 128);
	entry(&f, 1, "VBA", 1, 3, 2, 0, 0);
	entry(&f, 2, "Small", 2, NONE, NONE, 0, 70);
	entry(&f, 3, "Large", 2, NONE, NONE, 4, 600);
	memset(sector(&f, 2), 0xff, SECTOR);
	put32(sector(&f, 2), 1);
	put32(sector(&f, 2) + 4, END);
	memset(sector(&f, 3), 's', 64);
	memset(sector(&f, 3) + 64, 't', 64);
	memset(sector(&f, 4), 'l', SECTOR);
	memset(sector(&f, 6), 'm', SECTOR);
	return f;
}

static bool
compound_open(struct cfb *c, const struct file *f, size_t len)
{
	return cfb_open(c, (weir_str){ (const char *)f->octets, len });
}

static void
streams_are_read(void **state)
{
	struct file f = compound();
	struct cfb c;
	size_t len;
	char *d;

	(void)state;
	assert_true(compound_open(&c, &f, sizeof(f.octets)));
	assert_int_equal(c.n_entries, 4);
	assert_false(c.damaged || c.memory || c.cut);
	d = cfb_read(&c, cfb_find(&c, "large"), SIZE_MAX, &len);
	assert_int_equal(len, 600);
	assert_true(d[0] == 'l' && d[511] == 'l' && d[512] == 'm' &&
	    d[599] == 'm');
	free(d);
	d = cfb_read(&c, cfb_find(&c, "SMALL"), SIZE_MAX, &len);
	assert_int_equal(len, 70);
	assert_true(d[0] == 's' && d[63] == 's' && d[64] == 't' &&
	    d[69] == 't');
	free(d);
	d = cfb_read(&c, cfb_find(&c, "Large"), 10, &len);
	assert_int_equal(len, 10);
	free(d);
	assert_true(cfb_below(&c, cfb_find(&c, "Small"), "vba"));
	assert_false(cfb_below(&c, cfb_find(&c, "Large"), "VBA"));
	assert_int_equal(cfb_find(&c, "Absent"), UINT32_MAX);
	assert_null(cfb_read(&c, cfb_find(&c, "VBA"), 10, &len));
	assert_null(cfb_read(&c, UINT32_MAX, 10, &len));
	cfb_close(&c);
}

/* Each chain and each tree that bites its own tail comes to an end. */
static void
loops_end(void **state)
{
	struct file f = compound();
	struct cfb c;
	size_t len;
	char *d;

	(void)state;
	put32(sector(&f, 0) + 4 * 6, 4); /* Large */
	put32(sector(&f, 2) + 4, 0);	 /* Small */
	put32(sector(&f, 1) + 3 * 128 + 120, 1u << 30);
	put32(sector(&f, 1) + 2 * 128 + 120, 99);
	assert_true(compound_open(&c, &f, sizeof(f.octets)));
	d = cfb_read(&c, 3, SIZE_MAX, &len);
	assert_int_equal(len, sizeof(f.octets));
	free(d);
	d = cfb_read(&c, 2, SIZE_MAX, &len);
	assert_int_equal(len, 99);
	free(d);
	cfb_close(&c);

	f = compound();
	put32(sector(&f, 1) + 128 + 76, 1);	/* VBA is its own child */
	put32(sector(&f, 1) + 3 * 128 + 72, 1); /* and its neighbour's */
	assert_true(compound_open(&c, &f, sizeof(f.octets)));
	assert_int_equal(c.entries[2].parent, UINT32_MAX);
	/* what no tree leads to is found all the same */
	assert_int_equal(cfb_find(&c, "Small"), 2);
	cfb_close(&c);

	f = compound();
	put32(sector(&f, 0) + 4 * 1, 1); /* the directory */
	assert_true(compound_open(&c, &f, sizeof(f.octets)));
	assert_true(c.damaged);
	cfb_close(&c);
	put32(f.octets + 68, 5); /* the list of tables: a sector of zeros */
	assert_true(compound_open(&c, &f, sizeof(f.octets)));
	cfb_close(&c);
}

static void
cut_files_are_read_as_far_as_they_go(void **state)
{
	struct file f = compound();
	struct cfb c;

	(void)state;
	for (size_t n = 0; n < sizeof(f.octets); n += 37) {
		char *exact = malloc(n + 1), *d;
		size_t len;

		memcpy(exact, f.octets, n);
		if (cfb_open(&c, (weir_str){ exact, n })) {
			for (uint32_t i = 0; i < c.n_entries; i++) {
				d = cfb_read(&c, i, SIZE_MAX, &len);
				assert_true(len <= n);
				free(d);
			}
			cfb_close(&c);
		} else {
			assert_true(n < SECTOR * 3);
		}
		free(exact);
	}
}

/* A directory of more entries than are looked at is said to be one. */
static void
large_directories_are_cut(void **state)
{
	const size_t sectors = CFB_ENTRIES / 4 + 10, tables = sectors / 128 + 1;
	size_t size = SECTOR * (sectors + tables + 1);
	unsigned char *p = calloc(1, size);
	struct cfb c;

	(void)state;
	put16(p + 30, 9);
	put16(p + 32, 6);
	put32(p + 48, (uint32_t)tables);
	put32(p + 56, 100);
	put32(p + 60, END);
	put32(p + 68, END);
	memset(p + 76, 0xff, (size_t)109 * 4);
	for (uint32_t i = 0; i < tables; i++)
		put32(p + 76 + (size_t)4 * i, i);
	for (uint32_t i = 0; i < sectors + tables; i++)
		put32(p + SECTOR + (size_t)4 * i, i < tables ? FAT : i + 1);
	assert_true(cfb_open(&c, (weir_str){ (char *)p, size }));
	assert_int_equal(c.n_entries, CFB_ENTRIES);
	assert_true(c.cut);
	cfb_close(&c);
	free(p);
}

/* --- program text: the examples of MS-OVBA 3.2 --- */

static void
program_text_is_unpacked(void **state)
{
	static const struct {
		const char *packed;
		size_t len;
		const char *text;
	} cases[] = {
		{ "\x01\x19\xb0\0abcdefgh\0ijklmnop\0qrstuv.", 29,
		    "abcdefghijklmnopqrstuv." },
		{ "\x01\x2f\xb0\0#aaabcde\x82" "f\0pagh"
		  "ij\x01\x38\x08" "akl\0" "0mnop\x06q\x02p\x04\x10rstuv"
		  "\x10wxyz\0<", 51,
		    "#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa" },
		{ "\x01\x03\xb0\x02" "aE\0", 7,
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaa" }
	};
	char out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		weir_str in = { cases[i].packed, cases[i].len };
		size_t n = vba_decompress(in, out, sizeof(out));

		assert_int_equal(n, strlen(cases[i].text));
		assert_memory_equal(out, cases[i].text, n);
		/* no octet more than there is room for */
		memset(out, 0x7f, sizeof(out));
		assert_int_equal(vba_decompress(in, out, 5), 5);
		assert_int_equal(out[5], 0x7f);
		for (size_t k = 0; k < in.len; k++)
			assert_true(vba_decompress((weir_str){ in.ptr, k },
			    out, sizeof(out)) <= n);
	}
	/* a copy from before the beginning */
	assert_int_equal(vba_decompress((weir_str){ "\x01\x02\xb0\x01\0\x10",
	    6 }, out, sizeof(out)), 0);
	assert_int_equal(vba_decompress(WEIR_STR("\x02xx"), out, 9), 0);
}

static void
names_that_run_by_themselves(void **state)
{
	static const struct {
		const char *text;
		bool is_auto;
	} cases[] = {
		{ "Sub AutoOpen()", true }, { "sub autoopen ()", true },
		{ "\nPrivate Sub Workbook_Open()\r\n", true },
		{ "Sub Image1_Click()", false },
		{ "Sub InkPicture1_Painted(ByVal", true },
		{ "Sub MyAutoOpen()", false }, { "", false }, { "Auto", false }
	};
	static const char module[] = "xx\x01\x19\xb0\0Attribut\0e VB_Nam";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(vba_is_auto(weir_str_of(cases[i].text)),
		    cases[i].is_auto);
	assert_ptr_equal(vba_module((weir_str){ module, sizeof(module) - 1 }),
	    module + 2);
	assert_null(vba_module(WEIR_STR("Attribut")));
	assert_null(vba_module((weir_str){ module + 5, 9 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_read),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(cut_files_are_read_as_far_as_they_go),
		cmocka_unit_test(large_directories_are_cut),
		cmocka_unit_test(program_text_is_unpacked),
		cmocka_unit_test(names_that_run_by_themselves),
#ifndef WEIR_POISON
		cmocka_unit_test(want_of_memory_is_never_clean),
		cmocka_unit_test(end_of_address_space_is_never_clean),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
