# modules/attachment
if MODULE_ATTACHMENT
module_LTLIBRARIES += modules/attachment/mod_attachment.la
modules_attachment_rule_sources = modules/attachment/category.c \
	modules/attachment/category.h \
	modules/attachment/name.c \
	modules/attachment/name.h \
	modules/attachment/pattern.c \
	modules/attachment/pattern.h \
	modules/attachment/rule.c \
	modules/attachment/rule.h
modules_attachment_scan_sources = modules/attachment/cfb.c \
	modules/attachment/cfb.h \
	modules/attachment/scan.c \
	modules/attachment/scan.h \
	modules/attachment/scan_archive.c \
	modules/attachment/scan_crypt.c \
	modules/attachment/scan_doc.c \
	modules/attachment/scan_mail.c \
	modules/attachment/scan_office.c \
	modules/attachment/scan_ole.c \
	modules/attachment/type.c \
	modules/attachment/type.h \
	modules/attachment/vba.c \
	modules/attachment/vba.h
modules_attachment_sources = modules/attachment/mod_attachment.c \
	modules/attachment/attachment.h \
	modules/attachment/act.c \
	modules/attachment/check.c \
	modules/attachment/command.c \
	modules/attachment/decide.c \
	modules/attachment/helper.c \
	modules/attachment/splice.c \
	modules/attachment/splice.h \
	modules/attachment/wire.c \
	modules/attachment/wire.h \
	$(modules_attachment_rule_sources) \
	$(modules_attachment_scan_sources)
modules_attachment_libs = $(ATTACHMENT_LIBS) $(XML_LIBS) $(PCRE2_LIBS) \
	$(JANSSON_LIBS)
modules_attachment_cppflags = $(PLUGIN_CPPFLAGS) $(ATTACHMENT_CFLAGS) \
	$(PCRE2_CFLAGS)
modules_attachment_mod_attachment_la_SOURCES = $(modules_attachment_sources)
modules_attachment_mod_attachment_la_CPPFLAGS = $(modules_attachment_cppflags)
modules_attachment_mod_attachment_la_CFLAGS = $(AM_CFLAGS)
modules_attachment_mod_attachment_la_LDFLAGS = $(PLUGIN_LDFLAGS)
modules_attachment_mod_attachment_la_LIBADD = $(modules_attachment_libs)

if HAVE_CMOCKA
UNIT_TESTS += modules/attachment/rule_test
modules_attachment_rule_test_SOURCES = modules/attachment/rule_test.c \
	modules/attachment/splice.c modules/attachment/wire.c \
	$(modules_attachment_rule_sources)
modules_attachment_rule_test_CPPFLAGS = $(modules_attachment_cppflags)
modules_attachment_rule_test_LDADD = $(PCRE2_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += modules/attachment/scan_test
modules_attachment_scan_test_SOURCES = modules/attachment/scan_test.c \
	modules/attachment/name.c $(modules_attachment_scan_sources)
modules_attachment_scan_test_CPPFLAGS = $(AM_CPPFLAGS) $(ATTACHMENT_CFLAGS) \
	$(XML_CFLAGS)
modules_attachment_scan_test_LDADD = libweir.la $(ATTACHMENT_LIBS) \
	$(XML_LIBS) $(CMOCKA_LIBS)
endif
docattachmentdir = $(docdir)/attachment
docattachment_DATA = modules/attachment/README.md
endif
EXTRA_DIST += modules/attachment/README.md tests/functional/test_attachment.py \
	tests/functional/test_attachment_death.py tests/lib/weirtest/attach.py \
	tests/lib/weirtest/inject.py
