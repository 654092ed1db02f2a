/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/recorder.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "conf/dump.h"
#include "mail/message.h"
#include "mail/session.h"
#include "pipe/run.h"
#include "replay/ring.h"
#include "replay/tape.h"

#define RECORDER_DNS_MAX 500		 /* answers of a message */
#define RECORDER_DNS_OCTETS (64u * 1024) /* of one answer */

static struct {
	bool open;
	unsigned sample; /* of a hundred */
	size_t body_max;
	bool bodies;
	unsigned turn;
	struct buf modules; /* their entries, the same on each tape */
} recorder;

/* recorder_fnv - the same number in all processes, for ever */
static uint64_t
recorder_fnv(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* recorder_digest - of version and options */
uint64_t
recorder_digest(const struct conf *conf, const char *name)
{
	const struct conf_module *m = conf_module_find(conf, name);
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	struct buf text = BUF_INIT;
	json_t *all, *one;
	char *options;

	if (m == NULL)
		return 0;
	conf_dump(conf, false, true, &text);
	all = json_loadb(text.ptr, text.len, 0, NULL);
	one = json_object_get(json_object_get(all, "module"), name);
	options = json_dumps(one, JSON_COMPACT | JSON_SORT_KEYS);
	h = recorder_fnv(h, m->desc->version != NULL ? m->desc->version : "");
	h = recorder_fnv(h, options != NULL ? options : "");
	free(options);
	json_decref(all);
	buf_fini(&text);
	return h != 0 ? h : 1;
}

/* recorder_open - from the configuration */
int
recorder_open(const struct conf *conf, unsigned worker, struct err *err)
{
	char *dir = xasprintf("%s/recordings", conf->state_dir);
	struct ring_config rc = { .dir = dir, .size = conf->record.size,
		.count = conf->record.count,
		.retention_ms = conf->record.retention_ms,
		.workers = (unsigned)conf->workers, .worker = worker };
	int status = ring_open(&rc, err);

	free(dir);
	if (status < 0)
		return status;
	recorder.open = true;
	recorder.sample = (unsigned)conf->record.sample;
	recorder.bodies = conf->record.bodies;
	recorder.body_max = conf->record.bodies ?
	    (size_t)conf->record.body_size : 0;
	for (size_t i = 0; i < conf->n_modules; i++)
		tape_write_module(conf->modules[i].name,
		    recorder_digest(conf, conf->modules[i].name),
		    &recorder.modules);
	return WEIR_OK;
}

/* recorder_close - what is queued is written */
void
recorder_close(void)
{
	if (!recorder.open)
		return;
	recorder.open = false;
	ring_close();
	buf_fini(&recorder.modules);
}

/* recorder_wants_body - must the MTA send it for us */
bool
recorder_wants_body(void)
{
	return recorder.open && recorder.bodies;
}

/* recorder_samples - evenly: 30 of a hundred is every third or fourth */
bool
recorder_samples(void)
{
	if (!recorder.open)
		return false;
	recorder.turn += recorder.sample;
	if (recorder.turn < 100)
		return false;
	recorder.turn -= 100;
	return true;
}

/* recorder_has - the same question with the same answer is kept once */
static bool
recorder_has(const struct recorder_dns *d, const struct buf *octets)
{
	while (d != NULL && (d->octets.len != octets->len ||
	    memcmp(d->octets.ptr, octets->ptr, octets->len) != 0))
		d = d->next;
	return d != NULL;
}

/* recorder_dns - keep an answer as long as whoever asked may use it */
void
recorder_dns(struct session *s, struct message *m, const char *name,
    uint16_t type, const struct weir_dns_answer *answer)
{
	struct recorder_dns **list = m != NULL ? &m->dns : &s->dns, *d;
	struct pool *pool = m != NULL ? m->pool : s->pool;
	unsigned *count = m != NULL ? &m->ndns : &s->ndns;
	struct buf octets = BUF_INIT;
	char *copy;

	if (!recorder.open || *count >= RECORDER_DNS_MAX ||
	    answer->status == WEIR_E_CANCELLED)
		return;
	tape_write_dns(name, type, answer, &octets);
	d = NULL;
	if (octets.len <= RECORDER_DNS_OCTETS && !recorder_has(*list, &octets))
		d = pool_try_alloc(pool, sizeof(*d));
	copy = d != NULL ? pool_try_alloc(pool, octets.len) : NULL;
	if (copy != NULL) {
		memcpy(copy, octets.ptr, octets.len);
		d->octets = (weir_str){ copy, octets.len };
		d->next = *list;
		*list = d;
		++*count;
	}
	buf_fini(&octets);
}

/* recorder_keep - one tape to the ring; without its body if that is too much */
static void
recorder_keep(struct session *s, struct message *m, const char *kind)
{
	struct buf tape = BUF_INIT;

	tape_write(s, m, kind, recorder.body_max, &tape);
	buf_add(&tape, recorder.modules.ptr, recorder.modules.len);
	if (tape.len > ring_frame_max()) {
		buf_clear(&tape);
		tape_write(s, m, kind, 0, &tape);
		buf_add(&tape, recorder.modules.ptr, recorder.modules.len);
	}
	ring_put(m != NULL ? m->started_ms : s->started_ms, buf_str(&tape));
	buf_fini(&tape);
}

/* recorder_message - the transaction has ended */
void
recorder_message(struct message *m)
{
	struct session *s = m->session;

	if (!recorder.open || (m->aborted && m->notes.nopinions == 0))
		return;
	recorder_keep(s, m, strcmp(s->front->protocol, "policy") == 0 ?
		"policy" : "message");
}

/* recorder_session - was it refused before a transaction */
void
recorder_session(struct session *s)
{
	const struct opinion *o = run_answer(s, WEIR_RCPT_NONE);

	if (recorder.open && s->messages == 0 && o != NULL &&
	    o->action >= WEIR_ACT_TEMPFAIL)
		recorder_keep(s, NULL, "early");
}
