/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_bayes_restore - a dump into a database: what is taken is sound. */
#include <stdlib.h>

#include "../../modules/bayes/db.h"
#include "../lib/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "weir-bayes dump 2\n";
	static const uint64_t id[2] = { 1, 2 };
	char dir[128], err[DB_ERR];
	struct db *db = NULL;
	FILE *f;

	if (!folder_make(dir, sizeof(dir), folder_where(), "weir-fuzz"))
		return 0;
	if (db_open(dir, true, 16 << 20, &db, err) == WEIR_OK) {
		enum db_class known;

		f = tmpfile();
		/* most inputs should get beyond the first line */
		if (size > 0 && data[0] != 'w')
			fwrite(head, 1, sizeof(head) - 1, f);
		fwrite(data, 1, size, f);
		rewind(f);
		(void)db_restore(db, f, err);
		fclose(f);
		if (db_verify(db, err) != WEIR_OK ||
		    db_known(db, "", id, &known) != WEIR_OK)
			abort();
		db_close(&db);
	}
	folder_remove(dir);
	return 0;
}
