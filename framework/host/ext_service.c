/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext_service - weir.service/1: tables between modules. */
#include <stdlib.h>
#include <string.h>

#include <weir/ext/service.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/text.h"
#include "host/table.h"

struct ext_service {
	const void *table;
	void *state;
};

static struct map services;

/* ext_service_provide - offer a table */
static int
ext_service_provide(weir_self *self, const char *id, const void *table,
    void *state)
{
	struct ext_service *s;

	if (self == NULL)
		return WEIR_E_INVAL;
	if (!loop_is_thread() || table_module(self)->created)
		return WEIR_E_STATE;
	if (id == NULL || id[0] == '\0' || strlen(id) > 128 || table == NULL)
		return WEIR_E_INVAL;
	if (map_get(&services, text_slice(id)) != NULL)
		return WEIR_E_EXISTS;
	s = xcalloc(1, sizeof(*s));
	s->table = table;
	s->state = state;
	map_set(&services, text_slice(id), s);
	return WEIR_OK;
}

/* ext_service_find - look for one */
static const void *
ext_service_find(weir_self *self, const char *id, void **state)
{
	struct ext_service *s;

	(void)self;
	if (!loop_is_thread() || id == NULL)
		return NULL;
	s = map_get(&services, text_slice(id));
	if (s == NULL)
		return NULL;
	if (state != NULL)
		*state = s->state;
	return s->table;
}

/* ext_service_free - one entry goes */
static bool
ext_service_free(weir_str id, void *value, void *arg)
{
	(void)id;
	(void)arg;
	free(value);
	return true;
}

/* ext_service_fini - the modules have been destroyed */
void
ext_service_fini(void)
{
	map_each(&services, ext_service_free, NULL);
	map_fini(&services);
}

const struct weir_service ext_service_table = {
	.provide = ext_service_provide, .find = ext_service_find
};
