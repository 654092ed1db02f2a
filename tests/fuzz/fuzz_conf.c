/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_conf - a configuration from arbitrary octets.
 *
 * Scanner, libConfuse, rows of the core and of modules.  What loads must dump
 * to a text that loads again and dumps the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/dump.h"
#include "conf/test_modules.h"

/* fuzz_load - load from memory, which can't include files */
static struct conf *
fuzz_load(const void *data, size_t size, const struct conf_modules *mods)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf_snapshot *snap =
	    conf_snapshot_of("/f/t.conf", data, size, &report);
	struct conf *conf = NULL;
	struct buf text = BUF_INIT;

	if (snap != NULL)
		conf_load(snap, mods, &conf, &report);
	expect((conf == NULL) == (report.errors != 0));
	conf_report_print(&report, &text);
	for (size_t i = 0; i < text.len; i++)
		expect((unsigned char)text.ptr[i] >= 0x20 ||
		    text.ptr[i] == '\n');
	buf_fini(&text);
	conf_report_fini(&report);
	conf_snapshot_release(&snap);
	return conf;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = fuzz_load(data, size, NULL), *again;
	struct buf one = BUF_INIT, two = BUF_INIT;

	conf_destroy(&conf);
	conf = fuzz_load(data, size, &test_conf_modules);
	if (conf == NULL)
		return 0;
	conf_dump(conf, true, true, &one);
	buf_clear(&one);
	conf_dump(conf, false, false, &one);
	again = fuzz_load(one.ptr, one.len, &test_conf_modules);
	expect(again != NULL);
	conf_dump(again, false, false, &two);
	expect(strcmp(one.ptr, two.ptr) == 0);
	conf_destroy(&again);
	conf_destroy(&conf);
	buf_fini(&one);
	buf_fini(&two);
	return 0;
}
