libweir_la_SOURCES += \
	framework/pipe/call.c framework/pipe/call.h \
	framework/pipe/explain.c framework/pipe/explain.h \
	framework/pipe/guard.c framework/pipe/guard.h \
	framework/pipe/module.h \
	framework/pipe/plan.c framework/pipe/plan.h \
	framework/pipe/run.c framework/pipe/run.h framework/pipe/run_int.h \
	framework/pipe/settle.c framework/pipe/settle.h
