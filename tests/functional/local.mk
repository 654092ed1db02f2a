# tests/functional

# what the MIME view makes of a message, as JSON
noinst_PROGRAMS += tests/functional/mime-dump
tests_functional_mime_dump_SOURCES = tests/functional/mime-dump.c
tests_functional_mime_dump_LDADD = libweir.la $(GMIME_LIBS) $(JANSSON_LIBS)
EXTRA_DIST += tests/functional/test_mime_data.py
