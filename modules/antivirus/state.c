/* SPDX-License-Identifier: GPL-2.0-only */
/* state - how the helper is, as JSON for the workers. */
#include <jansson.h>
#include <string.h>

#include "helper.h"

/* state_word - in one word */
static const char *
state_word(const struct helper *h, bool old)
{
	if (h->engine == NULL && (h->draining || h->loading))
		return "loading";
	if (h->engine == NULL)
		return "degraded";
	if (h->alarm[0] != '\0')
		return "alarm";
	return old ? "old" : "ok";
}

/* state_engine - of the engine in use */
static void
state_engine(json_t *o, const struct helper *h, int64_t now)
{
	const struct engine *e = h->engine;

	json_object_set_new(o, "signatures", json_integer(e->signatures));
	json_object_set_new(o, "version", json_integer(e->version));
	json_object_set_new(o, "built_ms", json_integer(e->newest_ms));
	json_object_set_new(o, "age_s",
	    json_integer((now - e->newest_ms) / 1000));
	json_object_set_new(o, "load_s",
	    json_real((double)e->load_us / 1e6));
	json_object_set_new(o, "memory", json_integer((json_int_t)e->bytes));
	json_object_set_new(o, "generation", json_integer(e->generation));
	json_object_set_new(o, "left_out", json_integer(e->left_out));
}

/* state_demoted - signatures that are not believed */
static json_t *
state_demoted(const struct helper *h)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < BREAKER_NAMES; i++) {
		if (h->breaker.name[i].demoted != 0)
			json_array_append_new(all,
			    json_string(h->breaker.name[i].name));
	}
	return all;
}

/* state_json - all of it */
char *
state_json(struct helper *h, bool reporter)
{
	json_t *o = json_object();
	int64_t now = h->host->wall_ms();
	char *text;
	bool old;

	pthread_mutex_lock(&h->lock);
	old = h->engine != NULL && h->max_age_ms > 0 &&
	    now - h->engine->newest_ms > h->max_age_ms;
	json_object_set_new(o, "backend", json_string("libclamav"));
	json_object_set_new(o, "state", json_string(state_word(h, old)));
	json_object_set_new(o, "engine", json_string(engine_version()));
	json_object_set_new(o, "database", json_string(h->dir));
	if (h->engine != NULL)
		state_engine(o, h, now);
	json_object_set_new(o, "old", json_boolean(old));
	json_object_set_new(o, "loading", json_boolean(h->loading));
	json_object_set_new(o, "asked", json_boolean(h->forced));
	json_object_set_new(o, "problem", json_string(h->alarm));
	json_object_set_new(o, "scans", json_integer((json_int_t)h->scans));
	json_object_set_new(o, "cached", json_integer((json_int_t)h->cached));
	json_object_set_new(o, "failures",
	    json_integer((json_int_t)h->failures));
	json_object_set_new(o, "reloads",
	    json_integer((json_int_t)h->reloads));
	json_object_set_new(o, "reload_failures",
	    json_integer((json_int_t)h->reload_failures));
	json_object_set_new(o, "demoted", state_demoted(h));
	json_object_set_new(o, "resident",
	    json_integer((json_int_t)engine_resident()));
	json_object_set_new(o, "reporter", json_boolean(reporter));
	pthread_mutex_unlock(&h->lock);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}
