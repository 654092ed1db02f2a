/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * helper_mail - mail formats inside a helper process: what stands behind
 * decode and mail_* of struct weir_helper_host.  One thread only.
 */
#ifndef WEIR_DAEMON_HELPER_MAIL_H
#define WEIR_DAEMON_HELPER_MAIL_H

#include <weir/ext/remote.h>

size_t helper_mail_decode(uint32_t encoding, uint32_t reading, weir_str raw,
    void *dst, size_t cap);
weir_mail *helper_mail_open(weir_str raw);
int helper_mail_part(weir_mail *mail, uint32_t part,
    struct weir_mime_part *out);
int helper_mail_name(weir_mail *mail, uint32_t part, uint32_t index,
    weir_str *out);
int helper_mail_data(weir_mail *mail, uint32_t part, size_t max,
    weir_str *out);
void helper_mail_close(weir_mail **mail);

#endif
