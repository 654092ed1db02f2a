# Each target: one parser, seeds in corpus/NAME. tests/fuzz/run runs them.
FUZZ_TARGETS =
if FUZZERS
FUZZ_TARGETS += tests/fuzz/fuzz_antivirus
tests_fuzz_fuzz_antivirus_SOURCES = tests/fuzz/fuzz_antivirus.c \
	modules/antivirus/clamd_reply.c modules/antivirus/result.c \
	modules/antivirus/wire.c
tests_fuzz_fuzz_antivirus_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_antivirus_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_bayes_restore
tests_fuzz_fuzz_bayes_restore_SOURCES = tests/fuzz/fuzz_bayes_restore.c \
	tests/lib/folder.h \
	modules/bayes/db.c modules/bayes/db_cache.c \
	modules/bayes/db_fit.c modules/bayes/db_learn.c \
	modules/bayes/db_text.c modules/bayes/score.c modules/bayes/text.c
tests_fuzz_fuzz_bayes_restore_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_bayes_restore_LDADD = $(LMDB_LIBS) -lm
tests_fuzz_fuzz_bayes_restore_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_bayes_token
tests_fuzz_fuzz_bayes_token_SOURCES = tests/fuzz/fuzz_bayes_token.c \
	modules/bayes/charset.c modules/bayes/files.c modules/bayes/html.c \
	modules/bayes/list.c modules/bayes/reader.c modules/bayes/text.c \
	modules/bayes/token.c modules/bayes/token_header.c
tests_fuzz_fuzz_bayes_token_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_bayes_token_LDADD =
tests_fuzz_fuzz_bayes_token_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_completion
tests_fuzz_fuzz_completion_SOURCES = tests/fuzz/fuzz_completion.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
tests_fuzz_fuzz_completion_LDADD = libweir.la $(JANSSON_LIBS) -lm
tests_fuzz_fuzz_completion_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_descriptor
tests_fuzz_fuzz_descriptor_SOURCES = tests/fuzz/fuzz_descriptor.c \
	framework/host/test_nothing.h
tests_fuzz_fuzz_descriptor_LDADD = libweir.la $(JANSSON_LIBS) -lm
tests_fuzz_fuzz_descriptor_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_host_calls
tests_fuzz_fuzz_host_calls_SOURCES = tests/fuzz/fuzz_host_calls.c \
	framework/pipe/test_fake.c framework/pipe/test_fake.h
tests_fuzz_fuzz_host_calls_LDADD = libweir.la $(JANSSON_LIBS) -lm
tests_fuzz_fuzz_host_calls_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c \
	framework/conf/test_modules.c framework/conf/test_modules.h
tests_fuzz_fuzz_conf_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_ctl_request
tests_fuzz_fuzz_ctl_request_SOURCES = tests/fuzz/fuzz_ctl_request.c
tests_fuzz_fuzz_ctl_request_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_ctl_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_dns_answer
tests_fuzz_fuzz_dns_answer_SOURCES = tests/fuzz/fuzz_dns_answer.c
tests_fuzz_fuzz_dns_answer_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_dns_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_disclaimer
tests_fuzz_fuzz_disclaimer_SOURCES = tests/fuzz/fuzz_disclaimer.c
tests_fuzz_fuzz_disclaimer_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_disclaimer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_drive_case
tests_fuzz_fuzz_drive_case_SOURCES = tests/fuzz/fuzz_drive_case.c \
	sdk/drive/drive_case.c sdk/drive/drive_diff.c \
	sdk/drive/drive_expect.c sdk/drive/drive_mail.c
tests_fuzz_fuzz_drive_case_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/sdk/drive
tests_fuzz_fuzz_drive_case_LDADD = libweir.la $(JANSSON_LIBS) -lm
tests_fuzz_fuzz_drive_case_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_drive_mail
tests_fuzz_fuzz_drive_mail_SOURCES = tests/fuzz/fuzz_drive_mail.c \
	sdk/drive/drive_diff.c sdk/drive/drive_files.c sdk/drive/drive_mail.c
tests_fuzz_fuzz_drive_mail_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/sdk/drive
tests_fuzz_fuzz_drive_mail_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_drive_mail_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_helper_wire
tests_fuzz_fuzz_helper_wire_SOURCES = tests/fuzz/fuzz_helper_wire.c
tests_fuzz_fuzz_helper_wire_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_helper_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_link
tests_fuzz_fuzz_link_SOURCES = tests/fuzz/fuzz_link.c \
	modules/rbl/code.c modules/rbl/name.c
tests_fuzz_fuzz_link_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_link_LDADD = $(PSL_LIBS) $(IDN2_LIBS)
tests_fuzz_fuzz_link_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_log_line
tests_fuzz_fuzz_log_line_SOURCES = tests/fuzz/fuzz_log_line.c
tests_fuzz_fuzz_log_line_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_log_line_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_macros
tests_fuzz_fuzz_macros_SOURCES = tests/fuzz/fuzz_macros.c \
	modules/action/authres.c modules/action/field.c \
	modules/action/macros.c
tests_fuzz_fuzz_macros_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_macros_LDADD =
tests_fuzz_fuzz_macros_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_match
tests_fuzz_fuzz_match_SOURCES = tests/fuzz/fuzz_match.c
tests_fuzz_fuzz_match_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_match_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_metric_http
tests_fuzz_fuzz_metric_http_SOURCES = tests/fuzz/fuzz_metric_http.c
tests_fuzz_fuzz_metric_http_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_metric_http_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_milter_session
tests_fuzz_fuzz_milter_session_SOURCES = tests/fuzz/fuzz_milter_session.c $(FRONT_TEST)
tests_fuzz_fuzz_milter_session_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_milter_session_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_milter_wire
tests_fuzz_fuzz_milter_wire_SOURCES = tests/fuzz/fuzz_milter_wire.c
tests_fuzz_fuzz_milter_wire_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_milter_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_mime
tests_fuzz_fuzz_mime_SOURCES = tests/fuzz/fuzz_mime.c
tests_fuzz_fuzz_mime_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_mime_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_names
tests_fuzz_fuzz_names_SOURCES = tests/fuzz/fuzz_names.c
tests_fuzz_fuzz_names_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_names_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_notify_smtp
tests_fuzz_fuzz_notify_smtp_SOURCES = tests/fuzz/fuzz_notify_smtp.c
tests_fuzz_fuzz_notify_smtp_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_notify_smtp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_policy
tests_fuzz_fuzz_policy_SOURCES = tests/fuzz/fuzz_policy.c $(FRONT_TEST)
tests_fuzz_fuzz_policy_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_policy_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_script_answer
tests_fuzz_fuzz_script_answer_SOURCES = tests/fuzz/fuzz_script_answer.c \
	modules/script/answer.c
tests_fuzz_fuzz_script_answer_LDADD = libweir.la -lm
tests_fuzz_fuzz_script_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_release
tests_fuzz_fuzz_release_SOURCES = tests/fuzz/fuzz_release.c \
	modules/quarantine/file.c modules/quarantine/lists.c \
	modules/quarantine/store.c modules/quarantine/token.c
tests_fuzz_fuzz_release_LDADD = libweir.la $(SQLITE_LIBS) $(CRYPTO_LIBS)
tests_fuzz_fuzz_release_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_smtp
tests_fuzz_fuzz_smtp_SOURCES = tests/fuzz/fuzz_smtp.c \
	modules/quarantine/smtp.c modules/quarantine/smtp_conn.c \
	modules/quarantine/smtp_tls.c
tests_fuzz_fuzz_smtp_LDADD = libweir.la $(TLS_LIBS)
tests_fuzz_fuzz_smtp_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_spf_cross
tests_fuzz_fuzz_spf_cross_SOURCES = tests/fuzz/fuzz_spf_cross.c \
	modules/spf/macro.c modules/spf/print.c modules/spf/record.c
tests_fuzz_fuzz_spf_cross_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_spf_cross_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_spf_macro
tests_fuzz_fuzz_spf_macro_SOURCES = tests/fuzz/fuzz_spf_macro.c \
	modules/spf/macro.c
tests_fuzz_fuzz_spf_macro_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_spf_macro_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_spf_record
tests_fuzz_fuzz_spf_record_SOURCES = tests/fuzz/fuzz_spf_record.c \
	modules/spf/eval.c modules/spf/eval_exp.c modules/spf/eval_ptr.c \
	modules/spf/evidence.c modules/spf/input.c modules/spf/macro.c \
	modules/spf/print.c modules/spf/record.c
tests_fuzz_fuzz_spf_record_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_spf_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_tape
tests_fuzz_fuzz_tape_SOURCES = tests/fuzz/fuzz_tape.c
tests_fuzz_fuzz_tape_LDADD = libweir.la $(JANSSON_LIBS)
tests_fuzz_fuzz_tape_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_tuple
tests_fuzz_fuzz_tuple_SOURCES = tests/fuzz/fuzz_tuple.c \
	modules/greylist/learn.c modules/greylist/record.c \
	modules/greylist/tuple.c
tests_fuzz_fuzz_tuple_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_fuzz_fuzz_tuple_LDADD = $(PSL_LIBS)
tests_fuzz_fuzz_tuple_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
if MODULE_ATTACHMENT
modules_attachment_fuzz_cppflags = $(AM_CPPFLAGS) $(ATTACHMENT_CFLAGS) \
	$(PCRE2_CFLAGS) -I$(top_srcdir)/modules/attachment
FUZZ_TARGETS += tests/fuzz/fuzz_attachment_ole
tests_fuzz_fuzz_attachment_ole_SOURCES = tests/fuzz/fuzz_attachment_ole.c \
	modules/attachment/cfb.c modules/attachment/vba.c
tests_fuzz_fuzz_attachment_ole_CPPFLAGS = $(modules_attachment_fuzz_cppflags)
tests_fuzz_fuzz_attachment_ole_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_attachment_rule
tests_fuzz_fuzz_attachment_rule_SOURCES = tests/fuzz/fuzz_attachment_rule.c \
	modules/attachment/splice.c $(modules_attachment_rule_sources)
tests_fuzz_fuzz_attachment_rule_CPPFLAGS = $(modules_attachment_fuzz_cppflags)
tests_fuzz_fuzz_attachment_rule_LDADD = $(PCRE2_LIBS)
tests_fuzz_fuzz_attachment_rule_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_attachment_scan
tests_fuzz_fuzz_attachment_scan_SOURCES = tests/fuzz/fuzz_attachment_scan.c \
	modules/attachment/name.c $(modules_attachment_scan_sources)
tests_fuzz_fuzz_attachment_scan_CPPFLAGS = $(modules_attachment_fuzz_cppflags)
tests_fuzz_fuzz_attachment_scan_LDADD = libweir.la $(ATTACHMENT_LIBS) \
	$(XML_LIBS)
tests_fuzz_fuzz_attachment_scan_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_attachment_wire
tests_fuzz_fuzz_attachment_wire_SOURCES = tests/fuzz/fuzz_attachment_wire.c \
	modules/attachment/wire.c
tests_fuzz_fuzz_attachment_wire_CPPFLAGS = $(modules_attachment_fuzz_cppflags)
tests_fuzz_fuzz_attachment_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
noinst_PROGRAMS += $(FUZZ_TARGETS)
endif

.PHONY: fuzzers
fuzzers: $(FUZZ_TARGETS)

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/run
