EXTRA_DIST += contrib/check contrib/quickstart contrib/demo.py \
	contrib/packages contrib/install-packages
