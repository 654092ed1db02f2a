/* SPDX-License-Identifier: GPL-2.0-or-later */
/* comeback_test - released mail comes back once, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "test_host.h"

/* kept_and_released - an item with a token of now; its field's value */
static void
kept_and_released(const char *text, char id[ID_LEN + 1],
    char value[TOKEN_MAX])
{
	struct message m = message(text);
	unsigned char key[TOKEN_KEY_LEN];
	struct token t = { .expires_ms = clock_ms + 60000 };
	struct item i;
	struct fault f;
	sqlite3 *db;

	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	memcpy(id, m.kept[1], ID_LEN + 1);
	ended(&m);
	assert_int_equal(file_id(t.nonce, &f), WEIR_OK);
	db = store_begin(q.store, true, &f);
	assert_int_equal(item_find(db, id, &i, &f), WEIR_OK);
	assert_int_equal(store_run(db, &f, NULL, "UPDATE item SET state = ?,"
	    " token = ?, token_used = 0, lease_ms = ? WHERE id = ?", "isis",
	    (int64_t)ITEM_SENT, t.nonce, clock_ms + 60000, id), WEIR_OK);
	assert_int_equal(store_commit(q.store, &f), WEIR_OK);
	assert_int_equal(token_key(q.store, key, &f), WEIR_OK);
	memcpy(t.id, id, sizeof(t.id));
	memcpy(t.digest, i.digest, DIGEST_LEN);
	token_write(key, &t, "c@example.net", value);
}

/* comes - a mail with that field for that recipient */
static struct message
comes(const char *text, const char *value, const char *rcpt)
{
	struct message m = message(text);

	m.nrcpts = 1;
	m.rcpt[0] = rcpt;
	m.token = value;
	assert_int_equal(comeback_eoh(&q, call_of(&m)), WEIR_OK);
	return m;
}

static void
released_mail_comes_back_once(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nback\r\n";
	char id[ID_LEN + 1], value[TOKEN_MAX], with[2000];
	struct message m;

	(void)state;
	kept_and_released(text, id, value);
	snprintf(with, sizeof(with), "%s: %s\r\n%s", TOKEN_FIELD, value,
	    text);
	/* refused by somebody behind us: it may come again */
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_NONE);
	assert_int_equal(m.deleted, 1);
	assert_int_equal(rows("item WHERE token_used = 1"), 1);
	m.fate[0] = WEIR_ACT_TEMPFAIL;
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 0 AND state = 4"), 1);
	/* let in */
	m = comes(with, value, "C@Example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	m.fate[0] = WEIR_ACT_ACCEPT;
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 2"), 1);
	/* and not again */
	m = comes(with, value, "c@example.net");
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
	assert_string_equal(m.enhanced, "4.7.1");
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 2"), 1);
}

static void
tokens_are_good_for_nothing_else(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nback\r\n";
	char id[ID_LEN + 1], value[TOKEN_MAX], with[2000];
	struct message m;

	(void)state;
	kept_and_released(text, id, value);
	/* other octets */
	snprintf(with, sizeof(with), "%s: %s\r\nSubject: x\r\n\r\nbait\r\n",
	    TOKEN_FIELD, value);
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 1);
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	pump(EVENTS);
	assert_int_equal(m.action, WEIR_ACT_TEMPFAIL);
	ended(&m);
	assert_int_equal(rows("item WHERE token_used = 0"), 2);
	/* somebody else: a mail as any, without the field */
	m = comes(with, value, "d@example.net");
	assert_int_equal(m.exempt, 0);
	m.fate[0] = WEIR_ACT_ACCEPT;
	assert_int_equal(act_eom(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(m.deleted, 1);
	ended(&m);
	/* several recipients */
	m = message(with);
	m.token = value;
	m.rcpt[0] = "c@example.net";
	assert_int_equal(comeback_eoh(&q, call_of(&m)), WEIR_OK);
	assert_int_equal(m.exempt, 0);
	ended(&m);
	/* too late */
	clock_ms += 120000;
	m = comes(with, value, "c@example.net");
	assert_int_equal(m.exempt, 0);
	ended(&m);
	/* nonsense */
	m = comes(with, "v=1; nonsense", "c@example.net");
	assert_int_equal(m.exempt, 0);
	ended(&m);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)
	const struct CMUnitTest tests[] = {
		T(released_mail_comes_back_once),
		T(tokens_are_good_for_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
