/* SPDX-License-Identifier: BSD-2-Clause */
/* weir/weir.h - everything a module may use. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/host.h>
#include <weir/module.h>
#include <weir/option.h>
#include <weir/types.h>
#include <weir/verdict.h>
#include <weir/version.h>

#include <weir/ext/control.h>
#include <weir/ext/dns.h>
#include <weir/ext/edit.h>
#include <weir/ext/job.h>
#include <weir/ext/lua.h>
#include <weir/ext/metric.h>
#include <weir/ext/mime.h>
#include <weir/ext/remote.h>
#include <weir/ext/service.h>
#include <weir/ext/store.h>
#include <weir/ext/timer.h>

#include <weir/inline.h>

#endif
