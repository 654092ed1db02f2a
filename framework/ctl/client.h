/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client - ask the daemon through its control socket. */
#ifndef WEIR_CTL_CLIENT_H
#define WEIR_CTL_CLIENT_H

#include "ctl/wire.h"

#define CLIENT_WAIT_MS 90000 /* without an octet of the answer */
#define CLIENT_REPLY_MAX (128u << 20)

/* One question.  WEIR_E_NOTFOUND: nobody listens there; WEIR_E_STATE: we are
   not allowed to; others: err says why, with a remedy where there is one.
   Blocking. */
int client_ask(const char *socket_path, uint32_t argc,
    const char *const *argv, bool json, struct wire_reply *out,
    struct err *err);

#endif
