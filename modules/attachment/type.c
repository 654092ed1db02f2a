/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "type.h"

#include <stdio.h>
#include <string.h>

#include <magic.h>

#define TYPE_HEAD 4096u /* octets that libmagic may look at */
#define TYPE_TEXT_HEAD 4096u

static const struct signature {
	uint32_t offset;
	uint32_t len;
	const char *octets;
	enum type_kind kind;
	uint64_t categories;
	const char *mime;
} signatures[] = {
#define AT(offset, octets, kind, categories, mime) \
	{ offset, sizeof(octets) - 1, octets, TYPE_##kind, categories, mime },
#define AR CAT(ARCHIVE)
	AT(0, "PK\3\4", ZIP, AR, "application/zip")
	AT(0, "PK\5\6", ZIP, AR, "application/zip")
	AT(0, "PK\7\10PK\3\4", ZIP, AR, "application/zip")
	AT(0, "PK00PK\3\4", ZIP, AR, "application/zip")
	AT(0, "7z\xbc\xaf\x27\x1c", 7Z, AR, "application/x-7z-compressed")
	AT(0, "Rar!\x1a\7", RAR, AR, "application/x-rar")
	AT(0, "MSCF\0\0\0\0", ARCHIVE, AR, "application/vnd.ms-cab-compressed")
	AT(0, "!<arch>\n", ARCHIVE, AR, "application/x-archive")
	AT(0, "070701", ARCHIVE, AR, "application/x-cpio")
	AT(0, "070702", ARCHIVE, AR, "application/x-cpio")
	AT(0, "070707", ARCHIVE, AR, "application/x-cpio")
	AT(0, "\xc7\x71", ARCHIVE, AR, "application/x-cpio")
	AT(0, "\x71\xc7", ARCHIVE, AR, "application/x-cpio")
	/* libarchive's reader can be sent round in circles */
	AT(0, "xar!", UNSUPPORTED, AR, "application/x-xar")
	AT(0, "WARC/", UNSUPPORTED, AR, "application/warc")
	/* frames that are skipped, before zstd or lz4 */
	AT(1, "\x2a\x4d\x18", FILTER, AR, "application/zstd")
	AT(0, "\xed\xab\xee\xdb", FILTER, AR | CAT(EXECUTABLE),
	    "application/x-rpm")
	AT(257, "ustar", ARCHIVE, AR, "application/x-tar")
	AT(32769, "CD001", ARCHIVE, AR | CAT(DISK_IMAGE),
	    "application/x-iso9660-image")
	AT(32769, "BEA01", UNSUPPORTED, AR | CAT(DISK_IMAGE),
	    "application/x-udf-image")
	AT(0, "\x1f\x8b", FILTER, AR, "application/gzip")
	AT(0, "BZh", FILTER, AR, "application/x-bzip2")
	AT(0, "\xfd" "7zXZ\0", FILTER, AR, "application/x-xz")
	AT(0, "\x28\xb5\x2f\xfd", FILTER, AR, "application/zstd")
	AT(0, "\x04\x22\x4d\x18", FILTER, AR, "application/x-lz4")
	AT(0, "\x02\x21\x4c\x18", FILTER, AR, "application/x-lz4")
	AT(0, "\x1f\x9d", FILTER, AR, "application/x-compress")
	AT(0, "LZIP", FILTER, AR, "application/x-lzip")
	AT(0, "\x5d\0\0", FILTER, AR, "application/x-lzma")
	AT(0, "\x60\xea", ARJ, AR, "application/x-arj")
	AT(7, "**ACE**", UNSUPPORTED, AR, "application/x-ace-compressed")
	AT(0, "SZDD\x88\xf0", UNSUPPORTED, AR, "application/x-ms-compress-szdd")
	AT(0, "KWAJ\x88\xf0", UNSUPPORTED, AR, "application/x-ms-compress-kwaj")
	AT(20, "\xdc\xa7\xc4\xfd", UNSUPPORTED, AR, "application/x-zoo")
	AT(0, "SIT!", UNSUPPORTED, AR, "application/x-stuffit")
	AT(0, "StuffIt", UNSUPPORTED, AR, "application/x-stuffit")
	AT(0, "ALZ\1", UNSUPPORTED, AR, "application/x-alz-compressed")
	AT(0, "EGGA", UNSUPPORTED, AR, "application/x-egg")
	AT(0, "ISc(", UNSUPPORTED, AR, "application/x-installshield")
	AT(0, "MSWIM\0\0\0", UNSUPPORTED, AR | CAT(DISK_IMAGE),
	    "application/x-ms-wim")
	AT(0, "(This file must be converted with BinHex", UNSUPPORTED, AR,
	    "application/mac-binhex40")
	AT(0, "conectix", UNSUPPORTED, AR | CAT(DISK_IMAGE), "application/x-vhd")
	AT(0, "vhdxfile", UNSUPPORTED, AR | CAT(DISK_IMAGE),
	    "application/x-vhdx")
	AT(0, "KDMV", UNSUPPORTED, AR | CAT(DISK_IMAGE), "application/x-vmdk")
	AT(0, "QFI\xfb", UNSUPPORTED, AR | CAT(DISK_IMAGE),
	    "application/x-qemu-disk")
	AT(0, "\x7f" "ELF", OTHER, CAT(EXECUTABLE), "application/x-executable")
	AT(0, "\xfe\xed\xfa\xce", OTHER, CAT(EXECUTABLE),
	    "application/x-mach-binary")
	AT(0, "\xfe\xed\xfa\xcf", OTHER, CAT(EXECUTABLE),
	    "application/x-mach-binary")
	AT(0, "\xce\xfa\xed\xfe", OTHER, CAT(EXECUTABLE),
	    "application/x-mach-binary")
	AT(0, "\xcf\xfa\xed\xfe", OTHER, CAT(EXECUTABLE),
	    "application/x-mach-binary")
	AT(0, "\xca\xfe\xba\xbe", OTHER, CAT(EXECUTABLE),
	    "application/x-java-applet")
	AT(0, "dex\n", OTHER, CAT(EXECUTABLE), "application/x-dex")
	AT(0, "\0asm", OTHER, CAT(EXECUTABLE), "application/wasm")
	AT(0, "FWS", OTHER, CAT(EXECUTABLE), "application/x-shockwave-flash")
	AT(0, "CWS", OTHER, CAT(EXECUTABLE), "application/x-shockwave-flash")
	AT(0, "ZWS", OTHER, CAT(EXECUTABLE), "application/x-shockwave-flash")
	AT(0, "ITSF\3\0\0\0", OTHER, CAT(SCRIPT), "application/x-chm")
	AT(0, "L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F", OTHER,
	    CAT(SHORTCUT), "application/x-ms-shortcut")
	AT(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE, 0,
	    "application/x-ole-storage")
	AT(0, "{\\rt", RTF, 0, "text/rtf")
	AT(0, "\x78\x9f\x3e\x22", TNEF, 0, "application/ms-tnef")
	AT(0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3",
	    ONENOTE, 0, "application/onenote")
	AT(0, "\x89PNG\r\n\x1a\n", OTHER, 0, "image/png")
	AT(0, "\xff\xd8\xff", OTHER, 0, "image/jpeg")
	AT(0, "GIF87a", OTHER, 0, "image/gif")
	AT(0, "GIF89a", OTHER, 0, "image/gif")
	AT(0, "ActiveMime", OTHER, CAT(MACRO), "application/x-mso")
	AT(0, "Windows Registry Editor", TEXT, CAT(SCRIPT),
	    "text/x-ms-regedit")
	AT(0, "REGEDIT4", TEXT, CAT(SCRIPT), "text/x-ms-regedit")
	AT(0, "#@~^", TEXT, CAT(SCRIPT), "text/vbscript.encode")
#undef AR
#undef AT
};


/* type_set - all at once */
static void
type_set(struct type *out, enum type_kind kind, uint64_t categories,
    const char *mime)
{
	out->kind = kind;
	out->categories = categories;
	snprintf(out->mime, sizeof(out->mime), "%s", mime);
}

/* type_signature - the table */
static bool
type_signature(weir_str data, struct type *out)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]);
	     i++) {
		const struct signature *s = &signatures[i];

		if (data.len < s->offset + s->len ||
		    memcmp(data.ptr + s->offset, s->octets, s->len) != 0)
			continue;
		type_set(out, s->kind, s->categories, s->mime);
		return true;
	}
	return false;
}

/* type_u32 - little endian */
static uint32_t
type_u32(weir_str data, size_t at)
{
	const unsigned char *p = (const unsigned char *)data.ptr + at;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* type_dos - "MZ" and what makes it a program */
static bool
type_dos(weir_str data, struct type *out)
{
	size_t pe;

	if (data.len < 28 || (memcmp(data.ptr, "MZ", 2) != 0 &&
	    memcmp(data.ptr, "ZM", 2) != 0))
		return false;
	pe = data.len >= 64 ? type_u32(data, 60) : SIZE_MAX;
	if (pe < data.len - 4 && memcmp(data.ptr + pe, "PE\0\0", 4) == 0)
		type_set(out, TYPE_OTHER, CAT(EXECUTABLE),
		    "application/vnd.microsoft.portable-executable");
	else if (memchr(data.ptr, '\0', 28) != NULL)
		type_set(out, TYPE_OTHER, CAT(EXECUTABLE),
		    "application/x-dosexec");
	else
		return false;
	return true;
}

/* type_lha - "-lh5-" and its kin behind two octets */
static bool
type_lha(weir_str data, struct type *out)
{
	if (data.len < 21 || data.ptr[2] != '-' || data.ptr[6] != '-' ||
	    data.ptr[3] != 'l' || (data.ptr[4] != 'h' && data.ptr[4] != 'z'))
		return false;
	type_set(out, TYPE_ARCHIVE, CAT(ARCHIVE), "application/x-lzh");
	return true;
}

/* type_old_tar - no mark, but a sum of the header that is right */
static bool
type_old_tar(weir_str data, struct type *out)
{
	unsigned long sum = 0, want = 0;
	size_t i = 148;

	if (data.len < 512 || data.ptr[0] == '\0')
		return false;
	for (size_t k = 0; k < 512; k++)
		sum += k >= 148 && k < 156 ? ' ' : (unsigned char)data.ptr[k];
	while (i < 156 && data.ptr[i] == ' ')
		i++;
	for (; i < 156 && data.ptr[i] >= '0' && data.ptr[i] <= '7'; i++)
		want = want * 8 + (unsigned long)(data.ptr[i] - '0');
	if (sum != want)
		return false;
	type_set(out, TYPE_ARCHIVE, CAT(ARCHIVE), "application/x-tar");
	return true;
}

/* type_trailer - formats that are known by their end */
static bool
type_trailer(weir_str data, struct type *out)
{
	if (data.len < 512)
		return false;
	if (memcmp(data.ptr + data.len - 512, "koly", 4) == 0)
		type_set(out, TYPE_UNSUPPORTED, CAT(ARCHIVE) |
		    CAT(DISK_IMAGE), "application/x-apple-diskimage");
	else if (memcmp(data.ptr + data.len - 512, "conectix", 8) == 0)
		type_set(out, TYPE_UNSUPPORTED, CAT(ARCHIVE) |
		    CAT(DISK_IMAGE), "application/x-vhd");
	else
		return false;
	return true;
}

/* type_plain - the beginning of a text in lower-case ASCII, also of UTF-16;
   0: it is none */
static size_t
type_plain(weir_str data, char out[TYPE_TEXT_HEAD])
{
	size_t at = 0, step = 1, n = 0;

	if (data.len >= 2 && (memcmp(data.ptr, "\xff\xfe", 2) == 0 ||
	    memcmp(data.ptr, "\xfe\xff", 2) == 0)) {
		step = 2;
		at = data.ptr[0] == '\xff' ? 2 : 3;
	} else if (data.len >= 3 && memcmp(data.ptr, "\xef\xbb\xbf", 3) == 0) {
		at = 3;
	}
	for (; at < data.len && n < TYPE_TEXT_HEAD - 1; at += step) {
		char c = data.ptr[at];

		if (c == '\0')
			return step == 2 ? n : 0;
		out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	out[n] = '\0';
	return n;
}

/* type_field - a name of a mail's header, at the beginning of a line */
static bool
type_field(const char *line, size_t n)
{
	static const char *const names[] = { "received:", "return-path:",
		"from:", "to:", "subject:", "date:", "message-id:",
		"mime-version:", "content-type:", "delivered-to:", "reply-to:",
		"content-transfer-encoding:", "x-mailer:", "cc:", "sender:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (n >= len && strncasecmp(line, names[i], len) == 0)
			return true;
	}
	return n > 5 && strncmp(line, "From ", 5) == 0;
}

/* type_is_mail - at least two known fields before a line that is none */
bool
type_is_mail(weir_str data)
{
	size_t at = 0, known = 0;

	for (unsigned lines = 0; at < data.len && lines < 200; lines++) {
		const char *line = data.ptr + at;
		const char *lf = memchr(line, '\n', data.len - at);
		size_t n = lf != NULL ? (size_t)(lf - line) : data.len - at;

		at += n + 1;
		if (n == 0 || line[0] == '\r')
			break;
		if (line[0] == ' ' || line[0] == '\t')
			continue;
		if (type_field(line, n))
			known++;
		else if (memchr(line, ':', n) == NULL)
			break;
		if (known >= 2)
			return true;
	}
	return false;
}

/* type_text - scripts, shortcuts and mails among texts */
static bool
type_text(weir_str data, struct type *out)
{
	char text[TYPE_TEXT_HEAD];
	size_t n = type_plain(data, text), skip;

	if (n == 0)
		return false;
	skip = strspn(text, " \t\r\n");
	if (strncmp(text, "#!", 2) == 0)
		type_set(out, TYPE_TEXT, CAT(SCRIPT_SOURCE),
		    "text/x-shellscript");
	else if (strncmp(text + skip, "@echo off", 9) == 0)
		type_set(out, TYPE_TEXT, CAT(SCRIPT), "text/x-msdos-batch");
	else if (strncmp(text + skip, "[internetshortcut]", 18) == 0 ||
	    strstr(text, "\n[internetshortcut]") != NULL)
		type_set(out, TYPE_TEXT, CAT(SHORTCUT), "text/x-url-shortcut");
	else if (strncmp(text + skip, "[desktop entry]", 15) == 0)
		type_set(out, TYPE_TEXT, CAT(SHORTCUT),
		    "application/x-desktop");
	else if (strncmp(text + skip, "[shell]", 7) == 0)
		type_set(out, TYPE_TEXT, CAT(SHORTCUT), "text/x-scf");
	else if (strstr(text, "<hta:application") != NULL)
		type_set(out, TYPE_TEXT, CAT(SCRIPT), "application/hta");
	else if (strncmp(text + skip, "<job", 4) == 0 ||
	    strncmp(text + skip, "<package>", 9) == 0)
		type_set(out, TYPE_TEXT, CAT(SCRIPT), "text/x-wsf");
	else if (type_is_mail(data))
		type_set(out, TYPE_MAIL, 0, "message/rfc822");
	else if (strncmp(text + skip, "<?xml", 5) == 0)
		type_set(out, TYPE_XML, 0, "text/xml");
	else
		return false;
	return true;
}

/* type_pdf - the mark may stand anywhere in the first 1,024 octets */
static bool
type_pdf(weir_str data, struct type *out)
{
	weir_str head = { data.ptr, data.len < 1024 ? data.len : 1024 };

	if (memmem(head.ptr, head.len, "%PDF-", 5) == NULL)
		return false;
	type_set(out, TYPE_PDF, 0, "application/pdf");
	return true;
}

/* type_libmagic - the rest */
static void
type_libmagic(struct magic_set *magic, weir_str data, struct type *out)
{
	const char *mime = NULL;

	if (magic != NULL)
		mime = magic_buffer((magic_t)(void *)magic, data.ptr,
		    data.len < TYPE_HEAD ? data.len : TYPE_HEAD);
	if (mime == NULL && magic != NULL)
		out->categories |= CAT(LIMIT_TYPE);
	if (mime == NULL || strchr(mime, '/') == NULL)
		return;
	type_set(out, TYPE_OTHER, 0, mime);
	if (strncmp(mime, "text/", 5) == 0)
		out->kind = TYPE_TEXT;
	if (strcmp(mime, "text/x-msdos-batch") == 0)
		out->categories |= CAT(SCRIPT);
	if (strcmp(mime, "application/x-dosexec") == 0 ||
	    strcmp(mime, "application/x-mach-binary") == 0)
		out->categories |= CAT(EXECUTABLE);
}

/* type_is_text - no control character but those of texts, near the front */
static bool
type_is_text(weir_str data)
{
	size_t n = data.len < 1024 ? data.len : 1024;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data.ptr[i];

		if ((c < ' ' && (c < '\t' || c > '\r') && c != 0x1b) ||
		    c == 0x7f)
			return false;
	}
	return true;
}

/* type_detect - exact things first */
void
type_detect(struct magic_set *magic, bool texts, weir_str data,
    struct type *out)
{
	type_set(out, TYPE_OTHER, 0, "");
	if (data.len == 0) {
		type_set(out, TYPE_OTHER, 0, "application/x-empty");
		return;
	}
	if (type_signature(data, out) || type_dos(data, out) ||
	    type_lha(data, out) || type_pdf(data, out) ||
	    type_old_tar(data, out) || type_trailer(data, out) ||
	    type_text(data, out))
		return;
	if ((magic == NULL || !texts) && type_is_text(data))
		type_set(out, TYPE_TEXT, 0, "text/plain");
	else
		type_libmagic(magic, data, out);
}

/* type_open - load the compiled data */
struct magic_set *
type_open(const char **why)
{
	magic_t m = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS |
	    MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_ELF |
	    MAGIC_NO_CHECK_TOKENS);
	static char text[200];

	if (m != NULL && magic_load(m, NULL) == 0)
		return (struct magic_set *)(void *)m;
	snprintf(text, sizeof(text), "%s", m != NULL && magic_error(m) != NULL ?
	    magic_error(m) : "no memory");
	*why = text;
	if (m != NULL)
		magic_close(m);
	return NULL;
}

/* type_close - and what it loaded */
void
type_close(struct magic_set *magic)
{
	if (magic != NULL)
		magic_close((magic_t)(void *)magic);
}
