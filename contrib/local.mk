EXTRA_DIST += contrib/dovecot tests/quality
EXTRA_DIST += contrib/check-packages contrib/debian contrib/package
EXTRA_DIST += contrib/check contrib/quickstart contrib/demo.py \
	contrib/packages contrib/install-packages

examplesdir = $(docdir)/examples
dist_examples_DATA = contrib/weir.conf

# the name under which systemd wants it is another than the one here
EXTRA_DIST += contrib/systemd/weir.sysusers
sysusersdir = $(prefix)/lib/sysusers.d

# Modules are opened by their .so; libtool's .la files are of no use there.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)'
	$(INSTALL_DATA) $(srcdir)/contrib/systemd/weir.sysusers \
		'$(DESTDIR)$(sysusersdir)/weir.conf'
	for la in $(module_LTLIBRARIES); do \
		rm -f "$(DESTDIR)$(moduledir)/`basename $$la`"; \
	done

# without its .la libtool does not know what belonged to it
uninstall-hook:
	rm -f '$(DESTDIR)$(sysusersdir)/weir.conf'
	for la in $(module_LTLIBRARIES); do \
		rm -f "$(DESTDIR)$(moduledir)/`basename $$la .la`.so"; \
	done
examplesdovecotdir = $(docdir)/examples/dovecot
dist_examplesdovecot_DATA = contrib/dovecot/README.md \
	contrib/dovecot/weir-quarantine.conf contrib/dovecot/90-weir.conf \
	contrib/dovecot/learn-ham.sieve contrib/dovecot/learn-spam.sieve
dist_examplesdovecot_SCRIPTS = contrib/dovecot/weir-learn
examplesclamavdir = $(docdir)/examples/clamav
dist_examplesclamav_DATA = contrib/clamav/clamd.conf \
	contrib/clamav/freshclam.conf
