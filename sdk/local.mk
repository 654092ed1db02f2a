# sdk: what authors of modules get
dist_bin_SCRIPTS += sdk/weir-new-module
templatedir = $(datadir)/weir/template
sdk_templates = \
	sdk/template/automake/Makefile.am \
	sdk/template/automake/configure.ac \
	sdk/template/cmake/CMakeLists.txt \
	sdk/template/common/README.md \
	sdk/template/common/ci.sh \
	sdk/template/common/dot-github/workflows/build.yml \
	sdk/template/common/dot-gitignore \
	sdk/template/common/mod_NAME.7 \
	sdk/template/common/mod_NAME.c \
	sdk/template/common/try.conf \
	sdk/template/common/tests/NAME.case \
	sdk/template/meson/meson.build
EXTRA_DIST += $(sdk_templates)

# their folders, but not ours, go along
install-data-local: install-templates
install-templates:
	for file in $(sdk_templates) $(sdk_examples); do \
		case $$file in \
		sdk/template/*) \
			to='$(templatedir)'/"$${file#sdk/template/}" ;; \
		*)	to='$(sdkexamplesdir)'/"$${file#sdk/examples/}" ;; \
		esac; \
		to='$(DESTDIR)'"$$to"; \
		$(MKDIR_P) "$${to%/*}" && \
		case $$file in \
		*.py)	$(INSTALL_SCRIPT) "$(srcdir)/$$file" "$$to" ;; \
		*)	$(INSTALL_DATA) "$(srcdir)/$$file" "$$to" ;; \
		esac || exit 1; \
	done
uninstall-local: uninstall-templates
uninstall-templates:
	rm -rf '$(DESTDIR)$(templatedir)' '$(DESTDIR)$(sdkexamplesdir)'
.PHONY: install-templates uninstall-templates
dist_man_MANS += sdk/weir-new-module.1
EXTRA_DIST += tests/functional/test_sdk.py
