-- expect: load: there is no global 'xpcall'
xpcall(print, print)
