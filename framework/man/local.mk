# framework/man: weir.conf(5) is made from the rows of core and modules
noinst_PROGRAMS += framework/man/gen-conf-man
framework_man_gen_conf_man_SOURCES = framework/man/gen-conf-man.c
framework_man_gen_conf_man_LDADD = libweir.la

EXTRA_DIST += framework/man/weir.conf.5.in
nodist_man_MANS += framework/man/weir.conf.5
CLEANFILES += framework/man/weir.conf.5 framework/man/weir.conf.5.tmp

framework/man/weir.conf.5: framework/man/gen-conf-man$(EXEEXT) \
		$(srcdir)/framework/man/weir.conf.5.in $(module_LTLIBRARIES)
	$(AM_V_GEN)so=; for la in $(module_LTLIBRARIES); do \
		so="$$so $${la%/*}/.libs/`basename $$la .la`.so"; \
	done; \
	framework/man/gen-conf-man$(EXEEXT) \
		$(srcdir)/framework/man/weir.conf.5.in $$so > $@.tmp && \
	mv $@.tmp $@

dist_man_MANS += framework/man/weir.8 framework/man/weirctl.8 \
	framework/man/weir-abi.7

# weir-lua(3) is made from the tables of bindings
noinst_PROGRAMS += framework/man/gen-lua-man
framework_man_gen_lua_man_SOURCES = framework/man/gen-lua-man.c
framework_man_gen_lua_man_LDADD = libweir.la

EXTRA_DIST += framework/man/weir-lua.3.in
nodist_man_MANS += framework/man/weir-lua.3
CLEANFILES += framework/man/weir-lua.3 framework/man/weir-lua.3.tmp

framework/man/weir-lua.3: framework/man/gen-lua-man$(EXEEXT) \
		$(srcdir)/framework/man/weir-lua.3.in
	$(AM_V_GEN)framework/man/gen-lua-man$(EXEEXT) \
		$(srcdir)/framework/man/weir-lua.3.in > $@.tmp && mv $@.tmp $@
