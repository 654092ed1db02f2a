# sdk/examples: installed as they are, and built by the tests from there
sdkexamplesdir = $(datadir)/weir/examples
sdk_examples = \
	sdk/examples/GNUmakefile \
	sdk/examples/README.md \
	sdk/examples/async_dns/async-dns.case \
	sdk/examples/async_dns/mod_async-dns.c \
	sdk/examples/async_dns_cpp/mod_async-dns-cpp.cc \
	sdk/examples/async_dns_cpp/weir.hpp \
	sdk/examples/async_dns_rust/mod_async-dns-rust.rs \
	sdk/examples/async_dns_rust/weir.rs \
	sdk/examples/blocking_job/blocking-job.case \
	sdk/examples/blocking_job/mod_blocking-job.c \
	sdk/examples/hello/hello.case \
	sdk/examples/hello/mod_hello.c \
	sdk/examples/helper_python/README.md \
	sdk/examples/helper_python/helper.py \
	sdk/examples/helper_python/linkcheck.case \
	sdk/examples/helper_python/mod_linkcheck.c \
	sdk/examples/lua_export/lookalike.lua \
	sdk/examples/lua_export/lua-export.case \
	sdk/examples/lua_export/mod_lua-export.c \
	sdk/examples/per_rcpt/mod_per-rcpt.c \
	sdk/examples/per_rcpt/per-rcpt.case \
	sdk/examples/remote_helper/mod_remote-helper.c \
	sdk/examples/remote_helper/remote-helper.case \
	sdk/examples/service_pair/mod_roster.c \
	sdk/examples/service_pair/mod_vouch.c \
	sdk/examples/service_pair/roster.h \
	sdk/examples/service_pair/service-pair.case \
	sdk/examples/store_counter/mod_store-counter.c \
	sdk/examples/store_counter/store-counter.case
EXTRA_DIST += $(sdk_examples)
# built by test_examples.py with the wrappers for C++ and Rust
EXTRA_DIST += tests/abi/mod_throw.cc tests/abi/mod_panic.rs \
	tests/functional/test_examples.py
