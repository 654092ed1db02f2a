/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_attachment_scan - any octets as an attachment, with all that is inside:
   types, archives, documents, mails. */
#include <libxml/parser.h>

#include "base/clock.h"
#include "daemon/helper_mail.h"
#include "scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* __lsan_default_suppressions - libytnef forgets an attribute that comes twice;
   in the helper its memory limit bounds that */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libytnef";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scan_limits limits = { .depth = 3, .files = 50,
		.total_files = 200, .ratio = 250, .size = 1 << 20,
		.total_size = 8 << 20, .time_ms = 2000 };
	static const struct scan_env env = { .mono_ms = clock_mono_ms,
		.mail_open = helper_mail_open, .mail_part = helper_mail_part,
		.mail_name = helper_mail_name, .mail_data = helper_mail_data,
		.mail_close = helper_mail_close };
	struct scan s;
	char *copy;

	if (size < 1)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	scan_init(&s, &limits, &env);
	scan_part(&s, 0, (weir_str){ copy, size - 1 }, size - 1,
	    (data[0] & 1) == 0, (data[0] & 2) != 0);
	scan_fini(&s);
	free(copy);
	return 0;
}
