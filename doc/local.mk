dist_doc_DATA += README.md NEWS doc/bayes.md doc/deployment.md doc/failures.md \
	doc/helper-protocol.md doc/logging.md doc/attachment.md doc/modules.md doc/performance.md doc/rules.md
dist_doc_DATA += doc/first-module.md doc/migrating.md
EXTRA_DIST += tests/functional/test_first_module.py \
	tests/functional/test_migrating.py
EXTRA_DIST += doc/cookbook tests/lua/escape
