/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmilter-filter - the usual milter: the real libmilter, a thread for each
 * connection, every callback present, none doing anything.
 *
 * usage: libmilter-filter [-n] unix:/path | inet:port@host
 *
 * -n: negotiate the no-reply flags and use them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libmilter/mfapi.h>

static bool no_reply;
static char filter_name[] = "yardstick";

#define ANSWER (no_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE)
#define ALL_NO_REPLY \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | \
	    SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | \
	    SMFIP_NR_BODY)

/* filter_negotiate - want every event; answer each, or only the last */
static sfsistat
filter_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
    unsigned long f2, unsigned long f3, unsigned long *pf0,
    unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	(void)ctx;
	(void)f0;
	(void)f2;
	(void)f3;
	*pf0 = 0;
	*pf1 = no_reply ? f1 & ALL_NO_REPLY : 0;
	*pf2 = *pf3 = 0;
	/* without the MTA's consent an answer is due after all */
	no_reply = no_reply && *pf1 == ALL_NO_REPLY;
	return SMFIS_CONTINUE;
}

/* filter_connect - nothing */
static sfsistat
filter_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *addr)
{
	(void)ctx;
	(void)name;
	(void)addr;
	return ANSWER;
}

/* filter_text - helo, unknown: nothing */
static sfsistat
filter_text(SMFICTX *ctx, char *text)
{
	(void)ctx;
	(void)text;
	return ANSWER;
}

/* filter_unknown - nothing */
static sfsistat
filter_unknown(SMFICTX *ctx, const char *text)
{
	(void)ctx;
	(void)text;
	return ANSWER;
}

/* filter_address - mail, rcpt: nothing */
static sfsistat
filter_address(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return ANSWER;
}

/* filter_header - nothing */
static sfsistat
filter_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return ANSWER;
}

/* filter_event - data, eoh: nothing */
static sfsistat
filter_event(SMFICTX *ctx)
{
	(void)ctx;
	return ANSWER;
}

/* filter_body - nothing */
static sfsistat
filter_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return ANSWER;
}

/* filter_end - the message is fine; abort and close have no answer */
static sfsistat
filter_end(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

/* main - register and run */
int
main(int argc, char **argv)
{
	struct smfiDesc filter = {
		.xxfi_name = filter_name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = filter_connect,
		.xxfi_helo = filter_text,
		.xxfi_envfrom = filter_address,
		.xxfi_envrcpt = filter_address,
		.xxfi_header = filter_header,
		.xxfi_eoh = filter_event,
		.xxfi_body = filter_body,
		.xxfi_eom = filter_end,
		.xxfi_abort = filter_end,
		.xxfi_close = filter_end,
		.xxfi_unknown = filter_unknown,
		.xxfi_data = filter_event,
		.xxfi_negotiate = filter_negotiate,
	};

	no_reply = argc > 2 && strcmp(argv[1], "-n") == 0;
	if (argc < 2 || smfi_setconn(argv[argc - 1]) != MI_SUCCESS ||
	    smfi_setbacklog(1024) != MI_SUCCESS ||
	    smfi_register(filter) != MI_SUCCESS) {
		fprintf(stderr,
		    "usage: libmilter-filter [-n] unix:/path | inet:port@host"
		    "\n");
		return 2;
	}
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
