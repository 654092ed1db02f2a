# framework/dns
libweir_la_SOURCES += \
	framework/dns/answer.c framework/dns/answer.h \
	framework/dns/backend.h \
	framework/dns/backend_ares.c framework/dns/backend_recorded.c \
	framework/dns/backend_zone.c \
	framework/dns/cache.c framework/dns/cache.h \
	framework/dns/name.c framework/dns/name.h \
	framework/dns/resolver.c framework/dns/resolver.h

if HAVE_CMOCKA
UNIT_TESTS += framework/dns/name_test framework/dns/answer_test \
	framework/dns/cache_test framework/dns/zone_test \
	framework/dns/resolver_test
framework_dns_name_test_SOURCES = framework/dns/name_test.c
framework_dns_name_test_LDADD = $(TEST_LIBS)
framework_dns_answer_test_SOURCES = framework/dns/answer_test.c
framework_dns_answer_test_LDADD = $(TEST_LIBS)
framework_dns_cache_test_SOURCES = framework/dns/cache_test.c
framework_dns_cache_test_LDADD = $(TEST_LIBS)
framework_dns_zone_test_SOURCES = framework/dns/zone_test.c
framework_dns_zone_test_LDADD = $(TEST_LIBS)
framework_dns_resolver_test_SOURCES = framework/dns/resolver_test.c \
	framework/dns/test_server.c framework/dns/test_server.h
framework_dns_resolver_test_LDADD = $(TEST_LIBS)
endif
