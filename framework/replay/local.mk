# framework/replay: recordings of decisions, and how they are made again
libweir_la_SOURCES += \
	framework/replay/play.c framework/replay/play.h \
	framework/replay/recorder.c framework/replay/recorder.h \
	framework/replay/ring.c framework/replay/ring.h \
	framework/replay/ring_int.h framework/replay/ring_read.c \
	framework/replay/tape.h framework/replay/tape_read.c \
	framework/replay/tape_write.c


if HAVE_CMOCKA
UNIT_TESTS += framework/replay/ring_test framework/replay/tape_test
framework_replay_ring_test_SOURCES = framework/replay/ring_test.c
framework_replay_ring_test_LDADD = $(TEST_LIBS)
framework_replay_tape_test_SOURCES = framework/replay/tape_test.c
framework_replay_tape_test_LDADD = $(TEST_LIBS)
endif
