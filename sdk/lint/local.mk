# sdk/lint
bin_PROGRAMS += sdk/lint/weir-module-lint
sdk_lint_weir_module_lint_SOURCES = sdk/lint/elf.c sdk/lint/elf.h \
	sdk/lint/lint.h sdk/lint/lint_descriptor.c sdk/lint/lint_elf.c \
	sdk/lint/main.c
sdk_lint_weir_module_lint_LDADD = libweir.la
dist_man_MANS += sdk/lint/weir-module-lint.1
