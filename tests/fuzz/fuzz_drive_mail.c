/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_drive_mail - mailboxes, messages, envelopes and diffs of weir-drive. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "drive_diff.h"
#include "drive_files.h"
#include "drive_mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_edit - change what is there, the way that the octet says */
static void
fuzz_edit(const struct drive_mail *m, uint8_t how)
{
	struct edit e = { .kind = how % (EDIT_BODY + 1), .n = how / 32 + 1,
		.name = text_slice("subject"), .value = text_slice("a\n b") };
	struct edit *plan[] = { &e };
	struct buf out = BUF_INIT;

	if (e.kind == EDIT_BODY)
		e.value = buf_str(&m->body);
	if (e.kind == EDIT_BODY && how >= 128)
		e.value.len /= 2;
	drive_diff_message(m, plan, 1, "m", &out);
	for (size_t i = 0; i < out.len; i++)
		expect((unsigned char)out.ptr[i] >= ' ' ||
		    out.ptr[i] == '\n' || out.ptr[i] == '\t');
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct drive_source s;
	weir_str raw;

	if (size < 1)
		return 0;
	drive_source_of(&s, data + 1, size - 1);
	while (drive_source_next(&s, &raw)) {
		struct drive_mail m;
		struct drive_envelope e;

		drive_mail_init(&m, raw, s.is_mbox);
		drive_mail_guess(&m, &e);
		expect(e.nrcpts >= 1 && e.nrcpts <= DRIVE_RCPTS_MAX);
		for (size_t i = 0; i < e.nrcpts; i++)
			expect(e.rcpts[i].len > 0 &&
			    e.rcpts[i].len <= DRIVE_ADDRESS_MAX);
		expect(m.body.len == 0 ||
		    m.body.ptr[m.body.len - 1] == '\n');
		fuzz_edit(&m, data[0]);
		drive_mail_fini(&m);
	}
	drive_source_close(&s);
	return 0;
}
