/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command_dump - dump and restore: the database as text. */
#include "command.h"

#include <errno.h>
#include <inttypes.h>

/* command_dump - dump [FILE] */
int
command_dump(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	FILE *f = stdout;
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) || c.n_words > 1)
		return command_close(&c, WEIR_E_INVAL);
	status = store_use(c.b, false, &db, c.err);
	if (status < 0)
		return command_close(&c, command_fail(&c, status));
	if (c.n_words == 1 && strcmp(c.words[0], "-") != 0)
		f = fopen(c.words[0], "we");
	if (f != NULL) {
		status = db_dump(db, f, c.err);
	} else {
		status = WEIR_E_TEMP;
		snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno));
	}
	store_done(c.b, WEIR_OK, "");
	if (f != NULL && f != stdout && fclose(f) != 0 && status == WEIR_OK) {
		snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno));
		status = WEIR_E_TEMP;
	}
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}

/* command_restore - restore FILE|- */
int
command_restore(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	struct command c;
	FILE *f = stdin;
	struct db_totals t = { 0 };
	struct db *db;
	int status;

	if (!command_open(&c, state, call, argc, argv, json) ||
	    c.n_words != 1)
		return command_close(&c, WEIR_E_INVAL);
	if (strcmp(c.words[0], "-") != 0)
		f = fopen(c.words[0], "re");
	if (f == NULL) {
		snprintf(c.err, sizeof(c.err), "%s: %s", c.words[0],
		    strerror(errno));
		return command_close(&c, command_fail(&c, WEIR_E_TEMP));
	}
	status = store_use(c.b, true, &db, c.err);
	if (status == WEIR_OK) {
		status = db_restore(db, f, c.err);
		if (status == WEIR_OK)
			status = db_totals(db, "", &t);
		store_done(c.b, status, c.err);
	}
	if (status == WEIR_OK && json)
		command_print_json(&c, json_pack("{s:I,s:I}", "spam",
		    (json_int_t)t.spam, "ham", (json_int_t)t.ham));
	else if (status == WEIR_OK)
		command_print(&c, "restored: %" PRIu64 " spam, %" PRIu64
		    " ham\n", (uint64_t)t.spam, (uint64_t)t.ham);
	if (f != stdin)
		fclose(f);
	return command_close(&c, status < 0 ? command_fail(&c, status) :
					      WEIR_OK);
}
