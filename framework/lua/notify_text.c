/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify_text - a notification as a mail (RFC 5322, RFC 3834). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/map.h"
#include "lua/disclaimer.h"
#include "lua/edit_text.h"
#include "lua/notify.h"

/* notify_field - a header field from UTF-8 */
static void
notify_field(struct buf *out, const char *name, weir_str text)
{
	char *value = xmalloc(edit_text_room(text));
	size_t n = edit_text_value(text, value);

	buf_printf(out, "%s: ", name);
	for (size_t i = 0; i < n; i++) {
		if (value[i] == '\n')
			buf_add_char(out, '\r');
		buf_add_char(out, value[i]);
	}
	buf_add_str(out, "\r\n");
	free(value);
}

/* notify_to - addresses, one a line */
static void
notify_to(struct buf *out, weir_str to)
{
	buf_add_str(out, "To: ");
	for (size_t i = 0; i < to.len; i++) {
		if (to.ptr[i] == ',')
			buf_add_str(out, ",\r\n ");
		else if (to.ptr[i] != ' ')
			buf_add_char(out, to.ptr[i]);
	}
	buf_add_str(out, "\r\n");
}

/* notify_date - now, in UTC */
static void
notify_date(struct buf *out, int64_t wall_ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
		"May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* notify_body - the text as a part */
static void
notify_body(struct buf *out, weir_str body)
{
	struct buf lines = BUF_INIT;

	disclaimer_lines(body, &lines);
	buf_add_str(out, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	disclaimer_qp(buf_str(&lines), out);
	buf_add_str(out, "\r\n");
	buf_fini(&lines);
}

/* notify_header - the mail's header fields */
static void
notify_header(struct rules *r, weir_call *call, struct buf *out)
{
	uint32_t n = r->host->header_count(call, NULL);

	for (uint32_t i = 0; i < n; i++) {
		weir_str name, value;

		if (r->host->header_at(call, NULL, i, &name, &value) !=
		    WEIR_OK)
			continue;
		buf_add(out, name.ptr, name.len);
		buf_add_char(out, ':');
		for (size_t k = 0; k < value.len; k++) {
			if (value.ptr[k] == '\n')
				buf_add_char(out, '\r');
			if (value.ptr[k] != '\r' && value.ptr[k] != '\0')
				buf_add_char(out, value.ptr[k]);
		}
		buf_add_str(out, "\r\n");
	}
}

/* notify_original - what is attached */
static void
notify_original(struct rules *r, weir_call *call, const struct notice *x,
    struct buf *out)
{
	weir_str raw = WEIR_STR("");
	bool wide = false;

	if (x->attach == NOTICE_HEADER) {
		struct buf header = BUF_INIT;

		notify_header(r, call, &header);
		raw = buf_str(&header);
		for (size_t i = 0; i < raw.len; i++)
			wide |= (unsigned char)raw.ptr[i] >= 0x80;
		buf_printf(out, "Content-Type: text/rfc822-headers\r\n%s\r\n",
		    wide ? "Content-Transfer-Encoding: 8bit\r\n" : "");
		buf_add(out, raw.ptr, raw.len);
		buf_fini(&header);
		return;
	}
	r->mime->raw(call, &raw);
	for (size_t i = 0; i < raw.len; i++)
		wide |= (unsigned char)raw.ptr[i] >= 0x80;
	buf_printf(out, "Content-Type: message/rfc822\r\nContent-Disposition: "
	    "attachment\r\n%s\r\n",
	    wide ? "Content-Transfer-Encoding: 8bit\r\n" : "");
	buf_add(out, raw.ptr, raw.len);
}

/* notify_boundary - one that is nowhere in the mail */
static void
notify_boundary(struct rules *r, weir_call *call, weir_str body,
    char out[40])
{
	uint64_t seed = map_hash(body.ptr, body.len);
	weir_str raw = WEIR_STR("");

	r->mime->raw(call, &raw);
	do
		snprintf(out, 40, "=_weir_%016llx",
		    (unsigned long long)seed++);
	while (raw.len > 0 &&
	    memmem(raw.ptr, raw.len, out, strlen(out)) != NULL);
}

/* notify_text - the whole of it */
void
notify_text(struct rules *r, weir_call *call, const struct notify_head *h,
    const struct notice *x, struct buf *out)
{
	char boundary[40];

	notify_field(out, "From", weir_str_of(h->from));
	notify_to(out, h->to);
	notify_field(out, "Subject", x->subject);
	notify_date(out, h->wall_ms);
	buf_printf(out, "Message-ID: <%s@%s>\r\n", h->id, h->host);
	buf_add_str(out, "Auto-Submitted: auto-generated\r\n");
	buf_printf(out, "X-Weir-Notification: %s\r\n", h->token);
	buf_add_str(out, "MIME-Version: 1.0\r\n");
	if (x->attach == NOTICE_NONE) {
		notify_body(out, x->body);
		return;
	}
	notify_boundary(r, call, x->body, boundary);
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n",
	    boundary);
	if (x->attach == NOTICE_MAIL)
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_printf(out, "\r\n--%s\r\n", boundary);
	notify_body(out, x->body);
	buf_printf(out, "\r\n--%s\r\n", boundary);
	notify_original(r, call, x, out);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}
