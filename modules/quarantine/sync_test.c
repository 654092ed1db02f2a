/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync_test - what users do with their Maildir is done to the items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "care.h"
#include "file.h"
#include "test_store.h"

/* only - the one message in a folder: its path; false: none */
static bool
only(const char *dir, char out[4096])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		found = e->d_name[0] != '.';
		if (found)
			snprintf(out, 4096, "%.3000s/%.255s", dir, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

static const struct care_conf sync_conf = { .imap_delete = true };

/* sync_own - into the user's own folder, where it is still there; out of it */
static void
sync_own(struct store *st, const char *user, const char *dir, const char *own)
{
	char id[ID_LEN + 1], from[4096], to[4096];
	struct care_synced out;
	struct item item;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "a\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/%.255s:2,S", own, strrchr(from, '/') + 1);
	assert_int_equal(rename(from, to), 0);
	clock_ms += 10000;
	assert_int_equal(care_sync(st, &sync_conf, true, &out, &f), WEIR_OK);
	assert_int_equal(out.deleted, 0);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(care_sync(st, &sync_conf, false, &out, &f), WEIR_OK);
	assert_int_equal(out.deleted, 1);
	db = store_begin(st, false, &f);
	assert_int_equal(item_find(db, id, &item, &f), WEIR_E_NOTFOUND);
	store_end(st);
}

/* sync_moved_to_release - it is asked for */
static void
sync_moved_to_release(struct store *st, const char *user, const char *dir,
    const char *release)
{
	char id[ID_LEN + 1], from[4096], to[4096];
	struct care_synced out;
	struct item item;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "b\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/x:2,S", release);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(care_sync(st, &sync_conf, false, &out, &f), WEIR_OK);
	assert_int_equal(out.released, 1);
	db = store_begin(st, false, &f);
	assert_int_equal(item_find(db, id, &item, &f), WEIR_OK);
	assert_int_equal(item.state, ITEM_QUEUED);
	store_end(st);
}

/* sync_deleted_elsewhere - an item whose view lies in the user's folder */
static void
sync_deleted_elsewhere(struct store *st, const char *user, const char *dir,
    const char *own)
{
	struct item_files files = ITEM_FILES_INIT;
	char id[ID_LEN + 1], from[4096], to[4096];
	struct fault f;
	sqlite3 *db;

	assert_int_equal(keep_one(st, "c\r\n", user, 1, id), WEIR_OK);
	assert_true(only(dir, from));
	snprintf(to, sizeof(to), "%s/%.255s", own, strrchr(from, '/') + 1);
	assert_int_equal(rename(from, to), 0);
	db = store_begin(st, true, &f);
	assert_int_equal(item_delete(db, id, false, &files, &f), WEIR_OK);
	assert_int_equal(store_commit(st, &f), WEIR_OK);
	item_files_unlink(st, &files);
	item_files_fini(&files);
	assert_false(only(own, to));
}

/* Recipients whose names are none of folders, and folders whose names are not
   ASCII (modified UTF-7): moved there, deleted there, and gone from there. */
static void
test_sync(void **state)
{
	static const char *const users[] = { "plain@example.net",
		"o'neill/x@example.net", "j\xc3\xbcrgen@example.net",
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname-averylongname-"
		"averylongname-averylongname-averylongname@example.net" };
	struct store *st = *state;
	struct fault f;

	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		char name[256], dir[1024], own[1024], release[1024];

		assert_int_equal(store_open(st, &f), WEIR_OK);
		assert_int_equal(file_maildir(st, users[i], &f), WEIR_OK);
		file_user(users[i], name, sizeof(name));
		snprintf(dir, sizeof(dir), "%s/imap/%s/new", folder, name);
		snprintf(release, sizeof(release),
		    "%s/imap/%s/.Release/cur", folder, name);
		snprintf(own, sizeof(own), "%s/imap/%s/.Entw&APw-rfe", folder,
		    name);
		assert_int_equal(mkdir(own, 0700), 0);
		snprintf(own, sizeof(own), "%s/imap/%s/.Entw&APw-rfe/cur",
		    folder, name);
		assert_int_equal(mkdir(own, 0700), 0);
		sync_own(st, users[i], dir, own);
		sync_moved_to_release(st, users[i], dir, release);
		sync_deleted_elsewhere(st, users[i], dir, own);
	}
	assert_int_equal(count(st, "audit WHERE who LIKE 'imap:%@example.net'"
	    " AND action = 'delete'"), sizeof(users) / sizeof(*users));
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		T(test_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
