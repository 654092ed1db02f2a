# framework/ctl: what operators ask and are told
libweir_la_SOURCES += \
	framework/ctl/cmd_explain.c framework/ctl/cmd_modules.c \
	framework/ctl/cmd_status.c framework/ctl/status_gauges.c \
	framework/ctl/status_gauges.h \
	framework/ctl/commands.c framework/ctl/commands.h \
	framework/ctl/explain_text.c framework/ctl/explain_text.h \
	framework/ctl/find.c framework/ctl/find.h \
	framework/ctl/format.c framework/ctl/format.h \
	framework/ctl/server.c framework/ctl/server.h \
	framework/ctl/wire.c framework/ctl/wire.h
libweir_la_SOURCES += \
	framework/ctl/client.c framework/ctl/client.h \
	framework/ctl/mta.c framework/ctl/mta.h \
	framework/ctl/mta_find.c framework/ctl/mta_postfix.c \
	framework/ctl/mta_sendmail.c

bin_PROGRAMS += weirctl
weirctl_SOURCES = \
	framework/ctl/doctor.c framework/ctl/doctor.h \
	framework/ctl/doctor_host.c framework/ctl/doctor_limits.c \
	framework/ctl/doctor_mta.c framework/ctl/doctor_net.c \
	framework/ctl/doctor_state.c \
	framework/ctl/weirctl.c framework/ctl/weirctl.h \
	framework/ctl/weirctl_local.c framework/ctl/weirctl_offline.c \
	framework/ctl/replay_compare.c framework/ctl/replay_run.c \
	framework/ctl/weirctl_replay.c framework/ctl/weirctl_replay.h \
	framework/ctl/weirctl_rules.c framework/ctl/weirctl_rules.h \
	framework/ctl/weirctl_rules_test.c \
	sdk/drive/drive.h sdk/drive/drive_report.c sdk/drive/drive_run.c \
	$(drive_parts)
weirctl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/sdk/drive
weirctl_LDADD = libweir.la $(JANSSON_LIBS)
# no library that none of its commands calls by name: see mail/late.h
weirctl_LDFLAGS = $(AM_LDFLAGS) -Wl,--as-needed

EXTRA_DIST += contrib/systemd/weir.service.in
systemdunitdir = $(prefix)/lib/systemd/system
systemdunit_DATA = contrib/systemd/weir.service
CLEANFILES += contrib/systemd/weir.service
contrib/systemd/weir.service: $(srcdir)/contrib/systemd/weir.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|' -e 's|@sysconfdir[@]|$(sysconfdir)|' \
		$(srcdir)/contrib/systemd/weir.service.in > $@.tmp && \
	mv $@.tmp $@

if HAVE_CMOCKA
UNIT_TESTS += framework/ctl/wire_test framework/ctl/server_test \
	framework/ctl/mta_test framework/ctl/explain_text_test
framework_ctl_wire_test_SOURCES = framework/ctl/wire_test.c
framework_ctl_wire_test_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
framework_ctl_server_test_SOURCES = framework/ctl/server_test.c
framework_ctl_server_test_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
framework_ctl_mta_test_SOURCES = framework/ctl/mta_test.c
framework_ctl_mta_test_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
framework_ctl_explain_text_test_SOURCES = framework/ctl/explain_text_test.c
framework_ctl_explain_text_test_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
endif
