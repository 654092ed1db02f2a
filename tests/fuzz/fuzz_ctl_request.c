/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_ctl_request - lines of the control protocol: what is read is written and
   read again alike; any octets make a well-formed answer. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "ctl/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fuzz_request - there and back */
static void
fuzz_request(weir_str line)
{
	struct wire_request a, b;
	struct buf again = BUF_INIT;
	struct err err;

	if (wire_request_parse(line, &a, &err) < 0)
		return;
	wire_request_write(a.argc, (const char *const *)a.argv, a.json,
	    &again);
	expect(wire_request_parse(buf_str(&again), &b, &err) == WEIR_OK);
	expect(a.argc == b.argc && a.json == b.json);
	for (uint32_t i = 0; i < a.argc; i++)
		expect(strcmp(a.argv[i], b.argv[i]) == 0);
	wire_request_fini(&a);
	wire_request_fini(&b);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	weir_str text = { (const char *)data, size };
	struct wire_reply reply;
	struct buf line = BUF_INIT;
	struct err err;

	fuzz_request(text);
	if (wire_reply_parse(text, &reply, &err) == WEIR_OK)
		wire_reply_fini(&reply);
	wire_reply_write(0, text, text, &line);
	expect(memchr(line.ptr, '\n', line.len - 1) == NULL);
	expect(wire_reply_parse(buf_str(&line), &reply, &err) == WEIR_OK);
	wire_reply_fini(&reply);
	buf_fini(&line);
	return 0;
}
