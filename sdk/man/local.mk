# sdk/man: the manual of the contract; pages of section 3 are made from the
# headers, one for each but weir.h and version.h
sdk_pages = \
	sdk/man/weir_control.3 sdk/man/weir_dns.3 sdk/man/weir_edit.3 \
	sdk/man/weir_host.3 sdk/man/weir_inline.3 sdk/man/weir_job.3 \
	sdk/man/weir_learn.3 sdk/man/weir_lua.3 sdk/man/weir_metric.3 \
	sdk/man/weir_mime.3 sdk/man/weir_module.3 sdk/man/weir_option.3 \
	sdk/man/weir_quarantine.3 sdk/man/weir_remote.3 sdk/man/weir_service.3 \
	sdk/man/weir_store.3 sdk/man/weir_timer.3 sdk/man/weir_types.3 \
	sdk/man/weir_verdict.3
sdk_headers = $(weirinclude_HEADERS) $(weirext_HEADERS) \
	$(weirservice_HEADERS)
dist_man_MANS += sdk/man/weir-module.7
nodist_man_MANS += $(sdk_pages)
EXTRA_DIST += sdk/man/header-man.awk tests/functional/test_manual.py
CLEANFILES += $(sdk_pages) sdk/man/pages.stamp sdk/man/page.tmp

sdk/man/pages.stamp: $(srcdir)/sdk/man/header-man.awk $(sdk_headers)
	$(AM_V_GEN)$(MKDIR_P) sdk/man; headers=; pages=; \
	for h in $(sdk_headers); do \
		name=`basename $$h .h`; \
		case $$name in weir|version) continue ;; esac; \
		headers="$$headers $${h#include/weir/}"; \
		pages="$$pages $$name"; \
	done; \
	for h in $$headers; do \
		$(AWK) -v header=$$h -v pages="$$pages" \
		    -f $(srcdir)/sdk/man/header-man.awk \
		    $(srcdir)/include/weir/$$h > sdk/man/page.tmp && \
		mv sdk/man/page.tmp sdk/man/weir_`basename $$h .h`.3 || \
		exit 1; \
	done; \
	touch $@
$(sdk_pages): sdk/man/pages.stamp ;
