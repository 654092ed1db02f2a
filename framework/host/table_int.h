/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_int - the parts of the core host table: table_read.c says what is known
   of the mail, table_notes.c takes down what modules say of it. */
#ifndef WEIR_HOST_TABLE_INT_H
#define WEIR_HOST_TABLE_INT_H

#include "host/table.h"

int table_stage(weir_call *handle);
int table_phase(weir_call *handle);
int table_attr_get(weir_call *handle, uint32_t attr, uint32_t rcpt,
    weir_str *out);
int table_macro_get(weir_call *handle, const char *name, weir_str *out);
uint32_t table_rcpt_count(weir_call *handle);
uint32_t table_header_count(weir_call *handle, const char *name);
int table_header_at(weir_call *handle, const char *name, uint32_t index,
    weir_str *name_out, weir_str *value_out);
int table_in_networks(weir_call *handle, const char *name, const char *addr);
int table_finding(weir_call *handle, uint32_t symbol, uint32_t rcpt,
    double weight, weir_str reason);
uint32_t table_finding_count(weir_call *handle);
int table_finding_at(weir_call *handle, uint32_t index,
    struct weir_finding *out);
double table_score(weir_call *handle, uint32_t rcpt);
int table_verdict(weir_call *handle, const struct weir_verdict *in);
int table_verdict_get(weir_call *handle, uint32_t rcpt,
    struct weir_verdict *out);
const char *table_folder(weir_self *self);
int table_exempt(weir_call *handle, weir_str reason);
int table_fate(weir_call *handle, uint32_t rcpt);
int table_kept(weir_call *handle, uint32_t rcpt, weir_str id);
int table_fact_set(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str value);
int table_fact_get(weir_call *handle, uint32_t rcpt, const char *key,
    weir_str *value);
int table_fail(weir_call *handle, int why, weir_str reason);
uint32_t table_unscanned_count(weir_call *handle);
int table_unscanned_at(weir_call *handle, uint32_t index, weir_str *module,
    weir_str *reason);

#endif
