/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_office - documents in XML: OOXML and ODF members, Word 2003, others.
 *
 * libxml2 reads as events, without ever loading or expanding anything; a
 * document type where no office program writes one ends the reading.
 */
#include <string.h>

#include <libxml/parser.h>

#include "scan.h"

#define XML_FIELD 256u /* octets of a field's instruction that are kept */
#define XML_NESTED 5u	/* entities made of entities that are too many */
#define XML_CHUNK 65536u

struct xml {
	struct scan_object *o; /* who hears of it */
	xmlParserCtxtPtr ctxt;
	bool member;	   /* of a document: no document type there */
	bool field;	   /* in the text of an instruction */
	unsigned nested;
	char text[XML_FIELD]; /* of the current field */
	size_t n;
};

/* xml_attribute - its value, or the empty slice; in attrs there are five
   pointers for each: name, prefix, URI, begin, end */
static weir_str
xml_attribute(const xmlChar **attrs, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		const char *begin = (const char *)attrs[5 * i + 3];

		if (strcmp((const char *)attrs[5 * i], name) == 0)
			return (weir_str){ begin,
				(size_t)((const char *)attrs[5 * i + 4] -
				    begin) };
	}
	return (weir_str){ "", 0 };
}

/* xml_is - equal to the word, in either case */
static bool
xml_is(weir_str s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* xml_ends - with the word */
static bool
xml_ends(weir_str s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n &&
	    strncasecmp(s.ptr + s.len - n, word, n) == 0;
}

/* xml_begins - with the word */
static bool
xml_begins(weir_str s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n && strncasecmp(s.ptr, word, n) == 0;
}

/* xml_is_remote - on another machine: what is in a file there says nothing
   good; "file:///C:\Users" is only where the author worked */
static bool
xml_is_remote(weir_str target)
{
	return xml_begins(target, "http:") || xml_begins(target, "https:") ||
	    xml_begins(target, "ftp:") || xml_begins(target, "mhtml:") ||
	    xml_begins(target, "ms-") || xml_begins(target, "\\\\") ||
	    xml_begins(target, "file:\\\\\\\\") ||
	    xml_begins(target, "file://///") ||
	    (xml_begins(target, "file://") && target.len > 7 &&
		target.ptr[7] != '/');
}

/* xml_relationship - one line of a .rels member */
static void
xml_relationship(struct xml *x, const xmlChar **attrs, int n)
{
	weir_str type = xml_attribute(attrs, n, "Type");
	weir_str target = xml_attribute(attrs, n, "Target");

	if (!xml_is(xml_attribute(attrs, n, "TargetMode"), "External"))
		return;
	if (xml_ends(type, "/oleObject") ||
	    ((xml_ends(type, "/attachedTemplate") ||
		xml_ends(type, "/frame") || xml_ends(type, "/subDocument") ||
		xml_ends(type, "/package") || xml_ends(type, "/control")) &&
		xml_is_remote(target)))
		scan_note(x->o, CAT(EXTERNAL_TEMPLATE));
}

/* xml_field_end - is the instruction a DDE link? */
static void
xml_field_end(struct xml *x)
{
	size_t i = 0;

	while (i < x->n && (x->text[i] == ' ' || x->text[i] == '\n' ||
	    x->text[i] == '\r' || x->text[i] == '\t'))
		i++;
	if (x->n - i >= 3 && strncasecmp(x->text + i, "DDE", 3) == 0)
		scan_note(x->o, CAT(MACRO_DDE));
	x->n = 0;
}

/* xml_yes - do attributes of Word 2003 say that it is there? */
static void
xml_yes(struct xml *x, const xmlChar **attrs, int n)
{
	static const struct {
		const char *name;
		uint64_t set;
	} marks[] = { { "macrosPresent", CAT(MACRO) },
		{ "embeddedObjPresent", CAT(EMBEDDED_OBJECT) },
		{ "ocxPresent", CAT(EMBEDDED_OBJECT) } };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (xml_is(xml_attribute(attrs, n, marks[i].name), "yes"))
			scan_note(x->o, marks[i].set);
	}
}

/* xml_start - an element begins */
static void
xml_start(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int n_ns, const xmlChar **ns, int n_attrs,
    int n_default, const xmlChar **attrs)
{
	struct xml *x = arg;
	const char *word = (const char *)name;
	weir_str s;

	(void)prefix;
	(void)uri;
	(void)n_ns;
	(void)ns;
	(void)n_default;
	if (strcmp(word, "Relationship") == 0) {
		xml_relationship(x, attrs, n_attrs);
	} else if (strcmp(word, "instrText") == 0) {
		x->field = true;
	} else if (strcmp(word, "fldChar") == 0 ||
	    strcmp(word, "p") == 0) {
		if (!xml_is(xml_attribute(attrs, n_attrs, "fldCharType"),
		    "end"))
			xml_field_end(x);
	} else if (strcmp(word, "fldSimple") == 0) {
		xml_field_end(x);
		s = xml_attribute(attrs, n_attrs, "instr");
		x->n = s.len < XML_FIELD ? s.len : XML_FIELD;
		memcpy(x->text, s.ptr, x->n);
		xml_field_end(x);
	} else if (strcmp(word, "ddeLink") == 0 ||
	    strcmp(word, "dde-source") == 0 ||
	    strcmp(word, "dde-connection-decl") == 0) {
		scan_note(x->o, CAT(MACRO_DDE));
	} else if (strcmp(word, "definedName") == 0) {
		s = xml_attribute(attrs, n_attrs, "name");
		if (xml_begins(s, "_xlnm.Auto_") || xml_begins(s, "Auto_Open"))
			scan_note(x->o, CAT(MACRO_AUTO));
	} else if (strcmp(word, "customUI") == 0) {
		if (xml_attribute(attrs, n_attrs, "onLoad").len > 0)
			scan_note(x->o, CAT(MACRO_AUTO));
	} else if (strcmp(word, "encryption-data") == 0) {
		scan_note(x->o, CAT(ENCRYPTED_OFFICE));
	} else if (strcmp(word, "event-listener") == 0) {
		scan_note(x->o, CAT(MACRO_AUTO));
	} else if (strcmp(word, "wordDocument") == 0) {
		xml_yes(x, attrs, n_attrs);
	}
}

/* xml_end - and ends */
static void
xml_end(void *arg, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri)
{
	struct xml *x = arg;

	(void)prefix;
	(void)uri;
	if (strcmp((const char *)name, "instrText") == 0)
		x->field = false;
}

/* xml_text - what a field says may come in pieces */
static void
xml_text(void *arg, const xmlChar *text, int len)
{
	struct xml *x = arg;
	size_t n = (size_t)len;

	if (!x->field)
		return;
	if (n > XML_FIELD - x->n)
		n = XML_FIELD - x->n;
	memcpy(x->text + x->n, text, n);
	x->n += n;
}

/* xml_doctype - none in a member of a document */
static void
xml_doctype(void *arg, const xmlChar *name, const xmlChar *external,
    const xmlChar *system)
{
	struct xml *x = arg;

	(void)name;
	(void)external;
	(void)system;
	if (!x->member)
		return;
	scan_note(x->o, CAT(XML_BOMB));
	xmlStopParser(x->ctxt);
}

/* xml_entity - one made of others, again and again, is a bomb */
static void
xml_entity(void *arg, const xmlChar *name, int type, const xmlChar *public_id,
    const xmlChar *system, xmlChar *content)
{
	struct xml *x = arg;
	const char *p = (const char *)content;

	(void)name;
	(void)type;
	(void)public_id;
	(void)system;
	if (p == NULL || (p = strchr(p, '&')) == NULL || p[1] == '#')
		return;
	if (++x->nested < XML_NESTED)
		return;
	scan_note(x->o, CAT(XML_BOMB));
	xmlStopParser(x->ctxt);
}

/* xml_silent - errors are in the result */
static void __attribute__((format(printf, 2, 3)))
xml_silent(void *arg, const char *fmt, ...)
{
	(void)arg;
	(void)fmt;
}

/* xml_parse - all of it as events; false: it is not well-formed */
static bool
xml_parse(struct scan *s, struct xml *x, weir_str data)
{
	xmlSAXHandler sax = { .initialized = XML_SAX2_MAGIC,
		.startElementNs = xml_start, .endElementNs = xml_end,
		.characters = xml_text, .cdataBlock = xml_text,
		.internalSubset = xml_doctype, .entityDecl = xml_entity,
		.warning = xml_silent, .error = xml_silent };
	bool ok;

	x->ctxt = xmlCreatePushParserCtxt(&sax, x, data.ptr, 0, NULL);
	if (x->ctxt == NULL) {
		scan_note(x->o, CAT(LIMIT_MEMORY));
		return false;
	}
	xmlCtxtUseOptions(x->ctxt, XML_PARSE_NONET | XML_PARSE_NOERROR |
	    XML_PARSE_NOWARNING);
	for (size_t at = 0; at < data.len && !scan_late(s, x->o);) {
		size_t n = data.len - at < XML_CHUNK ? data.len - at :
						       XML_CHUNK;

		if (xmlParseChunk(x->ctxt, data.ptr + at, (int)n,
		    at + n == data.len) != 0)
			break;
		at += n;
	}
	xml_field_end(x);
	if (x->ctxt->errNo == XML_ERR_NO_MEMORY)
		scan_note(x->o, CAT(LIMIT_MEMORY));
	ok = x->ctxt->wellFormed || (x->o->own & CAT(XML_BOMB)) != 0;
	if (x->ctxt->myDoc != NULL)
		xmlFreeDoc(x->ctxt->myDoc);
	xmlFreeParserCtxt(x->ctxt);
	return ok;
}

/* office_has - the octets somewhere, as they are or as UTF-16 */
static bool
office_has(weir_str data, const char *word)
{
	char wide[64];
	size_t n = strlen(word);

	if (memmem(data.ptr, data.len, word, n) != NULL)
		return true;
	if (data.len < 2 || ((unsigned char)data.ptr[0] != 0xff &&
	    (unsigned char)data.ptr[0] != 0xfe))
		return false;
	memset(wide, 0, sizeof(wide));
	for (size_t i = 0; i < n && i < 31; i++)
		wide[2 * i + 1] = word[i];
	return memmem(data.ptr, data.len, wide + 1, 2 * n - 1) != NULL;
}

/* office_wanted - is there anything in this member to read for? */
static bool
office_wanted(weir_str name, weir_str data)
{
	static const char *const words[] = { "instrText", "fldSimple",
		"ddeLink", "dde-source", "dde-connection", "Auto_",
		"customUI", "encryption-data", "event-listener",
		"<!DOCTYPE" };

	if (xml_ends(name, ".rels"))
		return true;
	if (!xml_ends(name, ".xml"))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (office_has(data, words[i]))
			return true;
	}
	return false;
}

/* office_name - what the place of a member says */
static uint64_t
office_name(weir_str name)
{
	uint64_t set = 0;

	if (memmem(name.ptr, name.len, "acrosheets/", 11) != NULL)
		set |= CAT(MACRO_XLM);
	if (xml_ends(name, "vbaProject.bin") || xml_begins(name, "Basic/") ||
	    xml_begins(name, "Scripts/"))
		set |= CAT(MACRO);
	if (memmem(name.ptr, name.len, "/activeX/", 9) != NULL ||
	    (memmem(name.ptr, name.len, "/embeddings/", 12) != NULL &&
		xml_ends(name, ".bin")))
		set |= CAT(EMBEDDED_OBJECT);
	return set;
}

/* scan_office_member - what it means for the document */
void
scan_office_member(struct scan *s, struct scan_object *doc,
    struct scan_object *member, weir_str name, weir_str data)
{
	struct xml x = { .o = doc, .member = true };

	scan_note(doc, office_name(name) |
	    (member->own & (CATEGORIES_MACRO | CAT(EXTERNAL_TEMPLATE) |
		CAT(EMBEDDED_OBJECT) | CAT(XML_BOMB))));
	if (xml_is(name, "[Content_Types].xml")) {
		if (office_has(data, "macrosheet"))
			scan_note(doc, CAT(MACRO_XLM));
		if (office_has(data, "vbaProject"))
			scan_note(doc, CAT(MACRO));
	}
	if (office_wanted(name, data) && !xml_parse(s, &x, data))
		scan_note(doc, CAT(ARCHIVE_CORRUPT));
}

/* scan_xml - a file of its own */
void
scan_xml(struct scan *s, struct scan_object *o, weir_str data)
{
	struct xml x = { .o = o };

	if (office_has(data, "mso-application") ||
	    office_has(data, "schemas.microsoft.com/office")) {
		if (office_has(data, "vbaProject") ||
		    office_has(data, "QWN0aXZlTWltZ"))
			scan_note(o, CAT(MACRO));
		if (office_has(data, "oleObject"))
			scan_note(o, CAT(EMBEDDED_OBJECT));
	}
	/* what a browser or an editor makes of damaged XML is harmless */
	if (office_has(data, "mso-application") ||
	    office_has(data, "instrText") || office_has(data, "<!ENTITY"))
		xml_parse(s, &x, data);
}
