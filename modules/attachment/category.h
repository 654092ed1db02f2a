/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * category - what can be said about an attachment, as a set of words.
 *
 * A row of the list is a bit of the set; rules name them, "encrypted-*" names
 * several.  The wire carries the bits: append only.  Pure functions.
 */
#ifndef ATTACHMENT_CATEGORY_H
#define ATTACHMENT_CATEGORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/types.h>

#define CATEGORY_LIST(X) \
	X(EXECUTABLE, "executable", "a program: Windows, ELF, Mach-O, DOS, " \
	    "Java, Android, installers; by content or by name") \
	X(SCRIPT, "script", "what a desktop runs when it is opened: .js " \
	    ".vbs .wsf .hta .ps1 .bat ...") \
	X(SCRIPT_SOURCE, "script-source", "programs in text that a desktop " \
	    "does not run by itself: .sh .py .pl .php, or a #! line") \
	X(SHORTCUT, "shortcut", "points at something to run or load: .lnk " \
	    ".url .scf .desktop ...") \
	X(DISK_IMAGE, "disk-image", "a file system to mount: .iso .img " \
	    ".vhd .vhdx .dmg ...") \
	X(DOUBLE_EXTENSION, "double-extension", "looks like a document, is " \
	    "none: invoice.pdf.exe") \
	X(RTL_OVERRIDE, "rtl-override", "text direction marks in a name") \
	X(HIDDEN_NAME, "hidden-name", "a name made to be misread: NUL, " \
	    "trailing dots, many blanks, CLSID, invisible characters") \
	X(MESSAGE_PARTIAL, "message-partial", "a piece of a message: the " \
	    "reader puts it together behind every filter") \
	X(EXTERNAL_BODY, "external-body", "content to be fetched elsewhere") \
	X(MACRO, "macro", "an office document with program code") \
	X(MACRO_AUTO, "macro-auto", "such code that runs when the document " \
	    "is opened, closed or shown") \
	X(MACRO_XLM, "macro-xlm", "Excel 4 macro sheets") \
	X(MACRO_DDE, "macro-dde", "DDE links, which can start programs") \
	X(EXTERNAL_TEMPLATE, "external-template", "a document that loads " \
	    "its template, frame or object from elsewhere") \
	X(EMBEDDED_OBJECT, "embedded-object", "OLE objects or files inside " \
	    "a document") \
	X(PDF_SCRIPT, "pdf-script", "a PDF with JavaScript") \
	X(PDF_LAUNCH, "pdf-launch", "a PDF that starts programs") \
	X(PDF_EMBEDDED, "pdf-embedded", "a PDF with files in it") \
	X(ENCRYPTED_ZIP, "encrypted-zip", "zip, traditional or AES") \
	X(ENCRYPTED_7Z, "encrypted-7z", "7z, files or list of files") \
	X(ENCRYPTED_RAR, "encrypted-rar", "rar 4 or 5, files or list") \
	X(ENCRYPTED_OTHER, "encrypted-other", "other archives: arj") \
	X(ENCRYPTED_OFFICE, "encrypted-office", "office documents, all " \
	    "formats") \
	X(ENCRYPTED_PDF, "encrypted-pdf", "a PDF with /Encrypt") \
	X(ENCRYPTED_MAIL, "mail-encrypted", "S/MIME or PGP: meant for the " \
	    "recipient alone, not an attempt to hide") \
	X(ARCHIVE, "archive", "an archive or a compressed file") \
	X(ARCHIVE_CORRUPT, "archive-corrupt", "can't be read to its end: " \
	    "what is inside is not known") \
	X(ARCHIVE_UNSUPPORTED, "archive-unsupported", "a format or method " \
	    "that nobody here can read") \
	X(ARCHIVE_VOLUME, "archive-volume", "one piece of an archive of " \
	    "several files") \
	X(LIMIT_DEPTH, "limit-depth", "nested deeper than max_depth") \
	X(LIMIT_COUNT, "limit-count", "more files than max_files or " \
	    "max_total_files") \
	X(LIMIT_SIZE, "limit-size", "larger than max_size or max_total_size") \
	X(LIMIT_RATIO, "limit-ratio", "expands more than max_ratio") \
	X(LIMIT_TIME, "limit-time", "not looked at for want of time") \
	X(XML_BOMB, "xml-bomb", "XML with entities of its own where no " \
	    "program writes any, or nested beyond sense") \
	X(TYPE_MISMATCH, "type-mismatch", "content, declared type and name " \
	    "do not go together") \
	X(NAMES_DIFFER, "names-differ", "mail programs will see different " \
	    "extensions") \
	X(SIGNED, "signed", "part of a signed message") \
	X(LIMIT_CRASH, "limit-crash", "the scan of this mail has died twice: " \
	    "it is not tried again") \
	X(LIMIT_MEMORY, "limit-memory", "not looked at, or not to its end, " \
	    "for want of memory") \
	X(LIMIT_TYPE, "limit-type", "libmagic has given up: what it is is " \
	    "not known")

enum category {
#define CATEGORY_ENUM(id, name, help) CATEGORY_##id,
	CATEGORY_LIST(CATEGORY_ENUM)
#undef CATEGORY_ENUM
	CATEGORIES
};

/* One bit for each row of the list. */
#define CAT(id) (UINT64_C(1) << CATEGORY_##id)
#define CATEGORIES_ALL ((UINT64_C(1) << CATEGORIES) - 1)

#define CATEGORIES_ENCRYPTED (CAT(ENCRYPTED_ZIP) | CAT(ENCRYPTED_7Z) | \
	CAT(ENCRYPTED_RAR) | CAT(ENCRYPTED_OTHER) | CAT(ENCRYPTED_OFFICE) | \
	CAT(ENCRYPTED_PDF))
#define CATEGORIES_LIMIT (CAT(LIMIT_DEPTH) | CAT(LIMIT_COUNT) | \
	CAT(LIMIT_SIZE) | CAT(LIMIT_RATIO) | CAT(LIMIT_TIME) | CAT(XML_BOMB) | \
	CAT(LIMIT_CRASH) | CAT(LIMIT_MEMORY) | CAT(LIMIT_TYPE))
/* of these the ones that no number of the site's stands for: nobody has looked,
   or not to the end */
#define CATEGORIES_UNSEEN (CAT(LIMIT_CRASH) | CAT(LIMIT_MEMORY) | \
	CAT(LIMIT_TIME) | CAT(LIMIT_TYPE))
/* not limits, but not read either */
#define CATEGORIES_UNREAD (CAT(ARCHIVE_CORRUPT) | CAT(ARCHIVE_UNSUPPORTED) | \
	CAT(ARCHIVE_VOLUME))
#define CATEGORIES_MACRO (CAT(MACRO) | CAT(MACRO_AUTO) | CAT(MACRO_XLM) | \
	CAT(MACRO_DDE))

const char *category_name(unsigned category); /* NULL beyond the last */
const char *category_help(unsigned category);

/* Add what the pattern names ("macro-auto", "encrypted-*") to set.  false:
   nothing; *nearest is what may have been meant, or NULL. */
bool category_parse(weir_str pattern, uint64_t *set, const char **nearest);

/* The set as "a, b, c" into buf, cut at cap; returns buf. */
char *category_text(uint64_t set, char *buf, size_t cap);

#endif
