/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/test_milter.h"

#include <string.h>

#include "base/check.h"
#include "front/milter_wire.h"

#define PUT(out, octet, literal) \
	milter_put((out), (octet), (literal), sizeof(literal) - 1)

uint32_t test_milter_version = 6, test_milter_protocol = 0x1fffff;
size_t test_milter_body = 4, test_milter_address;

static void
put_optneg(struct buf *out)
{
	struct milter_options o = { test_milter_version, 0x1ff,
		test_milter_protocol };
	size_t begun = milter_put_begin(out, 'O');

	milter_put_options(out, &o);
	milter_put_end(out, begun);
}

static void
put_address(struct buf *out, char octet)
{
	size_t begun = milter_put_begin(out, octet);

	buf_add_char(out, '<');
	buf_add_char(out, octet == 'M' ? 'a' : 'r');
	for (size_t i = 9; i < test_milter_address; i++)
		buf_add_char(out, 'x');
	buf_add(out, "@example>", 10);
	if (octet == 'M')
		buf_add(out, "SIZE=1234", 10);
	milter_put_end(out, begun);
}

static void
put_one(struct buf *out, char octet)
{
	size_t begun;

	switch (octet) {
	case 'O':
		put_optneg(out);
		break;
	case 'C':
		PUT(out, 'C', "client.example\0" "4\x09\xc4" "192.0.2.1\0");
		break;
	case 'H':
		PUT(out, 'H', "mx.example\0");
		break;
	case 'M':
	case 'R':
		put_address(out, octet);
		break;
	case 'L':
		/* as the MTA sends it: with the blank only if agreed */
		if ((test_milter_protocol & MILTER_P_HDR_LEADSPC) != 0)
			PUT(out, 'L', "Subject\0 hello\0");
		else
			PUT(out, 'L', "Subject\0hello\0");
		break;
	case 'B':
		begun = milter_put_begin(out, 'B');
		for (size_t i = 0; i < test_milter_body; i++)
			buf_add_char(out, 'b');
		milter_put_end(out, begun);
		break;
	case 'U':
		PUT(out, 'U', "HELP\0");
		break;
	case 'D':
		PUT(out, 'D', "Cj\0mx.test\0");
		break;
	case 'c':
		PUT(out, 'D', "Cj\0mx.test\0{client_ptr}\0ptr.example\0");
		break;
	case 'm':
		PUT(out, 'D', "M{tls_version}\0TLSv1.3\0{auth_authen}\0me\0");
		break;
	case 'q':
		PUT(out, 'D', "Ti\0QID1\0");
		break;
	case 'i':
		PUT(out, 'D', "Mi\0QID1\0");
		break;
	default:
		milter_put(out, octet, NULL, 0);
		break;
	}
}

void
test_milter_script(struct buf *out, const char *script)
{
	for (; *script != '\0'; script++) {
		const char *end;

		if (*script != '(') {
			put_one(out, *script);
			continue;
		}
		end = strchr(script, ')');
		expect(end != NULL && end - script >= 2);
		milter_put(out, script[1], script + 2,
		    (size_t)(end - script) - 2);
		script = end;
	}
}

weir_str
test_milter_reply(const struct buf *stream, unsigned n)
{
	weir_str out = { NULL, 0 };

	for (size_t pos = 0; pos < stream->len;) {
		const unsigned char *u = (unsigned char *)stream->ptr + pos;
		size_t len;

		expect(stream->len - pos >= MILTER_HEAD);
		len = (size_t)u[0] << 24 | (size_t)u[1] << 16 |
		    (size_t)u[2] << 8 | u[3];
		expect(len >= 1 && len <= stream->len - pos - 4);
		if (n-- == 0) {
			out.ptr = stream->ptr + pos + 4;
			out.len = len;
			return out;
		}
		pos += 4 + len;
	}
	return out;
}

void
test_milter_codes(const struct buf *stream, char *out, size_t cap)
{
	size_t n = 0, pos = 0;

	while (pos < stream->len) {
		struct buf rest = { stream->ptr + pos, stream->len - pos, 0 };
		weir_str r = test_milter_reply(&rest, 0);

		expect(n + 1 < cap);
		out[n++] = r.ptr[0];
		pos += 4 + r.len;
	}
	out[n] = '\0';
}
