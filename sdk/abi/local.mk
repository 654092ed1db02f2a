# sdk/abi: what was promised, and whether it is kept; see weir-abi(7)
EXTRA_DIST += sdk/abi tests/functional/test_abi.py

.PHONY: checkabi storeabi
checkabi:
	CC='$(CC)' /usr/bin/python3 -B $(srcdir)/sdk/abi/abi.py check
# once, when a version is released
storeabi:
	CC='$(CC)' /usr/bin/python3 -B $(srcdir)/sdk/abi/abi.py store

# weir-module.pc has the numbers of the ABI
CONFIGURE_DEPENDENCIES = $(top_srcdir)/include/weir/version.h
