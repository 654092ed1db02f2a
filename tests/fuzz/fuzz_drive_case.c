/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_drive_case - case files of weir-drive, and what they expect. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "drive_case.h"
#include "drive_expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char record_text[] =
    "{\"verdict\":\"reject\",\"reply\":\"550 5.7.1 no\",\"stage\":\"helo\","
    "\"score\":5.0,\"facts\":{\"a.b\":\"c\"},\"recipients\":[{\"address\":"
    "\"a@b\",\"verdict\":\"none\"}],\"findings\":[{\"symbol\":\"S\",\"score\":"
    "1.0,\"reason\":\"r\"}],\"edits\":[{\"kind\":\"header-add\",\"name\":"
    "\"X\",\"value\":\" v\"}],\"unscanned\":[{\"module\":\"m\",\"status\":"
    "\"E_TEMP\",\"reason\":\"r\"}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *record;
	struct drive_cases cases;
	struct err err = { "" };

	if (record == NULL)
		record = json_loads(record_text, 0, NULL);
	if (drive_cases_parse(&cases, data, size, &err) < 0) {
		expect(err.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < cases.v.n; i++) {
		const struct drive_case *c = &cases.v.v[i];

		expect(c->title.len > 0);
		for (size_t k = 0; k < c->steps.n; k++) {
			const struct case_step *s = &c->steps.v[k];
			struct buf why = BUF_INIT;

			for (size_t w = 0; s->rest.len > 0 && w < s->n &&
			     s->words[w].ptr != NULL; w++)
				expect(s->words[w].ptr[s->words[w].len] ==
				    '\0');
			if (s->verb == CASE_EXPECT &&
			    drive_expect_bad(s) == NULL &&
			    !drive_expect_is(s, "store") &&
			    !drive_expect_is(s, "refused") &&
			    !drive_expect(s, record, text_slice("a log"),
				&why))
				expect(why.len > 0);
			buf_fini(&why);
		}
	}
	drive_cases_fini(&cases);
	return 0;
}
