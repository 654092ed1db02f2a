-- expect: load: there is no global 'debug'
debug.getregistry()
