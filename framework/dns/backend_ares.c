/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend_ares - questions over UDP and TCP by c-ares, on our loop.
 *
 * c-ares matches id, address and question, retries, changes servers and goes
 * to TCP after truncation.  Packets are built and read here.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/ip.h"
#include "base/text.h"
#include "base/vec.h"
#include "dns/backend.h"
#include "loop/loop.h"

#define HEADER_LEN 12
#define OPT_LEN 11
#define PACKET_MAX (HEADER_LEN + DNS_NAME_WIRE_MAX + 4 + OPT_LEN)
#define EDNS_SIZE 1232 /* fits every path without fragments */
#define RCVBUF (1 << 20) /* bursts of answers between two loop rounds */
#define SERVERS_MAX 8
#define PORT_DEFAULT 53
#define ATTEMPT_MIN_MS 50

/* One of the library's sockets. */
struct ares_watch {
	struct list node;
	struct loop_io io;
	int fd;
};

static ares_channel channel;
static struct list watches = LIST_INIT(watches);
static struct loop_timer timer; /* the library's next retry */
static struct loop_task rearm;	/* sets it, once per loop round */
static struct buf servers_text = BUF_INIT;

/* backend_on_rearm - find out when the library wants to run again; this costs
   a walk over all open questions, so it is not done for each */
static void
backend_on_rearm(struct loop_task *task)
{
	struct timeval tv;

	(void)task;
	if (ares_timeout(channel, NULL, &tv) == NULL)
		loop_timer_stop(&timer);
	else
		loop_timer_start(&timer,
		    (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

/* backend_on_timer - retries are due */
static void
backend_on_timer(struct loop_timer *t)
{
	(void)t;
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	loop_defer(&rearm);
}

/* backend_on_io - a socket is ready; the watch may be gone afterwards */
static void
backend_on_io(struct loop_io *io, int events)
{
	int fd = list_of(io, struct ares_watch, io)->fd;

	ares_process_fd(channel,
	    (events & LOOP_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (events & LOOP_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	loop_defer(&rearm);
}

/* backend_on_socket - the library opens, uses or closes a socket */
static void
backend_on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct ares_watch *w = NULL;

	(void)arg;
	list_each(n, &watches) {
		if (list_of(n, struct ares_watch, node)->fd == fd) {
			w = list_of(n, struct ares_watch, node);
			break;
		}
	}
	if (!readable && !writable) {
		if (w == NULL)
			return;
		loop_io_stop(&w->io);
		list_remove(&w->node);
		free(w);
		return;
	}
	if (w == NULL) {
		w = xcalloc(1, sizeof(*w));
		w->fd = fd;
		loop_io_init(&w->io, backend_on_io);
		list_append(&watches, &w->node);
	}
	loop_io_set(&w->io, fd, (readable ? LOOP_READ : 0) |
	    (writable ? LOOP_WRITE : 0));
}

/* backend_id - an id that nobody can guess */
static uint16_t
backend_id(void)
{
	static uint16_t pool[128];
	static size_t left;

	if (left == 0) {
		/* up to 256 octets come whole or not at all */
		if (getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			panic("no random numbers from the kernel");
		left = sizeof(pool) / sizeof(pool[0]);
	}
	return pool[--left];
}

/* backend_packet - the question as a message; its length */
static int
backend_packet(const struct dns_question *q, uint8_t out[PACKET_MAX])
{
	static const uint8_t opt[OPT_LEN] = { 0, 0, DNS_TYPE_OPT,
		EDNS_SIZE >> 8, EDNS_SIZE & 0xff };
	uint16_t id = backend_id();
	uint8_t *p = out;

	memset(p, 0, HEADER_LEN);
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)(id & 0xff);
	p[2] = 0x01; /* RD */
	p[3] = 0x20; /* AD: we understand it in answers (RFC 6840 5.7) */
	p[5] = 1;    /* QDCOUNT */
	p[11] = q->edns;
	p += HEADER_LEN;
	memcpy(p, q->name.octets, q->name.len);
	p += q->name.len;
	*p++ = (uint8_t)(q->type >> 8);
	*p++ = (uint8_t)(q->type & 0xff);
	*p++ = 0;
	*p++ = 1; /* IN */
	if (q->edns) {
		memcpy(p, opt, sizeof(opt));
		p += sizeof(opt);
	}
	return (int)(p - out);
}

static void backend_send(struct dns_question *q, bool edns);

/* backend_on_answer - the library is done with a question */
static void
backend_on_answer(void *arg, int status, int timeouts, unsigned char *msg,
    int len)
{
	struct dns_question *q = arg;

	(void)timeouts;
	switch (status) {
	case ARES_SUCCESS:
		/* The library drops EDNS for good after the first server that
		   does not know it, then such answers come through to us: the
		   others keep theirs. */
		if (q->edns && len >= HEADER_LEN &&
		    (msg[3] & 0x0f) == DNS_RCODE_FORMERR && msg[10] == 0 &&
		    msg[11] == 0) {
			backend_send(q, false);
			return;
		}
		dns_question_answer(q, msg, (size_t)len);
		return;
	case ARES_ETIMEOUT:
		dns_question_done(q, WEIR_E_TIMEOUT, 0, NULL);
		return;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		dns_question_done(q, WEIR_E_CANCELLED, 0, NULL);
		return;
	default:
		dns_question_done(q, WEIR_E_TEMP, DNS_RCODE_SERVFAIL, NULL);
		return;
	}
}

/* backend_send - hand it to the library, which may fail it at once */
static void
backend_send(struct dns_question *q, bool edns)
{
	uint8_t packet[PACKET_MAX];

	q->edns = edns;
	ares_send(channel, packet, backend_packet(q, packet),
	    backend_on_answer, q);
	loop_defer(&rearm);
}

/* backend_start - a new question */
static void
backend_start(struct dns_question *q)
{
	backend_send(q, true);
}

/* backend_close - end everything */
static void
backend_close(void)
{
	loop_task_cancel(&rearm);
	ares_destroy(channel);
	channel = NULL;
	/* questions that ended may have asked for a new round */
	loop_task_cancel(&rearm);
	loop_timer_stop(&timer);
	expect(list_empty(&watches));
	ares_library_cleanup();
	buf_fini(&servers_text);
}

/* backend_text - the servers */
static const char *
backend_text(void)
{
	return servers_text.ptr;
}

/* server_port - a port number, or -1 */
static int
server_port(const char *s)
{
	char *end;
	unsigned long v;

	if (!text_is_digit((unsigned char)*s))
		return -1;
	v = strtoul(s, &end, 10);
	return *end == '\0' && v > 0 && v <= 65535 ? (int)v : -1;
}

/* server_parse - "ip", "ip:port", "[v6]", "[v6]:port" */
static int
server_parse(const char *s, struct ares_addr_port_node *out)
{
	char addr[IP_TEXT_MAX];
	const char *end = s + strlen(s), *port = NULL;
	struct ip ip;

	if (*s == '[') {
		s++;
		if ((end = strchr(s, ']')) == NULL)
			return WEIR_E_INVAL;
		if (end[1] == ':')
			port = end + 2;
		else if (end[1] != '\0')
			return WEIR_E_INVAL;
	} else if (strchr(s, ':') == strrchr(s, ':') &&
	    strchr(s, ':') != NULL) {
		end = strchr(s, ':');
		port = end + 1;
	}
	if ((size_t)(end - s) >= sizeof(addr))
		return WEIR_E_INVAL;
	memcpy(addr, s, (size_t)(end - s));
	addr[end - s] = '\0';
	memset(out, 0, sizeof(*out));
	out->udp_port = port != NULL ? server_port(port) : PORT_DEFAULT;
	if (out->udp_port < 0 || !ip_parse(addr, &ip))
		return WEIR_E_INVAL;
	out->tcp_port = out->udp_port;
	out->family = ip.len == 4 ? AF_INET : AF_INET6;
	memcpy(&out->addr, ip.octets, ip.len);
	return WEIR_OK;
}

/* servers_describe - what the channel really uses, for people; how many */
static size_t
servers_describe(ares_channel ch)
{
	struct ares_addr_port_node *list = NULL;
	char text[INET6_ADDRSTRLEN];
	size_t n = 0;

	buf_clear(&servers_text);
	if (ares_get_servers_ports(ch, &list) != ARES_SUCCESS)
		return 0;
	for (struct ares_addr_port_node *s = list; s != NULL; s = s->next) {
		int port = s->udp_port != 0 ? s->udp_port : PORT_DEFAULT;

		inet_ntop(s->family, &s->addr, text, sizeof(text));
		buf_printf(&servers_text,
		    s->family == AF_INET6 ? "%s[%s]:%d" : "%s%s:%d",
		    n++ != 0 ? ", " : "", text, port);
	}
	if (list != NULL)
		ares_free_data(list);
	return n;
}

/* channel_open - a channel to these servers (n 0: resolv.conf).  count: how
   many there will be, for the schedule; 0: not known yet */
static int
channel_open(const struct dns_config *config,
    struct ares_addr_port_node *servers, size_t count, ares_channel *out)
{
	struct ares_options o = { .flags = ARES_FLAG_EDNS |
		    ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.ednspsz = EDNS_SIZE,
		.socket_receive_buffer_size = RCVBUF,
		.tries = (int)config->tries,
		.sock_state_cb = backend_on_socket };
	int64_t attempt = config->timeout_ms;
	int status;

	/* The library waits attempt ms for each server, twice as long in each
	   further round: all rounds together take the time that a query has.
	   Late answers to earlier attempts count. */
	if (count != 0)
		attempt /= (int64_t)(count * ((1u << config->tries) - 1));
	o.timeout = (int)(attempt > ATTEMPT_MIN_MS ? attempt : ATTEMPT_MIN_MS);
	/* With a single server a SERVFAIL is an answer like others: asking it
	   again at once does not help, and its code would be lost. */
	if (count == 1)
		o.flags |= ARES_FLAG_NOCHECKRESP;
	status = ares_init_options(out, &o, ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ |
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_RCVBUF |
		ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE);
	if (status == ARES_SUCCESS && servers != NULL) {
		status = ares_set_servers_ports(*out, servers);
		if (status != ARES_SUCCESS)
			ares_destroy(*out);
	}
	return status;
}

/* channel_start - learn how many servers there are, then open for real */
static int
channel_start(const struct dns_config *config,
    struct ares_addr_port_node *servers, struct err *err)
{
	ares_channel probe;
	size_t n;
	int status;

	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status != ARES_SUCCESS)
		return err_set(err, WEIR_E_TEMP, "DNS library: %s",
		    ares_strerror(status));
	status = channel_open(config, servers, 0, &probe);
	if (status == ARES_SUCCESS) {
		n = servers_describe(probe);
		ares_destroy(probe);
		status = channel_open(config, servers, n, &channel);
	}
	if (status != ARES_SUCCESS) {
		ares_library_cleanup();
		buf_fini(&servers_text);
		return err_set(err, WEIR_E_TEMP, "DNS library: %s",
		    ares_strerror(status));
	}
	return WEIR_OK;
}

/* dns_ares_open - check the configuration and get ready */
int
dns_ares_open(const struct dns_config *config, struct err *err)
{
	struct ares_addr_port_node servers[SERVERS_MAX];

	if (config->nservers > SERVERS_MAX)
		return err_set(err, WEIR_E_INVAL,
		    "%zu DNS servers; at most %d", config->nservers,
		    SERVERS_MAX);
	if (config->tries > 8)
		return err_set(err, WEIR_E_INVAL,
		    "%u tries of a DNS query; at most 8", config->tries);
	if (config->timeout_ms > 60 * 1000)
		return err_set(err, WEIR_E_INVAL,
		    "a DNS timeout of %lld ms; at most 60 s",
		    (long long)config->timeout_ms);
	for (size_t i = 0; i < config->nservers; i++) {
		if (server_parse(config->servers[i], &servers[i]) < 0)
			return err_set(err, WEIR_E_INVAL,
			    "\"%s\" is no DNS server: use an address, "
			    "address:port or [IPv6]:port", config->servers[i]);
		if (i > 0)
			servers[i - 1].next = &servers[i];
	}
	list_init(&watches);
	loop_timer_init(&timer, backend_on_timer);
	loop_task_init(&rearm, backend_on_rearm);
	return channel_start(config, config->nservers > 0 ? servers : NULL,
	    err);
}

const struct dns_backend dns_backend_ares = {
	.start = backend_start,
	.close = backend_close,
	.text = backend_text
};
