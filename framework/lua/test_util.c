/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lua/test_util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "lib/folder.h"
#include "lua/mod_rules.h"

static char folder[256]; /* "": not made yet */

/* test_file - make it */
const char *
test_file(const char *name, const char *text)
{
	static char *path;
	FILE *out;

	if (folder[0] == '\0') {
		expect(folder_make(folder, sizeof(folder), folder_where(),
		    "weir-rules"));
	}
	free(path);
	path = xasprintf("%s/%s", folder, name);
	out = fopen(path, "w");
	expect(out != NULL);
	expect(fwrite(text, 1, strlen(text), out) == strlen(text));
	expect(fclose(out) == 0);
	return path;
}

/* test_rules - start the module */
struct fakehost *
test_rules(const char *text, const char *more)
{
	struct fakehost *f;
	char *conf;

	test_file("10-test.lua", text);
	conf = xasprintf("path = %s\n%s\n", folder, more != NULL ? more : "");
	f = fakehost_create(&mod_rules, conf);
	free(conf);
	return f;
}

/* test_start - rules that must load */
struct fakehost *
test_start(const char *text, const char *more)
{
	struct fakehost *f = test_rules(text, more);

	if (fakehost_status(f) != WEIR_OK)
		fail_msg("rules did not load: %s", text);
	fakehost_networks(f, "internal", "10.0.0.0/8");
	return f;
}

/* test_mail - a session up to one recipient */
uint32_t
test_mail(struct fakehost *f)
{
	fakehost_session(f, "192.0.2.7", "mail.example.com");
	fakehost_message(f, "a@Example.com");
	return fakehost_rcpt(f, "u@example.org");
}

/* test_eom - run the decide and act phases of eom */
void
test_eom(struct fakehost *f)
{
	assert_int_equal(fakehost_call(f, WEIR_PHASE_DECIDE, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
	assert_int_equal(fakehost_call(f, WEIR_PHASE_ACT, WEIR_STAGE_EOM,
	    WEIR_RCPT_NONE), WEIR_OK);
}

/* test_refused - the module does not start, and says why */
void
test_refused(const char *text, const char *why)
{
	struct fakehost *f = test_rules(text, NULL);

	assert_int_not_equal(fakehost_status(f), WEIR_OK);
	if (fakehost_logged(f, WEIR_LOG_ERROR, why) == 0)
		fail_msg("no line with \"%s\" for: %s", why, text);
	fakehost_destroy(&f);
}

/* test_end - remove the folder */
int
test_end(void **state)
{
	(void)state;
	if (folder[0] == '\0')
		return 0;
	folder_remove(folder);
	folder[0] = '\0';
	return 0;
}
