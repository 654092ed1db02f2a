/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry - the modules of a configuration, from file to running.
 */
#ifndef WEIR_HOST_REGISTRY_H
#define WEIR_HOST_REGISTRY_H

#include "base/err.h"
#include "conf/core.h"
#include "conf/load.h"
#include "pipe/module.h"

/* For conf_load: reads descriptors through host/load. */
extern const struct conf_modules registry_describe;

/* Create all modules, providers before those that come after them, and build
   the plan.  On failure everything is destroyed again and err names the
   module. The loop must exist; conf must outlive the modules. [main] */
int registry_start(const struct conf *conf, struct err *err);
/* The module whose code runs while things are loaded and created, or NULL: for
   whoever has to say what died. */
extern const char *registry_busy;
/* Destroy all; every call must have closed. [main] */
void registry_stop(void);
/* In a replay: another descriptor in place of this one, or the same. */
extern const struct weir_module *(*registry_replace)(
    const struct weir_module *desc);

#endif
