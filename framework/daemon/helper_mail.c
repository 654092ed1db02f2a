/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helper_mail.h"

#include <string.h>

#include <weir/ext/mime.h>

#include "base/pool.h"
#include "mail/decode.h"
#include "mail/mime.h"

struct weir_mail {
	struct pool *pool;
	struct mime *mime;
};

/* helper_mail_decode - one more than cap says that there is more */
size_t
helper_mail_decode(uint32_t encoding, uint32_t reading, weir_str raw,
    void *dst, size_t cap)
{
	bool more = false;
	size_t n;

	switch (encoding) {
	case DECODE_BASE64:
		if (reading >= DECODE_B64_READINGS)
			reading = 0;
		n = decode_base64(dst, cap, raw, (enum decode_base64)reading,
		    &more);
		break;
	case DECODE_QP:
		n = decode_qp(dst, cap, raw, reading != 0, &more);
		break;
	case DECODE_UU:
		n = decode_uu(dst, cap, raw, &more);
		break;
	case DECODE_YENC:
		n = decode_yenc(dst, cap, raw, &more);
		break;
	default:
		n = raw.len < cap ? raw.len : cap;
		more = n < raw.len;
		if (n > 0)
			memcpy(dst, raw.ptr, n);
		break;
	}
	return more ? cap + 1 : n;
}

/* helper_mail_open - parse; the libraries start with the first */
weir_mail *
helper_mail_open(weir_str raw)
{
	static const struct mime_limits limits = MIME_LIMITS_DEFAULT;
	static bool started;
	struct pool *pool = pool_create(4096, 0);
	weir_mail *mail = pool_new(pool, weir_mail);

	if (!started)
		mime_init();
	started = true;
	mail->pool = pool;
	mail->mime = mime_parse(pool, raw, &limits);
	return mail;
}

/* helper_mail_part - as weir_mime.part */
int
helper_mail_part(weir_mail *mail, uint32_t part, struct weir_mime_part *out)
{
	return mime_part(mail->mime, part, out);
}

/* helper_mail_name - as weir_mime.part_name */
int
helper_mail_name(weir_mail *mail, uint32_t part, uint32_t index, weir_str *out)
{
	return mime_part_name(mail->mime, part, index, out);
}

/* helper_mail_data - as weir_mime.part_data */
int
helper_mail_data(weir_mail *mail, uint32_t part, size_t max, weir_str *out)
{
	return mime_part_data(mail->mime, part, max, out);
}

/* helper_mail_close - and all that came out of it */
void
helper_mail_close(weir_mail **mail)
{
	struct pool *pool;

	if (*mail == NULL)
		return;
	pool = (*mail)->pool;
	*mail = NULL;
	pool_destroy(&pool);
}
