/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limits - budgets of the configuration that the extensions apply. */
#ifndef WEIR_HOST_LIMITS_H
#define WEIR_HOST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/mime.h"

void limits_set(uint32_t dns_queries, const struct mime_limits *mime);
uint32_t limits_dns_queries(void); /* per session */
const struct mime_limits *limits_mime(void);

/* In a replay modules do nothing that belongs to no mail: host->task and
   timer->every do as if. */
extern bool host_is_still;

#endif
