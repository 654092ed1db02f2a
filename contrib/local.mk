EXTRA_DIST += contrib/check
# contrib
EXTRA_DIST += contrib/install-packages contrib/packages
