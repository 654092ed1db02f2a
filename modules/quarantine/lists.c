/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LISTS_VALUE_MAX 8192 /* of a From field */

/* lists_glob - * any text, ? any octet; goes back to the last * only */
bool
lists_glob(const char *p, const char *t)
{
	const char *star = NULL, *from = NULL;

	while (*t != '\0') {
		if (*p == '*') {
			star = p++;
			from = t;
		} else if (*p == '?' || *p == *t) {
			p++;
			t++;
		} else if (star != NULL) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

/* lists_lower - checked and in lower case; false: too long, or not printable */
static bool
lists_lower(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in != '\0'; in++) {
		unsigned char ch = (unsigned char)*in;

		if (ch <= ' ' || ch == 0x7f || n + 1 >= size)
			return false;
		out[n++] = (char)(ch >= 'A' && ch <= 'Z' ? ch + 32 : ch);
	}
	out[n] = '\0';
	return n > 0;
}

/* lists_entry - as it is stored */
int
lists_entry(const char *text, char out[LISTS_ENTRY_MAX + 1], struct fault *f)
{
	if (text[0] == '@' && strpbrk(text, "*?") == NULL)
		text++;
	if (!lists_lower(text, out, LISTS_ENTRY_MAX + 1))
		return fault_set(f, WEIR_E_INVAL, "\"%.100s\" is no address, "
		    "domain or pattern", text);
	if (strchr(out, '@') == NULL && strpbrk(out, "*?") == NULL &&
	    strchr(out, '.') == NULL)
		return fault_set(f, WEIR_E_INVAL, "\"%.100s\" is no address, "
		    "domain or pattern: a domain has a dot", text);
	return WEIR_OK;
}

/* lists_owner - whose list */
int
lists_owner(const char *text, char out[USER_MAX], struct fault *f)
{
	if (!lists_lower(text, out, USER_MAX) ||
	    (strcmp(out, "*") != 0 && strchr(out, '@') == NULL))
		return fault_set(f, WEIR_E_INVAL, "\"%.100s\" is nobody: give "
		    "an address, @domain, or * for everybody", text);
	return WEIR_OK;
}

/* lists_mark - a file says that there are lists */
static int
lists_mark(const struct store *st, struct fault *f)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/lists.used", st->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return fault_set(f, WEIR_E_TEMP, "%s: %s", path,
		    strerror(errno));
	close(fd);
	return WEIR_OK;
}

/* lists_any - does the file exist */
bool
lists_any(const struct store *st)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lists.used", st->folder);
	return access(path, F_OK) == 0;
}

/* lists_room - a bound for what each mail has to look through */
static int
lists_room(sqlite3 *db, const char *owner, const char *entry, struct fault *f)
{
	/* what moves to the other list is there already */
	sqlite3_stmt *q = store_query(db, f, "SELECT"
	    " coalesce(sum(length(entry)), 0) FROM list WHERE user = ?"
	    " AND entry <> ?", "ss", owner, entry);
	int64_t octets = 0;

	if (q == NULL)
		return f->status;
	if (sqlite3_step(q) == SQLITE_ROW)
		octets = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return octets + (int64_t)strlen(entry) <= LISTS_OCTETS_MAX ? WEIR_OK :
	    fault_set(f, WEIR_E_LIMIT, "the lists of %s are full (%d octets)",
		owner, LISTS_OCTETS_MAX);
}

/* lists_end - audit and commit, or not */
static int
lists_end(struct store *st, sqlite3 *db, int status, const char *who,
    const char *action, const char *owner, const char *entry,
    struct fault *f)
{
	if (status == WEIR_OK)
		status = store_audit(db, f, store_now(st), who, action, "",
		    owner, entry);
	if (status == WEIR_OK)
		return store_commit(st, f);
	store_rollback(st);
	return status;
}

/* lists_add - it leaves the other list */
int
lists_add(struct store *st, const char *owner, enum lists_kind kind,
    const char *entry, const char *who, struct fault *f)
{
	sqlite3 *db = store_begin(st, true, f);
	int status;

	if (db == NULL)
		return f->status;
	status = lists_room(db, owner, entry, f);
	if (status == WEIR_OK)
		status = store_run(db, f, NULL, "INSERT INTO list (user, entry,"
		    " kind, time_ms) VALUES (?,?,?,?) ON CONFLICT"
		    " (user, entry) DO UPDATE SET kind = excluded.kind,"
		    " time_ms = excluded.time_ms", "ssii", owner, entry,
		    (int64_t)kind, store_now(st));
	if (status == WEIR_OK)
		status = lists_mark(st, f);
	return lists_end(st, db, status, who,
	    kind == LISTS_ALLOW ? "allow" : "block", owner, entry, f);
}

/* lists_remove - from the list that it stands in */
int
lists_remove(struct store *st, const char *owner, enum lists_kind kind,
    const char *entry, const char *who, struct fault *f)
{
	sqlite3 *db = store_begin(st, true, f);
	int status, changed = 0;

	if (db == NULL)
		return f->status;
	status = store_run(db, f, &changed, "DELETE FROM list WHERE user = ?"
	    " AND entry = ? AND (? = 0 OR kind = ?)", "ssii", owner, entry,
	    (int64_t)kind, (int64_t)kind);
	if (status == WEIR_OK && changed == 0)
		status = fault_set(f, WEIR_E_NOTFOUND, "%s stands in no such "
		    "list of %s", entry, owner);
	return lists_end(st, db, status, who, "unlist", owner, entry, f);
}

/* lists_rank - how particular an entry that matches is; 0: it does not */
static int
lists_rank(const char *entry, const char *address)
{
	const char *at = strrchr(address, '@');
	size_t n = strlen(entry), d;

	if (strpbrk(entry, "*?") != NULL)
		return lists_glob(entry, address) ? 1 : 0;
	if (strchr(entry, '@') != NULL)
		return strcmp(entry, address) == 0 ? 3 : 0;
	if (at == NULL)
		return 0;
	d = strlen(at + 1);
	if (d < n || strcmp(at + 1 + d - n, entry) != 0)
		return 0;
	return d == n || at[d - n] == '.' ? 2 : 0;
}

/* lists_weigh - is this row the best so far */
static void
lists_weigh(sqlite3_stmt *q, int owner_rank, const char *const *addresses,
    size_t n, bool allow, struct lists_match *out)
{
	int kind = sqlite3_column_int(q, 1);

	if (kind == LISTS_ALLOW && !allow)
		return;
	for (size_t i = 0; i < n; i++) {
		int rank = lists_rank(store_text(q, 0), addresses[i]);

		if (rank == 0)
			continue;
		rank = owner_rank * 10 + rank * 2 + (kind == LISTS_ALLOW);
		if (rank <= out->rank)
			continue;
		out->rank = rank;
		out->kind = (enum lists_kind)kind;
		snprintf(out->entry, sizeof(out->entry), "%s",
		    store_text(q, 0));
		snprintf(out->owner, sizeof(out->owner), "%s",
		    store_text(q, 2));
	}
}

/* lists_find - from everybody's lists to the recipient's own */
int
lists_find(struct store *st, const char *rcpt, const char *const *addresses,
    size_t n, bool allow, struct lists_match *out, struct fault *f)
{
	const char *at = strrchr(rcpt, '@');
	const char *owners[3] = { "*", at != NULL ? at : "*", rcpt };
	sqlite3 *db = store_begin(st, false, f);
	int status = WEIR_OK;

	memset(out, 0, sizeof(*out));
	if (db == NULL)
		return f->status;
	for (int i = 0; i < 3 && status == WEIR_OK; i++) {
		sqlite3_stmt *q = store_query(db, f, "SELECT entry, kind, user"
		    " FROM list WHERE user = ?", "s", owners[i]);
		int rc = SQLITE_ERROR;

		while (q != NULL && (rc = sqlite3_step(q)) == SQLITE_ROW)
			lists_weigh(q, i, addresses, n, allow, out);
		if (q == NULL || rc != SQLITE_DONE)
			status = store_fault(db, f, rc);
		sqlite3_finalize(q);
	}
	store_end(st);
	return status;
}

/* lists_take - keep an address: no blanks, with an @ inside */
static size_t
lists_take(const char *text, size_t len, char (*out)[USER_MAX], size_t n,
    size_t max)
{
	const char *at;

	while (len > 0 && strchr(" \t\r\n,;", text[0]) != NULL) {
		text++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n,;", text[len - 1]) != NULL)
		len--;
	/* a bare address after words: the last word */
	for (size_t i = len; i > 0; i--) {
		if (strchr(" \t\r\n", text[i - 1]) != NULL) {
			text += i;
			len -= i;
			break;
		}
	}
	at = memchr(text, '@', len);
	if (n >= max || len >= USER_MAX || at == NULL || at == text ||
	    at == text + len - 1)
		return n;
	memcpy(out[n], text, len);
	out[n][len] = '\0';
	for (char *p = out[n]; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return strlen(out[n]) == len ? n + 1 : n;
}

/* lists_from - what stands in angle brackets, or bare between commas; words in
   quotes and comments are skipped (RFC 5322 3.4) */
size_t
lists_from(weir_str v, char (*out)[USER_MAX], size_t max)
{
	char bare[USER_MAX];
	size_t n = 0, depth = 0, blen = 0, open = 0;
	bool quoted = false, angle = false, taken = false;

	if (v.len > LISTS_VALUE_MAX)
		v.len = LISTS_VALUE_MAX;
	for (size_t i = 0; i < v.len; i++) {
		char ch = v.ptr[i];

		if (ch == '\\' && (quoted || depth > 0)) {
			i++;
		} else if (quoted || (ch == '"' && depth == 0)) {
			quoted = ch != '"' || !quoted;
		} else if (ch == '(' && !angle) {
			depth++;
		} else if (depth > 0) {
			depth -= ch == ')';
		} else if (ch == '<') {
			angle = true;
			open = i + 1;
		} else if (ch == '>' && angle) {
			n = lists_take(v.ptr + open, i - open, out, n, max);
			angle = false;
			taken = true;
		} else if ((ch == ',' || ch == ';') && !angle) {
			if (!taken)
				n = lists_take(bare, blen, out, n, max);
			taken = false;
			blen = 0;
		} else if (!angle && blen < sizeof(bare)) {
			bare[blen++] = ch;
		}
	}
	return taken || angle ? n : lists_take(bare, blen, out, n, max);
}
