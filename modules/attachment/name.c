/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "name.h"

#include <stdlib.h>
#include <string.h>

/* Extensions that mean something; sorted. */
static const struct extension {
	const char *word;
	uint64_t categories;
	enum name_class class;
} extensions[] = {
#define E(word, cat, class) { word, cat, NAME_CLASS_##class },
#define EXE(word) E(word, CAT(EXECUTABLE), PROGRAM)
#define SCR(word) E(word, CAT(SCRIPT), TEXT)
#define SRC(word) E(word, CAT(SCRIPT_SOURCE), TEXT)
#define CUT(word) E(word, CAT(SHORTCUT), ANY)
#define DISK(word) E(word, CAT(DISK_IMAGE), ARCHIVE)
#define IMG(word) E(word, 0, IMAGE)
#define DOC(word) E(word, 0, OFFICE)
#define ARC(word) E(word, 0, ARCHIVE)
	ARC("7z") ARC("ace") EXE("action") EXE("ade") EXE("adp") EXE("apk")
	EXE("app") EXE("appinstaller") EXE("application") EXE("appref-ms")
	EXE("appx") EXE("appxbundle") ARC("arj") SCR("asp") SCR("aspx")
	E("avi", 0, VIDEO) SRC("bash") SCR("bat") IMG("bmp")
	ARC("bz2") ARC("cab") SCR("chm") EXE("class")
	SCR("cmd") SRC("command") EXE("com") EXE("cpl") SRC("csh")
	E("csv", 0, TEXT) EXE("deb") CUT("desktop") SCR("diagcab")
	EXE("dll") DISK("dmg") DOC("doc") DOC("docm") DOC("docx") DOC("dot")
	DOC("dotm") DOC("dotx") EXE("drv") EXE("elf") EXE("exe")
	E("flac", 0, AUDIO) EXE("gadget") IMG("gif") SCR("grp") ARC("gz")
	IMG("heic") SCR("hlp") SCR("hta") E("htm", 0, TEXT)
	E("html", 0, TEXT) IMG("ico") E("ics", 0, TEXT) DISK("img")
	CUT("inf") SCR("ins") DISK("iso") SCR("isp") SCR("its") EXE("jar")
	EXE("jnlp") IMG("jpeg") IMG("jpg") SCR("js") SCR("jse")
	E("json", 0, TEXT) EXE("ko") SRC("ksh") ARC("lha")
	CUT("library-ms") CUT("lnk") E("log", 0, TEXT) SRC("lua")
	ARC("lz") ARC("lzh") ARC("lzma") E("m4a", 0, AUDIO) EXE("mad")
	EXE("maf") EXE("mam") EXE("maq") EXE("mar") EXE("mas")
	EXE("mau") EXE("mav") EXE("maw") EXE("mcf") EXE("mda") EXE("mdb")
	EXE("mde") EXE("mdt") EXE("mdw") EXE("mdz") E("mkv", 0, VIDEO)
	E("mov", 0, VIDEO) E("mp3", 0, AUDIO) E("mp4", 0, VIDEO)
	E("mpeg", 0, VIDEO) E("mpg", 0, VIDEO) SCR("msc") SCR("msh")
	SCR("msh1") SCR("msh1xml") SCR("msh2") SCR("msh2xml")
	SCR("mshxml") EXE("msi") EXE("msix") EXE("msixbundle") EXE("msp")
	EXE("mst") CUT("mui-ms") EXE("ocx") DOC("odp") DOC("ods")
	DOC("odt") E("ogg", 0, AUDIO) E("one", 0, OFFICE) EXE("ops")
	SCR("osd") E("pdf", 0, PDF) SRC("php") EXE("pif") SRC("pl")
	EXE("plg") SRC("pm") IMG("png") DOC("pot") DOC("potm") DOC("potx")
	DOC("pps") DOC("ppsm") DOC("ppsx") DOC("ppt") DOC("pptm")
	DOC("pptx") SCR("prf") SCR("prg") SCR("printerexport") SCR("ps1")
	SCR("ps1xml") SCR("ps2") SCR("ps2xml") SCR("psc1") SCR("psc2")
	SCR("psd1") SCR("psdm1") SCR("psm1") SRC("py")
	SRC("pyc") SRC("pyo") SRC("pyw") SCR("pyz") ARC("rar") SRC("rb")
	SCR("rdp") SCR("reg") EXE("rpm") DOC("rtf") EXE("run") CUT("scf")
	EXE("scr") SCR("sct") CUT("search-ms") CUT("searchconnector-ms")
	CUT("settingcontent-ms") SRC("sh") SCR("shb") SCR("shs")
	EXE("so") IMG("svg") EXE("swf") EXE("sys") ARC("tar") ARC("taz")
	ARC("tbz") ARC("tbz2") SRC("tcl") ARC("tgz") CUT("theme")
	CUT("themepack") IMG("tif") IMG("tiff") ARC("tlz")
	E("txt", 0, TEXT) ARC("txz") CUT("url") SCR("vb") SCR("vbe")
	SCR("vbp") SCR("vbs") EXE("vbscript") DISK("vhd") DISK("vhdx")
	DISK("vmdk") EXE("vsmacros") SCR("vsw") EXE("vxd")
	E("wav", 0, AUDIO) E("webm", 0, VIDEO) CUT("webloc") IMG("webp")
	SCR("webpnp") CUT("website") E("wma", 0, AUDIO)
	E("wmv", 0, VIDEO) EXE("workflow") SCR("ws") SCR("wsb") SCR("wsc")
	SCR("wsf") SCR("wsh") EXE("xap") EXE("xbap") EXE("xll")
	DOC("xls") DOC("xlsb") DOC("xlsm") DOC("xlsx") DOC("xlt")
	DOC("xltm") DOC("xltx") E("xml", 0, TEXT) SCR("xnk") EXE("xpi")
	ARC("xz") ARC("z") ARC("zip") ARC("zipx") SRC("zsh") ARC("zst")
#undef E
};

/* name_lower - ASCII only */
static char
name_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* name_is_blank - what may be put before an extension to push it away */
static bool
name_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* name_trim - without the dots and blanks that Windows drops, and without the
   name of an NTFS stream */
static weir_str
name_trim(weir_str name)
{
	static const char stream[] = "::$data";
	size_t n = sizeof(stream) - 1, k = 0;

	if (name.len > n) {
		const char *end = name.ptr + name.len - n;

		while (k < n && name_lower(end[k]) == stream[k])
			k++;
		if (k == n)
			name.len -= n;
	}
	while (name.len > 0 && (name.ptr[name.len - 1] == '.' ||
	    name_is_blank(name.ptr[name.len - 1])))
		name.len--;
	return name;
}

/* name_base - without its folders */
weir_str
name_base(weir_str path)
{
	for (size_t i = path.len; i > 0; i--) {
		if (path.ptr[i - 1] == '/' || path.ptr[i - 1] == '\\')
			return (weir_str){ path.ptr + i, path.len - i };
	}
	return path;
}

/* name_dot - where the last dot is; SIZE_MAX: none */
static size_t
name_dot(weir_str name)
{
	for (size_t i = name.len; i > 0; i--) {
		if (name.ptr[i - 1] == '.')
			return i - 1;
	}
	return SIZE_MAX;
}

/* name_extension - behind the last dot */
size_t
name_extension(weir_str name, char out[NAME_EXTENSION])
{
	size_t dot, n;

	name = name_trim(name_base(name));
	dot = name_dot(name);
	if (dot == SIZE_MAX)
		return 0;
	n = name.len - dot - 1;
	if (n >= NAME_EXTENSION)
		return 0;
	for (size_t i = 0; i < n; i++)
		out[i] = name_lower(name.ptr[dot + 1 + i]);
	out[n] = '\0';
	return n;
}

/* name_find - a row of the table, or NULL */
static const struct extension *
name_find(const char *word)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]);
	     i++) {
		if (strcmp(extensions[i].word, word) == 0)
			return &extensions[i];
	}
	return NULL;
}

/* name_mark - a bidi mark (2) or another invisible character (1) at i; *len
   its octets */
static int
name_mark(weir_str s, size_t i, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s.ptr + i;
	size_t left = s.len - i;

	*len = 1;
	if (p[0] < 0x20 || p[0] == 0x7f)
		return p[0] != '\t';
	if (left >= 2 && p[0] == 0xd8 && p[1] == 0x9c) {
		*len = 2;
		return 2;
	}
	if (left >= 2 && p[0] == 0xc2 && (p[1] == 0xad || p[1] < 0xa0)) {
		*len = 2;
		return 1;
	}
	if (left < 3)
		return 0;
	if (p[0] == 0xe2 && p[1] == 0x80) {
		*len = 3;
		/* U+200E, U+200F, U+202A..U+202E; U+200B..D */
		if (p[2] == 0x8e || p[2] == 0x8f ||
		    (p[2] >= 0xaa && p[2] <= 0xae))
			return 2;
		return p[2] == 0x8b || (p[2] >= 0xa8 && p[2] <= 0xa9);
	}
	if (p[0] == 0xe2 && p[1] == 0x81) {
		*len = 3;
		/* U+2066..U+2069 isolate */
		return p[2] >= 0xa6 && p[2] <= 0xa9 ? 2 :
		    p[2] >= 0xa0 && p[2] <= 0xaf ? 1 : 0;
	}
	if (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
		*len = 3;
		return 1;
	}
	return 0;
}

/* name_hides - characters that make it look like another one */
static uint64_t
name_hides(weir_str name)
{
	uint64_t set = 0;
	size_t blanks = 0, len;
	weir_str trimmed = name_trim(name);

	for (size_t i = 0; i < name.len; i += len) {
		int mark = name_mark(name, i, &len);

		if (mark == 2)
			set |= CAT(RTL_OVERRIDE);
		else if (mark == 1)
			set |= CAT(HIDDEN_NAME);
		blanks = name_is_blank(name.ptr[i]) ? blanks + 1 : 0;
		if (blanks >= 8)
			set |= CAT(HIDDEN_NAME);
	}
	if (trimmed.len < name.len &&
	    memchr(name.ptr + trimmed.len, '.', name.len - trimmed.len) !=
	    NULL && name_dot(trimmed) != SIZE_MAX)
		set |= CAT(HIDDEN_NAME);
	/* "file.{00021401-0000-0000-C000-000000000046}" is shown as "file" */
	if (trimmed.len > 39 && trimmed.ptr[trimmed.len - 1] == '}' &&
	    trimmed.ptr[trimmed.len - 38] == '{' &&
	    trimmed.ptr[trimmed.len - 39] == '.')
		set |= CAT(HIDDEN_NAME) | CAT(EXECUTABLE);
	return set;
}

/* name_is_double - a dangerous extension behind a harmless one, or behind
   blanks */
static bool
name_is_double(weir_str name)
{
	char word[NAME_EXTENSION];
	size_t dot, n;
	const struct extension *e;

	name = name_trim(name);
	dot = name_dot(name);
	if (dot == SIZE_MAX || dot == 0)
		return false;
	if (name_is_blank(name.ptr[dot - 1]))
		return true;
	name.len = dot;
	n = name_extension(name, word);
	e = n > 0 ? name_find(word) : NULL;
	return e != NULL && e->categories == 0;
}

/* name_categories - of one name */
uint64_t
name_categories(weir_str name)
{
	char word[NAME_EXTENSION];
	const struct extension *e = NULL;
	uint64_t set;

	name = name_base(name);
	set = name_hides(name);
	if (name_extension(name, word) > 0)
		e = name_find(word);
	if (e != NULL)
		set |= e->categories;
	if ((set & (CAT(EXECUTABLE) | CAT(SCRIPT) | CAT(SHORTCUT) |
	    CAT(DISK_IMAGE))) != 0 && name_is_double(name))
		set |= CAT(DOUBLE_EXTENSION);
	return set;
}

/* name_set_categories - of all that readers may see */
uint64_t
name_set_categories(const weir_str *names, size_t n)
{
	char first[NAME_EXTENSION], word[NAME_EXTENSION];
	uint64_t set = 0;
	size_t len = n > 0 ? name_extension(names[0], first) : 0;

	for (size_t i = 0; i < n; i++) {
		set |= name_categories(names[i]);
		if (name_extension(names[i], word) != len ||
		    memcmp(word, first, len) != 0)
			set |= CAT(NAMES_DIFFER);
	}
	return set;
}

/* name_class - what its extension promises */
enum name_class
name_class(weir_str name)
{
	char word[NAME_EXTENSION];
	const struct extension *e;

	if (name_extension(name, word) == 0)
		return NAME_CLASS_ANY;
	e = name_find(word);
	return e != NULL ? e->class : NAME_CLASS_ANY;
}

/* name_type_is - does the type begin so */
static bool
name_type_is(weir_str type, const char *begin)
{
	size_t n = strlen(begin);

	return type.len >= n && memcmp(type.ptr, begin, n) == 0;
}

/* name_type_class - what a MIME type promises */
enum name_class
name_type_class(weir_str type)
{
	static const struct {
		const char *begin;
		enum name_class class;
	} types[] = {
		{ "image/", NAME_CLASS_IMAGE },
		{ "audio/", NAME_CLASS_AUDIO },
		{ "video/", NAME_CLASS_VIDEO },
		{ "application/pdf", NAME_CLASS_PDF },
		{ "application/msword", NAME_CLASS_OFFICE },
		{ "application/rtf", NAME_CLASS_OFFICE },
		{ "text/rtf", NAME_CLASS_OFFICE },
		{ "application/vnd.ms-", NAME_CLASS_OFFICE },
		{ "application/vnd.openxmlformats-", NAME_CLASS_OFFICE },
		{ "application/vnd.oasis.", NAME_CLASS_OFFICE },
		{ "application/x-ole-storage", NAME_CLASS_OFFICE },
		{ "application/zip", NAME_CLASS_ARCHIVE },
		{ "application/gzip", NAME_CLASS_ARCHIVE },
		{ "application/x-7z", NAME_CLASS_ARCHIVE },
		{ "application/x-rar", NAME_CLASS_ARCHIVE },
		{ "application/vnd.rar", NAME_CLASS_ARCHIVE },
		{ "application/x-tar", NAME_CLASS_ARCHIVE },
		{ "application/x-zip", NAME_CLASS_ARCHIVE },
		{ "application/x-gzip", NAME_CLASS_ARCHIVE },
		{ "application/x-bzip2", NAME_CLASS_ARCHIVE },
		{ "application/x-xz", NAME_CLASS_ARCHIVE },
		{ "application/zstd", NAME_CLASS_ARCHIVE },
		{ "application/x-lzh", NAME_CLASS_ARCHIVE },
		{ "application/x-arj", NAME_CLASS_ARCHIVE },
		{ "application/x-iso9660", NAME_CLASS_ARCHIVE },
		{ "application/vnd.microsoft.portable-executable",
		    NAME_CLASS_PROGRAM },
		{ "application/x-dosexec", NAME_CLASS_PROGRAM },
		{ "application/x-msdownload", NAME_CLASS_PROGRAM },
		{ "application/x-executable", NAME_CLASS_PROGRAM },
		{ "application/x-mach-binary", NAME_CLASS_PROGRAM },
		{ "application/java-", NAME_CLASS_PROGRAM },
		{ "application/x-msi", NAME_CLASS_PROGRAM },
		{ "text/", NAME_CLASS_TEXT }
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (name_type_is(type, types[i].begin))
			return types[i].class;
	}
	return NAME_CLASS_ANY;
}

/* name_type_categories - types whose content is not here, or not to be read */
uint64_t
name_type_categories(weir_str type)
{
	static const struct {
		const char *type;
		uint64_t set;
	} types[] = {
		{ "message/partial", CAT(MESSAGE_PARTIAL) },
		{ "message/external-body", CAT(EXTERNAL_BODY) },
		{ "application/pkcs7-mime", CAT(ENCRYPTED_MAIL) },
		{ "application/x-pkcs7-mime", CAT(ENCRYPTED_MAIL) },
		{ "application/pgp-encrypted", CAT(ENCRYPTED_MAIL) },
		{ "multipart/encrypted", CAT(ENCRYPTED_MAIL) }
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (type.len == strlen(types[i].type) &&
		    memcmp(type.ptr, types[i].type, type.len) == 0)
			return types[i].set;
	}
	return 0;
}

/* name_mismatch - a document is an archive inside, sound may be film */
bool
name_mismatch(enum name_class seen, enum name_class said)
{
	if (seen == NAME_CLASS_ANY || seen == NAME_CLASS_TEXT ||
	    said == NAME_CLASS_ANY || seen == said)
		return false;
	if (seen == NAME_CLASS_ARCHIVE)
		return said != NAME_CLASS_OFFICE && said != NAME_CLASS_PROGRAM;
	if (seen == NAME_CLASS_OFFICE)
		return said != NAME_CLASS_ARCHIVE && said != NAME_CLASS_TEXT;
	if (seen == NAME_CLASS_AUDIO || seen == NAME_CLASS_VIDEO)
		return said != NAME_CLASS_AUDIO && said != NAME_CLASS_VIDEO;
	return true;
}
