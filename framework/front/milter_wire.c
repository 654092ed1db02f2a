/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "front/milter_wire.h"

#include <string.h>

#include "base/check.h"

static const char octets[MILTER_CMD_COUNT] = {
#define MILTER_OCTET(name, octet) octet,
	MILTER_COMMANDS(MILTER_OCTET)
#undef MILTER_OCTET
};

static const char *const names[MILTER_CMD_COUNT] = {
#define MILTER_NAME(name, octet) #name,
	MILTER_COMMANDS(MILTER_NAME)
#undef MILTER_NAME
};

/* octet - 'A' to command + 1; 0: none */
static const uint8_t commands[256] = {
#define MILTER_INDEX(name, octet) [octet] = MILTER_CMD_##name + 1,
	MILTER_COMMANDS(MILTER_INDEX)
#undef MILTER_INDEX
};

/* milter_command_octet - as it is on the wire */
char
milter_command_octet(enum milter_command cmd)
{
	return octets[cmd];
}

/* milter_command_of - from what is on the wire */
enum milter_command
milter_command_of(char octet)
{
	uint8_t cmd = commands[(unsigned char)octet];

	return cmd != 0 ? (enum milter_command)(cmd - 1) : MILTER_CMD_COUNT;
}

/* milter_command_name - for the log */
const char *
milter_command_name(enum milter_command cmd)
{
	return names[cmd];
}

/* wire_get32 - a number, big endian */
static uint32_t
wire_get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

/* wire_set32 - write a number, big endian */
static void
wire_set32(char *p, uint32_t v)
{
	p[0] = (char)(v >> 24);
	p[1] = (char)(v >> 16);
	p[2] = (char)(v >> 8);
	p[3] = (char)v;
}

/* milter_packet_find - is a whole packet here */
int64_t
milter_packet_find(char *data, size_t len, struct milter_packet *out,
    size_t *need_out)
{
	uint32_t size;
	uint8_t cmd;

	*need_out = MILTER_HEAD;
	if (len < MILTER_HEAD) {
		/* no need to wait for the command to see that it is too long */
		if (len >= 4 && wire_get32(data) > MILTER_MAX_PACKET + 1)
			return WEIR_E_LIMIT;
		return 0;
	}
	size = wire_get32(data);
	cmd = commands[(unsigned char)data[4]];
	if (size == 0 || cmd == 0)
		return WEIR_E_INVAL;
	size--;
	if (size > (cmd - 1 == MILTER_CMD_BODY || cmd - 1 == MILTER_CMD_EOM ?
		    MILTER_MAX_BODY : MILTER_MAX_PACKET))
		return WEIR_E_LIMIT;
	*need_out = MILTER_HEAD + (size_t)size;
	if (len < *need_out)
		return 0;
	out->cmd = (enum milter_command)(cmd - 1);
	out->data = data + MILTER_HEAD;
	out->len = size;
	return (int64_t)*need_out;
}

/* wire_string - the string at *pos; moves *pos behind its NUL */
static bool
wire_string(const struct milter_packet *p, size_t *pos, weir_str *out)
{
	const char *nul;

	if (*pos >= p->len)
		return false;
	out->ptr = p->data + *pos;
	nul = memchr(out->ptr, '\0', p->len - *pos);
	if (nul == NULL)
		return false;
	out->len = (size_t)(nul - out->ptr);
	*pos += out->len + 1;
	return true;
}

/* milter_get_options - OPTNEG; a longer one of a newer MTA is fine */
int
milter_get_options(const struct milter_packet *p, struct milter_options *out)
{
	if (p->len < 12)
		return WEIR_E_INVAL;
	out->version = wire_get32(p->data);
	out->actions = wire_get32(p->data + 4);
	out->protocol = wire_get32(p->data + 8);
	return WEIR_OK;
}

/* milter_get_connect - name, family, and for most families port and address */
int
milter_get_connect(const struct milter_packet *p, struct milter_connect *out)
{
	size_t pos = 0;

	memset(out, 0, sizeof(*out));
	if (!wire_string(p, &pos, &out->name) || pos >= p->len)
		return WEIR_E_INVAL;
	out->family = p->data[pos++];
	out->address.ptr = "";
	if (out->family == 'U')
		/* some send port and address all the same */
		return WEIR_OK;
	if (out->family != '4' && out->family != '6' && out->family != 'L')
		return WEIR_E_INVAL;
	if (p->len - pos < 2)
		return WEIR_E_INVAL;
	out->port = (uint16_t)((unsigned char)p->data[pos] << 8 |
	    (unsigned char)p->data[pos + 1]);
	pos += 2;
	if (!wire_string(p, &pos, &out->address) || pos != p->len)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* milter_get_string - exactly one string */
int
milter_get_string(const struct milter_packet *p, weir_str *out)
{
	size_t pos = 0;

	if (!wire_string(p, &pos, out) || pos != p->len)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* milter_get_address - an address and its parameters */
int
milter_get_address(const struct milter_packet *p, weir_str *address_out,
    weir_str *params_out)
{
	size_t pos = 0, args = 0;
	weir_str arg;

	if (!wire_string(p, &pos, address_out))
		return WEIR_E_INVAL;
	params_out->ptr = "";
	params_out->len = 0;
	if (pos == p->len)
		return WEIR_OK;
	params_out->ptr = p->data + pos;
	while (pos < p->len) {
		if (!wire_string(p, &pos, &arg))
			return WEIR_E_INVAL;
		if (++args > MILTER_MAX_ARGS)
			return WEIR_E_LIMIT;
		if (pos < p->len)
			p->data[pos - 1] = ' ';
	}
	params_out->len = (size_t)(p->data + pos - 1 - params_out->ptr);
	return WEIR_OK;
}

/* milter_get_header - name and value */
int
milter_get_header(const struct milter_packet *p, weir_str *name_out,
    weir_str *value_out)
{
	size_t pos = 0;

	if (!wire_string(p, &pos, name_out) ||
	    !wire_string(p, &pos, value_out) || pos != p->len)
		return WEIR_E_INVAL;
	return WEIR_OK;
}

/* milter_get_macros - all pairs of a MACRO packet */
int
milter_get_macros(const struct milter_packet *p, char *stage_out,
    struct milter_pair *pairs)
{
	size_t pos = 1;
	int n = 0;

	if (p->len == 0)
		return WEIR_E_INVAL;
	*stage_out = p->data[0];
	if (milter_command_of(*stage_out) == MILTER_CMD_COUNT)
		return WEIR_E_INVAL;
	while (pos < p->len) {
		if (n == MILTER_MAX_MACROS)
			return WEIR_E_LIMIT;
		if (!wire_string(p, &pos, &pairs[n].name) ||
		    !wire_string(p, &pos, &pairs[n].value))
			return WEIR_E_INVAL;
		n++;
	}
	return n;
}

/* milter_get_nothing - the packet has no data */
int
milter_get_nothing(const struct milter_packet *p)
{
	return p->len == 0 ? WEIR_OK : WEIR_E_INVAL;
}

/* milter_put_begin - write a head whose length follows */
size_t
milter_put_begin(struct buf *out, int octet)
{
	size_t begun = out->len;
	char head[MILTER_HEAD] = { 0, 0, 0, 0, (char)octet };

	buf_add(out, head, sizeof(head));
	return begun;
}

/* milter_put_end - fill the length in */
void
milter_put_end(struct buf *out, size_t begun)
{
	expect(out->len - begun <= UINT32_MAX);
	wire_set32(out->ptr + begun, (uint32_t)(out->len - begun - 4));
}

/* milter_put - a whole packet */
void
milter_put(struct buf *out, int octet, const void *data, size_t len)
{
	char *p = buf_reserve(out, MILTER_HEAD + len);

	expect(len < UINT32_MAX);
	wire_set32(p, (uint32_t)len + 1);
	p[4] = (char)octet;
	if (len > 0)
		memcpy(p + MILTER_HEAD, data, len);
	out->len += MILTER_HEAD + len;
	out->ptr[out->len] = '\0';
}

/* wire_add32 - append a number */
static void
wire_add32(struct buf *out, uint32_t v)
{
	char octet[4];

	wire_set32(octet, v);
	buf_add(out, octet, sizeof(octet));
}

/* wire_add_string - append a string with its NUL */
static void
wire_add_string(struct buf *out, weir_str s)
{
	buf_add(out, s.ptr, s.len);
	buf_add_char(out, '\0');
}

/* wire_has_nul - could the other side see where it ends */
static bool
wire_has_nul(weir_str s)
{
	return s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

/* milter_put_options - the answer to OPTNEG; macro lists may follow before
   milter_put_end, so this one only appends the numbers */
void
milter_put_options(struct buf *out, const struct milter_options *o)
{
	wire_add32(out, o->version);
	wire_add32(out, o->actions);
	wire_add32(out, o->protocol);
}

/* milter_put_reply - SMTP reply with code and text */
void
milter_put_reply(struct buf *out, weir_str text)
{
	size_t begun = milter_put_begin(out, MILTER_R_REPLYCODE);

	wire_add_string(out, text);
	milter_put_end(out, begun);
}

/* milter_put_header_add - at the end of the header */
int
milter_put_header_add(struct buf *out, weir_str name, weir_str value)
{
	size_t begun;

	if (wire_has_nul(name) || wire_has_nul(value))
		return WEIR_E_INVAL;
	begun = milter_put_begin(out, MILTER_R_ADDHEADER);
	wire_add_string(out, name);
	wire_add_string(out, value);
	milter_put_end(out, begun);
	return WEIR_OK;
}

/* wire_put_numbered - a header packet with a number in front */
static int
wire_put_numbered(struct buf *out, int octet, uint32_t n, weir_str name,
    weir_str value)
{
	size_t begun;

	if (wire_has_nul(name) || wire_has_nul(value))
		return WEIR_E_INVAL;
	begun = milter_put_begin(out, octet);
	wire_add32(out, n);
	wire_add_string(out, name);
	wire_add_string(out, value);
	milter_put_end(out, begun);
	return WEIR_OK;
}

/* milter_put_header_insert - before the index-th field */
int
milter_put_header_insert(struct buf *out, uint32_t index, weir_str name,
    weir_str value)
{
	return wire_put_numbered(out, MILTER_R_INSHEADER, index, name, value);
}

/* milter_put_header_change - replace or, with no value, delete */
int
milter_put_header_change(struct buf *out, uint32_t occurrence, weir_str name,
    weir_str value)
{
	return wire_put_numbered(out, MILTER_R_CHGHEADER, occurrence, name,
	    value);
}

/* milter_put_quarantine - hold it in the MTA's queue */
int
milter_put_quarantine(struct buf *out, weir_str reason)
{
	size_t begun;

	if (wire_has_nul(reason))
		return WEIR_E_INVAL;
	begun = milter_put_begin(out, MILTER_R_QUARANTINE);
	wire_add_string(out, reason);
	milter_put_end(out, begun);
	return WEIR_OK;
}

/* milter_put_address - recipients and sender */
int
milter_put_address(struct buf *out, int octet, weir_str address,
    weir_str params)
{
	size_t begun;

	if (wire_has_nul(address) || wire_has_nul(params))
		return WEIR_E_INVAL;
	begun = milter_put_begin(out, octet);
	buf_add_char(out, '<');
	buf_add(out, address.ptr, address.len);
	buf_add(out, ">", 2);
	if (params.len > 0)
		wire_add_string(out, params);
	milter_put_end(out, begun);
	return WEIR_OK;
}

/* milter_put_body - an empty one is one empty chunk */
void
milter_put_body(struct buf *out, weir_str body)
{
	do {
		size_t n = body.len < MILTER_CHUNK ? body.len : MILTER_CHUNK;

		milter_put(out, MILTER_R_REPLBODY, body.ptr, n);
		body.ptr += n;
		body.len -= n;
	} while (body.len > 0);
}
