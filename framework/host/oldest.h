/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oldest - where the structs of the oldest ABI that this host serves end.
   Written by `make storeabi`. */
#ifndef WEIR_HOST_OLDEST_H
#define WEIR_HOST_OLDEST_H

#include <weir/weir.h>

#define OLDEST_ABI "1.0"
#define OLDEST_END(type, last) \
	(offsetof(struct type, last) + sizeof(((struct type *)0)->last))
#define OLDEST_HOST OLDEST_END(weir_host, exempt)
#define OLDEST_STAGES OLDEST_END(weir_stages, eom)
#define OLDEST_MODULE OLDEST_END(weir_module, reserved2)
#define OLDEST_OPTION OLDEST_END(weir_option, rows)
#define OLDEST_SYMBOL OLDEST_END(weir_symbol, score)
#define OLDEST_VERDICT OLDEST_END(weir_verdict, text)
#define OLDEST_FINDING OLDEST_END(weir_finding, reason)
#define OLDEST_HELPER OLDEST_END(weir_helper, program)

#endif
