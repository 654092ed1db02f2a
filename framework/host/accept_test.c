/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accept_test - each way in which a descriptor can be wrong, and what is said
   of it; larger and older ones than ours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/ext/remote.h>

#include "base/pool.h"
#include "host/accept.h"
#include "host/test_nothing.h"

#define TEXT_OF(x) #x
#define NUMBER_OF(x) TEXT_OF(x)
#define ABI_MAJOR NUMBER_OF(WEIR_ABI_MAJOR)

/* What a test bends. */
struct bent {
	struct weir_module m;
	struct weir_stages stages;
	struct weir_option rows[3], inner[2];
	struct weir_symbol symbols[2];
	const char *needs[2];
	struct weir_helper helper;
	const struct weir_helper *helpers[3];
};

/* good - a descriptor with everything in order */
static void
good(struct bent *b)
{
	static const struct weir_module head = { WEIR_MODULE_HEAD };

	memset(b, 0, sizeof(*b));
	b->m = head;
	b->m.id = "org.example.bent";
	b->m.name = "bent";
	b->m.version = "1";
	b->m.license = "BSD-2-Clause";
	b->m.summary = "A test.";
	b->m.create = nothing_create;
	b->stages.size = sizeof(b->stages);
	b->stages.connect = nothing_stage;
	b->m.collect = &b->stages;
	b->rows[0] = (struct weir_option){ .name = "one",
		.type = WEIR_OPT_INT, .help = "One." };
	b->rows[1] = (struct weir_option){ .name = "part",
		.type = WEIR_OPT_SECTION, .help = "Part.", .rows = b->inner };
	b->inner[0] = (struct weir_option){ .name = "two",
		.type = WEIR_OPT_BOOL, .help = "Two." };
	b->m.options = b->rows;
	b->symbols[0] = (struct weir_symbol){ "BENT", "Help.", 1 };
	b->m.symbols = b->symbols;
	b->helper = (struct weir_helper){ .size = sizeof(b->helper),
		.name = "scan", .threads = 1, .processes = 1,
		.init = nothing_init, .run = nothing_run };
	b->helpers[0] = &b->helper;
	b->m.helpers = b->helpers;
	b->needs[0] = "weir.dns/1";
	b->m.needs = b->needs;
}

static char long_text[257];

#define BEND(name, what) \
	static void bend_##name(struct bent *b) { what; }

BEND(nothing, (void)b)
BEND(magic, b->m.magic = 0x12345678)
BEND(magic_only, memset((char *)&b->m + 4, 0, sizeof(b->m) - 4))
BEND(size_0, b->m.size = 0)
BEND(size_short, b->m.size = offsetof(struct weir_module, session_end))
BEND(size_odd, b->m.size = sizeof(b->m) + 4)
BEND(size_head, b->m.size = 20)
BEND(flags, b->m.flags = 0x80000000u)
BEND(size_huge, b->m.size = UINT32_MAX)
BEND(major, b->m.abi_major = WEIR_ABI_MAJOR + 1)
BEND(minor, b->m.abi_minor = WEIR_ABI_MINOR + 1; b->m.abi_minor_min = 0)
BEND(minor_min, b->m.abi_minor_min = WEIR_ABI_MINOR + 1)
BEND(stride_0, b->m.stride_option = 0)
BEND(stride_huge, b->m.stride_option = 60000)
BEND(stride_symbol, b->m.stride_symbol = 8)
BEND(stride_odd, b->m.stride_option = sizeof(struct weir_option) + 4)
BEND(id, b->m.id = NULL)
BEND(name, b->m.name = NULL)
BEND(name_empty, b->m.name = "")
BEND(name_upper, b->m.name = "Bent")
BEND(name_under, b->m.name = "be_nt")
BEND(name_path, b->m.name = "../bent")
BEND(name_long, b->m.name = "a2345678901234567890123456789012345678901234567890"
	"123456789012345678901234567890")
BEND(name_other, b->m.name = "straight")
BEND(version, b->m.version = NULL)
BEND(license, b->m.license = NULL)
BEND(summary, b->m.summary = NULL)
BEND(create, b->m.create = NULL)
BEND(version_utf8, b->m.version = "1\xff")
BEND(license_control, b->m.license = "MIT\033[31m")
BEND(summary_lines, b->m.summary = "two\nlines")
BEND(id_long, memset(long_text, 'a', sizeof(long_text) - 1);
     b->m.id = long_text)
BEND(row_help_utf8, b->rows[0].help = "Good\xc3.")
BEND(row_help_lines, b->rows[0].help = "Two\n\tlines.")
BEND(row_fallback, b->rows[0].fallback = "\x07")
BEND(symbol_help_utf8, b->symbols[0].help = "\xed\xa0\x80")
BEND(needs, b->needs[0] = "weir.dns/2")
BEND(on_failure, b->m.on_failure = 3)
BEND(timeout, b->m.timeout_ms = 5)
BEND(row_name, b->rows[0].name = "One!")
BEND(row_type_0, b->rows[0].type = 0)
BEND(row_type, b->rows[0].type = WEIR_OPT_SECTION + 1)
BEND(row_help, b->rows[0].help = NULL)
BEND(row_help_empty, b->rows[0].help = "")
BEND(row_choices, b->rows[0].type = WEIR_OPT_ENUM)
BEND(row_rows, b->rows[1].rows = NULL)
BEND(row_deep, b->inner[0] = b->rows[1])
BEND(row_inner, b->inner[0].help = NULL)
BEND(symbol_name, b->symbols[0].name = "bent")
BEND(symbol_help, b->symbols[0].help = NULL)
BEND(symbol_nan, b->symbols[0].score = NAN)
BEND(symbol_inf, b->symbols[0].score = -INFINITY)
BEND(helper_size, b->helper.size = 8)
BEND(helper_name, b->helper.name = "../x")
BEND(helper_run, b->helper.run = NULL)
BEND(helper_program, b->helper.program = "x")
BEND(helper_program_path, b->helper.init = NULL; b->helper.run = NULL;
    b->helper.program = "")
BEND(helper_program_flags, b->helper.init = NULL; b->helper.run = NULL;
    b->helper.program = "x"; b->helper.flags = WEIR_HELPER_PROGRAMS)
BEND(helper_threads_0, b->helper.threads = 0)
BEND(helper_threads, b->helper.threads = 65)
BEND(helper_processes, b->helper.processes = 17)
BEND(helper_twice, b->helpers[1] = &b->helper)
BEND(stages_0, b->stages.size = 0)
BEND(stages_short, b->stages.size = sizeof(b->stages) - 8)
BEND(stages_huge, b->stages.size = 100000)

static const struct {
	void (*bend)(struct bent *b);
	const char *text; /* NULL: accepted */
} cases[] = {
	{ bend_nothing, NULL },
	{ bend_magic, "this is no Weir module (magic 12345678)" },
	{ bend_magic_only, "descriptor of 0 octets, at least" },
	{ bend_size_0, "descriptor of 0 octets, at least" },
	{ bend_size_short, "octets, at least" },
	{ bend_size_odd, "octets, at least" },
	{ bend_size_head, "descriptor of 20 octets, at least" },
	{ bend_size_huge, "descriptor of 4294967295 octets" },
	{ bend_flags, NULL },
	{ bend_major, "rebuild it with this host's headers" },
	/* it says that it works with this host, too */
	{ bend_minor, NULL },
	{ bend_minor_min, "its abi_minor_min asks for ABI " ABI_MAJOR "."
	},
	{ bend_stride_odd, "impossible row sizes" },
	{ bend_stride_0, "impossible row sizes 0 and" },
	{ bend_stride_huge, "impossible row sizes 60000" },
	{ bend_stride_symbol, "and 8" },
	{ bend_id, "missing" },
	{ bend_name, "missing" },
	{ bend_name_empty, "missing" },
	{ bend_name_upper, "missing" },
	{ bend_name_under, "missing" },
	{ bend_name_path, "missing" },
	{ bend_name_long, "missing" },
	{ bend_name_other, "it calls itself \"straight\"" },
	{ bend_version, "version" },
	{ bend_license, "license" },
	{ bend_summary, "summary" },
	{ bend_create, "create is missing" },
	{ bend_version_utf8, "is not one line of UTF-8" },
	{ bend_license_control, "is not one line of UTF-8" },
	{ bend_summary_lines, "is not one line of UTF-8" },
	{ bend_id_long, "of at most 255 octets" },
	{ bend_row_help_utf8, "option one: a text of it is not UTF-8" },
	{ bend_row_help_lines, NULL },
	{ bend_row_fallback, "option one: a text of it is not UTF-8" },
	{ bend_symbol_help_utf8, "symbol BENT: its help is not UTF-8" },
	{ bend_needs, "it needs weir.dns/2, which this host does not have" },
	{ bend_on_failure, "impossible on_failure 3" },
	{ bend_timeout, "impossible timeout_ms 5" },
	{ bend_row_name, "option row 0: bad name or type" },
	{ bend_row_type_0, "option row 0: bad name or type" },
	{ bend_row_type, "option row 0: bad name or type" },
	{ bend_row_help, "option one has no help text" },
	{ bend_row_help_empty, "option one has no help text" },
	{ bend_row_choices, "option one has no choices" },
	{ bend_row_rows, "section part: no rows" },
	{ bend_row_deep, "nested too deep" },
	{ bend_row_inner, "option two has no help text" },
	{ bend_symbol_name, "symbol row 0: bad name" },
	{ bend_symbol_help, "symbol BENT has no help text" },
	{ bend_symbol_nan, "symbol BENT has no number for a score" },
	{ bend_symbol_inf, "symbol BENT has no number for a score" },
	{ bend_helper_size, "helper table of 8 octets" },
	{ bend_helper_name, "a helper's name" },
	{ bend_helper_run, "a helper's name" },
	{ bend_helper_program, "a program has a path, no functions" },
	{ bend_helper_program_path, "a program has a path" },
	{ bend_helper_program_flags, "no flag but WEIR_HELPER_TEMP" },
	{ bend_helper_threads_0, "a helper's name" },
	{ bend_helper_threads, "a helper's name" },
	{ bend_helper_processes, "a helper's name" },
	{ bend_helper_twice, "two helpers are called scan" },
	{ bend_stages_0, "stage table of 0 octets" },
	{ bend_stages_short, "stage table of" },
	{ bend_stages_huge, "stage table of 100000 octets" },
};

static void
test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct weir_module *m;
		struct bent b;

		good(&b);
		cases[i].bend(&b);
		m = accept_descriptor(&b.m, "bent", pool, &err);
		if ((m != NULL) != (cases[i].text == NULL))
			fail_msg("case %zu: %s", i, err.text);
		if (cases[i].text != NULL &&
		    strstr(err.text, cases[i].text) == NULL)
			fail_msg("case %zu: \"%s\" without \"%s\"", i, err.text,
			    cases[i].text);
		pool_destroy(&pool);
	}
}

static void
test_nothing(void **state)
{
	struct pool *pool = pool_create(4096, 0);
	struct err err = { "" };

	(void)state;
	assert_null(accept_descriptor(NULL, "bent", pool, &err));
	assert_non_null(strstr(err.text, "returns nothing"));
	pool_destroy(&pool);
}

/* Lists that never end. */
static void
test_endless(void **state)
{
	struct weir_option *rows = calloc(300, sizeof(*rows));
	struct weir_symbol *symbols = calloc(600, sizeof(*symbols));
	struct pool *pool = pool_create(4096, 0);
	struct err err = { "" };
	struct bent b;

	(void)state;
	good(&b);
	for (int i = 0; i < 300; i++)
		rows[i] = b.rows[0];
	b.m.options = rows;
	assert_null(accept_descriptor(&b.m, "bent", pool, &err));
	assert_non_null(strstr(err.text, "more than 200 option rows"));
	good(&b);
	for (int i = 0; i < 600; i++)
		symbols[i] = b.symbols[0];
	b.m.symbols = symbols;
	assert_null(accept_descriptor(&b.m, "bent", pool, &err));
	assert_non_null(strstr(err.text, "more than 500 symbols"));
	pool_destroy(&pool);
	free(rows);
	free(symbols);
}

/* A younger module has more members than we know: rows and tables are read at
   its strides, what we don't know is left alone. */
static void
test_larger(void **state)
{
	struct big_option {
		struct weir_option o;
		char more[40];
	} rows[3];
	struct big_symbol {
		struct weir_symbol s;
		char more[24];
	} symbols[3];
	struct {
		struct weir_stages s;
		char more[64];
	} stages;
	struct {
		struct weir_module m;
		char more[64];
	} module;
	struct pool *pool = pool_create(4096, 0);
	struct err err = { "" };
	struct weir_module *m;
	struct bent b;

	(void)state;
	memset(rows, 0xa5, sizeof(rows));
	memset(symbols, 0xa5, sizeof(symbols));
	memset(&stages, 0xa5, sizeof(stages));
	memset(&module, 0xa5, sizeof(module));
	good(&b);
	rows[0].o = b.rows[0];
	rows[1].o = b.inner[0];
	memset(&rows[2].o, 0, sizeof(rows[2].o));
	symbols[0].s = b.symbols[0];
	symbols[1].s = b.symbols[0];
	symbols[1].s.name = "SECOND";
	memset(&symbols[2].s, 0, sizeof(symbols[2].s));
	stages.s = b.stages;
	stages.s.size = sizeof(stages);
	module.m = b.m;
	module.m.size = sizeof(module);
	module.m.stride_option = sizeof(*rows);
	module.m.stride_symbol = sizeof(*symbols);
	module.m.options = &rows[0].o;
	module.m.symbols = &symbols[0].s;
	module.m.collect = &stages.s;
	m = accept_descriptor(&module.m, "bent", pool, &err);
	assert_non_null(m);
	assert_string_equal(m->options[0].name, "one");
	assert_string_equal(m->options[1].name, "two");
	assert_null(m->options[2].name);
	assert_string_equal(m->symbols[1].name, "SECOND");
	assert_null(m->symbols[2].name);
	assert_ptr_equal(m->collect->connect, nothing_stage);
	assert_null(m->collect->eom);
	/* a copy: what the module does later changes nothing */
	rows[0].o.name = NULL;
	stages.s.connect = NULL;
	assert_string_equal(m->options[0].name, "one");
	assert_ptr_equal(m->collect->connect, nothing_stage);
	pool_destroy(&pool);
}

/* Any octet may be wrong; what is refused says why, nothing is touched that
   the sizes do not cover.  Members that are addresses are left alone. */
static void
test_mutations(void **state)
{
	uint32_t seed = 20260131;
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct pool *pool = pool_create(4096, 0);
		struct err err = { "" };
		struct bent b;
		unsigned char *octets = (unsigned char *)&b.m;

		good(&b);
		for (int k = 0; k < 2; k++) {
			seed = seed * 1103515245u + 12345u;
			octets[(seed >> 16) % offsetof(struct weir_module, id)] =
			    (unsigned char)(seed >> 8);
		}
		/* a stride beyond the real one would read behind the test's
		   own rows, which no reader can know */
		if (b.m.stride_option > sizeof(struct weir_option) ||
		    b.m.stride_symbol > sizeof(struct weir_symbol) ||
		    (b.m.size > sizeof(b.m) && b.m.size < 1u << 16)) {
			pool_destroy(&pool);
			continue;
		}
		if (accept_descriptor(&b.m, "bent", pool, &err) != NULL)
			accepted++;
		else
			assert_int_not_equal(err.text[0], '\0');
		pool_destroy(&pool);
	}
	/* flags and reserved octets are free */
	assert_in_range(accepted, 1000, 60000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_larger),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
