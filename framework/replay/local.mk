# framework/replay: recordings of decisions, and how they are made again
libweir_la_SOURCES += \
	framework/replay/play.c framework/replay/play.h \
	framework/replay/recorder.c framework/replay/recorder.h \
	framework/replay/ring.c framework/replay/ring.h \
	framework/replay/ring_int.h framework/replay/ring_read.c \
	framework/replay/tape.h framework/replay/tape_read.c \
	framework/replay/tape_write.c

