/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accept - is this descriptor one that we can work with.
 *
 * What a module hands over may be older or younger than we are: sizes and
 * strides say how much of it is there.  The accepted form is a copy in our own
 * sizes, zero where the module had nothing.
 */
#ifndef WEIR_HOST_ACCEPT_H
#define WEIR_HOST_ACCEPT_H

#include <weir/module.h>

#include "base/err.h"
#include "base/pool.h"

/* The copy in pool, or NULL and a reason that names both sides' numbers. */
struct weir_module *accept_descriptor(const struct weir_module *in,
    const char *name, struct pool *pool, struct err *err);

#endif
