libweir_la_SOURCES += framework/loop/loop.c framework/loop/loop.h \
	framework/loop/listen.c framework/loop/listen.h

