# framework/ctl: what operators ask and are told
libweir_la_SOURCES += \
	framework/ctl/cmd_explain.c framework/ctl/cmd_modules.c \
	framework/ctl/cmd_status.c \
	framework/ctl/commands.c framework/ctl/commands.h \
	framework/ctl/explain_text.c framework/ctl/explain_text.h \
	framework/ctl/find.c framework/ctl/find.h \
	framework/ctl/format.c framework/ctl/format.h \
	framework/ctl/server.c framework/ctl/server.h \
	framework/ctl/wire.c framework/ctl/wire.h
