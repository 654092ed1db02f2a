/* SPDX-License-Identifier: GPL-2.0-or-later */
/* header - Received-SPF (RFC 7208 9.1), once a message. */
#include "spf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX 300 /* octets of one value */
#define HEADER_MAX 4096
#define COMPLAIN_MS (60 * 60 * 1000)

/* The field in the making. */
struct header {
	char text[HEADER_MAX];
	size_t len;
};

/* header_add - formatted text */
__attribute__((format(printf, 2, 3))) static void
header_add(struct header *h, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(h->text + h->len, sizeof(h->text) - h->len, format,
	    args);
	va_end(args);
	if (n > 0)
		h->len += (size_t)n;
	if (h->len >= sizeof(h->text))
		h->len = sizeof(h->text) - 1;
}

/* header_is_plain - may the octet stand in a dot-atom? */
static bool
header_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* header_pair - "; key=value" on a line of its own; empty ones are left out */
static void
header_pair(struct header *h, const char *key, weir_str value)
{
	size_t n = value.len < VALUE_MAX ? value.len : VALUE_MAX;
	bool plain = true;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		plain = plain && header_is_plain(value.ptr[i]);
	header_add(h, "%s\n\t%s=%s", h->len > 0 && h->text[h->len - 1] != ')'
	    ? ";" : "", key, plain ? "" : "\"");
	for (size_t i = 0; i < n; i++) {
		char c = value.ptr[i];

		if (c < ' ' || c >= 0x7f)
			c = '?';
		header_add(h, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
	}
	header_add(h, "%s", plain ? "" : "\"");
}

/* header_comment - for people; what ends a comment can't stand in it */
static void
header_comment(struct header *h, const char *receiver, const char *format,
    const char *client, const char *domain)
{
	char text[VALUE_MAX * 2];
	size_t n = 0;

	for (const char *p = format; *p != '\0' && n + 1 < sizeof(text);
	     p++) {
		const char *put = *p == 'C' ? client : *p == 'D' ? domain
								 : NULL;

		if (put == NULL)
			text[n++] = *p;
		for (; put != NULL && *put != '\0' && n + 1 < sizeof(text);
		     put++)
			text[n++] = *put;
	}
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] >= 0x7f ||
		    strchr("()\\", text[i]) != NULL)
			text[i] = '?';
	header_add(h, " (%s%s%s)", receiver, receiver[0] != '\0' ? ": " : "",
	    text);
}

/* header_receiver - our name, if it can stand in a comment */
static void
header_receiver(const struct spf *m, weir_call *call, char *out, size_t size)
{
	weir_str name = spf_attr(m, call, WEIR_A_SERVER_NAME, WEIR_RCPT_NONE);

	snprintf(out, size, "%.*s", (int)(name.len < size ? name.len : 0),
	    name.ptr);
	for (char *p = out; *p != '\0'; p++)
		if (!header_is_plain(*p))
			*p = '?';
}

/* header_build - the whole value; C and D in the texts are client and domain */
static void
header_build(const struct spf_check *c, weir_call *call, struct header *h)
{
	static const char *const texts[SPF_RESULTS] = {
		[SPF_RESULT_NONE] = "D has no policy",
		[SPF_RESULT_NEUTRAL] =
		    "C is neither permitted nor denied by D",
		[SPF_RESULT_PASS] = "D designates C as permitted sender",
		[SPF_RESULT_FAIL] =
		    "D does not designate C as permitted sender",
		[SPF_RESULT_SOFTFAIL] = "transitioning D does not designate "
		    "C as permitted sender",
		[SPF_RESULT_TEMPERROR] = "error in lookup of D",
		[SPF_RESULT_PERMERROR] = "error in record of D"
	};
	const struct spf *m = c->m;
	weir_str addr = spf_attr(m, call, WEIR_A_CLIENT_ADDR, WEIR_RCPT_NONE);
	char receiver[256], domain[300];

	header_receiver(m, call, receiver, sizeof(receiver));
	snprintf(domain, sizeof(domain), "domain of %s",
	    c->domain[0] != '\0' ? c->domain : "the sender");
	header_add(h, "%s", spf_result_name(c->result));
	header_comment(h, receiver, texts[c->result], addr.ptr, domain);
	header_pair(h, "client-ip", addr);
	header_pair(h, "envelope-from", spf_attr(m, call, WEIR_A_SENDER,
	    WEIR_RCPT_NONE));
	header_pair(h, "helo", spf_attr(m, call, WEIR_A_HELO,
	    WEIR_RCPT_NONE));
	header_pair(h, "receiver", weir_str_of(receiver));
	header_pair(h, "identity", weir_str_of(c->helo_identity ? "helo"
								: "mailfrom"));
	header_pair(h, "mechanism", weir_str_of(c->mechanism));
	header_pair(h, "problem", weir_str_of(c->problem));
}

/* header_put - once a message */
static int
header_put(struct spf *m, weir_call *call)
{
	struct spf_check *c = spf_check_get(m, call);
	struct header h = { .len = 0 };
	int64_t now;
	int status;

	if (c == NULL || !c->done || c->marked)
		return WEIR_OK;
	c->marked = true;
	header_build(c, call, &h);
	status = m->edit->header_insert(call, 0, "Received-SPF",
	    (weir_str){ h.text, h.len });
	if (status != WEIR_E_UNSUPPORTED)
		return status;
	/* no condition of delivery, but nobody shall wonder */
	now = m->host->mono_ms(m->self);
	if (m->complained == 0 || now - m->complained >= COMPLAIN_MS) {
		m->complained = now;
		m->host->log(m->self, call, WEIR_LOG_WARN, WEIR_STR(
		    "the MTA does not let us add headers: no Received-SPF"));
	}
	return WEIR_OK;
}

/* spf_header_rcpt - act.rcpt: later is too late under policy delegation */
int
spf_header_rcpt(void *state, weir_call *call, uint32_t rcpt)
{
	struct spf *m = state;

	(void)rcpt;
	if (!weir_str_eq(spf_attr(m, call, WEIR_A_FRONTEND, WEIR_RCPT_NONE),
	    "policy"))
		return WEIR_OK;
	return header_put(m, call);
}

/* spf_header_eom - act.eom */
int
spf_header_eom(void *state, weir_call *call)
{
	return header_put(state, call);
}
