/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metric_http - GET /metrics for a scraper, on a listener that the caller has
 * bound.
 *
 * No more of HTTP/1.1 than that: GET and HEAD, one request a connection, a
 * head of at most 4 KiB, 16 connections, 5 s for everything.  Who may connect
 * is decided by what the listener is bound to.  Loop thread only.
 */
#ifndef WEIR_OBS_METRIC_HTTP_H
#define WEIR_OBS_METRIC_HTTP_H

#include <stdbool.h>

#include <weir/types.h>


#define METRIC_HTTP_HEAD_MAX 4096
#define METRIC_HTTP_CONNS 16
#define METRIC_HTTP_MS 5000

struct metric_http;

/* Serve on fd (listening, non-blocking), which is owned from now on. */
struct metric_http *metric_http_create(int fd);
void metric_http_destroy(struct metric_http **http);

/* The status for a request head so far: 0 while it is incomplete, else 200,
   400, 404, 405, 431 or 505.  Pure: for the server and its fuzz target. */
int metric_http_parse(weir_str head, bool *is_head);

#endif
