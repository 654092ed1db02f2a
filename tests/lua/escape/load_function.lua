-- expect: load: there is no global 'load'
load("return 1")
