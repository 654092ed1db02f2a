libweir_la_SOURCES += framework/loop/loop.c framework/loop/loop.h
