/* SPDX-License-Identifier: GPL-2.0-only */
/* backend - who scans: the helper with its engine, or a clamd. */
#include "antivirus.h"

#include <stdlib.h>

#include "wire.h"

struct backend_ask {
	av_backend_fn *fn;
	void *arg;
};

/* backend_done - the helper's answer, which must not be trusted */
static void
backend_done(weir_call *call, int status, weir_str response, void *arg)
{
	struct backend_ask *a = arg;
	struct av_result r;

	if (status == WEIR_OK)
		status = av_result_get(response, &r);
	if (status == WEIR_E_INVAL)
		status = WEIR_E_TEMP;
	a->fn(call, status, status == WEIR_OK ? &r : NULL, a->arg);
	free(a);
}

/* backend_ask - memory for the question */
static struct backend_ask *
backend_ask(av_backend_fn *fn, void *arg)
{
	struct backend_ask *a = malloc(sizeof(*a));

	if (a != NULL)
		*a = (struct backend_ask) { fn, arg };
	return a;
}

/* av_backend_message - the mail as it is */
int
av_backend_message(struct antivirus *m, weir_call *call, av_backend_fn *fn,
    void *arg)
{
	static const struct av_request scan = { .ask = AV_ASK_SCAN };
	char octets[AV_REQUEST_SIZE];
	struct backend_ask *a;
	struct av_piece raw = { .mail = true };
	int status;

	if (m->backend == AV_BACKEND_CLAMD) {
		status = m->mime->raw(call, &raw.data);
		return status < 0 ? status : av_clamd_scan(m, call, &raw, 1,
		    fn, arg);
	}
	a = backend_ask(fn, arg);
	if (a == NULL)
		return WEIR_E_NOMEM;
	status = m->remote->start(call, 0, (weir_str) { octets,
		av_request_put(octets, &scan) }, WEIR_REMOTE_MESSAGE,
	    backend_done, a);
	if (status < 0)
		free(a);
	return status;
}

/* backend_pieces - as ranges of one descriptor; the number of slices */
static uint32_t
backend_pieces(const struct av_piece *piece, uint32_t n, struct av_request *r,
    weir_str *slices)
{
	uint64_t at = 0;
	uint32_t used = 0;

	r->ask = AV_ASK_SCAN;
	r->n = n;
	for (uint32_t i = 0; i < n; i++) {
		r->range[i].offset = at;
		if (piece[i].mail) {
			slices[used++] = WEIR_STR(AV_MAIL_MARK);
			at += sizeof(AV_MAIL_MARK) - 1;
		}
		slices[used++] = piece[i].data;
		at += piece[i].data.len;
		r->range[i].len = at - r->range[i].offset;
	}
	return used;
}

/* av_backend_data - octets of our own */
int
av_backend_data(struct antivirus *m, weir_call *call,
    const struct av_piece *piece, uint32_t n, av_backend_fn *fn, void *arg)
{
	struct av_request *r;
	struct backend_ask *a;
	weir_str *slices;
	char *octets;
	uint32_t used;
	int status = WEIR_E_NOMEM;

	if (m->backend == AV_BACKEND_CLAMD)
		return av_clamd_scan(m, call, piece, n, fn, arg);
	if (n > AV_RANGES_MAX)
		return WEIR_E_LIMIT;
	r = calloc(1, sizeof(*r));
	slices = calloc(2 * n, sizeof(*slices));
	octets = malloc(AV_REQUEST_SIZE);
	a = backend_ask(fn, arg);
	if (r != NULL && slices != NULL && octets != NULL && a != NULL) {
		used = backend_pieces(piece, n, r, slices);
		status = m->remote->start_data(call, 0, (weir_str) { octets,
			av_request_put(octets, r) }, slices, used,
		    backend_done, a);
	}
	free(octets);
	free(slices);
	free(r);
	if (status < 0)
		free(a);
	return status;
}
