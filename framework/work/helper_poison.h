/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_poison - requests that were under way when a helper died.
 *
 * In memory that all workers share, so that a mail that kills helpers does so
 * twice and not twice a worker.  A key is a hash of what the helper was given.
 */
#ifndef WEIR_WORK_HELPER_POISON_H
#define WEIR_WORK_HELPER_POISON_H

#include <stdbool.h>
#include <stdint.h>

#define HELPER_POISON_KEYS 256
#define HELPER_POISON_DEATHS 2	     /* it is not tried again after these */
#define HELPER_POISON_MS (6 * 3600000) /* for so long after the last one */

/* Before the first fork; fatal without memory. [main] */
void helper_poison_create(void);
void helper_poison_destroy(void);
/* A helper died with it; process: which one, so that its death counts once.
   Without a table nothing is remembered. [loop] */
void helper_poison_add(uint64_t key, uint64_t process);
/* It was answered: whoever killed the helper, it was not this.  So what is
   asked often, and was under way by chance, is soon forgotten. [loop] */
void helper_poison_clear(uint64_t key);
/* Has it killed too often? [loop] */
bool helper_poison_is(uint64_t key);

#endif
