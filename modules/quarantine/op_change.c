/* SPDX-License-Identifier: GPL-2.0-or-later */
/* op_change - release, delete, forward: item by item. */
#include "command.h"

#include <string.h>

#include "file.h"

/* change_add - what became of an item; the loop may read it from now on */
static void
change_add(struct order *o, const char *id, const char *what, const char *text,
    bool failed)
{
	uint32_t n = o->n_changes;
	struct change *c = &o->changes[n];

	snprintf(c->id, sizeof(c->id), "%s", id);
	snprintf(c->text, sizeof(c->text), "%s", text);
	c->what = what;
	c->failed = failed;
	o->n_changes = n + 1;
}

/* change_whose - between whom it went, to say how its sender is let through */
static void
change_whose(struct order *o, const struct item *i)
{
	struct change *c = &o->changes[o->n_changes];

	memcpy(c->rcpt, i->rcpt, sizeof(c->rcpt));
	memcpy(c->sender, i->sender, sizeof(c->sender));
}

/* change_learned - the classifier knows it as ham now */
void
change_learned(struct order *o, const char *id, double before, double after)
{
	for (uint32_t k = 0; k < o->n_changes; k++) {
		struct change *c = &o->changes[k];

		if (strcmp(c->id, id) != 0)
			continue;
		c->learned = true;
		c->before = before;
		c->after = after;
	}
}

/* change_word - an address for a shell, or what stands for it */
static const char *
change_word(const char *address, const char *instead)
{
	return address[0] != '\0' && address[0] != '-' &&
	    strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789.@+_-="
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(address) ?
	    address : instead;
}

/* change_say_learned - what that changed, and what it did not */
static void
change_say_learned(FILE *out, const struct change *c)
{
	if (c->before >= 0 && c->after >= 0)
		fprintf(out, "  learned as ham: probability of spam %.4f "
		    "before, %.4f now\n", c->before, c->after);
	else
		fputs("  learned as ham\n", out);
	fprintf(out, "  that lets its sender through no sooner; this does: "
	    "weirctl lists add %s allow %s\n", change_word(c->rcpt, "USER"),
	    change_word(c->sender, "SENDER"));
}

/* change_json - one of them */
static json_t *
change_json(const struct change *c)
{
	json_t *v = json_pack("{s:o,s:s,s:o}", "id", order_text(c->id),
	    "result", c->what, "text", order_text(c->text));

	if (c->learned)
		json_object_set_new(v, "learned", json_pack("{s:o,s:o}",
		    "before", c->before < 0 ? json_null() :
			json_real(c->before),
		    "after", c->after < 0 ? json_null() :
			json_real(c->after)));
	return v;
}

/* change_say - one of them; failed ones are said to stderr, too */
static void
change_say(struct order *o, json_t *all, const struct change *c)
{
	if (o->json)
		json_array_append_new(all, change_json(c));
	else if (!c->failed) {
		fprintf(o->out, "%s %s", c->id, c->what);
		if (c->text[0] != '\0') {
			fputs(": ", o->out);
			order_clean(o->out, c->text, 0);
		}
		fputc('\n', o->out);
		if (c->learned)
			change_say_learned(o->out, c);
	}
	if (c->failed) {
		fprintf(o->err, "%s%s: %s%s", o->err_len > 0 ||
			ftell(o->err) > 0 ? "\n" : "", c->id, c->what,
		    c->text[0] != '\0' ? ": " : "");
		order_clean(o->err, c->text, 0);
	}
}

/* change_print - all there is, and what is still to come */
void
change_print(struct order *o)
{
	static const struct change pending = { .what = "not finished",
		.text = "the next hop has not answered yet; weirctl quarantine "
			"list --id ID shows what becomes of it",
		.failed = true };
	json_t *all = json_array();
	uint32_t n = o->n_changes;

	for (uint32_t i = 0; i < n; i++)
		change_say(o, all, &o->changes[i]);
	if (o->talks && !o->over) {
		uint32_t items = o->run == op_forward ? 1 : o->filter.nwords;

		for (uint32_t i = 0; i < items; i++) {
			struct change c = pending;

			if (o->run == op_release && o->asked[i][0] == '\0')
				continue;
			snprintf(c.id, sizeof(c.id), "%.60s",
			    o->run == op_release ? o->asked[i] :
						   o->filter.words[i]);
			for (uint32_t k = 0; k < n; k++)
				if (strcmp(o->changes[k].id, c.id) == 0)
					c.id[0] = '\0';
			if (c.id[0] != '\0')
				change_say(o, all, &c);
		}
	}
	if (o->json)
		order_json(o, all);
	else
		json_decref(all);
}

/* change_asked - was it among the words before the k-th */
static bool
change_asked(const struct order *o, uint32_t k, const char *id)
{
	while (k > 0)
		if (strcmp(o->asked[--k], id) == 0)
			return true;
	return false;
}

/* op_release_ask - for all of them, before any is tried: what is asked for is
   done even if this process dies */
int
op_release_ask(struct order *o)
{
	unsigned flags = RELEASE_MINE | (o->filter.virus ? RELEASE_VIRUS : 0) |
	    (o->filter.again ? RELEASE_AGAIN : 0);

	for (uint32_t k = 0; k < o->filter.nwords; k++) {
		const char *id = o->filter.words[k];
		struct item i;
		struct fault f;
		int status = release_ask(o->q->store, id, flags, o->who, &i,
		    &f);

		if (status == WEIR_E_EXISTS) /* twice is no mistake */
			change_add(o, id, "released before", "", false);
		else if (status < 0)
			change_add(o, id, "not released", f.text, true);
		else if (!change_asked(o, k, i.id))
			snprintf(o->asked[k], sizeof(o->asked[k]), "%s", i.id);
	}
	return WEIR_OK;
}

/* change_unwanted - is the process about to end */
static bool
change_unwanted(void *arg)
{
	const struct order *o = arg;

	return o->q->job->unwanted(o->ctx);
}

/* change_conf - for a delivery of this order */
static struct release_conf
change_conf(struct order *o)
{
	struct release_conf conf = o->q->release;

	conf.unwanted = change_unwanted;
	conf.arg = o;
	return conf;
}

/* change_release - try one that was asked for */
static void
change_release(struct order *o, const char *id)
{
	struct release_conf conf = change_conf(o);
	struct quarantine *q = o->q;
	struct release_result r;
	struct fault f;
	int status = release_try(q->store, &conf, id, &r, &f);

	if (status < 0) {
		change_add(o, id, "not released", f.text, true);
		return;
	}
	switch (r.state) {
	case ITEM_RELEASED:
		q->metric->add(q->self, q->metric_released, 1);
		learn_read(q, &r.item, &o->learn);
		change_whose(o, &r.item);
		change_add(o, id, "released", r.text, false);
		break;
	case ITEM_QUEUED:
		change_add(o, id, "queued, it is tried again", r.text, true);
		break;
	case ITEM_NEW:
		change_add(o, id, "refused", r.text, true);
		break;
	default:
		change_add(o, id, "unsure, it may have arrived", r.text, true);
		break;
	}
}

/* op_release - one after the other */
int
op_release(struct order *o)
{
	for (uint32_t k = 0; k < o->filter.nwords; k++)
		if (o->asked[k][0] != '\0' && !change_unwanted(o))
			change_release(o, o->asked[k]);
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
	for (uint32_t k = 0; k < o->filter.nwords; k++) {
		struct fault f;
		struct item i;

		if (change_delete(o, o->filter.words[k], &i, &f) < 0)
			change_add(o, o->filter.words[k], "not deleted",
			    f.text, true);
		else
			change_add(o, i.id, "deleted", "", false);
	}
	change_print(o);
	return WEIR_OK;
}

/* op_forward - a copy for somebody else */
int
op_forward(struct order *o)
{
	const char *id = o->filter.words[0], *to = o->filter.words[1];
	struct release_conf conf = change_conf(o);
	struct release_result r;
	int status;

	if (strchr(to, '@') == NULL || strlen(to) >= USER_MAX ||
	    strpbrk(to, "<> \t\r\n") != NULL)
		return fault_set(&o->fault, WEIR_E_INVAL, "\"%.100s\" is no "
		    "address", to);
	status = release_forward(o->q->store, &conf, id, to,
	    o->filter.virus ? RELEASE_VIRUS : 0, o->who, &r, &o->fault);
	if (status < 0)
		return status;
	change_add(o, r.item.id, r.smtp == SMTP_OK ? "forwarded" :
		r.smtp == SMTP_UNSURE ? "unsure, it may have arrived" :
					"not forwarded",
	    r.text, r.smtp != SMTP_OK);
	return WEIR_OK;
}
