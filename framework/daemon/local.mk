libweir_la_SOURCES += \
	framework/daemon/channel.c framework/daemon/channel.h \
	framework/daemon/crash.c framework/daemon/crash.h \
	framework/daemon/engine.c framework/daemon/engine.h \
	framework/daemon/fleet.c framework/daemon/fleet.h \
	framework/daemon/helper_mail.c framework/daemon/helper_mail.h \
	framework/daemon/helpers.c framework/daemon/helpers.h \
	framework/daemon/helpers_note.c framework/daemon/helpers_note.h \
	framework/daemon/helpers_spawn.c framework/daemon/helpers_spawn.h \
	framework/daemon/helpers_specs.c framework/daemon/helpers_specs.h \
	framework/daemon/master.c framework/daemon/master.h \
	framework/daemon/privs.c framework/daemon/privs.h \
	framework/daemon/probe.c framework/daemon/probe.h \
	framework/daemon/sdnotify.c framework/daemon/sdnotify.h \
	framework/daemon/sockets.c framework/daemon/sockets.h \
	framework/daemon/verify.c framework/daemon/verify.h \
	framework/daemon/worker.c framework/daemon/worker.h \
	framework/daemon/worker_setup.c framework/daemon/worker_setup.h

sbin_PROGRAMS += weir
weir_SOURCES = framework/daemon/main.c
weir_LDADD = libweir.la

# Started by weir, never by hand.
pkglibexec_PROGRAMS += weir-helper
weir_helper_SOURCES = framework/daemon/helper_main.c \
	framework/daemon/helper_program.c framework/daemon/helper_program.h
weir_helper_LDADD = libweir.la $(JANSSON_LIBS)
