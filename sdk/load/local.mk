bin_PROGRAMS += sdk/load/weir-load
sdk_load_weir_load_SOURCES = sdk/load/load.c sdk/load/load.h \
	sdk/load/mail.c sdk/load/main.c sdk/load/milter.c \
	sdk/load/policy.c sdk/load/script.c sdk/load/script.h \
	sdk/load/stats.c
sdk_load_weir_load_LDADD = libweir.la
dist_man_MANS += sdk/load/weir-load.1
