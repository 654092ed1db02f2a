dist_doc_DATA += README.md NEWS doc/bayes.md doc/deployment.md doc/failures.md \
	doc/helper-protocol.md doc/logging.md doc/attachment.md doc/modules.md doc/performance.md doc/rules.md
EXTRA_DIST += doc/cookbook tests/lua/escape
