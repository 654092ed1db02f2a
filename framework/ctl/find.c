/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/find.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "mail/id.h"
#include "obs/record.h"

#define FIND_TRIES 2
#define FIND_WAIT_MS 300 /* a writer commits within a tenth of a second */

struct find {
	json_t *all;
	size_t octets;
};

/* find_on_record - one more */
static bool
find_on_record(const struct record *r, void *arg)
{
	struct find *f = arg;
	json_t *j = json_loadb(r->json.ptr, r->json.len, 0, NULL);

	if (j == NULL)
		return true;
	/* the queue id may have become known after the record was made */
	if (r->queue_id.len > 0 && json_object_get(j, "queue_id") == NULL)
		json_object_set_new(j, "queue_id",
		    json_stringn(r->queue_id.ptr, r->queue_id.len));
	json_array_append_new(f->all, j);
	f->octets += r->json.len;
	return json_array_size(f->all) < FIND_RECORDS_MAX &&
	    f->octets < FIND_OCTETS_MAX;
}

/* find_normal - a decision id as it was made, from what a person read out */
static void
find_normal(char *id)
{
	for (; *id != '\0'; id++) {
		*id = text_lower(*id);
		if (*id == 'o')
			*id = '0';
		else if (*id == 'i' || *id == 'l')
			*id = '1';
	}
}

/* find_once - as given, then as a decision id */
static int
find_once(const char *path, const char *key, struct find *f, struct err *err)
{
	int status = record_find(path, text_slice(key), find_on_record, f,
	    err);
	char *id;

	if (status != WEIR_E_NOTFOUND || strlen(key) != ID_LEN)
		return status;
	id = xstrdup(key);
	find_normal(id);
	status = record_find(path, text_slice(id), find_on_record, f, err);
	free(id);
	return status;
}

/* find_records - search, and once more after a moment */
int
find_records(const char *path, const char *key, json_t **out, struct err *err)
{
	static const struct timespec moment = { 0, FIND_WAIT_MS * 1000000L };
	struct find f = { json_array(), 0 };
	weir_str k = text_trim(text_slice(key));
	int status = WEIR_E_NOTFOUND;
	char *bare;

	if (k.len > 2 && k.ptr[0] == '[' && k.ptr[k.len - 1] == ']') {
		k.ptr++;
		k.len -= 2;
	}
	bare = xstrndup(k.ptr, k.len);
	for (int i = 0; i < FIND_TRIES && status == WEIR_E_NOTFOUND; i++) {
		if (i > 0)
			nanosleep(&moment, NULL);
		status = find_once(path, bare, &f, err);
	}
	if (status == WEIR_E_NOTFOUND)
		err_set(err, status, "there is no record of \"%s\"", bare);
	free(bare);
	if (status < 0) {
		json_decref(f.all);
		return status;
	}
	*out = f.all;
	return WEIR_OK;
}
