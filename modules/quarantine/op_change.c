/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_change - release, delete, forward: item by item. */
#include "command.h"

#include <string.h>

#include "file.h"

/* change_say - one result; failed ones are said to stderr, too */
static void
change_say(struct order *o, json_t *all, const char *id, const char *what,
    const char *text, bool failed)
{
	if (o->json)
		json_array_append_new(all, json_pack("{s:o,s:s,s:o}", "id",
		    order_text(id), "result", what, "text",
		    order_text(text)));
	else if (!failed) {
		fprintf(o->out, "%s %s", id, what);
		if (text[0] != '\0') {
			fputs(": ", o->out);
			order_clean(o->out, text, 0);
		}
		fputc('\n', o->out);
	}
	if (failed) {
		fprintf(o->err, "%s%.64s: %s: ", o->err_len > 0 ||
			ftell(o->err) > 0 ? "\n" : "", id, what);
		order_clean(o->err, text, 0);
	}
}

/* change_release - ask for it, then try at once */
static void
change_release(struct order *o, json_t *all, const char *id)
{
	struct quarantine *q = o->q;
	struct release_result r;
	struct item i;
	struct fault f;
	unsigned flags = (o->filter.virus ? RELEASE_VIRUS : 0) |
	    (o->filter.again ? RELEASE_AGAIN : 0);
	int status = release_ask(q->store, id, flags, o->who, &i, &f);

	if (status == WEIR_E_EXISTS) {
		/* twice is no mistake, it is done once */
		change_say(o, all, id, "released before", "", false);
		return;
	}
	if (status == WEIR_OK)
		status = release_try(q->store, &q->release, i.id, &r, &f);
	if (status < 0) {
		change_say(o, all, id, "not released", f.text, true);
		return;
	}
	switch (r.state) {
	case ITEM_RELEASED:
		q->metric->add(q->self, q->metric_released, 1);
		tick_learn_read(q, &r.item, &o->learn);
		change_say(o, all, r.item.id, "released", r.text, false);
		break;
	case ITEM_QUEUED:
		change_say(o, all, r.item.id, "queued, it is tried again",
		    r.text, true);
		break;
	case ITEM_NEW:
		change_say(o, all, r.item.id, "refused", r.text, true);
		break;
	default:
		change_say(o, all, r.item.id, "unsure, it may have arrived",
		    r.text, true);
		break;
	}
}

/* op_release - one after the other */
int
op_release(struct order *o)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < o->filter.nwords; i++)
		change_release(o, all, o->filter.words[i]);
	if (o->json)
		order_json(o, all);
	else
		json_decref(all);
	return WEIR_OK;
}

/* change_delete - one item, in a transaction of its own */
static int
change_delete(struct order *o, const char *id, struct item *i, struct fault *f)
{
	struct store *st = o->q->store;
	struct item_files gone = ITEM_FILES_INIT;
	sqlite3 *db = store_begin(st, true, f);
	int64_t now = store_now(st);
	int status;

	if (db == NULL)
		return f->status;
	status = item_find(db, id, i, f);
	if (status == WEIR_OK && i->lease_ms >= now &&
	    (i->state == ITEM_RELEASING || i->state == ITEM_SENT))
		status = fault_set(f, WEIR_E_STATE, "it is being released just "
		    "now");
	if (status == WEIR_OK)
		status = item_delete(db, i->id, false, &gone, f);
	if (status == WEIR_OK)
		status = store_audit(db, f, now, o->who, "delete", i->id,
		    i->rcpt, "deleted");
	if (status == WEIR_OK)
		status = store_commit(st, f);
	else
		store_rollback(st);
	if (status == WEIR_OK)
		item_files_unlink(st, &gone);
	item_files_fini(&gone);
	return status;
}

/* op_delete - one after the other */
int
op_delete(struct order *o)
{
	json_t *all = json_array();

	for (uint32_t k = 0; k < o->filter.nwords; k++) {
		struct fault f;
		struct item i;

		if (change_delete(o, o->filter.words[k], &i, &f) < 0)
			change_say(o, all, o->filter.words[k], "not deleted",
			    f.text, true);
		else
			change_say(o, all, i.id, "deleted", "", false);
	}
	if (o->json)
		order_json(o, all);
	else
		json_decref(all);
	return WEIR_OK;
}

/* op_forward - a copy for somebody else */
int
op_forward(struct order *o)
{
	const char *id = o->filter.words[0], *to = o->filter.words[1];
	struct release_result r;
	json_t *all;
	int status;

	if (strchr(to, '@') == NULL || strlen(to) >= USER_MAX ||
	    strpbrk(to, "<> \t\r\n") != NULL)
		return fault_set(&o->fault, WEIR_E_INVAL, "\"%.100s\" is no "
		    "address", to);
	status = release_forward(o->q->store, &o->q->release, id, to,
	    o->filter.virus ? RELEASE_VIRUS : 0, o->who, &r, &o->fault);
	if (status < 0)
		return status;
	all = json_array();
	change_say(o, all, r.item.id, r.smtp == SMTP_OK ? "forwarded" :
							  "not forwarded",
	    r.text, r.smtp != SMTP_OK);
	if (o->json)
		order_json(o, all);
	else
		json_decref(all);
	return WEIR_OK;
}
