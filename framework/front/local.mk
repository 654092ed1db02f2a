libweir_la_SOURCES += \
	framework/front/conn.c framework/front/conn.h \
	framework/front/front.c framework/front/front.h \
	framework/front/milter_cmd.c framework/front/milter_int.h \
	framework/front/milter_neg.c framework/front/milter_neg.h \
	framework/front/milter_reply.c framework/front/milter_reply.h \
	framework/front/milter_session.c framework/front/milter_session.h \
	framework/front/milter_wire.c framework/front/milter_wire.h \
	framework/front/policy_reply.c framework/front/policy_reply.h \
	framework/front/policy_session.c framework/front/policy_session.h \
	framework/front/policy_wire.c framework/front/policy_wire.h
