# sdk/drive
drive_parts = sdk/drive/drive_case.c sdk/drive/drive_case.h \
	sdk/drive/drive_diff.c sdk/drive/drive_diff.h \
	sdk/drive/drive_files.c sdk/drive/drive_files.h \
	sdk/drive/drive_mail.c sdk/drive/drive_mail.h \
	sdk/drive/drive_options.c sdk/drive/drive_options.h

bin_PROGRAMS += sdk/drive/weir-drive
sdk_drive_weir_drive_SOURCES = sdk/drive/drive.c sdk/drive/drive.h \
	sdk/drive/drive_engine.c sdk/drive/drive_expect.c \
	sdk/drive/drive_expect.h sdk/drive/drive_odd.c \
	sdk/drive/drive_play.c sdk/drive/drive_play.h \
	sdk/drive/drive_report.c sdk/drive/drive_run.c \
	sdk/drive/drive_suite.c sdk/drive/drive_suite.h \
	sdk/drive/drive_suite_out.c sdk/drive/drive_suite_out.h $(drive_parts)
sdk_drive_weir_drive_LDADD = libweir.la -lm
dist_man_MANS += framework/man/weir-drive.1

if HAVE_CMOCKA
UNIT_TESTS += sdk/drive/drive_test
sdk_drive_drive_test_SOURCES = sdk/drive/drive_test.c $(drive_parts)
sdk_drive_drive_test_LDADD = $(TEST_LIBS)
endif

EXTRA_DIST += tests/functional/test_drive.py
EXTRA_DIST += tests/functional/test_cases.py
